/* What the programs in C and C++ on libraries of scalability protocols have in common. ../../README.md tells what they
 * do; each program adds what its library does, below "provided by the program", and includes this first. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The first byte of a message. After a mark come the number of messages that its socket should have had. */
enum { WORK, HELLO, CHECK, MARK };

enum { MOST = 256 * 1024, WINDOWS = 2, PUSHES_PER_LOOK = 16 };

static struct {
    const char *pattern;
    const char *address;
    size_t size;
    int sockets;   /* answering ones per process */
    int processes; /* answering ones */
    int window;    /* messages until a publisher asks whether they have arrived */
    bool callbacks;
    int credits_read; /* where the answering side tells that all its sockets have had something: a byte per process */
    int credits_write;
} load;

static bool is(const char *pattern) { return strcmp(load.pattern, pattern) == 0; }

static bool asks(void) { return is("request") || is("survey"); }

static void fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    _exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static unsigned char check_byte(size_t index, size_t size) { return (unsigned char)(index * 31 + size); }

/* Provided by the program: opens the beginning socket, which listens. */
static void library_listen(void);
/* Opens the answering sockets, which dial. */
static void library_dial(void);
/* Lets them be answered, by callbacks or a thread. */
static void library_answer(void);
/* The beginning socket sends, and blocks as long as it has to. */
static void library_send(const void *data, size_t size);
/* It receives. The bytes are valid until the next call. */
static const void *library_receive(size_t *size);
#ifdef CALLBACKS
/* It sends the question `message`; what comes is told to `on_answer`. */
static void library_ask(void);
/* It sends `message`, and again as long as `pushed` says so. */
static void library_push(void);
#endif

/* The answering side. */

struct receiver {
    uint64_t count;
    bool greeted;
};

static void credit(void) {
    static int had;
    if (__atomic_add_fetch(&had, 1, __ATOMIC_RELAXED) % load.sockets == 0 && write(load.credits_write, "", 1) != 1)
        fail("nobody counts what arrives");
}

static void check_message(const unsigned char *data, size_t size) {
    for (size_t index = 1; index < size; ++index)
        if (data[index] != check_byte(index, size))
            fail("a message has changed");
}

/* A message came to an answering socket. True when it is to be sent back. */
static bool arrived(struct receiver *receiver, const unsigned char *data, size_t size) {
    uint64_t count;
    if (size > 0 && *data == HELLO) {
        if (!receiver->greeted)
            credit();
        receiver->greeted = true;
        return false;
    }
    if (asks())
        return true;
    if (size > 0 && *data == CHECK) {
        check_message(data, size);
        credit();
        return false;
    }
    if (size != load.size)
        fail("a message of another size");
    ++receiver->count;
    if (*data == MARK) {
        memcpy(&count, data + 1, sizeof count);
        if (count != receiver->count)
            fail("messages were lost");
        credit();
    }
    return false;
}

/* The beginning side. */

static unsigned char message[MOST];
static size_t message_size;
static uint64_t sent;

static void compose(int kind, size_t size) {
    for (size_t index = 1; index < size; ++index)
        message[index] = check_byte(index, size);
    message[0] = (unsigned char)kind;
    message_size = size;
}

/* Makes the message the last one of a window. */
static void mark(void) {
    uint64_t count = sent + 1;
    message[0] = MARK;
    memcpy(message + 1, &count, sizeof count);
}

/* Takes up to so many credits. Returns how many came. */
static int take_credits(int most) {
    char credits[16];
    ssize_t count = read(load.credits_read, credits, (size_t)most);
    if (count <= 0)
        fail("no more credits");
    return (int)count;
}

static void await_credits(void) {
    for (int missing = load.processes; missing > 0;)
        missing -= take_credits(missing);
}

/* Latencies, by the highest eight bits. */
enum { GROUPS = 57, GROUP = 256 };
static uint32_t latencies[GROUPS][GROUP];

static void record(uint64_t latency) {
    int shift = latency < GROUP ? 0 : 56 - __builtin_clzll(latency);
    ++latencies[shift][latency >> shift];
}

static void print_latencies(void) {
    for (int shift = 0; shift < GROUPS; ++shift)
        for (uint64_t value = 0; value < GROUP; ++value)
            if (latencies[shift][value] > 0)
                printf(" %" PRIu64 " %" PRIu32, value << shift, latencies[shift][value]);
    memset(latencies, 0, sizeof latencies);
}

static struct {
    uint64_t until;
    uint64_t asked;
    uint64_t done;
    int answers;
} questions;

enum next { WAIT, ASK, DONE };

/* An answer came. */
static enum next answered(const void *data, size_t size) {
    if (size != message_size || memcmp(data, message, size) != 0)
        fail("a wrong answer");
    if (++questions.answers < load.sockets * load.processes)
        return WAIT;
    uint64_t time = now();
    record(time - questions.asked);
    questions.asked = time;
    questions.answers = 0;
    ++questions.done;
    return time < questions.until ? ASK : DONE;
}

#ifdef CALLBACKS
static sem_t finished;

static void await_finish(void) {
    while (sem_wait(&finished) != 0)
        continue;
}

static inline void on_answer(const void *data, size_t size) {
    switch (answered(data, size)) {
    case WAIT:
        break;
    case ASK:
        library_ask();
        break;
    case DONE:
        sem_post(&finished);
    }
}
#endif

