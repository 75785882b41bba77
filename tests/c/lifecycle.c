/* Everything that begins or ends something, from every callback, and from eight threads at once. */
#include "peers.h"

/* The callbacks of all handlers. */
#define PLACES(X)                                                                                           \
    X(SERVICE_INITIALIZE) X(SERVICE_STARTED) X(SERVICE_STOPPED) X(SERVICE_CLEANUP) X(SERVICE_DESTROY)        \
    X(SERVER_STARTED) X(SERVER_SESSION) X(SERVER_CONNECTED) X(SERVER_DISCONNECTED) X(SERVER_STOPPED)         \
    X(SERVER_DESTROY)                                                                                       \
    X(SESSION_CONNECTED) X(SESSION_RECEIVED) X(SESSION_SENT) X(SESSION_EMPTY) X(SESSION_ERROR)               \
    X(SESSION_DISCONNECTED) X(SESSION_DESTROY)                                                              \
    X(CLIENT_CONNECTED) X(CLIENT_RECEIVED) X(CLIENT_SENT) X(CLIENT_EMPTY) X(CLIENT_ERROR)                    \
    X(CLIENT_DISCONNECTED) X(CLIENT_DESTROY)

/* What is done: first what ends nothing, then what does, and what ends the whole service. */
#define DEEDS(X)                                                                                            \
    X(CONNECT) X(START_SERVER) X(MULTICAST) X(SEND) X(SEND_FROM_SESSION) X(POST) X(TIMER)                    \
    X(RECONNECT) X(DISCONNECT) X(DISCONNECT_NOW) X(DISCONNECT_SESSION) X(DISCONNECT_SESSION_NOW)             \
    X(DISCONNECT_ALL) X(STOP_SERVER) X(RESTART_SERVER)                                                      \
    X(START_SERVICE) X(STOP_SERVICE) X(RESTART_SERVICE)

#define AS_PLACE(name) IN_##name,
#define AS_DEED(name) DO_##name,
#define NAME(name) #name,

typedef enum place { PLACES(AS_PLACE) PLACE_COUNT } place;
typedef enum deed { DEEDS(AS_DEED) DEED_COUNT } deed;

static const char *const place_names[] = { PLACES(NAME) };
static const char *const deed_names[] = { DEEDS(NAME) };

enum { KNOWN_SESSIONS = 8, THREADS = 8, ROUNDS = 10000, CONNECTIONS = 100 };

typedef struct stage {
    platform_monitor monitor;
    cppserver_service *service;
    cppserver_server *server;
    cppserver_client *client;
    cppserver_session *client_session;
    cppserver_session *sessions[KNOWN_SESSIONS]; /* the latest ones, dead ones among them */
    long reached[PLACE_COUNT];
    long alive;              /* handlers and closures without their destroy */
    uint64_t random;
    place at;                /* where `deed` is done once, or PLACE_COUNT */
    deed deed;
    bool begun;
    bool done;
    bool storm;              /* callbacks do something at random */
} stage;

/* The user_data of one run of a handler. */
typedef struct party {
    stage *stage;
    cppserver_session *session; /* borrowed; lives until the destroy of the party */
    bool connected;
    bool ended;
} party;

static party *party_create(stage *stage, cppserver_session *session)
{
    party *self = calloc(1, sizeof *self);
    if (self == NULL)
        abort();
    self->stage = stage;
    self->session = session;
    platform_lock(&stage->monitor);
    ++stage->alive;
    platform_unlock(&stage->monitor);
    return self;
}

static void party_free(void *user_data)
{
    party *self = user_data;
    stage *stage = self->stage;
    CHECK(!self->connected);
    free(self);
    platform_lock(&stage->monitor);
    --stage->alive;
    platform_notify(&stage->monitor);
    platform_unlock(&stage->monitor);
}

static uint64_t stage_random(stage *self)
{
    platform_lock(&self->monitor);
    self->random = self->random * 6364136223846793005u + 1442695040888963407u;
    uint64_t number = self->random >> 33;
    platform_unlock(&self->monitor);
    return number;
}

/* A session of the server, with a reference of the caller's; NULL when there was none yet. */
static cppserver_session *stage_session(stage *self)
{
    uint64_t number = stage_random(self);
    platform_lock(&self->monitor);
    cppserver_session *session = cppserver_session_retain(self->sessions[number % KNOWN_SESSIONS]);
    platform_unlock(&self->monitor);
    return session;
}

