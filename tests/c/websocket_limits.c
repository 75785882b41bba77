/* Peers of WebSocket that do not keep up: what the send limit and its policies do to whole messages. */
#include "websocket.h"

enum { WAITING_LIMIT = 65536, MESSAGE_SIZE = 1000 };

/* A server with small buffers of the system, and a peer that does not read yet. */
static raw_peer *slow_peer(scene *scene, int64_t policy)
{
    scene_set(scene, CPPSERVER_OPTION_SEND_LIMIT, WAITING_LIMIT);
    scene_set(scene, CPPSERVER_OPTION_SEND_POLICY, policy);
    scene_set(scene, CPPSERVER_OPTION_SEND_BUFFER, 4096);
    scene_start(scene);
    raw_peer *peer = raw_opened_with(host_port(scene->server), "", 4096);
    scene_session(scene, 0);
    return peer;
}

/* Sends a message that begins with its number. */
static int32_t send_number(cppserver_session *session, int number, size_t *pending)
{
    char message[MESSAGE_SIZE];
    memset(message, 'a' + number % 26, sizeof message);
    snprintf(message, sizeof message, "%08d", number);
    return cppserver_session_send_message(session, CPPSERVER_KIND_BINARY, message, sizeof message, pending);
}

/* Receives a whole message of send_number(). Returns its number, or RAW_END. */
static int receive_number(raw_peer *peer)
{
    int first = raw_receive(peer);
    if (first == RAW_END)
        return RAW_END;
    CHECK_NUMBER(first, RAW_BINARY);
    CHECK_NUMBER(peer->size, MESSAGE_SIZE);
    int number = atoi((const char *)peer->payload);
    for (size_t index = 9; index < MESSAGE_SIZE; ++index)
        if (peer->payload[index] != 'a' + number % 26)
            return CHECK(!"a message is what was sent"), RAW_END;
    return number;
}

/* The peer may have a message before the loop has counted it as sent. */
static bool nothing_waits(cppserver_session *session)
{
    uint64_t deadline = test_deadline();
    while (cppserver_session_bytes_pending(session) > 0 && platform_now() < deadline)
        platform_yield();
    return cppserver_session_bytes_pending(session) == 0;
}

static void refused_messages_are_refused_as_a_whole(void)
{
    scene scene = scene_create();
    raw_peer *peer = slow_peer(&scene, CPPSERVER_SEND_POLICY_REFUSE);
    endpoint *session = scene.server->sessions[0];
    size_t pending = 0, before = 0;
    int accepted = 0;
    int32_t status = CPPSERVER_STATUS_OK;
    while (accepted < 100000 && (status = send_number(session->session, accepted, &pending)) == CPPSERVER_STATUS_OK) {
        CHECK(pending >= MESSAGE_SIZE && pending <= WAITING_LIMIT);
        before = pending;
        ++accepted;
    }
    CHECK_NUMBER(status, CPPSERVER_STATUS_LIMIT);
    CHECK_TEXT(cppserver_last_error_category(), "limit");
    CHECK_NUMBER(pending, before);
    CHECK_FAILS(cppserver_session_send_part(session->session, CPPSERVER_KIND_TEXT, peer->payload, WAITING_LIMIT, true, NULL),
                CPPSERVER_STATUS_LIMIT);
    for (int number = 0; number < accepted; ++number)
        CHECK_NUMBER(receive_number(peer), number);
    /* The moment to go on. */
    CHECK(counter_reaches(&session->emptied, 1));
    CHECK(nothing_waits(session->session));
    CHECK_OK(send_number(session->session, accepted, NULL));
    CHECK_NUMBER(receive_number(peer), accepted);
    CHECK(counter_reaches(&session->sent, (long)MESSAGE_SIZE * (accepted + 1)));
    CHECK_NUMBER(cppserver_session_messages_sent(session->session), accepted + 1);
    raw_free(peer);
    scene_close(&scene);
}

