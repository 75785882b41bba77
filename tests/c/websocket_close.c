/* How WebSocket sessions end: Close frames, peers that break the protocol, and silence. */
#include "websocket.h"

/* ---- codes and reasons ---- */

static void codes_and_reasons_reach_the_other_side(void)
{
    static const struct { uint16_t code; const char *reason; } cases[] = {
        { 1000, "" }, { 1000, "all said" }, { 1001, "leaving" }, { 1002, "" }, { 1003, "no pictures please" },
        { 1007, "" }, { 1008, "" }, { 1009, "" }, { 1010, "" }, { 1011, "oops" }, { 1012, "" }, { 1013, "" },
        { 1014, "" }, { 3000, "registered" }, { 4000, "caf\xc3\xa9" }, { 4999, "" },
    };
    scene scene = scene_echo();
    endpoint *client = scene_client(&scene, "/");
    for (long number = 0; number < (long)(sizeof cases / sizeof *cases); ++number) {
        CHECK_OK(scene_connect(client));
        CHECK(journal_has(client->journal, "handshaked", number + 1));
        endpoint *session = scene_session(&scene, number);
        CHECK_NUMBER(cppserver_session_close_code(client->session), 0);
        CHECK_NUMBER(cppserver_session_close_code(session->session), 0);
        /* From one side and from the other in turn. */
        endpoint *first = number % 2 == 0 ? client : session, *second = number % 2 == 0 ? session : client;
        CHECK_OK(cppserver_session_disconnect_with(first->session, cases[number].code, cases[number].reason));
        CHECK(journal_has(client->journal, "destroy", number + 1));
        CHECK(journal_has(&scene.server->journal, "session destroy", number + 1));
        check_close(second, cases[number].code, cases[number].reason);
        /* The answer has the code alone. */
        check_close(first, cases[number].code, "");
    }
    CHECK_NUMBER(journal_count(client->journal, "disconnected 1"), 8);
    CHECK_NUMBER(journal_count(client->journal, "disconnected 2"), 8);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 8);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 8);
    CHECK_TEXT(client->error_message, "");
    scene_close(&scene);
}

static void a_plain_disconnect_says_1000_and_1005_says_nothing(void)
{
    scene scene = scene_echo();
    raw_peer *peer = raw_opened(host_port(scene.server));
    CHECK_OK(cppserver_session_disconnect(scene_session(&scene, 0)->session));
    CHECK_NUMBER(raw_receive(peer), RAW_CLOSE);
    CHECK_NUMBER(peer->size, 2);
    CHECK_NUMBER(peer->payload[0] << 8 | peer->payload[1], 1000);
    /* Until the answer, the session waits. */
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 0);
    raw_send(peer, RAW_CLOSE, NULL, 0, true);
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    WAIT_FOR(&scene.server->journal, "session destroy");
    check_close(scene.server->sessions[0], 1005, "");
    raw_free(peer);

    peer = raw_opened(host_port(scene.server));
    CHECK_OK(cppserver_session_disconnect_with(scene_session(&scene, 1)->session, 1005, ""));
    check_raw(peer, RAW_CLOSE, "");
    raw_send_close(peer, 4321, "as you like");
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    CHECK(journal_has(&scene.server->journal, "session destroy", 2));
    check_close(scene.server->sessions[1], 4321, "as you like");
    raw_free(peer);
    /* The answer to a Close frame without a code has none. */
    peer = raw_opened(host_port(scene.server));
    raw_send(peer, RAW_CLOSE, NULL, 0, true);
    check_raw(peer, RAW_CLOSE, "");
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    CHECK(journal_has(&scene.server->journal, "session destroy", 3));
    check_close(scene.server->sessions[2], 1005, "");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 1);
    raw_free(peer);
    scene_close(&scene);
}

