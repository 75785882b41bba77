/* Start, stop and restart of UDP endpoints: in order, in every callback, and from several threads. */
#include "datagrams.h"

/* ---- one endpoint ---- */

static void starts_and_stops_in_order(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    CHECK_FAILS(cppserver_udp_stop(server->udp), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(cppserver_udp_restart(server->udp), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(node_port(server), 0);
    CHECK_NUMBER(cppserver_udp_native_handle(server->udp), -1);
    node_started(server);
    CHECK(cppserver_udp_is_started(server->udp));
    CHECK(node_port(server) != 0);
    CHECK(cppserver_udp_native_handle(server->udp) >= 0);
    CHECK(address_equals(node_address(server), address_of("127.0.0.1", node_port(server))));
    CHECK_OK(cppserver_udp_stop(server->udp));
    CHECK_FAILS(cppserver_udp_stop(server->udp), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_FAILS(node_send_to(server, address_of("127.0.0.1", 9), "late"), CPPSERVER_STATUS_NOT_CONNECTED);
    WAIT_FOR(&server->journal, "destroy");
    CHECK_JOURNAL(&server->journal, "started, stopped 1, destroy");
    CHECK(!cppserver_udp_is_started(server->udp));
    CHECK_NUMBER(cppserver_udp_native_handle(server->udp), -1);
    CHECK_NUMBER(node_port(server), 0);
    service_finished(service);
    node_free(server);
}

static void a_second_start_fails_and_destroys_its_own(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    cppserver_udp_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_udp_start(server->udp, &handler, &destroyed), CPPSERVER_STATUS_INVALID_STATE);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK(cppserver_udp_is_started(server->udp));
    service_finished(service);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    node_free(server);
}

/* A start that fails at the call, with the system's error. */
static void start_fails(node *server, int32_t status)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_udp_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.destroy = count_destroy;
    CHECK_FAILS(cppserver_udp_start(server->udp, &handler, &destroyed), status);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK(!cppserver_udp_is_started(server->udp));
}

static void a_port_in_use_fails_at_start(void)
{
    cppserver_service *service = service_started(1);
    node *first = node_started(node_server(service));
    node *second = node_of(cppserver_udp_create_server(service, "127.0.0.1", node_port(first)));
    start_fails(second, CPPSERVER_STATUS_SYSTEM);
    CHECK_NUMBER(cppserver_last_error_code(), PLATFORM_ADDRESS_IN_USE);
    CHECK_TEXT(cppserver_last_error_category(), "system");
    /* The first one is not disturbed, and the second can have the port later. */
    CHECK_OK(node_send_to(first, node_address(first), "still here"));
    CHECK(counter_reaches(&first->received, 1));
    CHECK_OK(cppserver_udp_stop(first->udp));
    WAIT_FOR(&first->journal, "destroy");
    node_started(second);
    service_finished(service);
    CHECK_JOURNAL(&second->journal, "started, stopped 7, destroy");
    node_free(second);
    node_free(first);
}

static void udp_binds_to_own_addresses_only(void)
{
    cppserver_service *service = service_started(1);
    /* An address of a range that is reserved for documents. */
    node *server = node_of(cppserver_udp_create_server(service, "203.0.113.1", 0));
    start_fails(server, CPPSERVER_STATUS_SYSTEM);
    CHECK_NUMBER(cppserver_last_error_code(), PLATFORM_ADDRESS_NOT_AVAILABLE);
    service_finished(service);
    node_free(server);
}

static void unknown_names_fail(void)
{
    /* No label of a name is that long, so no server has to be asked. */
    char name[128] = { 0 };
    memset(name, 'x', 100);
    cppserver_service *service = service_started(1);
    node *server = node_of(cppserver_udp_create_server(service, name, 0));
    start_fails(server, CPPSERVER_STATUS_RESOLVER);
    CHECK_TEXT(cppserver_last_error_category(), "resolver");
    /* The one of a client's server is looked up in the background. */
    node *client = node_of(cppserver_udp_create_client(service, name, 1));
    CHECK_OK(node_start(client));
    WAIT_FOR(&client->journal, "destroy");
    CHECK_JOURNAL(&client->journal, "error resolver, stopped 3, destroy");
    CHECK(strstr(client->error_message, "xxx") != NULL);
    service_finished(service);
    node_free(client);
    node_free(server);
}

static void a_client_without_its_port_is_told(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = node_client(service, node_port(server));
    CHECK_OK(cppserver_udp_bind(client->udp, "127.0.0.1", node_port(server)));
    CHECK_OK(node_start(client));
    WAIT_FOR(&client->journal, "destroy");
    CHECK_JOURNAL(&client->journal, "error system, stopped 3, destroy");
    CHECK_NUMBER(client->error_code, PLATFORM_ADDRESS_IN_USE);
    /* It can be started again, with another port. */
    CHECK_OK(cppserver_udp_bind(client->udp, NULL, 0));
    node_started(client);
    CHECK(node_port(client) != 0);
    service_finished(service);
    node_free(client);
    node_free(server);
}

static void a_client_knows_its_server_by_name(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    node *client = node_of(cppserver_udp_create_client(service, "localhost", node_port(server)));
    cppserver_address destination;
    /* IPv4, also where localhost has an IPv6 address first. */
    CHECK_OK(cppserver_udp_bind(client->udp, "127.0.0.1", 0));
    CHECK_FAILS(cppserver_udp_destination(client->udp, &destination), CPPSERVER_STATUS_NOT_CONNECTED);
    node_started(client);
    CHECK_OK(cppserver_udp_destination(client->udp, &destination));
    CHECK(address_equals(destination, node_address(server)));
    CHECK_OK(node_send(client, "by name"));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_TEXT(client->data, "by name");
    service_finished(service);
    node_free(client);
    node_free(server);
}

static void a_start_that_is_stopped_at_once_ends_well(void)
{
    cppserver_service *service = service_started(1);
    for (int round = 0; round < 100; ++round) {
        node *client = node_of(cppserver_udp_create_client(service, "localhost", 9));
        CHECK_OK(node_start(client));
        CHECK_OK(cppserver_udp_stop(client->udp));
        WAIT_FOR(&client->journal, "destroy");
        bool began = journal_count(&client->journal, "started") == 1;
        CHECK_JOURNAL(&client->journal, began ? "started, stopped 1, destroy" : "stopped 1, destroy");
        node_free(client);
    }
    service_finished(service);
}

static void binds_before_the_service_runs(void)
{
    cppserver_service *service = cppserver_service_create(1), *others = service_started(1);
    node *server = node_server(service);
    CHECK_OK(node_start(server));
    CHECK(!cppserver_udp_is_started(server->udp));
    CHECK(node_port(server) != 0);
    node *client = node_started(node_client(others, node_port(server)));
    CHECK_OK(node_send(client, "early"));
    CHECK(counter_reaches(&client->sent, 1));
    CHECK_JOURNAL(&server->journal, "");
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    CHECK(counter_reaches(&server->received, 1));
    CHECK_TEXT(server->data, "early");
    service_finished(service);
    service_finished(others);
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    node_free(client);
    node_free(server);
}

static void a_start_on_a_service_that_never_runs_is_destroyed_with_it(void)
{
    cppserver_service *service = cppserver_service_create(1);
    node *server = node_server(service);
    CHECK_OK(node_start(server));
    cppserver_udp_release(server->udp);
    cppserver_service_release(service);
    WAIT_FOR(&server->journal, "destroy");
    CHECK_JOURNAL(&server->journal, "destroy");
    free(server);
}

static void restart_keeps_port_and_handler(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->echo = true;
    node_started(server);
    uint16_t port = node_port(server);
    node *client = node_started(node_client(service, port));
    for (long round = 2; round <= 5; ++round) {
        CHECK_OK(cppserver_udp_restart(server->udp));
        CHECK_OK(cppserver_udp_restart(client->udp));
        CHECK(journal_has(&server->journal, "started", round));
        CHECK(journal_has(&client->journal, "started", round));
        CHECK_NUMBER(node_port(server), port);
        /* Counters are those of the run. */
        CHECK_NUMBER(cppserver_udp_datagrams_received(server->udp), 0);
        CHECK_NUMBER(cppserver_udp_bytes_sent(client->udp), 0);
        CHECK_OK(node_send(client, "again"));
        CHECK(counter_reaches(&client->received, round - 1));
    }
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, stopped 1, started, stopped 1, started, stopped 1, started, stopped 1, "
                                    "started, stopped 7, destroy");
    CHECK_JOURNAL(&client->journal, server->journal.text);
    node_free(client);
    node_free(server);
}

