/*
 * Makes surveys: each line of input is a question to all clients that are there; their answers are
 * printed until the deadline of a second.
 *
 *     cc -std=c11 nanomsg_survey_server.c -o nanomsg_survey_server $(pkg-config --cflags --libs cppserver)
 *     ./nanomsg_survey_server [address]    tcp://127.0.0.1:6670 without an argument
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

static void survey(cppserver_sp_socket *socket, const char *question)
{
    bool finished = false;
    cppserver_sp_message *answer = cppserver_sp_message_create(NULL, 0);
    check(cppserver_sp_socket_send(socket, question, strlen(question), -1) == CPPSERVER_STATUS_OK);
    printf("Survey started! Question: %s\n", question);
    for (;;) {
        check(cppserver_sp_socket_receive_answer(socket, answer, -1, &finished) == CPPSERVER_STATUS_OK);
        if (finished)
            break;
        print_message("Answer", answer);
    }
    printf("Survey finished!\n");
    cppserver_sp_message_release(answer);
}

int main(int argc, char **argv)
{
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:6670";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_sp_socket *socket = cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_SURVEYOR, false);
    check(socket != NULL);
    check(cppserver_sp_socket_set_option(socket, CPPSERVER_SP_OPTION_SURVEY_DEADLINE, 1000) == CPPSERVER_STATUS_OK);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(socket, address);
    check(endpoint != NULL);
    printf("Nanomsg survey server address: %s\n", address);
    printf("An empty line stops the server, '!' restarts it, other lines are questions.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            cppserver_sp_endpoint_close(endpoint);
            cppserver_sp_endpoint_release(endpoint);
            endpoint = cppserver_sp_socket_listen(socket, address);
            check(endpoint != NULL);
            printf("Server restarted\n");
        } else {
            survey(socket, line);
        }
    }

    /* Delivers what was sent. */
    cppserver_sp_socket_close(socket);
    cppserver_sp_endpoint_release(endpoint);
    cppserver_sp_socket_release(socket);
    return EXIT_SUCCESS;
}
