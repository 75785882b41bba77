/* Messages for many: multicast to all and to some, and topics with their wildcards. */
#include "websocket.h"

enum { CLIENTS = 4 };

/* A service with two threads, and clients on both of them. */
static scene scene_of_many(void)
{
    scene self = scene_create_with(2, false);
    scene_start(&self);
    /* One after the other, so that each client has the number of its session. */
    for (long number = 0; number < CLIENTS; ++number) {
        scene_opened(&self);
        scene_session(&self, number);
    }
    return self;
}

static cppserver_session *session_of(scene *scene, int number)
{
    return scene->server->sessions[number]->session;
}

/* Whether each client has received this, after "connected, handshaked, ", and nothing else. */
static void check_received(scene *scene, const char *const expected[CLIENTS])
{
    CHECK_OK(cppserver_server_multicast_message(scene->server->server, CPPSERVER_KIND_TEXT, "end", 3));
    for (int number = 0; number < CLIENTS; ++number) {
        char text[512];
        WAIT_FOR(scene->clients[number]->journal, "text 'end'");
        snprintf(text, sizeof text, "connected, handshaked, %stext 'end'", expected[number]);
        CHECK_JOURNAL(scene->clients[number]->journal, text);
    }
}

/* ---- multicast ---- */

static void a_multicast_reaches_everybody(void)
{
    enum { SIZE = 100000 };
    scene scene = scene_of_many();
    cppserver_server *server = scene.server->server;
    char *data = malloc(SIZE);
    for (size_t index = 0; index < SIZE; ++index)
        data[index] = (char)(index * 5 >> 2);
    CHECK_OK(cppserver_server_multicast_message(server, CPPSERVER_KIND_TEXT, "text", 4));
    CHECK_OK(cppserver_server_multicast_message(server, CPPSERVER_KIND_BINARY, data, SIZE));
    CHECK_OK(cppserver_server_multicast_message(server, CPPSERVER_KIND_TEXT, NULL, 0));
    CHECK_OK(cppserver_server_multicast_message(server, CPPSERVER_KIND_BYTES, "bytes", 5));
    CHECK_OK(cppserver_server_multicast(server, "plain", 5));
    char expected[256];
    snprintf(expected, sizeof expected, "text 'text', %s, text '', binary 'bytes', binary 'plain', ",
             message_entry_of(CPPSERVER_KIND_BINARY, data, SIZE).text);
    const char *const all[CLIENTS] = { expected, expected, expected, expected };
    check_received(&scene, all);
    CHECK_NUMBER(cppserver_session_messages_received(scene.clients[0]->session), 6);
    free(data);
    scene_close(&scene);
}

/* Waits for the part of the session that is being sent in parts. */
static void a_multicast_waits_for_messages_in_parts(void)
{
    scene scene = scene_of_many();
    CHECK_OK(cppserver_session_send_part(session_of(&scene, 1), CPPSERVER_KIND_TEXT, "in ", 3, false, NULL));
    CHECK_OK(cppserver_server_multicast_message(scene.server->server, CPPSERVER_KIND_TEXT, "to all", 6));
    WAIT_FOR(scene.clients[0]->journal, "text 'to all'");
    CHECK_OK(cppserver_session_send_part(session_of(&scene, 1), CPPSERVER_KIND_TEXT, "parts", 5, true, NULL));
    const char *const expected[CLIENTS] = { "text 'to all', ", "text 'in parts', text 'to all', ", "text 'to all', ",
                                            "text 'to all', " };
    check_received(&scene, expected);
    scene_close(&scene);
}

typedef struct choice {
    scene *scene;
    unsigned wanted; /* a bit for each session */
    int asked;
} choice;

static bool choose(void *user_data, cppserver_session *session)
{
    choice *self = user_data;
    ++self->asked;
    CHECK(cppserver_session_is_connected(session));
    for (int number = 0; number < CLIENTS; ++number)
        if (session == session_of(self->scene, number))
            return (self->wanted >> number & 1) != 0;
    return CHECK(!"every session is known");
}

