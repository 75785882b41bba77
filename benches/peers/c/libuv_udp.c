/* Datagrams on libuv: libuv_udp echo|burst|multicast. Prints "port N"; ends when standard input does. datagrams.h tells
 * what it does.
 *
 * libuv receives up to 20 datagrams per call, and sends one per call: uv_udp_try_send first, as a finished uv_udp_send
 * costs a further turn of the loop. */
#include "datagrams.h"
#include <uv.h>

/* One datagram takes 64 KiB of it, and libuv takes 20 at most. */
enum { BUFFER = 20 * 64 * 1024 };

struct send {
    uv_udp_send_t request;
    char data[];
};

static enum mode mode;
static char buffer[BUFFER];
static char burst[LARGEST];

static void check(int status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
        exit(1);
    }
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *result) {
    (void)handle;
    (void)suggested;
    *result = uv_buf_init(buffer, sizeof buffer);
}

static void on_sent(uv_udp_send_t *request, int status) {
    (void)status;
    free(request);
}

static void send_to(uv_udp_t *udp, const struct sockaddr *to, const char *data, size_t size) {
    uv_buf_t whole = uv_buf_init((char *)data, (unsigned)size);
    if (uv_udp_try_send(udp, &whole, 1, to) >= 0)
        return;
    struct send *send = malloc(sizeof *send + size);
    if (send == NULL)
        check(UV_ENOMEM, "malloc");
    memcpy(send->data, data, size);
    uv_buf_t copy = uv_buf_init(send->data, (unsigned)size);
    check(uv_udp_send(&send->request, udp, &copy, 1, to, on_sent), "send");
}

static void on_received(uv_udp_t *udp, ssize_t size, const uv_buf_t *data, const struct sockaddr *from, unsigned flags) {
    struct sockaddr_in group;
    uint32_t count, datagram_size;
    (void)flags;
    if (size < 0 || from == NULL)
        return;
    if (mode == MODE_ECHO) {
        send_to(udp, from, data->base, (size_t)size);
    } else if (mode == MODE_MULTICAST) {
        if (read_group(data->base, (size_t)size, &group))
            send_to(udp, (const struct sockaddr *)&group, data->base, (size_t)size);
    } else if (read_command(data->base, (size_t)size, &count, &datagram_size)) {
        memcpy(burst, data->base, COMMAND);
        for (; count > 0; --count)
            send_to(udp, from, burst, datagram_size);
    }
}

static void on_input_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *result) {
    static char input[64];
    (void)handle;
    (void)suggested;
    *result = uv_buf_init(input, sizeof input);
}

static void on_input(uv_stream_t *stream, ssize_t size, const uv_buf_t *data) {
    (void)stream;
    (void)data;
    if (size < 0)
        exit(0);
}

int main(int count, char **arguments) {
    mode = read_mode(count, arguments);
    uv_loop_t *loop = uv_default_loop();
    uv_udp_t udp;
    uv_pipe_t input;
    struct sockaddr_in address;
    int size = sizeof address, room = RECEIVE_BUFFER;
    check(uv_ip4_addr("127.0.0.1", 0, &address), "address");
    check(uv_udp_init_ex(loop, &udp, AF_INET | UV_UDP_RECVMMSG), "socket");
    check(uv_udp_bind(&udp, (const struct sockaddr *)&address, 0), "bind");
    check(uv_recv_buffer_size((uv_handle_t *)&udp, &room), "receive buffer");
    check(uv_udp_getsockname(&udp, (struct sockaddr *)&address, &size), "getsockname");
    check(uv_udp_recv_start(&udp, on_buffer, on_received), "receive");
    check(uv_pipe_init(loop, &input, 0), "pipe");
    check(uv_pipe_open(&input, 0), "standard input");
    check(uv_read_start((uv_stream_t *)&input, on_input_buffer, on_input), "standard input");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
