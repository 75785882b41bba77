/* What the tests of the scalability protocols share: sockets with a journal, and what they say to each other. */
#ifndef TEST_NANO_H
#define TEST_NANO_H

#include "test.h"

/* Blocking calls take as long as the test may, and never for ever. */
#define PATIENTLY TEST_PATIENCE

/* The last call failed for this reason. */
#define CHECK_FAILURE(failure)                                          \
    do {                                                                \
        CHECK_TEXT(cppserver_last_error_category(), "sp");              \
        CHECK_NUMBER(cppserver_last_error_code(), (failure));           \
    } while (0)

/* A call that must fail for this reason. */
#define CHECK_REFUSED(call, status, failure) \
    do {                                     \
        CHECK_FAILS((call), (status));       \
        CHECK_FAILURE(failure);              \
    } while (0)

static inline cppserver_sp_socket *nano_socket(cppserver_sp_protocol protocol)
{
    cppserver_sp_socket *socket = cppserver_sp_socket_create(protocol, false);
    CHECK(socket != NULL);
    return socket;
}

static inline cppserver_sp_socket *nano_raw(cppserver_sp_protocol protocol)
{
    cppserver_sp_socket *socket = cppserver_sp_socket_create(protocol, true);
    CHECK(socket != NULL);
    return socket;
}

static inline void nano_free(cppserver_sp_socket *socket)
{
    CHECK_OK(cppserver_sp_socket_close(socket));
    cppserver_sp_socket_release(socket);
}

static inline void nano_listen(cppserver_sp_socket *socket, const char *address)
{
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(socket, address);
    CHECK(endpoint != NULL);
    cppserver_sp_endpoint_release(endpoint);
}

static inline void nano_dial(cppserver_sp_socket *socket, const char *address)
{
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_dial(socket, address);
    CHECK(endpoint != NULL);
    cppserver_sp_endpoint_release(endpoint);
}

static inline cppserver_sp_statistics nano_counters(const cppserver_sp_socket *socket)
{
    cppserver_sp_statistics counters = { .size = sizeof counters };
    CHECK_OK(cppserver_sp_socket_statistics(socket, &counters));
    return counters;
}

static inline void nano_send(cppserver_sp_socket *socket, const char *text)
{
    CHECK_OK(cppserver_sp_socket_send(socket, text, strlen(text), PATIENTLY));
}

/* Whether a message has the bytes of a text. */
static inline bool nano_is(const cppserver_sp_message *message, const char *text)
{
    size_t size = cppserver_sp_message_size(message);
    const char *data = cppserver_sp_message_data(message);
    bool same = size == strlen(text) && memcmp(data, text, size) == 0;
    if (!same)
        printf("  received \"%.*s\", expected \"%s\"\n", (int)size, data, text);
    return same;
}

/* The next message of a socket has this text. */
static inline bool nano_hears(cppserver_sp_socket *socket, const char *text)
{
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    bool good = cppserver_sp_socket_receive(socket, message, PATIENTLY) == CPPSERVER_STATUS_OK && nano_is(message, text);
    cppserver_sp_message_release(message);
    return good;
}

#define CHECK_HEARS(socket, text) CHECK(nano_hears((socket), (text)))

/* ---- a socket that writes what its handler is told into a journal ---- */

typedef struct listener {
    cppserver_sp_socket *socket;
    journal journal;
    /* What on_received does beside: answer with the same message. */
    bool echo;
    uint32_t endpoint;
    bool dialed;
} listener;

static inline void listener_received(void *user_data, cppserver_sp_socket *socket, cppserver_sp_message *message)
{
    listener *self = user_data;
    CHECK(socket == self->socket);
    if (self->echo)
        CHECK_OK(cppserver_sp_socket_send_message(socket, message, 0));
    journal_add(&self->journal, "%.*s", (int)cppserver_sp_message_size(message), (const char *)cppserver_sp_message_data(message));
}

static inline void listener_writable(void *user_data, cppserver_sp_socket *socket)
{
    listener *self = user_data;
    CHECK(socket == self->socket);
    journal_add(&self->journal, "writable");
}

static inline void listener_finished(void *user_data, cppserver_sp_socket *socket)
{
    listener *self = user_data;
    CHECK(socket == self->socket);
    journal_add(&self->journal, "finished");
}

static inline void listener_connected(void *user_data, cppserver_sp_socket *socket, uint32_t endpoint, const char *address, bool dialed)
{
    listener *self = user_data;
    CHECK(socket == self->socket);
    CHECK(strstr(address, "://") != NULL);
    self->endpoint = endpoint;
    self->dialed = dialed;
    journal_add(&self->journal, "connected");
}

static inline void listener_disconnected(void *user_data, cppserver_sp_socket *socket, uint32_t endpoint, const char *address, bool dialed)
{
    listener *self = user_data;
    CHECK(socket == self->socket);
    CHECK(strstr(address, "://") != NULL);
    CHECK_NUMBER(endpoint, self->endpoint);
    CHECK_NUMBER(dialed, self->dialed);
    journal_add(&self->journal, "disconnected");
}

static inline void listener_error(void *user_data, cppserver_sp_socket *socket, int32_t code, const char *category, const char *message)
{
    listener *self = user_data;
    CHECK(socket == self->socket);
    CHECK(message[0] != '\0');
    journal_add(&self->journal, "%s %d", category, (int)code);
}

static inline void listener_destroy(void *user_data)
{
    journal_add(&((listener *)user_data)->journal, "destroy");
}

static inline cppserver_sp_handler listener_handler(void)
{
    return (cppserver_sp_handler){
        .size = sizeof(cppserver_sp_handler),
        .on_received = listener_received,
        .on_writable = listener_writable,
        .on_finished = listener_finished,
        .on_connected = listener_connected,
        .on_disconnected = listener_disconnected,
        .on_error = listener_error,
        .destroy = listener_destroy,
    };
}

/* Takes the socket over. */
static inline listener *listener_of(cppserver_sp_socket *socket)
{
    listener *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    journal_init(&self->journal);
    self->socket = socket;
    const cppserver_sp_handler handler = listener_handler();
    CHECK_OK(cppserver_sp_socket_set_handler(socket, &handler, self));
    return self;
}

/* Closes the socket, and waits for its last callback. */
static inline void listener_free(listener *self)
{
    if (!cppserver_sp_socket_is_closed(self->socket))
        CHECK_OK(cppserver_sp_socket_close(self->socket));
    WAIT_FOR(&self->journal, "destroy");
    cppserver_sp_socket_release(self->socket);
    free(self);
}

#endif
