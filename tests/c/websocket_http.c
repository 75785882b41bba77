/* The opening handshake of WebSocket, and what else HTTP clients ask for. */
#include "websocket.h"

/* What a server has read of the last request, on the thread of the session. */
typedef struct seen_request {
    char method[8], target[128], path[128], query[128], origin[128], fields[1024];
    uint16_t status;
} seen_request;

static void copy_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text == NULL ? "(none)" : text);
}

static void read_request(seen_request *self, const cppserver_http_request *request,
                         const cppserver_http_response *response)
{
    const char *name = "before", *value = "before";
    size_t index = 0;
    copy_text(self->method, sizeof self->method, cppserver_http_request_method(request));
    copy_text(self->target, sizeof self->target, cppserver_http_request_target(request));
    copy_text(self->path, sizeof self->path, cppserver_http_request_path(request));
    copy_text(self->query, sizeof self->query, cppserver_http_request_query(request));
    copy_text(self->origin, sizeof self->origin, cppserver_http_request_header(request, "oRIGin"));
    self->status = cppserver_http_response_status(response);
    CHECK(cppserver_http_request_header(request, "X-Nobody-Sends-This") == NULL);
    CHECK(cppserver_http_request_header(request, NULL) == NULL);
    self->fields[0] = '\0';
    for (; cppserver_http_request_header_at(request, index, &name, &value); ++index) {
        size_t used = strlen(self->fields);
        snprintf(self->fields + used, sizeof self->fields - used, "%s: %s\n", name, value);
        CHECK(cppserver_http_request_header_at(request, index, NULL, NULL));
    }
    name = value = "before";
    CHECK(!cppserver_http_request_header_at(request, index, &name, &value));
    CHECK(!cppserver_http_request_header_at(request, SIZE_MAX, &name, &value));
    CHECK_TEXT(name, "before");
    CHECK_TEXT(value, "before");
}

/* ---- handshakes ---- */

