/// @file thread.h
/// CppCommon::Thread: what a program asks of the calling or of another thread.

#ifndef CPPSERVER_COMPAT_COMMON_THREAD_H
#define CPPSERVER_COMPAT_COMMON_THREAD_H

#include "compat/common/exceptions.h"
#include "compat/common/timestamp.h"

#include <bitset>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>

#if !defined(_WIN32)
#include <pthread.h>
#include <sched.h>
#endif

namespace CppServer {
namespace Compat {
namespace common {

/// Static functions only.
class Thread
{
public:
    /// Thread priorities.
    enum class Priority : uint8_t
    {
        IDLE = 0x00,
        LOWEST = 0x1F,
        LOW = 0x3F,
        NORMAL = 0x7F,
        HIGH = 0x9F,
        HIGHEST = 0xBF,
        REALTIME = 0xFF
    };

    Thread() = delete;
    Thread(const Thread&) = delete;
    Thread(Thread&&) = delete;
    ~Thread() = delete;

    Thread& operator=(const Thread&) = delete;
    Thread& operator=(Thread&&) = delete;

    static uint64_t CurrentThreadId() noexcept
    {
#if defined(_WIN32)
        return GetCurrentThreadId();
#else
        return (uint64_t)pthread_self();
#endif
    }

    /// Number of the processor that runs the calling thread, 0 when it is not known.
    static uint32_t CurrentThreadAffinity() noexcept
    {
#if defined(_WIN32)
        return GetCurrentProcessorNumber();
#elif defined(__linux__)
        const int processor = sched_getcpu();
        return (processor < 0) ? 0 : static_cast<uint32_t>(processor);
#else
        return 0;
#endif
    }

    /// Starts a thread with copies of the function and its arguments.
    template <class Fn, class... Args>
    static std::thread Start(Fn&& fn, Args&&... args)
    {
        return std::thread(std::forward<Fn>(fn), std::forward<Args>(args)...);
    }

    /// Sleeps the whole time; 0 gives up the rest of the time slice, a negative time returns at once.
    static void Sleep(int64_t milliseconds) noexcept { SleepFor(Timespan::milliseconds(milliseconds)); }
    static void SleepFor(const Timespan& timespan) noexcept
    {
        if (timespan.total() == 0)
            Yield();
        // The library of MinGW-w64 sleeps whole milliseconds, rounded down.
        const auto begin = std::chrono::steady_clock::now();
        for (auto left = timespan.chrono(); left.count() > 0; left = timespan.chrono() - (std::chrono::steady_clock::now() - begin))
            std::this_thread::sleep_for(left);
    }
    static void SleepUntil(const UtcTimestamp& timestamp) noexcept { SleepFor(timestamp - UtcTimestamp()); }
    static void Yield() noexcept { std::this_thread::yield(); }

    /// The processors a thread may run on, one bit each. These functions throw SystemException on failure.
    static std::bitset<64> GetAffinity() { return GetNativeAffinity(Current()); }
    static std::bitset<64> GetAffinity(std::thread& thread) { return GetNativeAffinity(thread.native_handle()); }
    static void SetAffinity(const std::bitset<64>& affinity) { SetNativeAffinity(Current(), affinity); }
    static void SetAffinity(std::thread& thread, const std::bitset<64>& affinity) { SetNativeAffinity(thread.native_handle(), affinity); }

    /// SetPriority() selects the round-robin real-time policy on POSIX systems, which needs rights. These functions throw
    /// SystemException on failure.
    static Priority GetPriority() { return GetNativePriority(Current()); }
    static Priority GetPriority(std::thread& thread) { return GetNativePriority(thread.native_handle()); }
    static void SetPriority(Priority priority) { SetNativePriority(Current(), priority); }
    static void SetPriority(std::thread& thread, Priority priority) { SetNativePriority(thread.native_handle(), priority); }

private:
#if defined(_WIN32)
    // With the pthreads of MinGW-w64 a std::thread does not give a Windows handle away, so the type is left to each overload.
    static HANDLE Current() noexcept { return GetCurrentThread(); }
    static HANDLE Native(HANDLE thread) noexcept { return thread; }
#if defined(_GLIBCXX_HAS_GTHREADS)
    static HANDLE Native(std::thread::native_handle_type thread) noexcept { return pthread_gethandle(thread); }
#endif

    template <class T>
    static std::bitset<64> GetNativeAffinity(T thread)
    {
        DWORD_PTR process = 0;
        DWORD_PTR system = 0;
        if (!GetProcessAffinityMask(GetCurrentProcess(), &process, &system))
            throw SystemException("Cannot get the processor affinity of the process!");
        const DWORD_PTR previous = SetThreadAffinityMask(Native(thread), process);
        if (previous == 0)
            throw SystemException("Cannot get the processor affinity of the thread!");
        SetThreadAffinityMask(Native(thread), previous);
        return std::bitset<64>(previous);
    }

