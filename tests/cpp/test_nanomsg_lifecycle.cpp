// Servers and clients: the order of callbacks, who calls them, and every way to begin and to stop.

#include "nanomsg_support.h"

#include <algorithm>

#if !defined(_WIN32)
#include <sys/resource.h>
#endif

using namespace Test;

namespace {

typedef LoggedServer<Nano::PairServer> Server;
typedef LoggedClient<Nano::PairClient> Client;

} // namespace

TEST(nanomsg_lifecycle_order_of_callbacks)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address);
    std::atomic<std::thread::id> start_thread{ std::thread::id() };
    server.started = [&]() { start_thread = std::this_thread::get_id(); };
    CHECK(!server.IsStarted());
    CHECK_EQUAL(server.address(), address);
    CHECK(server.Start());
    CHECK(server.IsStarted());
    CHECK(client.Connect());
    CHECK(start_thread.load() == std::this_thread::get_id());
    CHECK_EQUAL(client.Send("hello"), 5u);
    server.log.Wait("received hello");
    const std::thread::id thread = server.thread;
    CHECK(thread != std::this_thread::get_id());
    CHECK(client.Disconnect());
    CHECK(server.Stop());
    CHECK(!server.IsStarted());
    CHECK(server.thread.load() == thread);
    const std::vector<std::string> expected = { "onStarted", "onThreadInitialize", "received hello", "onThreadCleanup", "onStopped" };
    std::vector<std::string> events = server.log.Events();
    events.erase(std::remove(events.begin(), events.end(), "onIdle"), events.end());
    CHECK_EQUAL(events, expected);
    CHECK(client.log.Before("onConnected", "onThreadInitialize"));
    CHECK(client.log.Before("onThreadInitialize", "onThreadCleanup"));
    CHECK(client.log.Before("onThreadCleanup", "onDisconnected"));
}

TEST(nanomsg_lifecycle_start_and_stop_twice)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address);
    CHECK(!server.Stop());
    CHECK(!server.Restart());
    CHECK(!client.Disconnect());
    CHECK(!client.Reconnect());
    CHECK(server.Start());
    CHECK(!server.Start());
    CHECK(client.Connect());
    CHECK(!client.Connect());
    CHECK(server.Restart());
    CHECK(client.Reconnect());
    CHECK(server.Stop());
    CHECK(!server.Stop());
    CHECK(server.Start());
    CHECK(client.Disconnect());
    CHECK(client.Connect());
    CHECK_EQUAL(client.Send("still here"), 10u);
    server.log.Wait("received still here");
    CHECK_EQUAL(server.log.Count("onStarted"), 3u);
    CHECK_EQUAL(server.log.Count("onStopped"), 2u);
    CHECK_EQUAL(client.log.Count("onConnected"), 3u);
    CHECK_EQUAL(client.log.Count("onDisconnected"), 2u);
}

TEST(nanomsg_lifecycle_a_client_needs_no_server)
{
    const std::string address = UnusedName();
    Client client(address);
    CHECK(client.Connect());
    CHECK(client.IsConnected());
    CHECK_EQUAL(client.TrySend("nobody"), 0u);
    Server server(address);
    CHECK(server.Start());
    CHECK_EQUAL(client.Send("somebody"), 8u);
    server.log.Wait("received somebody");
}

TEST(nanomsg_lifecycle_sends_and_receives_without_a_thread)
{
    const std::string address = UnusedName();
    Server server(address, false);
    Client client(address, false);
    Message message("untouched", 9);
    CHECK_EQUAL(client.Send("a"), 0u);
    CHECK_EQUAL(client.TrySend(message), 0u);
    CHECK_EQUAL(client.Receive(message), 0u);
    CHECK_EQUAL(client.TryReceive(message), 0u);
    CHECK_EQUAL(message.string(), "untouched");
    CHECK(server.Start());
    CHECK(client.Connect());
    server.received = [&](Message& received) { server.Send("re: " + received.string()); };
    CHECK_EQUAL(client.Send("text"), 4u);
    CHECK_EQUAL(client.Send("buffer", 6), 6u);
    CHECK_EQUAL(client.TrySend(Bytes("message")), 7u);
    CHECK_EQUAL(server.Receive(message), 4u);
    CHECK_EQUAL(message.string(), "text");
    CHECK_EQUAL(server.TryReceive(message), 6u);
    CHECK_EQUAL(Hear(server), "message");
    CHECK_EQUAL(server.TryReceive(message), 0u);
    CHECK_EQUAL(Hear(client), "re: text");
    const std::vector<std::string> expected = { "onStarted", "received text", "received buffer", "received message" };
    CHECK_EQUAL(server.log.Events(), expected);
    CHECK(server.thread.load() == std::this_thread::get_id());
    CHECK_EQUAL(client.socket().messages_received(), 1u);
}