static void stop_sends_what_was_accepted(void)
{
    enum { DATAGRAMS = 100 };
    cppserver_service *service = service_started(1), *others = service_started(1);
    node *server = node_started(node_server(service));
    node *client = node_started(node_client(others, node_port(server)));
    for (int number = 0; number < DATAGRAMS; ++number)
        CHECK_OK(node_send(client, "accepted"));
    CHECK_OK(cppserver_udp_stop(client->udp));
    WAIT_FOR(&client->journal, "destroy");
    CHECK_NUMBER(counter_value(&client->sent), DATAGRAMS);
    CHECK_JOURNAL(&client->journal, "started, stopped 1, destroy");
    CHECK(counter_reaches(&server->received, DATAGRAMS));
    service_finished(service);
    service_finished(others);
    node_free(client);
    node_free(server);
}

static void the_service_ends_its_endpoints(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    node *client = node_started(node_client(service, node_port(server)));
    /* Nobody needs the handle of an endpoint that runs. */
    cppserver_udp_release(client->udp);
    CHECK_OK(cppserver_service_stop(service));
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    CHECK_JOURNAL(&client->journal, "started, stopped 7, destroy");
    CHECK(!cppserver_udp_is_started(server->udp));
    CHECK_FAILS(cppserver_udp_stop(server->udp), CPPSERVER_STATUS_INVALID_STATE);
    /* Both can run again. */
    CHECK_OK(cppserver_service_start(service, false, NULL, NULL));
    CHECK_OK(node_start(server));
    CHECK(journal_has(&server->journal, "started", 2));
    service_finished(service);
    free(client);
    node_free(server);
}

