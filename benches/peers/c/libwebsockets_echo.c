/* Echo or multicast on libwebsockets: libwebsockets_echo echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints
 * "port N"; ends when standard input does.
 *
 * It hands messages over in parts and takes them when the socket is writable, so that each session has a queue of whole
 * messages. */
#define _GNU_SOURCE
#include <libwebsockets.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 64 * 1024 };

struct message {
    struct message *next;
    size_t size;
    enum lws_write_protocol kind;
    unsigned char data[]; /* after LWS_PRE bytes for the header */
};

struct session {
    struct lws *socket;
    struct session *next; /* for multicast */
    struct message *first, *last;
    struct message *arriving; /* or NULL */
    struct message *leaving;  /* or NULL: compression takes it bit by bit until the next event */
};

static bool multicast;
static bool deflate;
static struct session *sessions;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static struct message *grow(struct message *message, size_t size) {
    message = realloc(message, sizeof *message + LWS_PRE + size);
    if (message == NULL)
        fail("realloc");
    return message;
}

static void queue(struct session *session, struct message *message) {
    message->next = NULL;
    if (session->first == NULL)
        session->first = message;
    else
        session->last->next = message;
    session->last = message;
    lws_callback_on_writable(session->socket);
}

static void queue_for_all(struct message *message) {
    for (struct session *session = sessions; session != NULL; session = session->next) {
        struct message *copy = grow(NULL, message->size);
        memcpy(copy, message, sizeof *message + LWS_PRE + message->size);
        queue(session, copy);
    }
    free(message);
}

static void receive(struct session *session, const void *data, size_t size) {
    struct message *message = session->arriving;
    size_t before = message == NULL ? 0 : message->size;
    /* Room for the whole message as soon as its size is known. */
    message = grow(message, before + size + lws_remaining_packet_payload(session->socket));
    if (size > 0)
        memcpy(message->data + LWS_PRE + before, data, size);
    message->size = before + size;
    session->arriving = message;
    if (!lws_is_final_fragment(session->socket) || lws_remaining_packet_payload(session->socket) > 0)
        return;
    message->kind = lws_frame_is_binary(session->socket) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    session->arriving = NULL;
    if (multicast)
        queue_for_all(message);
    else
        queue(session, message);
}

static int send_queued(struct session *session) {
    while (session->first != NULL) {
        struct message *message = session->first;
        session->first = message->next;
        free(session->leaving);
        session->leaving = message;
        if (lws_write(session->socket, message->data + LWS_PRE, message->size, message->kind) < (int)message->size)
            return -1;
        if (deflate || lws_send_pipe_choked(session->socket))
            break;
    }
    if (session->first != NULL)
        lws_callback_on_writable(session->socket);
    return 0;
}

static void forget(struct session *session) {
    for (struct session **link = &sessions; *link != NULL; link = &(*link)->next) {
        if (*link == session) {
            *link = session->next;
            break;
        }
    }
    while (session->first != NULL) {
        struct message *message = session->first;
        session->first = message->next;
        free(message);
    }
    free(session->arriving);
    free(session->leaving);
}

static int on_event(struct lws *socket, enum lws_callback_reasons reason, void *user, void *data, size_t size) {
    struct session *session = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        memset(session, 0, sizeof *session);
        session->socket = socket;
        if (multicast) {
            session->next = sessions;
            sessions = session;
        }
        return 0;
    case LWS_CALLBACK_RECEIVE:
        receive(session, data, size);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return send_queued(session);
    case LWS_CALLBACK_CLOSED:
        forget(session);
        return 0;
    default:
        return lws_callback_http_dummy(socket, reason, user, data, size);
    }
}

static void *watch_input(void *unused) {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    _exit(0);
    return unused;
}

int main(int count, char **arguments) {
    if (count != 2 && (count != 5 || strcmp(arguments[2], "--tls") != 0)) {
        fprintf(stderr, "usage: libwebsockets_echo echo|multicast|deflate [--tls CERTIFICATE KEY]\n");
        return 2;
    }
    multicast = strcmp(arguments[1], "multicast") == 0;
    deflate = strcmp(arguments[1], "deflate") == 0;
    static const struct lws_protocols protocols[] = {
        {"echo", on_event, sizeof(struct session), RECEIVE_BUFFER, 0, NULL, 0},
        {NULL, NULL, 0, 0, 0, NULL, 0},
    };
    static const struct lws_extension extensions[] = {
        {"permessage-deflate", lws_extension_callback_pm_deflate,
         "permessage-deflate; client_no_context_takeover; server_no_context_takeover"},
        {NULL, NULL, NULL},
    };
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    info.port = 0;
    info.iface = "127.0.0.1";
    info.protocols = protocols;
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6;
    if (deflate)
        info.extensions = extensions;
    if (count == 5) {
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
        info.ssl_cert_filepath = arguments[3];
        info.ssl_private_key_filepath = arguments[4];
    }
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context *context = lws_create_context(&info);
    if (context == NULL)
        fail("lws_create_context");
    printf("port %d\n", lws_get_vhost_listen_port(lws_get_vhost_by_name(context, "default")));
    fflush(stdout);
    pthread_t watcher;
    if (pthread_create(&watcher, NULL, watch_input, NULL) != 0)
        fail("pthread_create");
    while (lws_service(context, 0) >= 0) {
    }
    return 1;
}