TEST(nanomsg_lifecycle_messages_without_bytes_are_received)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    server.Start();
    client.Connect();
    client.Send(Bytes(""));
    server.log.Wait("received ");
}

TEST(nanomsg_lifecycle_a_callback_may_change_and_move_the_message)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    Message kept;
    server.received = [&](Message& message)
    {
        message.buffer()[0] = 'H';
        if (message.string() == "Hello")
            kept = std::move(message);
        else
            server.Send(message);
    };
    server.Start();
    client.Connect();
    client.Send("hello");
    client.Send("here");
    CHECK_EQUAL(Hear(client), "Here");
    CHECK_EQUAL(kept.string(), "Hello");
}

TEST(nanomsg_lifecycle_on_idle_is_called_again_and_again)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    server.Start();
    client.Connect();
    server.log.Wait("onIdle", 5);
    client.Send("hello");
    server.log.Wait("received hello");
    const size_t before = server.log.Count("onIdle");
    server.log.Wait("onIdle", before + 3);
    server.Stop();
    const size_t idle = server.log.Count("onIdle");
    server.Start();
    server.log.Wait("onIdle", idle + 1);
}

TEST(nanomsg_lifecycle_an_overridden_on_idle_is_found_in_every_class)
{
    class Middle : public Nano::PairServer
    {
    public:
        using Nano::PairServer::PairServer;
        std::atomic<int> count{ 0 };

    protected:
        // What is overridden may call what it has overridden.
        void onIdle() override
        {
            ++count;
            Nano::PairServer::onIdle();
        }
    };
    struct Other
    {
        virtual ~Other() = default;
        std::string text = "some bytes in front";
    };
    class Last : public Other, public Middle
    {
    public:
        explicit Last(const std::string& address) : Middle(address) {}
        ~Last() { Stop(); }
    };
    Last last(UnusedName());
    CHECK(last.Start());
    UNTIL(last.count > 20);
}

#if !defined(_WIN32)

// The thread of the early library took a whole core.
TEST(nanomsg_lifecycle_idle_objects_do_nothing)
{
    typedef Quiet<Nano::PairServer> Idle;
    std::vector<std::unique_ptr<Idle>> objects;
    for (int number = 0; number < 300; ++number)
    {
        objects.emplace_back(new Idle(UnusedName()));
        CHECK(objects.back()->Start());
    }
    Quiet<Nano::RequestClient> asks_nothing(UnusedName(), true);
    CHECK(asks_nothing.Connect());
    const auto switches = []()
    {
        rusage usage;
        getrusage(RUSAGE_SELF, &usage);
        return usage.ru_nvcsw;
    };
    // A thread that polls each millisecond would do it 300 times in this time, all of them 90,000 times.
    const auto rounds = [&]()
    {
        const long before = switches();
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        return switches() - before;
    };
    long seen = 0;
    UNTIL((seen = rounds()) < 300);
    // They are awake nevertheless.
    Nano::PairClient client(objects.back()->address());
    CHECK(client.Connect());
    CHECK_EQUAL(client.Send("awake"), 5u);
    objects.back()->log.Wait("received awake");
    // Its callback uses the log.
    CHECK(objects.back()->Stop());
}

#endif

TEST(nanomsg_lifecycle_errors_are_told)
{
    // As programs do that make a number of an address.
    Server server(std::string(1, '\0'));
    CHECK(!server.Start());
    CHECK_EQUAL(server.log.Events().back(), ErrorText(EINVAL));
    CHECK(server.details.find("Cannot bind the nanomsg socket to the given endpoint") == 0);
    CHECK_EQUAL(server.error_details(), "");
    CHECK(!server.Stop());
    Client client("udp://127.0.0.1:1");
    CHECK(!client.Connect());
    CHECK_EQUAL(client.log.Events().back(), ErrorText(EPROTONOSUPPORT));
    CHECK_EQUAL(client.log.Count("onConnected"), 0u);
    Server first("tcp://127.0.0.1:0");
    CHECK(first.Start());
    CHECK(first.port() > 0);
    Server second("tcp://127.0.0.1:" + std::to_string(first.port()));
    CHECK(!second.Start());
    CHECK_EQUAL(second.log.Events().back(), ErrorText(EADDRINUSE));
    CHECK(first.Stop());
    CHECK(second.Start());
}