static void restart_of_the_service_ends_endpoints(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_started(node_server(service));
    CHECK_OK(cppserver_service_restart(service));
    WAIT_FOR(&server->journal, "destroy");
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    node_started(server);
    service_finished(service);
    node_free(server);
}

static void an_endpoint_needs_no_callbacks(void)
{
    cppserver_service *service = service_started(1);
    cppserver_udp *server = cppserver_udp_create_server(service, "127.0.0.1", 0);
    cppserver_udp_handler handler = { 0 };
    handler.size = sizeof handler;
    CHECK_OK(cppserver_udp_start(server, &handler, NULL));
    node *client = node_started(node_client(service, cppserver_udp_port(server)));
    CHECK_OK(node_send(client, "nobody reads this"));
    CHECK(counter_reaches(&client->sent, 1));
    CHECK_OK(cppserver_udp_join(server, "239.255.0.1", NULL, "127.0.0.1"));
    cppserver_address to = address_of("127.0.0.1", node_port(client));
    CHECK_OK(cppserver_udp_send_to(server, &to, "but this", 8, NULL));
    CHECK(counter_reaches(&client->received, 1));
    CHECK_NUMBER(cppserver_udp_datagrams_received(server), 1);
    service_finished(service);
    cppserver_udp_release(server);
    node_free(client);
}

/* A handler that ends before on_received and all that follows. */
static void a_smaller_handler_is_enough(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    cppserver_udp_handler handler = node_handler();
    handler.size = offsetof(cppserver_udp_handler, on_received);
    CHECK_OK(cppserver_udp_start(server->udp, &handler, server));
    WAIT_FOR(&server->journal, "started");
    CHECK_OK(node_send_to(server, node_address(server), "unheard"));
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, stopped 7");
    CHECK_NUMBER(counter_value(&server->received), 0);
    node_free(server);
}

static void a_larger_handler_is_cut(void)
{
    struct {
        cppserver_udp_handler known;
        void (*unknown[4])(void *user_data);
    } larger = { node_handler(), { node_destroy, node_destroy, node_destroy, node_destroy } };
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    larger.known.size = sizeof larger;
    CHECK_OK(cppserver_udp_start(server->udp, &larger.known, server));
    memset(&larger, 0xff, sizeof larger);
    service_finished(service);
    CHECK_JOURNAL(&server->journal, "started, stopped 7, destroy");
    node_free(server);
}

/* ---- everything in every callback ---- */

