/// @file gate.h
/// Where the thread of an object waits for something to do.

#ifndef CPPSERVER_SERVER_NANOMSG_DETAIL_GATE_H
#define CPPSERVER_SERVER_NANOMSG_DETAIL_GATE_H

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace CppServer {
namespace Nanomsg {
namespace Detail {

/// Counts the questions of a socket that asks, and the runs of the object that it belongs to. As long as nothing is asked there is
/// nothing to receive, not even something to wait for.
class Gate
{
public:
    Gate() : _questions(0), _run(0), _waiting(0) {}

    uint64_t questions() const noexcept { return _questions; }
    uint64_t run() const noexcept { return _run; }

    /// Something was asked.
    void Ask()
    {
        ++_questions;
        Notify_();
    }

    /// Ends the run, and begins another one. Returns its number.
    uint64_t NextRun()
    {
        const uint64_t run = ++_run;
        Notify_();
        return run;
    }

    /// Returns when something was asked since, when the run is over, or after this time.
    void Wait(uint64_t questions, uint64_t run, std::chrono::milliseconds timeout)
    {
        const auto changed = [&]() { return (_questions != questions) || (_run != run); };
        std::unique_lock<std::mutex> lock(_mutex);
        ++_waiting;
        if (timeout.count() < 0)
            _changed.wait(lock, changed);
        else
            _changed.wait_for(lock, timeout, changed);
        --_waiting;
    }

private:
    std::atomic<uint64_t> _questions;
    std::atomic<uint64_t> _run;
    std::atomic<int> _waiting;
    std::mutex _mutex;
    std::condition_variable _changed;

    void Notify_()
    {
        if (_waiting == 0)
            return;
        // The empty critical section makes sure that a waiter is either before its check or asleep.
        { std::lock_guard<std::mutex> lock(_mutex); }
        _changed.notify_all();
    }
};

} // namespace Detail
} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DETAIL_GATE_H
