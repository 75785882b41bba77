/// @file timestamp.h
/// CppCommon::Timespan, CppCommon::Timestamp and CppCommon::UtcTimestamp

#ifndef CPPSERVER_COMPAT_COMMON_TIMESTAMP_H
#define CPPSERVER_COMPAT_COMMON_TIMESTAMP_H

#include <chrono>
#include <cstdint>

namespace CppServer {
namespace Compat {
namespace common {

/// A length of time in nanoseconds; may be negative.
class Timespan
{
public:
    Timespan() noexcept : _duration(0) {}
    explicit Timespan(int64_t duration) noexcept : _duration(duration) {}

    static Timespan days(int64_t count) noexcept { return Timespan(count * 86400000000000LL); }
    static Timespan hours(int64_t count) noexcept { return Timespan(count * 3600000000000LL); }
    static Timespan minutes(int64_t count) noexcept { return Timespan(count * 60000000000LL); }
    static Timespan seconds(int64_t count) noexcept { return Timespan(count * 1000000000LL); }
    static Timespan milliseconds(int64_t count) noexcept { return Timespan(count * 1000000LL); }
    static Timespan microseconds(int64_t count) noexcept { return Timespan(count * 1000LL); }
    static Timespan nanoseconds(int64_t count) noexcept { return Timespan(count); }
    static Timespan zero() noexcept { return Timespan(); }

    /// The whole length in the named unit, rounded towards zero.
    int64_t days() const noexcept { return _duration / 86400000000000LL; }
    int64_t hours() const noexcept { return _duration / 3600000000000LL; }
    int64_t minutes() const noexcept { return _duration / 60000000000LL; }
    int64_t seconds() const noexcept { return _duration / 1000000000LL; }
    int64_t milliseconds() const noexcept { return _duration / 1000000LL; }
    int64_t microseconds() const noexcept { return _duration / 1000LL; }
    int64_t nanoseconds() const noexcept { return _duration; }
    int64_t total() const noexcept { return _duration; }

    std::chrono::nanoseconds chrono() const noexcept { return std::chrono::nanoseconds(_duration); }

    Timespan operator+() const noexcept { return *this; }
    Timespan operator-() const noexcept { return Timespan(-_duration); }
    Timespan& operator+=(const Timespan& other) noexcept { _duration += other._duration; return *this; }
    Timespan& operator-=(const Timespan& other) noexcept { _duration -= other._duration; return *this; }
    friend Timespan operator+(const Timespan& a, const Timespan& b) noexcept { return Timespan(a._duration + b._duration); }
    friend Timespan operator-(const Timespan& a, const Timespan& b) noexcept { return Timespan(a._duration - b._duration); }

    friend bool operator==(const Timespan& a, const Timespan& b) noexcept { return a._duration == b._duration; }
    friend bool operator!=(const Timespan& a, const Timespan& b) noexcept { return a._duration != b._duration; }
    friend bool operator<(const Timespan& a, const Timespan& b) noexcept { return a._duration < b._duration; }
    friend bool operator>(const Timespan& a, const Timespan& b) noexcept { return a._duration > b._duration; }
    friend bool operator<=(const Timespan& a, const Timespan& b) noexcept { return a._duration <= b._duration; }
    friend bool operator>=(const Timespan& a, const Timespan& b) noexcept { return a._duration >= b._duration; }

private:
    int64_t _duration;
};

/// A point in time in nanoseconds since 1 January 1970 UTC.
class Timestamp
{
public:
    Timestamp() noexcept : _timestamp(0) {}
    explicit Timestamp(uint64_t timestamp) noexcept : _timestamp(timestamp) {}

    static uint64_t utc() noexcept
    {
        const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
        return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
    }

    /// The time since the epoch in the named unit, rounded down.
    uint64_t days() const noexcept { return _timestamp / 86400000000000ULL; }
    uint64_t hours() const noexcept { return _timestamp / 3600000000000ULL; }
    uint64_t minutes() const noexcept { return _timestamp / 60000000000ULL; }
    uint64_t seconds() const noexcept { return _timestamp / 1000000000ULL; }
    uint64_t milliseconds() const noexcept { return _timestamp / 1000000ULL; }
    uint64_t microseconds() const noexcept { return _timestamp / 1000ULL; }
    uint64_t nanoseconds() const noexcept { return _timestamp; }
    uint64_t total() const noexcept { return _timestamp; }

    Timestamp& operator+=(const Timespan& span) noexcept { _timestamp += static_cast<uint64_t>(span.total()); return *this; }
    Timestamp& operator-=(const Timespan& span) noexcept { _timestamp -= static_cast<uint64_t>(span.total()); return *this; }
    friend Timestamp operator+(Timestamp stamp, const Timespan& span) noexcept { return stamp += span; }
    friend Timestamp operator-(Timestamp stamp, const Timespan& span) noexcept { return stamp -= span; }
    friend Timespan operator-(const Timestamp& a, const Timestamp& b) noexcept
    {
        return Timespan(static_cast<int64_t>(a._timestamp - b._timestamp));
    }

    friend bool operator==(const Timestamp& a, const Timestamp& b) noexcept { return a._timestamp == b._timestamp; }
    friend bool operator!=(const Timestamp& a, const Timestamp& b) noexcept { return a._timestamp != b._timestamp; }
    friend bool operator<(const Timestamp& a, const Timestamp& b) noexcept { return a._timestamp < b._timestamp; }
    friend bool operator>(const Timestamp& a, const Timestamp& b) noexcept { return a._timestamp > b._timestamp; }
    friend bool operator<=(const Timestamp& a, const Timestamp& b) noexcept { return a._timestamp <= b._timestamp; }
    friend bool operator>=(const Timestamp& a, const Timestamp& b) noexcept { return a._timestamp >= b._timestamp; }

private:
    uint64_t _timestamp;
};

/// A Timestamp that is the present moment by default.
class UtcTimestamp : public Timestamp
{
public:
    UtcTimestamp() noexcept : Timestamp(utc()) {}
    explicit UtcTimestamp(uint64_t timestamp) noexcept : Timestamp(timestamp) {}
    UtcTimestamp(const Timestamp& timestamp) noexcept : Timestamp(timestamp) {}
};

} // namespace common
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_COMMON_TIMESTAMP_H