static void choose_a_subprotocol(void *user_data, const cppserver_http_request *request,
                                 cppserver_http_response *response)
{
    endpoint *self = user_data;
    read_request(self->hook_data, request, response);
    journal_add(self->journal, "%shandshake", self->prefix);
    CHECK(!cppserver_session_is_handshaked(self->session));
    CHECK_OK(cppserver_http_response_set_subprotocol(response, "chat.v2"));
    CHECK_OK(cppserver_http_response_add_header(response, "Set-Cookie", "a=1"));
    CHECK_OK(cppserver_http_response_add_header(response, "Set-Cookie", "b=2"));
    CHECK_FAILS(cppserver_http_response_set_subprotocol(response, ""), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_http_response_set_subprotocol(response, "two words"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_http_response_set_subprotocol(response, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_http_response_set_status(response, 101));
    /* What is sent before the end of the handshake waits for it. */
    CHECK_OK(message_send_text(self, "early"));
}

static void a_handler_sees_the_request_and_chooses(void)
{
    seen_request seen = { 0 };
    scene scene = scene_create();
    scene.server->session_handler.on_handshake = choose_a_subprotocol;
    scene.server->hook_data = &seen;
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/chat%20room?id=7&x=a+b");
    CHECK_OK(cppserver_client_add_header(client->client, "Origin", "http://example.com"));
    CHECK_OK(cppserver_client_add_header(client->client, "Cookie", "secret=1"));
    CHECK_OK(cppserver_client_add_header(client->client, "X-Twice", "first"));
    CHECK_OK(cppserver_client_add_header(client->client, "X-Twice", "second"));
    CHECK_OK(cppserver_client_set_subprotocols(client->client, "chat.v3, chat.v2,chat.v1"));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "text 'early'");
    CHECK_JOURNAL(client->journal, "connected, handshaked, text 'early'");
    endpoint *session = scene_session(&scene, 0);
    CHECK(journal_in_order(&scene.server->journal, "server connected", "session handshake,"));
    CHECK(journal_in_order(&scene.server->journal, "session handshake,", "session handshaked"));
    CHECK_TEXT(seen.method, "GET");
    CHECK_TEXT(seen.target, "/chat%20room?id=7&x=a+b");
    CHECK_TEXT(seen.path, "/chat%20room");
    CHECK_TEXT(seen.query, "id=7&x=a+b");
    CHECK_TEXT(seen.origin, "http://example.com");
    CHECK_NUMBER(seen.status, 101);
    char host_field[64];
    snprintf(host_field, sizeof host_field, "host: 127.0.0.1:%u\n", (unsigned)host_port(scene.server));
    const char *const fields[] = { host_field, "origin: http://example.com\n", "cookie: secret=1\n", "x-twice: first\n",
                                   "x-twice: second\n", "sec-websocket-protocol: chat.v3, chat.v2, chat.v1\n",
                                   "sec-websocket-version: 13\n", "upgrade: websocket\n" };
    for (size_t index = 0; index < sizeof fields / sizeof *fields; ++index)
        if (!CHECK(strstr(seen.fields, fields[index]) != NULL))
            printf("  no %s  in\n%s", fields[index], seen.fields);
    check_subprotocol(client, "chat.v2");
    check_subprotocol(session, "chat.v2");
    char buffer[8];
    size_t length = 0;
    CHECK_FAILS(cppserver_session_subprotocol(client->session, buffer, 7, &length), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(length, 7);
    CHECK_OK(cppserver_session_subprotocol(client->session, buffer, 8, NULL));
    CHECK_OK(cppserver_session_subprotocol(client->session, NULL, 0, &length));
    CHECK_NUMBER(length, 7);
    /* On the wire. */
    raw_peer *peer = raw_opened_with(host_port(scene.server), "Sec-WebSocket-Protocol: chat.v1\r\n"
                                     "Sec-WebSocket-Protocol: chat.v2\r\n", 0);
    CHECK(raw_head_has(peer, "sec-websocket-protocol: chat.v2"));
    CHECK(raw_head_has(peer, "set-cookie: a=1"));
    CHECK(raw_head_has(peer, "set-cookie: b=2"));
    CHECK(raw_head_has(peer, "connection: upgrade"));
    CHECK(raw_head_has(peer, "upgrade: websocket"));
    check_raw(peer, RAW_TEXT, "early");
    raw_free(peer);
    scene_close(&scene);
}

static void a_subprotocol_has_to_be_offered(void)
{
    seen_request seen = { 0 };
    scene scene = scene_create();
    scene.server->session_handler.on_handshake = choose_a_subprotocol;
    scene.server->hook_data = &seen;
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "");
    CHECK_OK(cppserver_client_set_subprotocols(client->client, "chat.v1"));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, error websocket, disconnected 3, destroy");
    CHECK_NUMBER(client->error_code, 500);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session handshaked"), 0);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error websocket"), 1);
    CHECK(strstr(scene.server->sessions[0]->error_message, "chat.v2") != NULL);
    CHECK_TEXT(seen.target, "/");
    CHECK_TEXT(seen.query, "(none)");
    CHECK_TEXT(seen.origin, "(none)");
    scene_close(&scene);
}

static void refuse_with_a_page(void *user_data, const cppserver_http_request *request, cppserver_http_response *response)
{
    (void)user_data;
    if (strcmp(cppserver_http_request_path(request), "/open") == 0)
        return;
    CHECK_OK(cppserver_http_response_set_status(response, 403));
    CHECK_NUMBER(cppserver_http_response_status(response), 403);
    CHECK_OK(cppserver_http_response_add_header(response, "Content-Type", "text/plain"));
    CHECK_OK(cppserver_http_response_set_body(response, "overwritten", 11));
    CHECK_OK(cppserver_http_response_set_body(response, "members only", 12));
}

/* It waits for the handshake, and nothing becomes of it when that is refused. */
static void send_early(endpoint *self, event event)
{
    if (event == EVENT_CONNECTED)
        CHECK_OK(message_send_text(self, "early"));
}