static void a_peer_that_does_not_keep_up_is_let_go(void)
{
    scene scene = scene_create();
    raw_peer *peer = slow_peer(&scene, CPPSERVER_SEND_POLICY_DISCONNECT);
    endpoint *session = scene.server->sessions[0];
    int number = 0, received = 0;
    int32_t status = CPPSERVER_STATUS_OK;
    while (number < 100000 && (status = send_number(session->session, number, NULL)) == CPPSERVER_STATUS_OK)
        ++number;
    CHECK_NUMBER(status, CPPSERVER_STATUS_LIMIT);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error limit"), 1);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 5"), 1);
    /* What left before is in order. */
    while (receive_number(peer) == received)
        ++received;
    CHECK(received < number);
    raw_free(peer);
    scene_close(&scene);
}

/* The peer gets whole messages in their order, and the newest ones. What the loop is just writing comes on top of the
 * limit, up to as much again. */
static void old_messages_are_dropped_as_a_whole(void)
{
    enum { COUNT = 5000 };
    scene scene = scene_create();
    raw_peer *peer = slow_peer(&scene, CPPSERVER_SEND_POLICY_DROP_OLDEST);
    endpoint *session = scene.server->sessions[0];
    size_t pending = 0;
    for (int number = 0; number < COUNT; ++number) {
        CHECK_OK(send_number(session->session, number, &pending));
        CHECK(pending <= 2 * WAITING_LIMIT);
    }
    CHECK_FAILS(cppserver_session_send_part(session->session, CPPSERVER_KIND_TEXT, "x", 1, true, NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    int last = -1, received = 0;
    while (last < COUNT - 1) {
        int number = receive_number(peer);
        if (!CHECK(number > last))
            break;
        last = number;
        ++received;
    }
    CHECK(received > WAITING_LIMIT / MESSAGE_SIZE / 2 && received < COUNT);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error limit"), 0);
    CHECK(counter_reaches(&session->emptied, 1));
    CHECK(nothing_waits(session->session));
    raw_free(peer);
    scene_close(&scene);
}

/* Small messages share pieces, which are dropped together and never cut. */
static void small_messages_are_dropped_together(void)
{
    enum { COUNT = 100000 };
    char message[32];
    scene scene = scene_create();
    raw_peer *peer = slow_peer(&scene, CPPSERVER_SEND_POLICY_DROP_OLDEST);
    endpoint *session = scene.server->sessions[0];
    for (int number = 0; number < COUNT; ++number) {
        int size = snprintf(message, sizeof message, "%d %.*s", number, number % 20, "xxxxxxxxxxxxxxxxxxxx");
        CHECK_OK(cppserver_session_send_message(session->session, CPPSERVER_KIND_TEXT, message, (size_t)size, NULL));
    }
    int last = -1;
    while (last < COUNT - 1) {
        if (!CHECK_NUMBER(raw_receive(peer), RAW_TEXT))
            break;
        int number = atoi((const char *)peer->payload);
        int size = snprintf(message, sizeof message, "%d %.*s", number, number % 20, "xxxxxxxxxxxxxxxxxxxx");
        CHECK_NUMBER(peer->size, size);
        if (!CHECK(number > last))
            break;
        last = number;
    }
    raw_free(peer);
    scene_close(&scene);
}

/* A text that begins with its number, is made of nothing else, and compresses by half. */
static void make_text(char *text, int number)
{
    uint32_t noise = (uint32_t)number;
    int used = snprintf(text, MESSAGE_SIZE + 1, "%08d", number);
    for (int index = used; index < MESSAGE_SIZE; ++index) {
        if (index % 4 == 0)
            noise = noise * 1664525u + 1013904223u;
        text[index] = index % 4 == 0 ? (char)('a' + (noise >> 24) % 26) : "key"[index % 4 - 1];
    }
    text[MESSAGE_SIZE] = '\0';
}

static size_t check_text(void *user_data, int32_t kind, const void *data, size_t size)
{
    endpoint *self = user_data;
    char expected[MESSAGE_SIZE + 1];
    CHECK_NUMBER(kind, CPPSERVER_KIND_TEXT);
    if (CHECK_NUMBER(size, MESSAGE_SIZE)) {
        int number = atoi(data);
        make_text(expected, number);
        CHECK(memcmp(data, expected, MESSAGE_SIZE) == 0);
        counter_add(&self->calls, 1);
        if (number == 0)
            journal_add(self->journal, "last");
    }
    return size;
}

/* A compressed message may refer to earlier ones, but not to those that were dropped. */
static void old_messages_are_dropped_from_a_compressed_stream(void)
{
    enum { COUNT = 20000 };
    char text[MESSAGE_SIZE + 1];
    scene scene = scene_create();
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE, 1);
    scene_set(&scene, CPPSERVER_OPTION_DEFLATE_TAKEOVER, 1);
    scene_set(&scene, CPPSERVER_OPTION_SEND_LIMIT, WAITING_LIMIT);
    scene_set(&scene, CPPSERVER_OPTION_SEND_POLICY, CPPSERVER_SEND_POLICY_DROP_OLDEST);
    scene_set(&scene, CPPSERVER_OPTION_SEND_BUFFER, 4096);
    scene_start(&scene);
    endpoint *client = scene_client(&scene, "/");
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE, 1));
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_DEFLATE_TAKEOVER, 1));
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_RECEIVE_BUFFER, 4096));
    cppserver_session_handler handler = message_handler();
    handler.on_received = check_text;
    CHECK_OK(cppserver_client_connect(client->client, &handler, client));
    WAIT_FOR(client->journal, "handshaked");
    endpoint *session = scene_session(&scene, 0);
    CHECK(cppserver_session_is_compressed(session->session));
    /* Nobody reads, until all are sent. */
    CHECK_OK(cppserver_session_pause_reading(client->session));
    for (int number = COUNT; number >= 0; --number) {
        make_text(text, number);
        CHECK_OK(cppserver_session_send_message(session->session, CPPSERVER_KIND_TEXT, text, MESSAGE_SIZE, NULL));
    }
    CHECK_OK(cppserver_session_resume_reading(client->session));
    WAIT_FOR(client->journal, "last");
    CHECK_TEXT(client->error_message, "");
    CHECK(counter_value(&client->calls) < COUNT);
    scene_close(&scene);
}

