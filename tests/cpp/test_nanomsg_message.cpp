// Messages: buffers, copies and moves.

#include "nanomsg_support.h"

using namespace Test;

TEST(nanomsg_message_without_a_buffer)
{
    Message message;
    CHECK(!message);
    CHECK(message.buffer() == nullptr);
    CHECK(const_cast<const Message&>(message).buffer() == nullptr);
    CHECK_EQUAL(message.size(), 0u);
    CHECK_EQUAL(message.type(), 0);
    CHECK_EQUAL(message.string(), "");
    CHECK_EQUAL(Show(message), "");
    CHECK(message.header().empty());
    CHECK(!message.SetHeader({ 1 }));
}

// In the early library it was true without a buffer.
TEST(nanomsg_message_is_true_with_a_buffer)
{
    CHECK(Message(5));
    CHECK(Message("a", 1));
    CHECK(Message("", 0));
    CHECK(!Message());
}

TEST(nanomsg_message_holds_bytes_of_every_size)
{
    for (const size_t size : { size_t(0), size_t(1), size_t(54), size_t(55), size_t(1000), size_t(1) << 20 })
    {
        std::string bytes(size, 'x');
        for (size_t index = 0; index < size; ++index)
            bytes[index] = static_cast<char>(index * 7);
        Message message(bytes.data(), size);
        CHECK_EQUAL(message.size(), size);
        CHECK(message.string() == bytes);
        CHECK(Show(message) == bytes);
        CHECK(message.buffer() != nullptr);
        CHECK_EQUAL(message.type(), 0);
    }
    Message fresh(100);
    CHECK(fresh.string() == std::string(100, '\0'));
    fresh.buffer()[99] = 'z';
    CHECK_EQUAL(fresh.string().back(), 'z');
}

TEST(nanomsg_message_has_the_type_0_only)
{
    CHECK_EQUAL(Message(5, 0).size(), 5u);
    CHECK_FAILS(Message(5, 1), EINVAL);
    CHECK_FAILS(Message("a", 1, -1), EINVAL);
}

TEST(nanomsg_message_too_large_for_the_memory)
{
    CHECK_FAILS(Message(std::numeric_limits<size_t>::max()), ENOMEM);
    Message message("kept", 4);
    CHECK_FAILS(message.Reallocate(std::numeric_limits<size_t>::max()), ENOMEM);
    CHECK_EQUAL(message.string(), "kept");
}

TEST(nanomsg_message_copies_are_independent)
{
    for (const size_t size : { size_t(5), size_t(1000) })
    {
        Message message(std::string(size, 'a').data(), size);
        Message copy(message);
        Message assigned;
        assigned = message;
        copy.buffer()[0] = 'b';
        message.buffer()[0] = 'c';
        CHECK_EQUAL(message.string()[0], 'c');
        CHECK_EQUAL(copy.string()[0], 'b');
        CHECK_EQUAL(assigned.string()[0], 'a');
        const Message& same = assigned;
        assigned = same;
        CHECK_EQUAL(assigned.size(), size);
    }
}

// This was an assertion.
TEST(nanomsg_message_without_a_buffer_is_copied)
{
    const Message empty;
    const Message copy(empty);
    CHECK(!copy);
    Message message("a", 1);
    message = empty;
    CHECK(!message);
    CHECK_EQUAL(message.size(), 0u);
}

// These left two owners, or copied nothing.
TEST(nanomsg_message_moves_have_one_owner)
{
    Message message("moved", 5);
    Message constructed(std::move(message));
    CHECK_EQUAL(constructed.string(), "moved");
    CHECK(!message);
    CHECK_EQUAL(message.string(), "");
    Message assigned("old", 3);
    assigned = std::move(constructed);
    CHECK_EQUAL(assigned.string(), "moved");
    CHECK(!constructed);
    Message& same = assigned;
    assigned = std::move(same);
    CHECK_EQUAL(assigned.string(), "moved");
    std::vector<Message> messages;
    for (int number = 0; number < 100; ++number)
        messages.push_back(Bytes(std::to_string(number)));
    messages.erase(messages.begin(), messages.begin() + 50);
    CHECK_EQUAL(messages.front().string(), "50");
    CHECK_EQUAL(messages.back().string(), "99");
    message = Message("again", 5);
    CHECK_EQUAL(message.string(), "again");
}

TEST(nanomsg_message_swaps)
{
    Message one("one", 3);
    Message other;
    one.swap(other);
    CHECK(!one);
    CHECK_EQUAL(other.string(), "one");
    swap(one, other);
    CHECK_EQUAL(one.string(), "one");
    CHECK(!other);
}

// The size stayed, so that string() failed.
TEST(nanomsg_message_is_empty_after_clear)
{
    Message message("a text", 6);
    message.Clear();
    CHECK(!message);
    CHECK(message.buffer() == nullptr);
    CHECK_EQUAL(message.size(), 0u);
    CHECK_EQUAL(message.string(), "");
    message.Clear();
    message.Reallocate(3);
    CHECK_EQUAL(message.size(), 3u);
}

TEST(nanomsg_message_is_empty_after_a_receive_that_got_nothing)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    CHECK(socket.Bind(UnusedName()));
    Message message("old", 3);
    CHECK_EQUAL(socket.TryReceive(message), 0u);
    CHECK(!message);
    CHECK_EQUAL(message.string(), "");
    message = Message("old", 3);
    CHECK(socket.SetupReceiveTimeout(std::chrono::milliseconds(1)));
    CHECK_FAILS(socket.Receive(message), ETIMEDOUT);
    CHECK(!message);
    message = Message("old", 3);
    socket.Close();
    CHECK_EQUAL(socket.Receive(message), 0u);
    CHECK_EQUAL(message.size(), 0u);
}

TEST(nanomsg_message_is_reallocated)
{
    Message message;
    message.Reallocate(4);
    CHECK(message.string() == std::string(4, '\0'));
    message = Message("0123456789", 10);
    message.Reallocate(4);
    CHECK_EQUAL(message.string(), "0123");
    message.Reallocate(6);
    CHECK(message.string() == std::string("0123\0\0", 6));
    message.Reallocate(100000);
    CHECK_EQUAL(message.size(), 100000u);
    CHECK_EQUAL(message.string().substr(0, 4), "0123");
    message.Reallocate(0);
    CHECK(message);
    CHECK_EQUAL(message.size(), 0u);
}

TEST(nanomsg_message_has_a_header)
{
    Message message("body", 4);
    CHECK(message.header().empty());
    CHECK(message.SetHeader({ 5, 0x80000001u }));
    const std::vector<uint32_t> words = { 5, 0x80000001u };
    CHECK(message.header() == words);
    message.Reallocate(2);
    CHECK(Message(message).header() == words);
    CHECK(message.SetHeader({}));
    CHECK(message.header().empty());
}

TEST(nanomsg_message_large_ones_are_shared)
{
    SocketsOf sockets(Protocol::Pair, Protocol::Pair);
    const Message sent(std::string(100000, 'a').data(), 100000);
    CHECK_EQUAL(sockets.client.Send(sent), 100000u);
    Message received;
    CHECK_EQUAL(sockets.server.Receive(received), 100000u);
    CHECK(const_cast<const Message&>(received).buffer() == sent.buffer());
    received.buffer()[0] = 'b';
    CHECK_EQUAL(sent.string()[0], 'a');
}
