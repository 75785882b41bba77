/* Echo or multicast of messages through the C header: ws echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints
 * "port N"; ends when standard input does. */
#include <cppserver.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool multicast;
static cppserver_server *server;

static void report(int32_t status) {
    if (status != CPPSERVER_STATUS_OK)
        fprintf(stderr, "%s\n", cppserver_last_error_message());
}

static void check(int32_t status) {
    report(status);
    if (status != CPPSERVER_STATUS_OK)
        exit(1);
}

static size_t on_received(void *session, int32_t kind, const void *data, size_t size) {
    if (multicast)
        report(cppserver_server_multicast_message(server, kind, data, size));
    else
        report(cppserver_session_send_message(session, kind, data, size, NULL));
    return size;
}

static void on_destroy(void *session) { cppserver_session_release(session); }

static bool on_session(void *user_data, cppserver_session *session, cppserver_session_handler *handler,
                       void **session_user_data) {
    (void)user_data;
    handler->on_received = on_received;
    handler->destroy = on_destroy;
    *session_user_data = cppserver_session_retain(session);
    return true;
}

static cppserver_server *create(cppserver_service *service, int count, char **arguments) {
    if (count != 5 || strcmp(arguments[2], "--tls") != 0)
        return cppserver_server_create_ws(service, "127.0.0.1", 0);
    cppserver_tls_context *context = cppserver_tls_context_create();
    check(cppserver_tls_context_set_certificate_files(context, arguments[3], arguments[4], NULL));
    cppserver_server *created = cppserver_server_create_wss(service, context, "127.0.0.1", 0);
    cppserver_tls_context_release(context);
    return created;
}

int main(int count, char **arguments) {
    multicast = count > 1 && strcmp(arguments[1], "multicast") == 0;
    bool deflate = count > 1 && strcmp(arguments[1], "deflate") == 0;
    cppserver_server_handler handler = {.size = sizeof handler, .on_session = on_session};
    cppserver_service *service = cppserver_service_create(1);
    check(cppserver_service_start(service, false, NULL, NULL));
    server = create(service, count, arguments);
    check(cppserver_server_set_option(server, CPPSERVER_OPTION_DEFLATE, deflate));
    check(cppserver_server_start(server, &handler, NULL));
    printf("port %d\n", cppserver_server_port(server));
    fflush(stdout);

    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    check(cppserver_service_stop(service));
    cppserver_server_release(server);
    cppserver_service_release(service);
    return 0;
}
