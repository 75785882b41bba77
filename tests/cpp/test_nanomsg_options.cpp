// Options of sockets: those of nanomsg, and the library's own.

#include "nanomsg_support.h"

using namespace Test;

namespace {

int Number(Nano::Socket& socket, int level, int option)
{
    int value = -99;
    size_t size = sizeof(value);
    CHECK(socket.GetSocketOption(level, option, &value, &size));
    CHECK_EQUAL(size, sizeof(value));
    return value;
}

bool SetNumber(Nano::Socket& socket, int level, int option, int value) { return socket.SetSocketOption(level, option, &value, sizeof(value)); }

bool SetText(Nano::Socket& socket, int level, int option, const std::string& value) { return socket.SetSocketOption(level, option, value.data(), value.size()); }

struct Fact
{
    int level;
    int option;
    int standard;
    int other;
};

} // namespace

TEST(nanomsg_options_have_defaults_and_are_kept)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    const Fact facts[] = { { NN_SOL_SOCKET, NN_LINGER, 0, 50 }, { NN_SOL_SOCKET, NN_LINGER, 50, -1 }, { NN_SOL_SOCKET, NN_SNDBUF, 131072, 1000 },
        { NN_SOL_SOCKET, NN_RCVBUF, 131072, 1000 }, { NN_SOL_SOCKET, NN_SNDTIMEO, -1, 5 }, { NN_SOL_SOCKET, NN_RCVTIMEO, -1, 0 },
        { NN_SOL_SOCKET, NN_RECONNECT_IVL, 100, 7 }, { NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, 0, 1000 }, { NN_SOL_SOCKET, NN_SNDPRIO, 8, 16 },
        { NN_SOL_SOCKET, NN_RCVPRIO, 8, 1 }, { NN_SOL_SOCKET, NN_IPV4ONLY, 1, 0 }, { NN_SOL_SOCKET, NN_RCVMAXSIZE, 1048576, -1 },
        { NN_SOL_SOCKET, NN_RCVMAXSIZE, -1, 5000 }, { NN_SOL_SOCKET, NN_MAXTTL, 8, 255 }, { NN_TCP, NN_TCP_NODELAY, 1, 0 },
        { NN_WS, NN_WS_MSG_TYPE, NN_WS_MSG_TYPE_BINARY, NN_WS_MSG_TYPE_BINARY } };
    for (const Fact& fact : facts)
    {
        CHECK_EQUAL(Number(socket, fact.level, fact.option), fact.standard);
        CHECK(SetNumber(socket, fact.level, fact.option, fact.other));
        CHECK_EQUAL(Number(socket, fact.level, fact.option), fact.other);
    }
    CHECK_EQUAL(Number(socket, NN_SOL_SOCKET, NN_DOMAIN), AF_SP);
    CHECK_EQUAL(Number(socket, NN_SOL_SOCKET, NN_PROTOCOL), NN_PAIR);
    Nano::Socket raw(Domain::Raw, Protocol::Bus);
    CHECK_EQUAL(Number(raw, NN_SOL_SOCKET, NN_DOMAIN), AF_SP_RAW);
    CHECK_EQUAL(Number(raw, NN_SOL_SOCKET, NN_PROTOCOL), NN_BUS);
}

TEST(nanomsg_options_of_protocols)
{
    Nano::Socket request(Domain::Std, Protocol::Request);
    CHECK_EQUAL(Number(request, NN_REQ, NN_REQ_RESEND_IVL), 60000);
    CHECK(SetNumber(request, NN_REQ, NN_REQ_RESEND_IVL, 5));
    CHECK_EQUAL(Number(request, NN_REQ, NN_REQ_RESEND_IVL), 5);
    Nano::Socket surveyor(Domain::Std, Protocol::Surveyor);
    CHECK_EQUAL(Number(surveyor, NN_SURVEYOR, NN_SURVEYOR_DEADLINE), 1000);
    CHECK(SetNumber(surveyor, NN_SURVEYOR, NN_SURVEYOR_DEADLINE, 5));
    CHECK_EQUAL(Number(surveyor, NN_SURVEYOR, NN_SURVEYOR_DEADLINE), 5);
    CHECK_FAILS(SetNumber(surveyor, NN_REQ, NN_REQ_RESEND_IVL, 5), ENOPROTOOPT);
    CHECK_FAILS(SetNumber(request, NN_SURVEYOR, NN_SURVEYOR_DEADLINE, 5), ENOPROTOOPT);
    CHECK_FAILS(SetText(request, NN_SUB, NN_SUB_SUBSCRIBE, "a"), EINVAL);
    Nano::Socket raw(Domain::Raw, Protocol::Request);
    CHECK_FAILS(SetNumber(raw, NN_REQ, NN_REQ_RESEND_IVL, 5), ENOPROTOOPT);
}

