/* Scalability protocols through libnng, with its blocking calls or with asynchronous ones; sp.h tells what it
 * does. */
#define CALLBACKS
#include "sp.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>

/* Its buffers count messages, and by default hold fewer than two windows. */
enum { BUFFERED = 8192 };

struct answering {
    struct receiver receiver;
    nng_socket socket;
    nng_aio *operation;
    bool sends;
};

static nng_socket beginning;
static nng_aio *sending;
static nng_aio *receiving;
static struct answering *answering;

static void check_result(int result) {
    if (result != 0)
        fail(nng_strerror(result));
}

static void on_asked(void *unused) {
    (void)unused;
    check_result(nng_aio_result(sending));
    if (asks())
        nng_recv_aio(beginning, receiving);
    else if (pushed())
        library_ask();
}

static void on_received(void *unused) {
    (void)unused;
    check_result(nng_aio_result(receiving));
    nng_msg *received = nng_aio_get_msg(receiving);
    enum next next = answered(nng_msg_body(received), nng_msg_len(received));
    nng_msg_free(received);
    if (next == WAIT)
        nng_recv_aio(beginning, receiving);
    else if (next == ASK)
        library_ask();
    else
        sem_post(&finished);
}

static void library_listen(void) {
    check_result(is("request")   ? nng_req0_open(&beginning)
                 : is("push")    ? nng_push0_open(&beginning)
                 : is("publish") ? nng_pub0_open(&beginning)
                                 : nng_surveyor0_open(&beginning));
    if (is("publish"))
        check_result(nng_socket_set_int(beginning, NNG_OPT_SENDBUF, BUFFERED));
    check_result(nng_aio_alloc(&sending, on_asked, NULL));
    check_result(nng_aio_alloc(&receiving, on_received, NULL));
    check_result(nng_listen(beginning, load.address, NULL, 0));
}

static nng_msg *make(const void *data, size_t size) {
    nng_msg *made;
    check_result(nng_msg_alloc(&made, size));
    memcpy(nng_msg_body(made), data, size);
    return made;
}

static void library_send(const void *data, size_t size) {
    check_result(nng_sendmsg(beginning, make(data, size), 0));
}

static const void *library_receive(size_t *size) {
    static nng_msg *received;
    if (received != NULL)
        nng_msg_free(received);
    check_result(nng_recvmsg(beginning, &received, 0));
    *size = nng_msg_len(received);
    return nng_msg_body(received);
}

static void library_ask(void) {
    nng_aio_set_msg(sending, make(message, message_size));
    nng_send_aio(beginning, sending);
}

static void library_push(void) { library_ask(); }

static void library_dial(void) {
    answering = calloc((size_t)load.sockets, sizeof *answering);
    for (int index = 0; index < load.sockets; ++index) {
        nng_socket *opened = &answering[index].socket;
        check_result(is("request")   ? nng_rep0_open(opened)
                     : is("push")    ? nng_pull0_open(opened)
                     : is("publish") ? nng_sub0_open(opened)
                                     : nng_respondent0_open(opened));
        if (is("publish")) {
            check_result(nng_socket_set(*opened, NNG_OPT_SUB_SUBSCRIBE, "", 0));
            check_result(nng_socket_set_int(*opened, NNG_OPT_RECVBUF, BUFFERED));
        }
        check_result(nng_dial(*opened, load.address, NULL, NNG_FLAG_NONBLOCK));
    }
}

/* A message was sent or received; the other thing follows. */
static void on_done(void *pointer) {
    struct answering *own = pointer;
    check_result(nng_aio_result(own->operation));
    if (!own->sends) {
        nng_msg *received = nng_aio_get_msg(own->operation);
        own->sends = arrived(&own->receiver, nng_msg_body(received), nng_msg_len(received));
        if (own->sends) {
            nng_aio_set_msg(own->operation, received);
            nng_send_aio(own->socket, own->operation);
            return;
        }
        nng_msg_free(received);
    }
    own->sends = false;
    nng_recv_aio(own->socket, own->operation);
}

static void serve_one(void) {
    for (;;) {
        nng_msg *received;
        check_result(nng_recvmsg(answering->socket, &received, 0));
        if (arrived(&answering->receiver, nng_msg_body(received), nng_msg_len(received)))
            check_result(nng_sendmsg(answering->socket, received, 0));
        else
            nng_msg_free(received);
    }
}

static void library_answer(void) {
    if (!load.callbacks && load.sockets == 1) {
        start_thread(serve_one);
        return;
    }
    for (int index = 0; index < load.sockets; ++index) {
        struct answering *own = &answering[index];
        check_result(nng_aio_alloc(&own->operation, on_done, own));
        nng_recv_aio(own->socket, own->operation);
    }
}
