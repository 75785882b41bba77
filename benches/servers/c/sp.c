/* Scalability protocols through the C header, with blocking calls or with callbacks; ../../peers/c/sp.h tells
 * what it does. */
#define CALLBACKS
#include "../../peers/c/sp.h"

#include <cppserver.h>

static cppserver_sp_socket *beginning;
static cppserver_sp_socket **answering;
static struct receiver *receivers;

static void check_status(int32_t status) {
    if (status != CPPSERVER_STATUS_OK)
        fail(cppserver_last_error_message());
}

static cppserver_sp_socket *open_socket(int32_t request, int32_t push, int32_t publish, int32_t survey) {
    int32_t protocol = is("request") ? request : is("push") ? push : is("publish") ? publish : survey;
    cppserver_sp_socket *opened = cppserver_sp_socket_create(protocol, false);
    check_status(opened == NULL ? CPPSERVER_STATUS_INVALID_ARGUMENT : CPPSERVER_STATUS_OK);
    return opened;
}

static void connected(const cppserver_sp_endpoint *endpoint) {
    if (endpoint == NULL)
        fail(cppserver_last_error_message());
}

static void on_answered(void *user_data, cppserver_sp_socket *socket, cppserver_sp_message *received) {
    (void)user_data;
    (void)socket;
    on_answer(cppserver_sp_message_data(received), cppserver_sp_message_size(received));
}

static void library_push(void) {
    do {
        if (cppserver_sp_socket_send(beginning, message, message_size, 0) != CPPSERVER_STATUS_OK) {
            if (cppserver_last_error_code() != CPPSERVER_SP_FAILURE_WOULD_BLOCK)
                fail(cppserver_last_error_message());
            return;
        }
    } while (pushed());
}

static void on_writable(void *user_data, cppserver_sp_socket *socket) {
    (void)user_data;
    (void)socket;
    library_push();
}

static void library_listen(void) {
    beginning = open_socket(CPPSERVER_SP_PROTOCOL_REQUEST, CPPSERVER_SP_PROTOCOL_PUSH, CPPSERVER_SP_PROTOCOL_PUBLISHER,
                            CPPSERVER_SP_PROTOCOL_SURVEYOR);
    const cppserver_sp_handler handler = {
        .size = sizeof handler,
        .on_received = on_answered,
        .on_writable = on_writable,
    };
    if (load.callbacks)
        check_status(cppserver_sp_socket_set_handler(beginning, &handler, NULL));
    connected(cppserver_sp_socket_listen(beginning, load.address));
}

static void library_send(const void *data, size_t size) {
    check_status(cppserver_sp_socket_send(beginning, data, size, -1));
}

static void library_ask(void) { library_send(message, message_size); }

static const void *library_receive(size_t *size) {
    static cppserver_sp_message *received;
    if (received == NULL)
        received = cppserver_sp_message_create(NULL, 0);
    check_status(cppserver_sp_socket_receive(beginning, received, -1));
    *size = cppserver_sp_message_size(received);
    return cppserver_sp_message_data(received);
}

static void answer(struct receiver *receiver, cppserver_sp_socket *socket, const cppserver_sp_message *received) {
    if (arrived(receiver, cppserver_sp_message_data(received), cppserver_sp_message_size(received)))
        check_status(cppserver_sp_socket_send_message(socket, received, -1));
}

static void on_received(void *receiver, cppserver_sp_socket *socket, cppserver_sp_message *received) {
    answer(receiver, socket, received);
}

static void library_dial(void) {
    answering = calloc((size_t)load.sockets, sizeof *answering);
    receivers = calloc((size_t)load.sockets, sizeof *receivers);
    for (int index = 0; index < load.sockets; ++index) {
        answering[index] = open_socket(CPPSERVER_SP_PROTOCOL_REPLY, CPPSERVER_SP_PROTOCOL_PULL,
                                       CPPSERVER_SP_PROTOCOL_SUBSCRIBER, CPPSERVER_SP_PROTOCOL_RESPONDENT);
        if (is("publish"))
            check_status(cppserver_sp_socket_subscribe(answering[index], NULL, 0));
        connected(cppserver_sp_socket_dial(answering[index], load.address));
    }
}

static void serve_one(void) {
    cppserver_sp_message *received = cppserver_sp_message_create(NULL, 0);
    for (;;) {
        check_status(cppserver_sp_socket_receive(*answering, received, -1));
        answer(receivers, *answering, received);
    }
}

static void library_answer(void) {
    const cppserver_sp_handler handler = {.size = sizeof handler, .on_received = on_received};
    if (!load.callbacks && load.sockets == 1) {
        start_thread(serve_one);
        return;
    }
    for (int index = 0; index < load.sockets; ++index)
        check_status(cppserver_sp_socket_set_handler(answering[index], &handler, &receivers[index]));
}
