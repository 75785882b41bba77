/*
 * UDP endpoints that write down what happens to them.
 *
 * A hook of an endpoint runs inside its callbacks, so that a test can call the library from there.
 */
#ifndef TEST_DATAGRAMS_H
#define TEST_DATAGRAMS_H

#include "test.h"

typedef enum node_event {
    NODE_STARTED,
    NODE_RECEIVED,
    NODE_SENT,
    NODE_EMPTY,
    NODE_JOINED,
    NODE_LEFT,
    NODE_ERROR,
    NODE_STOPPED,
    NODE_DESTROY
} node_event;

#define NODE_EVENTS (NODE_DESTROY + 1)

typedef struct node node;
typedef void (*node_hook)(node *self, node_event event);

struct node {
    journal journal;         /* "started, joined 239.255.0.1, error system, stopped 1, destroy" */
    journal heard;           /* what was received, when `listens` */
    cppserver_udp *udp;
    node_hook hook;
    void *hook_data;
    bool echo;               /* sends back what it receives */
    bool listens;
    counter received, sent;  /* datagrams */
    counter received_bytes, sent_bytes;
    counter emptied, errors;
    /* Of the last datagram; read them when `received` has moved on. */
    cppserver_address from;
    size_t size;
    bool truncated;
    char data[65536];
    int32_t error_code;      /* of the first on_error */
    char error_message[256];
};

/* Chooses what else happens with the events of an endpoint, which may be running. */
static inline void node_set_hook(node *self, node_hook hook, void *data)
{
    platform_lock(&self->received.monitor);
    self->hook = hook;
    self->hook_data = data;
    platform_unlock(&self->received.monitor);
}

static inline void node_tell(node *self, node_event event)
{
    platform_lock(&self->received.monitor);
    node_hook hook = self->hook;
    platform_unlock(&self->received.monitor);
    if (hook != NULL)
        hook(self, event);
}

static inline void node_on_started(void *user_data)
{
    node *self = user_data;
    CHECK(cppserver_udp_is_started(self->udp));
    journal_add(&self->journal, "started");
    node_tell(self, NODE_STARTED);
}

static inline void node_on_stopped(void *user_data, int32_t reason)
{
    node *self = user_data;
    CHECK(!cppserver_udp_is_started(self->udp));
    journal_add(&self->journal, "stopped %d", (int)reason);
    node_tell(self, NODE_STOPPED);
}

static inline void node_on_received(void *user_data, const cppserver_address *from, const void *data, size_t size,
                                    bool truncated)
{
    node *self = user_data;
    self->from = *from;
    self->size = size;
    self->truncated = truncated;
    memcpy(self->data, data, size);
    self->data[size] = '\0';
    if (self->listens)
        journal_add(&self->heard, "%s", self->data);
    if (self->echo) {
        /* The endpoint may have been stopped by another thread meanwhile. */
        int32_t status = cppserver_udp_send_to(self->udp, from, data, size, NULL);
        CHECK(status == CPPSERVER_STATUS_OK || status == CPPSERVER_STATUS_NOT_CONNECTED);
    }
    counter_add(&self->received_bytes, (long)size);
    counter_add(&self->received, 1);
    node_tell(self, NODE_RECEIVED);
}

static inline void node_on_sent(void *user_data, const cppserver_address *to, size_t sent, size_t pending)
{
    node *self = user_data;
    (void)pending;
    CHECK(to->port != 0);
    counter_add(&self->sent_bytes, (long)sent);
    counter_add(&self->sent, 1);
    node_tell(self, NODE_SENT);
}

static inline void node_on_empty(void *user_data)
{
    node *self = user_data;
    counter_add(&self->emptied, 1);
    node_tell(self, NODE_EMPTY);
}

static inline void node_on_joined(void *user_data, const char *group, const char *source)
{
    node *self = user_data;
    journal_add(&self->journal, source == NULL ? "joined %s" : "joined %s from %s", group, source);
    node_tell(self, NODE_JOINED);
}

