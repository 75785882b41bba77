/* Echo on uSockets, the networking of uWebSockets: usockets_echo echo. Prints "port N"; ends when standard input does.
 *
 * As its own examples do: what was read is written at once from the receive buffer of the loop, and what the kernel
 * refuses is copied and written when the socket is writable again. */
#define _GNU_SOURCE
#include "sockets.h"
#include <libusockets.h>
#include <pthread.h>

struct session {
    char *unsent; /* or NULL */
    int unsent_size;
};

static void nothing(struct us_loop_t *loop) { (void)loop; }

static struct us_socket_t *on_open(struct us_socket_t *socket, int is_client, char *ip, int ip_length) {
    (void)is_client;
    (void)ip;
    (void)ip_length;
    memset(us_socket_ext(0, socket), 0, sizeof(struct session));
    return socket;
}

static struct us_socket_t *on_data(struct us_socket_t *socket, char *data, int size) {
    struct session *session = us_socket_ext(0, socket);
    int sent = session->unsent == NULL ? us_socket_write(0, socket, data, size, 0) : 0;
    if (sent < size) {
        session->unsent = grow(session->unsent, (size_t)(session->unsent_size + size - sent));
        memcpy(session->unsent + session->unsent_size, data + sent, (size_t)(size - sent));
        session->unsent_size += size - sent;
    }
    return socket;
}

static struct us_socket_t *on_writable(struct us_socket_t *socket) {
    struct session *session = us_socket_ext(0, socket);
    if (session->unsent == NULL)
        return socket;
    int sent = us_socket_write(0, socket, session->unsent, session->unsent_size, 0);
    session->unsent_size -= sent;
    if (session->unsent_size > 0) {
        memmove(session->unsent, session->unsent + sent, (size_t)session->unsent_size);
    } else {
        free(session->unsent);
        session->unsent = NULL;
    }
    return socket;
}

static struct us_socket_t *on_end(struct us_socket_t *socket) { return us_socket_close(0, socket, 0, NULL); }

static struct us_socket_t *on_close(struct us_socket_t *socket, int code, void *reason) {
    (void)code;
    (void)reason;
    free(((struct session *)us_socket_ext(0, socket))->unsent);
    return socket;
}

static struct us_socket_t *on_timeout(struct us_socket_t *socket) { return socket; }

static void *watch_input(void *unused) {
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    _exit(0);
    return unused;
}

int main(int count, char **arguments) {
    if (count != 2 || strcmp(arguments[1], "echo") != 0) {
        fprintf(stderr, "usage: usockets_echo echo\n");
        return 2;
    }
    struct us_loop_t *loop = us_create_loop(NULL, nothing, nothing, nothing, 0);
    struct us_socket_context_options_t options;
    memset(&options, 0, sizeof options);
    struct us_socket_context_t *context = us_create_socket_context(0, loop, 0, options);
    us_socket_context_on_open(0, context, on_open);
    us_socket_context_on_data(0, context, on_data);
    us_socket_context_on_writable(0, context, on_writable);
    us_socket_context_on_end(0, context, on_end);
    us_socket_context_on_close(0, context, on_close);
    us_socket_context_on_timeout(0, context, on_timeout);
    us_socket_context_on_long_timeout(0, context, on_timeout);
    /* Its listen does not tell the port that the system chose, so one is chosen here and given back. */
    int chooser = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (chooser < 0 || bind(chooser, (struct sockaddr *)&address, size) != 0 ||
        getsockname(chooser, (struct sockaddr *)&address, &size) != 0)
        fail("bind");
    close(chooser);
    int port = ntohs(address.sin_port);
    if (us_socket_context_listen(0, context, "127.0.0.1", port, 0, sizeof(struct session)) == NULL)
        fail("us_socket_context_listen");
    printf("port %d\n", port);
    fflush(stdout);
    pthread_t watcher;
    if (pthread_create(&watcher, NULL, watch_input, NULL) != 0)
        fail("pthread_create");
    us_loop_run(loop);
}
