/* A very small test runner: checks, waiting with a deadline, and the closing line. */
#ifndef TEST_H
#define TEST_H

#include "platform.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cppserver.h>

/* How long anything that must happen may take on a busy machine, in milliseconds. */
#define TEST_PATIENCE 20000

typedef struct test_case {
    const char *name;
    void (*run)(void);
} test_case;

#define TEST(function) { #function, function }

/* Whether the running test has failed; callbacks check on other threads. */
static atomic_bool test_has_failed;

static inline bool test_check(bool good, const char *what, const char *file, int line)
{
    if (!good) {
        atomic_store(&test_has_failed, true);
        printf("  %s:%d: %s\n", file, line, what);
        printf("  last error of this thread: %s\n", cppserver_last_error_message());
    }
    return good;
}

static inline bool test_check_number(long long actual, long long expected, const char *what, const char *file, int line)
{
    if (actual != expected)
        printf("  found %lld, expected %lld\n", actual, expected);
    return test_check(actual == expected, what, file, line);
}

static inline bool test_check_text(const char *actual, const char *expected, const char *what, const char *file, int line)
{
    bool same = actual != NULL && strcmp(actual, expected) == 0;
    if (!same)
        printf("  found \"%s\", expected \"%s\"\n", actual == NULL ? "(null)" : actual, expected);
    return test_check(same, what, file, line);
}

#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__)
#define CHECK_NUMBER(actual, expected) \
    test_check_number((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
#define CHECK_TEXT(actual, expected) test_check_text((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_NUMBER((call), CPPSERVER_STATUS_OK)
/* A call that must fail, and say why. */
#define CHECK_FAILS(call, status)                          \
    do {                                                   \
        CHECK_NUMBER((call), (status));                    \
        CHECK(cppserver_last_error_message()[0] != '\0');  \
    } while (0)

/* The end of a wait that begins now. A test that has failed already does not hold up the others. */
static inline uint64_t test_deadline(void)
{
    return platform_now() + (atomic_load(&test_has_failed) ? 200 : TEST_PATIENCE);
}

/* ---- a number that threads wait for ---- */

typedef struct counter {
    platform_monitor monitor;
    long value;
} counter;

static inline void counter_init(counter *self)
{
    platform_monitor_init(&self->monitor);
    self->value = 0;
}

static inline long counter_add(counter *self, long amount)
{
    platform_lock(&self->monitor);
    long value = self->value += amount;
    platform_notify(&self->monitor);
    platform_unlock(&self->monitor);
    return value;
}

static inline long counter_value(counter *self)
{
    platform_lock(&self->monitor);
    long value = self->value;
    platform_unlock(&self->monitor);
    return value;
}

/* Waits until the number has come to `value` at least. */
static inline bool counter_reaches(counter *self, long value)
{
    uint64_t deadline = test_deadline();
    platform_lock(&self->monitor);
    while (self->value < value && platform_now() < deadline)
        platform_wait(&self->monitor, deadline);
    bool reached = self->value >= value;
    platform_unlock(&self->monitor);
    return reached;
}

/* The destroy function of user_data that is a counter. */
static inline void count_destroy(void *user_data)
{
    counter_add(user_data, 1);
}

/* ---- a journal of what happened, in order: "connected, disconnected 1, destroy" ---- */

typedef struct journal {
    platform_monitor monitor;
    char text[16384];
} journal;

static inline void journal_init(journal *self)
{
    platform_monitor_init(&self->monitor);
    self->text[0] = '\0';
}

static inline void journal_add(journal *self, const char *format, ...)
{
    char entry[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(entry, sizeof entry, format, arguments);
    va_end(arguments);
    platform_lock(&self->monitor);
    size_t used = strlen(self->text);
    if (used + strlen(entry) + 3 < sizeof self->text) {
        strcat(self->text, used == 0 ? "" : ", ");
        strcat(self->text, entry);
    }
    platform_notify(&self->monitor);
    platform_unlock(&self->monitor);
}

/* How often an entry is in the text of a journal. */
static inline long journal_count_in(const char *text, const char *entry)
{
    size_t size = strlen(entry);
    long count = 0;
    for (const char *found = strstr(text, entry); found != NULL; found = strstr(found + 1, entry)) {
        bool begins = found == text || found[-1] == ' ';
        bool ends = found[size] == '\0' || found[size] == ',';
        count += (begins && ends && (found == text || found[-2] == ',')) ? 1 : 0;
    }
    return count;
}

static inline long journal_count(journal *self, const char *entry)
{
    platform_lock(&self->monitor);
    long count = journal_count_in(self->text, entry);
    platform_unlock(&self->monitor);
    return count;
}

/* Waits until an entry is there so many times. */
static inline bool journal_has(journal *self, const char *entry, long count)
{
    uint64_t deadline = test_deadline();
    platform_lock(&self->monitor);
    while (journal_count_in(self->text, entry) < count && platform_now() < deadline)
        platform_wait(&self->monitor, deadline);
    bool found = journal_count_in(self->text, entry) >= count;
    if (!found)
        printf("  \"%s\" did not come %ld times; the journal has: %s\n", entry, count, self->text);
    platform_unlock(&self->monitor);
    return found;
}

#define WAIT_FOR(journal, entry) CHECK(journal_has((journal), (entry), 1))

/* Whether the journal is exactly this, once the last entry has come. */
#define CHECK_JOURNAL(journal, expected) CHECK_TEXT((journal)->text, (expected))

/* Whether one entry comes before another. Call it when both are there. */
static inline bool journal_in_order(journal *self, const char *first, const char *second)
{
    const char *one = strstr(self->text, first);
    const char *other = strstr(self->text, second);
    bool good = one != NULL && other != NULL && one < other;
    if (!good)
        printf("  \"%s\" does not come before \"%s\": %s\n", first, second, self->text);
    return good;
}

/* ---- the runner ---- */

/* Runs the tests but those that are named on the command line, which are skipped. */
static inline int test_main(int count, char **arguments, const test_case *cases, size_t size)
{
    int passed = 0, failed = 0, skipped = 0;
    setvbuf(stdout, NULL, _IONBF, 0);
    for (size_t index = 0; index < size; ++index) {
        bool skip = false;
        for (int argument = 1; argument < count; ++argument)
            skip = skip || strcmp(arguments[argument], cases[index].name) == 0;
        if (skip) {
            printf("skipped %s\n", cases[index].name);
            ++skipped;
            continue;
        }
        atomic_store(&test_has_failed, false);
        cases[index].run();
        bool good = !atomic_load(&test_has_failed);
        printf("%s %s\n", good ? "ok" : "FAILED", cases[index].name);
        good ? ++passed : ++failed;
    }
    if (skipped > 0)
        printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    else
        printf("%d passed, %d failed\n", passed, failed);
    return failed == 0 ? 0 : 1;
}

/* ---- services ---- */

static inline cppserver_service *service_started(uint32_t threads)
{
    cppserver_service *service = cppserver_service_create(threads);
    CHECK(service != NULL);
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    return service;
}

/* Stops a service, which ends all that lives on it, and releases it. */
static inline void service_finished(cppserver_service *service)
{
    CHECK_OK(cppserver_service_stop(service));
    cppserver_service_release(service);
}

#endif
