// The asio view of a service: handlers, executors, timers.

#include "support.h"

using namespace Test;

namespace {

std::string Text(const asio::error_code& ec) { return ec ? ErrorText(ec) : "no error"; }

} // namespace

TEST(io_service_posts_and_dispatches)
{
    Running running;
    Log log;
    asio::io_service& io = running.service->service();
    io.post([&]()
    {
        io.dispatch([&]() { log.Add("dispatched"); });
        io.post([&]() { log.Add("posted"); });
        log.Add("after");
    });
    log.Wait("posted");
    CHECK_EQUAL(log.Events(), (std::vector<std::string>{ "dispatched", "after", "posted" }));
}

TEST(io_service_free_functions_and_executor_reach_it)
{
    Running running;
    Log log;
    asio::io_service& io = running.service->service();
    asio::io_service::executor_type executor = io.get_executor();
    CHECK(!executor.running_in_this_thread());
    CHECK(&executor.context() == &io);
    CHECK(executor == io.get_executor());
    asio::post(io, [&]() { log.Add(executor.running_in_this_thread() ? "inside" : "outside"); });
    asio::dispatch(io, [&]() { log.Add("2"); });
    asio::post(executor, [&]() { log.Add("3"); });
    asio::dispatch(executor, [&]() { log.Add("4"); });
    log.Wait("4");
    CHECK_EQUAL(log.Events(), (std::vector<std::string>{ "inside", "2", "3", "4" }));
}

TEST(io_service_wrap_dispatches_with_its_arguments)
{
    Running running;
    Log log;
    auto wrapped = running.service->service().wrap([&log](int number, const std::string& text) { log.Add(text + std::to_string(number)); });
    wrapped(7, std::string("seven "));
    log.Wait("seven 7");
}

TEST(io_service_run_and_stop_are_harmless)
{
    Running running;
    asio::io_service& io = running.service->service();
    asio::io_service::work work(io);
    CHECK(&work.get_io_service() == &io);
    running.service->log.Wait("onStarted");
    CHECK(!io.stopped());
    asio::error_code ec = asio::error::eof;
    CHECK_EQUAL(io.run() + io.run(ec) + io.run_one() + io.run_one(ec) + io.poll() + io.poll(ec) + io.poll_one() + io.poll_one(ec), 0u);
    CHECK(!ec);
    io.stop();
    io.reset();
    io.restart();
    running.Settle();
    CHECK(running.service->IsStarted());
    running.service->Stop();
    CHECK(io.stopped());
    running.service->Start();
}

TEST(steady_timer_fires_on_the_io_thread)
{
    Running running;
    Log log;
    asio::steady_timer timer(running.service->service(), std::chrono::milliseconds(5));
    const auto begin = std::chrono::steady_clock::now();
    auto executor = running.service->service().get_executor();
    timer.async_wait([&](const asio::error_code& ec) { log.Add(executor.running_in_this_thread() ? Text(ec) : "wrong thread"); });
    log.Wait("no error");
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(5));
}

TEST(steady_timer_that_is_due_fires_but_never_inside_async_wait)
{
    Running running;
    Log log;
    asio::steady_timer timer(running.service->service());
    running.service->Post([&]()
    {
        timer.async_wait([&](const asio::error_code& ec) { log.Add(Text(ec)); });
        log.Add("after async_wait");
    });
    log.Wait("no error");
    CHECK(log.Before("after async_wait", "no error"));
}

TEST(steady_timer_cancel_tells_the_handlers)
{
    Running running;
    Log log;
    asio::steady_timer timer(running.service->service(), std::chrono::hours(1));
    const auto handler = [&](const asio::error_code& ec)
    {
        log.Add((ec == asio::error::operation_aborted) ? "aborted" : Text(ec));
    };
    timer.async_wait(handler);
    timer.async_wait(handler);
    timer.async_wait(handler);
    CHECK_EQUAL(timer.cancel_one(), 1u);
    CHECK_EQUAL(timer.cancel(), 2u);
    CHECK_EQUAL(timer.cancel(), 0u);
    log.Wait("aborted", 3);
    asio::error_code ec = asio::error::eof;
    CHECK_EQUAL(timer.cancel(ec), 0u);
    CHECK(!ec);
}