TEST(nanomsg_lifecycle_errors_of_sending_and_receiving_are_told)
{
    LoggedServer<Nano::RequestServer> server(UnusedName(), false);
    CHECK(server.Start());
    CHECK_EQUAL(server.Send("an answer to nothing"), 0u);
    CHECK_EQUAL(server.log.Count(ErrorText(EFSM)), 1u);
    CHECK(server.socket().SetupReceiveTimeout(std::chrono::milliseconds(1)));
    Message message;
    CHECK_EQUAL(server.Receive(message), 0u);
    CHECK_EQUAL(server.log.Count(ErrorText(ETIMEDOUT)), 1u);
    CHECK_EQUAL(server.TryReceive(message), 0u);
    CHECK_EQUAL(server.log.Events().size(), 3u);
}

TEST(nanomsg_lifecycle_exceptions_of_callbacks_are_told)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    server.initialize = []() { throw CppCommon::SystemException("initialize", 1); };
    server.received = [](Message&) { throw CppCommon::SystemException("received", 2); };
    server.cleanup = []() { throw CppCommon::SystemException("cleanup", 3); };
    int idles = 0;
    server.idle = [&]()
    {
        if (++idles == 3)
            throw CppCommon::SystemException("idle", 4);
    };
    server.Start();
    client.Connect();
    client.Send("one");
    server.log.Wait(ErrorText(2));
    client.Send("other");
    server.log.Wait(ErrorText(2), 2);
    server.log.Wait(ErrorText(4));
    server.Stop();
    CHECK_EQUAL(server.log.Count(ErrorText(1)), 1u);
    CHECK_EQUAL(server.log.Count(ErrorText(3)), 1u);
    CHECK_EQUAL(server.details, "cleanup");
    // Without a thread: of the caller.
    Server caller(address, false);
    caller.received = [](Message&) { throw CppCommon::SystemException("received", 5); };
    caller.Start();
    client.Send("third");
    Message message;
    CHECK_EQUAL(caller.Receive(message), 0u);
    CHECK_EQUAL(caller.log.Count(ErrorText(5)), 1u);
    caller.received = [](Message&) { throw std::runtime_error("another one"); };
    client.Send("fourth");
    CHECK_THROWS(caller.Receive(message), std::runtime_error);
}

TEST(nanomsg_lifecycle_exceptions_of_a_start)
{
    Server server(UnusedName());
    server.started = []() { throw CppCommon::SystemException("no", 7); };
    CHECK(!server.Start());
    CHECK(!server.IsStarted());
    CHECK_EQUAL(server.log.Count(ErrorText(7)), 1u);
    server.started = []() { throw std::runtime_error("no"); };
    CHECK_THROWS(server.Start(), std::runtime_error);
    CHECK(!server.IsStarted());
    server.started = nullptr;
    CHECK(server.Start());
}

TEST(nanomsg_lifecycle_start_and_stop_in_every_callback)
{
    const std::string address = UnusedName();
    // The object ends, or begins anew, in a callback.
    for (const std::string& callback : { std::string("started"), std::string("initialize"), std::string("idle"), std::string("received"), std::string("stopped") })
    {
        for (const bool again : { false, true })
        {
            Server server(address);
            Client client(address, false);
            std::atomic<int> calls(0);
            const auto act = [&]()
            {
                if (++calls > 1)
                    return;
                if (callback == "stopped")
                    server.log.Add(server.Start() ? "done" : "not done");
                else
                    server.log.Add((again ? server.Restart() : server.Stop()) ? "done" : "not done");
            };
            (callback == "started" ? server.started : callback == "stopped" ? server.stopped : callback == "idle" ? server.idle : server.initialize) = act;
            if (callback == "received")
            {
                server.initialize = nullptr;
                server.received = [&](Message&) { act(); };
            }
            CHECK(server.Start());
            client.Connect();
            if (callback == "received")
                client.Send("a message");
            if (callback == "stopped")
                CHECK(server.Stop());
            server.log.Wait("done");
            CHECK_EQUAL(server.IsStarted(), again || (callback == "stopped"));
            if (!server.IsStarted())
                CHECK(server.Start());
            client.Send("the last message");
            server.log.Wait("received the last message");
            // Callbacks that are on their way use what this round has.
            CHECK(server.Stop());
        }
    }
}

TEST(nanomsg_lifecycle_connect_in_on_disconnected)
{
    const std::string address = UnusedName();
    Server server(address);
    server.Start();
    Client client(address);
    client.disconnected = [&]() { client.Connect(); };
    CHECK(client.Connect());
    for (int round = 0; round < 20; ++round)
    {
        CHECK(client.Disconnect());
        CHECK(client.IsConnected());
    }
    CHECK_EQUAL(client.Send("hello"), 5u);
    server.log.Wait("received hello");
    client.disconnected = nullptr;
}

