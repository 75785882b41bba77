/*
 * The smallest server: every client gets back what it sends.
 *
 *     cc -std=c11 tcp_echo_server.c -o tcp_echo_server $(pkg-config --cflags --libs cppserver)
 *     ./tcp_echo_server [port]              port 7777 without an argument
 *     nc 127.0.0.1 7777                     in another terminal
 *
 * An empty line or the end of the input stops it.
 */
#include <cppserver.h>

#include <stdio.h>
#include <stdlib.h>

/* user_data of a session is the session itself: that is all an echo needs. */
static size_t on_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    (void)kind;
    /* Never blocks: the bytes are copied and leave after this callback. */
    if (cppserver_session_send(user_data, data, size, NULL) != CPPSERVER_STATUS_OK)
        printf("Not sent: %s\n", cppserver_last_error_message());
    return size;
}

static void destroy_session(void *user_data)
{
    cppserver_session_release(user_data);
}

static bool on_session(void *user_data, cppserver_session *session, cppserver_session_handler *handler,
                       void **session_user_data)
{
    (void)user_data;
    handler->on_received = on_received;
    handler->destroy = destroy_session;
    /* The session is lent; this reference is given back in destroy_session. */
    *session_user_data = cppserver_session_retain(session);
    return true;
}

int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 7777;

    cppserver_service *service = cppserver_service_create(1);
    cppserver_server *server = cppserver_server_create_tcp(service, "0.0.0.0", (uint16_t)port);
    const cppserver_server_handler handler = { .size = sizeof handler, .on_session = on_session };

    if (cppserver_service_start(service, false, NULL, NULL) != CPPSERVER_STATUS_OK ||
        cppserver_server_start(server, &handler, NULL) != CPPSERVER_STATUS_OK) {
        fprintf(stderr, "The server does not start: %s\n", cppserver_last_error_message());
        return EXIT_FAILURE;
    }
    printf("TCP server port: %d\nPress Enter to stop the server...\n", (int)cppserver_server_port(server));
    fflush(stdout);

    (void)getchar();

    /* Ends the server and all sessions, and waits for their last callbacks. */
    cppserver_service_stop(service);
    cppserver_server_release(server);
    cppserver_service_release(service);
    return EXIT_SUCCESS;
}
