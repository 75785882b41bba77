/// @file uuid_generator.h
/// Source of new identifiers: one atomic increment each.

#ifndef CPPSERVER_COMPAT_COMMON_UUID_GENERATOR_H
#define CPPSERVER_COMPAT_COMMON_UUID_GENERATOR_H

#if !defined(_WIN32)
#include <pthread.h>
#endif

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>

namespace CppServer {
namespace Compat {
namespace common {
namespace detail {

/// What is drawn once per process. The time of a version 1 identifier counts 100 ns since 15 October 1582 and begins with
/// its lowest 32 bits. These start at 0 here and count identifiers, so that identifiers ascend; the higher bits are
/// the time of the draw. The node is 47 random bits (with the multicast bit, as RFC 4122 asks for) and the clock
/// sequence 14 more, which keep processes apart.
struct uuid_seed
{
    std::uint16_t time_middle;
    std::uint16_t time_high;
    std::uint8_t tail[8];
    std::atomic<std::uint32_t> next;

    uuid_seed() : next(0)
    {
        const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
        const std::uint64_t ticks = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count()) / 100;
        const std::uint64_t time = ticks + 0x01B21DD213814000ULL;
        time_middle = static_cast<std::uint16_t>(time >> 32);
        time_high = static_cast<std::uint16_t>((time >> 48) & 0x0FFF);

        std::random_device random;
        for (std::uint8_t& byte : tail)
            byte = static_cast<std::uint8_t>(random());
        tail[0] = static_cast<std::uint8_t>((tail[0] & 0x3F) | 0x80);
        tail[2] |= 0x01;
    }
};

inline std::atomic<uuid_seed*>& current_uuid_seed() noexcept
{
    static std::atomic<uuid_seed*> seed(nullptr);
    return seed;
}

/// Draws a seed; of several threads that try it, the first wins. A seed is never freed: another thread may just use it.
inline uuid_seed* draw_uuid_seed()
{
#if !defined(_WIN32)
    // The child of a fork() must not go on with its parent's identifiers.
    static const int registered = pthread_atfork(nullptr, nullptr, []() { current_uuid_seed().store(nullptr); });
    static_cast<void>(registered);
#endif
    uuid_seed* fresh = new uuid_seed();
    uuid_seed* expected = nullptr;
    if (current_uuid_seed().compare_exchange_strong(expected, fresh))
        return fresh;
    delete fresh;
    return expected;
}

inline std::array<std::uint8_t, 16> generate_uuid()
{
    uuid_seed* seed = current_uuid_seed().load(std::memory_order_acquire);
    if (seed == nullptr)
        seed = draw_uuid_seed();
    const std::uint32_t low = seed->next.fetch_add(1, std::memory_order_relaxed);
    return {{static_cast<std::uint8_t>(low >> 24), static_cast<std::uint8_t>(low >> 16), static_cast<std::uint8_t>(low >> 8),
        static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(seed->time_middle >> 8), static_cast<std::uint8_t>(seed->time_middle),
        static_cast<std::uint8_t>(0x10 | (seed->time_high >> 8)), static_cast<std::uint8_t>(seed->time_high),
        seed->tail[0], seed->tail[1], seed->tail[2], seed->tail[3], seed->tail[4], seed->tail[5], seed->tail[6], seed->tail[7]}};
}

} // namespace detail
} // namespace common
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_COMMON_UUID_GENERATOR_H
