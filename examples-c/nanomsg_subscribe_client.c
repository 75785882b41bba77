/*
 * Subscribes: prints what is published and begins with one of the topics, everything without one.
 *
 *     cc -std=c11 nanomsg_subscribe_client.c -o nanomsg_subscribe_client $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_subscribe_client [address] [topic...]    tcp://127.0.0.1:6669 without arguments
 *
 * `!` connects anew, an empty line ends the program.
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
        fprintf(stderr, "Client: %s\n", cppserver_last_error_message());
        exit(EXIT_FAILURE);
    }
}

static void print_message(const char *what, const cppserver_sp_message *message)
{
    printf("%s: %.*s\n", what, (int)cppserver_sp_message_size(message), (const char *)cppserver_sp_message_data(message));
}

static void on_received(void *user_data, cppserver_sp_socket *socket, cppserver_sp_message *message)
{
    (void)user_data;
    (void)socket;
    print_message("Incoming", message);
}

static void on_error(void *user_data, cppserver_sp_socket *socket, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    (void)socket;
    fprintf(stderr, "Client: error %d (%s): %s\n", (int)code, category, message);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6669";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_SUBSCRIBER, false);
    check(socket != NULL);
    for (int topic = 2; topic < argc; ++topic)
        check(cppserver_sp_socket_subscribe(socket, argv[topic], strlen(argv[topic])) == CPPSERVER_STATUS_OK);
    if (argc <= 2)
        check(cppserver_sp_socket_subscribe(socket, NULL, 0) == CPPSERVER_STATUS_OK);
    const cppserver_sp_handler handler = {
        .size = sizeof handler,
        .on_received = on_received,
        .on_error = on_error,
    };
    check(cppserver_sp_socket_set_handler(socket, &handler, NULL) == CPPSERVER_STATUS_OK);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_dial(socket, address);
    check(endpoint != NULL);
    printf("Nanomsg publisher server address: %s\n", address);
    printf("An empty line stops the client, '!' connects it anew.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            cppserver_sp_endpoint_close(endpoint);
            cppserver_sp_endpoint_release(endpoint);
            endpoint = cppserver_sp_socket_dial(socket, address);
            check(endpoint != NULL);
        }
    }

    /* Delivers what was sent. */
    cppserver_sp_socket_close(socket);
    cppserver_sp_endpoint_release(endpoint);
    cppserver_sp_socket_release(socket);
    return EXIT_SUCCESS;
}
