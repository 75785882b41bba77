/*
 * Gives work away: each line of input goes to one of the servers, in turn, as soon as one of them is
 * there.
 *
 *     cc -std=c11 nanomsg_push_client.c -o nanomsg_push_client $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_push_client [address...]    tcp://127.0.0.1:6666 without arguments
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

#define SERVERS 16

static void dial(cppserver_sp_socket *socket, char **addresses, int count, cppserver_sp_endpoint **endpoints)
{
    for (int number = 0; number < count; ++number) {
        endpoints[number] = cppserver_sp_socket_dial(socket, addresses[number]);
        check(endpoints[number] != NULL);
    }
}

static void hang_up(cppserver_sp_endpoint **endpoints, int count)
{
    for (int number = 0; number < count; ++number) {
        cppserver_sp_endpoint_close(endpoints[number]);
        cppserver_sp_endpoint_release(endpoints[number]);
    }
}

int main(int argc, char **argv)
{
    char usual[] = "tcp://127.0.0.1:6666";
    char *one[] = { usual };
    char **addresses = argc > 1 ? argv + 1 : one;
    int count = argc > 1 ? argc - 1 : 1;
    cppserver_sp_endpoint *endpoints[SERVERS];
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);
    if (count > SERVERS) {
        fprintf(stderr, "At most %d servers, please.\n", SERVERS);
        return EXIT_FAILURE;
    }

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_PUSH, false);
    check(socket != NULL);
    dial(socket, addresses, count, endpoints);
    for (int number = 0; number < count; ++number)
        printf("Nanomsg push server address: %s\n", addresses[number]);
    printf("An empty line stops the client, '!' connects it anew, other lines are work.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            hang_up(endpoints, count);
            dial(socket, addresses, count, endpoints);
        } else {
            check(cppserver_sp_socket_send(socket, line, strlen(line), -1) == CPPSERVER_STATUS_OK);
        }
    }

    /* Delivers what was sent, and ends the endpoints too. */
    cppserver_sp_socket_close(socket);
    for (int number = 0; number < count; ++number)
        cppserver_sp_endpoint_release(endpoints[number]);
    cppserver_sp_socket_release(socket);
    return EXIT_SUCCESS;
}