static void a_multicast_reaches_those_that_a_function_chooses(void)
{
    scene scene = scene_of_many();
    cppserver_server *server = scene.server->server;
    choice choice = { &scene, 0, 0 };
    const char *const names[] = { "none", "zero and two", "three", "all" };
    const unsigned wanted[] = { 0, 5, 8, 15 };
    for (int round = 0; round < 4; ++round) {
        choice.wanted = wanted[round];
        choice.asked = 0;
        CHECK_OK(cppserver_server_multicast_if(server, CPPSERVER_KIND_TEXT, names[round], strlen(names[round]), choose,
                                               &choice));
        CHECK_NUMBER(choice.asked, CLIENTS);
    }
    CHECK_FAILS(cppserver_server_multicast_if(server, CPPSERVER_KIND_TEXT, "\xff", 1, choose, &choice),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_multicast_if(server, CPPSERVER_KIND_PONG, "x", 1, choose, &choice),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(choice.asked, CLIENTS);
    const char *const expected[CLIENTS] = { "text 'zero and two', text 'all', ", "text 'all', ",
                                            "text 'zero and two', text 'all', ", "text 'three', text 'all', " };
    check_received(&scene, expected);
    scene_close(&scene);
}

static bool disconnect_and_want(void *user_data, cppserver_session *session)
{
    (void)user_data;
    CHECK_OK(cppserver_session_disconnect(session));
    return true;
}

/* No lock is held while a function chooses. */
static void a_function_that_chooses_may_call_the_library(void)
{
    scene scene = scene_of_many();
    CHECK_OK(cppserver_server_multicast_if(scene.server->server, CPPSERVER_KIND_TEXT, "too late", 8, disconnect_and_want,
                                           NULL));
    for (int number = 0; number < CLIENTS; ++number) {
        WAIT_FOR(scene.clients[number]->journal, "destroy");
        CHECK_JOURNAL(scene.clients[number]->journal, "connected, handshaked, disconnected 2, destroy");
    }
    scene_close(&scene);
}

static void a_server_that_does_not_run_sends_nothing(void)
{
    size_t count = 77;
    scene scene = scene_of_many();
    cppserver_server *server = scene.server->server;
    CHECK_OK(cppserver_server_stop(server));
    WAIT_FOR(&scene.server->journal, "destroy");
    choice choice = { &scene, 15, 0 };
    CHECK_FAILS(cppserver_server_multicast_message(server, CPPSERVER_KIND_TEXT, "x", 1), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_server_multicast_if(server, CPPSERVER_KIND_TEXT, "x", 1, choose, &choice),
                CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_server_publish(server, "news", CPPSERVER_KIND_TEXT, "x", 1, &count),
                CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_session_subscribe(session_of(&scene, 0), "news"), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_NUMBER(choice.asked, 0);
    CHECK_NUMBER(count, 77);
    scene_close(&scene);
}

/* ---- topics ---- */

static size_t publish(scene *scene, const char *topic, const char *text)
{
    size_t count = 77;
    CHECK_OK(cppserver_server_publish(scene->server->server, topic, CPPSERVER_KIND_TEXT, text, strlen(text), &count));
    return count;
}

static void topics_reach_their_subscribers(void)
{
    scene scene = scene_of_many();
    CHECK_NUMBER(publish(&scene, "news", "nobody"), 0);
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 0), "news"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 0), "news"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 1), "news"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 1), "NEWS"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 2), "weather"));
    CHECK_NUMBER(publish(&scene, "news", "n1"), 2);
    CHECK_NUMBER(publish(&scene, "NEWS", "N2"), 1);
    CHECK_NUMBER(publish(&scene, "weather", "w3"), 1);
    CHECK_NUMBER(publish(&scene, "new", "nobody"), 0);
    CHECK_NUMBER(publish(&scene, "news.more", "nobody"), 0);
    /* Twice counted once, so one end is enough, and another one does nothing. */
    CHECK_OK(cppserver_session_unsubscribe(session_of(&scene, 0), "news"));
    CHECK_OK(cppserver_session_unsubscribe(session_of(&scene, 0), "news"));
    CHECK_OK(cppserver_session_unsubscribe(session_of(&scene, 3), "never had"));
    CHECK_NUMBER(publish(&scene, "news", "n4"), 1);
    CHECK_OK(cppserver_server_publish(scene.server->server, "news", CPPSERVER_KIND_BINARY, "b5", 2, NULL));
    const char *const expected[CLIENTS] = { "text 'n1', ", "text 'n1', text 'N2', text 'n4', binary 'b5', ",
                                            "text 'w3', ", "" };
    check_received(&scene, expected);
    scene_close(&scene);
}

