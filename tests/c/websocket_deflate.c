/* permessage-deflate: what the two sides agree on, and that every message comes back as it was. */
#include "websocket.h"

static const char offer[] = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/* What compresses well, what does not, and what is too small for it. */
static void exchange_messages(endpoint *client)
{
    enum { SIZE = 200000 };
    char *data = malloc(SIZE);
    uint32_t noise = 1;
    for (size_t index = 0; index < SIZE; ++index)
        data[index] = "{\"name\":\"value\"}\n"[index % 17];
    for (int round = 0; round < 2; ++round) {
        CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_TEXT, data, SIZE, NULL));
        CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_TEXT, data, 1000, NULL));
        CHECK_OK(message_send_text(client, "short"));
        CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_BINARY, NULL, 0, NULL));
    }
    CHECK(journal_has(client->journal, message_entry_of(CPPSERVER_KIND_TEXT, data, SIZE).text, 2));
    CHECK(journal_has(client->journal, message_entry_of(CPPSERVER_KIND_TEXT, data, 1000).text, 2));
    for (size_t index = 0; index < SIZE; ++index) {
        noise = noise * 1664525u + 1013904223u;
        data[index] = (char)(noise >> 24);
    }
    CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_BINARY, data, SIZE, NULL));
    CHECK_OK(message_send_text(client, "end"));
    WAIT_FOR(client->journal, "text 'end'");
    CHECK_NUMBER(journal_count(client->journal, message_entry_of(CPPSERVER_KIND_BINARY, data, SIZE).text), 1);
    CHECK_NUMBER(journal_count(client->journal, "text 'short'"), 2);
    CHECK_NUMBER(journal_count(client->journal, "binary ''"), 2);
    CHECK_NUMBER(counter_value(&client->calls), 10);
    CHECK_NUMBER(cppserver_session_bytes_received(client->session), 3 * SIZE + 2 * 1005 + 3);
    CHECK_TEXT(client->error_message, "");
    free(data);
}

/* The settings of one side. */
typedef struct settings {
    int64_t takeover, bits, level, threshold;
} settings;

static void echo_with(settings theirs, settings ours, bool secure)
{
    const int32_t options[] = { CPPSERVER_OPTION_DEFLATE_TAKEOVER, CPPSERVER_OPTION_DEFLATE_WINDOW_BITS,
                                CPPSERVER_OPTION_DEFLATE_LEVEL, CPPSERVER_OPTION_DEFLATE_THRESHOLD };
    const int64_t servers[] = { theirs.takeover, theirs.bits, theirs.level, theirs.threshold };
    const int64_t clients[] = { ours.takeover, ours.bits, ours.level, ours.threshold };
    scene scene = scene_create_with(2, secure);
    scene.server->echo = true;
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
    for (size_t index = 0; index < 4; ++index)
        scene_set(&scene, options[index], servers[index]);
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE, 1));
    for (size_t index = 0; index < 4; ++index)
        CHECK_OK(cppserver_client_set_option(client->client, options[index], clients[index]));
    CHECK(!cppserver_session_is_compressed(client->session));
    CHECK_OK(scene_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    CHECK(cppserver_session_is_compressed(client->session));
    CHECK(cppserver_session_is_compressed(scene_session(&scene, 0)->session));
    exchange_messages(client);
    scene_close(&scene);
}

static void all_settings_of_both_sides_fit(void)
{
    for (int64_t takeovers = 0; takeovers < 4; ++takeovers)
        for (int64_t bits = 9; bits <= 15; bits += 3) {
            settings theirs = { takeovers & 1, bits, 1, 256 }, ours = { takeovers >> 1, 24 - bits, 9, 0 };
            echo_with(theirs, ours, false);
        }
    settings same = { 0, 15, 6, 256 };
    echo_with(same, same, true);
}

static void one_side_alone_does_not_compress(void)
{
    for (int side = 0; side < 2; ++side) {
        scene scene = scene_create();
        scene.server->echo = true;
        scene_set(&scene, CPPSERVER_OPTION_DEFLATE, side == 0);
        scene_start(&scene);
        endpoint *client = scene_client(&scene, "/");
        CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE, side == 1));
        CHECK_OK(scene_connect(client));
        WAIT_FOR(client->journal, "handshaked");
        CHECK(!cppserver_session_is_compressed(client->session));
        CHECK(!cppserver_session_is_compressed(scene_session(&scene, 0)->session));
        exchange_messages(client);
        scene_close(&scene);
    }
}

/* ---- on the wire ---- */

