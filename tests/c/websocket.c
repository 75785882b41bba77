/* Messages of WebSocket: all kinds of them, whole and in parts, and what is counted. */
#include "websocket.h"

static void messages_come_back(scene *scene)
{
    enum { SIZE = 1 << 20 };
    endpoint *client = scene_opened(scene);
    char *data = malloc(SIZE);
    for (size_t index = 0; index < SIZE; ++index)
        data[index] = (char)(index * 7 >> 3);
    CHECK_OK(message_send_text(client, "hello"));
    WAIT_FOR(client->journal, "text 'hello'");
    CHECK_OK(message_send(client, CPPSERVER_KIND_BINARY, "hello"));
    CHECK_OK(message_send(client, CPPSERVER_KIND_BYTES, "bytes"));
    WAIT_FOR(client->journal, "binary 'bytes'");
    CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_TEXT, NULL, 0, NULL));
    CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_BINARY, NULL, 0, NULL));
    WAIT_FOR(client->journal, "binary ''");
    CHECK_OK(cppserver_session_send(client->session, "plain", 5, NULL));
    WAIT_FOR(client->journal, "binary 'plain'");
    /* All lengths around those that a frame writes in another way. */
    const size_t sizes[] = { 125, 126, 127, 65535, 65536, SIZE };
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; ++index) {
        size_t pending = 0;
        CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_BINARY, data, sizes[index], &pending));
        CHECK(pending >= sizes[index]);
        WAIT_FOR(client->journal, message_entry_of(CPPSERVER_KIND_BINARY, data, sizes[index]).text);
    }
    memset(data, 'x', SIZE);
    CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_TEXT, data, SIZE, NULL));
    WAIT_FOR(client->journal, message_entry_of(CPPSERVER_KIND_TEXT, data, SIZE).text);
    free(data);
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    WAIT_FOR(&scene->server->journal, "session destroy");
    CHECK(strncmp(client->journal->text, "connected, handshaked, text 'hello', binary 'hello', binary 'bytes', "
                                         "text '', binary '', binary 'plain', binary 125 bytes", 112) == 0);
    CHECK_NUMBER(journal_count(client->journal, "disconnected 1"), 1);
    CHECK_NUMBER(journal_count(&scene->server->journal, "session disconnected 2"), 1);
    CHECK(journal_in_order(&scene->server->journal, "server connected", "session handshaked"));
    CHECK_TEXT(client->error_message, "");
}

static void an_echo_of_all_kinds(void)
{
    scene scene = scene_echo();
    messages_come_back(&scene);
    scene_close(&scene);
}

static void an_encrypted_echo_of_all_kinds(void)
{
    scene scene = scene_create_with(2, true);
    scene.server->echo = true;
    scene_start(&scene);
    messages_come_back(&scene);
    check_tls_text(scene.clients[0]->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, SERVER_SUBJECT);
    scene_close(&scene);
}

/* ---- what a kind takes ---- */