static void wildcards_stand_for_anything_at_the_end(void)
{
    scene scene = scene_of_many();
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 0), "news.*"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 1), "news.sport.*"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 1), "news.sport.chess"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 2), "*"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 3), "caf\xc3\xa9*"));
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 3), "caf8*"));
    CHECK_NUMBER(publish(&scene, "news.sport.chess", "1"), 3);
    CHECK_NUMBER(publish(&scene, "news.sport.", "2"), 3);
    CHECK_NUMBER(publish(&scene, "news.sport", "3"), 2);
    CHECK_NUMBER(publish(&scene, "news", "4"), 1);
    CHECK_NUMBER(publish(&scene, "caf\xc3\xa9 noir", "coffee"), 2);
    /* A wildcard ends as it was written. */
    CHECK_OK(cppserver_session_unsubscribe(session_of(&scene, 0), "news."));
    CHECK_NUMBER(publish(&scene, "news.x", "5"), 2);
    CHECK_OK(cppserver_session_unsubscribe(session_of(&scene, 0), "news.*"));
    CHECK_NUMBER(publish(&scene, "news.x", "6"), 1);
    const char *const expected[CLIENTS] = { "text '1', text '2', text '3', text '5', ", "text '1', text '2', ",
                                            "text '1', text '2', text '3', text '4', text 'coffee', text '5', text '6', ",
                                            "text 'coffee', " };
    check_received(&scene, expected);
    scene_close(&scene);
}

