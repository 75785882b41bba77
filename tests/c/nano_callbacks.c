/* Sockets of scalability protocols that are told by callbacks: order, answers, pauses, and the end. */
#include "nano.h"

static void a_handler_hears_everything_in_order(void)
{
    listener *server = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PAIR));
    cppserver_sp_endpoint *endpoint = cppserver_sp_socket_listen(server->socket, "inproc://c-order");
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    nano_dial(client, "inproc://c-order");
    nano_send(client, "one");
    nano_send(client, "two");
    nano_free(client);
    WAIT_FOR(&server->journal, "disconnected");
    CHECK_NUMBER(server->endpoint, cppserver_sp_endpoint_id(endpoint));
    CHECK(!server->dialed);
    cppserver_sp_endpoint_release(endpoint);
    CHECK_OK(cppserver_sp_socket_close(server->socket));
    WAIT_FOR(&server->journal, "destroy");
    CHECK_JOURNAL(&server->journal, "connected, one, two, disconnected, destroy");
    listener_free(server);
}

static void a_handler_answers(void)
{
    listener *server = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_REPLY));
    server->echo = true;
    nano_listen(server->socket, "inproc://c-answers");
    listener *client = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST));
    nano_dial(client->socket, "inproc://c-answers");
    nano_send(client->socket, "question");
    WAIT_FOR(&client->journal, "question");
    WAIT_FOR(&server->journal, "question");
    CHECK(client->dialed);
    listener_free(client);
    listener_free(server);
}

static void the_end_of_a_survey_is_told(void)
{
    listener *surveyor = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_SURVEYOR));
    listener *respondent = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_RESPONDENT));
    respondent->echo = true;
    nano_listen(surveyor->socket, "inproc://c-told");
    nano_dial(respondent->socket, "inproc://c-told");
    CHECK_OK(cppserver_sp_socket_set_option(surveyor->socket, CPPSERVER_SP_OPTION_SURVEY_DEADLINE, TEST_PATIENCE));
    nano_send(surveyor->socket, "me");
    WAIT_FOR(&surveyor->journal, "me");
    CHECK_JOURNAL(&surveyor->journal, "connected, me");
    CHECK_OK(cppserver_sp_socket_set_option(surveyor->socket, CPPSERVER_SP_OPTION_SURVEY_DEADLINE, 1));
    nano_send(surveyor->socket, "me too");
    WAIT_FOR(&surveyor->journal, "finished");
    listener_free(surveyor);
    listener_free(respondent);
}

static void a_refused_send_is_told_when_to_go_on(void)
{
    listener *push = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PUSH));
    CHECK_REFUSED(cppserver_sp_socket_send(push->socket, "x", 1, 0), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    cppserver_sp_socket *pull = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
    nano_listen(pull, "inproc://c-writable");
    nano_dial(push->socket, "inproc://c-writable");
    WAIT_FOR(&push->journal, "writable");
    CHECK_OK(cppserver_sp_socket_send(push->socket, "x", 1, 0));
    CHECK_HEARS(pull, "x");
    nano_free(pull);
    listener_free(push);
}

static void messages_wait_during_a_pause(void)
{
    listener *pull = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PULL));
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    CHECK_OK(cppserver_sp_socket_pause_receiving(pull->socket));
    nano_listen(pull->socket, "inproc://c-pause");
    nano_dial(push, "inproc://c-pause");
    /* Other callbacks go on. */
    WAIT_FOR(&pull->journal, "connected");
    nano_send(push, "waits");
    CHECK_NUMBER(nano_counters(pull->socket).messages_received, 0);
    /* Who calls receives it all the same. */
    CHECK_HEARS(pull->socket, "waits");
    nano_send(push, "told");
    CHECK_OK(cppserver_sp_socket_resume_receiving(pull->socket));
    WAIT_FOR(&pull->journal, "told");
    CHECK_JOURNAL(&pull->journal, "connected, told");
    nano_free(push);
    listener_free(pull);
}