TEST(steady_timer_new_expiry_cancels_and_counts)
{
    Running running;
    Log log;
    asio::steady_timer timer(running.service->service());
    CHECK_EQUAL(timer.expires_after(std::chrono::hours(1)), 0u);
    CHECK(timer.expires_from_now() > std::chrono::minutes(59));
    timer.async_wait([&](const asio::error_code& ec) { log.Add(ec ? "aborted" : "fired"); });
    CHECK_EQUAL(timer.expires_from_now(std::chrono::milliseconds(1)), 1u);
    log.Wait("aborted");
    timer.async_wait([&](const asio::error_code& ec) { log.Add(ec ? "aborted" : "fired"); });
    log.Wait("fired");
    const auto moment = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
    CHECK_EQUAL(timer.expires_at(moment), 0u);
    CHECK(timer.expiry() == moment);
    CHECK(timer.expires_at() == moment);
    timer.wait();
    CHECK(std::chrono::steady_clock::now() >= moment);
    CHECK_EQUAL(log.Count("aborted"), 1u);
}

TEST(steady_timer_destructor_cancels)
{
    Running running;
    Log log;
    {
        asio::steady_timer timer(running.service->service(), std::chrono::hours(1));
        timer.async_wait([&](const asio::error_code& ec) { log.Add(ec ? "aborted" : "fired"); });
    }
    log.Wait("aborted");
}

TEST(steady_timer_is_restarted_in_its_handler)
{
    Running running;
    Log log;
    asio::steady_timer timer(running.service->service());
    std::function<void(const asio::error_code&)> handler = [&](const asio::error_code& ec)
    {
        log.Add(ec ? "aborted" : "tick");
        if (log.Count("tick") < 5)
        {
            timer.expires_from_now(std::chrono::milliseconds(1));
            timer.async_wait(handler);
        }
    };
    timer.async_wait(handler);
    log.Wait("tick", 5);
    running.Settle();
    CHECK_EQUAL(log.Events().size(), 5u);
}

TEST(steady_timer_handler_is_destroyed_when_the_service_stops)
{
    auto token = std::make_shared<int>(1);
    std::weak_ptr<int> watch = token;
    auto service = std::make_shared<LoggingService>();
    service->Start();
    {
        asio::steady_timer timer(service->service(), std::chrono::hours(1));
        timer.async_wait([token](const asio::error_code&) {});
        token.reset();
        service->Stop();
        CHECK(watch.expired());
    }
    // The cancel of the destructor found nothing to tell.
    service->Start();
    service->Stop();
}

TEST(system_timer_fires_too)
{
    Running running;
    Log log;
    asio::system_timer timer(running.service->service(), std::chrono::milliseconds(1));
    timer.async_wait([&](const asio::error_code& ec) { log.Add(Text(ec)); });
    log.Wait("no error");
}

TEST(resolver_finds_numeric_addresses_and_reports_nonsense)
{
    Running running;
    asio::ip::tcp::resolver resolver(running.service->service());
    asio::ip::tcp::resolver::iterator found = resolver.resolve(asio::ip::tcp::resolver::query("127.0.0.1", "80"));
    const asio::ip::tcp::endpoint endpoint = *found;
    CHECK_EQUAL(endpoint, asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 80));
    CHECK_EQUAL(found->host_name(), std::string("127.0.0.1"));
    size_t count = 0;
    for (const auto& entry : resolver.resolve("::1", "81"))
    {
        CHECK_EQUAL(entry.endpoint().port(), 81);
        ++count;
    }
    CHECK(count > 0);
    asio::error_code ec;
    CHECK(resolver.resolve("name with blanks", "80", ec).empty());
    CHECK(ec);
    CHECK_THROWS(resolver.resolve("name with blanks", "80"), asio::system_error);
}
