/* Work for the loop: post, dispatch and timers, and the end of their user_data. */
#include "peers.h"

/* The user_data of a piece of work. */
typedef struct job {
    journal *journal;
    cppserver_service *service, *other;
    cppserver_timer *timer;
    struct job *nested;
    const char *name;
    counter called, destroyed;
    long cancel_at;
} job;

static job *job_create(cppserver_service *service, journal *journal, const char *name)
{
    job *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    self->journal = journal;
    self->service = service;
    self->name = name;
    counter_init(&self->called);
    counter_init(&self->destroyed);
    return self;
}

static void job_run(void *user_data)
{
    job *self = user_data;
    CHECK_NUMBER(counter_value(&self->destroyed), 0);
    journal_add(self->journal, "%s", self->name);
    counter_add(&self->called, 1);
}

static void job_destroy(void *user_data)
{
    job *self = user_data;
    journal_add(self->journal, "%s gone", self->name);
    counter_add(&self->destroyed, 1);
}

static void posts_run_in_order_on_the_loop(void)
{
    journal journal;
    journal_init(&journal);
    char names[100][8], expected[4096] = "";
    job *jobs[100];
    cppserver_service *service = service_started(1);
    for (int number = 0; number < 100; ++number) {
        snprintf(names[number], sizeof names[number], "%d", number);
        jobs[number] = job_create(service, &journal, names[number]);
        CHECK_OK(cppserver_service_post(service, job_run, jobs[number], job_destroy));
        char entry[64];
        snprintf(entry, sizeof entry, "%s%d, %d gone", number == 0 ? "" : ", ", number, number);
        strcat(expected, entry);
    }
    WAIT_FOR(&journal, "99 gone");
    CHECK_JOURNAL(&journal, expected);
    service_finished(service);
    for (int number = 0; number < 100; ++number)
        free(jobs[number]);
}

static void nest(void *user_data)
{
    job *self = user_data;
    CHECK(cppserver_service_is_loop_thread(self->service));
    CHECK(!cppserver_service_is_loop_thread(self->other));
    journal_add(self->journal, "begin");
    job *posted = job_create(self->service, self->journal, "posted");
    job *dispatched = job_create(self->service, self->journal, "dispatched");
    CHECK_OK(cppserver_service_post(self->service, job_run, posted, job_destroy));
    CHECK_OK(cppserver_service_dispatch(self->service, job_run, dispatched, job_destroy));
    journal_add(self->journal, "end");
    WAIT_FOR(self->journal, "dispatched gone");
    free(dispatched);
    self->nested = posted;
}

static void dispatch_runs_at_once_on_the_loop(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(1), *other = service_started(1);
    job *first = job_create(service, &journal, "first");
    first->other = other;
    CHECK(!cppserver_service_is_loop_thread(service));
    CHECK_OK(cppserver_service_dispatch(service, nest, first, job_destroy));
    WAIT_FOR(&journal, "posted gone");
    CHECK_JOURNAL(&journal, "begin, dispatched, dispatched gone, end, first gone, posted, posted gone");
    service_finished(service);
    service_finished(other);
    free(first->nested);
    free(first);
}

static void work_waits_for_the_start(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = cppserver_service_create(1);
    job *posted = job_create(service, &journal, "posted");
    job *timed = job_create(service, &journal, "timed");
    CHECK_OK(cppserver_service_post(service, job_run, posted, job_destroy));
    cppserver_timer *timer = cppserver_timer_create(service, 1, 0, job_run, timed, job_destroy);
    CHECK(timer != NULL);
    CHECK_NUMBER(counter_value(&posted->called), 0);
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    CHECK(counter_reaches(&posted->destroyed, 1));
    CHECK(counter_reaches(&timed->destroyed, 1));
    CHECK_NUMBER(counter_value(&posted->called), 1);
    CHECK_NUMBER(counter_value(&timed->called), 1);
    cppserver_timer_release(timer);
    service_finished(service);
    free(posted);
    free(timed);
}

static void posts_that_never_run_are_destroyed(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = cppserver_service_create(1);
    job *posted = job_create(service, &journal, "posted");
    CHECK_OK(cppserver_service_post(service, job_run, posted, job_destroy));
    cppserver_service_release(service);
    CHECK_JOURNAL(&journal, "posted gone");
    free(posted);
}

static void timers_that_never_run_are_destroyed(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = cppserver_service_create(1);
    job *timed = job_create(service, &journal, "timed");
    cppserver_timer_release(cppserver_timer_create(service, 1, 1, job_run, timed, job_destroy));
    cppserver_service_release(service);
    CHECK_JOURNAL(&journal, "timed gone");
    free(timed);
}

static void destroy_may_be_null(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(1);
    job *posted = job_create(service, &journal, "posted");
    CHECK_OK(cppserver_service_post(service, job_run, posted, NULL));
    CHECK(counter_reaches(&posted->called, 1));
    cppserver_timer *timer = cppserver_timer_create(service, 0, 0, job_run, posted, NULL);
    CHECK(counter_reaches(&posted->called, 2));
    cppserver_timer_release(timer);
    service_finished(service);
    free(posted);
}

