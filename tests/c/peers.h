/*
 * Endpoints that write down what happens to them.
 *
 * A hook of an endpoint runs inside its callbacks, so that a test can call the library from there.
 */
#ifndef TEST_PEERS_H
#define TEST_PEERS_H

#include "test.h"

typedef enum event {
    EVENT_CONNECTED,
    EVENT_HANDSHAKED,
    EVENT_RECEIVED,
    EVENT_SENT,
    EVENT_EMPTY,
    EVENT_ERROR,
    EVENT_DISCONNECTED,
    EVENT_DESTROY
} event;

/* One side of one connection: a session of a server, or a client. */
typedef struct endpoint endpoint;
typedef void (*endpoint_hook)(endpoint *self, event event);

struct endpoint {
    journal own_journal;
    journal *journal;        /* its own one, or the server's */
    const char *prefix;      /* what the entries begin with */
    cppserver_session *session;
    cppserver_client *client; /* NULL for the sessions of a server */
    endpoint_hook hook;
    void *hook_data;
    bool echo;               /* sends back what it receives */
    size_t handled_from;     /* handles data only when there are so many bytes at once */
    counter received;        /* bytes that were handled */
    counter calls;           /* calls of on_received */
    counter sent;
    counter emptied;
    size_t last_size;        /* of the last on_received; read it when `calls` has moved on */
    char data[4096];         /* the first bytes that were handled */
    int32_t error_code;      /* of the first on_error */
    char error_message[256];
};

static inline void endpoint_tell(endpoint *self, event event)
{
    if (self->hook != NULL)
        self->hook(self, event);
}

static inline void endpoint_on_connected(void *user_data)
{
    endpoint *self = user_data;
    journal_add(self->journal, "%sconnected", self->prefix);
    endpoint_tell(self, EVENT_CONNECTED);
}

static inline void endpoint_on_handshaked(void *user_data)
{
    endpoint *self = user_data;
    journal_add(self->journal, "%shandshaked", self->prefix);
    endpoint_tell(self, EVENT_HANDSHAKED);
}

static inline void endpoint_on_disconnected(void *user_data, int32_t reason)
{
    endpoint *self = user_data;
    journal_add(self->journal, "%sdisconnected %d", self->prefix, (int)reason);
    endpoint_tell(self, EVENT_DISCONNECTED);
}

static inline size_t endpoint_on_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    endpoint *self = user_data;
    CHECK_NUMBER(kind, CPPSERVER_KIND_BYTES);
    CHECK(size > 0);
    size_t handled = size >= self->handled_from ? size : 0;
    if (handled > 0) {
        size_t used = (size_t)counter_value(&self->received);
        if (used < sizeof self->data - 1) {
            size_t room = sizeof self->data - 1 - used;
            memcpy(self->data + used, data, size < room ? size : room);
        }
        if (self->echo) {
            /* The session may have been ended by another thread meanwhile. */
            int32_t status = cppserver_session_send(self->session, data, size, NULL);
            CHECK(status == CPPSERVER_STATUS_OK || status == CPPSERVER_STATUS_NOT_CONNECTED);
        }
    }
    self->last_size = size;
    counter_add(&self->received, (long)handled);
    counter_add(&self->calls, 1);
    endpoint_tell(self, EVENT_RECEIVED);
    return handled;
}

static inline void endpoint_on_sent(void *user_data, size_t sent, size_t pending)
{
    endpoint *self = user_data;
    (void)pending;
    CHECK(sent > 0);
    counter_add(&self->sent, (long)sent);
    endpoint_tell(self, EVENT_SENT);
}

static inline void endpoint_on_empty(void *user_data)
{
    endpoint *self = user_data;
    counter_add(&self->emptied, 1);
    endpoint_tell(self, EVENT_EMPTY);
}

static inline void endpoint_on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    endpoint *self = user_data;
    if (self->error_message[0] == '\0') {
        self->error_code = code;
        snprintf(self->error_message, sizeof self->error_message, "%s", message);
    }
    journal_add(self->journal, "%serror %s", self->prefix, category);
    endpoint_tell(self, EVENT_ERROR);
}

static inline void endpoint_destroy(void *user_data)
{
    endpoint *self = user_data;
    endpoint_tell(self, EVENT_DESTROY);
    journal_add(self->journal, "%sdestroy", self->prefix);
}

static inline cppserver_session_handler endpoint_handler(void)
{
    cppserver_session_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_connected = endpoint_on_connected;
    handler.on_handshaked = endpoint_on_handshaked;
    handler.on_disconnected = endpoint_on_disconnected;
    handler.on_received = endpoint_on_received;
    handler.on_sent = endpoint_on_sent;
    handler.on_empty = endpoint_on_empty;
    handler.on_error = endpoint_on_error;
    handler.destroy = endpoint_destroy;
    return handler;
}

static inline endpoint *endpoint_create(void)
{
    endpoint *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    journal_init(&self->own_journal);
    self->journal = &self->own_journal;
    self->prefix = "";
    counter_init(&self->received);
    counter_init(&self->calls);
    counter_init(&self->sent);
    counter_init(&self->emptied);
    return self;
}

/* ---- clients ---- */

/* Takes a client over, which was made right now. */
static inline endpoint *client_of(cppserver_client *client)
{
    endpoint *self = endpoint_create();
    CHECK(client != NULL);
    self->client = client;
    self->session = cppserver_client_session(client);
    return self;
}

static inline endpoint *client_create(cppserver_service *service, uint16_t port)
{
    return client_of(cppserver_client_create_tcp(service, "127.0.0.1", port));
}

