/* Encrypted connections: what both sides learn of each other, and how they end. */
#include "tls.h"

static void an_echo_is_encrypted(void)
{
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_handshaked(service, ours, host_port(server));
    /* Servers and clients keep their contexts. */
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    CHECK_OK(endpoint_send(client, "hello"));
    CHECK(counter_reaches(&client->received, 5));
    CHECK_TEXT(client->data, "hello");
    CHECK(cppserver_session_is_handshaked(client->session));
    CHECK_OK(cppserver_session_disconnect(client->session));
    WAIT_FOR(client->journal, "destroy");
    WAIT_FOR(&server->journal, "session destroy");
    CHECK(!cppserver_session_is_handshaked(client->session));
    CHECK_JOURNAL(client->journal, "connected, handshaked, disconnected 1, destroy");
    CHECK_NUMBER(journal_count(&server->journal, "session handshaked"), 1);
    CHECK_NUMBER(journal_count(&server->journal, "session disconnected 2"), 1);
    CHECK(journal_in_order(&server->journal, "server connected", "session handshaked"));
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void everything_may_come_from_memory(void)
{
    file_data chain = file_read("certs/server.pem"), key = file_read("certs/encrypted-aes.key");
    file_data other_chain = file_read("certs/other-name.pem"), other_key = file_read("certs/other-name.key");
    file_data authority = file_read("certs/ca.pem");
    cppserver_tls_context *theirs = cppserver_tls_context_create(), *ours = cppserver_tls_context_create();
    CHECK_OK(cppserver_tls_context_set_certificate(theirs, chain.bytes, chain.size, key.bytes, key.size, "qwerty"));
    CHECK_OK(cppserver_tls_context_add_certificate(theirs, other_chain.bytes, other_chain.size, other_key.bytes,
                                                   other_key.size, NULL));
    CHECK_OK(cppserver_tls_context_add_authority(ours, authority.bytes, authority.size));
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_create(service, ours, host_port(server));
    CHECK_OK(cppserver_client_set_server_name(client->client, "other.example.com"));
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    check_tls_text(client->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, OTHER_SUBJECT);
    endpoint *other = tls_client_handshaked(service, ours, host_port(server));
    check_tls_text(other->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, SERVER_SUBJECT);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    client_free(other);
    host_free(server);
}

/* Sends a mebibyte and waits until all of it has come back. */
static void much_goes_both_ways(void)
{
    enum { SIZE = 1 << 20 };
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    cppserver_service *service = service_started(2);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_handshaked(service, ours, host_port(server));
    char *data = malloc(SIZE);
    memset(data, 'x', SIZE);
    for (size_t sent = 0, piece = 1; sent < SIZE; sent += piece) {
        piece = piece * 7 % 40009 + 1;
        piece = piece < SIZE - sent ? piece : SIZE - sent;
        CHECK_OK(cppserver_session_send(client->session, data + sent, piece, NULL));
    }
    CHECK(counter_reaches(&client->received, SIZE));
    free(data);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

static void pause_each_time(endpoint *self, event event)
{
    if (event == EVENT_RECEIVED)
        CHECK_OK(cppserver_session_pause_reading(self->session));
}

/* What a pause keeps of the bytes that are decrypted already comes with a resume, and then the end. */
static void pauses_and_resumes_lose_nothing(void)
{
    enum { SIZE = 1 << 20 };
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    cppserver_service *service = service_started(2);
    host *server = tls_host_create(service, theirs);
    server->session_hook = pause_each_time;
    CHECK_OK(host_start(server));
    endpoint *client = tls_client_handshaked(service, ours, host_port(server));
    endpoint *session = host_session(server, 0);
    char *data = calloc(1, SIZE);
    CHECK_OK(cppserver_session_send(client->session, data, SIZE, NULL));
    free(data);
    CHECK_OK(cppserver_session_disconnect(client->session));
    uint64_t end = test_deadline();
    while (journal_count(&server->journal, "session destroy") == 0 && platform_now() < end) {
        int32_t status = cppserver_session_resume_reading(session->session);
        CHECK(status == CPPSERVER_STATUS_OK || status == CPPSERVER_STATUS_NOT_CONNECTED);
    }
    CHECK_NUMBER(counter_value(&session->received), SIZE);
    CHECK(counter_value(&session->calls) > 1);
    CHECK_NUMBER(journal_count(&server->journal, "session disconnected 2"), 1);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

static void say_hello(endpoint *self, event event)
{
    if (event == EVENT_CONNECTED)
        CHECK_OK(endpoint_send(self, "early"));
}

static void what_is_sent_early_leaves_after_the_handshake(void)
{
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    cppserver_service *service = service_started(1);
    host *server = tls_host_create(service, theirs);
    server->session_hook = say_hello;
    CHECK_OK(host_start(server));
    endpoint *client = tls_client_create(service, ours, host_port(server));
    client->hook = say_hello;
    CHECK_OK(client_connect(client));
    CHECK(counter_reaches(&client->received, 5));
    CHECK_TEXT(client->data, "early");
    endpoint *session = host_session(server, 0);
    CHECK(counter_reaches(&session->received, 5));
    CHECK_TEXT(session->data, "early");
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

/* ---- what both sides learn ---- */

static void details_and_short_buffers(void)
{
    char text[64] = "before";
    size_t length = 0;
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    const char *const offered[] = { "other", "chat" }, *const known[] = { "chat" };
    CHECK_OK(cppserver_tls_context_set_alpn_protocols(ours, offered, 2));
    CHECK_OK(cppserver_tls_context_set_alpn_protocols(theirs, known, 1));
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_create(service, ours, host_port(server));
    CHECK_OK(cppserver_client_set_server_name(client->client, "localhost"));
    CHECK_FAILS(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, text, sizeof text, &length),
                CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_tls_peer_certificate(client->session, 0, text, sizeof text, &length),
                CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    WAIT_FOR(&server->journal, "session handshaked");
    endpoint *session = host_session(server, 0);
    check_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, "TLSv1.3");
    check_tls_text(client->session, CPPSERVER_TLS_TEXT_ALPN_PROTOCOL, "chat");
    check_tls_text(client->session, CPPSERVER_TLS_TEXT_SERVER_NAME, "localhost");
    check_tls_text(client->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, SERVER_SUBJECT);
    check_tls_text(session->session, CPPSERVER_TLS_TEXT_ALPN_PROTOCOL, "chat");
    check_tls_text(session->session, CPPSERVER_TLS_TEXT_SERVER_NAME, "localhost");
    check_tls_text(session->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, "");
    CHECK_OK(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_CIPHER_SUITE, text, sizeof text, NULL));
    CHECK(strncmp(text, "TLS_", 4) == 0);
    check_tls_text(session->session, CPPSERVER_TLS_TEXT_CIPHER_SUITE, text);

    CHECK_FAILS(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, text, 7, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(length, 7);
    CHECK_FAILS(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, NULL, 64, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, NULL, 0, &length));
    CHECK_OK(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, text, 8, NULL));
    CHECK_TEXT(text, "TLSv1.3");
    CHECK_FAILS(cppserver_session_tls_text(client->session, 0, text, sizeof text, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_tls_text(client->session, 6, text, sizeof text, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);

    file_data expected = file_read("certs/server.der");
    char certificate[4096];
    CHECK_OK(cppserver_session_tls_peer_certificate(client->session, 0, NULL, 0, &length));
    CHECK_NUMBER(length, expected.size);
    CHECK_FAILS(cppserver_session_tls_peer_certificate(client->session, 0, certificate, length - 1, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(length, expected.size);
    CHECK_FAILS(cppserver_session_tls_peer_certificate(client->session, 0, NULL, sizeof certificate, NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_session_tls_peer_certificate(client->session, 0, certificate, length, NULL));
    CHECK(memcmp(certificate, expected.bytes, expected.size) == 0);
    CHECK_OK(cppserver_session_tls_peer_certificate(client->session, 1, certificate, sizeof certificate, &length));
    CHECK_NUMBER(length, 0);
    CHECK_OK(cppserver_session_tls_peer_certificate(session->session, 0, certificate, sizeof certificate, &length));
    CHECK_NUMBER(length, 0);

    service_finished(service);
    /* All of this can be read after the end too. */
    check_tls_text(client->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, SERVER_SUBJECT);
    check_tls_text(session->session, CPPSERVER_TLS_TEXT_SERVER_NAME, "localhost");
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

static void plain_sessions_have_no_details(void)
{
    size_t length = 77;
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_connected(service, host_port(server));
    CHECK(!cppserver_session_is_handshaked(client->session));
    CHECK(!cppserver_session_tls_is_resumed(client->session));
    CHECK_FAILS(cppserver_session_tls_text(client->session, CPPSERVER_TLS_TEXT_VERSION, NULL, 0, &length),
                CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_FAILS(cppserver_session_tls_peer_certificate(client->session, 0, NULL, 0, &length),
                CPPSERVER_STATUS_NOT_CONNECTED);
    CHECK_NUMBER(length, 77);
    service_finished(service);
    client_free(client);
    host_free(server);
}

static void the_name_chooses_the_certificate(void)
{
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    CHECK_OK(cppserver_tls_context_add_certificate_files(theirs, "certs/other-name.pem", "certs/other-name.key", NULL));
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_create(service, ours, host_port(server));
    CHECK_FAILS(cppserver_client_set_server_name(client->client, "no name"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_set_server_name(client->client, ""), CPPSERVER_STATUS_INVALID_ARGUMENT);
    const char *const names[] = { "other.example.com", "server.example.com", NULL };
    const char *const subjects[] = { OTHER_SUBJECT, SERVER_SUBJECT, SERVER_SUBJECT };
    for (long number = 0; number < 3; ++number) {
        CHECK_OK(cppserver_client_set_server_name(client->client, names[number]));
        CHECK_OK(client_connect(client));
        CHECK(journal_has(client->journal, "handshaked", number + 1));
        check_tls_text(client->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, subjects[number]);
        check_tls_text(client->session, CPPSERVER_TLS_TEXT_SERVER_NAME, names[number] == NULL ? "" : names[number]);
        CHECK_OK(cppserver_session_disconnect(client->session));
        CHECK(journal_has(client->journal, "destroy", number + 1));
    }
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

static void later_connections_are_resumed(void)
{
    for (int64_t resumption = 0; resumption < 2; ++resumption) {
        cppserver_tls_context *theirs = server_context(), *ours = client_context();
        CHECK_OK(cppserver_tls_context_set_option(ours, CPPSERVER_TLS_OPTION_RESUMPTION, resumption));
        cppserver_service *service = service_started(1);
        host *server = tls_host_started(service, theirs);
        endpoint *client = tls_client_create(service, ours, host_port(server));
        for (long number = 0; number < 2; ++number) {
            CHECK_OK(client_connect(client));
            CHECK(journal_has(client->journal, "handshaked", number + 1));
            /* The answer comes behind the ticket. */
            CHECK_OK(endpoint_send(client, "x"));
            CHECK(counter_reaches(&client->received, number + 1));
            bool expected = resumption == 1 && number == 1;
            CHECK(cppserver_session_tls_is_resumed(client->session) == expected);
            CHECK(cppserver_session_tls_is_resumed(host_session(server, number)->session) == expected);
            check_tls_text(client->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, SERVER_SUBJECT);
            CHECK_OK(cppserver_session_disconnect(client->session));
            CHECK(journal_has(client->journal, "destroy", number + 1));
        }
        service_finished(service);
        cppserver_tls_context_release(theirs);
        cppserver_tls_context_release(ours);
        client_free(client);
        host_free(server);
    }
}

/* ---- changes while a server runs ---- */

static void certificates_are_renewed_without_an_end(void)
{
    char chain[512], key[512];
    file_temporary(chain, sizeof chain, "chain.pem");
    file_temporary(key, sizeof key, "key.pem");
    file_copy("certs/server.pem", chain);
    file_copy("certs/server.key", key);
    cppserver_tls_context *theirs = context_with(chain, key), *ours = client_context();
    CHECK_OK(cppserver_tls_context_set_option(ours, CPPSERVER_TLS_OPTION_VERIFY_NAMES, 0));
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *first = tls_client_handshaked(service, ours, host_port(server));
    /* Half of the new files: nothing changes. */
    file_copy("certs/other-name.pem", chain);
    CHECK_FAILS(cppserver_tls_context_reload(theirs), CPPSERVER_STATUS_TLS);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_TLS_FAILURE_KEY_MISMATCH);
    endpoint *second = tls_client_handshaked(service, ours, host_port(server));
    check_tls_text(second->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, SERVER_SUBJECT);
    file_copy("certs/other-name.key", key);
    CHECK_OK(cppserver_tls_context_reload(theirs));
    /* A client that remembers nothing, for a resumed session keeps its certificate. */
    cppserver_tls_context *others = client_context();
    CHECK_OK(cppserver_tls_context_set_option(others, CPPSERVER_TLS_OPTION_VERIFY_NAMES, 0));
    endpoint *third = tls_client_handshaked(service, others, host_port(server));
    check_tls_text(third->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, OTHER_SUBJECT);
    CHECK_OK(endpoint_send(first, "still here"));
    CHECK(counter_reaches(&first->received, 10));
    CHECK(remove(chain) == 0 && remove(key) == 0);
    CHECK_FAILS(cppserver_tls_context_reload(theirs), CPPSERVER_STATUS_SYSTEM);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    cppserver_tls_context_release(others);
    client_free(first);
    client_free(second);
    client_free(third);
    host_free(server);
}

static void secrets_can_be_logged(void)
{
    char name[512];
    file_temporary(name, sizeof name, "key.log");
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    CHECK_OK(cppserver_tls_context_set_key_log_file(ours, name));
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_handshaked(service, ours, host_port(server));
    file_data log = file_read(name);
    CHECK(strstr(log.bytes, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ") != NULL);
    CHECK(strstr(log.bytes, "SERVER_TRAFFIC_SECRET_0 ") != NULL);
    CHECK_OK(cppserver_tls_context_set_key_log_file(ours, NULL));
    endpoint *other = tls_client_handshaked(service, ours, host_port(server));
    CHECK_NUMBER(file_read(name).size, log.size);
    CHECK(remove(name) == 0);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    client_free(other);
    host_free(server);
}

/* ---- peers that speak no TLS, or stop doing so ---- */

static void plain_text_is_refused(void)
{
    cppserver_tls_context *theirs = server_context();
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    CHECK(platform_socket_send(peer, "GET / HTTP/1.0\r\n\r\n"));
    WAIT_FOR(&server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&server->journal, "session error tls"), 1);
    CHECK_NUMBER(journal_count(&server->journal, "session disconnected 3"), 1);
    CHECK_NUMBER(journal_count(&server->journal, "session handshaked"), 0);
    platform_socket_close(peer);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    host_free(server);
}

static void a_plain_server_is_refused(void)
{
    cppserver_tls_context *ours = client_context();
    cppserver_service *service = service_started(1);
    host *server = host_create(service);
    server->session_hook = say_hello;
    CHECK_OK(host_start(server));
    endpoint *client = tls_client_create(service, ours, host_port(server));
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, error tls, disconnected 3, destroy");
    service_finished(service);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

static void silence_is_no_handshake(void)
{
    cppserver_tls_context *theirs = server_context();
    cppserver_service *service = service_started(1);
    host *server = tls_host_create(service, theirs);
    CHECK_OK(cppserver_server_set_option(server->server, CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, 20));
    CHECK_OK(host_start(server));
    platform_socket peer = platform_socket_connect(host_port(server), 0);
    WAIT_FOR(&server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&server->journal, "session error timeout"), 1);
    CHECK_NUMBER(journal_count(&server->journal, "session disconnected 4"), 1);
    platform_socket_close(peer);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    host_free(server);
}

/* Ends the connection beneath TLS, on the thread that owns the socket: no close_notify leaves. */
static void cut_the_stream(endpoint *self, event event)
{
    enum { BOTH_HALVES = 2 };
    if (event == EVENT_RECEIVED)
        shutdown((platform_socket)cppserver_session_native_handle(self->session), BOTH_HALVES);
}

static void a_cut_stream_is_told_from_an_end(void)
{
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_create(service, ours, host_port(server));
    client->hook = cut_the_stream;
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "handshaked");
    CHECK_OK(endpoint_send(client, "cut"));
    WAIT_FOR(&server->journal, "session destroy");
    CHECK_NUMBER(journal_count(&server->journal, "session error tls"), 1);
    CHECK_NUMBER(journal_count(&server->journal, "session disconnected 8"), 1);
    CHECK_NUMBER(server->sessions[0]->error_code, CPPSERVER_TLS_FAILURE_TRUNCATED);
    CHECK_NUMBER(counter_value(&server->sessions[0]->received), 3);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

static void multicast_is_for_those_that_are_through(void)
{
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    platform_socket silent = platform_socket_connect(host_port(server), 0);
    endpoint *waiting = host_session(server, 0);
    endpoint *client = tls_client_handshaked(service, ours, host_port(server));
    WAIT_FOR(&server->journal, "session handshaked");
    CHECK_OK(cppserver_server_multicast(server->server, "to all", 6));
    CHECK(counter_reaches(&client->received, 6));
    CHECK_TEXT(client->data, "to all");
    CHECK_NUMBER(cppserver_session_bytes_pending(waiting->session), 0);
    platform_socket_close(silent);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(an_echo_is_encrypted),
        TEST(everything_may_come_from_memory),
        TEST(much_goes_both_ways),
        TEST(pauses_and_resumes_lose_nothing),
        TEST(what_is_sent_early_leaves_after_the_handshake),
        TEST(details_and_short_buffers),
        TEST(plain_sessions_have_no_details),
        TEST(the_name_chooses_the_certificate),
        TEST(later_connections_are_resumed),
        TEST(certificates_are_renewed_without_an_end),
        TEST(secrets_can_be_logged),
        TEST(plain_text_is_refused),
        TEST(a_plain_server_is_refused),
        TEST(silence_is_no_handshake),
        TEST(a_cut_stream_is_told_from_an_end),
        TEST(multicast_is_for_those_that_are_through),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
