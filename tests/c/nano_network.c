/* Scalability protocols over the network: transports, services of the program, blocked threads, bad peers. */
#include "nano.h"
#include "tls.h"

/* A listener of port 0, and the address to dial it at. */
static void listen_anywhere(cppserver_sp_socket *socket, const char *scheme, const char *path, char *address, size_t size)
{
    snprintf(address, size, "%s://127.0.0.1:0%s", scheme, path);
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(socket, address);
    CHECK(endpoint != NULL);
    CHECK(cppserver_sp_endpoint_port(endpoint) != 0);
    snprintf(address, size, "%s://127.0.0.1:%u%s", scheme, (unsigned)cppserver_sp_endpoint_port(endpoint), path);
    cppserver_sp_endpoint_release(endpoint);
}

/* A question and its answer, of a size that takes more than one read. */
static void ask(cppserver_sp_socket *server, cppserver_sp_socket *client)
{
    static unsigned char bytes[700000];
    for (size_t index = 0; index < sizeof bytes; ++index)
        bytes[index] = (unsigned char)(index * 7 + index / 251);
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    CHECK_OK(cppserver_sp_socket_send(client, bytes, sizeof bytes, PATIENTLY));
    CHECK_OK(cppserver_sp_socket_receive(server, message, PATIENTLY));
    CHECK_OK(cppserver_sp_socket_send_message(server, message, PATIENTLY));
    CHECK_OK(cppserver_sp_message_assign(message, NULL, 0));
    CHECK_OK(cppserver_sp_socket_receive(client, message, PATIENTLY));
    CHECK_NUMBER(cppserver_sp_message_size(message), sizeof bytes);
    CHECK(memcmp(cppserver_sp_message_data(message), bytes, cppserver_sp_message_size(message)) == 0);
    cppserver_sp_message_release(message);
}

static void ask_over(const char *scheme, const char *path, bool encrypted)
{
    char address[64];
    cppserver_sp_socket *server = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    if (encrypted) {
        cppserver_tls_context *context = server_context();
        CHECK_OK(cppserver_sp_socket_set_tls(server, context));
        cppserver_tls_context_release(context);
        context = client_context();
        CHECK_OK(cppserver_sp_socket_set_tls(client, context));
        cppserver_tls_context_release(context);
    }
    listen_anywhere(server, scheme, path, address, sizeof address);
    nano_dial(client, address);
    ask(server, client);
    nano_free(server);
    nano_free(client);
}

static void over_tcp(void)
{
    ask_over("tcp", "", false);
}

static void over_websocket(void)
{
    ask_over("ws", "/path", false);
}

static void over_tls(void)
{
    ask_over("tls+tcp", "", true);
}

static void over_encrypted_websocket(void)
{
    ask_over("wss", "/path", true);
}

static void over_ipc(void)
{
    char path[128], address[160];
    cppserver_sp_socket *server = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    file_temporary(path, sizeof path, "ipc");
    snprintf(address, sizeof address, "ipc://%s", path);
#ifdef _WIN32
    CHECK(cppserver_sp_socket_listen(server, address) == NULL);
    CHECK(cppserver_last_error_message()[0] != '\0');
#else
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    nano_listen(server, address);
    nano_dial(client, address);
    ask(server, client);
    nano_free(client);
#endif
    nano_free(server);
}

static void nobody_has_to_be_there_yet(void)
{
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", (unsigned)platform_free_port());
    listener *client = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PAIR));
    CHECK_OK(cppserver_sp_socket_set_option(client->socket, CPPSERVER_SP_OPTION_RECONNECT_INTERVAL, 1));
    nano_dial(client->socket, address);
    while (nano_counters(client->socket).connect_errors == 0 && !atomic_load(&test_has_failed))
        platform_yield();
    cppserver_sp_socket *server = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    nano_listen(server, address);
    nano_send(server, "here I am");
    WAIT_FOR(&client->journal, "here I am");
    CHECK(strncmp(client->journal.text, "system ", 7) == 0);
    nano_free(server);
    listener_free(client);
}

