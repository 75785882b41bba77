/* Datagrams from one end to the other: sizes, order, bursts, what gets lost, and who is heard. */
#include "datagrams.h"

/* ---- echo ---- */

static void an_echo_comes_back_from_where_it_was_sent_to(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    node *client = node_started(node_client(service, node_port(server)));
    CHECK_OK(node_send(client, "hello"));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_TEXT(client->data, "hello");
    CHECK(!client->truncated);
    CHECK(address_equals(client->from, node_address(server)));
    CHECK(address_equals(server->from, address_of("127.0.0.1", node_port(client))));
    CHECK(counter_reaches(&server->sent, 1));
    node *nodes[] = { server, client };
    for (int number = 0; number < 2; ++number) {
        CHECK_NUMBER(cppserver_udp_datagrams_sent(nodes[number]->udp), 1);
        CHECK_NUMBER(cppserver_udp_datagrams_received(nodes[number]->udp), 1);
        CHECK_NUMBER(cppserver_udp_bytes_sent(nodes[number]->udp), 5);
        CHECK_NUMBER(cppserver_udp_bytes_received(nodes[number]->udp), 5);
        CHECK_NUMBER(cppserver_udp_datagrams_dropped(nodes[number]->udp), 0);
        CHECK_NUMBER(cppserver_udp_bytes_pending(nodes[number]->udp), 0);
    }
    service_finished(service);
    CHECK_JOURNAL(&client->journal, "started, stopped 7, destroy");
    node_free(client);
    node_free(server);
}

/* Those of the datagram that is being told are counted already. */
static void compare_counters(node *self, node_event event)
{
    if (event == NODE_RECEIVED) {
        CHECK_NUMBER(cppserver_udp_datagrams_received(self->udp), counter_value(&self->received));
        CHECK_NUMBER(cppserver_udp_bytes_received(self->udp), counter_value(&self->received_bytes));
    } else if (event == NODE_SENT) {
        CHECK(cppserver_udp_datagrams_sent(self->udp) >= (uint64_t)counter_value(&self->sent));
        CHECK(cppserver_udp_bytes_sent(self->udp) >= (uint64_t)counter_value(&self->sent_bytes));
    }
}

static void counters_are_right_inside_the_callbacks(void)
{
    enum { DATAGRAMS = 20 };
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->hook = compare_counters;
    node_started(server);
    node *client = node_client(service, node_port(server));
    client->hook = compare_counters;
    node_started(client);
    for (int number = 0; number < DATAGRAMS; ++number)
        CHECK_OK(node_send(client, "count me"));
    CHECK(counter_reaches(&server->received, DATAGRAMS));
    CHECK(counter_reaches(&client->sent, DATAGRAMS));
    service_finished(service);
    node_free(client);
    node_free(server);
}

static void plain_sockets_are_peers(void)
{
    char buffer[16];
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    platform_socket peer = platform_datagram_open("127.0.0.1", TEST_PATIENCE);
    for (size_t size = 0; size < 10; ++size) {
        CHECK(platform_datagram_send(peer, node_port(server), "123456789", size));
        CHECK_NUMBER(platform_socket_receive(peer, buffer, sizeof buffer), (long)size);
        CHECK(memcmp(buffer, "123456789", size) == 0);
    }
    CHECK(address_equals(server->from, address_of("127.0.0.1", platform_socket_port(peer))));
    platform_socket_close(peer);
    service_finished(service);
    node_free(server);
}