typedef enum deed { DO_START, DO_STOP, DO_RESTART, DO_SEND, DO_JOIN, DO_LEAVE, DO_RELEASE, DO_STOP_SERVICE, DEEDS } deed;

/* What is done in a callback, the first time that it comes. */
typedef struct plan {
    cppserver_service *service;
    node_event at;
    deed deed;
    atomic_int begun;
    counter done;
    counter starts; /* good or not, each ends with a destroy */
} plan;

static void act(node *self, plan *plan, deed deed)
{
    switch (deed) {
    case DO_START:
        counter_add(&plan->starts, 1);
        (void)node_start(self);
        break;
    case DO_STOP: (void)cppserver_udp_stop(self->udp); break;
    case DO_RESTART: (void)cppserver_udp_restart(self->udp); break;
    case DO_SEND: (void)node_send_to(self, address_of("127.0.0.1", 9), "from a callback"); break;
    case DO_JOIN: (void)cppserver_udp_join(self->udp, "239.255.0.9", NULL, "127.0.0.1"); break;
    case DO_LEAVE: (void)cppserver_udp_leave(self->udp, "239.255.0.1", NULL, "127.0.0.1"); break;
    case DO_RELEASE: cppserver_udp_release(cppserver_udp_retain(self->udp)); break;
    case DO_STOP_SERVICE: (void)cppserver_service_stop(plan->service); break;
    case DEEDS: break;
    }
}

static void follow_plan(node *self, node_event event)
{
    plan *plan = self->hook_data;
    if (event == plan->at && atomic_fetch_add(&plan->begun, 1) == 0) {
        act(self, plan, plan->deed);
        counter_add(&plan->done, 1);
    }
}

/* Lets every callback of a server come, with a deed in one of them. */
static void deed_in_callback(node_event at, deed deed)
{
    plan plan = { .at = at, .deed = deed };
    atomic_init(&plan.begun, 0);
    counter_init(&plan.done);
    counter_init(&plan.starts);
    plan.service = cppserver_service_create(1);
    cppserver_service *others = service_started(1);
    node *server = node_server(plan.service);
    server->hook = follow_plan;
    server->hook_data = &plan;
    server->echo = true;
    act(server, &plan, DO_START);
    node *client = node_started(node_client(others, node_port(server)));
    CHECK_OK(cppserver_service_start(plan.service, false, NULL, NULL));
    WAIT_FOR(&server->journal, "started");
    /* Any of these fails once the deed has ended the endpoint. */
    (void)cppserver_udp_join(server->udp, "239.255.0.1", NULL, "127.0.0.1");
    (void)cppserver_udp_join(server->udp, "239.255.0.1", NULL, "127.0.0.1");
    if (at == NODE_LEFT)
        (void)cppserver_udp_leave(server->udp, "239.255.0.1", NULL, "127.0.0.1");
    if (at == NODE_RECEIVED || at == NODE_SENT || at == NODE_EMPTY)
        CHECK_OK(node_send(client, "wake up"));
    if (at == NODE_STOPPED || at == NODE_DESTROY)
        CHECK_OK(cppserver_udp_stop(server->udp));
    CHECK(counter_reaches(&plan.done, 1));
    /* A service that was stopped inside a callback stops soon; another stop waits for that, or fails. */
    int32_t status = cppserver_service_stop(plan.service);
    CHECK(status == CPPSERVER_STATUS_OK || deed == DO_STOP_SERVICE);
    CHECK(journal_has(&server->journal, "destroy", counter_value(&plan.starts)));
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), counter_value(&plan.starts));
    /* A start that fails destroys before the endpoint ends. */
    const char *text = server->journal.text;
    CHECK(deed == DO_START || strcmp(text + strlen(text) - strlen("destroy"), "destroy") == 0);
    cppserver_service_release(plan.service);
    service_finished(others);
    node_free(client);
    node_free(server);
}

static void every_callback_may_do_everything(void)
{
    for (int round = 0; round < 5; ++round) {
        for (node_event at = NODE_STARTED; at <= NODE_DESTROY; ++at) {
            for (deed deed = DO_START; deed < DEEDS; ++deed) {
                bool was_good = !atomic_load(&test_has_failed);
                deed_in_callback(at, deed);
                if (was_good && atomic_load(&test_has_failed))
                    printf("  deed %d in callback %d\n", (int)deed, (int)at);
            }
        }
    }
}