static void what_cannot_be_sent_is_refused(void)
{
    char payload[126] = { 0 };
    size_t pending = 77;
    scene scene = scene_echo();
    endpoint *client = scene_opened(&scene);
    cppserver_session *session = client->session;
    const char *const wrong[] = { "\xff", "a\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80" };
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index) {
        CHECK_FAILS(message_send_text(client, wrong[index]), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_TEXT(cppserver_last_error_category(), "argument");
        CHECK_OK(message_send(client, CPPSERVER_KIND_BINARY, wrong[index]));
    }
    CHECK_OK(message_send_text(client, "\xc3\xa4\xf0\x9f\x8e\x89"));
    CHECK_FAILS(cppserver_session_send_message(session, CPPSERVER_KIND_PING, payload, 126, &pending),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_send_message(session, CPPSERVER_KIND_PONG, payload, 126, &pending),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_session_send_message(session, CPPSERVER_KIND_PING, payload, 125, NULL));
    CHECK_OK(cppserver_session_send_message(session, CPPSERVER_KIND_PONG, payload, 125, NULL));
    const int32_t kinds[] = { INT32_MIN, -1, 5, INT32_MAX };
    for (size_t index = 0; index < sizeof kinds / sizeof *kinds; ++index) {
        CHECK_FAILS(cppserver_session_send_message(session, kinds[index], "x", 1, &pending),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_session_send_part(session, kinds[index], "x", 1, true, &pending),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_server_multicast_message(scene.server->server, kinds[index], "x", 1),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_server_publish(scene.server->server, "topic", kinds[index], "x", 1, &pending),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_FAILS(cppserver_session_send_part(session, CPPSERVER_KIND_PING, "x", 1, true, &pending),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_send_part(session, CPPSERVER_KIND_PONG, "x", 1, true, &pending),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_multicast_message(scene.server->server, CPPSERVER_KIND_PING, "x", 1),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_multicast_message(scene.server->server, CPPSERVER_KIND_TEXT, "\xff", 1),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(pending, 77);
    /* Nothing of that was sent, and the session goes on. */
    CHECK_OK(message_send_text(client, "end"));
    WAIT_FOR(client->journal, "text 'end'");
    CHECK_NUMBER(counter_value(&client->calls), 7);
    scene_close(&scene);
}

static void sessions_of_bytes_have_no_messages(void)
{
    char buffer[8] = "before";
    size_t pending = 77, count = 0;
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    endpoint *session = host_session(server, 0);
    for (int32_t kind = CPPSERVER_KIND_TEXT; kind <= CPPSERVER_KIND_PONG; ++kind) {
        CHECK_FAILS(cppserver_session_send_message(client->session, kind, "x", 1, &pending),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_session_send_part(client->session, kind, "x", 1, true, &pending),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_server_multicast_message(server->server, kind, "x", 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_FAILS(cppserver_session_disconnect_with(client->session, 1000, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_add_header(client->client, "Origin", "x"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_set_subprotocols(client->client, "x"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(pending, 77);
    CHECK_NUMBER(cppserver_session_close_code(client->session), 0);
    CHECK_OK(cppserver_session_close_reason(client->session, buffer, sizeof buffer, NULL));
    CHECK_TEXT(buffer, "");
    check_subprotocol(client, "");
    CHECK(!cppserver_session_is_compressed(client->session));
    /* Bytes go as ever, and have topics too. */
    CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_BYTES, "as bytes", 8, NULL));
    CHECK(counter_reaches(&session->received, 8));
    CHECK_TEXT(session->data, "as bytes");
    CHECK_OK(cppserver_session_subscribe(session->session, "news"));
    CHECK_OK(cppserver_server_publish(server->server, "news", CPPSERVER_KIND_BYTES, "news ", 5, &count));
    CHECK_NUMBER(count, 1);
    CHECK_OK(cppserver_server_multicast_message(server->server, CPPSERVER_KIND_BYTES, "to all", 6));
    CHECK(counter_reaches(&client->received, 11));
    CHECK_TEXT(client->data, "news to all");
    CHECK_NUMBER(cppserver_session_messages_sent(client->session), 0);
    CHECK_NUMBER(cppserver_session_messages_received(client->session), 0);
    service_finished(service);
    client_free(client);
    host_free(server);
}

static bool want_all(void *user_data, cppserver_session *session)
{
    (void)user_data;
    (void)session;
    return true;
}

static void null_is_harmless(void)
{
    const char *text = "before";
    char buffer[8] = "before";
    size_t size = 77;
    cppserver_service *service = service_started(1);
    cppserver_tls_context *context = cppserver_tls_context_create();
    cppserver_server *server = cppserver_server_create_ws(service, "127.0.0.1", 0);
    cppserver_client *client = cppserver_client_create_ws(service, "ws://127.0.0.1:1/");
    cppserver_session *session = cppserver_client_session(client);
    CHECK(cppserver_server_create_ws(NULL, "::", 0) == NULL);
    CHECK(cppserver_server_create_ws(service, NULL, 0) == NULL);
    CHECK(cppserver_server_create_wss(NULL, context, "::", 0) == NULL);
    CHECK(cppserver_server_create_wss(service, NULL, "::", 0) == NULL);
    CHECK(cppserver_server_create_wss(service, context, NULL, 0) == NULL);
    CHECK(cppserver_client_create_ws(NULL, "ws://localhost") == NULL);
    CHECK(cppserver_client_create_ws(service, NULL) == NULL);
    CHECK(cppserver_client_create_wss(NULL, context, "wss://localhost") == NULL);
    CHECK(cppserver_client_create_wss(service, NULL, "wss://localhost") == NULL);
    CHECK(cppserver_client_create_wss(service, context, NULL) == NULL);

    const int32_t refused[] = {
        cppserver_client_add_header(NULL, "a", "b"),
        cppserver_client_add_header(client, NULL, "b"),
        cppserver_client_add_header(client, "a", NULL),
        cppserver_client_set_subprotocols(NULL, "a"),
        cppserver_server_multicast_message(NULL, CPPSERVER_KIND_TEXT, "x", 1),
        cppserver_server_multicast_message(server, CPPSERVER_KIND_TEXT, NULL, 1),
        cppserver_server_multicast_if(NULL, CPPSERVER_KIND_TEXT, "x", 1, want_all, NULL),
        cppserver_server_multicast_if(server, CPPSERVER_KIND_TEXT, NULL, 1, want_all, NULL),
        cppserver_server_multicast_if(server, CPPSERVER_KIND_TEXT, "x", 1, NULL, NULL),
        cppserver_server_publish(NULL, "topic", CPPSERVER_KIND_TEXT, "x", 1, &size),
        cppserver_server_publish(server, NULL, CPPSERVER_KIND_TEXT, "x", 1, &size),
        cppserver_server_publish(server, "topic", CPPSERVER_KIND_TEXT, NULL, 1, &size),
        cppserver_session_send_message(NULL, CPPSERVER_KIND_TEXT, "x", 1, &size),
        cppserver_session_send_message(session, CPPSERVER_KIND_TEXT, NULL, 1, &size),
        cppserver_session_send_part(NULL, CPPSERVER_KIND_TEXT, "x", 1, true, &size),
        cppserver_session_send_part(session, CPPSERVER_KIND_TEXT, NULL, 1, true, &size),
        cppserver_session_disconnect_with(NULL, 1000, "bye"),
        cppserver_session_close_reason(NULL, buffer, sizeof buffer, &size),
        cppserver_session_close_reason(session, NULL, 8, NULL),
        cppserver_session_subprotocol(NULL, buffer, sizeof buffer, &size),
        cppserver_session_subprotocol(session, NULL, 8, NULL),
        cppserver_session_subscribe(NULL, "topic"),
        cppserver_session_subscribe(session, NULL),
        cppserver_session_unsubscribe(NULL, "topic"),
        cppserver_session_unsubscribe(session, NULL),
        cppserver_session_publish(NULL, "topic", CPPSERVER_KIND_TEXT, "x", 1, &size),
        cppserver_session_publish(session, NULL, CPPSERVER_KIND_TEXT, "x", 1, &size),
        cppserver_session_publish(session, "topic", CPPSERVER_KIND_TEXT, NULL, 1, &size),
        cppserver_http_response_set_status(NULL, 200),
        cppserver_http_response_add_header(NULL, "a", "b"),
        cppserver_http_response_set_subprotocol(NULL, "a"),
        cppserver_http_response_set_body(NULL, "x", 1),
    };
    for (size_t index = 0; index < sizeof refused / sizeof *refused; ++index)
        if (!CHECK_NUMBER(refused[index], CPPSERVER_STATUS_INVALID_ARGUMENT))
            printf("  of number %zu\n", index);
    CHECK_NUMBER(size, 77);
    CHECK_TEXT(buffer, "before");
    CHECK_OK(cppserver_client_set_subprotocols(client, NULL));

    CHECK_NUMBER(cppserver_server_messages_sent(NULL), 0);
    CHECK_NUMBER(cppserver_server_messages_received(NULL), 0);
    CHECK_NUMBER(cppserver_session_messages_sent(NULL), 0);
    CHECK_NUMBER(cppserver_session_messages_received(NULL), 0);
    CHECK_NUMBER(cppserver_session_close_code(NULL), 0);
    CHECK(!cppserver_session_is_compressed(NULL));
    CHECK_TEXT(cppserver_http_request_method(NULL), "");
    CHECK_TEXT(cppserver_http_request_target(NULL), "");
    CHECK_TEXT(cppserver_http_request_path(NULL), "");
    CHECK(cppserver_http_request_query(NULL) == NULL);
    CHECK(cppserver_http_request_header(NULL, "a") == NULL);
    CHECK(!cppserver_http_request_header_at(NULL, 0, &text, &text));
    CHECK_TEXT(text, "before");
    CHECK_NUMBER(cppserver_http_response_status(NULL), 0);
    cppserver_client_release(client);
    cppserver_server_release(server);
    cppserver_tls_context_release(context);
    service_finished(service);
}

/* ---- messages in parts ---- */

static void other_messages_wait_for_the_last_part(void)
{
    scene scene = scene_create();
    scene.server->echo = true;
    scene_set(&scene, CPPSERVER_OPTION_CONTROL_FRAMES, 1);
    scene_start(&scene);
    endpoint *client = scene_opened(&scene);
    size_t pending = 0;
    CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_TEXT, "\xc3", 1, false, &pending));
    CHECK(pending >= 1);
    CHECK_OK(message_send(client, CPPSERVER_KIND_BINARY, "behind"));
    CHECK_OK(message_send(client, CPPSERVER_KIND_PING, "between"));
    CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_TEXT, NULL, 0, false, NULL));
    WAIT_FOR(&scene.server->journal, "session ping 'between'");
    CHECK_NUMBER(counter_value(&scene_session(&scene, 0)->calls), 1);
    CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_BINARY, "\xa4 and more", 10, true, NULL));
    WAIT_FOR(client->journal, "binary 'behind'");
    CHECK(journal_in_order(client->journal, message_entry_of(CPPSERVER_KIND_TEXT, "\xc3\xa4 and more", 11).text,
                           "binary 'behind'"));
    /* One that is whole at once, and an empty one in two parts. */
    CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_BINARY, "alone", 5, true, NULL));
    CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_TEXT, NULL, 0, false, NULL));
    CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_TEXT, NULL, 0, true, NULL));
    CHECK_OK(message_send_text(client, "end"));
    WAIT_FOR(client->journal, "text 'end'");
    CHECK(journal_in_order(client->journal, "binary 'alone'", "text ''"));
    CHECK_NUMBER(counter_value(&client->calls), 5);
    CHECK_NUMBER(cppserver_session_bytes_pending(client->session), 0);
    CHECK_NUMBER(cppserver_session_messages_sent(client->session), 5);
    scene_close(&scene);
}