    template <class T>
    static void SetNativeAffinity(T thread, const std::bitset<64>& affinity)
    {
        if (SetThreadAffinityMask(Native(thread), static_cast<DWORD_PTR>(affinity.to_ullong())) == 0)
            throw SystemException("Cannot set the processor affinity of the thread!");
    }

    template <class T>
    static Priority GetNativePriority(T thread)
    {
        switch (GetThreadPriority(Native(thread)))
        {
            case THREAD_PRIORITY_IDLE: return Priority::IDLE;
            case THREAD_PRIORITY_LOWEST: return Priority::LOWEST;
            case THREAD_PRIORITY_BELOW_NORMAL: return Priority::LOW;
            case THREAD_PRIORITY_NORMAL: return Priority::NORMAL;
            case THREAD_PRIORITY_ABOVE_NORMAL: return Priority::HIGH;
            case THREAD_PRIORITY_HIGHEST: return Priority::HIGHEST;
            case THREAD_PRIORITY_TIME_CRITICAL: return Priority::REALTIME;
            default: throw SystemException("Cannot get the priority of the thread!");
        }
    }

    template <class T>
    static void SetNativePriority(T thread, Priority priority)
    {
        int value = THREAD_PRIORITY_NORMAL;
        switch (priority)
        {
            case Priority::IDLE: value = THREAD_PRIORITY_IDLE; break;
            case Priority::LOWEST: value = THREAD_PRIORITY_LOWEST; break;
            case Priority::LOW: value = THREAD_PRIORITY_BELOW_NORMAL; break;
            case Priority::NORMAL: value = THREAD_PRIORITY_NORMAL; break;
            case Priority::HIGH: value = THREAD_PRIORITY_ABOVE_NORMAL; break;
            case Priority::HIGHEST: value = THREAD_PRIORITY_HIGHEST; break;
            case Priority::REALTIME: value = THREAD_PRIORITY_TIME_CRITICAL; break;
        }
        if (!SetThreadPriority(Native(thread), value))
            throw SystemException("Cannot set the priority of the thread!");
    }
#else
    static pthread_t Current() noexcept { return pthread_self(); }

    static void Check(int error, const char* message)
    {
        if (error != 0)
            throw SystemException(message, error);
    }

    static std::bitset<64> GetNativeAffinity(pthread_t thread)
    {
        std::bitset<64> result;
#if defined(__linux__)
        cpu_set_t processors;
        CPU_ZERO(&processors);
        Check(pthread_getaffinity_np(thread, sizeof(processors), &processors), "Cannot get the processor affinity of the thread!");
        for (std::size_t i = 0; i < result.size(); ++i)
            result[i] = CPU_ISSET(i, &processors) != 0;
#else
        static_cast<void>(thread);
        Check(ENOTSUP, "Cannot get the processor affinity of the thread!");
#endif
        return result;
    }

    static void SetNativeAffinity(pthread_t thread, const std::bitset<64>& affinity)
    {
#if defined(__linux__)
        cpu_set_t processors;
        CPU_ZERO(&processors);
        for (std::size_t i = 0; i < affinity.size(); ++i)
            if (affinity[i])
                CPU_SET(i, &processors);
        Check(pthread_setaffinity_np(thread, sizeof(processors), &processors), "Cannot set the processor affinity of the thread!");
#else
        static_cast<void>(thread);
        static_cast<void>(affinity);
        Check(ENOTSUP, "Cannot set the processor affinity of the thread!");
#endif
    }

    // The seven priorities are spread evenly over the range of the policy.
    static Priority Level(int index) noexcept
    {
        static const Priority levels[] = { Priority::IDLE, Priority::LOWEST, Priority::LOW, Priority::NORMAL, Priority::HIGH, Priority::HIGHEST, Priority::REALTIME };
        return levels[index];
    }

    static Priority GetNativePriority(pthread_t thread)
    {
        int policy = SCHED_OTHER;
        struct sched_param parameters = sched_param();
        Check(pthread_getschedparam(thread, &policy, &parameters), "Cannot get the priority of the thread!");
        const int lowest = sched_get_priority_min(policy);
        const int highest = sched_get_priority_max(policy);
        if (lowest >= highest)
            return Priority::NORMAL;
        return Level(((parameters.sched_priority - lowest) * 6 + (highest - lowest) / 2) / (highest - lowest));
    }

    static void SetNativePriority(pthread_t thread, Priority priority)
    {
        const int lowest = sched_get_priority_min(SCHED_RR);
        const int highest = sched_get_priority_max(SCHED_RR);
        int index = 0;
        while ((index < 6) && (Level(index) < priority))
            ++index;
        struct sched_param parameters = sched_param();
        parameters.sched_priority = lowest + (highest - lowest) * index / 6;
        Check(pthread_setschedparam(thread, SCHED_RR, &parameters), "Cannot set the priority of the thread!");
    }
#endif
};

} // namespace common
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_COMMON_THREAD_H
