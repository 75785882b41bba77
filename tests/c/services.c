/* Start, stop and restart of a service; posted work; the handler's calls, their order and their end. */
#include "peers.h"

typedef struct watcher watcher;
typedef void (*watcher_hook)(watcher *self);

/* The user_data of a service's handler. */
struct watcher {
    journal journal;
    cppserver_service *service;
    watcher_hook in_started, in_idle;
    counter initialized, cleaned, idle;
};

static void watch_thread_initialize(void *user_data)
{
    counter_add(&((watcher *)user_data)->initialized, 1);
    journal_add(&((watcher *)user_data)->journal, "initialize");
}

static void watch_thread_cleanup(void *user_data)
{
    counter_add(&((watcher *)user_data)->cleaned, 1);
    journal_add(&((watcher *)user_data)->journal, "cleanup");
}

static void watch_started(void *user_data)
{
    watcher *self = user_data;
    journal_add(&self->journal, "started");
    if (self->in_started != NULL)
        self->in_started(self);
}

static void watch_stopped(void *user_data)
{
    journal_add(&((watcher *)user_data)->journal, "stopped");
}

static void watch_idle(void *user_data)
{
    watcher *self = user_data;
    if (self->in_idle != NULL && counter_value(&self->idle) == 0)
        self->in_idle(self);
    counter_add(&self->idle, 1);
}

static void watch_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)code;
    journal_add(&((watcher *)user_data)->journal, "error %s %s", category, message);
}

static void watch_destroy(void *user_data)
{
    journal_add(&((watcher *)user_data)->journal, "destroy");
}

static cppserver_service_handler watch_handler(void)
{
    cppserver_service_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_thread_initialize = watch_thread_initialize;
    handler.on_thread_cleanup = watch_thread_cleanup;
    handler.on_started = watch_started;
    handler.on_stopped = watch_stopped;
    handler.on_idle = watch_idle;
    handler.on_error = watch_error;
    handler.destroy = watch_destroy;
    return handler;
}

static watcher *watch(cppserver_service *service)
{
    watcher *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    journal_init(&self->journal);
    counter_init(&self->initialized);
    counter_init(&self->cleaned);
    counter_init(&self->idle);
    self->service = service;
    return self;
}