static void a_large_message_in_parts(void)
{
    enum { PARTS = 64, SIZE = 16384 };
    scene scene = scene_create_with(2, false);
    scene.server->echo = true;
    scene_start(&scene);
    endpoint *client = scene_opened(&scene);
    char *data = malloc((size_t)PARTS * SIZE);
    for (size_t index = 0; index < (size_t)PARTS * SIZE; ++index)
        data[index] = (char)(index * 13 >> 4);
    for (size_t part = 0; part < PARTS; ++part)
        CHECK_OK(cppserver_session_send_part(client->session, CPPSERVER_KIND_BINARY, data + part * SIZE, SIZE,
                                             part == PARTS - 1, NULL));
    WAIT_FOR(client->journal, message_entry_of(CPPSERVER_KIND_BINARY, data, (size_t)PARTS * SIZE).text);
    free(data);
    scene_close(&scene);
}

static void parts_of_the_peer_are_joined(void)
{
    scene scene = scene_create();
    scene.server->echo = true;
    scene_set(&scene, CPPSERVER_OPTION_CONTROL_FRAMES, 1);
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    raw_say(peer, CPPSERVER_KIND_TEXT, "caf\xc3");
    raw_say(peer, RAW_PING, "alive?");
    raw_say(peer, 0, "\xa9");
    raw_say(peer, RAW_PONG, "unasked");
    raw_say(peer, RAW_FIN, " noir");
    check_raw(peer, RAW_PONG, "alive?");
    check_raw(peer, RAW_TEXT, "caf\xc3\xa9 noir");
    CHECK(journal_in_order(&scene.server->journal, "session ping 'alive?'", "session pong 'unasked'"));
    CHECK(journal_in_order(&scene.server->journal, "session pong 'unasked'",
                           message_entry_of(CPPSERVER_KIND_TEXT, "caf\xc3\xa9 noir", 10).text));
    raw_free(peer);
    scene_close(&scene);
}