static void the_answer_tells_what_was_agreed_on(void)
{
    static const struct { int64_t takeover, bits; const char *offer, *answer; } cases[] = {
        { 1, 15, "permessage-deflate", "permessage-deflate" },
        { 0, 15, "permessage-deflate",
          "permessage-deflate; server_no_context_takeover; client_no_context_takeover" },
        { 1, 10, "permessage-deflate; client_max_window_bits",
          "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10" },
        { 1, 15, "permessage-deflate; server_max_window_bits=9; server_no_context_takeover",
          "permessage-deflate; server_no_context_takeover; server_max_window_bits=9" },
        { 1, 15, "permessage-deflate; nobody_knows_this, permessage-deflate; client_no_context_takeover",
          "permessage-deflate; client_no_context_takeover" },
        { 1, 15, "other-extension", NULL },
        { 1, 15, "permessage-deflate; server_max_window_bits=16", NULL },
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        char field[256];
        scene scene = scene_create();
        scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
        scene_set(&scene, CPPSERVER_OPTION_DEFLATE_TAKEOVER, cases[index].takeover);
        scene_set(&scene, CPPSERVER_OPTION_DEFLATE_WINDOW_BITS, cases[index].bits);
        scene_start(&scene);
        snprintf(field, sizeof field, "Sec-WebSocket-Extensions: %s\r\n", cases[index].offer);
        raw_peer *peer = raw_opened_with(host_port(scene.server), field, 0);
        snprintf(field, sizeof field, "sec-websocket-extensions: %s", cases[index].answer == NULL ? "" : cases[index].answer);
        if (cases[index].answer == NULL)
            CHECK(strstr(peer->head, "sec-websocket-extensions") == NULL);
        else
            CHECK(raw_head_has(peer, field));
        CHECK(cppserver_session_is_compressed(scene_session(&scene, 0)->session) == (cases[index].answer != NULL));
        raw_free(peer);
        scene_close(&scene);
    }
}

static void messages_below_the_threshold_go_as_they_are(void)
{
    char data[10000];
    memset(data, 'x', sizeof data);
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE_THRESHOLD, 1000);
    scene_start(&scene);
    raw_peer *peer = raw_opened_with(host_port(scene.server), offer, 0);
    endpoint *session = scene_session(&scene, 0);
    CHECK_OK(cppserver_session_send_message(session->session, CPPSERVER_KIND_TEXT, data, 999, NULL));
    CHECK_NUMBER(raw_receive(peer), RAW_TEXT);
    CHECK_NUMBER(peer->size, 999);
    CHECK_OK(cppserver_session_send_message(session->session, CPPSERVER_KIND_TEXT, data, 1000, NULL));
    CHECK_NUMBER(raw_receive(peer), RAW_TEXT | RAW_RSV1);
    CHECK(peer->size < 100);
    CHECK_OK(cppserver_session_send_message(session->session, CPPSERVER_KIND_BINARY, data, sizeof data, NULL));
    CHECK_NUMBER(raw_receive(peer), RAW_BINARY | RAW_RSV1);
    CHECK(peer->size < 1000);
    /* Parts and pings never are. */
    CHECK_OK(cppserver_session_send_part(session->session, CPPSERVER_KIND_TEXT, data, 2000, false, NULL));
    CHECK_NUMBER(raw_receive(peer), CPPSERVER_KIND_TEXT);
    CHECK_NUMBER(peer->size, 2000);
    CHECK_OK(cppserver_session_send_part(session->session, CPPSERVER_KIND_TEXT, data, 2000, true, NULL));
    CHECK_NUMBER(raw_receive(peer), RAW_FIN);
    CHECK_OK(cppserver_session_send_message(session->session, CPPSERVER_KIND_PING, data, 125, NULL));
    CHECK_NUMBER(raw_receive(peer), RAW_PING);
    CHECK_NUMBER(peer->size, 125);
    raw_free(peer);
    scene_close(&scene);
}

/* The examples of RFC 7692 section 7.2.3, the second one with the context of the first. */
static void compressed_messages_of_others_are_understood(void)
{
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE_TAKEOVER, 1);
    scene_start(&scene);
    raw_peer *peer = raw_opened_with(host_port(scene.server), offer, 0);
    raw_send(peer, RAW_TEXT | RAW_RSV1, "\xf2\x48\xcd\xc9\xc9\x07\x00", 7, true);
    raw_send(peer, RAW_TEXT | RAW_RSV1, "\xf2\x00\x11\x00\x00", 5, true);
    /* In two frames, of which the first alone is marked, with a ping between them. */
    raw_send(peer, CPPSERVER_KIND_TEXT | RAW_RSV1, "\xf2\x48\xcd", 3, true);
    raw_say(peer, RAW_PING, "");
    raw_send(peer, RAW_FIN, "\xc9\xc9\x07\x00", 4, true);
    /* Without compression, in a block that is the last one, and in two blocks. */
    raw_send(peer, RAW_TEXT | RAW_RSV1, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11, true);
    raw_send(peer, RAW_TEXT | RAW_RSV1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8, true);
    raw_send(peer, RAW_TEXT | RAW_RSV1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13, true);
    raw_say(peer, RAW_TEXT, "plain");
    check_raw(peer, RAW_PONG, "");
    WAIT_FOR(&scene.server->journal, "session text 'plain'");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session text 'Hello'"), 6);
    raw_free(peer);
    scene_close(&scene);
}

/* ---- what is wrong, and what is too much ---- */

