// Sockets: endpoints, sending and receiving, errors, counters, and their end while other threads are blocked in them.

#include "child.h"
#include "nanomsg_support.h"
#include "raw_peer.h"
#include "ssl_support.h"

using namespace Test;

namespace {

constexpr uint64_t None = std::numeric_limits<uint64_t>::max();

// All twelve, in the order of the class.
std::vector<uint64_t> Counters(const Nano::Socket& socket)
{
    return { socket.established_connections(), socket.accepted_connections(), socket.dropped_connections(), socket.broken_connections(),
        socket.connect_errors(), socket.bind_errors(), socket.accept_errors(), socket.current_connections(), socket.messages_sent(),
        socket.messages_received(), socket.bytes_sent(), socket.bytes_received() };
}

std::string Shown(const std::vector<uint64_t>& counters)
{
    std::string text;
    for (const uint64_t counter : counters)
        text += std::to_string(counter) + " ";
    return text;
}

} // namespace

TEST(nanomsg_names)
{
    CHECK_EQUAL(Show(Domain::Std) + Show(Domain::Raw) + Show(static_cast<Domain>(7)), "StdRaw<unknown>");
    std::string names;
    for (const int number : { NN_PAIR, NN_REQ, NN_REP, NN_PUB, NN_SUB, NN_PUSH, NN_PULL, NN_SURVEYOR, NN_RESPONDENT, NN_BUS, 17 })
        names += Show(static_cast<Protocol>(number)) + " ";
    CHECK_EQUAL(names, "Pair Request Reply Publisher Subscriber Push Pull Surveyor Respondent Bus <unknown> ");
    CHECK_EQUAL(static_cast<int>(Domain::Std), AF_SP);
    CHECK_EQUAL(static_cast<int>(Domain::Raw), AF_SP_RAW);
    CHECK_EQUAL(EFSM, 156384766);
    CHECK_EQUAL(ETERM, 156384765);
}

TEST(nanomsg_socket_tells_what_it_is)
{
    const std::string address = UnusedName();
    Nano::Socket socket(Domain::Raw, Protocol::Bus);
    const Nano::Socket other(Domain::Std, Protocol::Pair);
    CHECK(socket.domain() == Domain::Raw);
    CHECK(socket.protocol() == Protocol::Bus);
    CHECK(socket.socket() >= 0);
    CHECK(socket.socket() != other.socket());
    CHECK(socket.IsOpened());
    CHECK(!socket.IsConnected());
    CHECK_EQUAL(socket.endpoint(), -1);
    CHECK_EQUAL(socket.address(), "");
    CHECK(socket.Bind(address));
    CHECK(socket.IsConnected());
    CHECK(socket.endpoint() >= 0);
    CHECK_EQUAL(socket.address(), address);
    CHECK(socket.Disconnect());
    CHECK(!socket.IsConnected());
    CHECK_EQUAL(socket.endpoint(), -1);
    CHECK_EQUAL(socket.address(), "");
    CHECK(socket.Close());
    CHECK_EQUAL(socket.socket(), -1);
    CHECK(!socket.IsOpened());
}

TEST(nanomsg_socket_has_one_endpoint_and_any_number_of_links)
{
    Nano::Socket socket(Domain::Std, Protocol::Bus);
    CHECK(!socket.Disconnect());
    CHECK(socket.Connect(UnusedName()));
    CHECK(!socket.Connect(UnusedName()));
    CHECK(!socket.Bind(UnusedName()));
    CHECK(socket.Link(UnusedName()));
    CHECK(socket.Link(UnusedName()));
    CHECK(socket.Disconnect());
    CHECK(!socket.Disconnect());
    CHECK(socket.Bind(UnusedName()));
    CHECK(socket.Close());
    CHECK(!socket.Close());
    CHECK(!socket.Bind(UnusedName()));
    CHECK(!socket.Connect(UnusedName()));
    CHECK(!socket.Link(UnusedName()));
    CHECK(!socket.Disconnect());
}

TEST(nanomsg_socket_of_an_unknown_protocol)
{
    CHECK_FAILS(Nano::Socket(Domain::Std, static_cast<Protocol>(17)), EINVAL);
}

