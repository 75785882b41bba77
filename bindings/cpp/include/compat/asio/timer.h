/// @file timer.h
/// asio::steady_timer and its siblings on the timers of a service.

#ifndef CPPSERVER_COMPAT_ASIO_TIMER_H
#define CPPSERVER_COMPAT_ASIO_TIMER_H

#include "cppserver.h"

#include "compat/asio/io_service.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

/// One async_wait(): its handler is called exactly once, by the clock or by a cancel.
class wait_operation : public std::enable_shared_from_this<wait_operation>
{
public:
    explicit wait_operation(io_service& service) noexcept : _service(service), _timer(nullptr), _done(false) {}
    wait_operation(const wait_operation&) = delete;
    wait_operation& operator=(const wait_operation&) = delete;
    virtual ~wait_operation() { cppserver_timer_release(_timer.load()); }

    bool done() const noexcept { return _done.load(); }

    void start(std::uint64_t milliseconds)
    {
        cppserver_timer* timer = cppserver_timer_create(_service.native_handle(), milliseconds, 0, &wait_operation::expired,
            new std::shared_ptr<wait_operation>(shared_from_this()), &wait_operation::destroy);
        _timer.store(timer);
        // A cancel between the two lines above found no timer to cancel.
        if (done())
            cppserver_timer_cancel(timer);
    }

    /// False when the handler was called or cancelled before.
    bool cancel()
    {
        if (_done.exchange(true))
            return false;
        cppserver_timer_cancel(_timer.load());
        std::shared_ptr<wait_operation> self = shared_from_this();
        _service.post([self]() { self->complete(error::operation_aborted); });
        return true;
    }

protected:
    virtual void complete(const error_code& ec) = 0;

private:
    io_service& _service;
    std::atomic<cppserver_timer*> _timer;
    std::atomic<bool> _done;

    static void expired(void* user_data)
    {
        wait_operation& self = **static_cast<std::shared_ptr<wait_operation>*>(user_data);
        if (!self._done.exchange(true))
            self._service.protect([&self]() { self.complete(error_code()); });
    }
    static void destroy(void* user_data) { delete static_cast<std::shared_ptr<wait_operation>*>(user_data); }
};

template <typename Handler>
class wait_operation_with final : public wait_operation
{
public:
    template <typename Source>
    wait_operation_with(io_service& service, Source&& handler) : wait_operation(service), _handler(std::forward<Source>(handler)) {}

private:
    Handler _handler;

    void complete(const error_code& ec) override { _handler(ec); }
};

} // namespace detail

/// Waits until a point in time. Handlers get no error when the time has come and operation_aborted when the wait was
/// cancelled, by cancel(), by a new expiry or by the destructor. The resolution is one millisecond, rounded up.
template <typename Clock>
class basic_waitable_timer
{
public:
    typedef Clock clock_type;
    typedef typename Clock::duration duration;
    typedef typename Clock::time_point time_point;

    explicit basic_waitable_timer(io_service& service) : _service(service), _expiry() {}
    basic_waitable_timer(io_service& service, const time_point& expiry_time) : _service(service), _expiry(expiry_time) {}
    basic_waitable_timer(io_service& service, const duration& expiry_time) : _service(service), _expiry(Clock::now() + expiry_time) {}
    basic_waitable_timer(const basic_waitable_timer&) = delete;
    basic_waitable_timer& operator=(const basic_waitable_timer&) = delete;
    ~basic_waitable_timer() { cancel(); }

    io_service& get_io_service() noexcept { return _service; }
    io_service::executor_type get_executor() noexcept { return _service.get_executor(); }