static void start_service(stage *self);
static void start_server(stage *self);
static void connect_client(stage *self);

static void nothing(void *user_data)
{
    (void)user_data;
}

static void act(stage *self, deed deed)
{
    cppserver_session *session = stage_session(self);
    /* Whether it is the right time for it is chance. */
    switch (deed) {
    case DO_START_SERVER: start_server(self); break;
    case DO_STOP_SERVER: (void)cppserver_server_stop(self->server); break;
    case DO_RESTART_SERVER: (void)cppserver_server_restart(self->server); break;
    case DO_MULTICAST: (void)cppserver_server_multicast(self->server, "to all", 6); break;
    case DO_DISCONNECT_ALL: (void)cppserver_server_disconnect_all(self->server); break;
    case DO_CONNECT: connect_client(self); break;
    case DO_RECONNECT: (void)cppserver_client_reconnect(self->client, 0); break;
    case DO_DISCONNECT: (void)cppserver_session_disconnect(self->client_session); break;
    case DO_DISCONNECT_NOW: (void)cppserver_session_disconnect_now(self->client_session); break;
    case DO_SEND: (void)cppserver_session_send(self->client_session, "again", 5, NULL); break;
    case DO_SEND_FROM_SESSION: (void)cppserver_session_send(session, "more", 4, NULL); break;
    case DO_DISCONNECT_SESSION: (void)cppserver_session_disconnect(session); break;
    case DO_DISCONNECT_SESSION_NOW: (void)cppserver_session_disconnect_now(session); break;
    case DO_POST: (void)cppserver_service_post(self->service, nothing, party_create(self, NULL), party_free); break;
    case DO_TIMER:
        cppserver_timer_release(cppserver_timer_create(self->service, 1, 0, nothing, party_create(self, NULL), party_free));
        break;
    case DO_START_SERVICE: start_service(self); break;
    case DO_STOP_SERVICE: (void)cppserver_service_stop(self->service); break;
    case DO_RESTART_SERVICE: (void)cppserver_service_restart(self->service); break;
    case DEED_COUNT: break;
    }
    cppserver_session_release(session);
}

/* What ends something is rare enough that something goes on. */
static deed random_deed(stage *self, bool with_service)
{
    uint64_t number = stage_random(self);
    uint64_t choice = number / 128;
    if (with_service && number % 128 == 0)
        return (deed)(DO_START_SERVICE + choice % (DEED_COUNT - DO_START_SERVICE));
    if (number % 8 == 0)
        return (deed)(DO_RECONNECT + choice % (DO_START_SERVICE - DO_RECONNECT));
    return (deed)(choice % DO_RECONNECT);
}

/* Every callback comes through here. */
static void reach(stage *self, place place)
{
    platform_lock(&self->monitor);
    ++self->reached[place];
    /* A deed that fails may destroy a handler, and come through here again. */
    bool mine = place == self->at && !self->begun;
    self->begun = self->begun || mine;
    bool storm = self->storm;
    platform_notify(&self->monitor);
    platform_unlock(&self->monitor);
    if (mine) {
        act(self, self->deed);
        platform_lock(&self->monitor);
        self->done = true;
        platform_notify(&self->monitor);
        platform_unlock(&self->monitor);
    } else if (storm && stage_random(self) % 4 == 0) {
        act(self, random_deed(self, false));
    }
}

static void reach_from(void *user_data, place place)
{
    reach(((party *)user_data)->stage, place);
}

/* ---- the handlers ---- */

static void service_on_initialize(void *user_data) { reach_from(user_data, IN_SERVICE_INITIALIZE); }
static void service_on_started(void *user_data) { reach_from(user_data, IN_SERVICE_STARTED); }
static void service_on_stopped(void *user_data) { reach_from(user_data, IN_SERVICE_STOPPED); }
static void service_on_cleanup(void *user_data) { reach_from(user_data, IN_SERVICE_CLEANUP); }

static void service_on_destroy(void *user_data)
{
    reach_from(user_data, IN_SERVICE_DESTROY);
    party_free(user_data);
}

static void start_service(stage *self)
{
    cppserver_service_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_thread_initialize = service_on_initialize;
    handler.on_started = service_on_started;
    handler.on_stopped = service_on_stopped;
    handler.on_thread_cleanup = service_on_cleanup;
    handler.destroy = service_on_destroy;
    (void)cppserver_service_start(self->service, false, &handler, party_create(self, NULL));
}

