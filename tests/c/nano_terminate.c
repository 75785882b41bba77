/* The end of all sockets of scalability protocols, which is for good: a program of its own. */
#include "nano.h"

static void receive(void *argument)
{
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    CHECK_REFUSED(cppserver_sp_socket_receive(argument, message, -1), CPPSERVER_STATUS_NOT_CONNECTED, CPPSERVER_SP_FAILURE_TERMINATED);
    cppserver_sp_message_release(message);
}

static void everything_ends(void)
{
    platform_thread thread;
    cppserver_sp_socket *blocked = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
    listener *told = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PUSH));
    nano_listen(blocked, "inproc://c-terminate");
    nano_dial(told->socket, "inproc://c-terminate");
    platform_thread_start(&thread, receive, blocked);
    cppserver_sp_terminate();
    platform_thread_join(&thread);
    CHECK(cppserver_sp_socket_is_closed(blocked) && cppserver_sp_socket_is_closed(told->socket));
    CHECK_REFUSED(cppserver_sp_socket_send(told->socket, "x", 1, -1), CPPSERVER_STATUS_NOT_CONNECTED, CPPSERVER_SP_FAILURE_TERMINATED);
    CHECK_REFUSED(cppserver_sp_socket_close(blocked), CPPSERVER_STATUS_NOT_CONNECTED, CPPSERVER_SP_FAILURE_TERMINATED);
    CHECK(cppserver_sp_socket_create(CPPSERVER_SP_PROTOCOL_PAIR, false) == NULL);
    CHECK_FAILURE(CPPSERVER_SP_FAILURE_TERMINATED);
    /* Again is no harm. */
    cppserver_sp_terminate();
    cppserver_sp_socket_release(blocked);
    listener_free(told);
}

int main(int count, char **arguments)
{
    const test_case cases[] = { TEST(everything_ends) };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
