/* What the tests of WebSocket share: servers and clients of messages, and raw peers that speak frame by frame. */
#ifndef TEST_WEBSOCKET_H
#define TEST_WEBSOCKET_H

#include "tls.h"

/* ---- messages in journals: "text 'hello'", or "binary 70000 bytes 1f2e3d4c" for what is long ---- */

typedef struct message_entry {
    char text[96];
} message_entry;

static inline bool message_is_short(const unsigned char *data, size_t size)
{
    for (size_t index = 0; index < size && size <= 40; ++index)
        if (data[index] < ' ' || data[index] > '~' || data[index] == ',')
            return false;
    return size <= 40;
}

static inline message_entry message_entry_of(int32_t kind, const void *data, size_t size)
{
    static const char *const names[] = { "bytes", "text", "binary", "ping", "pong" };
    message_entry entry;
    if (!CHECK(kind >= CPPSERVER_KIND_BYTES && kind <= CPPSERVER_KIND_PONG))
        kind = CPPSERVER_KIND_BYTES;
    if (message_is_short(data, size)) {
        snprintf(entry.text, sizeof entry.text, "%s '%.*s'", names[kind], (int)size, (const char *)data);
        return entry;
    }
    /* FNV-1a, which tells of every byte and its place. */
    uint32_t hash = 2166136261u;
    for (size_t index = 0; index < size; ++index)
        hash = (hash ^ ((const unsigned char *)data)[index]) * 16777619u;
    snprintf(entry.text, sizeof entry.text, "%s %zu bytes %08lx", names[kind], size, (unsigned long)hash);
    return entry;
}

static inline size_t message_on_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    endpoint *self = user_data;
    if (self->echo && kind != CPPSERVER_KIND_PING && kind != CPPSERVER_KIND_PONG) {
        int32_t status = cppserver_session_send_message(self->session, kind, data, size, NULL);
        CHECK(status == CPPSERVER_STATUS_OK || status == CPPSERVER_STATUS_NOT_CONNECTED);
    }
    self->last_size = size;
    counter_add(&self->received, (long)size);
    counter_add(&self->calls, 1);
    /* Last, so that who waits for it sees the rest. */
    journal_add(self->journal, "%s%s", self->prefix, message_entry_of(kind, data, size).text);
    endpoint_tell(self, EVENT_RECEIVED);
    /* Messages count as handled, whatever this says. */
    return 0;
}

/* Empty messages are sent too. */
static inline void message_on_sent(void *user_data, size_t sent, size_t pending)
{
    endpoint *self = user_data;
    (void)pending;
    counter_add(&self->sent, (long)sent);
    endpoint_tell(self, EVENT_SENT);
}

static inline cppserver_session_handler message_handler(void)
{
    cppserver_session_handler handler = endpoint_handler();
    handler.on_received = message_on_received;
    handler.on_sent = message_on_sent;
    return handler;
}

static inline int32_t message_send(endpoint *self, int32_t kind, const char *text)
{
    return cppserver_session_send_message(self->session, kind, text, strlen(text), NULL);
}

static inline int32_t message_send_text(endpoint *self, const char *text)
{
    return message_send(self, CPPSERVER_KIND_TEXT, text);
}

/* The reason that the peer of a session gave. */
static inline void check_close(endpoint *self, uint16_t code, const char *reason)
{
    char buffer[126] = "before";
    size_t length = 0;
    CHECK_NUMBER(cppserver_session_close_code(self->session), code);
    CHECK_OK(cppserver_session_close_reason(self->session, buffer, sizeof buffer, &length));
    CHECK_TEXT(buffer, reason);
    CHECK_NUMBER(length, strlen(reason));
}

static inline void check_subprotocol(endpoint *self, const char *expected)
{
    char buffer[64] = "before";
    size_t length = 0;
    CHECK_OK(cppserver_session_subprotocol(self->session, buffer, sizeof buffer, &length));
    CHECK_TEXT(buffer, expected);
    CHECK_NUMBER(length, strlen(expected));
}

/* ---- a server with its clients ---- */

#define SCENE_CLIENTS 16

typedef struct scene {
    cppserver_service *service;
    host *server;
    cppserver_tls_context *theirs, *ours; /* NULL where nothing is encrypted */
    endpoint *clients[SCENE_CLIENTS];
    size_t count;
} scene;

/* A server that is not started yet. */
static inline scene scene_create_with(uint32_t threads, bool secure)
{
    scene self = { 0 };
    cppserver_server *server;
    self.service = service_started(threads);
    if (secure) {
        self.theirs = server_context();
        self.ours = client_context();
        server = cppserver_server_create_wss(self.service, self.theirs, "127.0.0.1", 0);
    } else {
        server = cppserver_server_create_ws(self.service, "127.0.0.1", 0);
    }
    self.server = host_of(self.service, server);
    self.server->session_handler = message_handler();
    return self;
}