static void what_is_no_topic_is_refused(void)
{
    size_t count = 77;
    scene scene = scene_of_many();
    const char *const wrong[] = { "", "a*b", "**", "*a", "\xff" };
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index)
        CHECK_FAILS(cppserver_session_subscribe(session_of(&scene, 0), wrong[index]), CPPSERVER_STATUS_INVALID_ARGUMENT);
    const char *const patterns[] = { "", "*", "a*", "a*b", "\xff" };
    for (size_t index = 0; index < sizeof patterns / sizeof *patterns; ++index) {
        CHECK_FAILS(cppserver_server_publish(scene.server->server, patterns[index], CPPSERVER_KIND_TEXT, "x", 1, &count),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_session_publish(session_of(&scene, 0), patterns[index], CPPSERVER_KIND_TEXT, "x", 1, &count),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_FAILS(cppserver_session_publish(session_of(&scene, 0), "a", CPPSERVER_KIND_TEXT, "\xff", 1, &count),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_publish(session_of(&scene, 0), "a", CPPSERVER_KIND_PING, "x", 1, &count),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    /* Clients have no topics. */
    cppserver_session *session = scene.clients[0]->session;
    CHECK_FAILS(cppserver_session_subscribe(session, "news"), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_session_unsubscribe(session, "news"), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_session_publish(session, "news", CPPSERVER_KIND_TEXT, "x", 1, &count),
                CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(count, 77);
    scene_close(&scene);
}

static void a_session_publishes_to_the_others(void)
{
    size_t count = 0;
    scene scene = scene_of_many();
    for (int number = 0; number < CLIENTS; ++number)
        CHECK_OK(cppserver_session_subscribe(session_of(&scene, number), number == 3 ? "other" : "room"));
    CHECK_OK(cppserver_session_publish(session_of(&scene, 0), "room", CPPSERVER_KIND_TEXT, "of zero", 7, &count));
    CHECK_NUMBER(count, 2);
    /* Who publishes need not have subscribed. */
    CHECK_OK(cppserver_session_publish(session_of(&scene, 3), "room", CPPSERVER_KIND_TEXT, "of three", 8, NULL));
    CHECK_OK(cppserver_session_publish(session_of(&scene, 3), "other", CPPSERVER_KIND_TEXT, "to nobody", 9, &count));
    CHECK_NUMBER(count, 0);
    const char *const expected[CLIENTS] = { "text 'of three', ", "text 'of zero', text 'of three', ",
                                            "text 'of zero', text 'of three', ", "" };
    check_received(&scene, expected);
    scene_close(&scene);
}

static void subscriptions_end_with_their_session(void)
{
    scene scene = scene_of_many();
    for (int number = 0; number < 2; ++number) {
        CHECK_OK(cppserver_session_subscribe(session_of(&scene, number), "news"));
        CHECK_OK(cppserver_session_subscribe(session_of(&scene, number), "ne*"));
    }
    CHECK_NUMBER(publish(&scene, "news", "both"), 2);
    CHECK_OK(cppserver_session_disconnect(scene.clients[0]->session));
    WAIT_FOR(&scene.server->journal, "session destroy");
    WAIT_FOR(scene.clients[0]->journal, "destroy");
    CHECK_NUMBER(publish(&scene, "news", "one"), 1);
    CHECK_FAILS(cppserver_session_subscribe(session_of(&scene, 0), "news"), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_OK(cppserver_session_unsubscribe(session_of(&scene, 0), "news"));
    /* The next session of the same client has none. */
    CHECK_OK(scene_connect(scene.clients[0]));
    scene_session(&scene, CLIENTS);
    CHECK_NUMBER(publish(&scene, "news", "one"), 1);
    scene_close(&scene);
}

static void subscribe_at_once(endpoint *self, event event)
{
    size_t count = 0;
    if (event == EVENT_HANDSHAKED) {
        CHECK_OK(cppserver_session_subscribe(self->session, "room"));
    } else if (event == EVENT_RECEIVED) {
        CHECK_OK(cppserver_session_publish(self->session, "room", CPPSERVER_KIND_TEXT, "somebody spoke", 14, &count));
        CHECK_NUMBER(count, CLIENTS - 1);
    }
}

/* From callbacks of both threads at once. */
static void sessions_publish_in_their_callbacks(void)
{
    enum { ROUNDS = 50 };
    scene scene = scene_create_with(2, true);
    scene.server->session_hook = subscribe_at_once;
    scene_start(&scene);
    for (long number = 0; number < CLIENTS; ++number) {
        scene_opened(&scene);
        scene_session(&scene, number);
    }
    for (int round = 0; round < ROUNDS; ++round)
        for (int number = 0; number < CLIENTS; ++number)
            CHECK_OK(message_send_text(scene.clients[number], "x"));
    for (int number = 0; number < CLIENTS; ++number) {
        CHECK(counter_reaches(&scene.clients[number]->calls, (CLIENTS - 1) * ROUNDS));
        CHECK(journal_has(scene.clients[number]->journal, "text 'somebody spoke'", (CLIENTS - 1) * ROUNDS));
    }
    scene_close(&scene);
}

typedef struct fickle {
    platform_thread thread;
    cppserver_session *session;
} fickle;

static void come_and_go(void *argument)
{
    fickle *self = argument;
    for (int round = 0; round < 500; ++round) {
        CHECK_OK(cppserver_session_subscribe(self->session, round % 2 == 0 ? "room" : "ro*"));
        CHECK_OK(cppserver_session_unsubscribe(self->session, round % 2 == 0 ? "room" : "ro*"));
    }
}

/* Whoever subscribes and leaves meanwhile, those that stay get everything. */
static void subscribers_come_and_go_while_something_is_published(void)
{
    enum { COUNT = 500 };
    scene scene = scene_of_many();
    fickle guests[CLIENTS - 1];
    CHECK_OK(cppserver_session_subscribe(session_of(&scene, 3), "room"));
    for (int number = 0; number < CLIENTS - 1; ++number) {
        guests[number].session = session_of(&scene, number);
        platform_thread_start(&guests[number].thread, come_and_go, &guests[number]);
    }
    for (int number = 0; number < COUNT; ++number) {
        size_t count = publish(&scene, "room", "x");
        CHECK(count >= 1 && count <= CLIENTS);
    }
    for (int number = 0; number < CLIENTS - 1; ++number)
        platform_thread_join(&guests[number].thread);
    CHECK(counter_reaches(&scene.clients[3]->calls, COUNT));
    CHECK_NUMBER(publish(&scene, "room", "x"), 1);
    scene_close(&scene);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(a_multicast_reaches_everybody),
        TEST(a_multicast_waits_for_messages_in_parts),
        TEST(a_multicast_reaches_those_that_a_function_chooses),
        TEST(a_function_that_chooses_may_call_the_library),
        TEST(a_server_that_does_not_run_sends_nothing),
        TEST(topics_reach_their_subscribers),
        TEST(wildcards_stand_for_anything_at_the_end),
        TEST(what_is_no_topic_is_refused),
        TEST(a_session_publishes_to_the_others),
        TEST(subscriptions_end_with_their_session),
        TEST(sessions_publish_in_their_callbacks),
        TEST(subscribers_come_and_go_while_something_is_published),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
