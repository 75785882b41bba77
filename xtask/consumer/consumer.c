/* A user of the installed library: does it compile, link and run against what was installed? */
#include <cppserver.h>

#include <stdio.h>
#include <string.h>

static void on_tick(void *user_data)
{
    (void)user_data;
}

int main(void)
{
    char built[32];
    snprintf(built, sizeof built, "%d.%d.%d", CPPSERVER_VERSION_MAJOR, CPPSERVER_VERSION_MINOR,
             CPPSERVER_VERSION_PATCH);
    if (strcmp(built, cppserver_version()) != 0) {
        printf("compiled for %s, linked with %s\n", built, cppserver_version());
        return 1;
    }
    cppserver_service *service = cppserver_service_create(1);
    cppserver_server *server = cppserver_server_create_tcp(service, "127.0.0.1", 0);
    const cppserver_server_handler handler = { .size = sizeof handler };
    int good = cppserver_service_start(service, false, NULL, NULL) == CPPSERVER_STATUS_OK;
    good = good && cppserver_server_start(server, &handler, NULL) == CPPSERVER_STATUS_OK;
    good = good && cppserver_server_port(server) != 0;
    good = good && cppserver_service_post(service, on_tick, NULL, NULL) == CPPSERVER_STATUS_OK;
    good = good && cppserver_server_stop(server) == CPPSERVER_STATUS_OK;
    good = good && cppserver_service_stop(service) == CPPSERVER_STATUS_OK;
    if (!good)
        printf("failed: %s\n", cppserver_last_error_message());
    cppserver_server_release(server);
    cppserver_service_release(service);
    return good ? 0 : 1;
}