TEST(nanomsg_socket_errors_of_addresses)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    for (const std::string& address : { std::string(), std::string(1, '\0'), std::string("tcp"), std::string("tcp://"), std::string("tcp://127.0.0.1"), std::string("tcp://127.0.0.1:x") })
    {
        CHECK_FAILS(socket.Bind(address), EINVAL);
        CHECK_FAILS(socket.Connect(address), EINVAL);
        CHECK_FAILS(socket.Link(address), EINVAL);
    }
    CHECK_FAILS(socket.Bind("udp://127.0.0.1:1"), EPROTONOSUPPORT);
    CHECK_FAILS(socket.Connect("udp://127.0.0.1:1"), EPROTONOSUPPORT);
    CHECK_FAILS(socket.Bind("tcp://192.0.2.1:0"), EADDRNOTAVAIL);
    CHECK(!socket.IsConnected());
    Nano::Socket first(Domain::Std, Protocol::Pair);
    CHECK(first.Bind("tcp://127.0.0.1:0"));
    CHECK(first.port() > 0);
    CHECK_FAILS(socket.Bind("tcp://127.0.0.1:" + std::to_string(first.port())), EADDRINUSE);
    const std::string name = UnusedName();
    CHECK(socket.Bind(name));
    CHECK(first.Disconnect());
    CHECK_EQUAL(first.port(), 0);
    CHECK_FAILS(first.Bind(name), EADDRINUSE);
}

TEST(nanomsg_socket_errors_have_texts)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    try
    {
        socket.Bind("somewhere");
        CHECK(false);
    }
    catch (const CppCommon::SystemException& error)
    {
        CHECK_EQUAL(error.system_message(), std::system_category().message(EINVAL));
        CHECK_EQUAL(error.message().substr(0, 93), "Cannot bind the nanomsg socket to the given endpoint 'somewhere'! Nanomsg error: the address ");
    }
}

TEST(nanomsg_socket_errors_of_patterns)
{
    SocketsOf pubsub(Protocol::Publisher, Protocol::Subscriber);
    SocketsOf reqrep(Protocol::Reply, Protocol::Request);
    SocketsOf survey(Protocol::Surveyor, Protocol::Respondent);
    Message message;
    CHECK_FAILS(pubsub.client.Send("a"), ENOTSUP);
    CHECK_FAILS(pubsub.client.TrySend("a"), ENOTSUP);
    CHECK_FAILS(pubsub.server.Receive(message), ENOTSUP);
    CHECK_FAILS(pubsub.server.TryReceive(message), ENOTSUP);
    CHECK_FAILS(reqrep.server.Send("no request"), EFSM);
    CHECK_FAILS(reqrep.client.Receive(message), EFSM);
    CHECK_FAILS(survey.client.Send("no survey"), EFSM);
    CHECK_FAILS(survey.server.ReceiveSurvey(message), EFSM);
}

TEST(nanomsg_socket_sends_and_receives)
{
    SocketsOf sockets(Protocol::Pair, Protocol::Pair);
    Message message("old", 3);
    CHECK_EQUAL(sockets.server.TryReceive(message), 0u);
    CHECK_EQUAL(sockets.client.Send("text"), 4u);
    CHECK_EQUAL(sockets.client.Send("buffer", 3), 3u);
    CHECK_EQUAL(sockets.client.Send(Bytes("message")), 7u);
    CHECK_EQUAL(sockets.client.TrySend("text"), 4u);
    CHECK_EQUAL(sockets.client.TrySend("buffer", 3), 3u);
    CHECK_EQUAL(sockets.client.TrySend(Bytes("message")), 7u);
    for (const char* text : { "text", "buf", "message", "text", "buf" })
        CHECK_EQUAL(Hear(sockets.server), text);
    CHECK_EQUAL(sockets.server.TryReceive(message), 7u);
    CHECK_EQUAL(message.string(), "message");
}

