/* The yardstick of datagrams: recvmmsg and sendmmsg, one thread, as few calls as possible.
 *
 *   raw_mmsg echo|burst|multicast
 *
 * Prints "port N" once it has a socket on 127.0.0.1 and ends when standard input does. datagrams.h tells what it does.
 *
 * - The socket is edge-triggered. A recvmmsg that does not fill the batch has drained it, so no further one is made to
 *   see EAGAIN.
 * - What came is sent from where it was received, to the addresses that were received, with one sendmmsg. A burst
 *   sends the same bytes 64 times per call.
 * - The headers point at their buffers once and for all; only the sizes change.
 * - While the socket takes no more, nothing is received.
 */
#define _GNU_SOURCE
#include "datagrams.h"
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* From one buffer to the next a bit more than a power of two, so that not all begin on the same lines of the cache. */
enum { BATCH = 64, STRIDE = 65536 + 192 };

static enum mode mode;
static int socket_;
_Alignas(4096) static char bytes[BATCH][STRIDE];
static struct sockaddr_in names[BATCH];
static struct iovec slices[BATCH];
static struct mmsghdr headers[BATCH];
static char burst[LARGEST];
static struct iovec burst_slice = {.iov_base = burst};
static struct mmsghdr burst_headers[BATCH];

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void send_all(struct mmsghdr *messages, unsigned count) {
    while (count > 0) {
        int sent = sendmmsg(socket_, messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) {
            messages += sent;
            count -= (unsigned)sent;
        } else if (errno == EAGAIN) {
            struct pollfd wanted = {.fd = socket_, .events = POLLOUT};
            poll(&wanted, 1, -1);
        } else {
            fail("sendmmsg");
        }
    }
}

static void send_burst(unsigned index) {
    uint32_t count, size;
    if (!read_command(bytes[index], headers[index].msg_len, &count, &size))
        return;
    memcpy(burst, bytes[index], COMMAND);
    burst_slice.iov_len = size;
    for (unsigned one = 0; one < BATCH; ++one)
        burst_headers[one].msg_hdr.msg_name = &names[index];
    for (; count > BATCH; count -= BATCH)
        send_all(burst_headers, BATCH);
    send_all(burst_headers, count);
}

static void serve(void) {
    int count;
    do {
        count = recvmmsg(socket_, headers, BATCH, MSG_DONTWAIT, NULL);
        if (count < 0 && errno != EAGAIN)
            fail("recvmmsg");
        for (int index = 0; index < count; ++index) {
            if (mode == MODE_BURST)
                send_burst((unsigned)index);
            else if (mode == MODE_MULTICAST && !read_group(bytes[index], headers[index].msg_len, &names[index]))
                fail("command");
            slices[index].iov_len = headers[index].msg_len;
        }
        if (count > 0 && mode != MODE_BURST)
            send_all(headers, (unsigned)count);
        for (int index = 0; index < count; ++index)
            slices[index].iov_len = sizeof bytes[index];
    } while (count == BATCH);
}

static void bind_to_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int room = RECEIVE_BUFFER;
    socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket_ < 0 || setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) != 0 ||
        bind(socket_, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(socket_, (struct sockaddr *)&address, &size) != 0)
        fail("socket");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void register_socket(int epoll, int socket, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = socket};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event) != 0)
        fail("epoll_ctl");
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: raw_mmsg echo|burst|multicast\n");
        return 2;
    }
    mode = read_mode(count, arguments);
    for (unsigned index = 0; index < BATCH; ++index) {
        slices[index] = (struct iovec){.iov_base = bytes[index], .iov_len = sizeof bytes[index]};
        headers[index].msg_hdr = (struct msghdr){
            .msg_name = &names[index], .msg_namelen = sizeof names[index], .msg_iov = &slices[index], .msg_iovlen = 1};
        burst_headers[index].msg_hdr =
            (struct msghdr){.msg_namelen = sizeof names[index], .msg_iov = &burst_slice, .msg_iovlen = 1};
    }
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        fail("epoll_create1");
    bind_to_loopback();
    register_socket(epoll, socket_, EPOLLIN | EPOLLET);
    register_socket(epoll, STDIN_FILENO, EPOLLIN);
    for (;;) {
        struct epoll_event events[2];
        int ready = epoll_wait(epoll, events, 2, -1);
        if (ready < 0 && errno != EINTR)
            fail("epoll_wait");
        for (int index = 0; index < ready; ++index) {
            char ignored[64];
            if (events[index].data.fd == socket_)
                serve();
            else if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
                return 0;
        }
    }
}