static void a_handler_may_be_taken_away(void)
{
    listener *pull = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PULL));
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    nano_listen(pull->socket, "inproc://c-taken-away");
    nano_dial(push, "inproc://c-taken-away");
    nano_send(push, "first");
    WAIT_FOR(&pull->journal, "first");
    CHECK_OK(cppserver_sp_socket_clear_handler(pull->socket));
    CHECK_JOURNAL(&pull->journal, "connected, first, destroy");
    nano_send(push, "second");
    CHECK_HEARS(pull->socket, "second");
    /* Another one hears what waits already. */
    nano_send(push, "third");
    const cppserver_sp_handler handler = listener_handler();
    CHECK_OK(cppserver_sp_socket_set_handler(pull->socket, &handler, pull));
    WAIT_FOR(&pull->journal, "third");
    nano_free(push);
    /* The last word of this handler, not of the first one. */
    CHECK_OK(cppserver_sp_socket_close(pull->socket));
    CHECK(journal_has(&pull->journal, "destroy", 2));
    listener_free(pull);
}

static void a_failed_call_destroys_what_it_was_given(void)
{
    counter destroyed;
    counter_init(&destroyed);
    cppserver_sp_handler handler = { .size = sizeof handler, .destroy = count_destroy };
    cppserver_sp_socket *socket = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    CHECK_FAILS(cppserver_sp_socket_set_handler(NULL, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_OK(cppserver_sp_socket_set_handler(socket, &handler, &destroyed));
    CHECK_NUMBER(counter_value(&destroyed), 1);
    CHECK_OK(cppserver_sp_socket_set_handler(socket, &handler, &destroyed));
    CHECK_NUMBER(counter_value(&destroyed), 2);
    CHECK_OK(cppserver_sp_socket_close(socket));
    CHECK_NUMBER(counter_value(&destroyed), 3);
    CHECK_REFUSED(cppserver_sp_socket_set_handler(socket, &handler, &destroyed), CPPSERVER_STATUS_NOT_CONNECTED, CPPSERVER_SP_FAILURE_CLOSED);
    CHECK_NUMBER(counter_value(&destroyed), 4);
    handler.size = 0;
    CHECK_FAILS(cppserver_sp_socket_set_handler(socket, &handler, &destroyed), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(counter_value(&destroyed), 4);
    cppserver_sp_socket_release(socket);
}

static void the_last_reference_closes(void)
{
    listener *self = listener_of(nano_socket(CPPSERVER_SP_PROTOCOL_PAIR));
    CHECK(cppserver_sp_socket_retain(self->socket) == self->socket);
    cppserver_sp_socket_release(self->socket);
    CHECK(!cppserver_sp_socket_is_closed(self->socket));
    cppserver_sp_socket_release(self->socket);
    WAIT_FOR(&self->journal, "destroy");
    CHECK_JOURNAL(&self->journal, "destroy");
    free(self);
}

/* ---- one call when a try is worth while ---- */

static void watch_called(void *user_data)
{
    journal_add(user_data, "called");
}

static void watch_destroyed(void *user_data)
{
    journal_add(user_data, "destroy");
}

static void a_message_is_told_once(void)
{
    journal told;
    journal_init(&told);
    cppserver_sp_socket *reply = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    cppserver_sp_socket *request = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    nano_listen(reply, "inproc://c-watch");
    CHECK_OK(cppserver_sp_socket_when_receivable(reply, watch_called, &told, watch_destroyed));
    nano_dial(request, "inproc://c-watch");
    nano_send(request, "question");
    WAIT_FOR(&told, "destroy");
    CHECK_HEARS(reply, "question");
    nano_send(reply, "answer");
    CHECK_HEARS(request, "answer");
    CHECK_JOURNAL(&told, "called, destroy");
    nano_free(request);
    nano_free(reply);
}

static void a_context_is_told_of_its_answer(void)
{
    journal told;
    journal_init(&told);
    cppserver_sp_socket *reply = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    cppserver_sp_socket *request = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    nano_listen(reply, "inproc://c-watch-context");
    nano_dial(request, "inproc://c-watch-context");
    cppserver_sp_context *context = cppserver_sp_context_create(request);
    CHECK_OK(cppserver_sp_context_send(context, "question", 8));
    CHECK_OK(cppserver_sp_context_when_receivable(context, watch_called, &told, watch_destroyed));
    CHECK_HEARS(reply, "question");
    CHECK_JOURNAL(&told, "");
    nano_send(reply, "answer");
    WAIT_FOR(&told, "destroy");
    CHECK_JOURNAL(&told, "called, destroy");
    /* What was not called goes with its context. */
    CHECK_OK(cppserver_sp_context_send(context, "another question", 16));
    CHECK_OK(cppserver_sp_context_when_receivable(context, watch_called, &told, watch_destroyed));
    cppserver_sp_context_release(context);
    CHECK(journal_has(&told, "destroy", 2));
    CHECK_JOURNAL(&told, "called, destroy, destroy");
    nano_free(request);
    nano_free(reply);
}

static void room_is_told_once(void)
{
    journal told;
    journal_init(&told);
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    CHECK_REFUSED(cppserver_sp_socket_send(push, "x", 1, 0), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK_OK(cppserver_sp_socket_when_sendable(push, watch_called, &told, watch_destroyed));
    cppserver_sp_socket *pull = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
    nano_listen(pull, "inproc://c-watch-room");
    nano_dial(push, "inproc://c-watch-room");
    WAIT_FOR(&told, "destroy");
    CHECK_JOURNAL(&told, "called, destroy");
    CHECK_OK(cppserver_sp_socket_send(push, "x", 1, 0));
    nano_free(push);
    nano_free(pull);
}

/* ---- inside callbacks ---- */

typedef struct inside {
    journal journal;
    cppserver_sp_message *kept;
    cppserver_sp_endpoint *endpoint;
} inside;

static void inside_received(void *user_data, cppserver_sp_socket *socket, cppserver_sp_message *message)
{
    inside *self = user_data;
    cppserver_sp_message *other = cppserver_sp_message_create(NULL, 0);
    /* Nothing blocks here. */
    CHECK_REFUSED(cppserver_sp_socket_receive(socket, other, -1), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK_REFUSED(cppserver_sp_socket_receive(socket, other, 1000), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    cppserver_sp_message_release(other);
    self->kept = cppserver_sp_message_clone(message);
    cppserver_sp_message_release(cppserver_sp_message_clone(message));
    ((char *)cppserver_sp_message_mutable_data(message))[0] = 'J';
    CHECK_OK(cppserver_sp_socket_send_message(socket, message, 0));
    CHECK_OK(cppserver_sp_endpoint_close(self->endpoint));
    CHECK_NUMBER(nano_counters(socket).messages_sent, 1);
    CHECK_OK(cppserver_sp_socket_close(socket));
    CHECK_REFUSED(cppserver_sp_socket_close(socket), CPPSERVER_STATUS_NOT_CONNECTED, CPPSERVER_SP_FAILURE_CLOSED);
    cppserver_sp_socket_release(socket);
    journal_add(&self->journal, "received");
}

static void inside_destroy(void *user_data)
{
    journal_add(&((inside *)user_data)->journal, "destroy");
}

static void a_callback_may_do_everything(void)
{
    inside self;
    journal_init(&self.journal);
    cppserver_sp_socket *server = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    const cppserver_sp_handler handler = { .size = sizeof handler, .on_received = inside_received, .destroy = inside_destroy };
    CHECK_OK(cppserver_sp_socket_set_handler(server, &handler, &self));
    self.endpoint = cppserver_sp_socket_listen(server, "inproc://c-inside");
    nano_dial(client, "inproc://c-inside");
    /* The callback gives the reference back. */
    nano_send(client, "hello, with more bytes than a message has room for in itself, so that they are shared");
    CHECK_HEARS(client, "Jello, with more bytes than a message has room for in itself, so that they are shared");
    WAIT_FOR(&self.journal, "destroy");
    CHECK_JOURNAL(&self.journal, "received, destroy");
    CHECK(nano_is(self.kept, "hello, with more bytes than a message has room for in itself, so that they are shared"));
    cppserver_sp_message_release(self.kept);
    cppserver_sp_endpoint_release(self.endpoint);
    nano_free(client);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(a_handler_hears_everything_in_order),
        TEST(a_handler_answers),
        TEST(the_end_of_a_survey_is_told),
        TEST(a_refused_send_is_told_when_to_go_on),
        TEST(messages_wait_during_a_pause),
        TEST(a_handler_may_be_taken_away),
        TEST(a_failed_call_destroys_what_it_was_given),
        TEST(the_last_reference_closes),
        TEST(a_message_is_told_once),
        TEST(a_context_is_told_of_its_answer),
        TEST(room_is_told_once),
        TEST(a_callback_may_do_everything),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
