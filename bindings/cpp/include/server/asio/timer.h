/// @file timer.h
/// CppServer::Asio::Timer: calls back on an I/O thread, once or again and again.

#ifndef CPPSERVER_SERVER_ASIO_TIMER_H
#define CPPSERVER_SERVER_ASIO_TIMER_H

#include "server/asio/service.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>

namespace CppServer {
namespace Asio {

/// Must be owned by a std::shared_ptr. A started timer keeps itself alive until it has fired for the last time, was
/// cancelled, or its service was stopped. All functions may be called from every thread and every callback.
class Timer : public std::enable_shared_from_this<Timer>
{
public:
    /// `action` is what onTimer() calls unless a derived class overrides it.
    explicit Timer(std::shared_ptr<Service> service, std::function<void()> action = std::function<void()>())
        : _service(std::move(service)), _action(std::move(action)), _timer(nullptr), _current(nullptr)
    {
    }
    Timer(const Timer&) = delete;
    virtual ~Timer() { cppserver_timer_release(_timer); }

    Timer& operator=(const Timer&) = delete;

    std::shared_ptr<Service>& service() noexcept { return _service; }

    /// True from Start() until just before the only onTimer(), or until Cancel() or the stop of the service.
    bool IsActive() const noexcept { return _current != nullptr; }

    /// Calls onTimer() once after `delay` and, when `interval` is not 0, again after each `interval`. The resolution is one
    /// millisecond. False when the timer is active or the service is stopping.
    bool Start(std::chrono::milliseconds delay, std::chrono::milliseconds interval = std::chrono::milliseconds(0))
    {
        std::lock_guard<std::mutex> lock(_mutex);
        if (_current != nullptr)
            return false;
        Run_* run = new Run_{ shared_from_this(), interval.count() > 0 };
        _current = run;
        cppserver_timer* timer = cppserver_timer_create(_service->service().native_handle(), Milliseconds_(delay), Milliseconds_(interval), &Fire_, run, &Destroy_);
        if (timer == nullptr)
            return false;
        cppserver_timer_release(_timer);
        _timer = timer;
        return true;
    }

    /// No onTimer() begins after this; one that is running on another thread goes on. False when the timer is not active.
    bool Cancel()
    {
        std::lock_guard<std::mutex> lock(_mutex);
        if (_current.exchange(nullptr) == nullptr)
            return false;
        cppserver_timer_cancel(_timer);
        return true;
    }

protected:
    virtual void onTimer()
    {
        if (_action)
            _action();
    }

private:
    // What the C library has as user_data: it keeps the timer alive.
    struct Run_
    {
        std::shared_ptr<Timer> timer;
        bool repeating;
    };

    std::shared_ptr<Service> _service;
    std::function<void()> _action;
    std::mutex _mutex;
    cppserver_timer* _timer;
    // The run that may still fire.
    std::atomic<Run_*> _current;

    static uint64_t Milliseconds_(std::chrono::milliseconds time) noexcept { return (time.count() > 0) ? static_cast<uint64_t>(time.count()) : 0; }

    // Ends the run; false when something else did it before.
    bool End_(Run_* run) noexcept { return _current.compare_exchange_strong(run, nullptr); }

    static void Fire_(void* user_data)
    {
        Run_* run = static_cast<Run_*>(user_data);
        Timer& self = *run->timer;
        if (run->repeating ? (self._current == run) : self.End_(run))
            self._service->service().protect([&self]() { self.onTimer(); });
    }
    static void Destroy_(void* user_data)
    {
        const std::unique_ptr<Run_> run(static_cast<Run_*>(user_data));
        run->timer->End_(run.get());
    }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_TIMER_H