static void codes_that_must_not_be_sent_are_refused(void)
{
    scene scene = scene_echo();
    endpoint *client = scene_opened(&scene);
    const uint16_t codes[] = { 0, 1, 999, 1004, 1006, 1015, 1016, 1999, 2000, 2999, 5000, 65535 };
    for (size_t index = 0; index < sizeof codes / sizeof *codes; ++index)
        CHECK_FAILS(cppserver_session_disconnect_with(client->session, codes[index], NULL),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_disconnect_with(client->session, 1005, "no room"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_disconnect_with(client->session, 1000, "\xff"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(message_send_text(client, "still here"));
    WAIT_FOR(client->journal, "text 'still here'");
    CHECK_OK(cppserver_session_disconnect_with(client->session, 1000, NULL));
    CHECK_FAILS(cppserver_session_disconnect_with(client->session, 1000, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    WAIT_FOR(client->journal, "destroy");
    CHECK_FAILS(cppserver_session_disconnect_with(client->session, 1000, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(message_send_text(client, "too late"), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_send_part(client->session, CPPSERVER_KIND_TEXT, "x", 1, true, NULL),
                CPPSERVER_STATUS_NOT_CONNECTED);
    scene_close(&scene);
}

static void long_reasons_are_cut_between_characters(void)
{
    char reason[201], expected[124];
    size_t length = 0;
    /* One of one byte, then 100 of two bytes: 61 of them have room. */
    for (size_t index = 0; index < 200; ++index)
        reason[index] = index == 0 ? 'x' : index % 2 == 1 ? '\xc3' : '\xa4';
    reason[199] = '\0';
    memcpy(expected, reason, 123);
    expected[123] = '\0';
    scene scene = scene_echo();
    endpoint *client = scene_opened(&scene);
    CHECK_OK(cppserver_session_disconnect_with(client->session, 4000, reason));
    WAIT_FOR(&scene.server->journal, "session destroy");
    endpoint *session = scene.server->sessions[0];
    check_close(session, 4000, expected);
    char buffer[124] = "";
    CHECK_FAILS(cppserver_session_close_reason(session->session, buffer, 123, &length), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(length, 123);
    CHECK_OK(cppserver_session_close_reason(session->session, NULL, 0, &length));
    CHECK_OK(cppserver_session_close_reason(session->session, buffer, 124, NULL));
    CHECK_TEXT(buffer, expected);
    scene_close(&scene);
}

static void say_goodbye_twice(endpoint *self, event event)
{
    if (event != EVENT_RECEIVED)
        return;
    CHECK_OK(message_send_text(self, "last words"));
    CHECK_OK(cppserver_session_disconnect_with(self->session, 4001, "first"));
    CHECK_FAILS(cppserver_session_disconnect_with(self->session, 4002, "second"), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_disconnect(self->session), CPPSERVER_STATUS_NOT_CONNECTED);
}

static void what_was_sent_leaves_before_the_close(void)
{
    scene scene = scene_create();
    scene.server->session_hook = say_goodbye_twice;
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    raw_say(peer, RAW_TEXT, "go");
    raw_say(peer, RAW_TEXT, "not told any more");
    check_raw(peer, RAW_TEXT, "last words");
    check_raw_close(peer, 4001);
    CHECK_TEXT((const char *)peer->payload + 2, "first");
    /* Pings are answered no more, and other messages change nothing. */
    raw_say(peer, RAW_TEXT, "too late");
    raw_send_close(peer, 4001, "");
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(counter_value(&scene.server->sessions[0]->calls), 1);
    CHECK_TEXT(scene.server->sessions[0]->error_message, "");
    raw_free(peer);
    scene_close(&scene);
}

static void a_stop_says_1001(void)
{
    scene scene = scene_echo();
    endpoint *first = scene_opened(&scene);
    CHECK_OK(cppserver_server_restart(scene.server->server));
    WAIT_FOR(first->journal, "destroy");
    CHECK_JOURNAL(first->journal, "connected, handshaked, disconnected 2, destroy");
    check_close(first, 1001, "");
    WAIT_FOR(&scene.server->journal, "session disconnected 6");
    CHECK(journal_has(&scene.server->journal, "started", 2));
    endpoint *second = scene_opened(&scene);
    CHECK_OK(cppserver_service_stop(scene.service));
    CHECK_NUMBER(journal_count(second->journal, "disconnected 7"), 1);
    CHECK_OK(cppserver_service_start(scene.service, false, NULL, NULL));
    scene_close(&scene);
}

static void disconnect_all_says_1000(void)
{
    scene scene = scene_echo();
    endpoint *client = scene_opened(&scene);
    CHECK_OK(cppserver_server_disconnect_all(scene.server->server));
    WAIT_FOR(client->journal, "destroy");
    check_close(client, 1000, "");
    WAIT_FOR(&scene.server->journal, "session disconnected 1");
    scene_close(&scene);
}

/* ---- ends without a Close frame ---- */

static void a_connection_that_is_cut_is_told_from_an_end(void)
{
    scene scene = scene_echo();
    raw_peer *peer = raw_opened(host_port(scene.server));
    raw_say(peer, CPPSERVER_KIND_TEXT, "half a mess");
    raw_free(peer);
    WAIT_FOR(&scene.server->journal, "session destroy");
    endpoint *session = scene.server->sessions[0];
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error websocket"), 1);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 8"), 1);
    CHECK_NUMBER(session->error_code, 1006);
    CHECK_NUMBER(counter_value(&session->calls), 0);
    check_close(session, 0, "");
    /* disconnect_now says nothing either. */
    endpoint *client = scene_opened(&scene);
    CHECK_OK(cppserver_session_disconnect_now(client->session));
    CHECK(journal_has(&scene.server->journal, "session destroy", 2));
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 0);
    scene_close(&scene);
}

static void a_peer_that_never_answers_is_left(void)
{
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_CLOSE_TIMEOUT, 20);
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    CHECK_OK(cppserver_session_disconnect_with(scene_session(&scene, 0)->session, 4000, "anybody?"));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 1);
    check_close(scene.server->sessions[0], 0, "");
    check_raw_close(peer, 4000);
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    raw_free(peer);
    scene_close(&scene);
}

static void pause_at_once(endpoint *self, event event)
{
    if (event == EVENT_HANDSHAKED)
        CHECK_OK(cppserver_session_pause_reading(self->session));
}

static void a_client_leaves_a_server_that_never_answers(void)
{
    scene scene = scene_create();
    scene.server->session_hook = pause_at_once;
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_CLOSE_TIMEOUT, 20));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    scene_session(&scene, 0);
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, handshaked, disconnected 1, destroy");
    check_close(client, 0, "");
    scene_close(&scene);
}

/* What came with a pause comes with the resume, and then the end. */
static void a_paused_session_hears_of_the_close_after_its_messages(void)
{
    scene scene = scene_create();
    scene.server->session_hook = pause_at_once;
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    endpoint *session = scene_session(&scene, 0);
    raw_say(peer, RAW_TEXT, "one");
    raw_say(peer, RAW_TEXT, "two");
    raw_send_close(peer, 4000, "done");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session text 'one'"), 0);
    CHECK(cppserver_session_is_connected(session->session));
    CHECK_OK(cppserver_session_resume_reading(session->session));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK(journal_in_order(&scene.server->journal, "session text 'one'", "session text 'two'"));
    CHECK(journal_in_order(&scene.server->journal, "session text 'two'", "session disconnected 2"));
    check_close(session, 4000, "done");
    check_raw_close(peer, 4000);
    raw_free(peer);
    scene_close(&scene);
}

static void part_of_a_message_that_never_ends(endpoint *self, event event)
{
    if (event != EVENT_HANDSHAKED)
        return;
    CHECK_OK(cppserver_session_send_part(self->session, CPPSERVER_KIND_TEXT, "begun", 5, false, NULL));
    CHECK_OK(message_send_text(self, "waits for its end"));
    CHECK_OK(cppserver_session_disconnect(self->session));
}

/* What waits for the last part is lost with it; the rest of the end is in good order. */
static void a_disconnect_within_a_message_in_parts(void)
{
    scene scene = scene_create();
    scene.server->session_hook = part_of_a_message_that_never_ends;
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    check_raw(peer, CPPSERVER_KIND_TEXT, "begun");
    check_raw_close(peer, 1000);
    raw_send_close(peer, 1000, "");
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 1);
    CHECK_NUMBER(cppserver_session_bytes_pending(scene.server->sessions[0]->session), 0);
    raw_free(peer);
    scene_close(&scene);
}

