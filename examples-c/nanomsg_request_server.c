/*
 * Answers requests: the answer is the request reversed.
 *
 *     cc -std=c11 nanomsg_request_server.c -o nanomsg_request_server $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_request_server [address]    tcp://127.0.0.1:6668 without an argument
 *
 * `!` restarts the server, an empty line ends it.
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads a line without its end; an empty one stands for the end of the input too. */
static const char *read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

/* Says what went wrong, and ends the program. */
static void check(bool good)
{
    if (!good) {
        fprintf(stderr, "Server: %s\n", cppserver_last_error_message());
        exit(EXIT_FAILURE);
    }
}

static void print_message(const char *what, const cppserver_sp_message *message)
{
    printf("%s: %.*s\n", what, (int)cppserver_sp_message_size(message), (const char *)cppserver_sp_message_data(message));
}

/* The bytes of a message backwards, without a copy of the message. */
static void reverse(cppserver_sp_message *message)
{
    size_t size = cppserver_sp_message_size(message);
    char *data = cppserver_sp_message_mutable_data(message);
    for (size_t index = 0; index < size / 2; ++index) {
        char other = data[index];
        data[index] = data[size - 1 - index];
        data[size - 1 - index] = other;
    }
}

/* Here nothing may block, so the answer has no time to wait. */
static void on_received(void *user_data, cppserver_sp_socket *socket, cppserver_sp_message *message)
{
    (void)user_data;
    print_message("Incoming", message);
    reverse(message);
    if (cppserver_sp_socket_send_message(socket, message, 0) != CPPSERVER_STATUS_OK)
        fprintf(stderr, "Not answered: %s\n", cppserver_last_error_message());
}

static void on_error(void *user_data, cppserver_sp_socket *socket, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    (void)socket;
    fprintf(stderr, "Server: error %d (%s): %s\n", (int)code, category, message);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6668";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_REPLY, false);
    check(socket != NULL);
    const cppserver_sp_handler handler = {
        .size = sizeof handler,
        .on_received = on_received,
        .on_error = on_error,
    };
    check(cppserver_sp_socket_set_handler(socket, &handler, NULL) == CPPSERVER_STATUS_OK);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(socket, address);
    check(endpoint != NULL);
    printf("Nanomsg request server address: %s\n", address);
    printf("An empty line stops the server, '!' restarts it.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            cppserver_sp_endpoint_close(endpoint);
            cppserver_sp_endpoint_release(endpoint);
            endpoint = cppserver_sp_socket_listen(socket, address);
            check(endpoint != NULL);
            printf("Server restarted\n");
        }
    }

    /* Delivers what was sent. */
    cppserver_sp_socket_close(socket);
    cppserver_sp_endpoint_release(endpoint);
    cppserver_sp_socket_release(socket);
    return EXIT_SUCCESS;
}
