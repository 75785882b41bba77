/* Scalability protocols through libnanomsg; sp.h tells what it does. */
#include "sp.h"

#include <errno.h>
#include <nanomsg/nn.h>
#include <nanomsg/pipeline.h>
#include <nanomsg/pubsub.h>
#include <nanomsg/reqrep.h>
#include <nanomsg/survey.h>
#include <sys/epoll.h>

/* From this size on a message is received where the library has it, and not copied. */
enum { LARGE = 1024 };

static int beginning;
static int *answering;
static struct receiver *receivers;

static void check_result(int result) {
    if (result < 0)
        fail(nn_strerror(nn_errno()));
}

static int open_socket(int request, int push, int publish, int survey) {
    int protocol = is("request") ? request : is("push") ? push : is("publish") ? publish : survey;
    int opened = nn_socket(AF_SP, protocol);
    check_result(opened);
    return opened;
}

static void library_listen(void) {
    beginning = open_socket(NN_REQ, NN_PUSH, NN_PUB, NN_SURVEYOR);
    check_result(nn_bind(beginning, load.address));
}

static void library_dial(void) {
    answering = calloc((size_t)load.sockets, sizeof *answering);
    receivers = calloc((size_t)load.sockets, sizeof *receivers);
    for (int index = 0; index < load.sockets; ++index) {
        answering[index] = open_socket(NN_REP, NN_PULL, NN_SUB, NN_RESPONDENT);
        if (is("publish"))
            check_result(nn_setsockopt(answering[index], NN_SUB, NN_SUB_SUBSCRIBE, "", 0));
        check_result(nn_connect(answering[index], load.address));
    }
}

static void library_send(const void *data, size_t size) { check_result(nn_send(beginning, data, size, 0)); }

/* Negative when there is nothing. */
static int receive(int from, const void **data, int flags) {
    static unsigned char small[MOST];
    static void *large;
    if (load.size < LARGE) {
        *data = small;
        return nn_recv(from, small, sizeof small, flags);
    }
    if (large != NULL)
        nn_freemsg(large);
    large = NULL;
    int size = nn_recv(from, &large, NN_MSG, flags);
    *data = large;
    return size;
}

static const void *library_receive(size_t *size) {
    const void *data;
    int count = receive(beginning, &data, 0);
    check_result(count);
    *size = (size_t)count;
    return data;
}

/* False when there is nothing. */
static bool answer(int index, int flags) {
    const void *data;
    int size = receive(answering[index], &data, flags);
    if (size < 0 && nn_errno() == EAGAIN)
        return false;
    check_result(size);
    if (arrived(&receivers[index], data, (size_t)size))
        check_result(nn_send(answering[index], data, (size_t)size, 0));
    return true;
}

static void serve_one(void) {
    for (;;)
        answer(0, 0);
}

static void serve_many(void) {
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (int index = 0; index < load.sockets; ++index) {
        struct epoll_event event = {.events = EPOLLIN, .data.u32 = (uint32_t)index};
        int descriptor;
        size_t size = sizeof descriptor;
        check_result(nn_getsockopt(answering[index], NN_SOL_SOCKET, NN_RCVFD, &descriptor, &size));
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) != 0)
            fail("a socket cannot be waited for");
    }
    for (;;) {
        int count = epoll_wait(epoll, events, sizeof events / sizeof *events, -1);
        for (int event = 0; event < count; ++event)
            while (answer((int)events[event].data.u32, NN_DONTWAIT))
                continue;
    }
}

static void library_answer(void) { start_thread(load.sockets == 1 ? serve_one : serve_many); }