/* ---- pings and pongs ---- */

static void pings_are_told_to_those_who_want_them(void)
{
    scene scene = scene_echo();
    endpoint *quiet = scene_opened(&scene);
    endpoint *curious = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(curious->client, CPPSERVER_OPTION_CONTROL_FRAMES, 1));
    CHECK_OK(scene_connect(curious));
    WAIT_FOR(curious->journal, "handshaked");
    for (int index = 0; index < 2; ++index) {
        endpoint *client = index == 0 ? quiet : curious;
        CHECK_OK(message_send(client, CPPSERVER_KIND_PING, "question"));
        CHECK_OK(message_send(scene_session(&scene, index), CPPSERVER_KIND_PING, "from the server"));
        CHECK_OK(message_send(scene_session(&scene, index), CPPSERVER_KIND_PONG, "unasked"));
        CHECK_OK(message_send_text(client, "end"));
        WAIT_FOR(client->journal, "text 'end'");
    }
    WAIT_FOR(curious->journal, "ping 'from the server'");
    WAIT_FOR(curious->journal, "pong 'unasked'");
    WAIT_FOR(curious->journal, "pong 'question'");
    /* Behind them, so that they would be there. */
    CHECK_OK(message_send_text(scene_session(&scene, 0), "last"));
    WAIT_FOR(quiet->journal, "text 'last'");
    CHECK_JOURNAL(quiet->journal, "connected, handshaked, text 'end', text 'last'");
    CHECK_NUMBER(cppserver_session_messages_received(curious->session), 1);
    CHECK_NUMBER(cppserver_session_bytes_received(curious->session), 3);
    scene_close(&scene);
}