static void a_service_of_the_program_runs_sockets(void)
{
    char address[64];
    cppserver_service *service = cppserver_service_create(2);
    listener *server = listener_of(cppserver_sp_socket_create_on(service, CPPSERVER_SP_PROTOCOL_REPLY, false));
    cppserver_sp_socket *client = cppserver_sp_socket_create_on(service, CPPSERVER_SP_PROTOCOL_REQUEST, false);
    cppserver_sp_socket *raw = cppserver_sp_socket_create_on(service, CPPSERVER_SP_PROTOCOL_BUS, true);
    CHECK(cppserver_sp_socket_is_raw(raw));
    cppserver_sp_socket_release(raw);
    server->echo = true;
    listen_anywhere(server->socket, "tcp", "", address, sizeof address);
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    nano_dial(client, address);
    nano_send(client, "question");
    CHECK_HEARS(client, "question");
    nano_free(client);
    listener_free(server);
    service_finished(service);
}

/* ---- the end ---- */

typedef struct blocked {
    platform_thread thread;
    cppserver_sp_socket *socket;
    bool sends;
    int32_t status, code;
} blocked;

static void block(void *argument)
{
    blocked *self = argument;
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    if (self->sends)
        self->status = cppserver_sp_socket_send(self->socket, "nobody", 6, INT64_MAX);
    else
        self->status = cppserver_sp_socket_receive(self->socket, message, -1);
    self->code = cppserver_last_error_code();
    cppserver_sp_message_release(message);
}

static void a_close_wakes_blocked_threads(void)
{
    enum { THREADS = 4 };
    blocked threads[THREADS];
    cppserver_sp_socket *pair = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    for (int number = 0; number < THREADS; ++number) {
        threads[number].socket = pair;
        threads[number].sends = number % 2 == 1;
        platform_thread_start(&threads[number].thread, block, &threads[number]);
    }
    CHECK_OK(cppserver_sp_socket_close(pair));
    for (int number = 0; number < THREADS; ++number) {
        platform_thread_join(&threads[number].thread);
        CHECK_NUMBER(threads[number].status, CPPSERVER_STATUS_NOT_CONNECTED);
        CHECK_NUMBER(threads[number].code, CPPSERVER_SP_FAILURE_CLOSED);
    }
    CHECK(cppserver_sp_socket_is_closed(pair));
    cppserver_sp_socket_release(pair);
}

static void what_was_sent_is_delivered_by_the_close(void)
{
    enum { MESSAGES = 1000 };
    char address[64];
    cppserver_sp_socket *pull = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    CHECK_OK(cppserver_sp_socket_set_option(push, CPPSERVER_SP_OPTION_LINGER, TEST_PATIENCE));
    listen_anywhere(pull, "tcp", "", address, sizeof address);
    nano_dial(push, address);
    for (int number = 0; number < MESSAGES; ++number)
        nano_send(push, "delivered");
    CHECK_OK(cppserver_sp_socket_close(push));
    CHECK_NUMBER(nano_counters(push).messages_undelivered, 0);
    for (int number = 0; number < MESSAGES; ++number)
        CHECK_HEARS(pull, "delivered");
    cppserver_sp_socket_release(push);
    nano_free(pull);
}

/* ---- bad peers ---- */

/* A plain socket that says this to a listener, which lets it go for this reason. */
static void is_refused(const void *data, size_t size, cppserver_sp_failure failure)
{
    char entry[32], rest[64];
    listener *server = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_REPLY));
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(server->socket, "tcp://127.0.0.1:0");
    platform_socket peer = platform_socket_connect(cppserver_sp_endpoint_port(endpoint), 0);
    CHECK(platform_socket_send_bytes(peer, data, size));
    snprintf(entry, sizeof entry, "sp %d", (int)failure);
    WAIT_FOR(&server->journal, entry);
    while (platform_socket_receive(peer, rest, sizeof rest) > 0) {
    }
    platform_socket_close(peer);
    cppserver_sp_endpoint_release(endpoint);
    listener_free(server);
}

static void peers_that_speak_something_else_are_refused(void)
{
    is_refused("GET / HTTP/1.1\r\n\r\n", 18, CPPSERVER_SP_FAILURE_PEER);
    /* A publisher. */
    is_refused("\0SP\0\0\x20\0\0", 8, CPPSERVER_SP_FAILURE_PEER);
    /* A request of 2^64 - 1 bytes. */
    is_refused("\0SP\0\0\x30\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16, CPPSERVER_SP_FAILURE_TOO_LARGE);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(over_tcp),
        TEST(over_websocket),
        TEST(over_tls),
        TEST(over_encrypted_websocket),
        TEST(over_ipc),
        TEST(nobody_has_to_be_there_yet),
        TEST(a_service_of_the_program_runs_sockets),
        TEST(a_close_wakes_blocked_threads),
        TEST(what_was_sent_is_delivered_by_the_close),
        TEST(peers_that_speak_something_else_are_refused),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
