/* What every function does with NULL and with arguments that have no meaning, and what it says about it. */
#include "peers.h"

static void version_is_that_of_the_header(void)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", CPPSERVER_VERSION_MAJOR, CPPSERVER_VERSION_MINOR,
             CPPSERVER_VERSION_PATCH);
    CHECK_TEXT(cppserver_version(), expected);
}

static void reasons_have_words(void)
{
    for (int32_t reason = CPPSERVER_REASON_LOCAL; reason <= CPPSERVER_REASON_TRUNCATED; ++reason) {
        CHECK(cppserver_reason_text(reason)[0] != '\0');
        for (int32_t other = CPPSERVER_REASON_LOCAL; other < reason; ++other)
            CHECK(strcmp(cppserver_reason_text(reason), cppserver_reason_text(other)) != 0);
    }
    CHECK(cppserver_reason_text(0) != NULL);
    CHECK_TEXT(cppserver_reason_text(-1), cppserver_reason_text(1000));
}

static void read_last_error(void *argument)
{
    (void)argument;
    CHECK_NUMBER(cppserver_last_error_code(), 0);
    CHECK_TEXT(cppserver_last_error_category(), "");
    CHECK_TEXT(cppserver_last_error_message(), "");
    CHECK_NUMBER(cppserver_server_stop(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_TEXT(cppserver_last_error_category(), "argument");
}

static void each_thread_has_its_last_error(void)
{
    cppserver_service *service = cppserver_service_create(1);
    CHECK_FAILS(cppserver_service_stop(service), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_TEXT(cppserver_last_error_category(), "state");
    platform_thread thread;
    platform_thread_start(&thread, read_last_error, NULL);
    platform_thread_join(&thread);
    CHECK_TEXT(cppserver_last_error_category(), "state");
    /* Success leaves it as it is. */
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    CHECK_TEXT(cppserver_last_error_category(), "state");
    service_finished(service);
}

static void null_service(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_service_start(NULL, false, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_FAILS(cppserver_service_start(NULL, true, NULL, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_service_stop(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_service_restart(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_service_post(NULL, count_destroy, &destroyed, count_destroy), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 2);
    CHECK_FAILS(cppserver_service_dispatch(NULL, count_destroy, &destroyed, count_destroy), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 3);
    CHECK_FAILS(cppserver_service_post(NULL, count_destroy, &destroyed, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 3);
    CHECK(cppserver_service_retain(NULL) == NULL);
    cppserver_service_release(NULL);
    CHECK(!cppserver_service_is_started(NULL));
    CHECK(!cppserver_service_is_loop_thread(NULL));
    CHECK_NUMBER(cppserver_service_threads(NULL), 0);
    CHECK(cppserver_timer_create(NULL, 0, 0, count_destroy, &destroyed, count_destroy) == NULL);
    CHECK_TEXT(cppserver_last_error_category(), "argument");
    CHECK_NUMBER(counter_value(&destroyed), 4);
    CHECK(cppserver_timer_retain(NULL) == NULL);
    CHECK(!cppserver_timer_cancel(NULL));
    cppserver_timer_release(NULL);
}

static void null_callbacks(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = cppserver_service_create(1);
    CHECK_FAILS(cppserver_service_post(service, NULL, &destroyed, count_destroy), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_FAILS(cppserver_service_dispatch(service, NULL, &destroyed, count_destroy), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 2);
    CHECK(cppserver_timer_create(service, 0, 0, NULL, &destroyed, count_destroy) == NULL);
    CHECK_NUMBER(counter_value(&destroyed), 3);
    cppserver_service_release(service);
}

static void null_server(void)
{
    int64_t value = 77;
    counter destroyed;
    counter_init(&destroyed);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_server_start(NULL, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_FAILS(cppserver_server_stop(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_restart(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_set_option(NULL, CPPSERVER_OPTION_BACKLOG, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_get_option(NULL, CPPSERVER_OPTION_BACKLOG, &value), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(value, 77);
    CHECK_FAILS(cppserver_server_multicast(NULL, "x", 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_disconnect_all(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(!cppserver_server_is_started(NULL));
    CHECK_NUMBER(cppserver_server_port(NULL), 0);
    CHECK_NUMBER(cppserver_server_native_handle(NULL), -1);
    CHECK_NUMBER(cppserver_server_current_sessions(NULL), 0);
    CHECK_NUMBER(cppserver_server_bytes_sent(NULL), 0);
    CHECK_NUMBER(cppserver_server_bytes_received(NULL), 0);
    CHECK(cppserver_server_retain(NULL) == NULL);
    cppserver_server_release(NULL);
}

static void null_session(void)
{
    char text[64] = "before";
    uint16_t port = 77;
    size_t pending = 77;
    CHECK_FAILS(cppserver_session_send(NULL, "x", 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(pending, 77);
    CHECK_FAILS(cppserver_session_disconnect(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_disconnect_now(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_pause_reading(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_resume_reading(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_peer_address(NULL, text, sizeof text, &port), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_local_address(NULL, text, sizeof text, &port), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(port, 77);
    CHECK_FAILS(cppserver_session_set_option(NULL, CPPSERVER_OPTION_NO_DELAY, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(!cppserver_session_is_connected(NULL));
    CHECK_NUMBER(cppserver_session_id(NULL), 0);
    CHECK_NUMBER(cppserver_session_bytes_sent(NULL), 0);
    CHECK_NUMBER(cppserver_session_bytes_received(NULL), 0);
    CHECK_NUMBER(cppserver_session_bytes_pending(NULL), 0);
    CHECK_NUMBER(cppserver_session_native_handle(NULL), -1);
    CHECK(cppserver_session_retain(NULL) == NULL);
    cppserver_session_release(NULL);
}

static void null_client(void)
{
    int64_t value = 77;
    counter destroyed;
    counter_init(&destroyed);
    cppserver_session_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_client_connect(NULL, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_FAILS(cppserver_client_reconnect(NULL, 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_bind(NULL, "127.0.0.1", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_set_option(NULL, CPPSERVER_OPTION_NO_DELAY, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_get_option(NULL, CPPSERVER_OPTION_NO_DELAY, &value), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(value, 77);
    CHECK(cppserver_client_session(NULL) == NULL);
    CHECK(cppserver_client_retain(NULL) == NULL);
    cppserver_client_release(NULL);
}

static void handlers_are_needed(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    endpoint *client = client_create(service, 1);
    CHECK_FAILS(cppserver_server_start(server->server, NULL, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_connect(client->client, NULL, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    /* A handler whose size is not set: nobody can tell whether it has a destroy. */
    cppserver_server_handler server_handler = { 0 };
    server_handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_server_start(server->server, &server_handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    cppserver_session_handler session_handler = { 0 };
    session_handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_client_connect(client->client, &session_handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 0);
    CHECK(!cppserver_server_is_started(server->server));
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void addresses_are_checked(void)
{
    cppserver_service *service = cppserver_service_create(1);
    const char *const wrong[] = { NULL, "", "\xff" };
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index) {
        CHECK(cppserver_server_create_tcp(service, wrong[index], 0) == NULL);
        CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_TEXT(cppserver_last_error_category(), "argument");
    }
    CHECK(cppserver_server_create_tcp(NULL, "127.0.0.1", 0) == NULL);
    CHECK_TEXT(cppserver_last_error_category(), "argument");
    CHECK(cppserver_client_create_tcp(NULL, "127.0.0.1", 1) == NULL);
    CHECK(cppserver_client_create_tcp(service, NULL, 1) == NULL);
    CHECK(cppserver_client_create_tcp(service, "", 1) == NULL);
    CHECK(cppserver_client_create_tcp(service, "\xff", 1) == NULL);
    CHECK_TEXT(cppserver_last_error_category(), "argument");
    endpoint *client = client_create(service, 1);
    CHECK_FAILS(cppserver_client_bind(client->client, "localhost", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_bind(client->client, "", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_client_bind(client->client, "127.0.0.1", 0));
    CHECK_OK(cppserver_client_bind(client->client, NULL, 0));
    cppserver_service_release(service);
    client_free(client);
}

/* An option, its default on servers and clients, another value that is good, and one that is not. */
typedef struct option_case {
    int32_t option;
    int64_t on_server, on_client, good, bad;
} option_case;

static void options_are_kept_and_checked(void)
{
    const option_case cases[] = {
        { CPPSERVER_OPTION_NO_DELAY, 1, 1, 0, 2 },
        { CPPSERVER_OPTION_KEEP_ALIVE, 0, 1, 1, -1 },
        { CPPSERVER_OPTION_KEEP_ALIVE_IDLE, 0, 0, 60, -1 },
        { CPPSERVER_OPTION_KEEP_ALIVE_INTERVAL, 0, 0, 10, -1 },
        { CPPSERVER_OPTION_KEEP_ALIVE_COUNT, 0, 0, 5, -1 },
        { CPPSERVER_OPTION_DUAL_STACK, 1, 1, 0, 2 },
        { CPPSERVER_OPTION_SEND_BUFFER, 0, 0, 65536, -1 },
        { CPPSERVER_OPTION_RECEIVE_BUFFER, 0, 0, 65536, -1 },
        { CPPSERVER_OPTION_LINGER, -1, -1, 5, -2 },
        { CPPSERVER_OPTION_IDLE_TIMEOUT, 0, 0, 60000, -1 },
        { CPPSERVER_OPTION_CLOSE_TIMEOUT, 5000, 5000, 100, -1 },
        { CPPSERVER_OPTION_SEND_LIMIT, 16777216, 16777216, 1000, -1 },
        { CPPSERVER_OPTION_SEND_POLICY, 0, 0, CPPSERVER_SEND_POLICY_DROP_OLDEST, 3 },
        { CPPSERVER_OPTION_RECEIVE_LIMIT, 16777216, 16777216, 1000, -1 },
        { CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, 10000, 10000, 0, -1 },
    };
    cppserver_service *service = cppserver_service_create(1);
    host *server = host_create(service);
    endpoint *client = client_create(service, 1);
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        const option_case *each = &cases[index];
        int64_t value = 77;
        CHECK_OK(cppserver_server_get_option(server->server, each->option, &value));
        CHECK_NUMBER(value, each->on_server);
        CHECK_OK(cppserver_server_set_option(server->server, each->option, each->good));
        CHECK_FAILS(cppserver_server_set_option(server->server, each->option, each->bad), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_server_set_option(server->server, each->option, INT64_MIN), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_OK(cppserver_server_get_option(server->server, each->option, &value));
        CHECK_NUMBER(value, each->good);
        CHECK_OK(cppserver_client_get_option(client->client, each->option, &value));
        CHECK_NUMBER(value, each->on_client);
        CHECK_OK(cppserver_client_set_option(client->client, each->option, each->good));
        CHECK_FAILS(cppserver_client_set_option(client->client, each->option, each->bad), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_OK(cppserver_client_get_option(client->client, each->option, &value));
        CHECK_NUMBER(value, each->good);
    }
    int64_t value = 77;
    CHECK_OK(cppserver_server_get_option(server->server, CPPSERVER_OPTION_REUSE_ADDRESS, &value));
    CHECK_NUMBER(value, 1);
    CHECK_OK(cppserver_server_get_option(server->server, CPPSERVER_OPTION_REUSE_PORT, &value));
    CHECK_NUMBER(value, 0);
    CHECK_OK(cppserver_server_get_option(server->server, CPPSERVER_OPTION_BACKLOG, &value));
    CHECK_NUMBER(value, 4096);
    CHECK_OK(cppserver_server_get_option(server->server, CPPSERVER_OPTION_SESSION_LIMIT, &value));
    CHECK_NUMBER(value, 0);
    CHECK_OK(cppserver_server_get_option(server->server, CPPSERVER_OPTION_SESSION_LIMIT_PER_ADDRESS, &value));
    CHECK_NUMBER(value, 0);
    CHECK_OK(cppserver_client_get_option(client->client, CPPSERVER_OPTION_CONNECT_TIMEOUT, &value));
    CHECK_NUMBER(value, 30000);
    const int32_t unknown[] = { 0, -1, CPPSERVER_OPTION_HANDSHAKE_TIMEOUT + 1, INT32_MAX, INT32_MIN };
    for (size_t index = 0; index < sizeof unknown / sizeof *unknown; ++index) {
        CHECK_FAILS(cppserver_server_set_option(server->server, unknown[index], 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_server_get_option(server->server, unknown[index], &value), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_client_set_option(client->client, unknown[index], 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_session_set_option(client->session, unknown[index], 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_FAILS(cppserver_server_get_option(server->server, CPPSERVER_OPTION_BACKLOG, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_get_option(client->client, CPPSERVER_OPTION_NO_DELAY, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    cppserver_service_release(service);
    client_free(client);
    host_free(server);
}

static void data_and_buffers_are_checked(void)
{
    char text[64];
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    CHECK_FAILS(cppserver_session_send(client->session, NULL, 1, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_session_send(client->session, NULL, 0, NULL));
    CHECK_FAILS(cppserver_server_multicast(server->server, NULL, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_server_multicast(server->server, NULL, 0));
    CHECK_FAILS(cppserver_session_peer_address(client->session, NULL, 64, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_peer_address(client->session, text, 0, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_peer_address(client->session, text, 9, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_TEXT(text, "");
    CHECK_OK(cppserver_session_peer_address(client->session, text, 10, NULL));
    CHECK_TEXT(text, "127.0.0.1");
    CHECK_FAILS(cppserver_session_local_address(client->session, text, 9, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_set_option(client->session, CPPSERVER_OPTION_BACKLOG, 5), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_set_option(client->session, CPPSERVER_OPTION_NO_DELAY, 2), CPPSERVER_STATUS_INVALID_ARGUMENT);
    service_finished(service);
    client_free(client);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(version_is_that_of_the_header), TEST(reasons_have_words),
        TEST(each_thread_has_its_last_error), TEST(null_service),
        TEST(null_callbacks), TEST(null_server),
        TEST(null_session), TEST(null_client),
        TEST(handlers_are_needed), TEST(addresses_are_checked),
        TEST(options_are_kept_and_checked), TEST(data_and_buffers_are_checked),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