TEST(nanomsg_socket_sends_nothing_where_there_is_nothing)
{
    SocketsOf sockets(Protocol::Pair, Protocol::Pair);
    CHECK_EQUAL(sockets.client.Send(nullptr, 5), 0u);
    CHECK_EQUAL(sockets.client.Send("", 0), 0u);
    CHECK_EQUAL(sockets.client.Send(std::string()), 0u);
    CHECK_EQUAL(sockets.client.Send(Message()), 0u);
    CHECK_EQUAL(sockets.client.TrySend(Message()), 0u);
    CHECK_EQUAL(sockets.client.messages_sent(), 0u);
    sockets.client.Disconnect();
    CHECK_EQUAL(sockets.client.Send("without an endpoint"), 0u);
    Message message;
    CHECK_EQUAL(sockets.client.Receive(message), 0u);
    sockets.client.Close();
    CHECK_EQUAL(sockets.client.Send("closed"), 0u);
    CHECK_EQUAL(sockets.client.TrySend("closed"), 0u);
    CHECK_EQUAL(sockets.client.TryReceive(message), 0u);
    CHECK(sockets.client.TryReceiveSurvey(message) == std::make_tuple(size_t(0), true));
}

// They were lost.
TEST(nanomsg_socket_messages_without_bytes)
{
    SocketsOf sockets(Protocol::Pair, Protocol::Pair);
    CHECK_EQUAL(sockets.client.Send(Bytes("")), 0u);
    CHECK_EQUAL(sockets.client.messages_sent(), 1u);
    Message message;
    CHECK_EQUAL(sockets.server.Receive(message), 0u);
    CHECK(message);
    CHECK_EQUAL(sockets.server.TryReceive(message), 0u);
    CHECK(!message);
}

TEST(nanomsg_socket_try_send_does_not_wait)
{
    Nano::Socket push(Domain::Std, Protocol::Push);
    CHECK(push.Bind(UnusedName()));
    CHECK_EQUAL(push.TrySend("nobody"), 0u);
    CHECK(push.SetupSendTimeout(std::chrono::milliseconds(1)));
    CHECK_FAILS(push.Send("nobody"), ETIMEDOUT);
}

TEST(nanomsg_socket_send_waits_for_a_peer)
{
    const std::string address = UnusedName();
    Nano::Socket push(Domain::Std, Protocol::Push);
    CHECK(push.Bind(address));
    std::thread sender([&]() { push.Send("at last"); });
    Nano::Socket pull(Domain::Std, Protocol::Pull);
    CHECK(pull.Connect(address));
    CHECK_EQUAL(Hear(pull), "at last");
    sender.join();
}

TEST(nanomsg_socket_surveys)
{
    SocketsOf sockets(Protocol::Surveyor, Protocol::Respondent);
    CHECK(sockets.server.SetupSurveyDeadline(std::chrono::milliseconds(200)));
    Message message;
    CHECK_EQUAL(sockets.server.Send("question"), 8u);
    CHECK(sockets.server.TryReceiveSurvey(message) == std::make_tuple(size_t(0), false));
    CHECK_EQUAL(Hear(sockets.client), "question");
    CHECK_EQUAL(sockets.client.Send("answer"), 6u);
    CHECK(sockets.server.ReceiveSurvey(message) == std::make_tuple(size_t(6), false));
    CHECK_EQUAL(message.string(), "answer");
    CHECK(sockets.server.SetupReceiveTimeout(std::chrono::milliseconds(1)));
    CHECK(sockets.server.ReceiveSurvey(message) == std::make_tuple(size_t(0), false));
    CHECK(!message);
    CHECK(sockets.server.SetupReceiveTimeout(std::chrono::milliseconds(-1)));
    CHECK(sockets.server.ReceiveSurvey(message) == std::make_tuple(size_t(0), true));
    CHECK_FAILS(sockets.server.ReceiveSurvey(message), EFSM);
    CHECK_FAILS(sockets.server.TryReceiveSurvey(message), EFSM);
    CHECK_EQUAL(sockets.server.Send("once more"), 9u);
    CHECK_EQUAL(Hear(sockets.client), "once more");
}

