/* Requests and replies with nothing but epoll, recv and send: what the system itself allows. The frames are those of
 * the scalability protocols, 64 bits of length and the id of the question, but nobody looks at the id, and there is no
 * handshake. sp.h tells what the program does. */
#include "sp.h"

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { LENGTH = 8, ID = 4, HEADER = LENGTH + ID };

static int listener = -1;

static struct connection {
    int socket;
    int epoll;
    /* One frame at a time: its answer is waited for. */
    unsigned char frame[HEADER + MOST];
    size_t have;
} beginning = {.socket = -1}, answering;

static void check_result(int result) {
    if (result < 0)
        fail(strerror(errno));
}

static socklen_t parse(struct sockaddr_storage *storage) {
    static const char tcp[] = "tcp://127.0.0.1:", ipc[] = "ipc://";
    memset(storage, 0, sizeof *storage);
    if (strncmp(load.address, tcp, sizeof tcp - 1) == 0) {
        struct sockaddr_in *address = (struct sockaddr_in *)storage;
        address->sin_family = AF_INET;
        address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address->sin_port = htons((uint16_t)atoi(load.address + sizeof tcp - 1));
        return sizeof *address;
    }
    struct sockaddr_un *address = (struct sockaddr_un *)storage;
    const char *path = load.address + sizeof ipc - 1;
    if (strncmp(load.address, ipc, sizeof ipc - 1) != 0 || strlen(path) >= sizeof address->sun_path)
        fail("no such address");
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strlen(path) + 1);
    return sizeof *address;
}

static void begin_connection(struct connection *connection, int socket) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int on = 1;
    check_result(socket);
    /* Refused where there is no TCP. */
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->socket = socket;
    connection->epoll = epoll_create1(EPOLL_CLOEXEC);
    check_result(connection->epoll);
    check_result(epoll_ctl(connection->epoll, EPOLL_CTL_ADD, socket, &event));
}

static void library_listen(void) {
    struct sockaddr_storage address;
    socklen_t size = parse(&address);
    int on = 1;
    listener = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_result(listener);
    check_result(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    if (address.ss_family == AF_UNIX)
        /* Of the program that was here before. */
        unlink(((struct sockaddr_un *)&address)->sun_path);
    check_result(bind(listener, (struct sockaddr *)&address, size));
    check_result(listen(listener, 1));
}

static void library_dial(void) {
    struct sockaddr_storage address;
    socklen_t size = parse(&address);
    if (!is("request"))
        fail("only requests can be answered");
    int dialed = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check_result(dialed);
    check_result(connect(dialed, (struct sockaddr *)&address, size));
    begin_connection(&answering, dialed);
}

static void send_frame(struct connection *connection, size_t size) {
    for (size_t sent = 0; sent < size;) {
        ssize_t count = send(connection->socket, connection->frame + sent, size - sent, MSG_NOSIGNAL);
        check_result((int)count);
        sent += (size_t)count;
    }
}

/* The size of the next frame, which is whole then. */
static size_t receive_frame(struct connection *connection) {
    struct epoll_event events[16];
    uint64_t length;
    for (connection->have = 0;;) {
        while (epoll_wait(connection->epoll, events, sizeof events / sizeof *events, -1) < 1)
            continue;
        for (;;) {
            size_t room = sizeof connection->frame - connection->have;
            ssize_t count = recv(connection->socket, connection->frame + connection->have, room, MSG_DONTWAIT);
            if (count < 0 && errno == EAGAIN)
                break;
            if (count <= 0)
                /* The measurement is over. */
                _exit(0);
            connection->have += (size_t)count;
            memcpy(&length, connection->frame, sizeof length);
            if (connection->have >= HEADER && connection->have == LENGTH + be64toh(length))
                return connection->have;
        }
    }
}

static void library_send(const void *data, size_t size) {
    uint64_t length = htobe64(ID + size);
    if (beginning.socket < 0)
        begin_connection(&beginning, accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    memcpy(beginning.frame, &length, sizeof length);
    memcpy(beginning.frame + HEADER, data, size);
    send_frame(&beginning, HEADER + size);
}

static const void *library_receive(size_t *size) {
    *size = receive_frame(&beginning) - HEADER;
    return beginning.frame + HEADER;
}

static void serve(void) {
    struct receiver receiver = {0};
    for (;;) {
        size_t size = receive_frame(&answering);
        if (arrived(&receiver, answering.frame + HEADER, size - HEADER))
            send_frame(&answering, size);
    }
}

static void library_answer(void) { start_thread(serve); }
