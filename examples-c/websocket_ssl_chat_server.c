/*
 * An encrypted WebSocket chat: what one client sends, all clients receive.
 *
 *     cc -std=c11 websocket_ssl_chat_server.c -o websocket_ssl_chat_server $(pkg-config --cflags --libs cppserver)
 *     ./websocket_ssl_chat_server [port] [certificate] [key] [page]
 *                                           5555, certs/server.pem, certs/server.key and
 *                                           examples/websocket_chat.html without arguments
 *     ./websocket_ssl_chat_client           in another terminal, or the browser at
 *                                           https://localhost:5555
 *
 * A client that sends `!` is disconnected. On the server's own input a line is a message of the
 * admin to all clients, `!` restarts the server, an empty line stops it.
 */
#include <cppserver.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What all sessions have in common; it outlives them. */
typedef struct chat_room {
    cppserver_server *server;
    const char *page;
} chat_room;

/* What a session has to know; made in on_session, freed in destroy. */
typedef struct chat_session {
    const chat_room *room;
    cppserver_session *session;
} chat_session;

static void session_connected(void *user_data)
{
    chat_session *self = user_data;
    printf("Chat session %" PRIu64 " connected\n", cppserver_session_id(self->session));
}

/* A browser asks for the page of the chat, which then opens a WebSocket session to this server. */
static void session_request(void *user_data, const cppserver_http_request *request, cppserver_http_response *response)
{
    static const char missing[] = "There is no page here. The chat itself is open for WebSocket clients.\n";
    static char page[1 << 20];
    chat_session *self = user_data;
    bool is_root = strcmp(cppserver_http_request_path(request), "/") == 0;
    FILE *file = is_root ? fopen(self->room->page, "rb") : NULL;
    if (file == NULL) {
        cppserver_http_response_set_status(response, 404);
        cppserver_http_response_add_header(response, "Content-Type", "text/plain; charset=utf-8");
        cppserver_http_response_set_body(response, missing, sizeof missing - 1);
        return;
    }
    /* One thread runs all callbacks, so there is one buffer for all. */
    size_t size = fread(page, 1, sizeof page, file);
    fclose(file);
    cppserver_http_response_set_status(response, 200);
    cppserver_http_response_add_header(response, "Content-Type", "text/html; charset=utf-8");
    cppserver_http_response_set_body(response, page, size);
}

static void session_handshaked(void *user_data)
{
    static const char invitation[] = "Welcome to the chat! Everyone reads what you send; '!' leaves.";
    chat_session *self = user_data;
    char version[16] = "", suite[64] = "";
    cppserver_session_tls_text(self->session, CPPSERVER_TLS_TEXT_VERSION, version, sizeof version, NULL);
    cppserver_session_tls_text(self->session, CPPSERVER_TLS_TEXT_CIPHER_SUITE, suite, sizeof suite, NULL);
    printf("Chat session %" PRIu64 " speaks %s, %s\n", cppserver_session_id(self->session), version, suite);
    cppserver_session_send_message(self->session, CPPSERVER_KIND_TEXT, invitation, sizeof invitation - 1, NULL);
}

static void session_disconnected(void *user_data, int32_t reason)
{
    chat_session *self = user_data;
    printf("Chat session %" PRIu64 " disconnected: %s\n", cppserver_session_id(self->session),
           cppserver_reason_text(reason));
}

/* A whole message, text or binary. */
static size_t session_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    chat_session *self = user_data;
    printf("Incoming: %.*s\n", (int)size, (const char *)data);
    cppserver_server_multicast_message(self->room->server, kind, data, size);
    if (size == 1 && *(const char *)data == '!')
        cppserver_session_disconnect_with(self->session, 1000, "as you like");
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

static bool on_session(void *user_data, cppserver_session *session, cppserver_session_handler *handler,
                       void **session_user_data)
{
    chat_session *self = malloc(sizeof *self);
    if (self == NULL)
        return false;
    self->room = user_data;
    self->session = cppserver_session_retain(session);
    handler->on_connected = session_connected;
    handler->on_request = session_request;
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
    int port = argc > 1 ? atoi(argv[1]) : 5555;
    const char *certificate = argc > 2 ? argv[2] : "certs/server.pem";
    const char *key = argc > 3 ? argv[3] : "certs/server.key";
    chat_room room = { .page = argc > 4 ? argv[4] : "examples/websocket_chat.html" };
    char line[1024], message[1100];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_service *service = cppserver_service_create(1);
    cppserver_tls_context *context = cppserver_tls_context_create();
    room.server = cppserver_server_create_wss(service, context, "0.0.0.0", (uint16_t)port);
    cppserver_server_set_option(room.server, CPPSERVER_OPTION_DEFLATE, 1);
    const cppserver_server_handler handler = {
        .size = sizeof handler,
        .on_session = on_session,
        .on_error = server_error,
    };
    if (cppserver_tls_context_set_certificate_files(context, certificate, key, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_server_start(room.server, &handler, &room) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The server does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    printf("WebSocket SSL server port: %d\n", (int)cppserver_server_port(room.server));
    printf("An empty line stops the server, '!' restarts it, other lines go to everyone.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            printf("Restarting the server... ");
            bool good = cppserver_server_restart(room.server) == CPPSERVER_STATUS_OK;
            printf("%s\n", good ? "Done!" : cppserver_last_error_message());
            continue;
        }
        int length = snprintf(message, sizeof message, "(admin) %s", line);
        int32_t status =
            cppserver_server_multicast_message(room.server, CPPSERVER_KIND_TEXT, message, (size_t)length);
        if (status != CPPSERVER_STATUS_OK)
            printf("Not sent: %s\n", cppserver_last_error_message());
    }

    /* Ends the server and all sessions, and waits for their last callbacks. */
    cppserver_service_stop(service);
    cppserver_server_release(room.server);
    cppserver_tls_context_release(context);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
