/* Everything may be called from every callback and from every thread: stop, restart, disconnect, release. */
#include "peers.h"

/* What a hook does, and at which of an endpoint's events. */
typedef enum deed { STOP_SERVICE, STOP_SERVER, RESTART_SERVER, RESTART_SERVICE, DISCONNECT, DISCONNECT_NOW } deed;

typedef struct plan {
    event at;
    deed deed;
    cppserver_service *service;
    cppserver_server *server;
    counter done;
} plan;

static void act(plan *plan, cppserver_session *session)
{
    if (counter_add(&plan->done, 1) > 1)
        return;
    switch (plan->deed) {
    case STOP_SERVICE:
        CHECK_OK(cppserver_service_stop(plan->service));
        break;
    case RESTART_SERVICE:
        CHECK_OK(cppserver_service_restart(plan->service));
        break;
    case STOP_SERVER:
        CHECK_OK(cppserver_server_stop(plan->server));
        CHECK_FAILS(cppserver_server_stop(plan->server), CPPSERVER_STATUS_INVALID_STATE);
        break;
    case RESTART_SERVER:
        CHECK_OK(cppserver_server_restart(plan->server));
        /* Only asked for so far. Another loop may be in the middle of it already. */
        CHECK(cppserver_service_threads(plan->service) > 1 || cppserver_server_is_started(plan->server));
        break;
    case DISCONNECT:
        (void)cppserver_session_disconnect(session);
        CHECK_FAILS(cppserver_session_disconnect(session), CPPSERVER_STATUS_NOT_CONNECTED);
        break;
    case DISCONNECT_NOW:
        (void)cppserver_session_disconnect_now(session);
        CHECK_FAILS(cppserver_session_send(session, "x", 1, NULL), CPPSERVER_STATUS_NOT_CONNECTED);
        break;
    }
}

static void act_on_event(endpoint *self, event event)
{
    plan *plan = self->hook_data;
    if (event == plan->at)
        act(plan, self->session);
}

/* One exchange between a client and a session; the plan is carried out inside the session's event. */
static void carry_out(event at, deed deed, uint32_t threads)
{
    plan plan = { .at = at, .deed = deed, .service = cppserver_service_create(threads) };
    counter_init(&plan.done);
    cppserver_service *others = service_started(1);
    CHECK_OK(cppserver_service_start(plan.service, false, NULL, NULL));
    host *server = host_create(plan.service);
    server->session_hook = act_on_event;
    server->hook_data = &plan;
    server->echo = true;
    plan.server = server->server;
    CHECK_OK(host_start(server));
    endpoint *client = client_connected(others, host_port(server));
    /* The session may be over by now. */
    (void)endpoint_send(client, "hello");
    if (at == EVENT_DISCONNECTED || at == EVENT_DESTROY) {
        endpoint *session = host_session(server, 0);
        CHECK(counter_reaches(&session->received, 5));
        CHECK_OK(cppserver_session_disconnect(session->session));
    }
    CHECK(counter_reaches(&plan.done, 1));
    WAIT_FOR(&server->journal, "session destroy");
    if (deed == STOP_SERVER || deed == STOP_SERVICE || deed == RESTART_SERVICE)
        WAIT_FOR(&server->journal, "destroy");
    if (deed == RESTART_SERVER) {
        CHECK(journal_has(&server->journal, "started", 2));
        endpoint *again = client_connected(others, host_port(server));
        host_session(server, 1);
        cppserver_session_disconnect(again->session);
        WAIT_FOR(again->journal, "destroy");
        client_free(again);
    }
    WAIT_FOR(client->journal, "destroy");
    service_finished(others);
    if (deed == STOP_SERVICE) {
        /* Asked for inside a callback: it may be over, or about to be. */
        (void)cppserver_service_stop(plan.service);
        CHECK(!cppserver_service_is_started(plan.service));
        cppserver_service_release(plan.service);
    } else {
        service_finished(plan.service);
    }
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 1);
    CHECK_NUMBER(journal_count(&server->journal, "session destroy"), counter_value(&server->accepted));
    client_free(client);
    host_free(server);
}

