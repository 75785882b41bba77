// Every lifecycle call inside every callback, and from eight threads at once: nothing hangs, nothing is left over, and the
// callbacks stay in pairs.

#include "raw_peer.h"
#include "support.h"

#include "server/asio/timer.h"

#include <future>
#include <random>

using namespace Test;

namespace {

// A server, a client, and the hook that each callback of all of them passes.
struct Stage
{
    std::shared_ptr<LoggingService> service;
    std::shared_ptr<LoggingServer> server;
    std::shared_ptr<LoggingClient> client;
    std::function<void(const std::string& callback)> hook;

    explicit Stage(size_t threads = 1) : service(std::make_shared<LoggingService>(threads))
    {
        const auto at = [this](const char* callback) { return [this, callback]() { Reach(callback); }; };
        const auto session_at = [this](const char* callback) { return [this, callback](LoggingSession&) { Reach(callback); }; };
        const auto client_at = [this](const char* callback) { return [this, callback](LoggingClient&) { Reach(callback); }; };

        service->initialize = at("service.onThreadInitialize");
        service->started = at("service.onStarted");
        service->stopped = at("service.onStopped");
        service->cleanup = at("service.onThreadCleanup");
        // The same one after each start, so that the client finds the server.
        const auto port = UnusedPort();
        server = std::make_shared<LoggingServer>(service, "127.0.0.1", port);
        server->started = at("server.onStarted");
        server->stopped = at("server.onStopped");
        server->connected = session_at("server.onConnected");
        server->disconnected = session_at("server.onDisconnected");
        server->session_created = session_at("session.constructor");
        server->session_connected = session_at("session.onConnected");
        server->session_disconnected = session_at("session.onDisconnected");
        server->session_empty = session_at("session.onEmpty");
        server->session_error = session_at("session.onError");
        server->session_received = [this](LoggingSession& session, const std::string& text)
        {
            session.Send(text);
            Reach("session.onReceived");
            return text.size();
        };
        server->session_sent = [this](LoggingSession&, size_t, size_t) { Reach("session.onSent"); };
        server->Start();
        client = std::make_shared<LoggingClient>(service, "127.0.0.1", port);
        client->connected = [this](LoggingClient& self)
        {
            self.Send("ping");
            Reach("client.onConnected");
        };
        client->disconnected = client_at("client.onDisconnected");
        client->empty = client_at("client.onEmpty");
        client->error = client_at("client.onError");
        client->received = [this](LoggingClient&, const std::string& text)
        {
            Reach("client.onReceived");
            return text.size();
        };
        client->sent = [this](LoggingClient&, size_t, size_t) { Reach("client.onSent"); };
    }

    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;

    // A callback may still be running in a service that was asked to stop on its own thread.
    ~Stage() { End(); }

    void End()
    {
        service->Stop();
        // What the calls queued behind the stop goes with one more life of the service.
        Quiet();
        service->Start();
        service->Stop();
    }

    void Reach(const char* callback)
    {
        if (hook)
            hook(callback);
    }