static void connection_on_connected(party *self, place place)
{
    CHECK(!self->connected);
    self->connected = true;
    self->ended = false;
    (void)cppserver_session_send(self->session, "hello", 5, NULL);
    reach(self->stage, place);
}

static void connection_on_disconnected(party *self, place place)
{
    CHECK(!self->ended);
    CHECK(!cppserver_session_is_connected(self->session));
    self->connected = false;
    self->ended = true;
    reach(self->stage, place);
}

static size_t connection_on_received(party *self, size_t size, place place)
{
    CHECK(self->connected);
    reach(self->stage, place);
    return size;
}

static void session_on_connected(void *user_data) { connection_on_connected(user_data, IN_SESSION_CONNECTED); }
static void session_on_sent(void *user_data, size_t sent, size_t pending)
{
    (void)sent;
    (void)pending;
    reach_from(user_data, IN_SESSION_SENT);
}
static void session_on_empty(void *user_data) { reach_from(user_data, IN_SESSION_EMPTY); }
static void session_on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)code;
    (void)category;
    (void)message;
    reach_from(user_data, IN_SESSION_ERROR);
}
static size_t session_on_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    (void)kind;
    (void)data;
    return connection_on_received(user_data, size, IN_SESSION_RECEIVED);
}
static void session_on_disconnected(void *user_data, int32_t reason)
{
    (void)reason;
    connection_on_disconnected(user_data, IN_SESSION_DISCONNECTED);
}
static void session_on_destroy(void *user_data)
{
    reach_from(user_data, IN_SESSION_DESTROY);
    party_free(user_data);
}

static void client_on_connected(void *user_data) { connection_on_connected(user_data, IN_CLIENT_CONNECTED); }
static void client_on_sent(void *user_data, size_t sent, size_t pending)
{
    (void)sent;
    (void)pending;
    reach_from(user_data, IN_CLIENT_SENT);
}
static void client_on_empty(void *user_data) { reach_from(user_data, IN_CLIENT_EMPTY); }
static void client_on_error(void *user_data, int32_t code, const char *category, const char *message)
{
    (void)code;
    (void)category;
    (void)message;
    reach_from(user_data, IN_CLIENT_ERROR);
}
static size_t client_on_received(void *user_data, int32_t kind, const void *data, size_t size)
{
    (void)kind;
    (void)data;
    return connection_on_received(user_data, size, IN_CLIENT_RECEIVED);
}
static void client_on_disconnected(void *user_data, int32_t reason)
{
    (void)reason;
    /* A connect that fails ends without having begun. */
    ((party *)user_data)->ended = false;
    connection_on_disconnected(user_data, IN_CLIENT_DISCONNECTED);
}
static void client_on_destroy(void *user_data)
{
    reach_from(user_data, IN_CLIENT_DESTROY);
    party_free(user_data);
}

static void connect_client(stage *self)
{
    const cppserver_session_handler handler = {
        .size = sizeof handler,
        .on_connected = client_on_connected,
        .on_disconnected = client_on_disconnected,
        .on_received = client_on_received,
        .on_sent = client_on_sent,
        .on_empty = client_on_empty,
        .on_error = client_on_error,
        .destroy = client_on_destroy,
    };
    (void)cppserver_client_connect(self->client, &handler, party_create(self, self->client_session));
}

static void server_on_started(void *user_data) { reach_from(user_data, IN_SERVER_STARTED); }
static void server_on_stopped(void *user_data) { reach_from(user_data, IN_SERVER_STOPPED); }

static bool server_on_session(void *user_data, cppserver_session *session, cppserver_session_handler *handler,
                              void **session_user_data)
{
    const cppserver_session_handler filled = {
        .size = sizeof filled,
        .on_connected = session_on_connected,
        .on_disconnected = session_on_disconnected,
        .on_received = session_on_received,
        .on_sent = session_on_sent,
        .on_empty = session_on_empty,
        .on_error = session_on_error,
        .destroy = session_on_destroy,
    };
    stage *stage = ((party *)user_data)->stage;
    uint64_t number = stage_random(stage) % KNOWN_SESSIONS;
    platform_lock(&stage->monitor);
    cppserver_session *replaced = stage->sessions[number];
    stage->sessions[number] = cppserver_session_retain(session);
    platform_unlock(&stage->monitor);
    cppserver_session_release(replaced);
    reach(stage, IN_SERVER_SESSION);
    *handler = filled;
    *session_user_data = party_create(stage, session);
    return true;
}

