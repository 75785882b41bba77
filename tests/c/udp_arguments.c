/* What the functions for datagrams do with NULL and with arguments that have no meaning; addresses. */
#include "datagrams.h"

static const cppserver_address no_address = { { 0 }, 0, 0, 0, 0 };

static void null_endpoint(void)
{
    int64_t value = 77;
    size_t pending = 77;
    cppserver_address address = address_of("127.0.0.1", 1), before = address;
    counter destroyed;
    counter_init(&destroyed);
    cppserver_udp_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_udp_start(NULL, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_FAILS(cppserver_udp_stop(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_restart(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_bind(NULL, "127.0.0.1", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_set_option(NULL, CPPSERVER_OPTION_BROADCAST, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_get_option(NULL, CPPSERVER_OPTION_BROADCAST, &value), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_set_multicast_interface(NULL, ""), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_set_destination(NULL, &address), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_send(NULL, "x", 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_send_to(NULL, &address, "x", 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_join(NULL, "239.255.0.1", NULL, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_leave(NULL, "239.255.0.1", NULL, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_local_address(NULL, &address), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_destination(NULL, &address), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(value, 77);
    CHECK_NUMBER(pending, 77);
    CHECK(address_equals(address, before));
    CHECK(!cppserver_udp_is_started(NULL));
    CHECK_NUMBER(cppserver_udp_port(NULL), 0);
    CHECK_NUMBER(cppserver_udp_native_handle(NULL), -1);
    CHECK_NUMBER(cppserver_udp_datagrams_sent(NULL), 0);
    CHECK_NUMBER(cppserver_udp_datagrams_received(NULL), 0);
    CHECK_NUMBER(cppserver_udp_datagrams_dropped(NULL), 0);
    CHECK_NUMBER(cppserver_udp_datagrams_lost(NULL), 0);
    CHECK_NUMBER(cppserver_udp_bytes_sent(NULL), 0);
    CHECK_NUMBER(cppserver_udp_bytes_received(NULL), 0);
    CHECK_NUMBER(cppserver_udp_bytes_pending(NULL), 0);
    CHECK(cppserver_udp_retain(NULL) == NULL);
    cppserver_udp_release(NULL);
}

static void handlers_are_needed(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    CHECK_FAILS(cppserver_udp_start(server->udp, NULL, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    /* A handler whose size is not set: nobody can tell whether it has a destroy. */
    cppserver_udp_handler handler = { 0 };
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_udp_start(server->udp, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 0);
    CHECK(!cppserver_udp_is_started(server->udp));
    service_finished(service);
    node_free(server);
}

static void hosts_and_ports_are_checked(void)
{
    cppserver_service *service = cppserver_service_create(1);
    const char *const wrong[] = { NULL, "", "\xff" };
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index) {
        CHECK(cppserver_udp_create_server(service, wrong[index], 0) == NULL);
        CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK(cppserver_udp_create_client(service, wrong[index], 1) == NULL);
        CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_TEXT(cppserver_last_error_category(), "argument");
    }
    CHECK(cppserver_udp_create_server(NULL, "127.0.0.1", 0) == NULL);
    CHECK_TEXT(cppserver_last_error_category(), "argument");
    CHECK(cppserver_udp_create_client(NULL, "127.0.0.1", 1) == NULL);
    CHECK_TEXT(cppserver_last_error_category(), "argument");
    /* There is no datagram to port 0. */
    CHECK(cppserver_udp_create_client(service, "127.0.0.1", 0) == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    cppserver_service_release(service);
}

/* An option, its default, another value that is good, and one that is not. */
typedef struct option_case {
    int32_t option;
    int64_t initial, good, bad;
} option_case;

static void options_are_kept_and_checked(void)
{
    const option_case cases[] = {
        { CPPSERVER_OPTION_REUSE_ADDRESS, 0, 1, 2 },
        { CPPSERVER_OPTION_REUSE_PORT, 0, 1, 2 },
        { CPPSERVER_OPTION_DUAL_STACK, 1, 0, 2 },
        { CPPSERVER_OPTION_SEND_BUFFER, 0, 65536, -1 },
        { CPPSERVER_OPTION_RECEIVE_BUFFER, 0, 65536, -1 },
        { CPPSERVER_OPTION_CONNECT_TIMEOUT, 30000, 0, -1 },
        { CPPSERVER_OPTION_CLOSE_TIMEOUT, 5000, 100, -1 },
        { CPPSERVER_OPTION_SEND_LIMIT, 16777216, 1000, -1 },
        { CPPSERVER_OPTION_SEND_POLICY, 0, CPPSERVER_SEND_POLICY_DROP_OLDEST, 3 },
        { CPPSERVER_OPTION_BROADCAST, 0, 1, 2 },
        { CPPSERVER_OPTION_TIME_TO_LIVE, 0, 255, 256 },
        { CPPSERVER_OPTION_MULTICAST_TIME_TO_LIVE, 1, 0, 256 },
        { CPPSERVER_OPTION_MULTICAST_LOOP, 1, 0, 2 },
        { CPPSERVER_OPTION_DATAGRAM_LIMIT, 65535, 0, 65536 },
        { CPPSERVER_OPTION_ANY_PEER, 0, 1, -1 },
    };
    const int32_t of_streams_or_unknown[] = {
        CPPSERVER_OPTION_NO_DELAY, CPPSERVER_OPTION_KEEP_ALIVE, CPPSERVER_OPTION_KEEP_ALIVE_IDLE,
        CPPSERVER_OPTION_KEEP_ALIVE_INTERVAL, CPPSERVER_OPTION_KEEP_ALIVE_COUNT, CPPSERVER_OPTION_BACKLOG,
        CPPSERVER_OPTION_LINGER, CPPSERVER_OPTION_IDLE_TIMEOUT, CPPSERVER_OPTION_SESSION_LIMIT,
        CPPSERVER_OPTION_SESSION_LIMIT_PER_ADDRESS, CPPSERVER_OPTION_RECEIVE_LIMIT,
        CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, 0, -1, CPPSERVER_OPTION_ANY_PEER + 1, INT32_MAX, INT32_MIN,
    };
    cppserver_service *service = cppserver_service_create(1);
    node *nodes[] = { node_server(service), node_client(service, 1) };
    for (size_t number = 0; number < sizeof nodes / sizeof *nodes; ++number) {
        cppserver_udp *udp = nodes[number]->udp;
        int64_t value = 77;
        for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
            const option_case *each = &cases[index];
            CHECK_OK(cppserver_udp_get_option(udp, each->option, &value));
            CHECK_NUMBER(value, each->initial);
            CHECK_OK(cppserver_udp_set_option(udp, each->option, each->good));
            CHECK_FAILS(cppserver_udp_set_option(udp, each->option, each->bad), CPPSERVER_STATUS_INVALID_ARGUMENT);
            CHECK_FAILS(cppserver_udp_set_option(udp, each->option, INT64_MIN), CPPSERVER_STATUS_INVALID_ARGUMENT);
            CHECK_OK(cppserver_udp_get_option(udp, each->option, &value));
            CHECK_NUMBER(value, each->good);
        }
        value = 77;
        for (size_t index = 0; index < sizeof of_streams_or_unknown / sizeof *of_streams_or_unknown; ++index) {
            int32_t option = of_streams_or_unknown[index];
            CHECK_FAILS(cppserver_udp_set_option(udp, option, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
            CHECK_FAILS(cppserver_udp_get_option(udp, option, &value), CPPSERVER_STATUS_INVALID_ARGUMENT);
        }
        CHECK_NUMBER(value, 77);
        CHECK_FAILS(cppserver_udp_get_option(udp, CPPSERVER_OPTION_BROADCAST, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
        node_free(nodes[number]);
    }
    cppserver_service_release(service);
}

static void data_and_addresses_are_checked(void)
{
    static char large[65508];
    size_t pending = 77;
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    cppserver_address self;
    CHECK_FAILS(node_send_to(server, address_of("127.0.0.1", 9), "early"), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_udp_local_address(server->udp, &self), CPPSERVER_STATUS_NOT_CONNECTED);
    node_started(server);
    self = node_address(server);
    CHECK_FAILS(cppserver_udp_send_to(server->udp, &self, NULL, 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_send_to(server->udp, NULL, "x", 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_send_to(server->udp, &self, large, sizeof large, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(cppserver_last_error_message(), "65507") != NULL);
    CHECK_FAILS(cppserver_udp_send_to(server->udp, &self, large, SIZE_MAX, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    /* Where shall it go? */
    CHECK_FAILS(cppserver_udp_send(server->udp, "x", 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    cppserver_address wrong[] = { no_address, self, address_of("127.0.0.1", 0), address_of("::1", node_port(server)) };
    wrong[1].version = 5;
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index)
        CHECK_FAILS(cppserver_udp_send_to(server->udp, &wrong[index], "x", 1, &pending), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_set_destination(server->udp, &no_address), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_destination(server->udp, &self), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_udp_destination(server->udp, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_local_address(server->udp, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(pending, 77);
    CHECK_NUMBER(cppserver_udp_bytes_pending(server->udp), 0);
    /* None of it was a datagram; an empty one is. */
    CHECK_OK(cppserver_udp_send_to(server->udp, &self, NULL, 0, &pending));
    CHECK(counter_reaches(&server->received, 1));
    CHECK_NUMBER(server->size, 0);
    CHECK_NUMBER(pending, 0);
    CHECK_NUMBER(cppserver_udp_datagrams_sent(server->udp), 1);
    CHECK_NUMBER(cppserver_udp_datagrams_dropped(server->udp), 0);
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    node_free(server);
}

static void local_addresses_of_clients_are_checked(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = node_client(service, node_port(server));
    CHECK_FAILS(cppserver_udp_bind(server->udp, "127.0.0.1", 0), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_udp_bind(client->udp, "localhost", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_bind(client->udp, "", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_bind(client->udp, "\xff", 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_udp_bind(client->udp, NULL, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_udp_bind(client->udp, NULL, 0));
    CHECK_OK(cppserver_udp_bind(client->udp, "127.0.0.1", 0));
    node_started(client);
    CHECK_FAILS(cppserver_udp_bind(client->udp, "127.0.0.1", 0), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(node_address(client).version, 4);
    CHECK_NUMBER(node_address(client).ip[0], 127);
    CHECK_NUMBER(node_address(client).port, node_port(client));
    service_finished(service);
    node_free(client);
    node_free(server);
}

static void groups_and_interfaces_are_checked(void)
{
    const char *const no_groups[] = { NULL, "", "\xff", "nonsense", "localhost", "127.0.0.1", "223.255.255.255",
                                      "240.0.0.0", "255.255.255.255", "::1", "fe80::1", "239.255.0.1:80" };
    const char *const no_sources[] = { "nonsense", "\xff", "::1", "239.255.0.2" };
    const char *const no_interfaces[] = { "no-such-interface", "\xff", "1.2.3", "::1", "-1" };
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    cppserver_udp *udp = server->udp;
    CHECK_FAILS(cppserver_udp_join(udp, "239.255.0.1", NULL, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_udp_leave(udp, "239.255.0.1", NULL, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
    node_started(server);
    for (size_t index = 0; index < sizeof no_groups / sizeof *no_groups; ++index) {
        CHECK_FAILS(cppserver_udp_join(udp, no_groups[index], NULL, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_udp_leave(udp, no_groups[index], NULL, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    for (size_t index = 0; index < sizeof no_sources / sizeof *no_sources; ++index) {
        CHECK_FAILS(cppserver_udp_join(udp, "239.255.0.1", no_sources[index], NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_udp_leave(udp, "239.255.0.1", no_sources[index], NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_FAILS(cppserver_udp_join(udp, "ff02::4242", "127.0.0.1", NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    for (size_t index = 0; index < sizeof no_interfaces / sizeof *no_interfaces; ++index) {
        const char *name = no_interfaces[index];
        CHECK_FAILS(cppserver_udp_join(udp, "239.255.0.1", NULL, name), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_udp_leave(udp, "239.255.0.1", NULL, name), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_udp_set_multicast_interface(udp, name), CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_OK(cppserver_udp_set_multicast_interface(udp, "127.0.0.1"));
    CHECK_OK(cppserver_udp_set_multicast_interface(udp, NULL));
    CHECK_OK(cppserver_udp_set_multicast_interface(udp, ""));
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    node_free(server);
}

static void addresses_are_read_and_written(void)
{
    const char *const texts[] = { "127.0.0.1", "0.0.0.0", "255.255.255.255", "239.255.0.1", "::", "::1",
                                  "2001:db8::8:800:200c:417a", "ff02::4242" };
    char text[64];
    for (size_t index = 0; index < sizeof texts / sizeof *texts; ++index) {
        cppserver_address address;
        memset(&address, 0xff, sizeof address);
        CHECK_OK(cppserver_address_parse(texts[index], 4711, &address));
        CHECK_NUMBER(address.version, strchr(texts[index], ':') == NULL ? 4 : 6);
        CHECK_NUMBER(address.port, 4711);
        CHECK_NUMBER(address.scope, 0);
        CHECK_NUMBER(address.reserved, 0);
        CHECK(address_equals(address, address_of(texts[index], 4711)));
        CHECK(!address_equals(address, address_of(texts[index], 4712)));
        CHECK_OK(cppserver_address_text(&address, text, sizeof text));
        CHECK_TEXT(text, texts[index]);
    }
    cppserver_address linked = address_of("fe80::1%7", 1);
    CHECK_NUMBER(linked.scope, 7);
    CHECK_NUMBER(linked.ip[0], 0xfe);
    CHECK_NUMBER(linked.ip[15], 1);
    CHECK_NUMBER(address_of("10.2.3.4", 1).ip[3], 4);
    CHECK_NUMBER(address_of("10.2.3.4", 1).ip[4], 0);
}

static void texts_that_are_no_address(void)
{
    const char *const wrong[] = { NULL, "", "\xff", "localhost", "127.0.0", "127.0.0.1:80", "256.0.0.1", ":::", "[::1]" };
    cppserver_address address = address_of("10.0.0.1", 7);
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; ++index)
        CHECK_FAILS(cppserver_address_parse(wrong[index], 1, &address), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(address_equals(address, address_of("10.0.0.1", 7)));
    CHECK_FAILS(cppserver_address_parse("127.0.0.1", 1, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
}

static void buffers_for_addresses_are_checked(void)
{
    char text[10] = "before";
    cppserver_address address = address_of("127.0.0.1", 1);
    CHECK_FAILS(cppserver_address_text(&address, text, 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_TEXT(text, "before");
    CHECK_FAILS(cppserver_address_text(&address, text, 9), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_TEXT(text, "");
    CHECK_OK(cppserver_address_text(&address, text, 10));
    CHECK_TEXT(text, "127.0.0.1");
    CHECK_FAILS(cppserver_address_text(&address, NULL, 64), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_address_text(&no_address, text, sizeof text), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_TEXT(text, "");
    CHECK_FAILS(cppserver_address_text(NULL, text, sizeof text), CPPSERVER_STATUS_INVALID_ARGUMENT);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(null_endpoint),
        TEST(handlers_are_needed),
        TEST(hosts_and_ports_are_checked),
        TEST(options_are_kept_and_checked),
        TEST(data_and_addresses_are_checked),
        TEST(local_addresses_of_clients_are_checked),
        TEST(groups_and_interfaces_are_checked),
        TEST(addresses_are_read_and_written),
        TEST(texts_that_are_no_address),
        TEST(buffers_for_addresses_are_checked),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
