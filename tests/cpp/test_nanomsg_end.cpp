// The end of servers and clients: moved, destroyed while they run, after Terminate(), and by exceptions.

#include "child.h"
#include "nanomsg_support.h"

using namespace Test;

namespace {

typedef LoggedServer<Nano::PairServer> Server;
typedef LoggedClient<Nano::PairClient> Client;

} // namespace

// Both closed the same socket.
TEST(nanomsg_end_objects_are_moved)
{
    const std::string address = UnusedName();
    Nano::PairServer server(address);
    CHECK(server.Start());
    Nano::PairServer moved(std::move(server));
    CHECK(!server.IsStarted());
    CHECK(!moved.IsStarted());
    CHECK(!server.Start());
    CHECK(moved.Start());
    Nano::PairClient client(address, false);
    CHECK(client.Connect());
    // What nobody calls back goes on.
    Nano::PairClient other(UnusedName(), false);
    CHECK(other.Connect());
    other = std::move(client);
    CHECK(!client.IsConnected());
    CHECK(other.IsConnected());
    CHECK_EQUAL(other.address(), address);
    CHECK_EQUAL(other.Send("moved"), 5u);
    CHECK_EQUAL(client.Send("moved away"), 0u);
    UNTIL(moved.socket().messages_received() == 1);
    Nano::PairServer target(UnusedName());
    target = std::move(moved);
    CHECK(target.Start());
    CHECK_EQUAL(target.address(), address);
    std::vector<Nano::PushClient> clients;
    for (int number = 0; number < 10; ++number)
    {
        clients.emplace_back(UnusedName());
        CHECK(clients.back().Connect());
    }
    for (Nano::PushClient& one : clients)
        CHECK(one.IsConnected());
}

// The thread went on with the socket of the other object.
TEST(nanomsg_end_thread_ends_before_another_object_is_moved_in)
{
    Nano::PairServer other(UnusedName(), false);
    CHECK(other.Start());
    Server server(UnusedName());
    CHECK(server.Start());
    server.log.Wait("onThreadInitialize");
    // Behind the back of the object, which has nothing to stop then.
    CHECK(server.socket().Disconnect());
    static_cast<Nano::Server&>(server) = std::move(other);
    CHECK_EQUAL(server.log.Count("onThreadCleanup"), 1u);
    CHECK(server.IsStarted());
}

TEST(nanomsg_end_destroyed_while_it_runs)
{
    const std::string address = UnusedName();
    Nano::PushClient push(address);
    CHECK(push.Connect());
    CHECK(push.socket().SetupSendTimeout(std::chrono::milliseconds(1)));
    std::atomic<bool> over(false);
    std::thread traffic([&]()
    {
        while (!over)
            push.TrySend("traffic");
    });
    for (int round = 0; round < 50; ++round)
    {
        Nano::PushServer server(address);
        CHECK(server.Start());
        UNTIL(server.socket().messages_received() > 10);
    }
    // In the callback of its own, also after it has begun anew.
    for (const bool restarts : { false, true })
    {
        Log log;
        LoggedServer<Nano::PushServer>* server = new LoggedServer<Nano::PushServer>(address);
        bool first = true;
        server->received = [&](Message&)
        {
            if (!first)
                return;
            first = false;
            if (restarts)
                server->Restart();
            // What this function has captured goes with the server.
            Log& told = log;
            delete server;
            told.Add("destroyed");
        };
        CHECK(server->Start());
        log.Wait("destroyed");
    }
    over = true;
    traffic.join();
}

#if !defined(_WIN32)

namespace {

void CheckAbort(const std::string& child, const std::string& what)
{
    const ChildResult result = RunChild(child);
    CHECK(WIFSIGNALED(result.status));
    CHECK_EQUAL(WTERMSIG(result.status), SIGABRT);
    CHECK_EQUAL(result.output.find("Fatal error: Nanomsg thread terminated!") != std::string::npos ? "" : result.output, std::string());
    CHECK_EQUAL(result.output.find(what) != std::string::npos ? "" : result.output, std::string());
}

// Throws what a callback throws on the thread of the object.
template <class TException>
void ThrowInReceived(const TException& exception)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    server.received = [&](Message&) { throw exception; };
    server.Start();
    client.Connect();
    client.Send("hello");
    Log().Wait("the end");
}

} // namespace

CHILD(nanomsg_throw_runtime_error) { ThrowInReceived(std::runtime_error("nobody catches this")); }
CHILD(nanomsg_throw_number) { ThrowInReceived(42); }

TEST(nanomsg_end_other_exceptions_end_the_process)
{
    CheckAbort("nanomsg_throw_runtime_error", "nobody catches this");
    CheckAbort("nanomsg_throw_number", "not derived from std::exception");
}

CHILD(nanomsg_terminate_objects)
{
    const std::string address = UnusedName();
    Server server(address);
    Client client(address, false);
    CHECK(server.Start());
    CHECK(client.Connect());
    Nano::Socket::Terminate();
    server.log.Wait(ErrorText(EBADF));
    Message message;
    CHECK_EQUAL(client.Receive(message), 0u);
    CHECK_EQUAL(client.Send("a"), 0u);
    CHECK_EQUAL(client.log.Count(ErrorText(EBADF)), 2u);
    // It is told once, and what runs can be stopped and destroyed.
    server.log.Wait("onIdle", 10);
    CHECK(server.Stop());
    CHECK_EQUAL(server.log.Count(ErrorText(EBADF)), 1u);
    CHECK(!server.Start());
    CHECK_EQUAL(server.log.Count(ErrorText(EBADF)), 2u);
    CHECK_FAILS(Nano::PairServer(UnusedName()), EBADF);
}

TEST(nanomsg_end_after_terminate)
{
    const ChildResult result = RunChild("nanomsg_terminate_objects");
    CHECK_EQUAL(result.output, "");
    CHECK_EQUAL(result.status, 0);
}

#endif