/* ---- peers that break the protocol ---- */

typedef struct violation {
    const char *name;
    const char *bytes; /* as they are sent */
    size_t size;
    uint16_t code;
} violation;

/* A masked frame has a mask of zeros here, so that its payload can be read. */
#define ZEROS "\0\0\0\0"
#define VIOLATION(name, bytes, code) { name, bytes, sizeof bytes - 1, code }

static void violations_are_answered_by_their_codes(void)
{
    static const violation violations[] = {
        VIOLATION("a frame that is not masked", "\x81\x02hi", 1002),
        VIOLATION("the first reserved bit", "\xc1\x82" ZEROS "hi", 1002),
        VIOLATION("the second reserved bit", "\xa1\x82" ZEROS "hi", 1002),
        VIOLATION("the third reserved bit", "\x91\x82" ZEROS "hi", 1002),
        VIOLATION("a reserved opcode of data", "\x83\x82" ZEROS "hi", 1002),
        VIOLATION("a reserved opcode of control frames", "\x8b\x80" ZEROS, 1002),
        VIOLATION("a ping of more than 125 bytes", "\x89\xfe\x00\x7e" ZEROS, 1002),
        VIOLATION("a ping in parts", "\x09\x80" ZEROS, 1002),
        VIOLATION("a continuation of nothing", "\x80\x82" ZEROS "hi", 1002),
        VIOLATION("a message within a message", "\x01\x81" ZEROS "h" "\x81\x81" ZEROS "i", 1002),
        VIOLATION("a length of too many bytes", "\x81\xfe\x00\x02" ZEROS "hi", 1002),
        VIOLATION("a Close frame with half a code", "\x88\x81" ZEROS "\x03", 1002),
        VIOLATION("a Close frame with a code of nobody", "\x88\x82" ZEROS "\x03\xed", 1002),
        VIOLATION("a Close reason that is not UTF-8", "\x88\x83" ZEROS "\x03\xe8\xff", 1007),
        VIOLATION("a text that is not UTF-8", "\x81\x82" ZEROS "\xff\xff", 1007),
        VIOLATION("a text whose last character is cut", "\x81\x81" ZEROS "\xc3", 1007),
        VIOLATION("a text of parts that is not UTF-8", "\x01\x81" ZEROS "\xc3" "\x80\x81" ZEROS "x", 1007),
        VIOLATION("a message above the limit", "\x82\xfe\x03\xe9" ZEROS, 1009),
        VIOLATION("parts above the limit", "\x02\xfe\x01\xf4" ZEROS, 0),
        VIOLATION("a frame of exabytes", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff" ZEROS, 1009),
    };
    char part[500] = { 0 };
    scene scene = scene_create();
    scene.server->echo = true;
    scene_set(&scene, CPPSERVER_OPTION_MESSAGE_LIMIT, 1000);
    scene_start(&scene);
    endpoint *other = scene_opened(&scene);
    for (size_t index = 0; index < sizeof violations / sizeof *violations; ++index) {
        const violation *violation = &violations[index];
        uint16_t code = violation->code;
        raw_peer *peer = raw_opened(host_port(scene.server));
        endpoint *session = scene_session(&scene, (long)index + 1);
        raw_say(peer, RAW_TEXT, "good");
        check_raw(peer, RAW_TEXT, "good");
        CHECK(platform_socket_send_bytes(peer->socket, violation->bytes, violation->size));
        if (code == 0) {
            code = 1009;
            CHECK(platform_socket_send_bytes(peer->socket, part, sizeof part));
            CHECK(platform_socket_send_bytes(peer->socket, "\x80\xfe\x01\xf5" ZEROS, 8));
        }
        check_raw_close(peer, code);
        CHECK(peer->payload[2] != '\0');
        CHECK_NUMBER(raw_receive(peer), RAW_END);
        CHECK(journal_has(&scene.server->journal, "session destroy", (long)index + 1));
        if (!CHECK_NUMBER(session->error_code, code) || !CHECK(session->error_message[0] != '\0') ||
            !CHECK_NUMBER(counter_value(&session->calls), 1))
            printf("  for %s\n", violation->name);
        check_close(session, 0, "");
        raw_free(peer);
    }
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error websocket"), 20);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 3"), 17);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 5"), 3);
    CHECK_OK(message_send_text(other, "untouched"));
    WAIT_FOR(other->journal, "text 'untouched'");
    scene_close(&scene);
}

