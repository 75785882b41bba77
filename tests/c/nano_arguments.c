/* Sockets of scalability protocols: arguments that have no meaning, messages, options and counters. */
#include "nano.h"

static void null_is_harmless(void)
{
    size_t count = 7;
    int64_t value = 7;
    bool finished = true;
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    cppserver_sp_socket *pair = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    counter destroyed;
    counter_init(&destroyed);
    CHECK(cppserver_sp_socket_retain(NULL) == NULL);
    cppserver_sp_socket_release(NULL);
    CHECK_NUMBER(cppserver_sp_socket_id(NULL), 0);
    CHECK_NUMBER(cppserver_sp_socket_protocol(NULL), 0);
    CHECK(!cppserver_sp_socket_is_raw(NULL));
    CHECK(cppserver_sp_socket_is_closed(NULL));
    CHECK(cppserver_sp_socket_create_on(NULL, CPPSERVER_SP_PROTOCOL_PAIR, false) == NULL);
    CHECK(cppserver_sp_socket_listen(NULL, "inproc://c-null") == NULL);
    CHECK(cppserver_sp_socket_dial(NULL, "inproc://c-null") == NULL);
    CHECK(cppserver_sp_socket_listen(pair, NULL) == NULL);
    CHECK(cppserver_sp_socket_dial(pair, NULL) == NULL);
    CHECK(cppserver_sp_context_create(NULL) == NULL);
    CHECK(cppserver_sp_context_retain(NULL) == NULL);
    cppserver_sp_context_release(NULL);
    CHECK(cppserver_sp_device_create(NULL, pair) == NULL);
    CHECK(cppserver_sp_device_create(pair, NULL) == NULL);
    CHECK(cppserver_sp_device_retain(NULL) == NULL);
    cppserver_sp_device_release(NULL);
    CHECK(cppserver_sp_endpoint_retain(NULL) == NULL);
    cppserver_sp_endpoint_release(NULL);
    CHECK_NUMBER(cppserver_sp_endpoint_id(NULL), 0);
    CHECK_NUMBER(cppserver_sp_endpoint_port(NULL), 0);
    CHECK(cppserver_sp_endpoint_is_closed(NULL));
    CHECK(cppserver_sp_message_clone(NULL) == NULL);
    cppserver_sp_message_release(NULL);
    CHECK(cppserver_sp_message_data(NULL) == NULL);
    CHECK(cppserver_sp_message_mutable_data(NULL) == NULL);
    CHECK_NUMBER(cppserver_sp_message_size(NULL), 0);
    CHECK(cppserver_sp_message_header(NULL, &count) == NULL);
    CHECK_NUMBER(count, 0);
    const int32_t statuses[] = {
        cppserver_sp_socket_set_option(NULL, CPPSERVER_SP_OPTION_LINGER, 1),
        cppserver_sp_socket_get_option(NULL, CPPSERVER_SP_OPTION_LINGER, &value),
        cppserver_sp_socket_get_option(pair, CPPSERVER_SP_OPTION_LINGER, NULL),
        cppserver_sp_socket_set_tls(NULL, NULL),
        cppserver_sp_socket_set_tls(pair, NULL),
        cppserver_sp_socket_set_handler(pair, NULL, NULL),
        cppserver_sp_socket_clear_handler(NULL),
        cppserver_sp_socket_pause_receiving(NULL),
        cppserver_sp_socket_resume_receiving(NULL),
        cppserver_sp_socket_subscribe(NULL, "a", 1),
        cppserver_sp_socket_subscribe(pair, NULL, 1),
        cppserver_sp_socket_unsubscribe(NULL, "a", 1),
        cppserver_sp_socket_statistics(pair, NULL),
        cppserver_sp_socket_close(NULL),
        cppserver_sp_socket_send(NULL, "a", 1, 0),
        cppserver_sp_socket_send(pair, NULL, 1, 0),
        cppserver_sp_socket_send_message(NULL, message, 0),
        cppserver_sp_socket_send_message(pair, NULL, 0),
        cppserver_sp_socket_receive(NULL, message, 0),
        cppserver_sp_socket_receive(pair, NULL, 0),
        cppserver_sp_socket_receive_answer(NULL, message, 0, &finished),
        cppserver_sp_socket_receive_answer(pair, NULL, 0, &finished),
        cppserver_sp_socket_when_receivable(NULL, count_destroy, &destroyed, count_destroy),
        cppserver_sp_socket_when_receivable(pair, NULL, &destroyed, count_destroy),
        cppserver_sp_socket_when_sendable(NULL, count_destroy, &destroyed, count_destroy),
        cppserver_sp_socket_when_sendable(pair, NULL, &destroyed, count_destroy),
        cppserver_sp_context_when_receivable(NULL, count_destroy, &destroyed, count_destroy),
        cppserver_sp_context_send(NULL, "a", 1),
        cppserver_sp_context_send_message(NULL, message),
        cppserver_sp_context_receive(NULL, message, 0),
        cppserver_sp_context_receive_answer(NULL, message, 0, &finished),
        cppserver_sp_context_request(NULL, "a", 1, message, 0),
        cppserver_sp_endpoint_address(NULL, NULL, 0, &count),
        cppserver_sp_endpoint_close(NULL),
        cppserver_sp_message_assign(NULL, "a", 1),
        cppserver_sp_message_swap(NULL, message),
        cppserver_sp_message_swap(message, NULL),
        cppserver_sp_message_swap(NULL, NULL),
        cppserver_sp_socket_set_blocking(NULL, true),
        cppserver_sp_message_set_header(NULL, NULL, 0),
        cppserver_sp_message_set_header(message, NULL, 1),
    };
    for (size_t index = 0; index < sizeof statuses / sizeof *statuses; ++index)
        CHECK_NUMBER(statuses[index], CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(value, 7);
    CHECK_NUMBER(counter_value(&destroyed), 5);
    cppserver_sp_message_release(message);
    nano_free(pair);
}

static void protocols_are_those_of_the_wire(void)
{
    const int32_t good[] = { 16, 32, 33, 48, 49, 80, 81, 98, 99, 112 };
    const int32_t bad[] = { INT32_MIN, -1, 0, 17, 34, 64, 100, 113, 65536 + 16, INT32_MAX };
    uint64_t last = 0;
    for (size_t index = 0; index < sizeof good / sizeof *good; ++index) {
        cppserver_sp_socket *socket = cppserver_sp_socket_create(good[index], index % 2 == 1);
        CHECK_NUMBER(cppserver_sp_socket_protocol(socket), good[index]);
        CHECK_NUMBER(cppserver_sp_socket_is_raw(socket), index % 2 == 1);
        CHECK(cppserver_sp_socket_id(socket) > last);
        last = cppserver_sp_socket_id(socket);
        cppserver_sp_socket_release(socket);
    }
    for (size_t index = 0; index < sizeof bad / sizeof *bad; ++index) {
        CHECK(cppserver_sp_socket_create(bad[index], false) == NULL);
        CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    }
}

static void options_have_the_defaults_of_the_header(void)
{
    const int64_t defaults[] = { 1000, 131072, 131072, 0, 0, -1, -1, 100, 0, 8, 8, 1048576, 8, 60000, 1000, 10000, 1 };
    const int32_t last = CPPSERVER_SP_OPTION_NO_DELAY;
    cppserver_sp_socket *socket = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    CHECK_NUMBER(sizeof defaults / sizeof *defaults, last);
    for (int32_t option = 1; option <= last; ++option) {
        int64_t value = INT64_MIN;
        CHECK_OK(cppserver_sp_socket_get_option(socket, option, &value));
        CHECK_NUMBER(value, defaults[option - 1]);
        CHECK_FAILS(cppserver_sp_socket_set_option(socket, option, INT64_MIN), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_OK(cppserver_sp_socket_set_option(socket, option, 1));
        CHECK_OK(cppserver_sp_socket_get_option(socket, option, &value));
        CHECK_NUMBER(value, 1);
    }
    const int32_t none[] = { INT32_MIN, -1, 0, last + 1, INT32_MAX };
    for (size_t index = 0; index < sizeof none / sizeof *none; ++index) {
        int64_t value = 7;
        CHECK_FAILS(cppserver_sp_socket_set_option(socket, none[index], 1), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_FAILS(cppserver_sp_socket_get_option(socket, none[index], &value), CPPSERVER_STATUS_INVALID_ARGUMENT);
        CHECK_NUMBER(value, 7);
    }
    nano_free(socket);
}

static void addresses_are_checked(void)
{
    cppserver_sp_socket *socket = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    const char *const unreadable[] = { "", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "inproc://", "1" };
    for (size_t index = 0; index < sizeof unreadable / sizeof *unreadable; ++index) {
        CHECK(cppserver_sp_socket_listen(socket, unreadable[index]) == NULL);
        CHECK_FAILURE(CPPSERVER_SP_FAILURE_ADDRESS);
        CHECK(cppserver_sp_socket_dial(socket, unreadable[index]) == NULL);
        CHECK_FAILURE(CPPSERVER_SP_FAILURE_ADDRESS);
    }
    CHECK(cppserver_sp_socket_dial(socket, "udp://127.0.0.1:1") == NULL);
    CHECK_FAILURE(CPPSERVER_SP_FAILURE_TRANSPORT);
    CHECK(cppserver_sp_socket_dial(socket, "\xff") == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    /* No certificates were given. */
    CHECK(cppserver_sp_socket_listen(socket, "tls+tcp://127.0.0.1:0") == NULL);
    CHECK_NUMBER(cppserver_last_error_code(), CPPSERVER_STATUS_INVALID_ARGUMENT);
    nano_listen(socket, "inproc://c-taken");
    CHECK(cppserver_sp_socket_listen(socket, "inproc://c-taken") == NULL);
    CHECK_FAILURE(CPPSERVER_SP_FAILURE_ADDRESS_IN_USE);
    CHECK(nano_counters(socket).bind_errors > 0);
    nano_free(socket);
}

static void endpoints_tell_their_address_and_end(void)
{
    char text[64];
    size_t length = 0;
    cppserver_sp_socket *socket = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    cppserver_sp_endpoint *one = cppserver_sp_socket_listen(socket, "inproc://c-endpoint");
    cppserver_sp_endpoint *other = cppserver_sp_socket_listen(socket, "tcp://127.0.0.1:0");
    CHECK(cppserver_sp_endpoint_id(one) != cppserver_sp_endpoint_id(other));
    CHECK_NUMBER(cppserver_sp_endpoint_port(one), 0);
    CHECK(cppserver_sp_endpoint_port(other) != 0);
    CHECK_OK(cppserver_sp_endpoint_address(one, text, sizeof text, &length));
    CHECK_TEXT(text, "inproc://c-endpoint");
    CHECK_NUMBER(length, strlen(text));
    length = 0;
    CHECK_FAILS(cppserver_sp_endpoint_address(one, text, strlen(text), &length), CPPSERVER_STATUS_INVALID_ARGUMENT);
    CHECK_NUMBER(length, strlen(text));
    CHECK_OK(cppserver_sp_endpoint_address(one, NULL, 0, NULL));
    CHECK(!cppserver_sp_endpoint_is_closed(one));
    CHECK_OK(cppserver_sp_endpoint_close(one));
    CHECK(cppserver_sp_endpoint_is_closed(one) && !cppserver_sp_endpoint_is_closed(other));
    CHECK_REFUSED(cppserver_sp_endpoint_close(one), CPPSERVER_STATUS_NOT_CONNECTED, CPPSERVER_SP_FAILURE_CLOSED);
    /* The address is free again. */
    nano_listen(socket, "inproc://c-endpoint");
    CHECK(cppserver_sp_endpoint_retain(one) == one);
    cppserver_sp_endpoint_release(one);
    nano_free(socket);
    CHECK(cppserver_sp_endpoint_is_closed(other));
    cppserver_sp_endpoint_release(one);
    cppserver_sp_endpoint_release(other);
}

/* ---- messages ---- */

static void messages_are_bytes(void)
{
    static unsigned char bytes[100000];
    const size_t sizes[] = { 0, 1, 54, 55, 1000, sizeof bytes };
    for (size_t index = 0; index < sizeof bytes; ++index)
        bytes[index] = (unsigned char)(index * 7 + index / 251);
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; ++index) {
        size_t size = sizes[index];
        cppserver_sp_message *message = cppserver_sp_message_create(bytes, size);
        CHECK_NUMBER(cppserver_sp_message_size(message), size);
        CHECK(cppserver_sp_message_data(message) != NULL);
        CHECK(memcmp(cppserver_sp_message_data(message), bytes, size) == 0);
        cppserver_sp_message *clone = cppserver_sp_message_clone(message);
        CHECK(clone != message);
        CHECK_NUMBER(cppserver_sp_message_size(clone), size);
        if (size > 54)
            CHECK(cppserver_sp_message_data(clone) == cppserver_sp_message_data(message));
        if (size > 0) {
            *(unsigned char *)cppserver_sp_message_mutable_data(clone) = 99;
            CHECK_NUMBER(*(const unsigned char *)cppserver_sp_message_data(clone), 99);
            CHECK(memcmp(cppserver_sp_message_data(message), bytes, size) == 0);
        }
        cppserver_sp_message_release(message);
        /* The clone lives on its own. */
        CHECK(size < 2 || memcmp((const char *)cppserver_sp_message_data(clone) + 1, bytes + 1, size - 1) == 0);
        cppserver_sp_message_release(clone);
    }
    CHECK(cppserver_sp_message_create(bytes, SIZE_MAX) == NULL);
    CHECK(cppserver_sp_message_create(NULL, SIZE_MAX) == NULL);
}

static void messages_are_filled_in_place(void)
{
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 1000);
    char *data = cppserver_sp_message_mutable_data(message);
    for (int index = 0; index < 1000; ++index)
        CHECK(data[index] == 0);
    memset(data, 'x', 1000);
    CHECK(cppserver_sp_message_data(message) == (const void *)data);
    CHECK_OK(cppserver_sp_message_assign(message, "other", 5));
    CHECK(nano_is(message, "other"));
    cppserver_sp_message_release(message);
}

static void messages_have_headers(void)
{
    const uint32_t words[] = { 1, 2, 3, 4, 5, 6, 0x80000007u };
    size_t count = 7;
    cppserver_sp_message *message = cppserver_sp_message_create("body", 4);
    CHECK(cppserver_sp_message_header(message, &count) != NULL);
    CHECK_NUMBER(count, 0);
    CHECK_OK(cppserver_sp_message_set_header(message, words, 7));
    cppserver_sp_message *clone = cppserver_sp_message_clone(message);
    CHECK(memcmp(cppserver_sp_message_header(clone, &count), words, sizeof words) == 0);
    CHECK_NUMBER(count, 7);
    CHECK(nano_is(clone, "body"));
    CHECK_OK(cppserver_sp_message_set_header(message, NULL, 0));
    cppserver_sp_message_header(message, &count);
    CHECK_NUMBER(count, 0);
    cppserver_sp_message_header(clone, NULL);
    cppserver_sp_message_release(message);
    cppserver_sp_message_release(clone);
}

static void messages_are_exchanged(void)
{
    size_t count = 7;
    const uint32_t id = 9;
    char bytes[1000] = "";
    cppserver_sp_message *large = cppserver_sp_message_create(bytes, sizeof bytes);
    cppserver_sp_message *small = cppserver_sp_message_create("small", 5);
    CHECK_OK(cppserver_sp_message_set_header(small, &id, 1));
    const void *data = cppserver_sp_message_data(large);
    CHECK_OK(cppserver_sp_message_swap(large, small));
    CHECK(cppserver_sp_message_data(small) == data);
    CHECK(nano_is(large, "small"));
    CHECK_NUMBER(*cppserver_sp_message_header(large, &count), 9);
    CHECK_NUMBER(count, 1);
    CHECK_OK(cppserver_sp_message_swap(small, small));
    CHECK_NUMBER(cppserver_sp_message_size(small), sizeof bytes);
    cppserver_sp_message_release(large);
    cppserver_sp_message_release(small);
}

static void calls_need_not_block(void)
{
    cppserver_sp_socket *pair = nano_socket(CPPSERVER_SP_PROTOCOL_PAIR);
    cppserver_sp_message *message = cppserver_sp_message_create(NULL, 0);
    CHECK_OK(cppserver_sp_socket_set_blocking(pair, false));
    CHECK_REFUSED(cppserver_sp_socket_receive(pair, message, -1), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK_REFUSED(cppserver_sp_socket_send(pair, "nobody", 6, PATIENTLY), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_WOULD_BLOCK);
    CHECK_OK(cppserver_sp_socket_set_blocking(pair, true));
    CHECK_REFUSED(cppserver_sp_socket_receive(pair, message, 1), CPPSERVER_STATUS_TIMEOUT, CPPSERVER_SP_FAILURE_TIMED_OUT);
    cppserver_sp_message_release(message);
    nano_free(pair);
}

static void large_messages_are_not_copied_within_a_process(void)
{
    static const char bytes[60000];
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    cppserver_sp_socket *pull = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
    nano_listen(push, "inproc://c-large");
    nano_dial(pull, "inproc://c-large");
    cppserver_sp_message *sent = cppserver_sp_message_create(bytes, sizeof bytes);
    cppserver_sp_message *received = cppserver_sp_message_create(NULL, 0);
    for (int number = 0; number < 3; ++number) {
        CHECK_OK(cppserver_sp_socket_send_message(push, sent, PATIENTLY));
        CHECK_OK(cppserver_sp_socket_receive(pull, received, PATIENTLY));
        CHECK(cppserver_sp_message_data(received) == cppserver_sp_message_data(sent));
        CHECK_NUMBER(cppserver_sp_message_size(received), sizeof bytes);
    }
    cppserver_sp_message_release(sent);
    cppserver_sp_message_release(received);
    nano_free(push);
    nano_free(pull);
}

/* ---- counters ---- */

static void counters_are_exact(void)
{
    cppserver_sp_socket *push = nano_socket(CPPSERVER_SP_PROTOCOL_PUSH);
    cppserver_sp_socket *pull = nano_socket(CPPSERVER_SP_PROTOCOL_PULL);
    nano_listen(pull, "inproc://c-counters");
    nano_dial(push, "inproc://c-counters");
    nano_send(push, "four");
    nano_send(push, "eleven more");
    CHECK_HEARS(pull, "four");
    cppserver_sp_statistics pushed = nano_counters(push), pulled = nano_counters(pull);
    CHECK_NUMBER(pushed.established_connections, 1);
    CHECK_NUMBER(pushed.accepted_connections, 0);
    CHECK_NUMBER(pushed.current_connections, 1);
    CHECK_NUMBER(pushed.messages_sent, 2);
    CHECK_NUMBER(pushed.bytes_sent, 15);
    CHECK_NUMBER(pushed.messages_received, 0);
    CHECK_NUMBER(pulled.accepted_connections, 1);
    CHECK_NUMBER(pulled.messages_received, 1);
    CHECK_NUMBER(pulled.bytes_received, 4);
    CHECK_NUMBER(pulled.messages_dropped, 0);
    CHECK_NUMBER(pulled.messages_undelivered, 0);
    CHECK_OK(cppserver_sp_socket_close(push));
    CHECK_NUMBER(nano_counters(push).dropped_connections, 1);
    CHECK_NUMBER(nano_counters(push).current_connections, 0);
    CHECK_NUMBER(nano_counters(pull).broken_connections, 1);
    cppserver_sp_socket_release(push);
    nano_free(pull);
}

static void an_older_program_gets_fewer_counters(void)
{
    cppserver_sp_socket *socket = nano_socket(CPPSERVER_SP_PROTOCOL_BUS);
    nano_send(socket, "counted");
    cppserver_sp_statistics counters = { .size = offsetof(cppserver_sp_statistics, bytes_sent) };
    counters.bytes_sent = 99;
    CHECK_OK(cppserver_sp_socket_statistics(socket, &counters));
    CHECK_NUMBER(counters.messages_sent, 1);
    CHECK_NUMBER(counters.bytes_sent, 99);
    CHECK_NUMBER(counters.size, offsetof(cppserver_sp_statistics, bytes_sent));
    counters.size = 0;
    CHECK_FAILS(cppserver_sp_socket_statistics(socket, &counters), CPPSERVER_STATUS_INVALID_ARGUMENT);
    nano_free(socket);
}

int main(int count, char **arguments)
{
    const test_case cases[] = {
        TEST(null_is_harmless),
        TEST(protocols_are_those_of_the_wire),
        TEST(options_have_the_defaults_of_the_header),
        TEST(addresses_are_checked),
        TEST(endpoints_tell_their_address_and_end),
        TEST(messages_are_bytes),
        TEST(messages_are_filled_in_place),
        TEST(messages_have_headers),
        TEST(messages_are_exchanged),
        TEST(calls_need_not_block),
        TEST(large_messages_are_not_copied_within_a_process),
        TEST(counters_are_exact),
        TEST(an_older_program_gets_fewer_counters),
    };
    return test_main(count, arguments, cases, sizeof cases / sizeof *cases);
}
