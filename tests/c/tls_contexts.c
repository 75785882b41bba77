/* Contexts of TLS: their arguments, the files and passwords that they take, and who owns the callbacks. */
#include "tls.h"

static void null_context(void)
{
    counter destroyed;
    counter_init(&destroyed);
    CHECK(cppserver_tls_context_retain(NULL) == NULL);
    cppserver_tls_context_release(NULL);
    CHECK_FAILS(cppserver_tls_context_set_certificate_files(NULL, "certs/server.pem", "certs/server.key", NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_certificate_files(NULL, "certs/server.pem", "certs/server.key", NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_certificate(NULL, "x", 1, "x", 1, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_certificate(NULL, "x", 1, "x", 1, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_reload(NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_authority_file(NULL, "certs/ca.pem"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_authority(NULL, "x", 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_option(NULL, CPPSERVER_TLS_OPTION_VERIFY, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_alpn_protocols(NULL, NULL, 0), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_key_log_file(NULL, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_password_callback(NULL, NULL, &destroyed, count_destroy),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_FAILS(cppserver_tls_context_set_verify_callback(NULL, NULL, &destroyed, count_destroy),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 2);
}

static void null_sessions_and_endpoints(void)
{
    char text[64] = "before";
    size_t length = 77;
    cppserver_service *service = cppserver_service_create(1);
    cppserver_tls_context *context = cppserver_tls_context_create();
    CHECK(cppserver_server_create_tls(NULL, context, "127.0.0.1", 0) == NULL);
    CHECK(cppserver_server_create_tls(service, NULL, "127.0.0.1", 0) == NULL);
    CHECK(cppserver_server_create_tls(service, context, NULL, 0) == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(cppserver_client_create_tls(NULL, context, "127.0.0.1", 1) == NULL);
    CHECK(cppserver_client_create_tls(service, NULL, "127.0.0.1", 1) == NULL);
    CHECK(cppserver_client_create_tls(service, context, NULL, 1) == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_client_set_server_name(NULL, "localhost"), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(!cppserver_session_is_handshaked(NULL));
    CHECK(!cppserver_session_tls_is_resumed(NULL));
    CHECK_FAILS(cppserver_session_tls_text(NULL, CPPSERVER_TLS_TEXT_VERSION, text, sizeof text, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_session_tls_peer_certificate(NULL, 0, text, sizeof text, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(length, 77);
    cppserver_tls_context_release(context);
    cppserver_service_release(service);
}

static void arguments_are_checked(void)
{
    char large[257];
    const char *const nothing[] = { "h2", "" }, *const null[] = { NULL }, *const longest[] = { large };
    cppserver_tls_context *context = cppserver_tls_context_create();
    CHECK_FAILS(cppserver_tls_context_set_certificate_files(context, NULL, "certs/server.key", NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_certificate_files(context, "certs/server.pem", NULL, NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_certificate_files(context, "certs/server.pem", "certs/server.key", "\xff"),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_certificate(context, NULL, 1, "x", 1, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_certificate(context, "x", 1, NULL, 1, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_authority_file(context, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_add_authority(context, NULL, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    memset(large, 'x', sizeof large - 1);
    large[256] = '\0';
    CHECK_FAILS(cppserver_tls_context_set_alpn_protocols(context, NULL, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_alpn_protocols(context, null, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_alpn_protocols(context, nothing, 2), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_alpn_protocols(context, longest, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    large[255] = '\0';
    CHECK_OK(cppserver_tls_context_set_alpn_protocols(context, longest, 1));
    CHECK_OK(cppserver_tls_context_set_alpn_protocols(context, NULL, 0));
    CHECK_OK(cppserver_tls_context_reload(context));
    cppserver_tls_context_release(context);
}

typedef struct option_case {
    int32_t option;
    int64_t good, bad;
} option_case;

static void options_are_checked(void)
{
    const option_case cases[] = {
        { CPPSERVER_TLS_OPTION_VERIFY, CPPSERVER_TLS_VERIFY_REQUIRE, 3 },
        { CPPSERVER_TLS_OPTION_VERIFY_NAMES, 0, 2 },
        { CPPSERVER_TLS_OPTION_VERIFY_DEPTH, -1, -2 },
        { CPPSERVER_TLS_OPTION_MINIMUM_VERSION, CPPSERVER_TLS_VERSION_TLS12, 770 },
        { CPPSERVER_TLS_OPTION_MAXIMUM_VERSION, CPPSERVER_TLS_VERSION_TLS13, 773 },
        { CPPSERVER_TLS_OPTION_RESUMPTION, 1, -1 },
        { CPPSERVER_TLS_OPTION_DANGEROUS_ACCEPT_LEGACY_CERTIFICATES, 0, 2 },
        { CPPSERVER_TLS_OPTION_SYSTEM_AUTHORITIES, 1, 2 },
    };
    cppserver_tls_context *context = cppserver_tls_context_create();
    for (size_t index = 0; index < sizeof cases / sizeof *cases; ++index) {
        CHECK_OK(cppserver_tls_context_set_option(context, cases[index].option, cases[index].good));
        CHECK_FAILS(cppserver_tls_context_set_option(context, cases[index].option, cases[index].bad),
                    CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
    CHECK_FAILS(cppserver_tls_context_set_option(context, 0, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_context_set_option(context, 9, 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
    cppserver_tls_context_release(context);
}

/* ---- files, formats and passwords ---- */

static void check_failure(int32_t status, int32_t failure)
{
    CHECK_FAILS(status, CPPSERVER_STATUS_TLS);
    CHECK_NUMBER(cppserver_last_error_code(), failure);
    CHECK_TEXT(cppserver_last_error_category(), "tls");
}

static void files_that_are_no_good(void)
{
    cppserver_tls_context *context = server_context();
    CHECK_FAILS(cppserver_tls_context_set_certificate_files(context, "certs/missing.pem", "certs/server.key", NULL),
                CPPSERVER_STATUS_SYSTEM);
    CHECK_TEXT(cppserver_last_error_category(), "system");
    CHECK(strstr(cppserver_last_error_message(), "certs/missing.pem") != NULL);
    CHECK_FAILS(cppserver_tls_context_set_certificate_files(context, "certs/server.pem", "certs/missing.key", NULL),
                CPPSERVER_STATUS_SYSTEM);
    CHECK_FAILS(cppserver_tls_context_add_authority_file(context, "certs/missing.pem"), CPPSERVER_STATUS_SYSTEM);
    CHECK_FAILS(cppserver_tls_context_set_key_log_file(context, "certs/missing/key.log"), CPPSERVER_STATUS_SYSTEM);
    check_failure(cppserver_tls_context_set_certificate_files(context, "certs/README.md", "certs/server.key", NULL),
                  CPPSERVER_TLS_FAILURE_FORMAT);
    check_failure(cppserver_tls_context_add_certificate_files(context, "certs/server.pem", "certs/README.md", NULL),
                  CPPSERVER_TLS_FAILURE_FORMAT);
    check_failure(cppserver_tls_context_set_certificate_files(context, "certs/server.pem", "certs/client.key", NULL),
                  CPPSERVER_TLS_FAILURE_KEY_MISMATCH);
    check_failure(cppserver_tls_context_add_authority_file(context, "certs/README.md"), CPPSERVER_TLS_FAILURE_FORMAT);
    check_failure(cppserver_tls_context_add_authority(context, "", 0), CPPSERVER_TLS_FAILURE_FORMAT);
    check_failure(cppserver_tls_context_set_certificate(context, "", 0, "", 0, NULL), CPPSERVER_TLS_FAILURE_FORMAT);
    cppserver_tls_context_release(context);
}

static void passwords_open_keys(void)
{
    cppserver_tls_context *context = cppserver_tls_context_create();
    file_data chain = file_read("certs/server.pem"), key = file_read("certs/encrypted-aes.key");
    CHECK_OK(cppserver_tls_context_set_certificate_files(context, "certs/server.pem", "certs/encrypted-3des.key", "qwerty"));
    CHECK_OK(cppserver_tls_context_set_certificate(context, chain.bytes, chain.size, key.bytes, key.size, "qwerty"));
    CHECK_OK(cppserver_tls_context_add_certificate(context, chain.bytes, chain.size, key.bytes, key.size, "qwerty"));
    check_failure(cppserver_tls_context_set_certificate(context, chain.bytes, chain.size, key.bytes, key.size, "wrong"),
                  CPPSERVER_TLS_FAILURE_PASSWORD);
    check_failure(cppserver_tls_context_add_certificate(context, chain.bytes, chain.size, key.bytes, key.size, NULL),
                  CPPSERVER_TLS_FAILURE_PASSWORD);
    /* One file with both. */
    CHECK_OK(cppserver_tls_context_add_certificate_files(context, "certs/legacy/server.pem", "certs/legacy/server.pem",
                                                         "qwerty"));
    cppserver_tls_context_release(context);
}

typedef struct oracle {
    const char *password; /* NULL for none */
    int asked;
    counter destroyed;
} oracle;

static ptrdiff_t tell_password(void *user_data, char *buffer, size_t size)
{
    oracle *self = user_data;
    ++self->asked;
    if (self->password == NULL)
        return -1;
    CHECK(size >= 64);
    memcpy(buffer, self->password, strlen(self->password));
    return (ptrdiff_t)strlen(self->password);
}

static void oracle_destroy(void *user_data)
{
    counter_add(&((oracle *)user_data)->destroyed, 1);
}

static void passwords_are_asked_for(void)
{
    oracle knows = { .password = "qwerty" }, errs = { .password = "wrong" }, silent = { .password = NULL };
    counter_init(&knows.destroyed);
    counter_init(&errs.destroyed);
    counter_init(&silent.destroyed);
    cppserver_tls_context *context = cppserver_tls_context_create();
    const char *chain = "certs/server.pem", *key = "certs/encrypted-aes.key";
    CHECK_OK(cppserver_tls_context_set_password_callback(context, tell_password, &silent, oracle_destroy));
    check_failure(cppserver_tls_context_set_certificate_files(context, chain, key, NULL), CPPSERVER_TLS_FAILURE_PASSWORD);
    CHECK_NUMBER(silent.asked, 1);
    CHECK_NUMBER(counter_value(&silent.destroyed), 0);
    CHECK_OK(cppserver_tls_context_set_password_callback(context, tell_password, &errs, oracle_destroy));
    CHECK_NUMBER(counter_value(&silent.destroyed), 1);
    check_failure(cppserver_tls_context_set_certificate_files(context, chain, key, NULL), CPPSERVER_TLS_FAILURE_PASSWORD);
    CHECK_OK(cppserver_tls_context_set_password_callback(context, tell_password, &knows, oracle_destroy));
    CHECK_OK(cppserver_tls_context_set_certificate_files(context, chain, key, NULL));
    CHECK_NUMBER(knows.asked, 1);
    CHECK_OK(cppserver_tls_context_reload(context));
    CHECK_NUMBER(knows.asked, 2);
    /* A password at hand, and a key without one, ask nobody. */
    CHECK_OK(cppserver_tls_context_set_certificate_files(context, chain, key, "qwerty"));
    CHECK_OK(cppserver_tls_context_set_certificate_files(context, chain, "certs/server.key", NULL));
    CHECK_NUMBER(knows.asked, 2);
    CHECK_FAILS(cppserver_tls_context_set_password_callback(context, NULL, &silent, oracle_destroy),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&silent.destroyed), 2);
    CHECK_NUMBER(counter_value(&knows.destroyed), 0);
    cppserver_tls_context_release(cppserver_tls_context_retain(context));
    CHECK_NUMBER(counter_value(&knows.destroyed), 0);
    cppserver_tls_context_release(context);
    CHECK_NUMBER(counter_value(&knows.destroyed), 1);
    CHECK_NUMBER(counter_value(&errs.destroyed), 1);
}

/* ---- certificates by themselves ---- */

static void subjects_and_names_of_certificates(void)
{
    char text[64] = "before";
    size_t length = 0;
    file_data good = file_read("certs/server.der");
    CHECK_OK(cppserver_tls_certificate_subject(good.bytes, good.size, NULL, 0, &length));
    CHECK_NUMBER(length, strlen(SERVER_SUBJECT));
    CHECK_FAILS(cppserver_tls_certificate_subject(good.bytes, good.size, text, length, NULL),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_certificate_subject(good.bytes, good.size, NULL, 64, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_tls_certificate_subject(good.bytes, good.size, text, length + 1, NULL));
    CHECK_TEXT(text, SERVER_SUBJECT);
    CHECK_FAILS(cppserver_tls_certificate_subject("garbage", 7, text, sizeof text, &length),
                CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_FAILS(cppserver_tls_certificate_subject(NULL, 7, text, sizeof text, &length), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(cppserver_tls_certificate_is_for_name(good.bytes, good.size, "localhost"));
    CHECK(cppserver_tls_certificate_is_for_name(good.bytes, good.size, "127.0.0.1"));
    CHECK(cppserver_tls_certificate_is_for_name(good.bytes, good.size, "::1"));
    CHECK(!cppserver_tls_certificate_is_for_name(good.bytes, good.size, "other.example.com"));
    CHECK(!cppserver_tls_certificate_is_for_name(good.bytes, good.size, "127.0.0.2"));
    CHECK(!cppserver_tls_certificate_is_for_name(good.bytes, good.size, NULL));
    CHECK(!cppserver_tls_certificate_is_for_name(NULL, 7, "localhost"));
    CHECK(!cppserver_tls_certificate_is_for_name("garbage", 7, "localhost"));
}

static void servers_and_clients_need_what_they_need(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    cppserver_tls_context *context = cppserver_tls_context_create();
    host *server = tls_host_create(service, context);
    CHECK_FAILS(host_start(server), CPPSERVER_STATUS_TLS);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_TLS_FAILURE_SETTINGS);
    CHECK_JOURNAL(&server->journal, "destroy");
    /* A server that verifies its clients has to know by which authority. */
    CHECK_OK(cppserver_tls_context_set_certificate_files(context, "certs/server.pem", "certs/server.key", NULL));
    CHECK_OK(cppserver_tls_context_set_option(context, CPPSERVER_TLS_OPTION_VERIFY, CPPSERVER_TLS_VERIFY_PEER));
    CHECK_FAILS(host_start(server), CPPSERVER_STATUS_TLS);
    CHECK_OK(cppserver_tls_context_add_authority_file(context, "certs/ca.pem"));
    CHECK_OK(host_start(server));
    WAIT_FOR(&server->journal, "started");
    /* Nothing is older than itself. */
    CHECK_OK(cppserver_tls_context_set_option(context, CPPSERVER_TLS_OPTION_MAXIMUM_VERSION, CPPSERVER_TLS_VERSION_TLS12));
    CHECK_OK(cppserver_tls_context_set_option(context, CPPSERVER_TLS_OPTION_MINIMUM_VERSION, CPPSERVER_TLS_VERSION_TLS13));
    endpoint *client = tls_client_create(service, context, host_port(server));
    CHECK_FAILS(client_connect(client), CPPSERVER_STATUS_TLS);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_TLS_FAILURE_SETTINGS);
    CHECK_JOURNAL(client->journal, "destroy");
    service_finished(service);
    cppserver_tls_context_release(context);
    client_free(client);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(null_context),
        TEST(null_sessions_and_endpoints),
        TEST(arguments_are_checked),
        TEST(options_are_checked),
        TEST(files_that_are_no_good),
        TEST(passwords_open_keys),
        TEST(passwords_are_asked_for),
        TEST(subjects_and_names_of_certificates),
        TEST(servers_and_clients_need_what_they_need),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
