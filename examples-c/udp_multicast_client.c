/*
 * Joins a multicast group and prints what is sent to it.
 *
 *     cc -std=c11 udp_multicast_client.c -o udp_multicast_client $(pkg-config --cflags --libs cppserver)
 *     ./udp_multicast_client [address] [group] [port] [interface]
 *
 * Without arguments it listens on 0.0.0.0 for the group 239.255.0.1 on port 2223. The interface, by
 * its name, its number or its IPv4 address, is for machines where the system's choice is not the
 * wanted one: 127.0.0.1 hears this machine alone. `!` starts the client anew, an empty line ends it.
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct multicast_client {
    cppserver_udp *udp;
    const char *group;
    const char *interface;
} multicast_client;

/* A restart ends all memberships, so each start joins. */
static void on_started(void *user_data)
{
    multicast_client *self = user_data;
    if (cppserver_udp_join(self->udp, self->group, NULL, self->interface) != CPPSERVER_STATUS_OK)
        printf("Not joined: %s\n", cppserver_last_error_message());
}

static void on_joined(void *user_data, const char *group, const char *source)
{
    (void)user_data;
    (void)source;
    printf("Joined %s\n", group);
}

static void on_received(void *user_data, const cppserver_address *from, const void *data, size_t size, bool truncated)
{
    (void)user_data;
    (void)from;
    (void)truncated;
    printf("Incoming: %.*s\n", (int)size, (const char *)data);
}

static void on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)user_data;
    printf("Multicast client: error %d (%s): %s\n", (int)code, category, message);
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
    const char *address = argc > 1 ? argv[1] : "0.0.0.0";
    const char *group = argc > 2 ? argv[2] : "239.255.0.1";
    int port = argc > 3 ? atoi(argv[3]) : 2223;
    const char *interface = argc > 4 ? argv[4] : "";
    char line[1024];

    /* What is printed shall be seen at once, also through a pipe. */
    setvbuf(stdout, NULL, _IONBF, 0);
    printf("UDP listen address: %s\nUDP multicast address: %s\nUDP multicast port: %d\n", address, group, port);
    printf("An empty line ends the client, '!' starts it anew.\n");

    cppserver_service *service = cppserver_service_create(1);
    /* Who receives is a server of the port, which others on this machine may share. */
    multicast_client self = { cppserver_udp_create_server(service, address, (uint16_t)port), group, interface };
    const cppserver_udp_handler handler = {
        .size = sizeof handler,
        .on_started = on_started,
        .on_received = on_received,
        .on_joined = on_joined,
        .on_error = on_error,
    };
    if (cppserver_udp_set_option(self.udp, CPPSERVER_OPTION_REUSE_ADDRESS, 1) != CPPSERVER_STATUS_OK ||
        cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_udp_start(self.udp, &handler, &self) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The client does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }

    while (*read_line(line, sizeof line) != '\0') {
        if (strcmp(line, "!") == 0)
            cppserver_udp_restart(self.udp);
    }

    /* Ends the client, and waits for its last callbacks. */
    cppserver_service_stop(service);
    cppserver_udp_release(self.udp);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
