/*
 * Publishes: each line of input goes to all clients that are there and have subscribed to what it
 * begins with.
 *
 *     cc -std=c11 nanomsg_subscribe_server.c -o nanomsg_subscribe_server $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_subscribe_server [address]    tcp://127.0.0.1:6669 without an argument
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

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6669";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_PUBLISHER, false);
    check(socket != NULL);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(socket, address);
    check(endpoint != NULL);
    printf("Nanomsg publisher server address: %s\n", address);
    printf("An empty line stops the server, '!' restarts it, other lines are published.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            cppserver_sp_endpoint_close(endpoint);
            cppserver_sp_endpoint_release(endpoint);
            endpoint = cppserver_sp_socket_listen(socket, address);
            check(endpoint != NULL);
            printf("Server restarted\n");
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