static void restart_often(node *self, node_event event)
{
    if (event == NODE_STARTED && journal_count(&self->journal, "started") <= 100)
        CHECK_OK(cppserver_udp_restart(self->udp));
}

static void restarts_a_hundred_times_in_on_started(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->hook = restart_often;
    CHECK_OK(node_start(server));
    CHECK(journal_has(&server->journal, "started", 101));
    service_finished(service);
    CHECK_NUMBER(journal_count(&server->journal, "started"), 101);
    CHECK_NUMBER(journal_count(&server->journal, "stopped 1"), 100);
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 1);
    node_free(server);
}

static void start_often(node *self, node_event event)
{
    if (event == NODE_STARTED && journal_count(&self->journal, "started") <= 100)
        CHECK_OK(cppserver_udp_stop(self->udp));
    if (event == NODE_STOPPED && journal_count(&self->journal, "started") <= 100)
        CHECK_OK(node_start(self));
}

static void starts_a_hundred_times_in_on_stopped(void)
{
    cppserver_service *service = service_started(1);
    node *server = node_server(service);
    server->hook = start_often;
    CHECK_OK(node_start(server));
    CHECK(journal_has(&server->journal, "started", 101));
    service_finished(service);
    CHECK_NUMBER(journal_count(&server->journal, "started"), 101);
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 101);
    node_free(server);
}

/* ---- several threads at once ---- */

#define STORM_THREADS 6
#define STORM_ROUNDS 2000 /* of each thread, at least */
#define STORM_LIVES 1000  /* of the endpoints, at least */

typedef struct storm {
    cppserver_service *service;
    cppserver_udp *udps[2]; /* a server and a client of it */
    atomic_long begun, started, stopped, received, destroyed;
    bool with_service;
} storm;

/* The user_data of one start. */
typedef struct storm_run {
    storm *storm;
    bool open, ended;
} storm_run;

static void storm_on_started(void *user_data)
{
    storm_run *self = user_data;
    CHECK(!self->open && !self->ended);
    self->open = true;
    atomic_fetch_add(&self->storm->started, 1);
}

static void storm_on_received(void *user_data, const cppserver_address *from, const void *data, size_t size, bool truncated)
{
    storm_run *self = user_data;
    (void)data;
    CHECK(self->open);
    CHECK_NUMBER(from->version, 4);
    CHECK_NUMBER(size, 5);
    CHECK(!truncated);
    atomic_fetch_add(&self->storm->received, 1);
}

static void storm_on_stopped(void *user_data, int32_t reason)
{
    storm_run *self = user_data;
    CHECK(reason == CPPSERVER_REASON_LOCAL || reason == CPPSERVER_REASON_SERVICE_STOPPED || reason == CPPSERVER_REASON_ERROR);
    atomic_fetch_add(&self->storm->stopped, self->open);
    self->open = false;
}

static void storm_destroy(void *user_data)
{
    storm_run *self = user_data;
    CHECK(!self->open && !self->ended);
    atomic_fetch_add(&self->storm->destroyed, 1);
    free(self);
}

static void storm_start(storm *self, cppserver_udp *udp)
{
    storm_run *run = calloc(1, sizeof *run);
    const cppserver_udp_handler handler = {
        .size = sizeof handler,
        .on_started = storm_on_started,
        .on_stopped = storm_on_stopped,
        .on_received = storm_on_received,
        .destroy = storm_destroy,
    };
    if (run == NULL)
        abort();
    run->storm = self;
    atomic_fetch_add(&self->begun, 1);
    (void)cppserver_udp_start(udp, &handler, run);
}