static void a_timer_fires_once(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(1);
    job *later = job_create(service, &journal, "later"), *sooner = job_create(service, &journal, "sooner");
    cppserver_timer *slow = cppserver_timer_create(service, 60, 0, job_run, later, job_destroy);
    cppserver_timer *fast = cppserver_timer_create(service, 5, 0, job_run, sooner, job_destroy);
    CHECK(cppserver_timer_retain(slow) == slow);
    WAIT_FOR(&journal, "later gone");
    CHECK_JOURNAL(&journal, "sooner, sooner gone, later, later gone");
    CHECK(!cppserver_timer_cancel(slow));
    CHECK(!cppserver_timer_cancel(fast));
    cppserver_timer_release(slow);
    cppserver_timer_release(slow);
    cppserver_timer_release(fast);
    service_finished(service);
    CHECK_NUMBER(counter_value(&later->called), 1);
    CHECK_NUMBER(counter_value(&later->destroyed), 1);
    free(later);
    free(sooner);
}

static void tick(void *user_data)
{
    job *self = user_data;
    long number = counter_add(&self->called, 1);
    if (number == self->cancel_at) {
        CHECK(cppserver_timer_cancel(self->timer));
        CHECK(!cppserver_timer_cancel(self->timer));
    }
}

static void make_ticker(void *user_data)
{
    job *self = user_data;
    self->timer = cppserver_timer_create(self->service, 1, 1, tick, self, job_destroy);
    CHECK(self->timer != NULL);
}

static void a_repeating_timer_ends_by_cancel(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(1);
    job *ticker = job_create(service, &journal, "ticker");
    ticker->cancel_at = 5;
    /* Made on the loop, so that the handle is known before the first tick. */
    CHECK_OK(cppserver_service_post(service, make_ticker, ticker, NULL));
    CHECK(counter_reaches(&ticker->destroyed, 1));
    service_finished(service);
    CHECK_NUMBER(counter_value(&ticker->called), 5);
    CHECK_NUMBER(counter_value(&ticker->destroyed), 1);
    CHECK(!cppserver_timer_cancel(ticker->timer));
    cppserver_timer_release(ticker->timer);
    free(ticker);
}

static void a_cancelled_timer_never_fires(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(1);
    job *never = job_create(service, &journal, "never");
    cppserver_timer *timer = cppserver_timer_create(service, UINT64_MAX, UINT64_MAX, job_run, never, job_destroy);
    CHECK(timer != NULL);
    CHECK(cppserver_timer_cancel(timer));
    CHECK(!cppserver_timer_cancel(timer));
    CHECK(counter_reaches(&never->destroyed, 1));
    cppserver_timer_release(timer);
    service_finished(service);
    CHECK_NUMBER(counter_value(&never->called), 0);
    CHECK_NUMBER(counter_value(&never->destroyed), 1);
    free(never);
}

static void a_released_timer_goes_on(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(1);
    job *ticker = job_create(service, &journal, "ticker");
    cppserver_timer_release(cppserver_timer_create(service, 0, 1, job_run, ticker, job_destroy));
    CHECK(counter_reaches(&ticker->called, 3));
    CHECK_NUMBER(counter_value(&ticker->destroyed), 0);
    /* The stop of the service is its end. */
    CHECK_OK(cppserver_service_stop(service));
    CHECK_NUMBER(counter_value(&ticker->destroyed), 1);
    cppserver_service_release(service);
    free(ticker);
}

static void stop_ends_timers_without_a_call(void)
{
    journal journal;
    journal_init(&journal);
    cppserver_service *service = service_started(2);
    job *waiting = job_create(service, &journal, "waiting");
    cppserver_timer *timer = cppserver_timer_create(service, 3600000, 0, job_run, waiting, job_destroy);
    CHECK_OK(cppserver_service_stop(service));
    CHECK_NUMBER(counter_value(&waiting->called), 0);
    CHECK_NUMBER(counter_value(&waiting->destroyed), 1);
    CHECK(!cppserver_timer_cancel(timer));
    cppserver_timer_release(timer);
    cppserver_service_release(service);
    free(waiting);
}

static void many_timers_of_many_threads(void)
{
    counter fired;
    counter_init(&fired);
    cppserver_service *service = service_started(3);
    for (uint64_t number = 0; number < 300; ++number) {
        cppserver_timer *timer = cppserver_timer_create(service, number % 17, 0, count_destroy, &fired, NULL);
        CHECK(timer != NULL);
        cppserver_timer_release(timer);
        CHECK_OK(cppserver_service_post(service, count_destroy, &fired, NULL));
        CHECK_OK(cppserver_service_dispatch(service, count_destroy, &fired, count_destroy));
    }
    CHECK(counter_reaches(&fired, 1200));
    service_finished(service);
    CHECK_NUMBER(counter_value(&fired), 1200);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(posts_run_in_order_on_the_loop),    TEST(dispatch_runs_at_once_on_the_loop),
        TEST(work_waits_for_the_start),          TEST(posts_that_never_run_are_destroyed),
        TEST(timers_that_never_run_are_destroyed),
        TEST(destroy_may_be_null),               TEST(a_timer_fires_once),
        TEST(a_repeating_timer_ends_by_cancel),  TEST(a_cancelled_timer_never_fires),
        TEST(a_released_timer_goes_on),          TEST(stop_ends_timers_without_a_call),
        TEST(many_timers_of_many_threads),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