static void a_handler_refuses(void)
{
    scene scene = scene_create();
    scene.server->session_handler.on_handshake = refuse_with_a_page;
    scene_start(&scene);
    raw_peer *peer = raw_asked(host_port(scene.server), raw_handshake("/closed", "").text);
    CHECK(raw_head_begins(peer, "http/1.1 403 "));
    CHECK(raw_head_has(peer, "content-type: text/plain"));
    CHECK(raw_head_has(peer, "content-length: 12"));
    CHECK(raw_head_has(peer, "connection: close"));
    CHECK(strstr(peer->head, "sec-websocket-accept") == NULL);
    CHECK_TEXT((const char *)peer->payload, "members only");
    raw_free(peer);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_JOURNAL(&scene.server->journal, "started, session, session connected, server connected, "
                                          "session disconnected 1, server disconnected 1, session destroy");
    endpoint *client = scene_client(&scene, "/closed");
    client->hook = send_early;
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, error websocket, disconnected 3, destroy");
    CHECK_NUMBER(client->error_code, 403);
    CHECK(strstr(client->error_message, "403") != NULL);
    CHECK(!cppserver_session_is_handshaked(client->session));
    CHECK_NUMBER(cppserver_session_close_code(client->session), 0);
    endpoint *other = scene_client(&scene, "/open");
    CHECK_OK(scene_connect(other));
    WAIT_FOR(other->journal, "handshaked");
    scene_close(&scene);
}