static void datagrams_of_every_kind_of_size_come_whole(void)
{
    /* Around the sizes of segments, of the system's MTU, of the original's buffer, and at both ends. */
    const size_t sizes[] = { 0, 1, 2, 511, 1451, 1452, 1453, 1472, 1473, 8191, 8192, 8193, 9000, 32768, 65506, 65507, 0, 1 };
    enum { SIZES = sizeof sizes / sizeof *sizes };
    static unsigned char data[65507];
    for (size_t index = 0; index < sizeof data; ++index)
        data[index] = (unsigned char)(index * 7 + index / 251);
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    CHECK_OK(node_set(server, CPPSERVER_OPTION_SEND_BUFFER, 262144));
    node_started(server);
    node *client = node_client(service, node_port(server));
    CHECK_OK(node_set(client, CPPSERVER_OPTION_SEND_BUFFER, 262144));
    node_started(client);
    for (long number = 0; number < SIZES; ++number) {
        CHECK_OK(cppserver_udp_send(client->udp, data, sizes[number], NULL));
        CHECK(counter_reaches(&client->received, number + 1));
        CHECK_NUMBER(client->size, (long long)sizes[number]);
        CHECK(memcmp(client->data, data, client->size) == 0);
        CHECK(!client->truncated && !server->truncated);
    }
    CHECK_NUMBER(cppserver_udp_datagrams_received(server->udp), SIZES);
    service_finished(service);
    CHECK_NUMBER(counter_value(&client->errors) + counter_value(&server->errors), 0);
    node_free(client);
    node_free(server);
}

static void empty_datagrams_are_not_lost_among_others(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->listens = true;
    node_started(server);
    node *client = node_started(node_client(service, node_port(server)));
    const char *const texts[] = { "", "a", "", "", "bb", "c", "" };
    for (int number = 0; number < 7; ++number)
        CHECK_OK(node_send(client, texts[number]));
    CHECK(counter_reaches(&server->received, 7));
    CHECK_NUMBER(counter_value(&server->received_bytes), 4);
    CHECK(counter_reaches(&client->sent, 7));
    /* The journal separates entries, also empty ones, but for those before the first. */
    CHECK_TEXT(server->heard.text, "a, , , bb, c, ");
    service_finished(service);
    node_free(client);
    node_free(server);
}

/* ---- bursts ---- */

#define BURST 10000
#define WINDOW 64

typedef struct burst {
    long next, answered;
    bool in_order;
} burst;

static void burst_fill_window(node *self, burst *burst)
{
    for (; burst->next < BURST && burst->next - burst->answered < WINDOW; ++burst->next) {
        char text[32];
        snprintf(text, sizeof text, "%ld", burst->next);
        CHECK_OK(node_send(self, text));
    }
}

static void burst_go_on(node *self, node_event event)
{
    burst *burst = self->hook_data;
    if (event == NODE_RECEIVED) {
        burst->in_order = burst->in_order && strtol(self->data, NULL, 10) == burst->answered;
        ++burst->answered;
    }
    if (event == NODE_STARTED || event == NODE_RECEIVED)
        burst_fill_window(self, burst);
}

static void ten_thousand_in_a_window_all_come_in_order(void)
{
    burst burst = { 0, 0, true };
    cppserver_service *service = service_started(1), *others = service_started(1);
    node *server = node_server(others);
    server->echo = true;
    node_started(server);
    node *client = node_client(service, node_port(server));
    client->hook = burst_go_on;
    client->hook_data = &burst;
    CHECK_OK(node_start(client));
    CHECK(counter_reaches(&client->received, BURST));
    CHECK(counter_reaches(&server->sent, BURST));
    CHECK(burst.in_order);
    CHECK_NUMBER(cppserver_udp_datagrams_sent(client->udp), BURST);
    CHECK_NUMBER(cppserver_udp_datagrams_received(server->udp), BURST);
    CHECK_NUMBER(cppserver_udp_datagrams_lost(server->udp), 0);
    service_finished(service);
    service_finished(others);
    node_free(client);
    node_free(server);
}