static void carry_out_everywhere(deed deed)
{
    const event events[] = { EVENT_CONNECTED, EVENT_RECEIVED, EVENT_SENT, EVENT_EMPTY, EVENT_DISCONNECTED, EVENT_DESTROY };
    for (size_t index = 0; index < sizeof events / sizeof *events; ++index) {
        carry_out(events[index], deed, 1);
        carry_out(events[index], deed, 2);
    }
}

static void a_session_may_stop_the_service(void)
{
    carry_out_everywhere(STOP_SERVICE);
}

static void a_session_may_restart_the_service(void)
{
    carry_out_everywhere(RESTART_SERVICE);
}

static void a_session_may_stop_the_server(void)
{
    carry_out_everywhere(STOP_SERVER);
}

static void a_session_may_restart_the_server(void)
{
    carry_out_everywhere(RESTART_SERVER);
}

static void a_session_may_disconnect(void)
{
    carry_out_everywhere(DISCONNECT);
    carry_out_everywhere(DISCONNECT_NOW);
}

static void stop_server_in_hook(host *self, event event)
{
    if (event == EVENT_CONNECTED)
        CHECK_OK(cppserver_server_stop(self->server));
}

static void stop_service_in_hook(host *self, event event)
{
    if (event == EVENT_DISCONNECTED)
        CHECK_OK(cppserver_service_stop(self->service));
}

static void the_server_may_stop_itself_and_the_service(void)
{
    const host_hook hooks[] = { stop_server_in_hook, stop_service_in_hook };
    for (int number = 0; number < 2; ++number) {
        cppserver_service *service = service_started(1), *others = service_started(1);
        host *server = host_create(service);
        server->hook = hooks[number];
        CHECK_OK(host_start(server));
        endpoint *client = client_connected(others, host_port(server));
        (void)cppserver_session_disconnect(client->session);
        WAIT_FOR(&server->journal, "destroy");
        service_finished(others);
        (void)cppserver_service_stop(service);
        cppserver_service_release(service);
        CHECK_NUMBER(journal_count(&server->journal, "session destroy"), 1);
        client_free(client);
        host_free(server);
    }
}

/* On a thread of one service the stop of another is asked for, and not waited for. */
static void services_may_stop_each_other(void)
{
    plan plan = { .at = EVENT_CONNECTED, .deed = STOP_SERVICE, .service = service_started(1) };
    counter_init(&plan.done);
    cppserver_service *own = service_started(1);
    host *server = host_started(plan.service);
    endpoint *client = client_create(own, host_port(server));
    client->hook = act_on_event;
    client->hook_data = &plan;
    CHECK_OK(client_connect(client));
    WAIT_FOR(&server->journal, "destroy");
    WAIT_FOR(client->journal, "destroy");
    service_finished(own);
    (void)cppserver_service_stop(plan.service);
    cppserver_service_release(plan.service);
    client_free(client);
    host_free(server);
}

static void let_go(endpoint *self, event event)
{
    if (event == EVENT_CONNECTED)
        cppserver_client_release(self->client);
    if (event == EVENT_RECEIVED)
        CHECK_OK(cppserver_session_disconnect(self->session));
}

static void the_last_handle_may_go_in_a_callback(void)
{
    cppserver_service *service = service_started(1);
    host *server = host_started(service);
    endpoint *client = client_create(service, host_port(server));
    client->hook = let_go;
    CHECK_OK(client_connect(client));
    CHECK_OK(cppserver_session_send(host_session(server, 0)->session, "bye", 3, NULL));
    WAIT_FOR(client->journal, "destroy");
    CHECK_JOURNAL(client->journal, "connected, disconnected 1, destroy");
    service_finished(service);
    free(client);
    host_free(server);
}

/* ---- many threads at once ---- */

enum { THREADS = 4, RECORDS = 500, RECORD = 16 };

typedef struct sender {
    platform_thread thread;
    endpoint *client;
    cppserver_service *service;
    uint16_t port;
    int number;
    counter *destroyed;
} sender;

static void send_records(void *argument)
{
    sender *self = argument;
    for (int record = 0; record < RECORDS; ++record) {
        char text[RECORD + 1];
        snprintf(text, sizeof text, "%04d %04d record", self->number, record);
        CHECK_OK(cppserver_session_send(self->client->session, text, RECORD, NULL));
    }
}

typedef struct ledger {
    int next[THREADS];
    bool good;
} ledger;