/* ---- what is counted ---- */

static void messages_and_their_bytes_are_counted(void)
{
    scene scene = scene_echo();
    endpoint *client = scene_opened(&scene);
    endpoint *session = scene_session(&scene, 0);
    for (int number = 0; number < 10; ++number)
        CHECK_OK(message_send_text(client, "0123456789"));
    CHECK_OK(message_send(client, CPPSERVER_KIND_PING, "not counted"));
    CHECK(counter_reaches(&client->calls, 10));
    CHECK(counter_reaches(&client->sent, 100));
    CHECK(counter_reaches(&session->sent, 100));
    CHECK(counter_reaches(&client->emptied, 1));
    CHECK_NUMBER(cppserver_session_messages_sent(client->session), 10);
    CHECK_NUMBER(cppserver_session_messages_received(client->session), 10);
    CHECK_NUMBER(cppserver_session_bytes_sent(client->session), 100);
    CHECK_NUMBER(cppserver_session_bytes_received(client->session), 100);
    CHECK_NUMBER(cppserver_session_messages_sent(session->session), 10);
    CHECK_NUMBER(cppserver_session_messages_received(session->session), 10);
    CHECK_NUMBER(cppserver_session_bytes_sent(session->session), 100);
    CHECK_NUMBER(cppserver_session_bytes_received(session->session), 100);
    /* A second session: the server counts both, and a new connection begins anew. */
    endpoint *other = scene_opened(&scene);
    CHECK_OK(message_send_text(other, "0123456789"));
    CHECK(counter_reaches(&other->calls, 1));
    CHECK(counter_reaches(&scene_session(&scene, 1)->sent, 10));
    CHECK_NUMBER(cppserver_server_messages_sent(scene.server->server), 11);
    CHECK_NUMBER(cppserver_server_messages_received(scene.server->server), 11);
    CHECK_NUMBER(cppserver_server_bytes_sent(scene.server->server), 110);
    CHECK_NUMBER(cppserver_server_bytes_received(scene.server->server), 110);
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    CHECK_NUMBER(cppserver_session_messages_sent(client->session), 10);
    CHECK_OK(scene_connect(client));
    CHECK(journal_has(client->journal, "handshaked", 2));
    CHECK_NUMBER(cppserver_session_messages_sent(client->session), 0);
    CHECK_NUMBER(cppserver_session_messages_received(client->session), 0);
    CHECK_NUMBER(cppserver_server_messages_received(scene.server->server), 11);
    scene_close(&scene);
}