static void ten_thousand_at_once_leave_one_by_one(void)
{
    cppserver_service *service = service_started(1);
    /* The peer reads nothing: what does not fit into its socket is lost there, as UDP has it. */
    platform_socket peer = platform_datagram_open("127.0.0.1", TEST_PATIENCE);
    node *client = node_started(node_client(service, platform_socket_port(peer)));
    size_t pending = 0;
    for (int number = 0; number < BURST; ++number)
        CHECK_OK(cppserver_udp_send(client->udp, "0123456789", 10, &pending));
    CHECK(pending >= 10 && pending <= 10 * BURST);
    CHECK(counter_reaches(&client->sent, BURST));
    CHECK(counter_reaches(&client->emptied, 1));
    CHECK_NUMBER(counter_value(&client->sent_bytes), 10 * BURST);
    CHECK_NUMBER(cppserver_udp_datagrams_sent(client->udp), BURST);
    CHECK_NUMBER(cppserver_udp_bytes_pending(client->udp), 0);
    CHECK_NUMBER(counter_value(&client->errors), 0);
    /* The first ones are there, each for itself. */
    char buffer[64];
    for (int number = 0; number < 10; ++number)
        CHECK_NUMBER(platform_socket_receive(peer, buffer, sizeof buffer), 10);
    platform_socket_close(peer);
    service_finished(service);
    node_free(client);
}

/* ---- what gets lost ---- */

static void an_endpoint_that_disappears_is_an_error_and_comes_back(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    uint16_t port = node_port(server);
    node *client = node_started(node_client(service, port));
    CHECK_OK(node_send(client, "there"));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_OK(cppserver_udp_stop(server->udp));
    WAIT_FOR(&server->journal, "destroy");
    for (long number = 1; number <= 10; ++number) {
        CHECK_OK(node_send(client, "gone"));
        CHECK(counter_reaches(&client->errors, number));
    }
    CHECK(client->error_code == PLATFORM_CONNECTION_REFUSED || client->error_code == PLATFORM_CONNECTION_RESET);
    CHECK(cppserver_udp_is_started(client->udp));
    cppserver_udp_release(server->udp);
    server->udp = cppserver_udp_create_server(service, "127.0.0.1", port);
    CHECK_OK(node_start(server));
    CHECK_OK(node_send(client, "again"));
    CHECK(counter_reaches(&client->received, 2));
    CHECK_TEXT(client->data, "again");
    service_finished(service);
    CHECK_NUMBER(journal_count(&client->journal, "started"), 1);
    CHECK_NUMBER(journal_count(&client->journal, "stopped 7"), 1);
    node_free(client);
    node_free(server);
}

#ifdef __linux__
/* Other systems tell only a socket that knows its peer. */
static void a_server_is_told_which_datagram_was_not_delivered(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    char nowhere[64];
    uint16_t port = platform_free_port();
    snprintf(nowhere, sizeof nowhere, "127.0.0.1:%d", port);
    CHECK_OK(node_send_to(server, address_of("127.0.0.1", port), "to nobody"));
    CHECK(counter_reaches(&server->errors, 1));
    CHECK_NUMBER(server->error_code, PLATFORM_CONNECTION_REFUSED);
    CHECK(strstr(server->error_message, nowhere) != NULL);
    /* It goes on, for those who are there. */
    node *client = node_started(node_client(service, node_port(server)));
    CHECK_OK(node_send(client, "to somebody"));
    CHECK(counter_reaches(&client->received, 1));
    service_finished(service);
    node_free(client);
    node_free(server);
}

/* Holds the loop up in the first on_received until the test says so. */
static void block_once(node *self, node_event event)
{
    if (event == NODE_RECEIVED && counter_value(&self->received) == 1)
        counter_reaches(self->hook_data, 1);
}