static inline scene scene_create(void)
{
    return scene_create_with(1, false);
}

static inline void scene_set(scene *self, int32_t option, int64_t value)
{
    CHECK_OK(cppserver_server_set_option(self->server->server, option, value));
}

static inline void scene_start(scene *self)
{
    CHECK_OK(host_start(self->server));
    WAIT_FOR(&self->server->journal, "started");
}

/* An echo server that runs. */
static inline scene scene_echo(void)
{
    scene self = scene_create();
    self.server->echo = true;
    scene_start(&self);
    return self;
}

/* A client that is not connected yet. */
static inline endpoint *scene_client(scene *self, const char *target)
{
    char address[256];
    snprintf(address, sizeof address, "%s://127.0.0.1:%u%s", self->ours == NULL ? "ws" : "wss",
             (unsigned)host_port(self->server), target);
    endpoint *client = client_of(self->ours == NULL ? cppserver_client_create_ws(self->service, address)
                                                    : cppserver_client_create_wss(self->service, self->ours, address));
    if (self->count == SCENE_CLIENTS)
        abort();
    return self->clients[self->count++] = client;
}

static inline int32_t scene_connect(endpoint *client)
{
    cppserver_session_handler handler = message_handler();
    return cppserver_client_connect(client->client, &handler, client);
}

/* A client that is open for messages. */
static inline endpoint *scene_opened(scene *self)
{
    endpoint *client = scene_client(self, "/");
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    return client;
}

/* The session number `number`, once it is open for messages. */
static inline endpoint *scene_session(scene *self, long number)
{
    CHECK(journal_has(&self->server->journal, "session handshaked", number + 1));
    return self->server->sessions[number];
}

/* Ends everything; every session is destroyed by then. */
static inline void scene_close(scene *self)
{
    service_finished(self->service);
    CHECK_NUMBER(journal_count(&self->server->journal, "session destroy"), counter_value(&self->server->accepted));
    for (size_t index = 0; index < self->count; ++index)
        client_free(self->clients[index]);
    host_free(self->server);
    cppserver_tls_context_release(self->theirs);
    cppserver_tls_context_release(self->ours);
}

/* ---- raw peers ---- */

/* The first bytes of frames: FIN and the opcode. */
enum { RAW_FIN = 0x80, RAW_RSV1 = 0x40, RAW_TEXT = 0x81, RAW_BINARY = 0x82, RAW_CLOSE = 0x88, RAW_PING = 0x89,
       RAW_PONG = 0x8a, RAW_END = -1 };

/* A plain socket that stands for a client. */
typedef struct raw_peer {
    platform_socket socket;
    unsigned char buffer[1 << 17]; /* what was received and not yet consumed */
    size_t used;
    char head[8192];               /* the answer to the request, in small letters */
    unsigned char payload[1 << 17];
    size_t size;                   /* of the payload of the last frame */
} raw_peer;

static inline raw_peer *raw_connect(uint16_t port, int receive_buffer)
{
    raw_peer *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    self->socket = platform_socket_connect(port, receive_buffer);
    CHECK(self->socket != PLATFORM_NO_SOCKET);
    CHECK(platform_socket_set_patience(self->socket, TEST_PATIENCE));
    return self;
}

static inline void raw_free(raw_peer *self)
{
    platform_socket_close(self->socket);
    free(self);
}

/* Receives until so many bytes are there. False at the end of the stream. */
static inline bool raw_fill(raw_peer *self, size_t size)
{
    while (self->used < size) {
        long count = platform_socket_receive(self->socket, self->buffer + self->used, sizeof self->buffer - self->used);
        if (count <= 0)
            return false;
        self->used += (size_t)count;
    }
    return true;
}

static inline void raw_consume(raw_peer *self, size_t size)
{
    memmove(self->buffer, self->buffer + size, self->used - size);
    self->used -= size;
}

