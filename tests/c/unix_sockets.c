/* Unix domain sockets: streams as those of TCP, at a path in place of an address. */
#include "tls.h"

#ifndef _WIN32
#include <sys/stat.h>
#endif

static void an_echo_comes_back(void)
{
    char path[128];
    file_temporary(path, sizeof path, "echo");
    cppserver_service *service = service_started(1);
    cppserver_server *created = cppserver_server_create_unix(service, path);
#ifdef _WIN32
    CHECK(created == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_UNSUPPORTED);
    CHECK(cppserver_client_create_unix(service, path) == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_UNSUPPORTED);
#else
    char text[128];
    size_t length = 0;
    uint16_t port = 7;
    struct stat status;
    host *server = host_of(service, created);
    server->echo = true;
    CHECK_OK(cppserver_server_path(server->server, text, sizeof text, &length));
    CHECK_TEXT(text, path);
    CHECK_NUMBER(length, strlen(path));
    CHECK_FAILS(cppserver_server_path(server->server, text, strlen(path), &length), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(stat(path, &status) != 0);
    CHECK_OK(cppserver_server_set_mode(server->server, 0640));
    CHECK_OK(host_start(server));
    CHECK(stat(path, &status) == 0 && S_ISSOCK(status.st_mode));
    CHECK_NUMBER(status.st_mode & 07777, 0640);
    CHECK_NUMBER(host_port(server), 0);
    endpoint *client = client_of(cppserver_client_create_unix(service, path));
    CHECK_OK(cppserver_client_path(client->client, text, sizeof text, NULL));
    CHECK_TEXT(text, path);
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "connected");
    CHECK_OK(endpoint_send(client, "hello"));
    CHECK(counter_reaches(&client->received, 5));
    CHECK_TEXT(client->data, "hello");
    CHECK_FAILS(cppserver_session_peer_address(client->session, text, sizeof text, &port), CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_OK(cppserver_server_stop(server->server));
    WAIT_FOR(&server->journal, "stopped");
    CHECK(stat(path, &status) != 0);
    WAIT_FOR(client->journal, "destroy");
    service_finished(service);
    client_free(client);
    host_free(server);
    return;
#endif
    service_finished(service);
}

static void a_path_that_is_taken_fails_at_start(void)
{
#ifndef _WIN32
    char path[128];
    file_temporary(path, sizeof path, "taken");
    cppserver_service *service = service_started(1);
    host *server = host_of(service, cppserver_server_create_unix(service, path));
    host *other = host_of(service, cppserver_server_create_unix(service, path));
    CHECK_OK(host_start(server));
    CHECK_FAILS(host_start(other), CPPSERVER_STATUS_SYSTEM);
    CHECK_TEXT(cppserver_last_error_category(), "system");
    service_finished(service);
    host_free(server);
    host_free(other);
#endif
}

static void a_client_without_its_server_is_told(void)
{
#ifndef _WIN32
    char path[128];
    file_temporary(path, sizeof path, "nobody");
    cppserver_service *service = service_started(1);
    endpoint *client = client_of(cppserver_client_create_unix(service, path));
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_NUMBER(journal_count(client->journal, "connected"), 0);
    CHECK_NUMBER(client->error_code, ENOENT);
    service_finished(service);
    client_free(client);
#endif
}

static void arguments_are_checked(void)
{
    static char large[4096];
    char text[8];
    size_t length = 7;
    memset(large, 'x', sizeof large - 1);
    const char *const paths[] = { NULL, "", large };
    cppserver_service *service = service_started(1);
    for (size_t index = 0; index < sizeof paths / sizeof *paths; ++index) {
        CHECK(cppserver_server_create_unix(service, paths[index]) == NULL);
        CHECK(cppserver_last_error_message()[0] != '\0');
        CHECK(cppserver_client_create_unix(service, paths[index]) == NULL);
        CHECK(cppserver_last_error_message()[0] != '\0');
    }
    CHECK(cppserver_server_create_unix(NULL, "path") == NULL);
    CHECK(cppserver_client_create_unix(NULL, "path") == NULL);
    CHECK_FAILS(cppserver_server_set_mode(NULL, 0600), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_server_path(NULL, text, sizeof text, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_path(NULL, text, sizeof text, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    /* Servers of other kinds have no path, and take a mode for nothing. */
    cppserver_server *server = cppserver_server_create_tcp(service, "127.0.0.1", 0);
    const int32_t modes[] = { -2, 010000, INT32_MIN, INT32_MAX };
    for (size_t index = 0; index < sizeof modes / sizeof *modes; ++index)
        CHECK_FAILS(cppserver_server_set_mode(server, modes[index]), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_server_set_mode(server, 07777));
    CHECK_OK(cppserver_server_set_mode(server, -1));
    CHECK_OK(cppserver_server_path(server, text, sizeof text, &length));
    CHECK_TEXT(text, "");
    CHECK_NUMBER(length, 0);
    cppserver_server_release(server);
    service_finished(service);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(an_echo_comes_back),
        TEST(a_path_that_is_taken_fails_at_start),
        TEST(a_client_without_its_server_is_told),
        TEST(arguments_are_checked),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
