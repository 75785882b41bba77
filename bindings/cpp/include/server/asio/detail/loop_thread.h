/// @file loop_thread.h
/// Which threads may wait for a callback, and how they do it.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_LOOP_THREAD_H
#define CPPSERVER_SERVER_ASIO_DETAIL_LOOP_THREAD_H

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace CppServer {
namespace Asio {
namespace Detail {

/// True on the I/O threads of every service of this program. They must never wait for each other.
inline bool& OnLoopThread() noexcept
{
    static thread_local bool flag = false;
    return flag;
}

/// Where user threads wait for something that an I/O thread does. One place for the whole program: such waits are rare,
/// and objects stay small. An I/O thread only touches the mutex when somebody waits.
class WaitingPlace
{
public:
    /// Never destroyed, so that I/O threads may use it until the process ends.
    static WaitingPlace& Instance()
    {
        static WaitingPlace& instance = *new WaitingPlace();
        return instance;
    }

    /// Returns once the condition, made of sequentially consistent atomics, is true.
    template <class TCondition>
    void Wait(TCondition condition)
    {
        std::unique_lock<std::mutex> lock(_mutex);
        ++_waiting;
        _changed.wait(lock, condition);
        --_waiting;
    }

    /// To be called after each change that somebody may wait for.
    void Notify()
    {
        if (_waiting.load() == 0)
            return;
        // The empty critical section makes sure that a waiter is either before its check or asleep.
        { std::lock_guard<std::mutex> lock(_mutex); }
        _changed.notify_all();
    }

private:
    std::mutex _mutex;
    std::condition_variable _changed;
    std::atomic<int> _waiting;

    WaitingPlace() : _waiting(0) {}
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_LOOP_THREAD_H
