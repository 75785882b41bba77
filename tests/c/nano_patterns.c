/* The patterns of the scalability protocols: what goes to whom, by calls that block. */
#include "nano.h"

static void pairs_talk_both_ways(void)
{
    cppserver_sp_socket *one = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    cppserver_sp_socket *other = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    CHECK_REFUSED(cppserver_sp_socket_send(one, "nobody", 6, 0), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK_REFUSED(cppserver_sp_socket_send(one, "nobody", 6, 1), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_TIMED_OUT);
    nano_listen(one, "inproc://c-pair");
    nano_dial(other, "inproc://c-pair");
    nano_send(one, "hello");
    CHECK_HEARS(other, "hello");
    nano_send(other, "hello yourself");
    CHECK_HEARS(one, "hello yourself");
    CHECK_OK(cppserver_sp_socket_send(one, NULL, 0, PATIENTLY));
    CHECK_HEARS(other, "");
    nano_free(one);
    nano_free(other);
}

static void pushed_work_is_shared_out(void)
{
    enum { MESSAGES = 100 };
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    cppserver_sp_socket *pulls[2];
    nano_listen(push, "inproc://c-push");
    for (int number = 0; number < 2; ++number) {
        pulls[number] = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
        nano_dial(pulls[number], "inproc://c-push");
    }
    for (int number = 0; number < MESSAGES; ++number)
        nano_send(push, "work");
    for (int number = 0; number < MESSAGES; ++number)
        CHECK_HEARS(pulls[number % 2], "work");
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    CHECK_REFUSED(cppserver_sp_socket_receive(pulls[0], message, 0), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK_REFUSED(cppserver_sp_socket_receive(pulls[0], message, 1), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_TIMED_OUT);
    CHECK_REFUSED(cppserver_sp_socket_receive(push, message, 0), CPPSERVER_STATUS_UNSUPPORTED, CPPSERVER_SP_FAILURE_NOT_SUPPORTED);
    CHECK_REFUSED(cppserver_sp_socket_send(pulls[0], "no", 2, 0), CPPSERVER_STATUS_UNSUPPORTED, CPPSERVER_SP_FAILURE_NOT_SUPPORTED);
    cppserver_sp_message_release(message);
    nano_free(push);
    nano_free(pulls[0]);
    nano_free(pulls[1]);
}

static void a_request_has_its_reply(void)
{
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    cppserver_sp_socket *server = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    nano_listen(server, "inproc://c-request");
    nano_dial(client, "inproc://c-request");
    CHECK_REFUSED(cppserver_sp_socket_receive(client, message, 0), CPPSERVER_STATUS_INVALID_STATE, CPPSERVER_SP_FAILURE_WRONG_STATE);
    CHECK_REFUSED(cppserver_sp_socket_send(server, "no", 2, 0), CPPSERVER_STATUS_INVALID_STATE, CPPSERVER_SP_FAILURE_WRONG_STATE);
    nano_send(client, "given up");
    nano_send(client, "question");
    CHECK_HEARS(server, "given up");
    nano_send(server, "too late");
    CHECK_HEARS(server, "question");
    nano_send(server, "answer");
    CHECK_HEARS(client, "answer");
    cppserver_sp_message_release(message);
    nano_free(server);
    nano_free(client);
}

static void subscribers_hear_their_topics(void)
{
    cppserver_sp_socket *publisher = nano_socket(CPPSERVER_SP_PROTOCOL_PUBLISHER);
    cppserver_sp_socket *subscriber = nano_socket(CPPSERVER_SP_PROTOCOL_SUBSCRIBER);
    nano_listen(publisher, "inproc://c-publish");
    nano_dial(subscriber, "inproc://c-publish");
    nano_send(publisher, "weather: nobody hears it");
    CHECK_OK(cppserver_sp_socket_subscribe(subscriber, "weather", 7));
    nano_send(publisher, "sports: 2 to 1");
    nano_send(publisher, "weather: rain");
    CHECK_HEARS(subscriber, "weather: rain");
    CHECK_OK(cppserver_sp_socket_unsubscribe(subscriber, "weather", 7));
    CHECK_FAILS(cppserver_sp_socket_unsubscribe(subscriber, "weather", 7), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_OK(cppserver_sp_socket_subscribe(subscriber, NULL, 0));
    nano_send(publisher, "everything");
    CHECK_HEARS(subscriber, "everything");
    CHECK_REFUSED(cppserver_sp_socket_subscribe(publisher, "a", 1), CPPSERVER_STATUS_UNSUPPORTED, CPPSERVER_SP_FAILURE_NOT_SUPPORTED);
    nano_free(publisher);
    nano_free(subscriber);
}

static void the_end_of_a_survey_is_told_apart(void)
{
    bool finished = true;
    cppserver_sp_message *message = cppserver_sp_message_create("as it was", 9);
    cppserver_sp_socket *surveyor = nano_socket(CPPSERVER_SP_PROTOCOL_SURVEYOR);
    cppserver_sp_socket *respondent = nano_socket(CPPSERVER_SP_PROTOCOL_RESPONDENT);
    nano_listen(surveyor, "inproc://c-survey");
    nano_dial(respondent, "inproc://c-survey");
    CHECK_REFUSED(cppserver_sp_socket_receive_answer(surveyor, message, 0, &finished), CPPSERVER_STATUS_INVALID_STATE, CPPSERVER_SP_FAILURE_WRONG_STATE);
    CHECK(!finished);
    CHECK_OK(cppserver_sp_socket_set_option(surveyor, CPPSERVER_SP_OPTION_SURVEY_DEADLINE, TEST_PATIENCE));
    nano_send(surveyor, "who is there?");
    CHECK_HEARS(respondent, "who is there?");
    /* The timeout of the call is not the end of the survey. */
    CHECK_REFUSED(cppserver_sp_socket_receive_answer(surveyor, message, 1, &finished), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_TIMED_OUT);
    CHECK_REFUSED(cppserver_sp_socket_receive_answer(surveyor, message, 0, &finished), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK(!finished && nano_is(message, "as it was"));
    nano_send(respondent, "me");
    CHECK_OK(cppserver_sp_socket_receive_answer(surveyor, message, PATIENTLY, &finished));
    CHECK(!finished && nano_is(message, "me"));
    CHECK_OK(cppserver_sp_socket_set_option(surveyor, CPPSERVER_SP_OPTION_SURVEY_DEADLINE, 10));
    nano_send(surveyor, "nobody answers");
    CHECK_OK(cppserver_sp_socket_receive_answer(surveyor, message, -1, &finished));
    CHECK(finished && nano_is(message, "me"));
    CHECK_REFUSED(cppserver_sp_socket_receive_answer(surveyor, message, -1, &finished), CPPSERVER_STATUS_INVALID_STATE, CPPSERVER_SP_FAILURE_WRONG_STATE);
    CHECK(!finished);
    /* The other call tells it as an error. */
    nano_send(surveyor, "nor here");
    CHECK_REFUSED(cppserver_sp_socket_receive(surveyor, message, -1), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_TIMED_OUT);
    CHECK_FAILS(cppserver_sp_socket_receive_answer(surveyor, message, 0, NULL), CPPSERVER_STATUS_INVALID_ARGUMENT);
    cppserver_sp_message_release(message);
    nano_free(surveyor);
    nano_free(respondent);
}

static void a_bus_has_no_echo(void)
{
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    cppserver_sp_socket *nodes[3];
    for (int number = 0; number < 3; ++number)
        nodes[number] = nano_socket(CPPSERVER_SP_PROTOCOL_BUS);
    nano_listen(nodes[0], "inproc://c-bus-0");
    nano_listen(nodes[1], "inproc://c-bus-1");
    nano_dial(nodes[1], "inproc://c-bus-0");
    nano_dial(nodes[2], "inproc://c-bus-0");
    nano_dial(nodes[2], "inproc://c-bus-1");
    nano_send(nodes[0], "hello all");
    CHECK_HEARS(nodes[1], "hello all");
    CHECK_HEARS(nodes[2], "hello all");
    for (int number = 0; number < 3; ++number)
        CHECK_REFUSED(cppserver_sp_socket_receive(nodes[number], message, 0), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    cppserver_sp_message_release(message);
    for (int number = 0; number < 3; ++number)
        nano_free(nodes[number]);
}

/* ---- contexts ---- */

static void double_requests(void *argument)
{
    cppserver_sp_context *context = argument;
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    while (cppserver_sp_context_receive(context, message, -1) == CPPSERVER_STATUS_OK) {
        size_t size = cppserver_sp_message_size(message);
        char answer[64];
        CHECK(2 * size <= sizeof answer);
        memcpy(answer, cppserver_sp_message_data(message), size);
        memcpy(answer + size, cppserver_sp_message_data(message), size);
        CHECK_OK(cppserver_sp_context_send(context, answer, 2 * size));
    }
    CHECK_FAILURE(CPPSERVER_SP_FAILURE_CLOSED);
    cppserver_sp_message_release(message);
}

static void contexts_ask_and_answer_at_the_same_time(void)
{
    platform_thread threads[2];
    cppserver_sp_context *workers[2];
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    cppserver_sp_socket *server = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    nano_listen(server, "inproc://c-contexts");
    nano_dial(client, "inproc://c-contexts");
    for (int number = 0; number < 2; ++number) {
        workers[number] = cppserver_sp_context_create(server);
        CHECK(workers[number] != NULL);
        platform_thread_start(&threads[number], double_requests, workers[number]);
    }
    cppserver_sp_context *one = cppserver_sp_context_create(client);
    cppserver_sp_context *other = cppserver_sp_context_create(client);
    CHECK(cppserver_sp_context_retain(other) == other);
    cppserver_sp_context_release(other);
    CHECK_REFUSED(cppserver_sp_context_receive(one, message, 0), CPPSERVER_STATUS_INVALID_STATE, CPPSERVER_SP_FAILURE_WRONG_STATE);
    CHECK_OK(cppserver_sp_message_assign(message, "ab", 2));
    CHECK_OK(cppserver_sp_context_send_message(one, message));
    CHECK_OK(cppserver_sp_context_request(other, "cd", 2, message, PATIENTLY));
    CHECK(nano_is(message, "cdcd"));
    CHECK_OK(cppserver_sp_context_receive(one, message, PATIENTLY));
    CHECK(nano_is(message, "abab"));
    cppserver_sp_context_release(one);
    cppserver_sp_context_release(other);
    /* Ends the workers. */
    CHECK_OK(cppserver_sp_socket_close(server));
    for (int number = 0; number < 2; ++number) {
        platform_thread_join(&threads[number]);
        cppserver_sp_context_release(workers[number]);
    }
    cppserver_sp_socket_release(server);
    cppserver_sp_message_release(message);
    nano_free(client);
}

static void surveys_of_contexts_end_too(void)
{
    bool finished = false;
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    cppserver_sp_socket *surveyor = nano_socket(CPPSERVER_SP_PROTOCOL_SURVEYOR);
    cppserver_sp_context *context = cppserver_sp_context_create(surveyor);
    CHECK_OK(cppserver_sp_socket_set_option(surveyor, CPPSERVER_SP_OPTION_SURVEY_DEADLINE, 10));
    CHECK_OK(cppserver_sp_context_send(context, "nobody", 6));
    CHECK_OK(cppserver_sp_context_receive_answer(context, message, PATIENTLY, &finished));
    CHECK(finished);
    cppserver_sp_context_release(context);
    cppserver_sp_message_release(message);
    nano_free(surveyor);
    cppserver_sp_socket *pair = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    CHECK(cppserver_sp_context_create(pair) == NULL);
    CHECK_FAILURE(CPPSERVER_SP_FAILURE_NOT_SUPPORTED);
    nano_free(pair);
}

/* ---- devices ---- */

static void a_device_joins_raw_sockets(void)
{
    cppserver_sp_socket *front = nano_raw(CPPSERVER_SP_PROTOCOL_REPLY);
    cppserver_sp_socket *back = nano_raw(CPPSERVER_SP_PROTOCOL_REQUEST);
    cppserver_sp_socket *client = nano_socket(CPPSERVER_SP_PROTOCOL_REQUEST);
    cppserver_sp_socket *worker = nano_socket(CPPSERVER_SP_PROTOCOL_REPLY);
    CHECK(cppserver_sp_device_create(client, worker) == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK(cppserver_sp_device_create(front, front) == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    nano_listen(front, "inproc://c-front");
    nano_listen(back, "inproc://c-back");
    nano_dial(client, "inproc://c-front");
    nano_dial(worker, "inproc://c-back");
    cppserver_sp_device *device = cppserver_sp_device_create(front, back);
    CHECK(device != NULL);
    CHECK(cppserver_sp_device_retain(device) == device);
    cppserver_sp_device_release(device);
    nano_send(client, "question");
    CHECK_HEARS(worker, "question");
    nano_send(worker, "answer");
    CHECK_HEARS(client, "answer");
    cppserver_sp_device_release(device);
    /* Nothing is passed on any more: it waits in the raw socket, with its header. */
    nano_send(client, "for nobody");
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    CHECK_OK(cppserver_sp_socket_receive(front, message, PATIENTLY));
    CHECK(nano_is(message, "for nobody"));
    size_t count = 0;
    const uint32_t *words = cppserver_sp_message_header(message, &count);
    CHECK_NUMBER(count, 2);
    CHECK((words[0] & 0x80000000u) == 0 && (words[1] & 0x80000000u) != 0);
    /* An answer with the same header finds its way back; one without does not. */
    CHECK_OK(cppserver_sp_socket_send_message(front, message, 0));
    CHECK_HEARS(client, "for nobody");
    CHECK_REFUSED(cppserver_sp_socket_send(front, "no header", 9, 0), CPPSERVER_STATUS_SP, CPPSERVER_SP_FAILURE_MALFORMED);
    cppserver_sp_message_release(message);
    nano_free(front);
    nano_free(back);
    nano_free(client);
    nano_free(worker);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(pairs_talk_both_ways),
        TEST(pushed_work_is_shared_out),
        TEST(a_request_has_its_reply),
        TEST(subscribers_hear_their_topics),
        TEST(the_end_of_a_survey_is_told_apart),
        TEST(a_bus_has_no_echo),
        TEST(contexts_ask_and_answer_at_the_same_time),
        TEST(surveys_of_contexts_end_too),
        TEST(a_device_joins_raw_sockets),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
