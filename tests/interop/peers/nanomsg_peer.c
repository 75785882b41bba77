/*
 * A peer on libnanomsg. Its argument is a role, such as `req`; what it reads and answers are lines as
 * src/peer.rs tells.
 */

#define _POSIX_C_SOURCE 200809L

#include <nanomsg/bus.h>
#include <nanomsg/nn.h>
#include <nanomsg/pair.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <nanomsg/survey.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* Longer than anything here takes, in milliseconds. */
#define LIMIT 20000

static const struct {
    const char *name;
    int protocol;
} ROLES[] = {
    {"pair", NN_PAIR},         {"pub", NN_PUB},   {"sub", NN_SUB},
    {"req", NN_REQ},           {"rep", NN_REP},   {"push", NN_PUSH},
    {"pull", NN_PULL},         {"bus", NN_BUS},   {"surveyor", NN_SURVEYOR},
    {"respondent", NN_RESPONDENT},
};

static int socket_of(const char *role)
{
    int limit = LIMIT;
    for (size_t each = 0; each < sizeof ROLES / sizeof *ROLES; each++) {
        if (strcmp(role, ROLES[each].name) == 0) {
            int handle = nn_socket(AF_SP, ROLES[each].protocol);
            nn_setsockopt(handle, NN_SOL_SOCKET, NN_SNDTIMEO, &limit, sizeof limit);
            if (ROLES[each].protocol == NN_SURVEYOR)
                nn_setsockopt(handle, NN_SURVEYOR, NN_SURVEYOR_DEADLINE, &limit, sizeof limit);
            return handle;
        }
    }
    return -1;
}

static int digit(char letter)
{
    return letter >= 'a' ? letter - 'a' + 10 : letter - '0';
}

/* The bytes that a text names, in its own place. Returns how many they are. */
static size_t to_bytes(char *text)
{
    size_t length = strlen(text) / 2;
    for (size_t each = 0; each < length; each++)
        text[each] = (char)(digit(text[2 * each]) * 16 + digit(text[2 * each + 1]));
    return length;
}

static int receive(int handle, int limit, void **message)
{
    nn_setsockopt(handle, NN_SOL_SOCKET, NN_RCVTIMEO, &limit, sizeof limit);
    return nn_recv(handle, message, NN_MSG, 0);
}

static void print_received(const unsigned char *message, int length)
{
    fputs("received ", stdout);
    for (int each = 0; each < length; each++)
        printf("%02x", message[each]);
    putchar('\n');
}

/* The same numbers as src/stream.rs has. */
static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t make_message(uint64_t *state, unsigned char *message)
{
    uint64_t number = next_number(state);
    size_t length = (size_t)(number / 2 % (number % 2 == 0 ? 300 : 300001));
    for (size_t start = 0; start < length; start += 8) {
        uint64_t word = next_number(state);
        for (size_t each = start; each < length && each < start + 8; each++, word >>= 8)
            message[each] = (unsigned char)word;
    }
    return length;
}

/* Sends or receives at least so many bytes. Returns 0 when they are right. */
static int stream(int handle, size_t bytes, int sends)
{
    static unsigned char message[300001];
    uint64_t state = 88172645463325252u;
    while (bytes > 0) {
        size_t length = make_message(&state, message);
        if (sends) {
            if (nn_send(handle, message, length, 0) != (int)length)
                return -1;
        } else {
            void *found;
            int count = receive(handle, LIMIT, &found);
            if (count < 0)
                return -1;
            int differs = (size_t)count != length || memcmp(found, message, length) != 0;
            nn_freemsg(found);
            if (differs) {
                errno = EBADMSG;
                return -1;
            }
        }
        bytes -= length < bytes ? length : bytes;
    }
    return 0;
}

static void obey(int handle, const char *command, char *argument)
{
    int result = -1;
    void *message = NULL;
    if (strcmp(command, "listen") == 0) {
        result = nn_bind(handle, argument);
    } else if (strcmp(command, "dial") == 0) {
        result = nn_connect(handle, argument);
    } else if (strcmp(command, "subscribe") == 0) {
        size_t length = to_bytes(argument);
        result = nn_setsockopt(handle, NN_SUB, NN_SUB_SUBSCRIBE, argument, length);
    } else if (strcmp(command, "send") == 0) {
        size_t length = to_bytes(argument);
        result = nn_send(handle, argument, length, 0);
    } else if (strcmp(command, "receive") == 0) {
        result = receive(handle, atoi(argument), &message);
    } else if (strcmp(command, "produce") == 0) {
        result = stream(handle, strtoul(argument, NULL, 10), 1);
    } else if (strcmp(command, "consume") == 0) {
        result = stream(handle, strtoul(argument, NULL, 10), 0);
    } else {
        errno = ENOSYS;
    }
    if (result < 0) {
        printf("failed %s\n", nn_strerror(nn_errno()));
    } else if (message != NULL) {
        print_received(message, result);
        nn_freemsg(message);
    } else {
        puts("done");
    }
    fflush(stdout);
}

int main(int count, char **arguments)
{
    int handle = count == 2 ? socket_of(arguments[1]) : -1;
    if (handle < 0) {
        fprintf(stderr, "nanomsg_peer: no socket of this role\n");
        return 1;
    }
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = getline(&line, &size, stdin)) > 0) {
        line[length - 1] = '\0';
        char *space = strchr(line, ' ');
        if (space != NULL)
            *space = '\0';
        obey(handle, line, space != NULL ? space + 1 : line + length - 1);
    }
    free(line);
    nn_close(handle);
    return 0;
}