TEST(nanomsg_options_that_are_none)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    int value = 1;
    size_t size = sizeof(value);
    for (const int option : { 0, -1, 18, NN_SNDFD, NN_RCVFD })
    {
        CHECK_FAILS(SetNumber(socket, NN_SOL_SOCKET, option, 1), ENOPROTOOPT);
        CHECK_FAILS(socket.GetSocketOption(NN_SOL_SOCKET, option, &value, &size), ENOPROTOOPT);
    }
    CHECK_FAILS(SetNumber(socket, NN_TCP, 2, 1), ENOPROTOOPT);
    CHECK_FAILS(SetNumber(socket, NN_IPC, 1, 1), ENOPROTOOPT);
    CHECK_FAILS(SetNumber(socket, NN_INPROC, 1, 1), ENOPROTOOPT);
    CHECK_FAILS(SetNumber(socket, NN_SOL_SOCKET, NN_DOMAIN, AF_SP), ENOPROTOOPT);
}

TEST(nanomsg_options_values_that_are_none)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    const Fact wrong[] = { { NN_SOL_SOCKET, NN_SNDBUF, 131072, 0 }, { NN_SOL_SOCKET, NN_RCVBUF, 131072, -1 }, { NN_SOL_SOCKET, NN_RECONNECT_IVL, 100, -1 },
        { NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, 0, -1 }, { NN_SOL_SOCKET, NN_SNDPRIO, 8, 0 }, { NN_SOL_SOCKET, NN_RCVPRIO, 8, 17 },
        { NN_SOL_SOCKET, NN_IPV4ONLY, 1, 2 }, { NN_SOL_SOCKET, NN_RCVMAXSIZE, 1048576, -2 }, { NN_SOL_SOCKET, NN_RCVMAXSIZE, 1048576, 0 },
        { NN_SOL_SOCKET, NN_MAXTTL, 8, 256 }, { NN_TCP, NN_TCP_NODELAY, 1, 2 }, { NN_WS, NN_WS_MSG_TYPE, NN_WS_MSG_TYPE_BINARY, NN_WS_MSG_TYPE_TEXT } };
    for (const Fact& fact : wrong)
    {
        CHECK_FAILS(SetNumber(socket, fact.level, fact.option, fact.other), EINVAL);
        CHECK_EQUAL(Number(socket, fact.level, fact.option), fact.standard);
    }
    const int value = 1;
    CHECK_FAILS(socket.SetSocketOption(NN_SOL_SOCKET, NN_LINGER, &value, 1), EINVAL);
    CHECK_FAILS(socket.SetSocketOption(NN_SOL_SOCKET, NN_LINGER, nullptr, sizeof(value)), EINVAL);
    size_t size = 4;
    CHECK_FAILS(socket.GetSocketOption(NN_SOL_SOCKET, NN_LINGER, nullptr, &size), EINVAL);
    int target = 0;
    CHECK_FAILS(socket.GetSocketOption(NN_SOL_SOCKET, NN_LINGER, &target, nullptr), EINVAL);
}

TEST(nanomsg_options_store_as_much_as_there_is_room_for)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    char name[64] = "";
    size_t size = sizeof(name);
    CHECK(socket.GetSocketOption(NN_SOL_SOCKET, NN_SOCKET_NAME, name, &size));
    CHECK_EQUAL(std::string(name, size), std::to_string(socket.socket()));
    CHECK(SetText(socket, NN_SOL_SOCKET, NN_SOCKET_NAME, "my socket"));
    size = 2;
    CHECK(socket.GetSocketOption(NN_SOL_SOCKET, NN_SOCKET_NAME, name, &size));
    CHECK_EQUAL(size, 9u);
    CHECK_EQUAL(std::string(name, 2), "my");
    CHECK_FAILS(SetText(socket, NN_SOL_SOCKET, NN_SOCKET_NAME, std::string(64, 'x')), EINVAL);
    size = 0;
    CHECK(socket.GetSocketOption(NN_SOL_SOCKET, NN_LINGER, nullptr, &size));
    CHECK_EQUAL(size, sizeof(int));
    Nano::Socket moved(std::move(socket));
    size = sizeof(name);
    CHECK(moved.GetSocketOption(NN_SOL_SOCKET, NN_SOCKET_NAME, name, &size));
    CHECK_EQUAL(std::string(name, size), "my socket");
}

TEST(nanomsg_options_of_a_closed_socket)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    socket.Close();
    int value = 1;
    size_t size = sizeof(value);
    CHECK(!socket.SetSocketOption(NN_SOL_SOCKET, NN_LINGER, &value, size));
    CHECK(!socket.GetSocketOption(NN_SOL_SOCKET, NN_LINGER, &value, &size));
}