    void Quiet() { hook = nullptr; }
};

const std::vector<std::string>& Callbacks()
{
    static const std::vector<std::string> names = {
        "service.onThreadInitialize", "service.onStarted", "service.onStopped", "service.onThreadCleanup",
        "server.onStarted", "server.onStopped", "server.onConnected", "server.onDisconnected",
        "session.constructor", "session.onConnected", "session.onReceived", "session.onSent", "session.onEmpty", "session.onError", "session.onDisconnected",
        "client.onConnected", "client.onReceived", "client.onSent", "client.onEmpty", "client.onError", "client.onDisconnected",
    };
    return names;
}

typedef std::pair<std::string, std::function<void(Stage&)>> Action;

const std::vector<Action>& Actions()
{
    static const std::vector<Action> actions = {
        { "server.Start", [](Stage& stage) { stage.server->Start(); } },
        { "server.Stop", [](Stage& stage) { stage.server->Stop(); } },
        { "server.Restart", [](Stage& stage) { stage.server->Restart(); } },
        { "server.Multicast", [](Stage& stage) { stage.server->Multicast("to all"); } },
        { "server.DisconnectAll", [](Stage& stage) { stage.server->DisconnectAll(); } },
        { "session.Send", [](Stage& stage) { if (auto session = stage.server->Last()) session->Send("more"); } },
        { "session.Disconnect", [](Stage& stage) { if (auto session = stage.server->Last()) session->Disconnect(); } },
        { "client.Connect", [](Stage& stage) { stage.client->Connect(); } },
        { "client.Disconnect", [](Stage& stage) { stage.client->Disconnect(); } },
        { "client.Reconnect", [](Stage& stage) { stage.client->Reconnect(); } },
        { "client.Send", [](Stage& stage) { stage.client->Send("again"); } },
        { "service.Start", [](Stage& stage) { stage.service->Start(); } },
        { "service.Stop", [](Stage& stage) { stage.service->Stop(); } },
        { "service.Restart", [](Stage& stage) { stage.service->Restart(); } },
        { "service.Post", [](Stage& stage) { stage.service->Post([]() {}); } },
        { "service.Dispatch", [](Stage& stage) { stage.service->Dispatch([]() {}); } },
        { "everything", [](Stage& stage)
            {
                stage.client->Reconnect();
                stage.server->Restart();
                stage.server->Multicast("x");
                stage.client->Disconnect();
                stage.client->Connect();
                stage.server->Stop();
                stage.server->Start();
                stage.service->Restart();
            } },
    };
    return actions;
}

// What has happened to a server and a client has to be in pairs when everything has ended.
void CheckPairs(Stage& stage)
{
    const Log& server = stage.server->log;
    // A start that failed is told by onError() and onStopped().
    size_t failures = 0;
    for (const std::string& event : server.Events())
        failures += (event.find("server.onError") == 0) ? 1 : 0;
    CHECK_EQUAL(server.Count("server.onStarted") + failures, server.Count("server.onStopped"));
    CHECK_EQUAL(server.Count("session.onConnected"), server.Count("session.onDisconnected"));
    CHECK_EQUAL(server.Count("session.onConnected"), server.Count("server.onConnected"));
    CHECK_EQUAL(server.Count("server.onConnected"), server.Count("server.onDisconnected"));
    CHECK_EQUAL(stage.server->current_sessions(), 0u);
    CHECK_EQUAL(stage.service->log.Count("onStarted"), stage.service->log.Count("onStopped"));
    CHECK(!stage.server->IsStarted());
    CHECK(!stage.client->IsConnected());
    CHECK(!stage.service->IsStarted());
    // A connect that failed has the second without the first.
    CHECK(stage.client->log.Count("client.onConnected") <= stage.client->log.Count("client.onDisconnected"));
    bool connected = false;
    for (const std::string& event : stage.client->log.Events())
    {
        if (event == "client.onConnected")
        {
            CHECK(!connected);
            connected = true;
        }
        else if (event == "client.onDisconnected")
            connected = false;
    }
    CHECK(!connected);
}

void Play(const std::string& callback, const Action& action)
{
    Stage stage;
    std::atomic<bool> reached(false);
    stage.hook = [&](const std::string& name)
    {
        if ((name == callback) && !reached.exchange(true))
            action.second(stage);
    };
    stage.client->Connect();
    stage.service->Start();
    // Whatever the call did, some end of the connection or of the service comes about, if need be by these.
    UNTIL(reached || (stage.client->log.Count("client.onReceived") > 0));
    stage.client->Disconnect();
    UNTIL(reached || (stage.server->log.Count("server.onDisconnected") > 0));
    if (!reached)
        UNTIL(!stage.client->IsConnected());
    if (!reached && stage.client->Connect())
        UNTIL(reached || ((stage.server->log.Count("server.onConnected") > 1) && (stage.client->log.Count("client.onConnected") > 1)));
    if (!reached && stage.server->Stop())
        UNTIL(reached || (stage.client->log.Count("client.onDisconnected") > 1));
    stage.service->Stop();
    if (!reached)
        throw Failure(callback + " never came, before " + action.first);
    stage.End();
    CheckPairs(stage);
}

} // namespace

TEST(lifecycle_every_call_inside_every_callback)
{
    for (const std::string& callback : Callbacks())
    {
        for (const Action& action : Actions())
        {
            try
            {
                Play(callback, action);
            }
            catch (const Failure& failure)
            {
                throw Failure(action.first + " in " + callback + ": " + failure.what());
            }
        }
    }
}