TEST(nanomsg_socket_counts)
{
    const std::string address = UnusedName();
    Nano::Socket publisher(Domain::Std, Protocol::Publisher);
    CHECK(publisher.Bind(address));
    std::vector<Nano::Socket> subscribers;
    for (int number = 0; number < 2; ++number)
    {
        subscribers.emplace_back(Domain::Std, Protocol::Subscriber);
        subscribers.back().Subscribe("");
        CHECK(subscribers.back().Connect(address));
    }
    CHECK_EQUAL(publisher.Send("12345"), 5u);
    for (Nano::Socket& subscriber : subscribers)
        CHECK_EQUAL(Hear(subscriber), "12345");
    CHECK_EQUAL(Shown(Counters(publisher)), Shown({ 0, 2, 0, 0, 0, 0, 0, 2, 1, 0, 5, 0 }));
    CHECK_EQUAL(Shown(Counters(subscribers[0])), Shown({ 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 5 }));
    CHECK(subscribers[0].Disconnect());
    CHECK_EQUAL(Shown(Counters(subscribers[0])), Shown({ 1, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 5 }));
    CHECK_EQUAL(Shown(Counters(publisher)), Shown({ 0, 2, 0, 1, 0, 0, 0, 1, 1, 0, 5, 0 }));
    CHECK(subscribers[0].Connect(address));
    CHECK_EQUAL(subscribers[0].established_connections(), 2u);
    CHECK_EQUAL(publisher.messages_dropped(), 0u);
    CHECK_EQUAL(publisher.messages_undelivered(), 0u);
    publisher.Close();
    CHECK_EQUAL(Shown(Counters(publisher)), Shown(std::vector<uint64_t>(12, None)));
    CHECK_EQUAL(publisher.messages_dropped(), None);
    CHECK_EQUAL(publisher.messages_undelivered(), None);
}

// accept_errors() told the number of the others.
TEST(nanomsg_socket_counts_errors_apart)
{
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    const std::string name = UnusedName();
    Nano::Socket other(Domain::Std, Protocol::Pair);
    CHECK(other.Bind(name));
    CHECK_FAILS(socket.Bind(name), EADDRINUSE);
    CHECK_EQUAL(socket.bind_errors(), 1u);
    CHECK_EQUAL(socket.accept_errors(), 0u);
    CHECK(socket.SetupReconnectInterval(std::chrono::milliseconds(1)));
    const std::string port = std::to_string(RawPeer().Listen(1));
    CHECK(socket.Connect("tcp://127.0.0.1:" + port));
    UNTIL(socket.connect_errors() > 2);
    CHECK_EQUAL(socket.established_connections(), 0u);
}

// Both closed the same socket.
TEST(nanomsg_socket_is_moved)
{
    const std::string address = UnusedName();
    Nano::Socket socket(Domain::Std, Protocol::Pull);
    CHECK(socket.Bind(address));
    const int number = socket.socket();
    Nano::Socket moved(std::move(socket));
    CHECK(!socket.IsOpened());
    CHECK(!socket.IsConnected());
    CHECK_EQUAL(socket.socket(), -1);
    CHECK_EQUAL(socket.Send("a"), 0u);
    CHECK(!socket.Bind(address));
    CHECK(!socket.Close());
    CHECK_EQUAL(socket.messages_sent(), None);
    CHECK(!socket.SetupNoDelay(true));
    CHECK(moved.IsConnected());
    CHECK_EQUAL(moved.socket(), number);
    CHECK_EQUAL(moved.address(), address);
    Nano::Socket push(Domain::Std, Protocol::Push);
    CHECK(push.Connect(address));
    CHECK_EQUAL(push.Send("moved"), 5u);
    CHECK_EQUAL(Hear(moved), "moved");
    Nano::Socket target(Domain::Std, Protocol::Pair);
    CHECK(target.Bind(UnusedName()));
    target = std::move(moved);
    CHECK(target.protocol() == Protocol::Pull);
    CHECK_EQUAL(target.socket(), number);
    CHECK_EQUAL(push.Send("again"), 5u);
    CHECK_EQUAL(Hear(target), "again");
    Nano::Socket& same = target;
    target = std::move(same);
    CHECK(target.IsOpened());
    socket = std::move(target);
    CHECK_EQUAL(socket.socket(), number);
}

