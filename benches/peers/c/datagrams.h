/* What the servers of datagrams in C have in common: what a datagram asks them for.
 *
 * echo       the datagram goes back to its sender
 * burst      it begins with three 32-bit numbers in network order, of which the second and third are how many datagrams
 *            of which size go back to the sender; each begins with the 12 bytes of the command
 * multicast  it begins with a port in network order, and goes as it is to the group 239.255.0.1 and that port
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND = 12, LARGEST = 65507, RECEIVE_BUFFER = 2 * 1024 * 1024 };

enum mode { MODE_ECHO, MODE_BURST, MODE_MULTICAST };

static inline enum mode read_mode(int count, char **arguments) {
    const char *name = count > 1 ? arguments[1] : "echo";
    return strcmp(name, "burst") == 0 ? MODE_BURST : strcmp(name, "multicast") == 0 ? MODE_MULTICAST : MODE_ECHO;
}

/* In the burst mode: stores how many datagrams of which size are wanted. False when the datagram is no command. */
static inline bool read_command(const char *data, size_t size, uint32_t *count, uint32_t *datagram_size) {
    uint32_t numbers[3];
    if (size != COMMAND)
        return false;
    memcpy(numbers, data, sizeof numbers);
    *count = ntohl(numbers[1]);
    *datagram_size = ntohl(numbers[2]);
    return *datagram_size >= COMMAND && *datagram_size <= LARGEST;
}

/* In the multicast mode: makes the address of the group. False when the datagram has no port. */
static inline bool read_group(const char *data, size_t size, struct sockaddr_in *group) {
    if (size < sizeof group->sin_port)
        return false;
    memset(group, 0, sizeof *group);
    group->sin_family = AF_INET;
    group->sin_addr.s_addr = htonl(0xefff0001);
    memcpy(&group->sin_port, data, sizeof group->sin_port);
    return true;
}
