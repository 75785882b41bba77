/*
 * Sends lines to a multicast group: whoever has joined it receives them.
 *
 *     cc -std=c11 udp_multicast_server.c -o udp_multicast_server $(pkg-config --cflags --libs cppserver)
 *     ./udp_multicast_server [group] [port] [interface]
 *     ./udp_multicast_client                in other terminals, or on other machines of the network
 *
 * The group is 239.255.0.1, the port 2223 without arguments. The interface, by its name, its number
 * or its IPv4 address, is for machines where the system's choice is not the wanted one: 127.0.0.1
 * stays on this machine. `!` restarts the server, an empty line ends it.
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Multicast server: error %d (%s): %s\n", (int)code, category, message);
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
    const char *group = argc > 1 ? argv[1] : "239.255.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 2223;
    const char *interface = argc > 3 ? argv[3] : "";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);

    cppserver_address destination;
    if (cppserver_address_parse(group, (uint16_t)port, &destination) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "There is no such group: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    cppserver_service *service = cppserver_service_create(1);
    /* It only sends, from any port. */
    const char *any = destination.version == 6 ? "::" : "0.0.0.0";
    cppserver_udp *server = cppserver_udp_create_server(service, any, 0);
    const cppserver_udp_handler handler = { .size = sizeof handler, .on_error = on_error };

    if (cppserver_udp_set_destination(server, &destination) != CPPSERVER_STATUS_OK ||
        cppserver_udp_set_multicast_interface(server, interface) != CPPSERVER_STATUS_OK ||
        cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_udp_start(server, &handler, NULL) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The server does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    printf("UDP multicast address: %s\nUDP multicast port: %d\n", group, port);
    printf("An empty line stops the server, '!' restarts it, other lines go to the group.\n");

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0) {
            bool good = cppserver_udp_restart(server) == CPPSERVER_STATUS_OK;
            printf("Restarting the server... %s\n", good ? "Done!" : cppserver_last_error_message());
        } else if (cppserver_udp_send(server, line, strlen(line), NULL) != CPPSERVER_STATUS_OK) {
            printf("Not sent: %s\n", cppserver_last_error_message());
        }
    }

    /* Ends the server, and waits for its last callbacks. */
    cppserver_service_stop(service);
    cppserver_udp_release(server);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