static void check_what_an_answer_takes(void *user_data, const cppserver_http_request *request,
                                       cppserver_http_response *response)
{
    (void)user_data;
    (void)request;
    const uint16_t statuses[] = { 0, 99, 100, 102, 199, 600, 65535 };
    for (size_t index = 0; index < sizeof statuses / sizeof *statuses; ++index)
        CHECK_FAILS(cppserver_http_response_set_status(response, statuses[index]), CPPSERVER_STATUS_INVALID_ARGUMENT);
    const char *const own[] = { "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Accept",
                                "sec-websocket-extensions", "Sec-WebSocket-Protocol", "Sec-WebSocket-Version" };
    for (size_t index = 0; index < sizeof own / sizeof *own; ++index)
        CHECK_FAILS(cppserver_http_response_add_header(response, own[index], "x"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    const char *const names[] = { "", "two words", "colon:", "line\r\n", "caf\xc3\xa9", "\xff" };
    for (size_t index = 0; index < sizeof names / sizeof *names; ++index)
        CHECK_FAILS(cppserver_http_response_add_header(response, names[index], "x"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    const char *const values[] = { "one\r\nX-Two: 2", "one\ntwo", "caf\xc3\xa9", "\xff", "\x7f" };
    for (size_t index = 0; index < sizeof values / sizeof *values; ++index)
        CHECK_FAILS(cppserver_http_response_add_header(response, "X-One", values[index]), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_http_response_add_header(response, NULL, "x"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_http_response_add_header(response, "X-One", NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_http_response_set_body(response, NULL, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_http_response_set_body(response, NULL, 0));
    CHECK_OK(cppserver_http_response_set_status(response, 599));
    CHECK_OK(cppserver_http_response_set_status(response, 204));
}

static void what_an_answer_cannot_have_is_refused(void)
{
    scene scene = scene_create();
    scene.server->session_handler.on_handshake = check_what_an_answer_takes;
    scene.server->session_handler.on_request = check_what_an_answer_takes;
    scene_start(&scene);
    for (int page = 0; page < 2; ++page) {
        raw_peer *peer = raw_asked(host_port(scene.server), page == 1 ? "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
                                                                      : raw_handshake("/", "").text);
        CHECK(raw_head_begins(peer, "http/1.1 204 "));
        CHECK(strstr(peer->head, "x-one") == NULL);
        CHECK_NUMBER(peer->size, 0);
        raw_free(peer);
    }
    scene_close(&scene);
}

static void a_handshake_may_come_byte_by_byte_or_with_frames_behind_it(void)
{
    scene scene = scene_echo();
    raw_request request = raw_handshake("/", "");
    raw_peer *peer = raw_connect(host_port(scene.server), 0);
    for (size_t index = 0; request.text[index] != '\0'; ++index)
        CHECK(platform_socket_send_bytes(peer->socket, request.text + index, 1));
    CHECK(raw_receive_head(peer));
    CHECK(raw_head_begins(peer, "http/1.1 101 "));
    raw_say(peer, RAW_TEXT, "hello");
    check_raw(peer, RAW_TEXT, "hello");
    raw_free(peer);
    /* A masked "hi" with the mask 0, in the same segment. */
    char together[4096 + 8];
    size_t size = strlen(request.text);
    memcpy(together, request.text, size);
    memcpy(together + size, "\x81\x82\0\0\0\0hi", 8);
    peer = raw_connect(host_port(scene.server), 0);
    CHECK(platform_socket_send_bytes(peer->socket, together, size + 8));
    CHECK(raw_receive_head(peer));
    check_raw(peer, RAW_TEXT, "hi");
    raw_free(peer);
    scene_close(&scene);
}

static void an_encrypted_handshake_is_the_same(void)
{
    seen_request seen = { 0 };
    scene scene = scene_create_with(1, true);
    scene.server->session_handler.on_handshake = choose_a_subprotocol;
    scene.server->hook_data = &seen;
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/secure?yes");
    CHECK_OK(cppserver_client_set_subprotocols(client->client, "chat.v2"));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "text 'early'");
    CHECK_JOURNAL(client->journal, "connected, handshaked, text 'early'");
    CHECK_TEXT(seen.target, "/secure?yes");
    check_subprotocol(client, "chat.v2");
    scene_close(&scene);
}

/* ---- handshakes that are wrong ---- */

static void wrong_handshakes_are_answered(void)
{
    static const struct { const char *request, *status, *field; } cases[] = {
        { "POST / HTTP/1.1\r\nHost: x\r\n\r\n", "http/1.1 405 ", "allow: get, head" },
        { "GET / HTTP/1.0\r\nHost: x\r\n\r\n", "http/1.1 505 ", "connection: close" },
        { "GET / HTTP/1.1\r\n\r\n", "http/1.1 400 ", "connection: close" },
        { "NONSENSE\r\n\r\n", "http/1.1 400 ", "connection: close" },
        { "\x16\x03\x01\x02\x05\x01\x01", "http/1.1 400 ", "connection: close" },
        { "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "http/1.1 426 ", "sec-websocket-version: 13" },
        { "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
          "http/1.1 400 ", "connection: close" },
        { "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "http/1.1 400 ", "connection: close" },
        { "HEAD / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "http/1.1 405 ", "allow: get, head" },
    };
    scene scene = scene_echo();
    endpoint *other = scene_opened(&scene);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        raw_peer *peer = raw_asked(host_port(scene.server), cases[index].request);
        if (!CHECK(raw_head_begins(peer, cases[index].status)) || !CHECK(raw_head_has(peer, cases[index].field)))
            printf("  for %s", cases[index].request);
        raw_free(peer);
        CHECK(journal_has(&scene.server->journal, "session destroy", (long)index + 1));
        CHECK_NUMBER(journal_count(&scene.server->journal, "session error websocket"), index + 1);
        CHECK(scene.server->sessions[index + 1]->error_code >= 400);
    }
    CHECK_NUMBER(journal_count(&scene.server->journal, "session handshaked"), 1);
    CHECK_OK(message_send_text(other, "untouched"));
    WAIT_FOR(other->journal, "text 'untouched'");
    scene_close(&scene);
}

static void endless_headers_are_refused(void)
{
    scene scene = scene_echo();
    raw_peer *peer = raw_connect(host_port(scene.server), 0);
    char field[1100] = "X: ";
    memset(field + 3, 'x', sizeof field - 6);
    memcpy(field + sizeof field - 3, "\r\n", 3);
    CHECK(platform_socket_send(peer->socket, "GET / HTTP/1.1\r\nHost: x\r\n"));
    for (int count = 0; count < 16; ++count)
        CHECK(platform_socket_send(peer->socket, field));
    CHECK(raw_receive_head(peer));
    CHECK(raw_head_begins(peer, "http/1.1 431 "));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(scene.server->sessions[0]->error_code, 431);
    raw_free(peer);
    scene_close(&scene);
}

static void silence_is_no_handshake(void)
{
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, 20);
    scene_start(&scene);
    raw_peer *peer = raw_connect(host_port(scene.server), 0);
    CHECK(platform_socket_send(peer->socket, "GET / HTTP/1.1\r\n"));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error timeout"), 1);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 4"), 1);
    raw_free(peer);
    scene_close(&scene);
}

/* ---- clients ---- */

static void what_a_request_cannot_have_is_refused(void)
{
    seen_request seen = { 0 };
    scene scene = scene_create();
    scene.server->session_handler.on_handshake = choose_a_subprotocol;
    scene.server->hook_data = &seen;
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    const char *const own[] = { "Connection", "Upgrade", "Content-Length", "Transfer-Encoding", "Sec-WebSocket-Key",
                                "Sec-WebSocket-Accept", "sec-websocket-extensions", "Sec-WebSocket-Protocol",
                                "Sec-WebSocket-Version", "", "two words", "line\r\n", "\xff" };
    for (size_t index = 0; index < sizeof own / sizeof *own; ++index)
        CHECK_FAILS(cppserver_client_add_header(client->client, own[index], "x"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_add_header(client->client, "X-One", "1\r\nX-Two: 2"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_add_header(client->client, "Host", "a\r\nb"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_set_subprotocols(client->client, "good, two words"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_set_subprotocols(client->client, "caf\xc3\xa9"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_client_set_subprotocols(client->client, "forgotten"));
    CHECK_OK(cppserver_client_set_subprotocols(client->client, NULL));
    CHECK_OK(cppserver_client_set_subprotocols(client->client, "chat.v2"));
    CHECK_OK(cppserver_client_add_header(client->client, "Host", "chat.example.com"));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    CHECK(strstr(seen.fields, "host: chat.example.com\n") != NULL);
    CHECK(strstr(seen.fields, "sec-websocket-protocol: chat.v2\n") != NULL);
    CHECK(strstr(seen.fields, "x-one") == NULL);
    scene_close(&scene);
}

static void addresses_that_are_none_are_refused(void)
{
    cppserver_service *service = service_started(1);
    cppserver_tls_context *context = client_context();
    const char *const wrong[] = { "", "localhost", "http://localhost", "ws://", "ws://host:0", "ws://host:65536",
                                  "ws://user@host", "ws://host/#part", "ws://two words", "\xff" };
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index) {
        CHECK(cppserver_client_create_ws(service, wrong[index]) == NULL);
        CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK(cppserver_client_create_wss(service, context, wrong[index]) == NULL);
    }
    CHECK(cppserver_client_create_ws(service, "wss://localhost") == NULL);
    CHECK(strstr(cppserver_last_error_message(), "TLS") != NULL);
    CHECK(cppserver_client_create_wss(service, context, "ws://localhost") == NULL);
    CHECK(strstr(cppserver_last_error_message(), "TLS") != NULL);
    const char *const good[] = { "ws://localhost", "WS://LOCALHOST:8080", "ws://[::1]:8080/path?query", "ws://host?query" };
    for (size_t index = 0; index < sizeof good / sizeof *good; ++index) {
        cppserver_client *client = cppserver_client_create_ws(service, good[index]);
        CHECK(client != NULL);
        cppserver_client_release(client);
    }
    cppserver_tls_context_release(context);
    service_finished(service);
}

static void names_of_hosts_are_resolved(void)
{
    char address[64];
    scene scene = scene_echo();
    snprintf(address, sizeof address, "ws://localhost:%u/by-name", (unsigned)host_port(scene.server));
    endpoint *client = client_of(cppserver_client_create_ws(scene.service, address));
    scene.clients[scene.count++] = client;
    client->hook = send_early;
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "text 'early'");
    CHECK_JOURNAL(client->journal, "connected, handshaked, text 'early'");
    scene_close(&scene);
}

/* What a server that is no WebSocket server answers. */
static const char *answer_of_others;

static void answer_as_others_do(endpoint *self, event event)
{
    if (event != EVENT_RECEIVED || counter_value(&self->calls) > 1)
        return;
    CHECK_OK(endpoint_send(self, answer_of_others));
    CHECK_OK(cppserver_session_disconnect(self->session));
}

static void servers_of_something_else_are_recognized(void)
{
    static const struct { const char *answer; int32_t code; const char *text; } cases[] = {
        { "HTTP/1.1 301 Moved Permanently\r\nLocation: ws://elsewhere/\r\n\r\n", 301, "ws://elsewhere/" },
        { "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno!", 404, "404" },
        { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 101, "Sec-WebSocket-Accept" },
        { "HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: Upgrade\r\n\r\n", 101, "Upgrade" },
        { "HTTP/1.1 200 OK\r\n\r\n", 200, "200" },
        { "220 mail.example.com ESMTP\r\n", 0, "HTTP" },
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        char address[64];
        cppserver_service *service = service_started(1);
        host *server = host_create(service);
        answer_of_others = cases[index].answer;
        server->session_hook = answer_as_others_do;
        CHECK_OK(host_start(server));
        snprintf(address, sizeof address, "ws://127.0.0.1:%u/", (unsigned)host_port(server));
        endpoint *client = client_of(cppserver_client_create_ws(service, address));
        CHECK_OK(scene_connect(client));
        WAIT_FOR(client->journal, "destroy");
        CHECK_NUMBER(journal_count(client->journal, "error websocket"), 1);
        CHECK_NUMBER(journal_count(client->journal, "handshaked"), 0);
        CHECK_NUMBER(client->error_code, cases[index].code);
        if (!CHECK(strstr(client->error_message, cases[index].text) != NULL))
            printf("  \"%s\" is not in \"%s\"\n", cases[index].text, client->error_message);
        service_finished(service);
        client_free(client);
        host_free(server);
    }
}

/* ---- pages ---- */

static void serve_a_page(void *user_data, const cppserver_http_request *request, cppserver_http_response *response)
{
    endpoint *self = user_data;
    read_request(self->hook_data, request, response);
    journal_add(self->journal, "%srequest", self->prefix);
    if (strcmp(cppserver_http_request_path(request), "/page") != 0)
        return;
    CHECK_OK(cppserver_http_response_set_status(response, 200));
    CHECK_OK(cppserver_http_response_add_header(response, "Content-Type", "text/html"));
    CHECK_OK(cppserver_http_response_set_body(response, "<p>hello</p>", 12));
}

static void pages_are_served(void)
{
    seen_request seen = { 0 };
    scene scene = scene_create();
    scene.server->session_handler.on_request = serve_a_page;
    scene.server->hook_data = &seen;
    scene_start(&scene);
    raw_peer *peer = raw_asked(host_port(scene.server), "GET /page?a=b HTTP/1.1\r\nHost: x\r\nOrigin: o\r\n\r\n");
    CHECK(raw_head_begins(peer, "http/1.1 200 "));
    CHECK(raw_head_has(peer, "content-type: text/html"));
    CHECK(raw_head_has(peer, "content-length: 12"));
    CHECK(raw_head_has(peer, "connection: close"));
    CHECK_TEXT((const char *)peer->payload, "<p>hello</p>");
    raw_free(peer);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_JOURNAL(&scene.server->journal, "started, session, session connected, server connected, session request, "
                                          "session disconnected 1, server disconnected 1, session destroy");
    CHECK_TEXT(seen.method, "GET");
    CHECK_TEXT(seen.target, "/page?a=b");
    CHECK_TEXT(seen.query, "a=b");
    CHECK_TEXT(seen.fields, "host: x\norigin: o\n");
    CHECK_NUMBER(seen.status, 426);
    peer = raw_asked(host_port(scene.server), "HEAD /page HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(raw_head_begins(peer, "http/1.1 200 "));
    CHECK(raw_head_has(peer, "content-length: 12"));
    CHECK_NUMBER(peer->size, 0);
    CHECK(journal_has(&scene.server->journal, "session destroy", 2));
    CHECK_TEXT(seen.method, "HEAD");
    raw_free(peer);
    /* What the handler does not know is not for browsers. */
    peer = raw_asked(host_port(scene.server), "GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(raw_head_begins(peer, "http/1.1 426 "));
    raw_free(peer);
    scene_close(&scene);
}

static void without_a_handler_an_upgrade_is_required(void)
{
    scene scene = scene_echo();
    raw_peer *peer = raw_asked(host_port(scene.server), "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(raw_head_begins(peer, "http/1.1 426 "));
    CHECK(raw_head_has(peer, "upgrade: websocket"));
    CHECK(raw_head_has(peer, "sec-websocket-version: 13"));
    CHECK(raw_head_has(peer, "content-length: 0"));
    CHECK_NUMBER(peer->size, 0);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 1);
    CHECK_TEXT(scene.server->sessions[0]->error_message, "");
    raw_free(peer);
    scene_close(&scene);
}

enum { LARGE_PAGE = 3000000 };
static char large_page[LARGE_PAGE];

static void serve_a_large_page(void *user_data, const cppserver_http_request *request, cppserver_http_response *response)
{
    (void)user_data;
    (void)request;
    CHECK_OK(cppserver_http_response_set_status(response, 200));
    CHECK_OK(cppserver_http_response_set_body(response, large_page, LARGE_PAGE));
}

/* More than the system takes at once, for a reader that is slow to begin. */
static void large_pages_arrive_as_a_whole(void)
{
    scene scene = scene_create();
    scene.server->session_handler.on_request = serve_a_large_page;
    scene_start(&scene);
    for (size_t index = 0; index < LARGE_PAGE; ++index)
        large_page[index] = (char)(index * 11 >> 3);
    raw_peer *peer = raw_connect(host_port(scene.server), 4096);
    CHECK(platform_socket_send(peer->socket, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    CHECK(raw_receive_head(peer));
    CHECK(raw_head_has(peer, "content-length: 3000000"));
    size_t received = 0;
    while (raw_fill(peer, 1)) {
        CHECK(received + peer->used <= LARGE_PAGE && memcmp(large_page + received, peer->buffer, peer->used) == 0);
        received += peer->used;
        peer->used = 0;
    }
    CHECK_NUMBER(received, LARGE_PAGE);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_TEXT(scene.server->sessions[0]->error_message, "");
    raw_free(peer);
    scene_close(&scene);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(a_handler_sees_the_request_and_chooses),
        TEST(a_subprotocol_has_to_be_offered),
        TEST(a_handler_refuses),
        TEST(what_an_answer_cannot_have_is_refused),
        TEST(a_handshake_may_come_byte_by_byte_or_with_frames_behind_it),
        TEST(an_encrypted_handshake_is_the_same),
        TEST(wrong_handshakes_are_answered),
        TEST(endless_headers_are_refused),
        TEST(silence_is_no_handshake),
        TEST(what_a_request_cannot_have_is_refused),
        TEST(addresses_that_are_none_are_refused),
        TEST(names_of_hosts_are_resolved),
        TEST(servers_of_something_else_are_recognized),
        TEST(pages_are_served),
        TEST(without_a_handler_an_upgrade_is_required),
        TEST(large_pages_arrive_as_a_whole),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