static inline void node_on_left(void *user_data, const char *group, const char *source)
{
    node *self = user_data;
    journal_add(&self->journal, source == NULL ? "left %s" : "left %s from %s", group, source);
    node_tell(self, NODE_LEFT);
}

static inline void node_on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    node *self = user_data;
    if (self->error_message[0] == '\0') {
        self->error_code = code;
        snprintf(self->error_message, sizeof self->error_message, "%s", message);
    }
    journal_add(&self->journal, "error %s", category);
    counter_add(&self->errors, 1);
    node_tell(self, NODE_ERROR);
}

static inline void node_destroy(void *user_data)
{
    node *self = user_data;
    node_tell(self, NODE_DESTROY);
    journal_add(&self->journal, "destroy");
}

static inline cppserver_udp_handler node_handler(void)
{
    cppserver_udp_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_started = node_on_started;
    handler.on_stopped = node_on_stopped;
    handler.on_received = node_on_received;
    handler.on_sent = node_on_sent;
    handler.on_empty = node_on_empty;
    handler.on_joined = node_on_joined;
    handler.on_left = node_on_left;
    handler.on_error = node_on_error;
    handler.destroy = node_destroy;
    return handler;
}

/* Takes an endpoint over, which was made right now. */
static inline node *node_of(cppserver_udp *udp)
{
    node *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    CHECK(udp != NULL);
    journal_init(&self->journal);
    journal_init(&self->heard);
    counter_init(&self->received);
    counter_init(&self->sent);
    counter_init(&self->received_bytes);
    counter_init(&self->sent_bytes);
    counter_init(&self->emptied);
    counter_init(&self->errors);
    self->udp = udp;
    return self;
}

/* Servers on 127.0.0.1 and clients of a port there, not started yet. */
static inline node *node_server(cppserver_service *service)
{
    return node_of(cppserver_udp_create_server(service, "127.0.0.1", 0));
}

static inline node *node_client(cppserver_service *service, uint16_t port)
{
    return node_of(cppserver_udp_create_client(service, "127.0.0.1", port));
}

static inline int32_t node_start(node *self)
{
    cppserver_udp_handler handler = node_handler();
    return cppserver_udp_start(self->udp, &handler, self);
}

/* Starts an endpoint, and waits until it has started. */
static inline node *node_started(node *self)
{
    CHECK_OK(node_start(self));
    WAIT_FOR(&self->journal, "started");
    return self;
}

static inline uint16_t node_port(node *self)
{
    return cppserver_udp_port(self->udp);
}

static inline int32_t node_set(node *self, int32_t option, int64_t value)
{
    return cppserver_udp_set_option(self->udp, option, value);
}

/* Where an endpoint on a certain address is. */
static inline cppserver_address node_address(node *self)
{
    cppserver_address address = { { 0 }, 0, 0, 0, 0 };
    CHECK_OK(cppserver_udp_local_address(self->udp, &address));
    return address;
}

static inline cppserver_address address_of(const char *text, uint16_t port)
{
    cppserver_address address = { { 0 }, 0, 0, 0, 0 };
    CHECK_OK(cppserver_address_parse(text, port, &address));
    return address;
}

static inline bool address_equals(cppserver_address one, cppserver_address other)
{
    return memcmp(&one, &other, sizeof one) == 0;
}

/* To the server of a client, or to the destination of a server. */
static inline int32_t node_send(node *self, const char *text)
{
    return cppserver_udp_send(self->udp, text, strlen(text), NULL);
}

static inline int32_t node_send_to(node *self, cppserver_address to, const char *text)
{
    return cppserver_udp_send_to(self->udp, &to, text, strlen(text), NULL);
}

/* Frees an endpoint after its destroy; call it when nothing of it runs any more. */
static inline void node_free(node *self)
{
    cppserver_udp_release(self->udp);
    free(self);
}

#endif