/* Asks once at least. Returns the number of answers. */
static uint64_t ask_until(uint64_t until) {
    questions.until = until;
    questions.asked = now();
    questions.done = 0;
#ifdef CALLBACKS
    if (load.callbacks) {
        library_ask();
        await_finish();
        return questions.done * (uint64_t)(load.sockets * load.processes);
    }
#endif
    enum next next = ASK;
    while (next != DONE) {
        if (next == ASK)
            library_send(message, message_size);
        size_t size;
        const void *answer = library_receive(&size);
        next = answered(answer, size);
    }
    return questions.done * (uint64_t)(load.sockets * load.processes);
}

static uint64_t push_end;

/* One message was sent. True when there is another one. */
static bool pushed(void) {
    ++sent;
    if (message[0] == MARK) {
#ifdef CALLBACKS
        if (load.callbacks)
            sem_post(&finished);
#endif
        return false;
    }
    if (sent % PUSHES_PER_LOOK == 0 && now() >= push_end)
        mark();
    return true;
}

static uint64_t push_until(uint64_t until) {
    uint64_t before = sent;
    push_end = until;
#ifdef CALLBACKS
    if (load.callbacks) {
        library_push();
        await_finish();
    } else
#endif
        do
            library_send(message, message_size);
        while (pushed());
    await_credits();
    return sent - before;
}

static uint64_t publish_until(uint64_t until) {
    uint64_t before = sent;
    int waiting = 0;
    while (now() < until) {
        message[0] = WORK;
        for (int number = 1; number < load.window; ++number, ++sent)
            library_send(message, message_size);
        mark();
        library_send(message, message_size);
        ++sent;
        if (++waiting == WINDOWS) {
            await_credits();
            --waiting;
        }
    }
    for (; waiting > 0; --waiting)
        await_credits();
    return (sent - before) * (uint64_t)(load.sockets * load.processes);
}

/* Who publishes or asks all does not know whether they are there yet. */
static void greet(void) {
    struct pollfd credits = {load.credits_read, POLLIN, 0};
    compose(HELLO, 1);
    for (int missing = load.processes; missing > 0;) {
        library_send(message, message_size);
        if (poll(&credits, 1, 10) > 0)
            missing -= take_credits(missing);
    }
}

/* Messages of many sizes come as they were sent, and go back where they are answered. */
static void check(void) {
    static const size_t sizes[] = {1, 2, 31, 32, 33, 54, 55, 127, 128, 1000, 4096, 65535, 65536, 65537, 200000};
    if (is("publish") || is("survey"))
        greet();
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; ++index) {
        compose(CHECK, sizes[index]);
        if (asks()) {
            ask_until(0);
        } else {
            library_send(message, message_size);
            await_credits();
        }
    }
    memset(latencies, 0, sizeof latencies);
    printf("checked");
}

static void run(uint64_t duration) {
    compose(WORK, load.size);
    uint64_t begin = now();
    uint64_t until = begin + duration;
    uint64_t messages = asks() ? ask_until(until) : is("push") ? push_until(until) : publish_until(until);
    printf("%" PRIu64 " %" PRIu64, messages, now() - begin);
    print_latencies();
}

/* The whole program. */

/* Where both sides are in one process, each thread has a core of its own. */
static void pin(int number) {
    cpu_set_t allowed, one;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) < 2)
        return;
    for (int core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &allowed) && number-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(core, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
    }
}

static inline void *pinned_answers(void *serve) {
    pin(0);
    ((void (*)(void))serve)();
    return NULL;
}

static inline void start_thread(void (*serve)(void)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, pinned_answers, (void *)serve) != 0)
        fail("no thread");
}

static void say(const char *word) {
    puts(word);
    fflush(stdout);
}

static void obey(void) {
    char line[64];
    uint64_t duration;
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strcmp(line, "check\n") == 0)
            check();
        else if (sscanf(line, "run %" SCNu64, &duration) == 1)
            run(duration);
        else
            fail("no such command");
        say("");
    }
}

int main(int count, char **arguments) {
    if (count != 11)
        fail("usage: callbacks|blocking PATTERN begin|answer|both ADDRESS SIZE SOCKETS PROCESSES WINDOW READ WRITE");
    const char *part = arguments[3];
    load.callbacks = strcmp(arguments[1], "callbacks") == 0;
    load.pattern = arguments[2];
    load.address = arguments[4];
    load.size = strtoul(arguments[5], NULL, 10);
    load.sockets = atoi(arguments[6]);
    load.processes = atoi(arguments[7]);
    load.window = atoi(arguments[8]);
    load.credits_read = atoi(arguments[9]);
    load.credits_write = atoi(arguments[10]);
#ifdef CALLBACKS
    sem_init(&finished, 0, 0);
#endif
    bool begins = strcmp(part, "answer") != 0;
    bool answers = strcmp(part, "begin") != 0;
    if (begins)
        library_listen();
    if (answers) {
        library_dial();
        library_answer();
    }
    if (begins && answers)
        pin(1);
    say("ready");
    if (begins)
        obey();
    else
        while (getchar() != EOF)
            continue;
    /* Nothing is left to be delivered. */
    _exit(0);
}
