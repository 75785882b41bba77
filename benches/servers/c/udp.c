/* Datagrams through the C header: udp echo|burst|multicast. Prints "port N"; ends when standard input does.
 * ../../peers/c/datagrams.h tells what it does. */
#include "../../peers/c/datagrams.h"
#include <cppserver.h>
#include <unistd.h>

static cppserver_udp *server;
static char burst[LARGEST];

static void report(int32_t status) {
    if (status != CPPSERVER_STATUS_OK)
        fprintf(stderr, "%s\n", cppserver_last_error_message());
}

static void check(int32_t status) {
    report(status);
    if (status != CPPSERVER_STATUS_OK)
        exit(1);
}

static void echo(void *user_data, const cppserver_address *from, const void *data, size_t size, bool truncated) {
    (void)user_data;
    (void)truncated;
    report(cppserver_udp_send_to(server, from, data, size, NULL));
}

static void answer_by_burst(void *user_data, const cppserver_address *from, const void *data, size_t size,
                            bool truncated) {
    uint32_t count, datagram_size;
    (void)user_data;
    (void)truncated;
    if (!read_command(data, size, &count, &datagram_size))
        return;
    memcpy(burst, data, COMMAND);
    for (; count > 0; --count)
        report(cppserver_udp_send_to(server, from, burst, datagram_size, NULL));
}

static void multicast(void *user_data, const cppserver_address *from, const void *data, size_t size, bool truncated) {
    struct sockaddr_in group;
    (void)user_data;
    (void)from;
    (void)truncated;
    if (!read_group(data, size, &group))
        return;
    cppserver_address to = {.port = ntohs(group.sin_port), .version = 4};
    memcpy(to.ip, &group.sin_addr, sizeof group.sin_addr);
    report(cppserver_udp_send_to(server, &to, data, size, NULL));
}

int main(int count, char **arguments) {
    const enum mode mode = read_mode(count, arguments);
    cppserver_udp_handler handler = {.size = sizeof handler, .on_received = echo};
    if (mode == MODE_BURST)
        handler.on_received = answer_by_burst;
    else if (mode == MODE_MULTICAST)
        handler.on_received = multicast;
    cppserver_service *service = cppserver_service_create(1);
    check(cppserver_service_start(service, false, NULL, NULL));
    server = cppserver_udp_create_server(service, "127.0.0.1", 0);
    check(cppserver_udp_set_option(server, CPPSERVER_OPTION_RECEIVE_BUFFER, RECEIVE_BUFFER));
    check(cppserver_udp_start(server, &handler, NULL));
    printf("port %d\n", cppserver_udp_port(server));
    fflush(stdout);

    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    check(cppserver_service_stop(service));
    cppserver_udp_release(server);
    cppserver_service_release(service);
    return 0;
}
