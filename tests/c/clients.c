/* A client's connect, its failures, its reconnects, and who owns what meanwhile. */
#include "peers.h"

static void nothing_works_before_connect(void)
{
    char text[64];
    cppserver_service *service = service_started(1);
    endpoint *client = client_create(service, 1);
    CHECK(cppserver_client_session(client->client) == client->session);
    CHECK(cppserver_session_id(client->session) != 0);
    CHECK(!cppserver_session_is_connected(client->session));
    CHECK_FAILS(endpoint_send(client, "x"), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_disconnect(client->session), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_disconnect_now(client->session), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_peer_address(client->session, text, sizeof text, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_local_address(client->session, text, sizeof text, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_set_option(client->session, CPPSERVER_OPTION_NO_DELAY, 1), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_client_reconnect(client->client, 0), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_NUMBER(cppserver_session_native_handle(client->session), -1);
    CHECK_NUMBER(cppserver_session_bytes_sent(client->session), 0);
    service_finished(service);
    client_free(client);
}

static void a_refused_connect_is_told(void)
{
    cppserver_service *service = service_started(1);
    endpoint *client = client_create(service, platform_free_port());
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "error system, disconnected 3, destroy");
    CHECK_NUMBER(client->error_code, PLATFORM_CONNECTION_REFUSED);
    CHECK(client->error_message[0] != '\0');
    /* One more try, with the same result. */
    CHECK_OK(client_connect(client));
    CHECK(journal_has(client->journal, "destroy", 2));
    service_finished(service);
    client_free(client);
}

static void an_unknown_name_is_told(void)
{
    /* No label of a name is that long, so no server has to be asked. */
    char name[128] = { 0 };
    cppserver_service *service = service_started(1);
    endpoint *client = endpoint_create();
    memset(name, 'x', 100);
    client->client = cppserver_client_create_tcp(service, name, 1);
    client->session = cppserver_client_session(client->client);
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "error resolver, disconnected 3, destroy");
    service_finished(service);
    client_free(client);
}

static void names_are_resolved(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = endpoint_create();
    client->client = cppserver_client_create_tcp(service, "localhost", host_port(server));
    client->session = cppserver_client_session(client->client);
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "connected");
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void a_second_connect_fails_and_destroys_its_own(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    cppserver_session_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_client_connect(client->client, &handler, &destroyed), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK(cppserver_session_is_connected(client->session));
    CHECK_OK(endpoint_send(client, "still here"));
    CHECK(counter_reaches(&host_session(server, 0)->received, 10));
    service_finished(service);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_JOURNAL(client->journal, "connected, disconnected 7, destroy");
    client_free(client);
    host_free(server);
}

static void disconnect_gives_up_connecting(void)
{
    cppserver_service *service = cppserver_service_create(1);
    endpoint *client = client_create(service, platform_free_port());
    /* The service does not run yet, so this one is still connecting. */
    CHECK_OK(client_connect(client));
    CHECK_OK(cppserver_session_disconnect(client->session));
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "disconnected 1, destroy");
    service_finished(service);
    client_free(client);
}

static void a_service_that_never_starts_destroys(void)
{
    cppserver_service *service = cppserver_service_create(1);
    endpoint *client = client_create(service, 1);
    host *server = host_create(service);
    CHECK_OK(client_connect(client));
    CHECK_OK(host_start(server));
    journal *client_journal = client->journal, *server_journal = &server->journal;
    cppserver_client_release(client->client);
    cppserver_server_release(server->server);
    cppserver_service_release(server->service);
    cppserver_service_release(service);
    CHECK_NUMBER(journal_count(client_journal, "destroy"), 1);
    CHECK_NUMBER(journal_count(client_journal, "connected"), 0);
    CHECK_NUMBER(journal_count(server_journal, "destroy"), 1);
    free(client);
    free(server);
}

/* Comes back three times when the connection ends. */
static void come_back(endpoint *self, event event)
{
    if (event == EVENT_DISCONNECTED && journal_count(self->journal, "connected") < 4)
        CHECK_OK(cppserver_client_reconnect(self->client, 1));
}

static void reconnect_after_the_end_keeps_the_handler(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_create(service, host_port(server));
    client->hook = come_back;
    uint64_t id = cppserver_session_id(client->session);
    CHECK_OK(client_connect(client));
    for (long round = 0; round < 4; ++round) {
        endpoint *session = host_session(server, round);
        CHECK(journal_has(client->journal, "connected", round + 1));
        CHECK_OK(endpoint_send(client, "abc"));
        CHECK(counter_reaches(&session->received, 3));
        /* The counters begin anew with each connection. */
        CHECK_NUMBER(cppserver_session_bytes_sent(client->session), 3);
        CHECK_OK(cppserver_session_disconnect(session->session));
        CHECK(journal_has(client->journal, "disconnected 2", round + 1));
    }
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, disconnected 2, connected, disconnected 2, connected, "
                                   "disconnected 2, connected, disconnected 2, destroy");
    CHECK_NUMBER(cppserver_session_id(client->session), id);
    CHECK_FAILS(cppserver_client_reconnect(client->client, 0), CPPSERVER_STATUS_NOT_CONNECTED);
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void reconnect_while_connected_ends_and_connects(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    CHECK_OK(cppserver_client_reconnect(client->client, 0));
    CHECK(journal_has(client->journal, "connected", 2));
    host_session(server, 1);
    service_finished(service);
    CHECK_JOURNAL(client->journal, "connected, disconnected 1, connected, disconnected 7, destroy");
    client_free(client);
    host_free(server);
}

