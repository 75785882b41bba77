/* One connection: sending, receiving, limits, deadlines, and all the ways it can end. */
#include "peers.h"

/* A service with a server that has options, and plain sockets or clients that connect to it. */
typedef struct scene {
    cppserver_service *service;
    host *server;
} scene;

static scene scene_open(endpoint_hook hook, int32_t option, int64_t value)
{
    scene self = { service_started(1), NULL };
    self.server = host_create(self.service);
    self.server->session_hook = hook;
    if (option != 0)
        CHECK_OK(cppserver_server_set_option(self.server->server, option, value));
    CHECK_OK(host_start(self.server));
    return self;
}

static void scene_close(scene *self, endpoint *client)
{
    service_finished(self->service);
    CHECK_NUMBER(journal_count(&self->server->journal, "session destroy"), counter_value(&self->server->accepted));
    if (client != NULL) {
        CHECK_NUMBER(journal_count(client->journal, "destroy"), 1);
        client_free(client);
    }
    host_free(self->server);
}

static void a_large_message_comes_back(void)
{
    enum { SIZE = 3000000 };
    scene scene = scene_open(NULL, 0, 0);
    scene.server->echo = true;
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    size_t pending = 0;
    char *data = malloc(SIZE);
    for (size_t index = 0; index < SIZE; ++index)
        data[index] = (char)('a' + index % 23);
    CHECK_OK(cppserver_session_send(client->session, data, SIZE, &pending));
    CHECK(pending >= SIZE);
    CHECK(counter_reaches(&client->received, SIZE));
    CHECK(memcmp(client->data, data, sizeof client->data - 1) == 0);
    CHECK(counter_reaches(&client->sent, SIZE));
    CHECK(counter_reaches(&client->emptied, 1));
    endpoint *session = host_session(scene.server, 0);
    CHECK(counter_reaches(&session->sent, SIZE));
    CHECK_NUMBER(cppserver_session_bytes_sent(client->session), SIZE);
    CHECK_NUMBER(cppserver_session_bytes_received(client->session), SIZE);
    CHECK_NUMBER(cppserver_session_bytes_sent(session->session), SIZE);
    CHECK_NUMBER(cppserver_session_bytes_received(session->session), SIZE);
    CHECK_NUMBER(cppserver_session_bytes_pending(client->session), 0);
    free(data);
    scene_close(&scene, client);
}

static void unhandled_bytes_come_again(void)
{
    scene scene = scene_open(NULL, 0, 0);
    scene.server->handled_from = 10;
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    endpoint *session = host_session(scene.server, 0);
    CHECK_OK(endpoint_send(client, "01234"));
    /* One call or more: every one of them has all that was left. */
    CHECK(counter_reaches(&session->calls, 1));
    CHECK_NUMBER(counter_value(&session->received), 0);
    CHECK_OK(endpoint_send(client, "56789"));
    CHECK(counter_reaches(&session->received, 10));
    CHECK_TEXT(session->data, "0123456789");
    CHECK_NUMBER(session->last_size, 10);
    CHECK_OK(endpoint_send(client, "abcdefghijkl"));
    CHECK(counter_reaches(&session->received, 22));
    CHECK_TEXT(session->data, "0123456789abcdefghijkl");
    scene_close(&scene, client);
}

static void unhandled_bytes_are_limited(void)
{
    char data[2000] = { 0 };
    scene scene = scene_open(NULL, CPPSERVER_OPTION_RECEIVE_LIMIT, 1000);
    scene.server->handled_from = SIZE_MAX;
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    CHECK_OK(cppserver_session_send(client->session, data, sizeof data, NULL));
    WAIT_FOR(&scene.server->journal, "session disconnected 5");
    CHECK(journal_in_order(&scene.server->journal, "session error limit", "session disconnected 5"));
    CHECK_NUMBER(scene.server->sessions[0]->error_code, CPPSERVER_STATUS_LIMIT);
    scene_close(&scene, client);
}

static void pause_with_the_first_bytes(endpoint *self, event event)
{
    if (event == EVENT_RECEIVED && counter_value(&self->calls) == 1)
        CHECK_OK(cppserver_session_pause_reading(self->session));
}

