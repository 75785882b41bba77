// What leaves a callback of the user: std::system_error goes to Service::onError() and nothing else is disturbed, everything
// else ends the process.

#include "child.h"
#include "support.h"

#include "server/asio/timer.h"

#include <csignal>

using namespace Test;

namespace {

// What a callback throws, and what the service has to hear of it.
[[noreturn]] void Throw(int number) { throw std::system_error(number, std::generic_category()); }

std::string Told(int number)
{
    return "onError" + ErrorText(number, "generic", std::error_code(number, std::generic_category()).message());
}

} // namespace

TEST(exception_in_a_handler_goes_to_the_service_and_the_loop_lives)
{
    Running running;
    running.service->Post([]() { Throw(EIO); });
    running.service->log.Wait(Told(EIO));
    running.Settle();
    CHECK(running.service->IsStarted());
    CHECK(running.service->Stop());
    CHECK_EQUAL(running.service->log.Count("onStopped"), 1u);
    CHECK_EQUAL(running.service->log.Count(Told(EIO)), 1u);
    CHECK(!running.service->IsStarted());
    running.service->Start();
}

TEST(exception_with_an_asio_code_keeps_its_category)
{
    Running running;
    running.service->Post([]() { throw asio::system_error(asio::error::eof, "reading"); });
    running.service->log.Wait("onError" + Eof());
}

TEST(exception_in_dispatch_reaches_its_caller)
{
    Running running;
    Log log;
    running.service->Post([&]()
    {
        try
        {
            running.service->Dispatch([]() { Throw(EIO); });
        }
        catch (const std::system_error& error)
        {
            log.Add(std::to_string(error.code().value() == EIO));
        }
    });
    log.Wait("1");
    CHECK_EQUAL(running.service->log.Count(Told(EIO)), 0u);
}

TEST(exception_in_each_callback_of_a_service)
{
    auto service = std::make_shared<LoggingService>();
    service->initialize = []() { Throw(1); };
    service->started = []() { Throw(2); };
    service->stopped = []() { Throw(3); };
    service->cleanup = []() { Throw(4); };
    service->Start();
    service->log.Wait(Told(2));
    service->Stop();
    const std::vector<std::string> expected = { "onThreadInitialize", Told(1), "onStarted", Told(2), "onStopped", Told(3), "onThreadCleanup", Told(4) };
    CHECK_EQUAL(service->log.Events(), expected);
}

TEST(exception_in_on_idle)
{
    auto service = std::make_shared<LoggingService>();
    int calls = 0;
    service->idle = [&]()
    {
        if (++calls == 3)
            Throw(5);
    };
    service->Start(true);
    service->log.Wait(Told(5));
    service->Stop();
    CHECK(calls >= 3);
}

TEST(exception_in_timers)
{
    Running running;
    asio::steady_timer timer(running.service->service());
    timer.async_wait([](const asio::error_code&) { Throw(6); });
    running.service->log.Wait(Told(6));
    auto repeating = std::make_shared<CppServer::Asio::Timer>(running.service, []() { Throw(7); });
    repeating->Start(std::chrono::milliseconds(1), std::chrono::milliseconds(1));
    running.service->log.Wait(Told(7), 3);
    CHECK(repeating->Cancel());
    asio::steady_timer cancelled(running.service->service(), std::chrono::hours(1));
    cancelled.async_wait([](const asio::error_code&) { Throw(8); });
    cancelled.cancel();
    running.service->log.Wait(Told(8));
}

TEST(exception_in_each_callback_of_a_server_and_its_sessions)
{
    std::atomic<int> created(0);
    Running running;
    auto server = running.Server();
    server->started = []() { Throw(11); };
    server->stopped = []() { Throw(12); };
    server->connected = [](LoggingSession&) { Throw(13); };
    server->disconnected = [](LoggingSession&) { Throw(14); };
    server->session_connected = [](LoggingSession& session) { session.Send("hello"); Throw(15); };
    server->session_disconnected = [](LoggingSession&) { Throw(16); };
    server->session_sent = [](LoggingSession&, size_t, size_t) { Throw(17); };
    server->session_empty = [](LoggingSession&) { Throw(18); };
    server->session_error = [](LoggingSession&) { Throw(19); };
    server->session_received = [](LoggingSession&, const std::string&) -> size_t { Throw(20); };
    server->session_created = [&](LoggingSession&)
    {
        // The first connection is refused by its constructor.
        if (++created == 1)
            Throw(21);
    };
    server->Start();
    running.service->log.Wait(Told(11));
    CHECK(server->IsStarted());
    auto refused = running.Client(server->port());
    refused->Connect();
    running.service->log.Wait(Told(21));
    refused->log.Wait("client.onDisconnected");
    CHECK_EQUAL(server->current_sessions(), 0u);
    auto client = running.ConnectedClient(server->port());
    UNTIL(client->Received() == "hello");
    for (const int number : { 13, 15, 17, 18 })
        running.service->log.Wait(Told(number));
    client->Send("first");
    running.service->log.Wait(Told(20));
    client->Send("second");
    running.service->log.Wait(Told(20), 2);
    client->Disconnect();
    for (const int number : { 14, 16, 19 })
        running.service->log.Wait(Told(number));
    auto other = running.ConnectedClient(server->port());
    server->Stop();
    running.service->log.Wait(Told(12));
    UNTIL(server->current_sessions() == 0);
    running.Settle();
}