/* Takes whole records only, and follows each thread's numbers. */
static size_t check_records(void *user_data, int32_t kind, const void *data, size_t size)
{
    endpoint *self = user_data;
    ledger *ledger = self->hook_data;
    size_t handled = size - size % RECORD;
    (void)kind;
    for (size_t offset = 0; offset < handled; offset += RECORD) {
        int thread = -1, record = -1;
        char text[RECORD + 1] = { 0 };
        memcpy(text, (const char *)data + offset, RECORD);
        if (sscanf(text, "%d %d record", &thread, &record) != 2 || thread < 0 || thread >= THREADS ||
            ledger->next[thread]++ != record)
            ledger->good = false;
    }
    counter_add(&self->received, (long)handled);
    return handled;
}

static bool accept_ledger(void *user_data, cppserver_session *session, cppserver_session_handler *handler,
                          void **session_user_data)
{
    (void)session;
    handler->on_received = check_records;
    *session_user_data = user_data;
    return true;
}

static void sends_of_many_threads_stay_whole(void)
{
    ledger ledger = { { 0 }, true };
    sender senders[THREADS];
    cppserver_service *service = service_started(2);
    endpoint *book = endpoint_create();
    book->hook_data = &ledger;
    cppserver_server *server = cppserver_server_create_tcp(service, "127.0.0.1", 0);
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_session = accept_ledger;
    CHECK_OK(cppserver_server_start(server, &handler, book));
    endpoint *client = client_connected(service, cppserver_server_port(server));
    for (int number = 0; number < THREADS; ++number) {
        senders[number].number = number;
        senders[number].client = client;
        platform_thread_start(&senders[number].thread, send_records, &senders[number]);
    }
    for (int number = 0; number < THREADS; ++number)
        platform_thread_join(&senders[number].thread);
    CHECK(counter_reaches(&book->received, THREADS * RECORDS * RECORD));
    service_finished(service);
    CHECK(ledger.good);
    for (int number = 0; number < THREADS; ++number)
        CHECK_NUMBER(ledger.next[number], RECORDS);
    cppserver_server_release(server);
    client_free(client);
    free(book);
}

static void come_and_go(void *argument)
{
    sender *self = argument;
    for (int round = 0; round < 50; ++round) {
        cppserver_client *client = cppserver_client_create_tcp(self->service, "127.0.0.1", self->port);
        cppserver_session *session = cppserver_client_session(client);
        cppserver_session_handler handler = { 0 };
        handler.size = sizeof handler;
        handler.destroy = count_destroy;
        /* The server stops in the middle of all this: any outcome is fine but a crash or a leak. */
        CHECK_OK(cppserver_client_connect(client, &handler, self->destroyed));
        (void)cppserver_session_send(session, "hello", 5, NULL);
        (void)cppserver_session_disconnect(session);
        cppserver_client_release(client);
    }
}

static void a_server_stops_in_the_middle_of_a_rush(void)
{
    counter destroyed;
    counter_init(&destroyed);
    sender senders[THREADS];
    cppserver_service *service = service_started(2), *others = service_started(2);
    host *server = host_started(service);
    for (int number = 0; number < THREADS; ++number) {
        senders[number].service = others;
        senders[number].port = host_port(server);
        senders[number].destroyed = &destroyed;
        platform_thread_start(&senders[number].thread, come_and_go, &senders[number]);
    }
    CHECK(counter_reaches(&destroyed, THREADS * 25));
    CHECK_OK(cppserver_server_stop(server->server));
    for (int number = 0; number < THREADS; ++number)
        platform_thread_join(&senders[number].thread);
    service_finished(others);
    service_finished(service);
    CHECK_NUMBER(counter_value(&destroyed), THREADS * 50);
    CHECK_NUMBER(journal_count(&server->journal, "destroy"), 1);
    host_free(server);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(a_session_may_stop_the_service),
        TEST(a_session_may_restart_the_service),
        TEST(a_session_may_stop_the_server),
        TEST(a_session_may_restart_the_server),
        TEST(a_session_may_disconnect),
        TEST(the_server_may_stop_itself_and_the_service),
        TEST(services_may_stop_each_other),
        TEST(the_last_handle_may_go_in_a_callback),
        TEST(sends_of_many_threads_stay_whole),
        TEST(a_server_stops_in_the_middle_of_a_rush),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
