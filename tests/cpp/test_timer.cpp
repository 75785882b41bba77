// CppServer::Asio::Timer

#include "support.h"

#include "server/asio/timer.h"

using namespace Test;
using CppServer::Asio::Timer;
using std::chrono::hours;
using std::chrono::milliseconds;

TEST(timer_fires_once)
{
    Running running;
    Log log;
    std::shared_ptr<Timer> timer = std::make_shared<Timer>(running.service, [&]() { log.Add(timer->IsActive() ? "active" : "done"); });
    const auto begin = std::chrono::steady_clock::now();
    CHECK(timer->Start(milliseconds(5)));
    log.Wait("done");
    CHECK(std::chrono::steady_clock::now() - begin >= milliseconds(5));
    CHECK(!timer->Cancel());
    running.Settle();
    CHECK_EQUAL(log.Events().size(), 1u);
}

TEST(timer_repeats_until_it_is_cancelled)
{
    Running running;
    Log log;
    auto timer = std::make_shared<Timer>(running.service, [&]() { log.Add("tick"); });
    CHECK(timer->Start(milliseconds(1), milliseconds(1)));
    CHECK(timer->IsActive());
    log.Wait("tick", 5);
    CHECK(timer->Cancel());
    CHECK(!timer->IsActive());
    running.Settle();
    const size_t ticks = log.Count("tick");
    // A timer that were still running would fire before this one.
    auto other = std::make_shared<Timer>(running.service, [&]() { log.Add("other"); });
    other->Start(milliseconds(10));
    log.Wait("other");
    CHECK_EQUAL(log.Count("tick"), ticks);
}

TEST(timer_that_is_active_does_not_start_again)
{
    Running running;
    Log log;
    auto timer = std::make_shared<Timer>(running.service, [&]() { log.Add("tick"); });
    CHECK(timer->Start(hours(1)));
    CHECK(!timer->Start(milliseconds(0)));
    CHECK(timer->Cancel());
    CHECK(!timer->Cancel());
    CHECK(timer->Start(milliseconds(0)));
    log.Wait("tick");
    running.Settle();
    CHECK_EQUAL(log.Count("tick"), 1u);
}

TEST(timer_is_cancelled_and_started_in_its_callback)
{
    Running running;
    Log log;
    std::shared_ptr<Timer> repeating = std::make_shared<Timer>(running.service, [&]()
    {
        log.Add("repeating");
        if (log.Count("repeating") == 3)
            repeating->Cancel();
    });
    repeating->Start(milliseconds(1), milliseconds(1));
    std::shared_ptr<Timer> single = std::make_shared<Timer>(running.service, [&]()
    {
        log.Add("single");
        if (log.Count("single") < 3)
            single->Start(milliseconds(1));
    });
    single->Start(milliseconds(1));
    log.Wait("repeating", 3);
    log.Wait("single", 3);
    UNTIL(!repeating->IsActive() && !single->IsActive());
    running.Settle();
    CHECK_EQUAL(log.Events().size(), 6u);
}

TEST(timer_class_of_its_own_overrides_the_callback)
{
    class Clock : public Timer
    {
    public:
        using Timer::Timer;
        Log log;

    protected:
        void onTimer() override { log.Add("rang"); }
    };
    Running running;
    auto clock = std::make_shared<Clock>(running.service);
    clock->Start(milliseconds(0));
    clock->log.Wait("rang");
}

TEST(timer_keeps_itself_alive_until_it_fired)
{
    Running running;
    Log log;
    std::weak_ptr<Timer> watch;
    {
        auto timer = std::make_shared<Timer>(running.service, [&]() { log.Add("tick"); });
        timer->Start(milliseconds(5));
        watch = timer;
    }
    log.Wait("tick");
    UNTIL(watch.expired());
}

TEST(timer_ends_with_its_service)
{
    auto service = std::make_shared<LoggingService>();
    Log log;
    auto timer = std::make_shared<Timer>(service, [&]() { log.Add("tick"); });
    service->Start();
    CHECK(timer->Start(hours(1)));
    service->Stop();
    CHECK(!timer->IsActive());
    CHECK(!timer->Cancel());
    service->Start();
    CHECK(timer->Start(milliseconds(0)));
    log.Wait("tick");
    service->Stop();
    std::weak_ptr<Timer> watch = timer;
    timer.reset();
    CHECK(watch.expired());
}
