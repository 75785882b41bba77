/* Whom encrypted servers and clients refuse, and who has a say in it. */
#include "tls.h"

typedef struct refusal {
    const char *chain, *key;       /* of the server */
    const char *authority;         /* that the client trusts */
    const char *name;              /* that the client asks for, or NULL */
    int32_t alert;                 /* of the client; 0 for any */
} refusal;

static void clients_refuse_servers(void)
{
    const refusal cases[] = {
        { "certs/wrong-ca.pem", "certs/wrong-ca.key", "certs/ca.pem", NULL, ALERT_UNKNOWN_CA },
        { "certs/server.pem", "certs/server.key", "certs/other-ca.pem", NULL, ALERT_UNKNOWN_CA },
        { "certs/expired.pem", "certs/expired.key", "certs/ca.pem", NULL, ALERT_CERTIFICATE_EXPIRED },
        { "certs/other-name.pem", "certs/other-name.key", "certs/ca.pem", NULL, 0 },
        { "certs/server.pem", "certs/server.key", "certs/ca.pem", "other.example.com", 0 },
        { "certs/not-yet-valid.pem", "certs/not-yet-valid.key", "certs/ca.pem", NULL, 0 },
        { "certs/wrong-usage.pem", "certs/wrong-usage.key", "certs/ca.pem", NULL, 0 },
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        cppserver_tls_context *theirs = context_with(cases[index].chain, cases[index].key);
        cppserver_tls_context *ours = cppserver_tls_context_create();
        CHECK_OK(cppserver_tls_context_add_authority_file(ours, cases[index].authority));
        cppserver_service *service = service_started(1);
        host *server = tls_host_started(service, theirs);
        endpoint *client = tls_client_create(service, ours, host_port(server));
        CHECK_OK(cppserver_client_set_server_name(client->client, cases[index].name));
        CHECK_OK(client_connect(client));
        WAIT_FOR(client->journal, "destroy");
        WAIT_FOR(&server->journal, "session destroy");
        CHECK_JOURNAL(client->journal, "connected, error tls, disconnected 3, destroy");
        CHECK_NUMBER(journal_count(&server->journal, "session error tls"), 1);
        CHECK_NUMBER(journal_count(&server->journal, "session handshaked"), 0);
        CHECK(client->error_code > 0 && client->error_code < 256);
        CHECK_NUMBER(server->sessions[0]->error_code, client->error_code + FROM_PEER);
        if (cases[index].alert != 0)
            CHECK_NUMBER(client->error_code, cases[index].alert);
        service_finished(service);
        cppserver_tls_context_release(theirs);
        cppserver_tls_context_release(ours);
        client_free(client);
        host_free(server);
    }
}

static void servers_require_certificates(void)
{
    const char *const authorities[] = { "certs/ca.pem", "certs/other-ca.pem", "certs/ca.pem" };
    const bool shows[] = { false, true, true };
    const int32_t alerts[] = { ALERT_CERTIFICATE_REQUIRED, ALERT_UNKNOWN_CA, 0 };
    for (size_t index = 0; index < 3; ++index) {
        cppserver_tls_context *theirs = server_context(), *ours = client_context();
        CHECK_OK(cppserver_tls_context_add_authority_file(theirs, authorities[index]));
        CHECK_OK(cppserver_tls_context_set_option(theirs, CPPSERVER_TLS_OPTION_VERIFY, CPPSERVER_TLS_VERIFY_REQUIRE));
        if (shows[index])
            CHECK_OK(cppserver_tls_context_set_certificate_files(ours, "certs/client.pem", "certs/client.key", NULL));
        cppserver_service *service = service_started(1);
        host *server = tls_host_started(service, theirs);
        endpoint *client = tls_client_create(service, ours, host_port(server));
        CHECK_OK(client_connect(client));
        if (alerts[index] == 0) {
            WAIT_FOR(&server->journal, "session handshaked");
            check_tls_text(host_session(server, 0)->session, CPPSERVER_TLS_TEXT_PEER_SUBJECT, CLIENT_SUBJECT);
        } else {
            /* In TLS 1.3 the client is through with its handshake by then. */
            WAIT_FOR(client->journal, "destroy");
            WAIT_FOR(&server->journal, "session destroy");
            CHECK_NUMBER(journal_count(&server->journal, "session handshaked"), 0);
            CHECK_NUMBER(server->sessions[0]->error_code, alerts[index]);
            CHECK_NUMBER(client->error_code, alerts[index] + FROM_PEER);
            CHECK_NUMBER(journal_count(client->journal, "disconnected 3"), 1);
        }
        service_finished(service);
        cppserver_tls_context_release(theirs);
        cppserver_tls_context_release(ours);
        client_free(client);
        host_free(server);
    }
}