TEST(nanomsg_lifecycle_stop_wakes_blocked_threads)
{
    Server server(UnusedName(), false);
    LoggedClient<Nano::PushClient> push(UnusedName());
    LoggedClient<Nano::RequestClient> request(UnusedName());
    LoggedServer<Nano::SurveyServer> survey(UnusedName(), 3600000);
    for (int round = 0; round < 5; ++round)
    {
        CHECK(server.Start() && push.Connect() && request.Connect() && survey.Start());
        CHECK_EQUAL(survey.Send("question"), 8u);
        std::atomic<int> blocked(0);
        std::vector<std::string> results(4);
        std::vector<std::thread> threads;
        threads.emplace_back([&]() { ++blocked; results[0] = Hear(server); });
        threads.emplace_back([&]() { ++blocked; results[1] = std::to_string(push.Send("nobody")); });
        threads.emplace_back([&]() { ++blocked; results[2] = request.Request("nobody") ? "an answer" : "none"; });
        threads.emplace_back([&]()
        {
            Message message;
            ++blocked;
            results[3] = (survey.ReceiveSurvey(message) == std::make_tuple(size_t(0), true)) ? "over" : "an answer";
        });
        UNTIL(blocked == 4);
        CHECK(server.Stop() && push.Disconnect() && request.Disconnect() && survey.Stop());
        for (std::thread& thread : threads)
            thread.join();
        CHECK_EQUAL(results, (std::vector<std::string>{ "(nothing)", "0", "none", "over" }));
    }
    for (const Log* log : { &server.log, &push.log, &request.log, &survey.log })
        CHECK_EQUAL(log->Events().size(), 10u);
}

TEST(nanomsg_lifecycle_from_eight_threads)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address);
    std::atomic<int> starts(0);
    std::atomic<int> stops(0);
    std::vector<std::thread> threads;
    for (int number = 0; number < 8; ++number)
    {
        threads.emplace_back([&, number]()
        {
            for (int round = 0; round < 200; ++round)
            {
                switch ((number + round) % 6)
                {
                    case 0: starts += server.Start() ? 1 : 0; break;
                    case 1: stops += server.Stop() ? 1 : 0; break;
                    case 2: client.Connect(); break;
                    case 3: client.Disconnect(); break;
                    case 4: client.TrySend("message"); break;
                    default: server.socket().current_connections(); break;
                }
            }
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    const int left = server.IsStarted() ? 1 : 0;
    CHECK_EQUAL(starts - stops, left);
    server.Stop();
    client.Disconnect();
    // Others may have stopped it, or started it, before they are told.
    CHECK_EQUAL(server.log.Count("onStarted") + server.log.Count("onStarted, not started"), static_cast<size_t>(starts));
    CHECK_EQUAL(server.log.Count("onStopped") + server.log.Count("onStopped, still started"), static_cast<size_t>(starts));
    CHECK_EQUAL(server.log.Count("onThreadInitialize"), server.log.Count("onThreadCleanup"));
    CHECK_EQUAL(server.log.Count("onThreadCleanup elsewhere"), 0u);
    CHECK(server.Start());
    CHECK(client.Connect());
    CHECK_EQUAL(client.Send("at the end"), 10u);
    server.log.Wait("received at the end");
}

// Who only looked whether it was started kept its thread from beginning.
TEST(nanomsg_lifecycle_restart_in_a_callback_while_another_thread_starts)
{
    // Tries to start what is started, while it is told to.
    struct Other
    {
        std::function<bool()> start;
        std::atomic<bool> tries{ false };
        std::atomic<bool> over{ false };
        std::atomic<uint64_t> rounds{ 0 };
        std::thread thread{ [this]()
        {
            for (; !over; ++rounds)
            {
                if (tries)
                    start();
            }
        } };

        ~Other()
        {
            over = true;
            thread.join();
        }
        void Try(bool now)
        {
            tries = now;
            const uint64_t before = rounds;
            UNTIL(rounds > before + 1);
        }
    };

    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    Other other;
    other.start = [&]() { return server.Start(); };
    server.started = [&]() { other.Try(true); };
    server.received = [&](Message&)
    {
        CHECK(server.Restart());
        other.Try(false);
    };
    CHECK(server.Start());
    other.Try(false);
    CHECK(client.Connect());
    for (size_t round = 1; round <= 300; ++round)
    {
        UNTIL(client.TrySend("message") > 0);
        server.log.Wait("received message", round);
        server.log.Wait("onThreadInitialize", round + 1);
    }
    CHECK(server.Stop());
}