/* ---- many threads ---- */

enum { WRITERS = 4, MESSAGES = 500 };

typedef struct writer {
    platform_thread thread;
    cppserver_session *session;
    int number;
} writer;

/* Messages of many lengths, each with its writer and its place among that one's messages. */
static void write_messages(void *argument)
{
    writer *self = argument;
    char message[700];
    memset(message, 'a' + self->number, sizeof message);
    for (int number = 0; number < MESSAGES; ++number) {
        message[0] = (char)self->number;
        message[1] = (char)(number >> 8);
        message[2] = (char)number;
        size_t size = 3 + (size_t)(number * 37 % 690);
        CHECK_OK(cppserver_session_send_message(self->session, CPPSERVER_KIND_BINARY, message, size, NULL));
    }
}

typedef struct reader {
    counter messages;
    int next[WRITERS];
} reader;

static size_t read_messages(void *user_data, int32_t kind, const void *data, size_t size)
{
    reader *self = ((endpoint *)user_data)->hook_data;
    const unsigned char *message = data;
    CHECK_NUMBER(kind, CPPSERVER_KIND_BINARY);
    if (CHECK(size >= 3 && message[0] < WRITERS)) {
        int number = message[1] << 8 | message[2];
        CHECK_NUMBER(number, self->next[message[0]]);
        CHECK_NUMBER(size, 3 + number * 37 % 690);
        for (size_t index = 3; index < size; ++index)
            if (message[index] != 'a' + message[0])
                CHECK(!"a message is not mixed with others");
        ++self->next[message[0]];
    }
    counter_add(&self->messages, 1);
    return size;
}

static void threads_send_to_one_session(bool deflate)
{
    scene scene = scene_create_with(2, false);
    reader reader = { 0 };
    writer writers[WRITERS];
    counter_init(&reader.messages);
    scene.server->session_handler.on_received = read_messages;
    scene.server->hook_data = &reader;
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, deflate);
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE, deflate));
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE_TAKEOVER, deflate));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    CHECK(cppserver_session_is_compressed(client->session) == deflate);
    for (int number = 0; number < WRITERS; ++number) {
        writers[number].session = client->session;
        writers[number].number = number;
        platform_thread_start(&writers[number].thread, write_messages, &writers[number]);
    }
    for (int number = 0; number < WRITERS; ++number)
        platform_thread_join(&writers[number].thread);
    CHECK(counter_reaches(&reader.messages, WRITERS * MESSAGES));
    CHECK_TEXT(scene_session(&scene, 0)->error_message, "");
    scene_close(&scene);
}

static void threads_share_a_session(void)
{
    threads_send_to_one_session(false);
}

static void threads_share_a_session_that_compresses(void)
{
    threads_send_to_one_session(true);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(an_echo_of_all_kinds),
        TEST(an_encrypted_echo_of_all_kinds),
        TEST(what_cannot_be_sent_is_refused),
        TEST(sessions_of_bytes_have_no_messages),
        TEST(null_is_harmless),
        TEST(other_messages_wait_for_the_last_part),
        TEST(a_large_message_in_parts),
        TEST(parts_of_the_peer_are_joined),
        TEST(pings_are_told_to_those_who_want_them),
        TEST(messages_and_their_bytes_are_counted),
        TEST(threads_share_a_session),
        TEST(threads_share_a_session_that_compresses),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