static inline int32_t client_connect(endpoint *self)
{
    cppserver_session_handler handler = endpoint_handler();
    return cppserver_client_connect(self->client, &handler, self);
}

/* A client that is connected. */
static inline endpoint *client_connected(cppserver_service *service, uint16_t port)
{
    endpoint *self = client_create(service, port);
    CHECK_OK(client_connect(self));
    WAIT_FOR(self->journal, "connected");
    return self;
}

static inline int32_t endpoint_send(endpoint *self, const char *text)
{
    return cppserver_session_send(self->session, text, strlen(text), NULL);
}

/* Frees a client after its destroy; call it when nothing of it runs any more. */
static inline void client_free(endpoint *self)
{
    cppserver_client_release(self->client);
    free(self);
}

/* ---- servers ---- */

#define HOST_SESSIONS 512

typedef struct host host;
typedef void (*host_hook)(host *self, event event);

struct host {
    journal journal;
    cppserver_service *service;
    cppserver_server *server;
    endpoint_hook session_hook; /* for the sessions to come */
    void *hook_data;
    host_hook hook;             /* for the server's own on_connected and on_disconnected */
    cppserver_session_handler session_handler; /* of the sessions to come */
    bool echo;
    bool refuse;
    size_t handled_from;
    endpoint *sessions[HOST_SESSIONS];
    counter accepted;
    int32_t error_code;
};

static inline void host_on_started(void *user_data)
{
    journal_add(&((host *)user_data)->journal, "started");
}

static inline void host_on_stopped(void *user_data)
{
    journal_add(&((host *)user_data)->journal, "stopped");
}

static inline bool host_on_session(void *user_data, cppserver_session *session,
                                   cppserver_session_handler *handler, void **session_user_data)
{
    host *self = user_data;
    CHECK_NUMBER(handler->size, sizeof *handler);
    CHECK(*session_user_data == NULL);
    journal_add(&self->journal, self->refuse ? "refused" : "session");
    if (self->refuse)
        return false;
    /* At once, because a service with several threads may be here on each of them. */
    long number = counter_add(&self->accepted, 1) - 1;
    if (number >= HOST_SESSIONS) {
        counter_add(&self->accepted, -1);
        return false;
    }
    endpoint *accepted = endpoint_create();
    accepted->journal = &self->journal;
    accepted->prefix = "session ";
    accepted->session = cppserver_session_retain(session);
    accepted->hook = self->session_hook;
    accepted->hook_data = self->hook_data;
    accepted->echo = self->echo;
    accepted->handled_from = self->handled_from;
    self->sessions[number] = accepted;
    *handler = self->session_handler;
    *session_user_data = accepted;
    return true;
}

static inline void host_on_connected(void *user_data, cppserver_session *session, void *session_user_data)
{
    host *self = user_data;
    CHECK(((endpoint *)session_user_data)->session == session);
    journal_add(&self->journal, "server connected");
    if (self->hook != NULL)
        self->hook(self, EVENT_CONNECTED);
}

static inline void host_on_disconnected(void *user_data, cppserver_session *session, void *session_user_data,
                                        int32_t reason)
{
    host *self = user_data;
    CHECK(((endpoint *)session_user_data)->session == session);
    journal_add(&self->journal, "server disconnected %d", (int)reason);
    if (self->hook != NULL)
        self->hook(self, EVENT_DISCONNECTED);
}

static inline void host_on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    host *self = user_data;
    self->error_code = code;
    CHECK(message[0] != '\0');
    journal_add(&self->journal, "error %s", category);
}

static inline void host_destroy(void *user_data)
{
    journal_add(&((host *)user_data)->journal, "destroy");
}

static inline cppserver_server_handler host_handler(void)
{
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_started = host_on_started;
    handler.on_stopped = host_on_stopped;
    handler.on_session = host_on_session;
    handler.on_connected = host_on_connected;
    handler.on_disconnected = host_on_disconnected;
    handler.on_error = host_on_error;
    handler.destroy = host_destroy;
    return handler;
}

/* Takes a server over, which was made right now. */
static inline host *host_of(cppserver_service *service, cppserver_server *server)
{
    host *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    journal_init(&self->journal);
    counter_init(&self->accepted);
    CHECK(server != NULL);
    self->service = cppserver_service_retain(service);
    self->server = server;
    self->session_handler = endpoint_handler();
    return self;
}

/* A server on a port of the system's choice that is not started yet. */
static inline host *host_create(cppserver_service *service)
{
    return host_of(service, cppserver_server_create_tcp(service, "127.0.0.1", 0));
}

static inline int32_t host_start(host *self)
{
    cppserver_server_handler handler = host_handler();
    return cppserver_server_start(self->server, &handler, self);
}

/* A server that runs, on a service that runs. */
static inline host *host_started(cppserver_service *service)
{
    host *self = host_create(service);
    CHECK_OK(host_start(self));
    WAIT_FOR(&self->journal, "started");
    return self;
}

/* The session number `number`, once it is connected. */
static inline endpoint *host_session(host *self, long number)
{
    CHECK(journal_has(&self->journal, "server connected", number + 1));
    return self->sessions[number];
}

static inline uint16_t host_port(host *self)
{
    return cppserver_server_port(self->server);
}

/* Frees a server and its sessions; call it when nothing of them runs any more. */
static inline void host_free(host *self)
{
    long sessions = counter_value(&self->accepted);
    for (long number = 0; number < sessions; ++number) {
        cppserver_session_release(self->sessions[number]->session);
        free(self->sessions[number]);
    }
    cppserver_server_release(self->server);
    cppserver_service_release(self->service);
    free(self);
}

#endif