/* A multicast goes to those that have room, by the same rules. */
static void a_multicast_spares_who_does_not_keep_up(void)
{
    char message[MESSAGE_SIZE];
    int number = 0;
    scene scene = scene_create();
    raw_peer *peer = slow_peer(&scene, CPPSERVER_SEND_POLICY_REFUSE);
    endpoint *session = scene.server->sessions[0];
    endpoint *client = scene_opened(&scene);
    scene_session(&scene, 1);
    memset(message, 'x', sizeof message);
    /* Until the peer that does not read is full, and some more. */
    for (int more = 0; more < 50 && number < 100000; ++number) {
        CHECK_OK(cppserver_server_multicast_message(scene.server->server, CPPSERVER_KIND_TEXT, message, MESSAGE_SIZE));
        CHECK(counter_reaches(&client->calls, number + 1));
        more += cppserver_session_bytes_pending(session->session) + MESSAGE_SIZE + 14 > WAITING_LIMIT;
    }
    CHECK_NUMBER(counter_value(&client->received), (long)number * MESSAGE_SIZE);
    /* Behind all that it gets. */
    int received = 0;
    for (; message_send_text(session, "end") == CPPSERVER_STATUS_LIMIT; ++received)
        if (!CHECK_NUMBER(raw_receive(peer), RAW_TEXT) || !CHECK_NUMBER(peer->size, MESSAGE_SIZE))
            break;
    for (; CHECK_NUMBER(raw_receive(peer), RAW_TEXT) && peer->size != 3; ++received)
        if (!CHECK_NUMBER(peer->size, MESSAGE_SIZE))
            break;
    CHECK(received < number);
    CHECK_NUMBER(journal_count(&scene.server->journal, "session error limit"), 0);
    raw_free(peer);
    scene_close(&scene);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(refused_messages_are_refused_as_a_whole),
        TEST(a_peer_that_does_not_keep_up_is_let_go),
        TEST(old_messages_are_dropped_as_a_whole),
        TEST(small_messages_are_dropped_together),
        TEST(old_messages_are_dropped_from_a_compressed_stream),
        TEST(a_multicast_spares_who_does_not_keep_up),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
