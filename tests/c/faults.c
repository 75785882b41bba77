/* Ports and addresses that the system refuses, peers that behave badly, and a system without descriptors. */
#include "peers.h"

#ifdef __linux__

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Runs a part of a test in a process of its own, which may change its user and its limits. There are no other threads
 * while no service runs. */
static void run_apart(void (*part)(void))
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        part();
        _exit(atomic_load(&test_has_failed) ? 1 : 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK_NUMBER(status, 0);
}

/* The first port that every user may have. */
static int first_free_port(void)
{
    int port = 1024;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_unprivileged_port_start", "r");
    if (file != NULL) {
        if (fscanf(file, "%d", &port) != 1)
            port = 1024;
        fclose(file);
    }
    return port;
}

static void start_without_the_right(void)
{
    /* 65534 is nobody. */
    if (geteuid() == 0)
        CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    cppserver_service *service = service_started(1);
    journal journal;
    journal_init(&journal);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = host_destroy;
    host *other = host_started(service);
    cppserver_server *server = cppserver_server_create_tcp(service, "127.0.0.1", 1);
    CHECK_FAILS(cppserver_server_start(server, &handler, &journal), CPPSERVER_STATUS_SYSTEM);
    CHECK_NUMBER(cppserver_last_error_code(), EACCES);
    CHECK_JOURNAL(&journal, "destroy");
    CHECK(!cppserver_server_is_started(server));
    /* Nothing else is disturbed. */
    endpoint *client = client_connected(service, host_port(other));
    host_session(other, 0);
    service_finished(service);
    cppserver_server_release(server);
    client_free(client);
    host_free(other);
}

static void a_port_without_the_right_fails_at_start(void)
{
    /* Else every user may have every port here. */
    if (first_free_port() > 1)
        run_apart(start_without_the_right);
}

static void accept_without_descriptors(void)
{
    int taken[64], count = 0, handle;
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    platform_socket peer = platform_socket_open();
    struct rlimit limit = { 0, 0 };
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = 64;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    while (count < 64 && (handle = open("/dev/null", O_RDONLY)) >= 0)
        taken[count++] = handle;
    struct sockaddr_in address = platform_loopback(host_port(server));
    CHECK(connect(peer, (struct sockaddr *)&address, sizeof address) == 0);
    WAIT_FOR(&server->journal, "error system");
    CHECK_NUMBER(server->error_code, EMFILE);
    CHECK(cppserver_server_is_started(server->server));
    CHECK_NUMBER(journal_count(&server->journal, "session"), 0);
    while (count > 0)
        close(taken[--count]);
    host_session(server, 0);
    CHECK_NUMBER(journal_count(&server->journal, "error system"), 1);
    platform_socket_close(peer);
    service_finished(service);
    host_free(server);
}

static void a_server_without_descriptors_accepts_later(void)
{
    run_apart(accept_without_descriptors);
}

/* A connection to the address of all hosts never leaves this one. */
static void an_unreachable_address_is_told(void)
{
    cppserver_service *service = service_started(1);
    endpoint *client = endpoint_create();
    client->client = cppserver_client_create_tcp(service, "127.255.255.255", 80);
    client->session = cppserver_client_session(client->client);
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "error system, disconnected 3, destroy");
    CHECK_NUMBER(client->error_code, ENETUNREACH);
    service_finished(service);
    client_free(client);
}

/* The queue of a listener is full, and the system answers no further connect. */
static void a_connect_without_an_answer_times_out(void)
{
    struct sockaddr_in address = platform_loopback(0);
    socklen_t size = sizeof address;
    platform_socket listener = platform_socket_open();
    CHECK(bind(listener, (struct sockaddr *)&address, size) == 0 && listen(listener, 0) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    platform_socket guest = platform_socket_connect(ntohs(address.sin_port), 0);
    CHECK(guest != PLATFORM_NO_SOCKET);
    cppserver_service *service = service_started(1);
    endpoint *client = client_create(service, ntohs(address.sin_port));
    CHECK_OK(cppserver_client_set_option(client->client, CPPSERVER_OPTION_CONNECT_TIMEOUT, 100));
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "error timeout, disconnected 4, destroy");
    CHECK_NUMBER(client->error_code, CPPSERVER_STATUS_TIMEOUT);
    service_finished(service);
    platform_socket_close(guest);
    platform_socket_close(listener);
    client_free(client);
}

#endif

static void a_peer_that_half_closes_gets_its_answer(void)
{
    char answer[64] = { 0 };
    long size = 0, piece;
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    server->echo = true;
    CHECK_OK(host_start(server));
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    CHECK(platform_socket_send(peer, "last words"));
    platform_socket_shutdown_send(peer);
    while ((piece = platform_socket_receive(peer, answer + size, sizeof answer - 1 - (size_t)size)) > 0)
        size += piece;
    CHECK_NUMBER(piece, 0);
    CHECK_TEXT(answer, "last words");
    WAIT_FOR(&server->journal, "session disconnected 2");
    CHECK_NUMBER(journal_count(&server->journal, "session error system"), 0);
    platform_socket_close(peer);
    service_finished(service);
    host_free(server);
}

static void a_peer_may_send_byte_by_byte(void)
{
    static const char message[] = "one byte at a time makes a whole message in the end";
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    server->handled_from = sizeof message - 1;
    CHECK_OK(host_start(server));
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    endpoint *session = host_session(server, 0);
    for (long index = 0; message[index] != '\0'; ++index) {
        const char text[2] = { message[index], '\0' };
        CHECK_NUMBER(counter_value(&session->received), 0);
        CHECK(platform_socket_send(peer, text));
        CHECK(counter_reaches(&session->calls, index + 1));
        CHECK_NUMBER(session->last_size, index + 1);
    }
    CHECK_NUMBER(counter_value(&session->received), sizeof message - 1);
    CHECK_TEXT(session->data, message);
    platform_socket_close(peer);
    service_finished(service);
    host_free(server);
}

static void a_peer_may_send_a_gigabyte(void)
{
    enum { BLOCK = 1 << 20, GIGABYTE = 1 << 30 };
    char *block = malloc(BLOCK + 1);
    if (block == NULL)
        abort();
    memset(block, 'x', BLOCK);
    block[BLOCK] = '\0';
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    bool sent = true;
    for (long count = 0; sent && count < GIGABYTE; count += BLOCK)
        sent = platform_socket_send(peer, block);
    CHECK(sent);
    platform_socket_close(peer);
    WAIT_FOR(&server->journal, "session disconnected 2");
    CHECK_NUMBER(counter_value(&server->sessions[0]->received), GIGABYTE);
    CHECK_NUMBER(cppserver_session_bytes_received(server->sessions[0]->session), GIGABYTE);
    CHECK_NUMBER(cppserver_server_bytes_received(server->server), GIGABYTE);
    free(block);
    service_finished(service);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
#ifdef __linux__
        TEST(a_port_without_the_right_fails_at_start),
        TEST(a_server_without_descriptors_accepts_later),
        TEST(an_unreachable_address_is_told),
        TEST(a_connect_without_an_answer_times_out),
#endif
        TEST(a_peer_that_half_closes_gets_its_answer),
        TEST(a_peer_may_send_byte_by_byte),
        TEST(a_peer_may_send_a_gigabyte),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
