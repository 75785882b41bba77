/* The patterns that ZeroMQ has in common with the scalability protocols, through libzmq; sp.h tells what it
 * does. */
#include "sp.h"

#include <errno.h>
#include <sys/epoll.h>
#include <zmq.h>

static void *context;
static void *beginning;
static void **answering;
static struct receiver *receivers;

static void check_result(int result) {
    if (result < 0)
        fail(zmq_strerror(zmq_errno()));
}

static void *open_socket(int request, int push, int publish) {
    if (context == NULL)
        context = zmq_ctx_new();
    void *opened = zmq_socket(context, is("request") ? request : is("push") ? push : publish);
    if (opened == NULL)
        check_result(-1);
    return opened;
}

/* Its buffers count messages, and are told late that some were received: without a limit two windows always fit. */
static void set_unlimited(void *socket, int option) {
    const int none = 0;
    if (is("publish"))
        check_result(zmq_setsockopt(socket, option, &none, sizeof none));
}

static void library_listen(void) {
    beginning = open_socket(ZMQ_REQ, ZMQ_PUSH, ZMQ_PUB);
    set_unlimited(beginning, ZMQ_SNDHWM);
    check_result(zmq_bind(beginning, load.address));
}

static void library_dial(void) {
    answering = calloc((size_t)load.sockets, sizeof *answering);
    receivers = calloc((size_t)load.sockets, sizeof *receivers);
    for (int index = 0; index < load.sockets; ++index) {
        answering[index] = open_socket(ZMQ_REP, ZMQ_PULL, ZMQ_SUB);
        set_unlimited(answering[index], ZMQ_RCVHWM);
        if (is("publish"))
            check_result(zmq_setsockopt(answering[index], ZMQ_SUBSCRIBE, "", 0));
        check_result(zmq_connect(answering[index], load.address));
    }
}

static void library_send(const void *data, size_t size) { check_result(zmq_send(beginning, data, size, 0)); }

static const void *library_receive(size_t *size) {
    static zmq_msg_t received;
    static bool initialized;
    if (!initialized)
        zmq_msg_init(&received);
    initialized = true;
    check_result(zmq_msg_recv(&received, beginning, 0));
    *size = zmq_msg_size(&received);
    return zmq_msg_data(&received);
}

/* False when there is nothing. */
static bool answer(int index, zmq_msg_t *received, int flags) {
    if (zmq_msg_recv(received, answering[index], flags) < 0) {
        if (zmq_errno() == EAGAIN)
            return false;
        check_result(-1);
    }
    const void *data = zmq_msg_data(received);
    size_t size = zmq_msg_size(received);
    if (arrived(&receivers[index], data, size))
        check_result(zmq_send(answering[index], data, size, 0));
    return true;
}

/* Everything that there is. The descriptor tells of what comes later only when its events were asked for after that. */
static void answer_all(int index, zmq_msg_t *received) {
    int events;
    size_t size = sizeof events;
    do {
        while (answer(index, received, ZMQ_DONTWAIT))
            continue;
        check_result(zmq_getsockopt(answering[index], ZMQ_EVENTS, &events, &size));
    } while ((events & ZMQ_POLLIN) != 0);
}

static void serve_one(void) {
    zmq_msg_t received;
    zmq_msg_init(&received);
    for (;;)
        answer(0, &received, 0);
}

static void serve_many(void) {
    struct epoll_event events[64];
    zmq_msg_t received;
    zmq_msg_init(&received);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int index = 0; index < load.sockets; ++index) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
        int descriptor;
        size_t size = sizeof descriptor;
        check_result(zmq_getsockopt(answering[index], ZMQ_FD, &descriptor, &size));
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
            fail("a socket cannot be waited for");
        answer_all(index, &received);
    }
    for (;;) {
        int count = epoll_wait(epoll, events, sizeof events / sizeof *events, -1);
        for (int event = 0; event < count; ++event)
            answer_all((int)events[event].data.u32, &received);
    }
}

static void library_answer(void) { start_thread(load.sockets == 1 ? serve_one : serve_many); }