static void what_the_system_loses_is_counted(void)
{
    enum { DATAGRAMS = 500 };
    static const char data[1000] = { 0 };
    counter go_on;
    counter_init(&go_on);
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->hook = block_once;
    server->hook_data = &go_on;
    CHECK_OK(node_set(server, CPPSERVER_OPTION_RECEIVE_BUFFER, 8192));
    node_started(server);
    platform_socket peer = platform_datagram_open("127.0.0.1", TEST_PATIENCE);
    CHECK(platform_datagram_send(peer, node_port(server), data, sizeof data));
    CHECK(counter_reaches(&server->received, 1));
    for (int number = 1; number < DATAGRAMS; ++number)
        CHECK(platform_datagram_send(peer, node_port(server), data, sizeof data));
    counter_add(&go_on, 1);
    /* The count comes with the next datagram that is not lost itself. */
    long sent = DATAGRAMS;
    uint64_t deadline = test_deadline();
    while (cppserver_udp_datagrams_lost(server->udp) == 0 && platform_now() < deadline) {
        CHECK(platform_datagram_send(peer, node_port(server), data, 1));
        ++sent;
        counter_reaches(&server->received, counter_value(&server->received) + 1);
    }
    CHECK(cppserver_udp_datagrams_lost(server->udp) > DATAGRAMS / 2);
    /* All datagrams are accounted for, once nothing is under way any more. */
    while ((long)(cppserver_udp_datagrams_lost(server->udp) + cppserver_udp_datagrams_received(server->udp)) < sent &&
           platform_now() < deadline)
        platform_yield();
    CHECK_NUMBER(cppserver_udp_datagrams_lost(server->udp) + cppserver_udp_datagrams_received(server->udp), sent);
    CHECK_NUMBER(counter_value(&server->errors), 0);
    platform_socket_close(peer);
    service_finished(service);
    node_free(server);
}
#endif

static void longer_datagrams_are_cut_and_that_is_told(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    CHECK_OK(node_set(server, CPPSERVER_OPTION_DATAGRAM_LIMIT, 4));
    node_started(server);
    node *client = node_started(node_client(service, node_port(server)));
    const char *const texts[] = { "abcdefgh", "abcde", "abcd", "abc", "" };
    const bool cut[] = { true, true, false, false, false };
    for (long number = 0; number < 5; ++number) {
        CHECK_OK(node_send(client, texts[number]));
        CHECK(counter_reaches(&server->received, number + 1));
        CHECK_NUMBER(server->size, strlen(texts[number]) < 4 ? strlen(texts[number]) : 4);
        CHECK(memcmp(server->data, texts[number], server->size) == 0);
        CHECK_NUMBER(server->truncated, cut[number]);
    }
    /* Counted is what was delivered. The limit counts at once. */
    CHECK_NUMBER(cppserver_udp_bytes_received(server->udp), 4 + 4 + 4 + 3);
    CHECK_OK(node_set(server, CPPSERVER_OPTION_DATAGRAM_LIMIT, 0));
    CHECK_OK(node_send(client, "x"));
    CHECK(counter_reaches(&server->received, 6));
    CHECK_NUMBER(server->size, 0);
    CHECK(server->truncated);
    CHECK_OK(node_set(server, CPPSERVER_OPTION_DATAGRAM_LIMIT, 65535));
    CHECK_OK(node_send(client, "abcdefgh"));
    CHECK(counter_reaches(&server->received, 7));
    CHECK_TEXT(server->data, "abcdefgh");
    CHECK(!server->truncated);
    service_finished(service);
    node_free(client);
    node_free(server);
}

/* ---- the send limit ---- */

#define FLOOD 100

typedef struct flood {
    counter done;
    int accepted, refused, not_connected;
} flood;

/* Sends in one callback, so that nothing leaves in between. */
static void flood_on_started(node *self, node_event event)
{
    flood *flood = self->hook_data;
    if (event != NODE_STARTED)
        return;
    for (int number = 0; number < FLOOD; ++number) {
        char text[101];
        snprintf(text, sizeof text, "%0100d", number);
        switch (node_send(self, text)) {
        case CPPSERVER_STATUS_OK: ++flood->accepted; break;
        case CPPSERVER_STATUS_LIMIT: ++flood->refused; break;
        case CPPSERVER_STATUS_NOT_CONNECTED: ++flood->not_connected; break;
        default: CHECK(!"no other status"); break;
        }
    }
    counter_add(&flood->done, 1);
}