static void a_paused_session_receives_after_the_resume(void)
{
    scene scene = scene_open(pause_with_the_first_bytes, 0, 0);
    platform_socket peer = platform_socket_connect(host_port(scene.server), 0);
    endpoint *session = host_session(scene.server, 0);
    CHECK(platform_socket_send(peer, "first"));
    CHECK(counter_reaches(&session->received, 5));
    CHECK(platform_socket_send(peer, "second"));
    platform_socket_close(peer);
    /* The thread goes on: another session is served, by the time that this one would have been. */
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    CHECK_OK(endpoint_send(client, "other"));
    CHECK(counter_reaches(&host_session(scene.server, 1)->received, 5));
    CHECK_TEXT(session->data, "first");
    /* The end of the peer lies behind the bytes. */
    CHECK(cppserver_session_is_connected(session->session));
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 0);
    CHECK_OK(cppserver_session_resume_reading(session->session));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_TEXT(session->data, "firstsecond");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 1);
    CHECK_FAILS(cppserver_session_pause_reading(session->session), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_resume_reading(session->session), CPPSERVER_STATUS_NOT_CONNECTED);
    scene_close(&scene, client);
}

static void a_fast_peer_waits_for_a_paused_session(void)
{
    enum { SIZE = 16000000 };
    scene scene = scene_open(pause_with_the_first_bytes, 0, 0);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    endpoint *session = host_session(scene.server, 0);
    char *data = calloc(1, SIZE);
    CHECK_OK(cppserver_session_send(client->session, data, SIZE, NULL));
    free(data);
    CHECK(counter_reaches(&session->calls, 1));
    long received = counter_value(&session->received);
    endpoint *other = client_connected(scene.service, host_port(scene.server));
    CHECK_OK(endpoint_send(other, "other"));
    CHECK(counter_reaches(&host_session(scene.server, 1)->received, 5));
    /* The system takes some of it for the session, but not all. */
    CHECK_NUMBER(counter_value(&session->received), received);
    CHECK_NUMBER(counter_value(&session->calls), 1);
    CHECK(cppserver_session_bytes_pending(client->session) > 0);
    /* Sending goes on. */
    CHECK_OK(endpoint_send(session, "a word"));
    CHECK(counter_reaches(&client->received, 6));
    /* Without a pause a resume does nothing. */
    CHECK_OK(cppserver_session_resume_reading(other->session));
    CHECK_OK(cppserver_session_resume_reading(session->session));
    CHECK_OK(cppserver_session_resume_reading(session->session));
    CHECK(counter_reaches(&session->received, SIZE));
    service_finished(scene.service);
    client_free(client);
    client_free(other);
    host_free(scene.server);
}

/* Sends 600 bytes twice where 1000 may wait: what a callback sends leaves after it. */
static void send_twice(endpoint *self, event event)
{
    char data[600];
    size_t pending = 0;
    if (event != EVENT_CONNECTED)
        return;
    memset(data, '1', sizeof data);
    CHECK_OK(cppserver_session_send(self->session, data, sizeof data, &pending));
    CHECK_NUMBER(pending, 600);
    CHECK_NUMBER(cppserver_session_bytes_pending(self->session), 600);
    memset(data, '2', sizeof data);
    journal_add(self->journal, "second %d", (int)cppserver_session_send(self->session, data, sizeof data, &pending));
    CHECK_NUMBER(pending, 600);
}

static void a_send_above_the_limit_is_refused(void)
{
    scene scene = scene_open(send_twice, CPPSERVER_OPTION_SEND_LIMIT, 1000);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    CHECK(counter_reaches(&client->received, 600));
    WAIT_FOR(&scene.server->journal, "second 4");
    endpoint *session = host_session(scene.server, 0);
    CHECK(counter_reaches(&session->emptied, 1));
    /* The queue is empty again, so there is room. */
    char data[1001] = "again";
    CHECK_OK(cppserver_session_send(session->session, data, 900, NULL));
    CHECK(counter_reaches(&client->received, 1500));
    CHECK_FAILS(cppserver_session_send(session->session, data, sizeof data, NULL), CPPSERVER_STATUS_LIMIT);
    CHECK_TEXT(cppserver_last_error_category(), "limit");
    CHECK(cppserver_session_is_connected(session->session));
    scene_close(&scene, client);
}

static void a_send_above_the_limit_ends_the_session(void)
{
    scene scene = scene_open(send_twice, CPPSERVER_OPTION_SEND_LIMIT, 1000);
    CHECK_OK(cppserver_server_set_option(scene.server->server, CPPSERVER_OPTION_SEND_POLICY, CPPSERVER_SEND_POLICY_DISCONNECT));
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    WAIT_FOR(&scene.server->journal, "session disconnected 5");
    CHECK_NUMBER(journal_count(&scene.server->journal, "second 4"), 1);
    CHECK(journal_in_order(&scene.server->journal, "session error limit", "session disconnected 5"));
    scene_close(&scene, client);
}