static void frames_and_fragments_are_limited(void)
{
    char payload[101] = { 0 };
    scene scene = scene_create();
    scene.server->echo = true;
    scene_set(&scene, CPPSERVER_OPTION_FRAME_LIMIT, 100);
    scene_set(&scene, CPPSERVER_OPTION_FRAGMENT_LIMIT, 3);
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    raw_send(peer, RAW_BINARY, payload, 100, true);
    CHECK_NUMBER(raw_receive(peer), RAW_BINARY);
    for (int part = 0; part < 3; ++part)
        raw_send(peer, part == 0 ? CPPSERVER_KIND_BINARY : part == 2 ? RAW_FIN : 0, payload, 100, true);
    CHECK_NUMBER(raw_receive(peer), RAW_BINARY);
    CHECK_NUMBER(peer->size, 300);
    raw_send(peer, RAW_BINARY, payload, 101, true);
    check_raw_close(peer, 1009);
    raw_free(peer);
    peer = raw_opened(host_port(scene.server));
    for (int part = 0; part < 4; ++part)
        raw_say(peer, part == 0 ? CPPSERVER_KIND_BINARY : 0, "x");
    check_raw_close(peer, 1009);
    raw_free(peer);
    CHECK(journal_has(&scene.server->journal, "session disconnected 5", 2));
    CHECK_NUMBER(scene.server->sessions[1]->error_code, 1009);
    scene_close(&scene);
}

