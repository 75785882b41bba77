/*
 * Sends lines to an echo server, one datagram each, and prints what comes back.
 *
 *     cc -std=c11 udp_echo_client.c -o udp_echo_client $(pkg-config --cflags --libs cppserver)
 *     ./udp_echo_client [address] [port]    127.0.0.1 and 2222 without arguments
 *
 * `!` starts the client anew, from another port; an empty line ends the program.
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* user_data is the client itself. */
static void on_started(void *user_data)
{
    printf("Echo client started on port %d\n", (int)cppserver_udp_port(user_data));
}

static void on_stopped(void *user_data, int32_t reason)
{
    (void)user_data;
    printf("Echo client stopped: %s\n", cppserver_reason_text(reason));
}

static void on_received(void *user_data, const cppserver_address *from, const void *data, size_t size, bool truncated)
{
    (void)user_data;
    (void)from;
    (void)truncated;
    printf("Incoming: %.*s\n", (int)size, (const char *)data);
}

/* Without a server on the port, its machine says so; the client may go on. */
static void on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Echo client: error %d (%s): %s\n", (int)code, category, message);
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
    const char *address = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 2222;
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("UDP server address: %s\nUDP server port: %d\n", address, port);
    printf("An empty line ends the client, '!' starts it anew, other lines are sent.\n");

    cppserver_service *service = cppserver_service_create(1);
    cppserver_udp *client = cppserver_udp_create_client(service, address, (uint16_t)port);
    const cppserver_udp_handler handler = {
        .size = sizeof handler,
        .on_started = on_started,
        .on_stopped = on_stopped,
        .on_received = on_received,
        .on_error = on_error,
    };
    if (cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_udp_start(client, &handler, client) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The client does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0)
            cppserver_udp_restart(client);
        else if (cppserver_udp_send(client, line, strlen(line), NULL) != CPPSERVER_STATUS_OK)
            printf("Not sent: %s\n", cppserver_last_error_message());
    }

    /* Ends the client, and waits for its last callbacks. */
    cppserver_service_stop(service);
    cppserver_udp_release(client);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