static void server_on_connected(void *user_data, cppserver_session *session, void *session_user_data)
{
    CHECK(((party *)session_user_data)->session == session);
    reach_from(user_data, IN_SERVER_CONNECTED);
}

static void server_on_disconnected(void *user_data, cppserver_session *session, void *session_user_data, int32_t reason)
{
    (void)reason;
    CHECK(((party *)session_user_data)->session == session);
    CHECK(((party *)session_user_data)->ended);
    reach_from(user_data, IN_SERVER_DISCONNECTED);
}

static void server_on_destroy(void *user_data)
{
    reach_from(user_data, IN_SERVER_DESTROY);
    party_free(user_data);
}

static void start_server(stage *self)
{
    cppserver_server_handler handler = { 0 };
    handler.size = sizeof handler;
    handler.on_started = server_on_started;
    handler.on_stopped = server_on_stopped;
    handler.on_session = server_on_session;
    handler.on_connected = server_on_connected;
    handler.on_disconnected = server_on_disconnected;
    handler.destroy = server_on_destroy;
    (void)cppserver_server_start(self->server, &handler, party_create(self, NULL));
}

/* ---- the stage ---- */

static stage *stage_open(uint32_t threads)
{
    stage *self = calloc(1, sizeof *self);
    uint16_t port = platform_free_port();
    if (self == NULL)
        abort();
    platform_monitor_init(&self->monitor);
    self->at = PLACE_COUNT;
    self->service = cppserver_service_create(threads);
    self->server = cppserver_server_create_tcp(self->service, "127.0.0.1", port);
    self->client = cppserver_client_create_tcp(self->service, "127.0.0.1", port);
    self->client_session = cppserver_client_session(self->client);
    return self;
}

/* Waits until a callback has come so many times, or what was to be done is done. */
static void stage_wait(stage *self, place place, long count)
{
    uint64_t deadline = test_deadline();
    platform_lock(&self->monitor);
    while (!self->done && self->reached[place] < count && platform_now() < deadline)
        platform_wait(&self->monitor, deadline);
    bool good = self->done || self->reached[place] >= count;
    platform_unlock(&self->monitor);
    if (!good)
        printf("  %s did not come %ld times\n", place_names[place], count);
    CHECK(good);
}

/* Ends everything, and checks that nothing is left. */
static void stage_close(stage *self)
{
    platform_lock(&self->monitor);
    self->storm = false;
    platform_unlock(&self->monitor);
    /* What was asked of a stopped service comes up at the next start, and ends with it. */
    for (int life = 0; life < 2; ++life) {
        (void)cppserver_service_start(self->service, false, NULL, NULL);
        while (cppserver_service_stop(self->service) == CPPSERVER_STATUS_OK)
            continue;
    }
    CHECK_NUMBER(self->alive, 0);
    CHECK_NUMBER(self->reached[IN_SERVER_CONNECTED], self->reached[IN_SERVER_DISCONNECTED]);
    CHECK_NUMBER(self->reached[IN_SERVICE_STARTED], self->reached[IN_SERVICE_STOPPED]);
    CHECK_NUMBER(self->reached[IN_SERVICE_INITIALIZE], self->reached[IN_SERVICE_CLEANUP]);
    CHECK_NUMBER(self->reached[IN_SERVER_STARTED], self->reached[IN_SERVER_STOPPED]);
    CHECK_NUMBER(cppserver_server_current_sessions(self->server), 0);
    CHECK(!cppserver_server_is_started(self->server));
    CHECK(!cppserver_session_is_connected(self->client_session));
    for (int number = 0; number < KNOWN_SESSIONS; ++number)
        cppserver_session_release(self->sessions[number]);
    cppserver_client_release(self->client);
    cppserver_server_release(self->server);
    cppserver_service_release(self->service);
    free(self);
}