static void a_send_above_the_limit_drops_the_oldest(void)
{
    scene scene = scene_open(send_twice, CPPSERVER_OPTION_SEND_LIMIT, 1000);
    CHECK_OK(cppserver_server_set_option(scene.server->server, CPPSERVER_OPTION_SEND_POLICY, CPPSERVER_SEND_POLICY_DROP_OLDEST));
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    CHECK(counter_reaches(&client->received, 600));
    WAIT_FOR(&scene.server->journal, "second 0");
    CHECK_NUMBER(client->data[0], '2');
    CHECK_NUMBER(client->data[599], '2');
    scene_close(&scene, client);
}

static void send_and_leave(endpoint *self, event event)
{
    enum { SIZE = 8000000 };
    if (event == EVENT_CONNECTED) {
        char *data = calloc(1, SIZE);
        CHECK_OK(cppserver_session_send(self->session, data, SIZE, NULL));
        free(data);
        CHECK_OK(cppserver_session_disconnect(self->session));
        CHECK_FAILS(cppserver_session_disconnect(self->session), CPPSERVER_STATUS_NOT_CONNECTED);
        CHECK_FAILS(cppserver_session_send(self->session, "x", 1, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    }
    CHECK(event != EVENT_RECEIVED);
}

static void disconnect_loses_nothing(void)
{
    scene scene = scene_open(send_and_leave, 0, 0);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    /* It may be over already; the server must not hear it. */
    (void)endpoint_send(client, "too late");
    CHECK(counter_reaches(&client->received, 8000000));
    WAIT_FOR(&scene.server->journal, "session destroy");
    WAIT_FOR(client->journal, "destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 1);
    CHECK_NUMBER(counter_value(&client->received), 8000000);
    scene_close(&scene, client);
}

static void disconnect_gives_up_at_its_deadline(void)
{
    scene scene = scene_open(send_and_leave, CPPSERVER_OPTION_CLOSE_TIMEOUT, 50);
    platform_socket peer = platform_socket_connect(host_port(scene.server), 4096);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK(journal_in_order(&scene.server->journal, "session error timeout", "session disconnected 1"));
    CHECK_NUMBER(scene.server->sessions[0]->error_code, CPPSERVER_STATUS_TIMEOUT);
    platform_socket_close(peer);
    scene_close(&scene, NULL);
}

static void disconnect_now_cuts_it_short(void)
{
    scene scene = scene_open(send_and_leave, CPPSERVER_OPTION_CLOSE_TIMEOUT, 3600000);
    platform_socket peer = platform_socket_connect(host_port(scene.server), 4096);
    endpoint *session = host_session(scene.server, 0);
    CHECK_OK(cppserver_session_disconnect_now(session->session));
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 1"), 1);
    CHECK_FAILS(cppserver_session_disconnect_now(session->session), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK(cppserver_session_bytes_sent(session->session) < 8000000);
    platform_socket_close(peer);
    scene_close(&scene, NULL);
}

static void a_silent_session_times_out(void)
{
    scene scene = scene_open(NULL, CPPSERVER_OPTION_IDLE_TIMEOUT, 50);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    WAIT_FOR(&scene.server->journal, "session disconnected 4");
    CHECK(journal_in_order(&scene.server->journal, "session error timeout", "session disconnected 4"));
    WAIT_FOR(client->journal, "disconnected 2");
    scene_close(&scene, client);
}

static void a_peer_that_closes_is_no_error(void)
{
    scene scene = scene_open(NULL, 0, 0);
    platform_socket peer = platform_socket_connect(host_port(scene.server), 0);
    endpoint *session = host_session(scene.server, 0);
    CHECK(platform_socket_send(peer, "last words"));
    platform_socket_close(peer);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK_TEXT(session->data, "last words");
    CHECK_NUMBER(journal_count(&scene.server->journal, "session disconnected 2"), 1);
    CHECK_TEXT(session->error_message, "");
    scene_close(&scene, NULL);
}

static void a_peer_that_resets_is_an_error(void)
{
    scene scene = scene_open(NULL, 0, 0);
    platform_socket peer = platform_socket_connect(host_port(scene.server), 0);
    endpoint *session = host_session(scene.server, 0);
    platform_socket_reset(peer);
    WAIT_FOR(&scene.server->journal, "session destroy");
    CHECK(journal_in_order(&scene.server->journal, "session error system", "session disconnected 3"));
    CHECK_NUMBER(session->error_code, PLATFORM_CONNECTION_RESET);
    CHECK(session->error_message[0] != '\0');
    scene_close(&scene, NULL);
}

static void look_at_the_socket(endpoint *self, event event)
{
    if (event == EVENT_CONNECTED) {
        CHECK(cppserver_session_is_connected(self->session));
        CHECK(cppserver_session_native_handle(self->session) >= 0);
        CHECK_OK(cppserver_session_set_option(self->session, CPPSERVER_OPTION_NO_DELAY, 0));
        CHECK_OK(cppserver_session_set_option(self->session, CPPSERVER_OPTION_KEEP_ALIVE, 1));
        CHECK_OK(cppserver_session_set_option(self->session, CPPSERVER_OPTION_SEND_BUFFER, 65536));
        CHECK_OK(cppserver_session_set_option(self->session, CPPSERVER_OPTION_RECEIVE_BUFFER, 65536));
        CHECK_OK(cppserver_session_set_option(self->session, CPPSERVER_OPTION_LINGER, -1));
    }
    if (event == EVENT_DISCONNECTED)
        CHECK(!cppserver_session_is_connected(self->session));
}

static void addresses_of_both_sides_agree(void)
{
    char here[64], there[64];
    uint16_t port = 0, other_port = 0;
    scene scene = scene_open(look_at_the_socket, 0, 0);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    endpoint *session = host_session(scene.server, 0);
    CHECK_OK(cppserver_session_local_address(client->session, here, sizeof here, &port));
    CHECK_OK(cppserver_session_peer_address(session->session, there, sizeof there, &other_port));
    CHECK_TEXT(here, "127.0.0.1");
    CHECK_TEXT(there, here);
    CHECK_NUMBER(port, other_port);
    CHECK_OK(cppserver_session_peer_address(client->session, there, sizeof there, &other_port));
    CHECK_NUMBER(other_port, host_port(scene.server));
    CHECK_OK(cppserver_session_local_address(session->session, there, sizeof there, &other_port));
    CHECK_NUMBER(other_port, host_port(scene.server));
    CHECK(cppserver_session_id(client->session) != 0);
    CHECK(cppserver_session_id(client->session) != cppserver_session_id(session->session));
    scene_close(&scene, client);
}

static void a_session_that_is_over_answers(void)
{
    char text[64];
    uint16_t port = 0;
    scene scene = scene_open(NULL, 0, 0);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    endpoint *session = host_session(scene.server, 0);
    CHECK_OK(endpoint_send(client, "four"));
    CHECK(counter_reaches(&session->received, 4));
    cppserver_session *kept = cppserver_session_retain(session->session);
    CHECK(kept == session->session);
    uint64_t id = cppserver_session_id(kept);
    scene_close(&scene, client);
    /* Client, server and service are gone; the handle is not. */
    CHECK_FAILS(cppserver_session_send(kept, "x", 1, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_TEXT(cppserver_last_error_category(), "state");
    CHECK_FAILS(cppserver_session_disconnect(kept), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_disconnect_now(kept), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_set_option(kept, CPPSERVER_OPTION_NO_DELAY, 1), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_local_address(kept, text, sizeof text, &port), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK(!cppserver_session_is_connected(kept));
    CHECK_NUMBER(cppserver_session_native_handle(kept), -1);
    CHECK_NUMBER(cppserver_session_bytes_received(kept), 4);
    CHECK_NUMBER(cppserver_session_bytes_pending(kept), 0);
    CHECK_NUMBER(cppserver_session_id(kept), id);
    CHECK_OK(cppserver_session_peer_address(kept, text, sizeof text, &port));
    CHECK_TEXT(text, "127.0.0.1");
    CHECK(port != 0);
    cppserver_session_release(kept);
}

/* Each on_sent sends the next piece, until there were enough of them. */
static void send_next(endpoint *self, event event)
{
    if (event == EVENT_CONNECTED || (event == EVENT_SENT && counter_value(&self->sent) < 500))
        CHECK_OK(cppserver_session_send(self->session, "12345", 5, NULL));
}

static void on_sent_may_send(void)
{
    scene scene = scene_open(send_next, 0, 0);
    endpoint *client = client_connected(scene.service, host_port(scene.server));
    CHECK(counter_reaches(&client->received, 500));
    scene_close(&scene, client);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(a_large_message_comes_back),
        TEST(unhandled_bytes_come_again),
        TEST(unhandled_bytes_are_limited),
        TEST(a_paused_session_receives_after_the_resume),
        TEST(a_fast_peer_waits_for_a_paused_session),
        TEST(a_send_above_the_limit_is_refused),
        TEST(a_send_above_the_limit_ends_the_session),
        TEST(a_send_above_the_limit_drops_the_oldest),
        TEST(disconnect_loses_nothing),
        TEST(disconnect_gives_up_at_its_deadline),
        TEST(disconnect_now_cuts_it_short),
        TEST(a_silent_session_times_out),
        TEST(a_peer_that_closes_is_no_error),
        TEST(a_peer_that_resets_is_an_error),
        TEST(addresses_of_both_sides_agree),
        TEST(a_session_that_is_over_answers),
        TEST(on_sent_may_send),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