TEST(exception_in_on_received_counts_as_handled)
{
    Running running;
    auto server = running.Server();
    server->session_received = [](LoggingSession& session, const std::string& text) -> size_t
    {
        session.Owner().log.Add(text);
        if (text == "one")
            Throw(22);
        return text.size();
    };
    server->Start();
    auto client = running.ConnectedClient(server->port());
    client->Send("one");
    running.service->log.Wait(Told(22));
    client->Send("two");
    server->log.Wait("two");
}

TEST(exception_in_on_error_of_a_server)
{
    Running running;
    auto first = running.StartedServer();
    auto second = std::make_shared<LoggingServer>(running.service, "127.0.0.1", first->port());
    second->error = []() { Throw(23); };
    second->Start();
    running.service->log.Wait(Told(23));
}

TEST(exception_in_each_callback_of_a_client)
{
    Running running;
    auto server = running.StartedServer();
    auto client = running.Client(server->port());
    client->connected = [](LoggingClient& self) { self.Send("hello"); Throw(31); };
    client->disconnected = [](LoggingClient&) { Throw(32); };
    client->received = [](LoggingClient&, const std::string&) -> size_t { Throw(33); };
    client->sent = [](LoggingClient&, size_t, size_t) { Throw(34); };
    client->empty = [](LoggingClient&) { Throw(35); };
    client->error = [](LoggingClient&) { Throw(36); };
    client->Connect();
    for (const int number : { 31, 34, 35 })
        running.service->log.Wait(Told(number));
    server->log.Wait("server.onConnected");
    server->Multicast("data");
    running.service->log.Wait(Told(33));
    CHECK(client->IsConnected());
    server->DisconnectAll();
    running.service->log.Wait(Told(32));
    CHECK_EQUAL(running.service->log.Count(Told(36)), 1u);
    CHECK(!client->IsConnected());
    client->connected = nullptr;
    CHECK(client->Connect());
    client->log.Wait("client.onConnected", 2);
}

#if !defined(_WIN32)

namespace {

void CheckAbort(const std::string& child, const std::string& what)
{
    const ChildResult result = RunChild(child);
    CHECK(WIFSIGNALED(result.status));
    CHECK_EQUAL(WTERMSIG(result.status), SIGABRT);
    CHECK_EQUAL(result.output.find("Fatal error: TCP service thread terminated!") != std::string::npos ? "" : result.output, std::string());
    CHECK_EQUAL(result.output.find(what) != std::string::npos ? "" : result.output, std::string());
}

// Never returns in a good library: the process is ended by an I/O thread.
void WaitForTheEnd()
{
    Log log;
    log.Wait("the end");
}

} // namespace

CHILD(throw_runtime_error_in_a_handler)
{
    auto service = std::make_shared<Service>();
    service->Start();
    service->Post([]() { throw std::runtime_error("nobody catches this"); });
    WaitForTheEnd();
}

CHILD(throw_number_in_on_connected)
{
    Running running;
    auto server = running.Server();
    server->session_connected = [](LoggingSession&) { throw 42; };
    server->Start();
    auto client = running.Client(server->port());
    client->Connect();
    WaitForTheEnd();
}

CHILD(throw_system_error_in_on_error_of_the_service)
{
    auto service = std::make_shared<LoggingService>();
    service->error = []() { throw std::system_error(EIO, std::generic_category(), "once more"); };
    service->Start();
    service->Post([]() { Throw(EIO); });
    WaitForTheEnd();
}

TEST(exception_of_another_type_ends_the_process_with_a_message)
{
    CheckAbort("throw_runtime_error_in_a_handler", "nobody catches this");
    CheckAbort("throw_number_in_on_connected", "not derived from std::exception");
}

TEST(exception_in_on_error_of_the_service_ends_the_process)
{
    CheckAbort("throw_system_error_in_on_error_of_the_service", "once more");
}

#endif