static void what_cannot_be_inflated_is_refused(void)
{
    static const struct { const char *bytes; size_t size; uint16_t code; } cases[] = {
        { "\xff\xff\xff\xff", 4, 1007 },
        /* Not UTF-8 when inflated: 0xff in a stored block. */
        { "\x00\x01\x00\xfe\xff\xff\x00", 7, 1007 },
    };
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
    scene_start(&scene);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        raw_peer *peer = raw_opened_with(host_port(scene.server), offer, 0);
        raw_send(peer, RAW_TEXT | RAW_RSV1, cases[index].bytes, cases[index].size, true);
        check_raw_close(peer, cases[index].code);
        CHECK(journal_has(&scene.server->journal, "session destroy", (long)index + 1));
        CHECK_NUMBER(scene.server->sessions[index]->error_code, cases[index].code);
        raw_free(peer);
    }
    /* The mark is for the first frame of a message, and not for pings. */
    const int marked[] = { RAW_PING | RAW_RSV1, RAW_FIN | RAW_RSV1 };
    for (size_t index = 0; index < sizeof marked / sizeof *marked; ++index) {
        raw_peer *peer = raw_opened_with(host_port(scene.server), offer, 0);
        raw_say(peer, CPPSERVER_KIND_TEXT, "begun");
        raw_say(peer, marked[index], "x");
        check_raw_close(peer, 1002);
        raw_free(peer);
    }
    scene_close(&scene);
}

/* The limit counts what a message becomes. */
static void small_messages_that_become_large_are_refused(void)
{
    enum { SIZE = 1 << 20 };
    char *data = calloc(1, SIZE);
    for (int64_t limit = 0; limit < 2; ++limit) {
        scene scene = scene_create();
        scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
        scene_set(&scene, CPPSERVER_OPTION_MESSAGE_LIMIT, limit * (SIZE - 1));
        scene_start(&scene);
        endpoint *client = scene_client(&scene, "/");
        CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE, 1));
        CHECK_OK(scene_connect(client));
        WAIT_FOR(client->journal, "handshaked");
        CHECK_OK(cppserver_session_send_message(client->session, CPPSERVER_KIND_BINARY, data, SIZE, NULL));
        if (limit == 0) {
            CHECK(counter_reaches(&scene_session(&scene, 0)->received, SIZE));
        } else {
            WAIT_FOR(&scene.server->journal, "session destroy");
            CHECK_NUMBER(scene.server->sessions[0]->error_code, 1009);
            CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 5"), 1);
            WAIT_FOR(client->journal, "destroy");
            CHECK_NUMBER(cppserver_session_close_code(client->session), 1009);
        }
        scene_close(&scene);
    }
    free(data);
}

/* Those that compress in several ways, and those that do not, all get what is for all. */
static void one_message_for_sessions_that_compress_differently(void)
{
    enum { CLIENTS = 6, SIZE = 5000 };
    char data[SIZE];
    for (size_t index = 0; index < SIZE; ++index)
        data[index] = (char)('a' + index % 23);
    scene scene = scene_create_with(2, false);
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE_TAKEOVER, 1);
    scene_start(&scene);
    for (int64_t number = 0; number < CLIENTS; ++number) {
        cppserver_client *client = scene_client(&scene, "/")->client;
        CHECK_OK(cppserver_client_set_option(client, CPPSERVER_OPTION_DEFLATE, number > 0));
        CHECK_OK(cppserver_client_set_option(client, CPPSERVER_OPTION_DEFLATE_TAKEOVER, number % 2));
        CHECK_OK(cppserver_client_set_option(client, CPPSERVER_OPTION_DEFLATE_WINDOW_BITS, 9 + number));
        CHECK_OK(scene_connect(scene.clients[number]));
        WAIT_FOR(scene.clients[number]->journal, "handshaked");
    }
    scene_session(&scene, CLIENTS - 1);
    for (int round = 0; round < 3; ++round) {
        CHECK_OK(cppserver_server_multicast_message(scene.server->server, CPPSERVER_KIND_TEXT, data, SIZE));
        CHECK_OK(cppserver_server_multicast_message(scene.server->server, CPPSERVER_KIND_TEXT, "short", 5));
    }
    for (size_t number = 0; number < CLIENTS; ++number) {
        CHECK(counter_reaches(&scene.clients[number]->calls, 6));
        CHECK(journal_has(scene.clients[number]->journal, message_entry_of(CPPSERVER_KIND_TEXT, data, SIZE).text, 3));
        CHECK(journal_has(scene.clients[number]->journal, "text 'short'", 3));
        CHECK_TEXT(scene.clients[number]->error_message, "");
    }
    scene_close(&scene);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(all_settings_of_both_sides_fit),
        TEST(one_side_alone_does_not_compress),
        TEST(the_answer_tells_what_was_agreed_on),
        TEST(messages_below_the_threshold_go_as_they_are),
        TEST(compressed_messages_of_others_are_understood),
        TEST(what_cannot_be_inflated_is_refused),
        TEST(small_messages_that_become_large_are_refused),
        TEST(one_message_for_sessions_that_compress_differently),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
