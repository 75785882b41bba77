/* A server's start, stop and restart, what it accepts and refuses, and the order of all calls. */
#include "peers.h"

static void starts_on_a_free_port(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    CHECK(!cppserver_server_is_started(server->server));
    CHECK_NUMBER(cppserver_server_port(server->server), 0);
    CHECK_NUMBER(cppserver_server_native_handle(server->server), -1);
    CHECK_FAILS(cppserver_server_stop(server->server), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_server_restart(server->server), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_server_multicast(server->server, "x", 1), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_server_disconnect_all(server->server), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_OK(host_start(server));
    CHECK(cppserver_server_port(server->server) != 0);
    WAIT_FOR(&server->journal, "started");
    CHECK(cppserver_server_is_started(server->server));
    CHECK(cppserver_server_native_handle(server->server) >= 0);
    CHECK_OK(cppserver_server_stop(server->server));
    WAIT_FOR(&server->journal, "destroy");
    CHECK_JOURNAL(&server->journal, "started, stopped, destroy");
    CHECK(!cppserver_server_is_started(server->server));
    CHECK_NUMBER(cppserver_server_native_handle(server->server), -1);
    CHECK_FAILS(cppserver_server_stop(server->server), CPPSERVER_STATUS_INVALID_STATE);
    service_finished(service);
    host_free(server);
}

static void a_second_start_fails_and_destroys_its_own(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    uint16_t port = host_port(server);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_server_start(server->server, &handler, &destroyed), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_NUMBER(host_port(server), port);
    endpoint *client = client_connected(service, port);
    service_finished(service);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    client_free(client);
    host_free(server);
}

static void a_port_in_use_fails_at_start(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    cppserver_server *second = cppserver_server_create_tcp(service, "127.0.0.1", host_port(server));
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_server_start(second, &handler, &destroyed), CPPSERVER_STATUS_SYSTEM);
    CHECK_NUMBER(cppserver_last_error_code(), PLATFORM_ADDRESS_IN_USE);
    CHECK_TEXT(cppserver_last_error_category(), "system");
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK(!cppserver_server_is_started(second));
    /* The first one is not disturbed, and the second can have the port later. */
    endpoint *client = client_connected(service, host_port(server));
    CHECK_OK(cppserver_server_stop(server->server));
    WAIT_FOR(&server->journal, "destroy");
    CHECK_OK(cppserver_server_start(second, &handler, &destroyed));
    service_finished(service);
    CHECK_NUMBER(counter_value(&destroyed), 2);
    cppserver_server_release(second);
    client_free(client);
    host_free(server);
}

static void an_address_of_another_machine_fails_at_start(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    /* An address of the range that is reserved for documents. */
    cppserver_server *server = cppserver_server_create_tcp(service, "192.0.2.1", 0);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_server_start(server, &handler, &destroyed), CPPSERVER_STATUS_SYSTEM);
    CHECK_NUMBER(cppserver_last_error_code(), PLATFORM_ADDRESS_NOT_AVAILABLE);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    service_finished(service);
    cppserver_server_release(server);
}

static void an_unknown_name_fails_at_start(void)
{
    /* No label of a name is that long, so no server has to be asked. */
    char name[128] = { 0 };
    counter destroyed;
    counter_init(&destroyed);
    memset(name, 'x', 100);
    cppserver_service *service = service_started(1);
    cppserver_server *server = cppserver_server_create_tcp(service, name, 0);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_server_start(server, &handler, &destroyed), CPPSERVER_STATUS_RESOLVER);
    CHECK_TEXT(cppserver_last_error_category(), "resolver");
    CHECK_NUMBER(counter_value(&destroyed), 1);
    service_finished(service);
    cppserver_server_release(server);
}

static void binds_before_the_service_runs(void)
{
    cppserver_service *service = cppserver_service_create(1);
    host *server = host_create(service);
    CHECK_OK(host_start(server));
    CHECK(!cppserver_server_is_started(server->server));
    CHECK(host_port(server) != 0);
    endpoint *client = client_create(service, host_port(server));
    CHECK_OK(client_connect(client));
    CHECK_JOURNAL(&server->journal, "");
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    WAIT_FOR(client->journal, "connected");
    WAIT_FOR(&server->journal, "server connected");
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void calls_come_in_order(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    endpoint *session = host_session(server, 0);
    CHECK_NUMBER(cppserver_server_current_sessions(server->server), 1);
    CHECK_OK(endpoint_send(client, "hello"));
    CHECK(counter_reaches(&session->received, 5));
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    WAIT_FOR(&server->journal, "session destroy");
    CHECK_JOURNAL(client->journal, "connected, disconnected 1, destroy");
    CHECK_JOURNAL(&server->journal, "started, session, session connected, server connected, "
                                    "session disconnected 2, server disconnected 2, session destroy");
    CHECK_NUMBER(cppserver_server_current_sessions(server->server), 0);
    service_finished(service);
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 1);
    client_free(client);
    host_free(server);
}

