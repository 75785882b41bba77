/*
 * An encrypted chat: what one client sends, all clients receive.
 *
 *     cc -std=c11 ssl_chat_server.c -o ssl_chat_server $(pkg-config --cflags --libs cppserver)
 *     ./ssl_chat_server [port] [certificate] [key]
 *                                           3333, certs/server.pem and certs/server.key otherwise
 *     openssl s_client -quiet -connect 127.0.0.1:3333
 *                                           in another terminal, or ./ssl_chat_client
 *
 * A client that sends `!` is disconnected. On the server's own input a line is a message of the
 * admin to all clients, `!` restarts the server, an empty line stops it.
 */
#include <cppserver.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a session has to know; made in on_session, freed in destroy. */
typedef struct chat_session {
    cppserver_server *server;
    cppserver_session *session;
} chat_session;

static void session_connected(void *user_data)
{
    chat_session *self = user_data;
    printf("Chat session %" PRIu64 " connected\n", cppserver_session_id(self->session));
}

static void session_handshaked(void *user_data)
{
    static const char invitation[] = "Welcome to the chat! Everyone reads what you send; '!' leaves.";
    chat_session *self = user_data;
    char version[16] = "", suite[64] = "";
    cppserver_session_tls_text(self->session, CPPSERVER_TLS_TEXT_VERSION, version, sizeof version, NULL);
    cppserver_session_tls_text(self->session, CPPSERVER_TLS_TEXT_CIPHER_SUITE, suite, sizeof suite, NULL);
    printf("Chat session %" PRIu64 " speaks %s, %s\n", cppserver_session_id(self->session), version, suite);
    cppserver_session_send(self->session, invitation, sizeof invitation - 1, NULL);
}

static void session_disconnected(void *user_data, int32_t reason)
{
    chat_session *self = user_data;
    printf("Chat session %" PRIu64 " disconnected: %s\n", cppserver_session_id(self->session),
           cppserver_reason_text(reason));
}

static size_t session_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    chat_session *self = user_data;
    const char *text = data;
    size_t length = size;
    (void)kind;
    printf("Incoming: %.*s\n", (int)size, text);
    cppserver_server_multicast(self->server, data, size);
    /* Programs such as openssl send the line with its end. */
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        --length;
    if (length == 1 && text[0] == '!')
        cppserver_session_disconnect(self->session);
    return size;
}

static void session_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Chat session: error %d (%s): %s\n", (int)code, category, message);
}

static void session_destroy(void *user_data)
{
    chat_session *self = user_data;
    cppserver_session_release(self->session);
    free(self);
}

/* user_data is the server: it is alive as long as it has sessions. */
static bool on_session(void *user_data, cppserver_session *session, cppserver_session_handler *handler,
                       void **session_user_data)
{
    chat_session *self = malloc(sizeof *self);
    if (self == NULL)
        return false;
    self->server = user_data;
    self->session = cppserver_session_retain(session);
    handler->on_connected = session_connected;
    handler->on_handshaked = session_handshaked;
    handler->on_disconnected = session_disconnected;
    handler->on_received = session_received;
    handler->on_error = session_error;
    handler->destroy = session_destroy;
    *session_user_data = self;
    return true;
}

static void server_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Chat server: error %d (%s): %s\n", (int)code, category, message);
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
    int port = argc > 1 ? atoi(argv[1]) : 3333;
    const char *certificate = argc > 2 ? argv[2] : "certs/server.pem";
    const char *key = argc > 3 ? argv[3] : "certs/server.key";
    char line[1024], message[1100];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_service *service = cppserver_service_create(1);
    cppserver_tls_context *context = cppserver_tls_context_create();
    cppserver_server *server = cppserver_server_create_tls(service, context, "0.0.0.0", (uint16_t)port);
    const cppserver_server_handler handler = {
        .size = sizeof handler,
        .on_session = on_session,
        .on_error = server_error,
    };
    if (cppserver_tls_context_set_certificate_files(context, certificate, key, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_server_start(server, &handler, server) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The server does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    printf("SSL server port: %d\n", (int)cppserver_server_port(server));
    printf("An empty line stops the server, '!' restarts it, other lines go to everyone.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            printf("Restarting the server... ");
            bool good = cppserver_server_restart(server) == CPPSERVER_STATUS_OK;
            printf("%s\n", good ? "Done!" : cppserver_last_error_message());
            continue;
        }
        int length = snprintf(message, sizeof message, "(admin) %s", line);
        cppserver_server_multicast(server, message, (size_t)length);
    }

    /* Ends the server and all sessions, and waits for their last callbacks. */
    cppserver_service_stop(service);
    cppserver_server_release(server);
    cppserver_tls_context_release(context);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