/* Receives the head of an answer, up to the empty line. */
static inline bool raw_receive_head(raw_peer *self)
{
    for (size_t size = 1; raw_fill(self, size) && size < sizeof self->head; ++size) {
        unsigned char byte = self->buffer[size - 1];
        self->head[size - 1] = (char)(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
        self->head[size] = '\0';
        if (size >= 4 && strcmp(self->head + size - 4, "\r\n\r\n") == 0) {
            raw_consume(self, size);
            return true;
        }
    }
    printf("  no whole answer came, only: %s\n", self->head);
    return CHECK(!"an answer has a head");
}

static inline bool raw_head_has(const raw_peer *self, const char *field)
{
    char line[512];
    snprintf(line, sizeof line, "\r\n%s\r\n", field);
    bool found = strstr(self->head, line) != NULL;
    if (!found)
        printf("  no \"%s\" in the answer:\n%s", field, self->head);
    return found;
}

static inline bool raw_head_begins(const raw_peer *self, const char *status_line)
{
    bool begins = strncmp(self->head, status_line, strlen(status_line)) == 0;
    if (!begins)
        printf("  the answer does not begin with \"%s\":\n%s", status_line, self->head);
    return begins;
}

/* Sends a request and receives the answer up to the end of the connection; what follows the head is the payload. */
static inline raw_peer *raw_asked(uint16_t port, const char *request)
{
    raw_peer *self = raw_connect(port, 0);
    CHECK(platform_socket_send(self->socket, request));
    if (raw_receive_head(self)) {
        while (raw_fill(self, self->used + 1)) { }
        memcpy(self->payload, self->buffer, self->used);
        self->size = self->used;
        self->payload[self->size] = '\0';
    }
    return self;
}

/* The request of an opening handshake, with more header fields that each end with a line break. */
typedef struct raw_request {
    char text[4096];
} raw_request;

static inline raw_request raw_handshake(const char *target, const char *fields)
{
    raw_request request;
    snprintf(request.text, sizeof request.text,
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
             target, fields);
    return request;
}

/* A peer that is open for frames. */
static inline raw_peer *raw_opened_with(uint16_t port, const char *fields, int receive_buffer)
{
    raw_peer *self = raw_connect(port, receive_buffer);
    CHECK(platform_socket_send(self->socket, raw_handshake("/", fields).text));
    CHECK(raw_receive_head(self));
    CHECK(raw_head_begins(self, "http/1.1 101 "));
    /* The example of RFC 6455 section 1.3; letters are small here. */
    CHECK(raw_head_has(self, "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="));
    return self;
}

static inline raw_peer *raw_opened(uint16_t port)
{
    return raw_opened_with(port, "", 0);
}

/* Sends a frame with any first byte. */
static inline void raw_send(raw_peer *self, int first, const void *payload, size_t size, bool masked)
{
    static const unsigned char key[4] = { 0x37, 0xfa, 0x21, 0x3d };
    unsigned char *frame = malloc(size + 14);
    size_t head = 2;
    if (frame == NULL)
        abort();
    frame[0] = (unsigned char)first;
    frame[1] = (unsigned char)((masked ? 0x80 : 0) | (size < 126 ? (int)size : size < 65536 ? 126 : 127));
    for (int shift = size < 126 ? 0 : size < 65536 ? 16 : 64; shift > 0; shift -= 8)
        frame[head++] = (unsigned char)((uint64_t)size >> (shift - 8));
    for (size_t index = 0; masked && index < sizeof key; ++index)
        frame[head++] = key[index];
    for (size_t index = 0; index < size; ++index)
        frame[head + index] = (unsigned char)(((const unsigned char *)payload)[index] ^ (masked ? key[index % 4] : 0));
    CHECK(platform_socket_send_bytes(self->socket, frame, head + size));
    free(frame);
}

static inline void raw_say(raw_peer *self, int first, const char *text)
{
    raw_send(self, first, text, strlen(text), true);
}

static inline void raw_send_close(raw_peer *self, uint16_t code, const char *reason)
{
    char payload[125];
    int size = snprintf(payload, sizeof payload, "%c%c%s", 1, 1, reason);
    payload[0] = (char)(code >> 8);
    payload[1] = (char)(code & 0xff);
    raw_send(self, RAW_CLOSE, payload, (size_t)size, true);
}

/* Receives a frame. Returns its first byte, or RAW_END. */
static inline int raw_receive(raw_peer *self)
{
    if (!raw_fill(self, 2))
        return RAW_END;
    /* Servers do not mask. */
    CHECK((self->buffer[1] & 0x80) == 0);
    size_t head = 2, size = self->buffer[1] & 0x7f;
    if (size > 125) {
        size_t count = size == 126 ? 2 : 8;
        head += count;
        if (!raw_fill(self, head))
            return RAW_END;
        size = 0;
        for (size_t index = 2; index < head; ++index)
            size = size << 8 | self->buffer[index];
    }
    if (!CHECK(head + size < sizeof self->buffer) || !raw_fill(self, head + size))
        return RAW_END;
    int first = self->buffer[0];
    memcpy(self->payload, self->buffer + head, size);
    self->payload[size] = '\0';
    self->size = size;
    raw_consume(self, head + size);
    return first;
}

/* Whether the next frame is this one. */
static inline void check_raw(raw_peer *self, int first, const char *text)
{
    if (CHECK_NUMBER(raw_receive(self), first) && CHECK_NUMBER(self->size, strlen(text)))
        CHECK(memcmp(self->payload, text, self->size) == 0);
}

/* Whether the next frame is a Close frame with this code; its reason is behind the first two bytes of the payload. */
static inline void check_raw_close(raw_peer *self, uint16_t code)
{
    if (CHECK_NUMBER(raw_receive(self), RAW_CLOSE) && CHECK(self->size >= 2))
        CHECK_NUMBER(self->payload[0] << 8 | self->payload[1], code);
}

#endif
