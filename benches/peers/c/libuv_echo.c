/* Echo or multicast on libuv: libuv_echo echo|multicast. Prints "port N"; ends when standard input does.
 *
 * One receive buffer for all connections, and uv_try_write first: a finished uv_write costs a further turn of the loop. */
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { BACKLOG = 4096, BUFFER = 64 * 1024 };

struct connection {
    uv_tcp_t tcp;
    struct connection *previous, *next;
    int writing;
};

struct write {
    uv_write_t request;
    struct connection *connection;
    char data[];
};

static char buffer[BUFFER];
static int multicast;
static struct connection *connections;

static void check(int status, const char *what) {
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", what, uv_strerror(status));
        exit(1);
    }
}

static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL)
        check(UV_ENOMEM, "malloc");
    return memory;
}

static void on_closed(uv_handle_t *handle) { free(handle); }

static void close_connection(struct connection *connection) {
    if (uv_is_closing((uv_handle_t *)connection))
        return;
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    uv_close((uv_handle_t *)connection, on_closed);
}

static void on_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *result) {
    (void)handle;
    (void)suggested;
    *result = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *data);

static void on_written(uv_write_t *request, int status) {
    struct write *write = (struct write *)request;
    struct connection *connection = write->connection;
    free(write);
    if (--connection->writing == 0 && status == 0 && !multicast && !uv_is_closing((uv_handle_t *)connection))
        uv_read_start((uv_stream_t *)connection, on_buffer, on_read);
}

static void send_to(struct connection *connection, const char *data, size_t size) {
    if (connection->writing == 0) {
        uv_buf_t whole = uv_buf_init((char *)data, (unsigned)size);
        int sent = uv_try_write((uv_stream_t *)connection, &whole, 1);
        if (sent == (int)size)
            return;
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        }
    }
    struct write *write = allocate(sizeof *write + size);
    write->connection = connection;
    memcpy(write->data, data, size);
    uv_buf_t rest = uv_buf_init(write->data, (unsigned)size);
    if (uv_write(&write->request, (uv_stream_t *)connection, &rest, 1, on_written) != 0) {
        free(write);
        return;
    }
    ++connection->writing;
    /* Backpressure: no more is read before this is written. */
    if (!multicast)
        uv_read_stop((uv_stream_t *)connection);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *data) {
    if (size < 0) {
        close_connection((struct connection *)stream);
    } else if (size > 0 && !multicast) {
        send_to((struct connection *)stream, data->base, (size_t)size);
    } else if (size > 0) {
        for (struct connection *one = connections; one != NULL; one = one->next)
            send_to(one, data->base, (size_t)size);
    }
}

static void on_connection(uv_stream_t *listener, int status) {
    check(status, "listen");
    struct connection *connection = allocate(sizeof *connection);
    memset(connection, 0, sizeof *connection);
    uv_tcp_init(listener->loop, &connection->tcp);
    connection->next = connections;
    if (connections != NULL)
        connections->previous = connection;
    connections = connection;
    if (uv_accept(listener, (uv_stream_t *)connection) != 0) {
        close_connection(connection);
        return;
    }
    uv_tcp_nodelay(&connection->tcp, 1);
    uv_read_start((uv_stream_t *)connection, on_buffer, on_read);
}

static void on_input(uv_stream_t *stream, ssize_t size, const uv_buf_t *data) {
    (void)stream;
    (void)data;
    if (size < 0)
        exit(0);
}

int main(int count, char **arguments) {
    multicast = count > 1 && strcmp(arguments[1], "multicast") == 0;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_t *loop = uv_default_loop();
    uv_tcp_t listener;
    uv_pipe_t input;
    struct sockaddr_in address;
    int size = sizeof address;
    check(uv_ip4_addr("127.0.0.1", 0, &address), "address");
    check(uv_tcp_init(loop, &listener), "socket");
    check(uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0), "bind");
    check(uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection), "listen");
    check(uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &size), "getsockname");
    check(uv_pipe_init(loop, &input, 0), "pipe");
    check(uv_pipe_open(&input, 0), "standard input");
    check(uv_read_start((uv_stream_t *)&input, on_buffer, on_input), "standard input");
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return uv_run(loop, UV_RUN_DEFAULT);
}