TEST(nanomsg_options_topics)
{
    SocketsOf sockets(Protocol::Publisher, Protocol::Subscriber);
    Nano::Socket& subscriber = sockets.client;
    CHECK(SetText(subscriber, NN_SUB, NN_SUB_UNSUBSCRIBE, ""));
    CHECK_FAILS(SetText(subscriber, NN_SUB, NN_SUB_UNSUBSCRIBE, ""), EINVAL);
    CHECK(SetText(subscriber, NN_SUB, NN_SUB_SUBSCRIBE, "he"));
    CHECK(SetText(subscriber, NN_SUB, NN_SUB_SUBSCRIBE, "wor"));
    for (const char* text : { "hello", "world", "wood", "h", "" })
        sockets.server.Send(Bytes(text));
    CHECK_EQUAL(Hear(subscriber), "hello");
    CHECK_EQUAL(Hear(subscriber), "world");
    Message message;
    CHECK_EQUAL(subscriber.TryReceive(message), 0u);
    CHECK(!message);
    CHECK_FAILS(SetNumber(subscriber, NN_SUB, 3, 1), ENOPROTOOPT);
    CHECK_FAILS(sockets.server.Subscribe("a"), ENOTSUP);
    CHECK_FAILS(subscriber.Unsubscribe("a"), EINVAL);
}

TEST(nanomsg_options_timeouts_and_sizes_are_followed)
{
    SocketsOf sockets(Protocol::Pair, Protocol::Pair);
    Message message;
    CHECK(SetNumber(sockets.client, NN_SOL_SOCKET, NN_RCVTIMEO, 1));
    CHECK_FAILS(sockets.client.Receive(message), ETIMEDOUT);
    sockets.server.Disconnect();
    CHECK(SetNumber(sockets.client, NN_SOL_SOCKET, NN_SNDTIMEO, 1));
    CHECK_FAILS(sockets.client.Send("nobody"), ETIMEDOUT);
    Nano::Socket pull(Domain::Std, Protocol::Pull);
    Nano::Socket push(Domain::Std, Protocol::Push);
    CHECK(SetNumber(pull, NN_SOL_SOCKET, NN_RCVMAXSIZE, 100));
    CHECK(pull.Bind("tcp://127.0.0.1:0"));
    CHECK(push.Connect("tcp://127.0.0.1:" + std::to_string(pull.port())));
    CHECK_EQUAL(push.Send(std::string(100, 'x')), 100u);
    CHECK_EQUAL(Hear(pull).size(), 100u);
    CHECK_EQUAL(push.Send(std::string(101, 'x')), 101u);
    UNTIL(push.broken_connections() > 0);
    CHECK_EQUAL(pull.messages_received(), 1u);
}

TEST(nanomsg_options_in_the_style_of_the_library)
{
    using std::chrono::milliseconds;
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    CHECK(socket.SetupLinger(milliseconds(1)) && !socket.SetupLinger(milliseconds(-1)));
    CHECK(socket.SetupSendLimit(1000) && !socket.SetupSendLimit(0) && socket.SetupSendMessages(5));
    CHECK(socket.SetupReceiveLimit(2000) && !socket.SetupReceiveLimit(std::numeric_limits<size_t>::max()) && socket.SetupReceiveMessages(5));
    CHECK(socket.SetupSendTimeout(milliseconds(3)) && !socket.SetupSendTimeout(milliseconds(-2)));
    CHECK(socket.SetupReceiveTimeout(milliseconds(4)) && !socket.SetupReceiveTimeout(milliseconds(-2)));
    CHECK(socket.SetupReconnectInterval(milliseconds(5)) && !socket.SetupReconnectInterval(milliseconds(0)));
    CHECK(socket.SetupReconnectIntervalMax(milliseconds(6)) && !socket.SetupReconnectIntervalMax(milliseconds(-1)));
    CHECK(socket.SetupSendPriority(1) && !socket.SetupSendPriority(0) && socket.SetupReceivePriority(16) && !socket.SetupReceivePriority(17));
    CHECK(socket.SetupMaxMessageSize(0) && socket.SetupMaxMessageSize(7));
    CHECK(socket.SetupMaxHops(9) && !socket.SetupMaxHops(0));
    CHECK(socket.SetupResendInterval(milliseconds(0)) && !socket.SetupResendInterval(milliseconds(-1)));
    CHECK(socket.SetupSurveyDeadline(milliseconds(1)) && !socket.SetupSurveyDeadline(milliseconds(0)));
    CHECK(socket.SetupHandshakeTimeout(milliseconds(0)) && !socket.SetupHandshakeTimeout(milliseconds(-1)));
    CHECK(socket.SetupNoDelay(false) && socket.SetupNoDelay(true));
    const Fact facts[] = { { 0, NN_SNDBUF, 1000, 0 }, { 0, NN_RCVBUF, 2000, 0 }, { 0, NN_SNDTIMEO, 3, 0 }, { 0, NN_RCVTIMEO, 4, 0 },
        { 0, NN_RECONNECT_IVL, 5, 0 }, { 0, NN_RECONNECT_IVL_MAX, 6, 0 }, { 0, NN_SNDPRIO, 1, 0 }, { 0, NN_RCVPRIO, 16, 0 }, { 0, NN_RCVMAXSIZE, 7, 0 },
        { 0, NN_MAXTTL, 9, 0 } };
    for (const Fact& fact : facts)
        CHECK_EQUAL(Number(socket, fact.level, fact.option), fact.standard);
}
