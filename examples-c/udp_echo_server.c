/*
 * Sends every datagram back to where it came from.
 *
 *     cc -std=c11 udp_echo_server.c -o udp_echo_server $(pkg-config --cflags --libs cppserver)
 *     ./udp_echo_server [port]              port 2222 without an argument
 *     nc -u 127.0.0.1 2222                  in another terminal, or ./udp_echo_client
 *
 * `!` restarts the server, an empty line or the end of the input stops it.
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* user_data is the server itself: that is all an echo needs. */
static void on_received(void *user_data, const cppserver_address *from, const void *data, size_t size, bool truncated)
{
    (void)truncated;
    /* Never blocks: the datagram is copied, and leaves with others after this callback. */
    if (cppserver_udp_send_to(user_data, from, data, size, NULL) != CPPSERVER_STATUS_OK)
        printf("Not sent: %s\n", cppserver_last_error_message());
}

static void on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Echo server: error %d (%s): %s\n", (int)code, category, message);
}

/* Reads a line without its end; an empty one stands for the end of the input too. */
static const char *read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL)
        line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 2222;
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_service *service = cppserver_service_create(1);
    cppserver_udp *server = cppserver_udp_create_server(service, "0.0.0.0", (uint16_t)port);
    const cppserver_udp_handler handler = {
        .size = sizeof handler,
        .on_received = on_received,
        .on_error = on_error,
    };
    if (cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_udp_start(server, &handler, server) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The server does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    printf("UDP server port: %d\n", (int)cppserver_udp_port(server));
    printf("An empty line stops the server, '!' restarts it.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            bool good = cppserver_udp_restart(server) == CPPSERVER_STATUS_OK;
            printf("Restarting the server... %s\n", good ? "Done!" : cppserver_last_error_message());
        }
    }

    /* Ends the server, and waits for its last callbacks. */
    cppserver_service_stop(service);
    cppserver_udp_release(server);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
