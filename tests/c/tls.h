/* What the tests of TLS share: contexts with the certificates of the folder certs, and files. */
#ifndef TEST_TLS_H
#define TEST_TLS_H

#include "peers.h"

/* Alerts of RFC 8446 section 6. The peer of the side that sends one gets 1000 more as the code of its error. */
enum {
    ALERT_CERTIFICATE_EXPIRED = 45,
    ALERT_UNKNOWN_CA = 48,
    ALERT_CERTIFICATE_REQUIRED = 116,
    ALERT_NO_APPLICATION_PROTOCOL = 120,
    FROM_PEER = 1000
};

/* The subjects of the certificates. */
#define OWNER ",O=Test certificates\\, published"
#define SERVER_SUBJECT "CN=server.example.com" OWNER
#define OTHER_SUBJECT "CN=other.example.com" OWNER
#define CLIENT_SUBJECT "CN=client.example.com" OWNER

/* ---- files ---- */

typedef struct file_data {
    char bytes[65536];
    size_t size;
} file_data;

static inline file_data file_read(const char *name)
{
    file_data data = { { 0 }, 0 };
    FILE *file = fopen(name, "rb");
    if (CHECK(file != NULL)) {
        data.size = fread(data.bytes, 1, sizeof data.bytes - 1, file);
        fclose(file);
    }
    return data;
}

static inline void file_write(const char *name, const file_data *data)
{
    FILE *file = fopen(name, "wb");
    if (CHECK(file != NULL)) {
        CHECK_NUMBER(fwrite(data->bytes, 1, data->size, file), data->size);
        fclose(file);
    }
}

static inline void file_copy(const char *from, const char *to)
{
    file_data data = file_read(from);
    file_write(to, &data);
}

/* The name of a file that the test removes again. */
static inline void file_temporary(char *name, size_t size, const char *kind)
{
    const char *const variables[] = { "TMPDIR", "TEMP", "TMP" };
    const char *folder = NULL;
    for (size_t index = 0; folder == NULL && index < sizeof variables / sizeof *variables; ++index)
        folder = getenv(variables[index]);
    snprintf(name, size, "%s/cppserver-%llu-%p-%s", folder == NULL ? "/tmp" : folder,
             (unsigned long long)platform_now(), (void *)name, kind);
}

/* ---- contexts ---- */

static inline cppserver_tls_context *context_with(const char *chain, const char *key)
{
    cppserver_tls_context *context = cppserver_tls_context_create();
    CHECK(context != NULL);
    CHECK_OK(cppserver_tls_context_set_certificate_files(context, chain, key, NULL));
    return context;
}

/* A server whose certificate is good for 127.0.0.1. */
static inline cppserver_tls_context *server_context(void)
{
    return context_with("certs/server.pem", "certs/server.key");
}

/* A client that trusts the authority of the good certificates. */
static inline cppserver_tls_context *client_context(void)
{
    cppserver_tls_context *context = cppserver_tls_context_create();
    CHECK(context != NULL);
    CHECK_OK(cppserver_tls_context_add_authority_file(context, "certs/ca.pem"));
    return context;
}

/* ---- endpoints ---- */

static inline endpoint *tls_client_create(cppserver_service *service, cppserver_tls_context *context, uint16_t port)
{
    return client_of(cppserver_client_create_tls(service, context, "127.0.0.1", port));
}

static inline endpoint *tls_client_handshaked(cppserver_service *service, cppserver_tls_context *context, uint16_t port)
{
    endpoint *self = tls_client_create(service, context, port);
    CHECK_OK(client_connect(self));
    WAIT_FOR(self->journal, "handshaked");
    return self;
}

static inline host *tls_host_create(cppserver_service *service, cppserver_tls_context *context)
{
    return host_of(service, cppserver_server_create_tls(service, context, "127.0.0.1", 0));
}

/* An echo server that runs. */
static inline host *tls_host_started(cppserver_service *service, cppserver_tls_context *context)
{
    host *self = tls_host_create(service, context);
    self->echo = true;
    CHECK_OK(host_start(self));
    WAIT_FOR(&self->journal, "started");
    return self;
}

/* Whether a text about an encrypted session is this. */
static inline void check_tls_text(cppserver_session *session, int32_t text, const char *expected)
{
    char buffer[256] = "before";
    size_t length = 0;
    CHECK_OK(cppserver_session_tls_text(session, text, buffer, sizeof buffer, &length));
    CHECK_TEXT(buffer, expected);
    CHECK_NUMBER(length, strlen(expected));
}

#endif