    time_point expiry() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _expiry;
    }
    time_point expires_at() const { return expiry(); }
    duration expires_from_now() const { return expiry() - Clock::now(); }

    /// Cancels the waits in progress and returns how many there were.
    std::size_t expires_at(const time_point& expiry_time)
    {
        const std::size_t count = cancel();
        std::lock_guard<std::mutex> lock(_mutex);
        _expiry = expiry_time;
        return count;
    }
    std::size_t expires_at(const time_point& expiry_time, error_code& ec)
    {
        ec = error_code();
        return expires_at(expiry_time);
    }
    std::size_t expires_after(const duration& expiry_time) { return expires_at(Clock::now() + expiry_time); }
    std::size_t expires_from_now(const duration& expiry_time) { return expires_after(expiry_time); }
    std::size_t expires_from_now(const duration& expiry_time, error_code& ec)
    {
        ec = error_code();
        return expires_after(expiry_time);
    }

    /// Cancels all waits in progress and returns how many there were.
    std::size_t cancel() { return cancel(std::numeric_limits<std::size_t>::max()); }
    std::size_t cancel(error_code& ec)
    {
        ec = error_code();
        return cancel();
    }
    /// Cancels the oldest wait in progress; 0 when there is none.
    std::size_t cancel_one() { return cancel(std::size_t(1)); }
    std::size_t cancel_one(error_code& ec)
    {
        ec = error_code();
        return cancel_one();
    }

    /// Calls `handler(const error_code&)` on an I/O thread; never inside this function.
    template <typename Handler>
    void async_wait(Handler&& handler)
    {
        typedef detail::wait_operation_with<typename std::decay<Handler>::type> operation_type;
        const std::shared_ptr<detail::wait_operation> operation = std::make_shared<operation_type>(_service, std::forward<Handler>(handler));
        time_point end;
        {
            std::lock_guard<std::mutex> lock(_mutex);
            forget_finished();
            _operations.push_back(operation);
            end = _expiry;
        }
        operation->start(milliseconds_until(end));
    }

    /// Blocks the calling thread until the time has come.
    void wait()
    {
        const time_point end = expiry();
        // The library of MinGW-w64 sleeps whole milliseconds, rounded down.
        while (Clock::now() < end)
            std::this_thread::sleep_until(end);
    }
    void wait(error_code& ec)
    {
        wait();
        ec = error_code();
    }

private:
    typedef std::vector<std::weak_ptr<detail::wait_operation>> operation_list;

    io_service& _service;
    mutable std::mutex _mutex;
    time_point _expiry;
    operation_list _operations;

    static std::uint64_t milliseconds_until(const time_point& end)
    {
        const time_point now = Clock::now();
        if (end <= now)
            return 0;
        const duration left = end - now;
        const std::chrono::milliseconds whole = std::chrono::duration_cast<std::chrono::milliseconds>(left);
        return static_cast<std::uint64_t>(whole.count()) + ((whole < left) ? 1 : 0);
    }

    void forget_finished()
    {
        operation_list open;
        for (const auto& entry : _operations)
        {
            const std::shared_ptr<detail::wait_operation> operation = entry.lock();
            if (operation && !operation->done())
                open.push_back(entry);
        }
        _operations.swap(open);
    }

    std::size_t cancel(std::size_t limit)
    {
        operation_list operations;
        {
            std::lock_guard<std::mutex> lock(_mutex);
            forget_finished();
            if (limit >= _operations.size())
                operations.swap(_operations);
            else
            {
                operations.assign(_operations.begin(), _operations.begin() + static_cast<std::ptrdiff_t>(limit));
                _operations.erase(_operations.begin(), _operations.begin() + static_cast<std::ptrdiff_t>(limit));
            }
        }
        std::size_t count = 0;
        for (const auto& entry : operations)
        {
            const std::shared_ptr<detail::wait_operation> operation = entry.lock();
            if (operation && operation->cancel())
                ++count;
        }
        return count;
    }
};

typedef basic_waitable_timer<std::chrono::steady_clock> steady_timer;
typedef basic_waitable_timer<std::chrono::system_clock> system_timer;
typedef basic_waitable_timer<std::chrono::high_resolution_clock> high_resolution_timer;

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_TIMER_H