static void starts_and_stops_in_order(void)
{
    cppserver_service *service = cppserver_service_create(0);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    CHECK_NUMBER(cppserver_service_threads(service), 1);
    CHECK(!cppserver_service_is_started(service));
    CHECK_FAILS(cppserver_service_stop(service), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_service_restart(service), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    WAIT_FOR(&watcher->journal, "started");
    CHECK(cppserver_service_is_started(service));
    CHECK_OK(cppserver_service_stop(service));
    CHECK(!cppserver_service_is_started(service));
    /* All of it is done when stop returns on a thread of the program. */
    CHECK_JOURNAL(&watcher->journal, "initialize, started, stopped, cleanup, destroy");
    CHECK_FAILS(cppserver_service_stop(service), CPPSERVER_STATUS_INVALID_STATE);
    cppserver_service_release(service);
    free(watcher);
}

static void a_second_start_fails_and_destroys_its_own(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler(), second = { 0 };
    second.size = sizeof second;
    second.destroy = count_destroy;
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    CHECK_FAILS(cppserver_service_start(service, false, &second, &destroyed), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    WAIT_FOR(&watcher->journal, "started");
    CHECK_NUMBER(journal_count(&watcher->journal, "destroy"), 0);
    CHECK_OK(cppserver_service_stop(service));
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_NUMBER(journal_count(&watcher->journal, "destroy"), 1);
    cppserver_service_release(service);
    free(watcher);
}

static void can_be_started_again(void)
{
    cppserver_service *service = cppserver_service_create(1);
    for (int round = 0; round < 3; ++round) {
        watcher *watcher = watch(service);
        cppserver_service_handler handler = watch_handler();
        CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
        CHECK_OK(cppserver_service_stop(service));
        CHECK_JOURNAL(&watcher->journal, "initialize, started, stopped, cleanup, destroy");
        free(watcher);
    }
    cppserver_service_release(service);
}

static void restart_keeps_the_handler(void)
{
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    CHECK_OK(cppserver_service_restart(service));
    CHECK(journal_has(&watcher->journal, "started", 2));
    CHECK(cppserver_service_is_started(service));
    CHECK_OK(cppserver_service_stop(service));
    CHECK_NUMBER(journal_count(&watcher->journal, "started"), 2);
    CHECK_NUMBER(journal_count(&watcher->journal, "stopped"), 2);
    CHECK_NUMBER(journal_count(&watcher->journal, "destroy"), 1);
    CHECK_NUMBER(counter_value(&watcher->initialized), 2);
    CHECK_NUMBER(counter_value(&watcher->cleaned), 2);
    cppserver_service_release(service);
    free(watcher);
}

static void each_thread_is_prepared(void)
{
    cppserver_service *service = cppserver_service_create(3);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    CHECK_NUMBER(cppserver_service_threads(service), 3);
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    CHECK(counter_reaches(&watcher->initialized, 3));
    CHECK_OK(cppserver_service_stop(service));
    CHECK_NUMBER(counter_value(&watcher->initialized), 3);
    CHECK_NUMBER(counter_value(&watcher->cleaned), 3);
    CHECK_NUMBER(journal_count(&watcher->journal, "started"), 1);
    CHECK_NUMBER(journal_count(&watcher->journal, "stopped"), 1);
    CHECK_NUMBER(journal_count(&watcher->journal, "destroy"), 1);
    cppserver_service_release(service);
    free(watcher);
}

static void polling_calls_on_idle(void)
{
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    CHECK_OK(cppserver_service_start(service, true, &handler, watcher));
    CHECK(counter_reaches(&watcher->idle, 100));
    CHECK_OK(cppserver_service_restart(service));
    long before = counter_value(&watcher->idle);
    CHECK(counter_reaches(&watcher->idle, before + 100));
    CHECK_OK(cppserver_service_stop(service));
    CHECK_NUMBER(journal_count(&watcher->journal, "destroy"), 1);
    cppserver_service_release(service);
    free(watcher);
}

/* A handler of a program that knows fewer members than the library. */
static void a_smaller_handler_is_enough(void)
{
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    handler.size = offsetof(cppserver_service_handler, on_stopped);
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    WAIT_FOR(&watcher->journal, "started");
    CHECK_OK(cppserver_service_stop(service));
    CHECK_JOURNAL(&watcher->journal, "initialize, started, cleanup");
    cppserver_service_release(service);
    free(watcher);
}

/* A handler of a program that knows more members than the library. */
static void a_larger_handler_is_cut(void)
{
    struct {
        cppserver_service_handler known;
        void (*unknown[4])(void *user_data);
    } larger = { watch_handler(), { watch_destroy, watch_destroy, watch_destroy, watch_destroy } };
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    larger.known.size = sizeof larger;
    CHECK_OK(cppserver_service_start(service, false, &larger.known, watcher));
    /* The handler was copied. */
    memset(&larger, 0xff, sizeof larger);
    WAIT_FOR(&watcher->journal, "started");
    CHECK_OK(cppserver_service_stop(service));
    CHECK_JOURNAL(&watcher->journal, "initialize, started, stopped, cleanup, destroy");
    cppserver_service_release(service);
    free(watcher);
}

static void stop_in_started(watcher *self)
{
    CHECK(cppserver_service_is_loop_thread(self->service));
    CHECK_OK(cppserver_service_stop(self->service));
    journal_add(&self->journal, "asked");
}

static void a_callback_may_stop(void)
{
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    watcher->in_started = stop_in_started;
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    WAIT_FOR(&watcher->journal, "destroy");
    CHECK_JOURNAL(&watcher->journal, "initialize, started, asked, stopped, cleanup, destroy");
    cppserver_service_release(service);
    free(watcher);
}

static void restart_once(watcher *self)
{
    if (journal_count(&self->journal, "started") == 1)
        CHECK_OK(cppserver_service_restart(self->service));
    else
        CHECK_OK(cppserver_service_stop(self->service));
}

static void a_callback_may_restart(void)
{
    cppserver_service *service = cppserver_service_create(2);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    watcher->in_started = restart_once;
    CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
    WAIT_FOR(&watcher->journal, "destroy");
    CHECK_NUMBER(journal_count(&watcher->journal, "started"), 2);
    CHECK_NUMBER(journal_count(&watcher->journal, "stopped"), 2);
    CHECK_NUMBER(counter_value(&watcher->initialized), 4);
    CHECK_NUMBER(counter_value(&watcher->cleaned), 4);
    cppserver_service_release(service);
    free(watcher);
}

static void stop_in_idle(watcher *self)
{
    CHECK_OK(cppserver_service_stop(self->service));
}

static void on_idle_may_stop(void)
{
    cppserver_service *service = cppserver_service_create(1);
    watcher *watcher = watch(service);
    cppserver_service_handler handler = watch_handler();
    watcher->in_idle = stop_in_idle;
    CHECK_OK(cppserver_service_start(service, true, &handler, watcher));
    WAIT_FOR(&watcher->journal, "destroy");
    cppserver_service_release(service);
    free(watcher);
}

static void stop_from_thread(void *service)
{
    int32_t status = cppserver_service_stop(service);
    CHECK(status == CPPSERVER_STATUS_OK || status == CPPSERVER_STATUS_INVALID_STATE);
    /* Whoever asked, it is over for all of them. */
    CHECK(!cppserver_service_is_started(service));
}

static void many_threads_may_stop(void)
{
    for (int round = 0; round < 20; ++round) {
        platform_thread threads[4];
        cppserver_service *service = cppserver_service_create(2);
        watcher *watcher = watch(service);
        cppserver_service_handler handler = watch_handler();
        CHECK_OK(cppserver_service_start(service, false, &handler, watcher));
        for (int number = 0; number < 4; ++number)
            platform_thread_start(&threads[number], stop_from_thread, service);
        for (int number = 0; number < 4; ++number)
            platform_thread_join(&threads[number]);
        CHECK_NUMBER(journal_count(&watcher->journal, "stopped"), 1);
        CHECK_NUMBER(journal_count(&watcher->journal, "destroy"), 1);
        cppserver_service_release(service);
        free(watcher);
    }
}

static void handles_are_counted(void)
{
    cppserver_service *service = cppserver_service_create(1);
    cppserver_service *second = cppserver_service_retain(service);
    CHECK(second == service);
    cppserver_service_release(service);
    CHECK_OK(cppserver_service_start(second, false, NULL, NULL));
    service_finished(second);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(starts_and_stops_in_order),   TEST(a_second_start_fails_and_destroys_its_own),
        TEST(can_be_started_again),        TEST(restart_keeps_the_handler),
        TEST(each_thread_is_prepared),     TEST(polling_calls_on_idle),
        TEST(a_smaller_handler_is_enough), TEST(a_larger_handler_is_cut),
        TEST(a_callback_may_stop),         TEST(a_callback_may_restart),
        TEST(on_idle_may_stop),            TEST(many_threads_may_stop),
        TEST(handles_are_counted),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
