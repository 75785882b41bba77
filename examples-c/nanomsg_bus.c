/*
 * A node of a bus, which listens on its address and links itself to other nodes.
 *
 *     cc -std=c11 nanomsg_bus.c -o nanomsg_bus $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_bus address [node1] [node2]...
 *
 * A line of input goes to all nodes that are linked to this one, whoever has linked whom. `!` restarts the
 * node, an empty line ends it.
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
        fprintf(stderr, "Node: %s\n", cppserver_last_error_message());
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
    fprintf(stderr, "Node: error %d (%s): %s\n", (int)code, category, message);
}

int main(int argc, char **argv)
{
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc < 2) {
        printf("Usage: nanomsg_bus address [node1] [node2]...\n");
        return EXIT_FAILURE;
    }

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_BUS, false);
    check(socket != NULL);
    const cppserver_sp_handler handler = {
        .size = sizeof handler,
        .on_received = on_received,
        .on_error = on_error,
    };
    check(cppserver_sp_socket_set_handler(socket, &handler, NULL) == CPPSERVER_STATUS_OK);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(socket, argv[1]);
    check(endpoint != NULL);
    printf("Nanomsg bus node address: %s\n", argv[1]);
    for (int number = 2; number < argc; ++number) {
        /* The link stays without its handle. */
        cppserver_sp_endpoint *link = cppserver_sp_socket_dial(socket, argv[number]);
        check(link != NULL);
        cppserver_sp_endpoint_release(link);
        printf("Nanomsg bus node linked: %s\n", argv[number]);
    }
    printf("An empty line stops the node, '!' restarts it, other lines go to all other nodes.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            cppserver_sp_endpoint_close(endpoint);
            cppserver_sp_endpoint_release(endpoint);
            endpoint = cppserver_sp_socket_listen(socket, argv[1]);
            check(endpoint != NULL);
            printf("Node restarted\n");
        } else {
            check(cppserver_sp_socket_send(socket, line, strlen(line), -1) == CPPSERVER_STATUS_OK);
        }
    }

    /* Delivers what was sent. */
    cppserver_sp_socket_close(socket);
    cppserver_sp_endpoint_release(endpoint);
    cppserver_sp_socket_release(socket);
    return EXIT_SUCCESS;
}
