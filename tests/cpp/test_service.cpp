// Life of a service, its handlers and flags.

#include "raw_peer.h"
#include "support.h"

#include "server/asio/timer.h"

using namespace Test;

TEST(service_calls_back_in_order)
{
    auto service = std::make_shared<LoggingService>();
    service->Post([service]() { service->log.Add("posted before start"); });
    CHECK(service->Start());
    service->Post([service]() { service->log.Add("posted after start"); });
    service->log.Wait("posted after start");
    CHECK(service->Stop());
    const std::vector<std::string> expected = { "onThreadInitialize", "posted before start", "onStarted", "posted after start", "onStopped", "onThreadCleanup" };
    CHECK_EQUAL(service->log.Events(), expected);
}

TEST(service_flag_is_right_inside_callbacks)
{
    auto service = std::make_shared<LoggingService>();
    std::atomic<int> wrong(0);
    service->initialize = [&]() { wrong += service->IsStarted(); };
    service->started = [&]() { wrong += !service->IsStarted(); };
    service->stopped = [&]() { wrong += service->IsStarted(); };
    service->cleanup = [&]() { wrong += service->IsStarted(); };
    CHECK(!service->IsStarted());
    service->Start();
    UNTIL(service->IsStarted());
    service->Stop();
    CHECK(!service->IsStarted());
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(service_start_twice_starts_once)
{
    Running running;
    CHECK(!running.service->Start());
    running.Settle();
    CHECK(!running.service->Start());
    CHECK_EQUAL(running.service->log.Count("onStarted"), 1u);
}

TEST(service_stop_needs_a_start)
{
    auto service = std::make_shared<LoggingService>();
    CHECK(!service->Stop());
    CHECK(!service->Restart());
    CHECK(service->Start());
    CHECK(service->Stop());
    CHECK(!service->Stop());
    CHECK_EQUAL(service->log.Count("onStarted"), 1u);
    CHECK_EQUAL(service->log.Count("onStopped"), 1u);
}

TEST(service_starts_again_after_stop)
{
    auto service = std::make_shared<LoggingService>();
    for (size_t round = 1; round <= 3; ++round)
    {
        CHECK(service->Start());
        service->log.Wait("onStarted", round);
        CHECK(service->Stop());
        // What programs once needed between two starts is harmless.
        service->service().reset();
    }
    CHECK_EQUAL(service->log.Count("onStopped"), 3u);
}

TEST(service_restart_starts_a_living_service)
{
    Running running;
    CHECK(running.service->Restart());
    running.service->log.Wait("onStarted", 2);
    running.Settle();
    CHECK_EQUAL(running.service->log.Count("onStopped"), 1u);
}

TEST(service_restart_and_stop_in_callbacks_return_at_once)
{
    auto service = std::make_shared<LoggingService>();
    service->Start();
    service->log.Wait("onStarted");
    service->Post([service]() { service->log.Add(service->Restart() ? "restarting" : "refused"); });
    service->log.Wait("onStarted", 2);
    CHECK_EQUAL(service->log.Count("restarting"), 1u);
    service->Post([service]() { service->log.Add(service->Stop() ? "stopping" : "refused"); });
    service->log.Wait("onThreadCleanup", 2);
    service->log.Wait("stopping");
    UNTIL(service->Start());
    service->Stop();
}

TEST(service_dispatch_runs_inline_on_its_thread_and_post_later)
{
    Running running;
    Log log;
    auto service = running.service;
    const uint64_t main_thread = CppCommon::Thread::CurrentThreadId();
    service->Post([&]()
    {
        log.Add("1");
        if (CppCommon::Thread::CurrentThreadId() == main_thread)
            log.Add("wrong thread");
        service->Post([&]() { log.Add("4"); });
        service->Dispatch([&]() { log.Add("2"); });
        log.Add("3");
    });
    log.Wait("4");
    CHECK_EQUAL(log.Events(), (std::vector<std::string>{ "1", "2", "3", "4" }));
}

TEST(service_keeps_the_order_of_dispatches_and_posts)
{
    Running running;
    Log log;
    auto service = running.service;
    service->Post([&]()
    {
        service->Dispatch([&]()
        {
            log.Add("1.1");
            service->Dispatch([&]() { log.Add("1.2.1"); });
            service->Post([&]() { log.Add("1.3.1"); });
        });
        service->Post([&]()
        {
            log.Add("2.1");
            service->Dispatch([&]() { log.Add("2.2.1"); });
            service->Post([&]() { log.Add("2.3.1"); });
        });
    });
    log.Wait("2.3.1");
    CHECK_EQUAL(log.Events(), (std::vector<std::string>{ "1.1", "1.2.1", "1.3.1", "2.1", "2.2.1", "2.3.1" }));
}

TEST(service_runs_posted_handlers_first_in_first_out)
{
    Running running;
    std::vector<int> order;
    for (int i = 0; i < 1000; ++i)
        running.service->Post([&order, i]() { order.push_back(i); });
    running.Settle();
    CHECK_EQUAL(order.size(), 1000u);
    for (int i = 0; i < 1000; ++i)
        CHECK_EQUAL(order[static_cast<size_t>(i)], i);
}

TEST(service_takes_lambdas_functions_and_functors)
{
    struct Functor
    {
        std::atomic<int>* calls;
        void operator()() const { ++*calls; }
    };
    Running running;
    std::atomic<int> calls(0);
    const std::function<void()> function = [&calls]() { ++calls; };
    const Functor functor = { &calls };
    running.service->Post(function);
    running.service->Dispatch(function);
    running.service->Post(functor);
    running.service->Dispatch(functor);
    running.service->Post(std::bind(functor));
    auto lambda = [&calls]() { ++calls; };
    running.service->Post(lambda);
    running.Settle();
    CHECK_EQUAL(calls.load(), 6);
}

TEST(service_destroys_handlers_that_cannot_run_any_more)
{
    // A handler behind the stop that owns the service and a server must not keep them for ever.
    auto token = std::make_shared<int>(1);
    std::weak_ptr<int> watch = token;
    {
        auto service = std::make_shared<LoggingService>();
        auto server = std::make_shared<LoggingServer>(service, "127.0.0.1", 0);
        service->Start();
        server->Start();
        service->cleanup = [&]() { service->Post([service, server, token]() { static_cast<void>(*token); }); };
        service->Stop();
        service->cleanup = nullptr;
        // The next start would run it, so it has to go with a start and a stop.
        service->Start();
        service->Stop();
    }
    token.reset();
    CHECK(watch.expired());
}

TEST(service_calls_nothing_back_after_stop)
{
    auto service = std::make_shared<LoggingService>();
    service->Start();
    auto server = std::make_shared<LoggingServer>(service, "127.0.0.1", 0);
    server->Start();
    auto client = std::make_shared<LoggingClient>(service, "127.0.0.1", server->port());
    client->Connect();
    client->log.Wait("client.onConnected");
    server->log.Wait("server.onConnected");
    service->Stop();
    const auto service_events = service->log.Events();
    const auto server_events = server->log.Events();
    const auto client_events = client->log.Events();
    CHECK_EQUAL(server->log.Count("server.onStopped"), 1u);
    CHECK_EQUAL(server->log.Count("session.onDisconnected"), 1u);
    CHECK_EQUAL(server->log.Count("server.onDisconnected"), 1u);
    CHECK_EQUAL(client->log.Count("client.onDisconnected"), 1u);
    CHECK(!server->IsStarted());
    CHECK(!client->IsConnected());
    CHECK_EQUAL(service_events.back(), std::string("onThreadCleanup"));
    service->Start();
    service->Stop();
    CHECK_EQUAL(server->log.Events(), server_events);
    CHECK_EQUAL(client->log.Events(), client_events);
}

TEST(service_polling_calls_on_idle_and_sleeping_does_not)
{
    std::atomic<int> idle(0);
    auto service = std::make_shared<LoggingService>();
    service->idle = [&idle]() { ++idle; };
    service->Start(true);
    UNTIL(idle > 100);
    service->Stop();
    idle = 0;
    service->Start();
    service->log.Wait("onStarted", 2);
    service->Stop();
    CHECK_EQUAL(idle.load(), 0);
}

TEST(service_restart_keeps_polling)
{
    std::atomic<int> idle(0);
    auto service = std::make_shared<LoggingService>();
    service->idle = [&idle]() { ++idle; };
    service->Start(true);
    service->log.Wait("onStarted");
    service->Restart();
    service->log.Wait("onStarted", 2);
    idle = 0;
    UNTIL(idle > 10);
    service->Stop();
}

TEST(service_that_runs_lives_without_its_user)
{
    std::weak_ptr<LoggingService> watch;
    {
        auto service = std::make_shared<LoggingService>();
        service->Start();
        watch = service;
    }
    auto service = watch.lock();
    CHECK(service != nullptr);
    service->log.Wait("onStarted");
    service->Stop();
    service.reset();
    CHECK(watch.expired());
}

TEST(service_never_started_is_destroyed)
{
    std::weak_ptr<LoggingService> watch;
    {
        auto service = std::make_shared<LoggingService>();
        service->Post([]() {});
        watch = service;
    }
    CHECK(watch.expired());
}

TEST(service_that_runs_no_more_gives_up_what_waits_with_one_more_life)
{
    // Each of them owns the service and is owned by what waits in it.
    std::weak_ptr<LoggingService> watch;
    {
        auto service = std::make_shared<LoggingService>();
        auto server = std::make_shared<LoggingServer>(service, "127.0.0.1", 0);
        auto client = std::make_shared<LoggingClient>(service, "127.0.0.1", UnusedPort());
        auto timer = std::make_shared<CppServer::Asio::Timer>(service, []() {});
        for (int life = 0; life < 2; ++life)
        {
            CHECK(server->Start());
            CHECK(client->Connect());
            CHECK(timer->Start(std::chrono::hours(1)));
            CHECK(!server->IsStarted());
            CHECK(!client->IsConnected());
            CHECK(timer->IsActive());
            service->Start();
            service->Stop();
            CHECK(!timer->IsActive());
        }
        watch = service;
    }
    CHECK(watch.expired());
}

TEST(service_with_several_threads_runs_them_all)
{
    auto service = std::make_shared<LoggingService>(3);
    CHECK_EQUAL(service->threads(), 3u);
    service->Start();
    service->log.Wait("onThreadInitialize", 3);
    service->log.Wait("onStarted");
    service->Stop();
    CHECK_EQUAL(service->log.Count("onThreadCleanup"), 3u);
    CHECK_EQUAL(service->log.Count("onStarted"), 1u);
    CHECK_EQUAL(service->log.Count("onStopped"), 1u);
}

TEST(service_without_a_class_of_its_own_works)
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    CHECK_EQUAL(service->threads(), 1u);
    CHECK(service->Start());
    Log log;
    service->Post([&log]() { log.Add("ran"); });
    log.Wait("ran");
    CHECK(service->Stop());
}