typedef struct judge {
    bool accepts;
    counter asked;
    char subject[64], error[256];
    counter destroyed;
} judge;

static bool judge_certificate(void *user_data, const void *certificate, size_t size, const char *error)
{
    judge *self = user_data;
    CHECK_OK(cppserver_tls_certificate_subject(certificate, size, self->subject, sizeof self->subject, NULL));
    snprintf(self->error, sizeof self->error, "%s", error == NULL ? "" : error);
    counter_add(&self->asked, 1);
    return self->accepts;
}

static void judge_destroy(void *user_data)
{
    counter_add(&((judge *)user_data)->destroyed, 1);
}

static void the_verify_callback_has_the_last_word(void)
{
    for (int good = 0; good < 2; ++good) {
        for (int accepts = 0; accepts < 2; ++accepts) {
            judge judge = { .accepts = accepts == 1 };
            counter_init(&judge.asked);
            counter_init(&judge.destroyed);
            cppserver_tls_context *theirs = server_context(), *ours = cppserver_tls_context_create();
            CHECK_OK(cppserver_tls_context_add_authority_file(ours, good ? "certs/ca.pem" : "certs/other-ca.pem"));
            CHECK_OK(cppserver_tls_context_set_verify_callback(ours, judge_certificate, &judge, judge_destroy));
            cppserver_service *service = service_started(1);
            host *server = tls_host_started(service, theirs);
            endpoint *client = tls_client_create(service, ours, host_port(server));
            CHECK_OK(client_connect(client));
            WAIT_FOR(client->journal, accepts ? "handshaked" : "destroy");
            CHECK_NUMBER(counter_value(&judge.asked), 1);
            CHECK_TEXT(judge.subject, SERVER_SUBJECT);
            CHECK((judge.error[0] == '\0') == (good == 1));
            CHECK_NUMBER(journal_count(client->journal, "error tls"), !accepts);
            service_finished(service);
            CHECK_NUMBER(counter_value(&judge.destroyed), 0);
            cppserver_tls_context_release(ours);
            client_free(client);
            CHECK_NUMBER(counter_value(&judge.destroyed), 1);
            cppserver_tls_context_release(theirs);
            host_free(server);
        }
    }
}

static void certificates_of_long_ago_need_a_dangerous_word(void)
{
    for (int64_t accept = 0; accept < 2; ++accept) {
        cppserver_tls_context *theirs = cppserver_tls_context_create(), *ours = cppserver_tls_context_create();
        CHECK_OK(cppserver_tls_context_set_certificate_files(theirs, "certs/legacy/server.pem", "certs/legacy/server.pem",
                                                             "qwerty"));
        CHECK_OK(cppserver_tls_context_add_authority_file(ours, "certs/legacy/ca.pem"));
        CHECK_OK(cppserver_tls_context_set_option(ours, CPPSERVER_TLS_OPTION_DANGEROUS_ACCEPT_LEGACY_CERTIFICATES, accept));
        cppserver_service *service = service_started(1);
        host *server = tls_host_started(service, theirs);
        endpoint *client = tls_client_create(service, ours, host_port(server));
        CHECK_OK(cppserver_client_set_server_name(client->client, "server.example.com"));
        CHECK_OK(client_connect(client));
        WAIT_FOR(client->journal, accept ? "handshaked" : "disconnected 3");
        service_finished(service);
        CHECK_NUMBER(journal_count(client->journal, "handshaked"), accept);
        cppserver_tls_context_release(theirs);
        cppserver_tls_context_release(ours);
        client_free(client);
        host_free(server);
    }
}

static void protocols_have_to_agree(void)
{
    const char *const one[] = { "one" }, *const two[] = { "two" };
    cppserver_tls_context *theirs = server_context(), *ours = client_context();
    CHECK_OK(cppserver_tls_context_set_alpn_protocols(theirs, one, 1));
    CHECK_OK(cppserver_tls_context_set_alpn_protocols(ours, two, 1));
    cppserver_service *service = service_started(1);
    host *server = tls_host_started(service, theirs);
    endpoint *client = tls_client_create(service, ours, host_port(server));
    CHECK_OK(client_connect(client));
    WAIT_FOR(client->journal, "destroy");
    CHECK_NUMBER(client->error_code, ALERT_NO_APPLICATION_PROTOCOL + FROM_PEER);
    service_finished(service);
    cppserver_tls_context_release(theirs);
    cppserver_tls_context_release(ours);
    client_free(client);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(clients_refuse_servers),
        TEST(servers_require_certificates),
        TEST(the_verify_callback_has_the_last_word),
        TEST(certificates_of_long_ago_need_a_dangerous_word),
        TEST(protocols_have_to_agree),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