static void stop_ends_a_reconnect_that_waits(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    CHECK_OK(cppserver_client_reconnect(client->client, 3600000));
    WAIT_FOR(client->journal, "disconnected 1");
    CHECK_NUMBER(journal_count(client->journal, "destroy"), 0);
    service_finished(service);
    CHECK_NUMBER(journal_count(client->journal, "destroy"), 1);
    CHECK_NUMBER(journal_count(client->journal, "connected"), 1);
    client_free(client);
    host_free(server);
}

/* Connects anew, with a user_data of its own, from inside on_disconnected. */
static void connect_anew(endpoint *self, event event)
{
    if (event == EVENT_DISCONNECTED) {
        endpoint *next = self->hook_data;
        CHECK_OK(client_connect(next));
    }
}

static void connect_inside_on_disconnected(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_create(service, host_port(server));
    endpoint *next = endpoint_create();
    next->client = cppserver_client_retain(client->client);
    CHECK(next->client == client->client);
    next->session = client->session;
    client->hook = connect_anew;
    client->hook_data = next;
    CHECK_OK(client_connect(client));
    CHECK_OK(cppserver_session_disconnect(host_session(server, 0)->session));
    WAIT_FOR(next->journal, "connected");
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, disconnected 2, destroy");
    service_finished(service);
    CHECK_JOURNAL(next->journal, "connected, disconnected 7, destroy");
    client_free(client);
    client_free(next);
    host_free(server);
}

static void the_local_address_can_be_chosen(void)
{
    char text[64];
    uint16_t port = 0, chosen = platform_free_port();
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_create(service, host_port(server));
    CHECK_OK(cppserver_client_bind(client->client, "127.0.0.1", chosen));
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "connected");
    endpoint *session = host_session(server, 0);
    CHECK_OK(cppserver_session_peer_address(session->session, text, sizeof text, &port));
    CHECK_TEXT(text, "127.0.0.1");
    CHECK_NUMBER(port, chosen);
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    /* An address of the range that is reserved for documents: no machine has it. */
    CHECK_OK(cppserver_client_bind(client->client, "192.0.2.1", 0));
    CHECK_OK(client_connect(client));
    CHECK(journal_has(client->journal, "destroy", 2));
    CHECK_NUMBER(journal_count(client->journal, "error system"), 1);
    CHECK_NUMBER(client->error_code, PLATFORM_ADDRESS_NOT_AVAILABLE);
    CHECK_NUMBER(journal_count(client->journal, "connected"), 1);
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void a_released_client_goes_on(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    cppserver_client_release(client->client);
    endpoint *session = host_session(server, 0);
    CHECK_OK(cppserver_session_send(session->session, "are you there?", 14, NULL));
    CHECK(counter_reaches(&client->received, 14));
    service_finished(service);
    CHECK_JOURNAL(client->journal, "connected, disconnected 7, destroy");
    free(client);
    host_free(server);
}

/* A handler that ends before on_received and what follows: what comes in counts as handled. */
static void a_smaller_handler_is_enough(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_create(service, host_port(server));
    cppserver_session_handler handler = endpoint_handler();
    handler.size = offsetof(cppserver_session_handler, on_received);
    CHECK_OK(cppserver_client_connect(client->client, &handler, client));
    endpoint *session = host_session(server, 0);
    CHECK_OK(cppserver_session_send(session->session, "unread", 6, NULL));
    CHECK_OK(cppserver_session_disconnect(session->session));
    WAIT_FOR(client->journal, "disconnected 2");
    service_finished(service);
    CHECK_JOURNAL(client->journal, "connected, disconnected 2");
    CHECK_NUMBER(cppserver_session_bytes_received(client->session), 6);
    client_free(client);
    host_free(server);
}

static void a_larger_handler_is_cut(void)
{
    struct {
        cppserver_session_handler known;
        void (*unknown[4])(void *user_data);
    } larger = { endpoint_handler(), { endpoint_destroy, endpoint_destroy, endpoint_destroy, endpoint_destroy } };
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_create(service, host_port(server));
    larger.known.size = sizeof larger;
    CHECK_OK(cppserver_client_connect(client->client, &larger.known, client));
    memset(&larger, 0xff, sizeof larger);
    WAIT_FOR(client->journal, "connected");
    service_finished(service);
    CHECK_JOURNAL(client->journal, "connected, disconnected 7, destroy");
    client_free(client);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(nothing_works_before_connect),
        TEST(a_refused_connect_is_told),
        TEST(an_unknown_name_is_told),
        TEST(names_are_resolved),
        TEST(a_second_connect_fails_and_destroys_its_own),
        TEST(disconnect_gives_up_connecting),
        TEST(a_service_that_never_starts_destroys),
        TEST(reconnect_after_the_end_keeps_the_handler),
        TEST(reconnect_while_connected_ends_and_connects),
        TEST(stop_ends_a_reconnect_that_waits),
        TEST(connect_inside_on_disconnected),
        TEST(the_local_address_can_be_chosen),
        TEST(a_released_client_goes_on),
        TEST(a_smaller_handler_is_enough),
        TEST(a_larger_handler_is_cut),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