TEST(nanomsg_socket_close_wakes_blocked_threads)
{
    for (const std::string& transport : { UnusedName(), std::string("tcp://127.0.0.1:0") })
    {
        Nano::Socket pull(Domain::Std, Protocol::Pull);
        Nano::Socket push(Domain::Std, Protocol::Push);
        Nano::Socket surveyor(Domain::Std, Protocol::Surveyor);
        CHECK(pull.Bind(transport));
        CHECK(push.Connect(UnusedName()));
        CHECK(surveyor.Bind(UnusedName()));
        CHECK(surveyor.SetupSurveyDeadline(std::chrono::hours(1)));
        CHECK_EQUAL(surveyor.Send("question"), 8u);
        std::vector<std::thread> threads;
        std::atomic<int> blocked(0);
        std::atomic<size_t> results(0);
        for (int number = 0; number < 4; ++number)
        {
            threads.emplace_back([&]()
            {
                Message message;
                ++blocked;
                results += pull.Receive(message) + (message ? 1 : 0);
            });
            threads.emplace_back([&]()
            {
                ++blocked;
                results += push.Send("nobody");
            });
            threads.emplace_back([&]()
            {
                Message message;
                ++blocked;
                results += (surveyor.ReceiveSurvey(message) == std::make_tuple(size_t(0), true)) ? 0 : 1;
            });
        }
        UNTIL(blocked == 12);
        CHECK(pull.Close());
        CHECK(push.Close());
        CHECK(surveyor.Close());
        for (std::thread& thread : threads)
            thread.join();
        CHECK_EQUAL(results.load(), 0u);
    }
}

TEST(nanomsg_socket_gives_threads_back)
{
    Nano::Socket pull(Domain::Std, Protocol::Pull);
    CHECK(pull.Bind(UnusedName()));
    std::atomic<bool> over(false);
    std::thread receiver([&]()
    {
        Message message;
        pull.Receive(message);
        over = true;
    });
    UNTIL((pull.SetupBlocking(false), pull.SetupBlocking(true), over.load()));
    receiver.join();
    pull.SetupBlocking(false);
    Message message;
    CHECK_EQUAL(pull.Receive(message), 0u);
}

TEST(nanomsg_socket_close_delivers_what_was_sent)
{
    Nano::Socket pull(Domain::Std, Protocol::Pull);
    CHECK(pull.Bind("tcp://127.0.0.1:0"));
    {
        Nano::Socket push(Domain::Std, Protocol::Push);
        CHECK(push.Connect("tcp://127.0.0.1:" + std::to_string(pull.port())));
        for (int number = 0; number < 100; ++number)
            CHECK(push.Send(std::to_string(number)) > 0);
    }
    for (int number = 0; number < 100; ++number)
        CHECK_EQUAL(Hear(pull), std::to_string(number));
}

TEST(nanomsg_socket_over_every_transport)
{
    std::vector<std::string> addresses = { "tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://localhost:0", "ws://127.0.0.1:0/path", "tls+tcp://127.0.0.1:0", "wss://127.0.0.1:0/" };
#if !defined(_WIN32)
    addresses.push_back("ipc://" + TemporaryName());
#endif
    for (const std::string& address : addresses)
    {
        Nano::Socket server(Domain::Std, Protocol::Pair);
        Nano::Socket client(Domain::Std, Protocol::Pair);
        CHECK(server.SetupTls(OwnContext("server")));
        CHECK(client.SetupTls(VerifyingContext()));
        CHECK(server.Bind(address));
        std::string target = address;
        const size_t zero = target.find(":0");
        if (zero != std::string::npos)
            target.replace(zero, 2, ":" + std::to_string(server.port()));
        CHECK(client.Connect(target));
        CHECK_EQUAL(client.Send("there"), 5u);
        CHECK_EQUAL(Hear(server), "there");
        CHECK_EQUAL(server.Send("back"), 4u);
        CHECK_EQUAL(Hear(client), "back");
    }
    Nano::Socket socket(Domain::Std, Protocol::Pair);
    CHECK_FAILS(socket.Bind("tls+tcp://127.0.0.1:0"), EINVAL);
    CHECK(!socket.SetupTls(std::shared_ptr<asio::ssl::context>()));
}