/* A client that has flooded its server, with a limit of 2000 bytes. */
static node *flooded(cppserver_service *service, flood *flood, uint16_t port, int64_t policy)
{
    node *client = node_client(service, port);
    counter_init(&flood->done);
    client->hook = flood_on_started;
    client->hook_data = flood;
    CHECK_OK(node_set(client, CPPSERVER_OPTION_SEND_LIMIT, 2000));
    CHECK_OK(node_set(client, CPPSERVER_OPTION_SEND_POLICY, policy));
    CHECK_OK(node_start(client));
    CHECK(counter_reaches(&flood->done, 1));
    return client;
}

static void a_full_queue_refuses(void)
{
    flood flood = { .accepted = 0 };
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = flooded(service, &flood, node_port(server), CPPSERVER_SEND_POLICY_REFUSE);
    /* Each counts some bytes more than it has. */
    CHECK(flood.accepted > 5 && flood.accepted <= 20);
    CHECK_NUMBER(flood.accepted + flood.refused, FLOOD);
    CHECK_NUMBER(cppserver_udp_datagrams_dropped(client->udp), flood.refused);
    CHECK(counter_reaches(&server->received, flood.accepted));
    CHECK_NUMBER(strtol(server->data, NULL, 10), flood.accepted - 1);
    CHECK(counter_reaches(&client->emptied, 1));
    CHECK_OK(node_send(client, "there is room again"));
    CHECK(counter_reaches(&server->received, flood.accepted + 1));
    service_finished(service);
    CHECK_NUMBER(counter_value(&client->errors), 0);
    node_free(client);
    node_free(server);
}

static void a_full_queue_drops_the_oldest(void)
{
    flood flood = { .accepted = 0 };
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = flooded(service, &flood, node_port(server), CPPSERVER_SEND_POLICY_DROP_OLDEST);
    CHECK_NUMBER(flood.accepted, FLOOD);
    CHECK(counter_reaches(&client->emptied, 1));
    long dropped = (long)cppserver_udp_datagrams_dropped(client->udp);
    CHECK(dropped >= FLOOD - 20 && dropped < FLOOD - 5);
    CHECK(counter_reaches(&server->received, FLOOD - dropped));
    CHECK_NUMBER(strtol(server->data, NULL, 10), FLOOD - 1);
    CHECK_NUMBER(cppserver_udp_datagrams_sent(client->udp), FLOOD - dropped);
    CHECK_NUMBER(cppserver_udp_bytes_pending(client->udp), 0);
    service_finished(service);
    CHECK_NUMBER(counter_value(&server->received), FLOOD - dropped);
    node_free(client);
    node_free(server);
}

static void a_full_queue_stops(void)
{
    flood flood = { .accepted = 0 };
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = flooded(service, &flood, node_port(server), CPPSERVER_SEND_POLICY_DISCONNECT);
    CHECK_NUMBER(flood.refused, 1);
    CHECK_NUMBER(flood.accepted + flood.not_connected, FLOOD - 1);
    WAIT_FOR(&client->journal, "destroy");
    char expected[64];
    snprintf(expected, sizeof expected, "stopped %d", CPPSERVER_REASON_LIMIT);
    CHECK_NUMBER(journal_count(&client->journal, expected), 1);
    CHECK(!cppserver_udp_is_started(client->udp));
    service_finished(service);
    node_free(client);
    node_free(server);
}

static void without_a_limit_everything_waits(void)
{
    flood flood = { .accepted = 0 };
    counter_init(&flood.done);
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = node_client(service, node_port(server));
    client->hook = flood_on_started;
    client->hook_data = &flood;
    CHECK_OK(node_set(client, CPPSERVER_OPTION_SEND_LIMIT, 0));
    CHECK_OK(node_start(client));
    CHECK(counter_reaches(&flood.done, 1));
    CHECK_NUMBER(flood.accepted, FLOOD);
    CHECK(counter_reaches(&client->sent, FLOOD));
    service_finished(service);
    node_free(client);
    node_free(server);
}