TEST(lifecycle_every_call_from_posted_handlers_and_timers)
{
    for (const Action& action : Actions())
    {
        Stage stage;
        stage.service->Start();
        stage.client->Connect();
        stage.client->log.Wait("client.onConnected");
        Log log;
        stage.service->Post([&]()
        {
            action.second(stage);
            log.Add("posted");
        });
        log.Wait("posted");
        stage.service->Start();
        auto timer = std::make_shared<CppServer::Asio::Timer>(stage.service, [&]()
        {
            action.second(stage);
            log.Add("timed");
        });
        // After a stop inside the handler the service may not take a timer yet, or drop it.
        UNTIL((log.Count("timed") > 0) || (stage.service->Start(), timer->Start(std::chrono::milliseconds(0)), false));
        stage.service->Stop();
        timer->Cancel();
        stage.End();
        CheckPairs(stage);
    }
}

namespace {

bool Contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// Does something at random. What ends something is rare enough that something goes on.
void ActAtRandom(Stage& stage, uint32_t number, bool with_service)
{
    const Action& action = Actions()[number % (Actions().size() - 1)];
    const bool ends = Contains(action.first, "Stop") || Contains(action.first, "Restart") || Contains(action.first, "Disconnect") || Contains(action.first, "Reconnect");
    const bool wanted = with_service || !Contains(action.first, "service.");
    if (!ends || (wanted && ((number >> 16) % 8 == 0)))
        action.second(stage);
}

void Storm(size_t threads, bool with_service)
{
    const int rounds = 1250;
    const size_t connections = 100;
    Stage stage(threads);
    std::mutex mutex;
    std::mt19937 random_inside(8);
    stage.hook = [&](const std::string&)
    {
        uint32_t number = 0;
        {
            std::lock_guard<std::mutex> lock(mutex);
            number = static_cast<uint32_t>(random_inside());
        }
        if (number % 4 == 0)
            ActAtRandom(stage, number / 4, false);
    };
    const auto end = std::chrono::steady_clock::now() + Deadline;
    stage.service->Start();
    stage.client->Connect();
    std::vector<std::thread> callers;
    for (unsigned number = 0; number < 8; ++number)
    {
        callers.emplace_back([&stage, number, with_service, end]()
        {
            std::mt19937 random(number);
            // Goes on until there were connections, too.
            for (int i = 0; (i < rounds) || ((stage.server->log.Count("server.onConnected") < connections) && (std::chrono::steady_clock::now() < end)); ++i)
            {
                ActAtRandom(stage, static_cast<uint32_t>(random()), with_service);
                // Whatever stopped is started again now and then, so that there is something to call.
                if (i % 16 == 0)
                {
                    stage.service->Start();
                    stage.server->Start();
                    stage.client->Connect();
                }
                // Leaves the I/O threads their share of the machine, so that much of this has its effect.
                std::this_thread::sleep_for(std::chrono::microseconds(200));
            }
        });
    }
    for (auto& caller : callers)
        caller.join();
    stage.End();
    CheckPairs(stage);
    CHECK(stage.server->log.Count("server.onConnected") >= connections);
}

} // namespace

TEST(lifecycle_from_eight_threads) { Storm(1, false); }
TEST(lifecycle_from_eight_threads_with_the_service) { Storm(1, true); }
TEST(lifecycle_from_eight_threads_on_two_io_threads) { Storm(2, true); }

TEST(lifecycle_of_two_services_that_stop_each_other)
{
    auto first = std::make_shared<LoggingService>();
    auto second = std::make_shared<LoggingService>();
    for (size_t round = 1; round <= 100; ++round)
    {
        UNTIL(first->Start());
        UNTIL(second->Start());
        std::promise<void> both_are_queued;
        const std::shared_future<void> go = both_are_queued.get_future().share();
        first->Post([&second, go]()
        {
            go.wait();
            second->Stop();
        });
        second->Post([&first, go]()
        {
            go.wait();
            first->Stop();
        });
        both_are_queued.set_value();
        first->log.Wait("onThreadCleanup", round);
        second->log.Wait("onThreadCleanup", round);
    }
    first->Stop();
    second->Stop();
}

TEST(lifecycle_of_servers_restarted_by_each_others_io_threads)
{
    Running first;
    Running second;
    auto first_server = first.StartedServer();
    auto second_server = second.StartedServer();
    for (size_t round = 1; round <= 50; ++round)
    {
        first.service->Post([&]() { second_server->Restart(); });
        second.service->Post([&]() { first_server->Restart(); });
        first_server->log.Wait("server.onStarted", round + 1);
        second_server->log.Wait("server.onStarted", round + 1);
    }
}