static void stop_ends_the_sessions(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    host_session(server, 0);
    CHECK_OK(cppserver_server_stop(server->server));
    WAIT_FOR(&server->journal, "destroy");
    CHECK_JOURNAL(&server->journal, "started, session, session connected, server connected, stopped, "
                                    "session disconnected 6, server disconnected 6, session destroy, destroy");
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, disconnected 2, destroy");
    CHECK_NUMBER(cppserver_server_current_sessions(server->server), 0);
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void the_service_ends_its_servers(void)
{
    cppserver_service *service = service_started(1);
    cppserver_service *others = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(others, host_port(server));
    host_session(server, 0);
    /* Nobody needs the handle of a server that runs. */
    cppserver_server_release(cppserver_server_retain(server->server));
    CHECK_OK(cppserver_service_stop(service));
    CHECK_JOURNAL(&server->journal, "started, session, session connected, server connected, stopped, "
                                    "session disconnected 7, server disconnected 7, session destroy, destroy");
    CHECK(!cppserver_server_is_started(server->server));
    service_finished(others);
    cppserver_service_release(service);
    client_free(client);
    host_free(server);
}

static void restart_keeps_port_and_handler(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    uint16_t port = platform_free_port();
    cppserver_server_release(server->server);
    server->server = cppserver_server_create_tcp(service, "127.0.0.1", port);
    CHECK_OK(host_start(server));
    endpoint *before = client_connected(service, port);
    host_session(server, 0);
    CHECK_OK(cppserver_server_restart(server->server));
    CHECK(journal_has(&server->journal, "started", 2));
    WAIT_FOR(&server->journal, "session destroy");
    CHECK(cppserver_server_is_started(server->server));
    CHECK_NUMBER(host_port(server), port);
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 0);
    CHECK_NUMBER(journal_count(&server->journal, "session disconnected 6"), 1);
    endpoint *after = client_connected(service, port);
    host_session(server, 1);
    service_finished(service);
    CHECK_NUMBER(journal_count(&server->journal, "stopped"), 2);
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 1);
    client_free(before);
    client_free(after);
    host_free(server);
}

static void a_refused_connection_is_closed(void)
{
    char byte;
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    server->refuse = true;
    CHECK_OK(host_start(server));
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    CHECK(platform_socket_receive(peer, &byte, 1) <= 0);
    platform_socket_close(peer);
    CHECK_NUMBER(cppserver_server_current_sessions(server->server), 0);
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, refused, stopped, destroy");
    host_free(server);
}

static void a_server_needs_no_callbacks(void)
{
    cppserver_service *service = service_started(1);
    cppserver_server *server = cppserver_server_create_tcp(service, "127.0.0.1", 0);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    CHECK_OK(cppserver_server_start(server, &handler, NULL));
    endpoint *client = client_connected(service, cppserver_server_port(server));
    CHECK_OK(endpoint_send(client, "nobody reads this"));
    CHECK(counter_reaches(&client->sent, 17));
    CHECK_OK(cppserver_server_multicast(server, "but all hear", 12));
    CHECK(counter_reaches(&client->received, 12));
    CHECK_OK(cppserver_server_disconnect_all(server));
    WAIT_FOR(client->journal, "disconnected 2");
    service_finished(service);
    cppserver_server_release(server);
    client_free(client);
}

/* A handler that ends before on_connected, on_disconnected, on_error and destroy. */
static void a_smaller_handler_is_enough(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    cppserver_server_handler handler = host_handler();
    handler.size = offsetof(cppserver_server_handler, on_connected);
    CHECK_OK(cppserver_server_start(server->server, &handler, server));
    endpoint *client = client_connected(service, host_port(server));
    WAIT_FOR(&server->journal, "session connected");
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, session, session connected, stopped, session disconnected 7, session destroy");
    client_free(client);
    host_free(server);
}

static void a_larger_handler_is_cut(void)
{
    struct {
        cppserver_server_handler known;
        void (*unknown[4])(void *user_data);
    } larger = { host_handler(), { host_destroy, host_destroy, host_destroy, host_destroy } };
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    larger.known.size = sizeof larger;
    CHECK_OK(cppserver_server_start(server->server, &larger.known, server));
    memset(&larger, 0xff, sizeof larger);
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, stopped, destroy");
    host_free(server);
}

