/* The yardstick: echo or multicast on system calls alone, one thread, as few calls as possible.
 *
 *   raw_epoll echo|multicast RECEIVE_BUFFER_BYTES
 *
 * Prints "port N" once it listens on 127.0.0.1 and ends when standard input does.
 *
 * - Sockets are edge-triggered and registered once. A read that does not fill the buffer has drained the socket, so
 *   no further read is made to see EAGAIN.
 * - What was read is written at once from the receive buffer. Only what the kernel refuses is copied; the connection
 *   is not read again until that is written (backpressure towards the sender).
 * - Multicast gathers what one batch of events brought and sends it with one call per connection.
 * - After READ_BUDGET full reads the next connection gets its turn; EPOLL_CTL_MOD makes the kernel report the rest.
 * - The listener is level-triggered and gives one connection per event, which needs no accept that fails.
 *   TCP_NODELAY set on it is inherited by the connections.
 */
#define _GNU_SOURCE
#include "sockets.h"
#include <sys/epoll.h>

enum { EVENTS = 1024, READ_BUDGET = 4 };

struct connection {
    struct outbox outbox;
    uint32_t index; /* place in `open_sockets`, for multicast */
    bool open;
};

static int epoll;
static bool multicast;
static char *buffer;
static size_t buffer_size;
static char *gathered; /* for multicast, of the size of the receive buffer */
static size_t gathered_size;
static struct connection *connections; /* by socket number */
static size_t connections_size;
static int *open_sockets;
static uint32_t open_count;

static void register_socket(int operation, int socket, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = socket};
    if (epoll_ctl(epoll, operation, socket, &event) != 0)
        fail("epoll_ctl");
}

static void close_connection(int socket) {
    struct connection *connection = &connections[socket];
    int last = open_sockets[--open_count];
    open_sockets[connection->index] = last;
    connections[last].index = connection->index;
    free(connection->outbox.unsent);
    memset(connection, 0, sizeof *connection);
    close(socket);
}

static void accept_connection(int listener) {
    int socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
            fail("accept4");
        return;
    }
    if ((size_t)socket >= connections_size) {
        size_t size = (size_t)socket * 2;
        connections = grow(connections, size * sizeof *connections);
        memset(connections + connections_size, 0, (size - connections_size) * sizeof *connections);
        open_sockets = grow(open_sockets, size * sizeof *open_sockets);
        connections_size = size;
    }
    connections[socket].open = true;
    connections[socket].index = open_count;
    open_sockets[open_count++] = socket;
    register_socket(EPOLL_CTL_ADD, socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

static void multicast_gathered(void) {
    /* A connection that breaks here is closed when its own event comes. */
    for (uint32_t index = 0; index < open_count; ++index)
        write_or_keep(&connections[open_sockets[index]].outbox, open_sockets[index], gathered, gathered_size);
    gathered_size = 0;
}

static bool deliver(int socket, size_t size) {
    if (!multicast)
        return write_or_keep(&connections[socket].outbox, socket, buffer, size);
    if (gathered_size + size > buffer_size)
        multicast_gathered();
    memcpy(gathered + gathered_size, buffer, size);
    gathered_size += size;
    return true;
}

static void serve(int socket, uint32_t events) {
    struct connection *connection = &connections[socket];
    if (!connection->open) /* closed earlier in this batch of events */
        return;
    if (connection->outbox.unsent != NULL && !write_kept(&connection->outbox, socket)) {
        close_connection(socket);
        return;
    }
    for (int reads = 0; connection->outbox.unsent == NULL || multicast; ++reads) {
        if (reads == READ_BUDGET) {
            register_socket(EPOLL_CTL_MOD, socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
            return;
        }
        ssize_t size = recv(socket, buffer, buffer_size, 0);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0 || !deliver(socket, (size_t)size)) {
            close_connection(socket);
            return;
        }
        if ((size_t)size < buffer_size && !(events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
            return;
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: raw_epoll echo|multicast RECEIVE_BUFFER_BYTES\n");
        return 2;
    }
    multicast = strcmp(arguments[1], "multicast") == 0;
    buffer_size = strtoul(arguments[2], NULL, 10);
    /* At a page: the kernel's copy into large memory of malloc, which begins 16 bytes behind one, is slow on some
     * processors. */
    buffer = aligned_alloc(4096, (buffer_size + 4095) / 4096 * 4096);
    if (buffer == NULL)
        fail("aligned_alloc");
    gathered = grow(NULL, buffer_size);
    connections_size = 64;
    connections = grow(NULL, connections_size * sizeof *connections);
    memset(connections, 0, connections_size * sizeof *connections);
    open_sockets = grow(NULL, connections_size * sizeof *open_sockets);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("epoll_create1");
    int listener = listen_on_loopback();
    register_socket(EPOLL_CTL_ADD, listener, EPOLLIN);
    register_socket(EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN);

    static struct epoll_event events[EVENTS];
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int index = 0; index < ready; ++index) {
            int socket = events[index].data.fd;
            if (socket == listener) {
                accept_connection(listener);
            } else if (socket == STDIN_FILENO) {
                if (read(STDIN_FILENO, buffer, buffer_size) <= 0)
                    return 0;
            } else {
                serve(socket, events[index].events);
            }
        }
        if (gathered_size > 0)
            multicast_gathered();
    }
}