/* ---- who is heard, and who is reached ---- */

static void a_client_hears_its_server_alone(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    node *stranger = node_started(node_server(service));
    node *client = node_started(node_client(service, node_port(server)));
    cppserver_address own = address_of("127.0.0.1", node_port(client)), of_stranger = node_address(stranger);
    CHECK_OK(node_send_to(stranger, own, "from a stranger"));
    /* What the system took is in the socket, or not; the echo comes behind it. */
    CHECK(counter_reaches(&stranger->sent, 1));
    CHECK_OK(node_send(client, "from the server"));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_TEXT(client->data, "from the server");
    CHECK_NUMBER(counter_value(&client->received), 1);
    CHECK_FAILS(node_send_to(client, of_stranger, "to a stranger"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(node_send_to(client, node_address(server), "by its address"));
    CHECK(counter_reaches(&client->received, 2));
    service_finished(service);
    CHECK_NUMBER(counter_value(&stranger->received), 0);
    node_free(client);
    node_free(stranger);
    node_free(server);
}

static void a_client_of_any_peer_hears_everybody(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service), *stranger = node_server(service);
    server->echo = true;
    node_started(server);
    node_started(stranger);
    node *client = node_client(service, node_port(server));
    CHECK_OK(node_set(client, CPPSERVER_OPTION_ANY_PEER, 1));
    CHECK_OK(cppserver_udp_bind(client->udp, "127.0.0.1", 0));
    node_started(client);
    CHECK_OK(node_send_to(stranger, node_address(client), "from a stranger"));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_TEXT(client->data, "from a stranger");
    CHECK(address_equals(client->from, node_address(stranger)));
    CHECK_OK(node_send_to(client, client->from, "to a stranger"));
    CHECK(counter_reaches(&stranger->received, 1));
    CHECK_TEXT(stranger->data, "to a stranger");
    /* Without an address it goes to the server, or to what is chosen in its place. */
    CHECK_OK(node_send(client, "to the server"));
    CHECK(counter_reaches(&server->received, 1));
    cppserver_address chosen = node_address(stranger), told;
    CHECK_OK(cppserver_udp_set_destination(client->udp, &chosen));
    CHECK_OK(cppserver_udp_destination(client->udp, &told));
    CHECK(address_equals(told, chosen));
    CHECK_OK(node_send(client, "to the chosen one"));
    CHECK(counter_reaches(&stranger->received, 2));
    CHECK_OK(cppserver_udp_set_destination(client->udp, NULL));
    CHECK_OK(node_send(client, "to the server again"));
    CHECK(counter_reaches(&server->received, 2));
    service_finished(service);
    node_free(client);
    node_free(stranger);
    node_free(server);
}

static void a_server_has_a_destination_if_it_wants(void)
{
    cppserver_service *service = service_started(1);
    node *one = node_started(node_server(service)), *other = node_server(service);
    cppserver_address to = node_address(one), told;
    /* Also before the start. */
    CHECK_OK(cppserver_udp_set_destination(other->udp, &to));
    CHECK_OK(cppserver_udp_destination(other->udp, &told));
    CHECK(address_equals(told, to));
    node_started(other);
    CHECK_OK(node_send(other, "to the destination"));
    CHECK(counter_reaches(&one->received, 1));
    CHECK_OK(cppserver_udp_set_destination(other->udp, NULL));
    CHECK_FAILS(node_send(other, "to nobody"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    service_finished(service);
    node_free(other);
    node_free(one);
}

/* Sends to a server on a port of one address, and expects the echo of that version of IP. */
static void echo_over(cppserver_service *service, const char *host, uint16_t port)
{
    node *client = node_started(node_of(cppserver_udp_create_client(service, host, port)));
    CHECK_OK(node_send(client, host));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_TEXT(client->data, host);
    CHECK(address_equals(client->from, address_of(host, port)));
    CHECK_OK(cppserver_udp_stop(client->udp));
    WAIT_FOR(&client->journal, "destroy");
    node_free(client);
}

static void both_versions_of_ip_reach_a_dual_stack(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_of(cppserver_udp_create_server(service, "::", 0));
    server->echo = true;
    node_started(server);
    echo_over(service, "127.0.0.1", node_port(server));
    /* Who came over IPv4 has an IPv4 address. */
    CHECK_NUMBER(server->from.version, 4);
    echo_over(service, "::1", node_port(server));
    CHECK_NUMBER(server->from.version, 6);
    service_finished(service);
    node_free(server);
}

static void a_single_stack_takes_its_own_version_alone(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_of(cppserver_udp_create_server(service, "::", 0));
    server->echo = true;
    CHECK_OK(node_set(server, CPPSERVER_OPTION_DUAL_STACK, 0));
    node_started(server);
    node *client = node_started(node_client(service, node_port(server)));
    CHECK_OK(node_send(client, "over IPv4"));
    CHECK(counter_reaches(&client->errors, 1));
    echo_over(service, "::1", node_port(server));
    CHECK_NUMBER(counter_value(&server->received), 1);
    service_finished(service);
    node_free(client);
    node_free(server);
}

/* The value of an option of the open socket. */
static int socket_option(node *self, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    platform_socket handle = (platform_socket)cppserver_udp_native_handle(self->udp);
    CHECK_NUMBER(getsockopt(handle, level, name, (void *)&value, &size), 0);
    return value;
}

static void options_reach_the_socket_before_and_after_the_start(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    CHECK_OK(node_set(server, CPPSERVER_OPTION_TIME_TO_LIVE, 7));
    CHECK_OK(node_set(server, CPPSERVER_OPTION_BROADCAST, 1));
    CHECK_OK(node_set(server, CPPSERVER_OPTION_RECEIVE_BUFFER, 32768));
    node_started(server);
    CHECK_NUMBER(socket_option(server, IPPROTO_IP, IP_TTL), 7);
    CHECK(socket_option(server, SOL_SOCKET, SO_BROADCAST) != 0);
    CHECK(socket_option(server, SOL_SOCKET, SO_RCVBUF) >= 32768);
    CHECK(socket_option(server, SOL_SOCKET, SO_RCVBUF) <= 2 * 32768);
    CHECK_OK(node_set(server, CPPSERVER_OPTION_TIME_TO_LIVE, 9));
    CHECK_OK(node_set(server, CPPSERVER_OPTION_BROADCAST, 0));
    CHECK_OK(node_set(server, CPPSERVER_OPTION_SEND_BUFFER, 16384));
    CHECK_NUMBER(socket_option(server, IPPROTO_IP, IP_TTL), 9);
    CHECK_NUMBER(socket_option(server, SOL_SOCKET, SO_BROADCAST), 0);
    CHECK(socket_option(server, SOL_SOCKET, SO_SNDBUF) >= 16384);
    CHECK(socket_option(server, SOL_SOCKET, SO_SNDBUF) <= 2 * 16384);
    service_finished(service);
    node_free(server);
}

#ifdef __linux__
static void broadcasts_need_the_option(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_of(cppserver_udp_create_server(service, "0.0.0.0", 0));
    node_started(server);
    node *sender = node_started(node_server(service));
    cppserver_address everybody = address_of("127.255.255.255", node_port(server));
    CHECK_OK(node_send_to(sender, everybody, "not allowed"));
    CHECK(counter_reaches(&sender->errors, 1));
    CHECK_NUMBER(sender->error_code, EACCES);
    CHECK_NUMBER(cppserver_udp_datagrams_dropped(sender->udp), 1);
    CHECK_OK(node_set(sender, CPPSERVER_OPTION_BROADCAST, 1));
    CHECK_OK(node_send_to(sender, everybody, "to everybody"));
    CHECK(counter_reaches(&server->received, 1));
    CHECK_TEXT(server->data, "to everybody");
    service_finished(service);
    node_free(sender);
    node_free(server);
}
#endif

/* ---- several I/O threads ---- */

#define PAIRS 8
#define ROUNDS 300

typedef struct pair {
    atomic_int inside;
    cppserver_service *service;
} pair;

/* Callbacks of one endpoint never overlap, and come on a thread of the service. */
static void answer_alone(node *self, node_event event)
{
    pair *pair = self->hook_data;
    CHECK_NUMBER(atomic_fetch_add(&pair->inside, 1), 0);
    if (event != NODE_DESTROY)
        CHECK(cppserver_service_is_loop_thread(pair->service));
    if (event == NODE_RECEIVED && counter_value(&self->received) <= ROUNDS)
        CHECK_OK(cppserver_udp_send_to(self->udp, &self->from, self->data, self->size, NULL));
    atomic_fetch_sub(&pair->inside, 1);
}

static void several_threads_serve_several_endpoints(void)
{
    cppserver_service *service = service_started(4);
    node *servers[PAIRS], *clients[PAIRS];
    pair pairs[2 * PAIRS];
    for (int number = 0; number < PAIRS; ++number) {
        servers[number] = node_server(service);
        node_started(servers[number]);
        clients[number] = node_client(service, node_port(servers[number]));
        node *both[] = { servers[number], clients[number] };
        for (int side = 0; side < 2; ++side) {
            pair *pair = &pairs[2 * number + side];
            atomic_init(&pair->inside, 0);
            pair->service = service;
            node_set_hook(both[side], answer_alone, pair);
        }
        node_started(clients[number]);
    }
    /* One datagram goes to and fro in each pair; the main thread joins in. */
    for (int number = 0; number < PAIRS; ++number)
        CHECK_OK(node_send(clients[number], "ball"));
    for (int number = 0; number < PAIRS; ++number) {
        CHECK(counter_reaches(&clients[number]->received, ROUNDS));
        CHECK(counter_reaches(&servers[number]->received, ROUNDS));
        CHECK_TEXT(clients[number]->data, "ball");
    }
    service_finished(service);
    for (int number = 0; number < PAIRS; ++number) {
        CHECK_JOURNAL(&clients[number]->journal, "started, stopped 7, destroy");
        node_free(clients[number]);
        node_free(servers[number]);
    }
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(an_echo_comes_back_from_where_it_was_sent_to),
        TEST(counters_are_right_inside_the_callbacks),
        TEST(plain_sockets_are_peers),
        TEST(datagrams_of_every_kind_of_size_come_whole),
        TEST(empty_datagrams_are_not_lost_among_others),
        TEST(ten_thousand_in_a_window_all_come_in_order),
        TEST(ten_thousand_at_once_leave_one_by_one),
        TEST(an_endpoint_that_disappears_is_an_error_and_comes_back),
#ifdef __linux__
        TEST(a_server_is_told_which_datagram_was_not_delivered),
        TEST(what_the_system_loses_is_counted),
        TEST(broadcasts_need_the_option),
#endif
        TEST(longer_datagrams_are_cut_and_that_is_told),
        TEST(a_full_queue_refuses),
        TEST(a_full_queue_drops_the_oldest),
        TEST(a_full_queue_stops),
        TEST(without_a_limit_everything_waits),
        TEST(a_client_hears_its_server_alone),
        TEST(a_client_of_any_peer_hears_everybody),
        TEST(a_server_has_a_destination_if_it_wants),
        TEST(both_versions_of_ip_reach_a_dual_stack),
        TEST(a_single_stack_takes_its_own_version_alone),
        TEST(options_reach_the_socket_before_and_after_the_start),
        TEST(several_threads_serve_several_endpoints),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