static void storm_thread(void *argument)
{
    storm *self = argument;
    uint32_t random = (uint32_t)(uintptr_t)&random | 1;
    uint64_t deadline = test_deadline();
    bool enough = false;
    for (int round = 0; !enough; ++round) {
        random = random * 1664525u + 1013904223u;
        cppserver_udp *udp = self->udps[(random >> 8) % 2];
        cppserver_address address;
        switch ((random >> 16) % 8) {
        case 0:
        case 1: storm_start(self, udp); break;
        case 2: (void)cppserver_udp_stop(udp); break;
        case 3: (void)cppserver_udp_restart(udp); break;
        case 4: (void)cppserver_udp_join(udp, "239.255.0.1", NULL, "127.0.0.1"); break;
        case 5: (void)cppserver_udp_set_option(udp, CPPSERVER_OPTION_TIME_TO_LIVE, 1 + random % 255); break;
        case 6:
            if (cppserver_udp_local_address(self->udps[0], &address) == CPPSERVER_STATUS_OK)
                (void)cppserver_udp_send_to(self->udps[1], &address, "storm", 5, NULL);
            break;
        case 7: cppserver_udp_release(cppserver_udp_retain(udp)); break;
        }
        if (self->with_service && round % 200 == 199) {
            (void)cppserver_service_stop(self->service);
            (void)cppserver_service_start(self->service, false, NULL, NULL);
        }
        platform_yield();
        enough = platform_now() >= deadline ||
                 (round >= STORM_ROUNDS && atomic_load(&self->started) >= STORM_LIVES);
    }
}

static void storm_of(uint32_t loops, bool with_service)
{
    storm self = { .with_service = with_service };
    platform_thread threads[STORM_THREADS];
    uint16_t port = 0;
    /* A port that the server can have in each of its lives. */
    self.service = service_started(loops);
    node *probe = node_started(node_server(self.service));
    port = node_port(probe);
    CHECK_OK(cppserver_udp_stop(probe->udp));
    WAIT_FOR(&probe->journal, "destroy");
    self.udps[0] = cppserver_udp_create_server(self.service, "127.0.0.1", port);
    self.udps[1] = cppserver_udp_create_client(self.service, "127.0.0.1", port);
    for (int number = 0; number < STORM_THREADS; ++number)
        platform_thread_start(&threads[number], storm_thread, &self);
    for (int number = 0; number < STORM_THREADS; ++number)
        platform_thread_join(&threads[number]);
    /* After the storm both work as before. */
    (void)cppserver_service_start(self.service, false, NULL, NULL);
    for (int number = 0; number < 2; ++number)
        storm_start(&self, self.udps[number]);
    uint64_t deadline = test_deadline();
    long received = atomic_load(&self.received);
    while (atomic_load(&self.received) == received && platform_now() < deadline) {
        (void)cppserver_udp_send(self.udps[1], "storm", 5, NULL);
        /* A restart that came last may be under way. */
        platform_yield();
    }
    CHECK(atomic_load(&self.received) > received);
    CHECK_OK(cppserver_service_stop(self.service));
    cppserver_udp_release(self.udps[0]);
    cppserver_udp_release(self.udps[1]);
    cppserver_service_release(self.service);
    CHECK_NUMBER(atomic_load(&self.destroyed), atomic_load(&self.begun));
    CHECK_NUMBER(atomic_load(&self.stopped), atomic_load(&self.started));
    CHECK(atomic_load(&self.started) >= STORM_LIVES);
    node_free(probe);
}

static void six_threads_at_once(void)
{
    storm_of(1, false);
}

static void six_threads_at_once_on_two_loops(void)
{
    storm_of(2, false);
}

static void six_threads_at_once_with_the_service(void)
{
    storm_of(2, true);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(starts_and_stops_in_order),
        TEST(a_second_start_fails_and_destroys_its_own),
        TEST(a_port_in_use_fails_at_start),
        TEST(udp_binds_to_own_addresses_only),
        TEST(unknown_names_fail),
        TEST(a_client_without_its_port_is_told),
        TEST(a_client_knows_its_server_by_name),
        TEST(a_start_that_is_stopped_at_once_ends_well),
        TEST(binds_before_the_service_runs),
        TEST(a_start_on_a_service_that_never_runs_is_destroyed_with_it),
        TEST(restart_keeps_port_and_handler),
        TEST(stop_sends_what_was_accepted),
        TEST(the_service_ends_its_endpoints),
        TEST(restart_of_the_service_ends_endpoints),
        TEST(an_endpoint_needs_no_callbacks),
        TEST(a_smaller_handler_is_enough),
        TEST(a_larger_handler_is_cut),
        TEST(every_callback_may_do_everything),
        TEST(restarts_a_hundred_times_in_on_started),
        TEST(starts_a_hundred_times_in_on_stopped),
        TEST(six_threads_at_once),
        TEST(six_threads_at_once_on_two_loops),
        TEST(six_threads_at_once_with_the_service),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