static void a_client_refuses_what_is_too_large(void)
{
    scene scene = scene_echo();
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_MESSAGE_LIMIT, 10));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    CHECK_OK(message_send_text(client, "just fits!"));
    WAIT_FOR(client->journal, "text 'just fits!'");
    CHECK_OK(message_send_text(client, "does not fit"));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, handshaked, text 'just fits!', error websocket, disconnected 5, destroy");
    CHECK_NUMBER(client->error_code, 1009);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(cppserver_session_close_code(scene.server->sessions[0]->session), 1009);
    scene_close(&scene);
}

/* ---- silence ---- */

static void a_peer_that_shows_no_life_is_left(void)
{
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_PING_INTERVAL, 20);
    scene_start(&scene);
    raw_peer *peer = raw_opened(host_port(scene.server));
    check_raw(peer, RAW_PING, "");
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error timeout"), 1);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 4"), 1);
    CHECK(strstr(scene.server->sessions[0]->error_message, "ping") != NULL);
    CHECK_NUMBER(raw_receive(peer), RAW_END);
    raw_free(peer);
    scene_close(&scene);
}

/* The second ping comes because the first one was answered in its time, which is long enough. */
static void a_peer_that_answers_stays(void)
{
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_PING_INTERVAL, 1000);
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_CONTROL_FRAMES, 1));
    CHECK_OK(scene_connect(client));
    CHECK(journal_has(client->journal, "ping ''", 2));
    CHECK_NUMBER(cppserver_session_messages_received(client->session), 0);
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 1);
    scene_close(&scene);
}

static void clients_ask_for_signs_of_life_too(void)
{
    scene scene = scene_create();
    scene.server->session_hook = pause_at_once;
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_PING_INTERVAL, 20));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, handshaked, error timeout, disconnected 4, destroy");
    scene_close(&scene);
}

static void an_idle_session_ends(void)
{
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_IDLE_TIMEOUT, 20);
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(scene_connect(client));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error timeout"), 1);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 4"), 1);
    WAIT_FOR(client->journal, "destroy");
    scene_close(&scene);
}

static void encrypted_sessions_end_in_the_same_ways(void)
{
    scene scene = scene_create_with(1, true);
    scene.server->echo = true;
    scene_set(&scene, CPPSERVER_OPTION_MESSAGE_LIMIT, 10);
    scene_start(&scene);
    endpoint *client = scene_opened(&scene);
    CHECK_OK(cppserver_session_disconnect_with(client->session, 4000, "bye"));
    WAIT_FOR(client->journal, "destroy");
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_JOURNAL(client->journal, "connected, handshaked, disconnected 1, destroy");
    check_close(scene.server->sessions[0], 4000, "bye");
    check_close(client, 4000, "");
    endpoint *other = scene_opened(&scene);
    CHECK_OK(message_send_text(other, "does not fit"));
    WAIT_FOR(other->journal, "destroy");
    CHECK_JOURNAL(other->journal, "connected, handshaked, disconnected 2, destroy");
    CHECK_NUMBER(cppserver_session_close_code(other->session), 1009);
    CHECK(journal_has(&scene.server->journal, "session destroy", 2));
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 5"), 1);
    scene_close(&scene);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(codes_and_reasons_reach_the_other_side),
        TEST(a_plain_disconnect_says_1000_and_1005_says_nothing),
        TEST(codes_that_must_not_be_sent_are_refused),
        TEST(long_reasons_are_cut_between_characters),
        TEST(what_was_sent_leaves_before_the_close),
        TEST(a_stop_says_1001),
        TEST(disconnect_all_says_1000),
        TEST(a_connection_that_is_cut_is_told_from_an_end),
        TEST(a_peer_that_never_answers_is_left),
        TEST(a_client_leaves_a_server_that_never_answers),
        TEST(a_paused_session_hears_of_the_close_after_its_messages),
        TEST(a_disconnect_within_a_message_in_parts),
        TEST(violations_are_answered_by_their_codes),
        TEST(frames_and_fragments_are_limited),
        TEST(a_client_refuses_what_is_too_large),
        TEST(a_peer_that_shows_no_life_is_left),
        TEST(a_peer_that_answers_stays),
        TEST(clients_ask_for_signs_of_life_too),
        TEST(an_idle_session_ends),
        TEST(encrypted_sessions_end_in_the_same_ways),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