/* One life with all callbacks in it; the deed is done inside one of them. */
static void play(place at, deed deed, uint32_t threads)
{
    stage *stage = stage_open(threads);
    stage->at = at;
    stage->deed = deed;
    start_service(stage);
    start_server(stage);
    connect_client(stage);
    stage_wait(stage, IN_CLIENT_RECEIVED, 1);
    stage_wait(stage, IN_CLIENT_EMPTY, 1);
    stage_wait(stage, IN_SESSION_RECEIVED, 1);
    stage_wait(stage, IN_SESSION_EMPTY, 1);
    /* What is not read turns the close into a reset, too. */
    platform_socket peer = platform_socket_connect(cppserver_server_port(stage->server), 0);
    if (peer != PLATFORM_NO_SOCKET) {
        stage_wait(stage, IN_SERVER_CONNECTED, 2);
        platform_socket_reset(peer);
        stage_wait(stage, IN_SESSION_DESTROY, 1);
    }
    (void)cppserver_session_disconnect(stage->client_session);
    stage_wait(stage, IN_CLIENT_DESTROY, 1);
    (void)cppserver_server_stop(stage->server);
    stage_wait(stage, IN_SERVER_DESTROY, 1);
    connect_client(stage);
    stage_wait(stage, IN_CLIENT_ERROR, 1);
    (void)cppserver_service_stop(stage->service);
    stage_wait(stage, IN_SERVICE_DESTROY, 1);
    bool good = CHECK(stage->done || at == PLACE_COUNT);
    stage_close(stage);
    if (!good || atomic_load(&test_has_failed))
        printf("  it was %s in %s, %u threads\n", deed_names[deed], place_names[at], (unsigned)threads);
}

static void everything_may_be_done_in_every_callback(void)
{
    for (int at = 0; at < PLACE_COUNT; ++at)
        for (int deed = 0; deed < DEED_COUNT && !atomic_load(&test_has_failed); ++deed)
            play((place)at, (enum deed)deed, 1 + (uint32_t)(at + deed) % 2);
}

typedef struct caller {
    platform_thread thread;
    stage *stage;
    bool with_service;
} caller;

/* Goes on until there were connections, too. */
static bool goes_on(stage *self, int round, uint64_t deadline)
{
    platform_lock(&self->monitor);
    bool enough = round >= ROUNDS / THREADS && self->reached[IN_SERVER_CONNECTED] >= CONNECTIONS;
    /* Leaves the loops their share of the machine, so that much of this has its effect. */
    if (!enough)
        platform_wait(&self->monitor, platform_now() + 1);
    platform_unlock(&self->monitor);
    return !enough && platform_now() < deadline;
}

static void call_around(void *argument)
{
    caller *self = argument;
    uint64_t deadline = test_deadline();
    for (int round = 0; goes_on(self->stage, round, deadline); ++round) {
        act(self->stage, random_deed(self->stage, self->with_service));
        /* Whatever stopped is started again now and then. */
        if (round % 16 == 0) {
            start_service(self->stage);
            start_server(self->stage);
            connect_client(self->stage);
        }
    }
}

static void storm(uint32_t threads, bool with_service)
{
    caller callers[THREADS];
    stage *stage = stage_open(threads);
    /* A peer that is just being stopped may not read; nobody waits for it for long. */
    CHECK_OK(cppserver_server_set_option(stage->server, CPPSERVER_OPTION_CLOSE_TIMEOUT, 200));
    CHECK_OK(cppserver_client_set_option(stage->client, CPPSERVER_OPTION_CLOSE_TIMEOUT, 200));
    stage->storm = true;
    start_service(stage);
    for (int number = 0; number < THREADS; ++number) {
        callers[number].stage = stage;
        callers[number].with_service = with_service;
        platform_thread_start(&callers[number].thread, call_around, &callers[number]);
    }
    for (int number = 0; number < THREADS; ++number)
        platform_thread_join(&callers[number].thread);
    /* The loops may still be at it. */
    platform_lock(&stage->monitor);
    long connections = stage->reached[IN_SERVER_CONNECTED];
    platform_unlock(&stage->monitor);
    CHECK(connections >= CONNECTIONS);
    stage_close(stage);
}

static void eight_threads_at_once(void)
{
    storm(1, false);
}

static void eight_threads_at_once_with_the_service(void)
{
    storm(1, true);
}

static void eight_threads_at_once_on_two_loops(void)
{
    storm(2, true);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(everything_may_be_done_in_every_callback),
        TEST(eight_threads_at_once),
        TEST(eight_threads_at_once_with_the_service),
        TEST(eight_threads_at_once_on_two_loops),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