/* With one place taken, the next connection is closed; with the place free again, one more fits in. */
static void limit_holds(int32_t option)
{
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    char byte;
    CHECK_OK(cppserver_server_set_option(server->server, option, 1));
    CHECK_OK(host_start(server));
    endpoint *first = client_connected(service, host_port(server));
    host_session(server, 0);
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    CHECK(platform_socket_receive(peer, &byte, 1) <= 0);
    platform_socket_close(peer);
    CHECK_NUMBER(cppserver_server_current_sessions(server->server), 1);
    CHECK_OK(cppserver_session_disconnect(first->session));
    WAIT_FOR(&server->journal, "session destroy");
    endpoint *second = client_connected(service, host_port(server));
    host_session(server, 1);
    service_finished(service);
    CHECK_NUMBER(counter_value(&server->accepted), 2);
    client_free(first);
    client_free(second);
    host_free(server);
}

static void sessions_are_limited(void)
{
    limit_holds(CPPSERVER_OPTION_SESSION_LIMIT);
}

static void sessions_of_an_address_are_limited(void)
{
    limit_holds(CPPSERVER_OPTION_SESSION_LIMIT_PER_ADDRESS);
}

static void multicast_reaches_all(void)
{
    enum { CLIENTS = 5 };
    cppserver_service *service = service_started(2);
    host *server = host_started(service);
    endpoint *clients[CLIENTS];
    for (int number = 0; number < CLIENTS; ++number)
        clients[number] = client_connected(service, host_port(server));
    host_session(server, CLIENTS - 1);
    CHECK_NUMBER(cppserver_server_current_sessions(server->server), CLIENTS);
    CHECK_OK(cppserver_server_multicast(server->server, "one ", 4));
    CHECK_OK(cppserver_server_multicast(server->server, "two", 3));
    for (int number = 0; number < CLIENTS; ++number) {
        CHECK(counter_reaches(&clients[number]->received, 7));
        CHECK_TEXT(clients[number]->data, "one two");
        CHECK_OK(endpoint_send(clients[number], "abc"));
    }
    for (int number = 0; number < CLIENTS; ++number) {
        CHECK(counter_reaches(&server->sessions[number]->received, 3));
        CHECK(counter_reaches(&server->sessions[number]->sent, 7));
    }
    CHECK_NUMBER(cppserver_server_bytes_sent(server->server), 7 * CLIENTS);
    CHECK_NUMBER(cppserver_server_bytes_received(server->server), 3 * CLIENTS);
    service_finished(service);
    for (int number = 0; number < CLIENTS; ++number)
        client_free(clients[number]);
    host_free(server);
}

static void disconnect_all_leaves_the_server_open(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *one = client_connected(service, host_port(server));
    endpoint *two = client_connected(service, host_port(server));
    host_session(server, 1);
    CHECK_OK(cppserver_server_multicast(server->server, "goodbye", 7));
    CHECK_OK(cppserver_server_disconnect_all(server->server));
    WAIT_FOR(one->journal, "disconnected 2");
    WAIT_FOR(two->journal, "disconnected 2");
    CHECK_TEXT(one->data, "goodbye");
    CHECK_TEXT(two->data, "goodbye");
    CHECK(journal_has(&server->journal, "session disconnected 1", 2));
    endpoint *three = client_connected(service, host_port(server));
    host_session(server, 2);
    service_finished(service);
    client_free(one);
    client_free(two);
    client_free(three);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(starts_on_a_free_port),
        TEST(a_second_start_fails_and_destroys_its_own),
        TEST(a_port_in_use_fails_at_start),
        TEST(an_address_of_another_machine_fails_at_start),
        TEST(an_unknown_name_fails_at_start),
        TEST(binds_before_the_service_runs),
        TEST(calls_come_in_order),
        TEST(stop_ends_the_sessions),
        TEST(the_service_ends_its_servers),
        TEST(restart_keeps_port_and_handler),
        TEST(a_refused_connection_is_closed),
        TEST(a_server_needs_no_callbacks),
        TEST(a_smaller_handler_is_enough),
        TEST(a_larger_handler_is_cut),
        TEST(sessions_are_limited),
        TEST(sessions_of_an_address_are_limited),
        TEST(multicast_reaches_all),
        TEST(disconnect_all_leaves_the_server_open),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
