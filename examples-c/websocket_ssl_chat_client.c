/*
 * A client for the encrypted WebSocket chat server that comes back when it loses the connection.
 *
 *     cc -std=c11 websocket_ssl_chat_client.c -o websocket_ssl_chat_client $(pkg-config --cflags --libs cppserver)
 *     ./websocket_ssl_chat_client [address] [port] [authority]
 *                                           127.0.0.1, 5555 and certs/ca.pem without arguments
 *
 * A line of input is sent to the server, `!` disconnects and connects again, an empty line ends the
 * program.
 */
#include <cppserver.h>

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct chat_client {
    cppserver_client *client;
    /* Lent by the client, lives as long as it does. */
    cppserver_session *session;
    /* Set by the main thread when the connection shall not come back. */
    atomic_bool finished;
} chat_client;

static void on_connected(void *user_data)
{
    chat_client *self = user_data;
    printf("Chat client %" PRIu64 " connected\n", cppserver_session_id(self->session));
}

/* From here on the session takes messages. */
static void on_handshaked(void *user_data)
{
    chat_client *self = user_data;
    char version[16] = "", subject[256] = "";
    cppserver_session_tls_text(self->session, CPPSERVER_TLS_TEXT_VERSION, version, sizeof version, NULL);
    cppserver_session_tls_text(self->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, subject, sizeof subject, NULL);
    printf("Chat client %" PRIu64 " speaks %s with %s\n", cppserver_session_id(self->session), version, subject);
}

static void on_disconnected(void *user_data, int32_t reason)
{
    chat_client *self = user_data;
    printf("Chat client %" PRIu64 " disconnected: %s\n", cppserver_session_id(self->session),
           cppserver_reason_text(reason));
    /* One second later, with the same handler; nobody waits for it. */
    if (!atomic_load(&self->finished))
        cppserver_client_reconnect(self->client, 1000);
}

static size_t on_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    (void)user_data;
    if (kind == CPPSERVER_KIND_TEXT)
        printf("Incoming: %.*s\n", (int)size, (const char *)data);
    else
        printf("Incoming: %zu bytes\n", size);
    return size;
}

static void on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Chat client: error %d (%s): %s\n", (int)code, category, message);
}

/* Reads a line without its end; an empty one stands for the end of the input too. */
static const char *read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 5555;
    const char *authority = argc > 3 ? argv[3] : "certs/ca.pem";
    char line[1024], uri[300];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);
    snprintf(uri, sizeof uri, "wss://%s:%d/", address, port);
    printf("WebSocket server: %s\n", uri);
    printf("An empty line ends the client, '!' reconnects, other lines are sent.\n");

    cppserver_service *service = cppserver_service_create(1);
    chat_client self;
    cppserver_tls_context *context = cppserver_tls_context_create();
    self.client = cppserver_client_create_wss(service, context, uri);
    self.session = cppserver_client_session(self.client);
    atomic_init(&self.finished, false);
    const cppserver_session_handler handler = {
        .size = sizeof handler,
        .on_connected = on_connected,
        .on_handshaked = on_handshaked,
        .on_disconnected = on_disconnected,
        .on_received = on_received,
        .on_error = on_error,
    };
    if (cppserver_tls_context_add_authority_file(context, authority) != CPPSERVER_STATUS_OK ||
        cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_client_connect(self.client, &handler, &self) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The client does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            printf("Reconnecting...\n");
            cppserver_session_disconnect(self.session);
            continue;
        }
        int32_t status =
            cppserver_session_send_message(self.session, CPPSERVER_KIND_TEXT, line, strlen(line), NULL);
        if (status != CPPSERVER_STATUS_OK)
            printf("Not sent: %s\n", cppserver_last_error_message());
    }

    /* Disconnecting writes out what was sent; the stop waits for the last callback. */
    atomic_store(&self.finished, true);
    cppserver_session_disconnect(self.session);
    cppserver_service_stop(service);
    cppserver_client_release(self.client);
    cppserver_tls_context_release(context);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