TEST(nanomsg_socket_listens_and_dials_any_number_of_times)
{
    Nano::Socket pull(Domain::Std, Protocol::Pull);
    const std::string name = UnusedName();
    Nano::Endpoint one = pull.Listen(name);
    Nano::Endpoint other = pull.Listen("tcp://127.0.0.1:0");
    CHECK(one && other && !Nano::Endpoint());
    CHECK(!pull.IsConnected());
    CHECK_EQUAL(one.address(), name);
    CHECK_EQUAL(one.port(), 0);
    CHECK(other.port() > 0);
    CHECK(one.id() != other.id());
    CHECK_EQUAL(Nano::Endpoint().id(), -1);
    Nano::Socket push(Domain::Std, Protocol::Push);
    Nano::Endpoint dialed = push.Dial(name);
    CHECK_EQUAL(push.Send("by name"), 7u);
    CHECK_EQUAL(Hear(pull), "by name");
    CHECK(!one.IsClosed());
    CHECK(one.Close());
    CHECK(one.IsClosed());
    CHECK(!one.Close());
    push.Dial("tcp://127.0.0.1:" + std::to_string(other.port()));
    CHECK_EQUAL(push.Send("by port"), 7u);
    CHECK_EQUAL(Hear(pull), "by port");
    CHECK_FAILS(push.Dial("nowhere"), EINVAL);
    push.Close();
    CHECK_FAILS(push.Listen(UnusedName()), EBADF);
    CHECK(dialed.IsClosed());
}

TEST(nanomsg_socket_of_a_service)
{
    Running running;
    const std::string address = UnusedName();
    Nano::Socket server(running.service, Domain::Std, Protocol::Reply);
    Nano::Socket client(std::static_pointer_cast<Service>(running.service), Domain::Std, Protocol::Request);
    CHECK(server.Bind(address));
    CHECK(client.Connect(address));
    CHECK_EQUAL(client.Send("question"), 8u);
    CHECK_EQUAL(Hear(server), "question");
    // Nothing blocks an I/O thread.
    Log log;
    running.service->Post([&]()
    {
        Message message;
        try
        {
            client.Receive(message);
        }
        catch (const CppCommon::SystemException& error)
        {
            log.Add(std::to_string(error.system_error()));
        }
        log.Add(std::to_string(client.TryReceive(message)));
    });
    log.Wait(std::to_string(EAGAIN));
    log.Wait("0");
}

#if !defined(_WIN32)

CHILD(nanomsg_terminate)
{
    Nano::Socket socket(Domain::Std, Protocol::Pull);
    Nano::Socket push(Domain::Std, Protocol::Push);
    CHECK(socket.Bind(UnusedName()));
    CHECK(push.Connect(UnusedName()));
    std::atomic<int> waiting(0);
    std::vector<std::thread> blocked;
    blocked.emplace_back([&]()
    {
        Message message;
        ++waiting;
        CHECK_FAILS(socket.Receive(message), EBADF);
    });
    blocked.emplace_back([&]()
    {
        ++waiting;
        CHECK_FAILS(push.Send("nobody"), EBADF);
    });
    UNTIL(waiting == 2);
    Nano::Socket::Terminate();
    for (std::thread& thread : blocked)
        thread.join();
    Message message;
    CHECK_FAILS(socket.TryReceive(message), EBADF);
    CHECK_FAILS(push.Send("a"), EBADF);
    CHECK_FAILS(push.Link(UnusedName()), EBADF);
    CHECK_FAILS(push.Disconnect(), EBADF);
    CHECK(!push.IsConnected());
    CHECK_FAILS(push.Connect(UnusedName()), EBADF);
    CHECK_FAILS(Nano::Socket(Domain::Std, Protocol::Pair), EBADF);
    CHECK(socket.Close());
    CHECK(!socket.Close());
}

TEST(nanomsg_socket_terminate)
{
    const ChildResult result = RunChild("nanomsg_terminate");
    CHECK_EQUAL(result.output, "");
    CHECK_EQUAL(result.status, 0);
}

#endif
