/* What the servers on bare system calls have in common: a listener, and bytes that the kernel did not take yet. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 4096 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void *grow(void *memory, size_t size) {
    void *grown = realloc(memory, size);
    if (grown == NULL)
        fail("realloc");
    return grown;
}

/* What of a connection's bytes the kernel refused. */
struct outbox {
    char *unsent;         /* or NULL */
    uint32_t unsent_size; /* how many are left */
    uint32_t unsent_at;   /* where they begin */
};

/* Writes what it can and keeps the rest. False when the connection is broken. */
static bool write_or_keep(struct outbox *outbox, int socket, const char *data, size_t size) {
    ssize_t sent = 0;
    if (outbox->unsent == NULL) {
        sent = send(socket, data, size, MSG_NOSIGNAL);
        if ((size_t)sent == size)
            return true;
        if (sent < 0) {
            if (errno != EAGAIN)
                return false;
            sent = 0;
        }
    }
    size_t rest = size - (size_t)sent;
    char *kept = grow(NULL, outbox->unsent_size + rest);
    if (outbox->unsent_size > 0)
        memcpy(kept, outbox->unsent + outbox->unsent_at, outbox->unsent_size);
    memcpy(kept + outbox->unsent_size, data + sent, rest);
    free(outbox->unsent);
    outbox->unsent = kept;
    outbox->unsent_at = 0;
    outbox->unsent_size += (uint32_t)rest;
    return true;
}

/* False when the connection is broken. */
static bool write_kept(struct outbox *outbox, int socket) {
    ssize_t sent = send(socket, outbox->unsent + outbox->unsent_at, outbox->unsent_size, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN;
    outbox->unsent_at += (uint32_t)sent;
    outbox->unsent_size -= (uint32_t)sent;
    if (outbox->unsent_size == 0) {
        free(outbox->unsent);
        outbox->unsent = NULL;
    }
    return true;
}

static int listen_on_loopback(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int on = 1;
    if (listener < 0 || setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, BACKLOG) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        fail("listen");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}
