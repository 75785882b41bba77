/*
 * Asks a server: each line of input is a request, whose answer is waited for and printed.
 *
 *     cc -std=c11 nanomsg_request_client.c -o nanomsg_request_client $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_request_client [address]    tcp://127.0.0.1:6668 without an argument
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

static void ask(cppserver_sp_socket *socket, const char *question)
{
    cppserver_sp_message *answer = cppserver_sp_message_create(NULL, 0);
    check(cppserver_sp_socket_send(socket, question, strlen(question), -1) == CPPSERVER_STATUS_OK);
    check(cppserver_sp_socket_receive(socket, answer, -1) == CPPSERVER_STATUS_OK);
    print_message("Response", answer);
    cppserver_sp_message_release(answer);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6668";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_REQUEST, false);
    check(socket != NULL);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_dial(socket, address);
    check(endpoint != NULL);
    printf("Nanomsg reply server address: %s\n", address);
    printf("An empty line stops the client, '!' connects it anew, other lines are requests.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            cppserver_sp_endpoint_close(endpoint);
            cppserver_sp_endpoint_release(endpoint);
            endpoint = cppserver_sp_socket_dial(socket, address);
            check(endpoint != NULL);
        } else {
            ask(socket, line);
        }
    }

    /* Delivers what was sent. */
    cppserver_sp_socket_close(socket);
    cppserver_sp_endpoint_release(endpoint);
    cppserver_sp_socket_release(socket);
    return EXIT_SUCCESS;
}
