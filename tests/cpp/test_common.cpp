// CppCommon: identifiers, threads, times, exceptions.

#include "support.h"

#include "child.h"
#include "errors/exceptions.h"
#include "server/version.h"
#include "system/uuid.h"
#include "time/timestamp.h"

#include <algorithm>
#include <set>

using namespace Test;
using CppCommon::Thread;
using CppCommon::Timespan;
using CppCommon::Timestamp;
using CppCommon::UtcTimestamp;
using CppCommon::UUID;

TEST(uuid_text_goes_both_ways)
{
    const UUID uuid("123e4567-e89b-12d3-a456-426655440000");
    CHECK_EQUAL(uuid.string(), std::string("123E4567-E89B-12D3-A456-426655440000"));
    CHECK_EQUAL(Show(uuid), uuid.string());
    CHECK_EQUAL(UUID("{123E4567E89B12D3A456426655440000}"), uuid);
    CHECK_EQUAL(UUID().string(), std::string("00000000-0000-0000-0000-000000000000"));
    CHECK_EQUAL(UUID("12xy").string(), std::string("12000000-0000-0000-0000-000000000000"));
    CHECK_EQUAL(UUID("123e4567-e89b-12d3-a456-426655440000ffff"), uuid);
    CHECK_EQUAL(static_cast<int>(uuid.data()[0]), 0x12);
    UUID other;
    other = std::string("123e4567-e89b-12d3-a456-426655440000");
    CHECK_EQUAL(other, uuid);
    other = std::array<uint8_t, 16>();
    CHECK_EQUAL(other, UUID());
    CHECK_EQUAL(UUID(uuid.data()), uuid);
}

TEST(uuid_order_and_swap)
{
    UUID low("00000000-0000-0000-0000-000000000001");
    UUID high("01000000-0000-0000-0000-000000000000");
    CHECK(low < high && low <= high && high > low && high >= low && low != high && low <= low && low >= low);
    swap(low, high);
    CHECK(high < low);
    low.swap(high);
    CHECK(low < high);
}

TEST(uuid_generate_has_the_layout_of_version_1_and_ascends)
{
    UUID last = UUID::Generate();
    for (int i = 0; i < 100000; ++i)
    {
        const UUID next = UUID::Generate();
        CHECK(last < next);
        CHECK_EQUAL(next.data()[6] >> 4, 1);
        CHECK_EQUAL(next.data()[8] >> 6, 2);
        last = next;
    }
}

TEST(uuid_generate_is_unique_over_threads)
{
    std::vector<std::vector<UUID>> made(8);
    std::vector<std::thread> threads;
    for (auto& list : made)
    {
        threads.emplace_back([&list]()
        {
            for (int i = 0; i < 20000; ++i)
                list.push_back(UUID::Generate());
        });
    }
    for (auto& thread : threads)
        thread.join();
    std::set<UUID> all;
    for (const auto& list : made)
    {
        CHECK(std::is_sorted(list.begin(), list.end()));
        all.insert(list.begin(), list.end());
    }
    CHECK_EQUAL(all.size(), 160000u);
}

#if !defined(_WIN32)
TEST(uuid_generate_differs_in_a_forked_child)
{
    UUID::Generate();
    int ends[2];
    CHECK(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0)
    {
        const UUID made = UUID::Generate();
        const ssize_t written = ::write(ends[1], made.data().data(), made.data().size());
        ::_exit(written == 16 ? 0 : 1);
    }
    const UUID made = UUID::Generate();
    std::array<uint8_t, 16> bytes = {};
    const ssize_t count = ::read(ends[0], bytes.data(), bytes.size());
    ::close(ends[0]);
    ::close(ends[1]);
    ::waitpid(child, nullptr, 0);
    CHECK_EQUAL(count, 16);
    CHECK(UUID(bytes) != made);
    // Not merely the next one: the bytes that tell processes apart differ.
    CHECK(!std::equal(bytes.begin() + 8, bytes.end(), made.data().begin() + 8));
}
#endif

TEST(thread_sleeps_parts_of_a_millisecond_too)
{
    for (int64_t microseconds : { 1, 900, 2900 })
    {
        const auto begin = std::chrono::steady_clock::now();
        Thread::SleepFor(Timespan::microseconds(microseconds));
        CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::microseconds(microseconds));
    }
}

TEST(thread_tells_and_sleeps)
{
    CHECK_EQUAL(Thread::CurrentThreadId(), Thread::CurrentThreadId());
    std::atomic<uint64_t> other(0);
    std::thread thread = Thread::Start([&other](int number, const std::string& text)
    {
        if ((number == 1) && (text == "two"))
            other = Thread::CurrentThreadId();
    }, 1, "two");
    thread.join();
    CHECK(other != 0);
    CHECK(other != Thread::CurrentThreadId());
    CHECK(Thread::CurrentThreadAffinity() < 4096u);
    const auto begin = std::chrono::steady_clock::now();
    Thread::Sleep(-5);
    Thread::Sleep(0);
    Thread::Yield();
    Thread::Sleep(3);
    Thread::SleepFor(Timespan::milliseconds(3));
    Thread::SleepUntil(UtcTimestamp() + Timespan::milliseconds(3));
    Thread::SleepUntil(UtcTimestamp() - Timespan::hours(3));
    CHECK(std::chrono::steady_clock::now() - begin >= std::chrono::milliseconds(8));
    CHECK_EQUAL(__THREAD__, Thread::CurrentThreadId());
}

#if defined(__linux__) || defined(_WIN32)
TEST(thread_affinity_is_read_and_written)
{
    const std::bitset<64> before = Thread::GetAffinity();
    CHECK(before.any());
    Thread::SetAffinity(before);
    CHECK_EQUAL(Thread::GetAffinity(), before);
    std::atomic<bool> end(false);
    std::thread thread([&end]() { while (!end) Thread::Yield(); });
    const std::bitset<64> other = Thread::GetAffinity(thread);
    Thread::SetAffinity(thread, other);
    end = true;
    thread.join();
    CHECK(other.any());
    CHECK_THROWS(Thread::SetAffinity(std::bitset<64>()), CppCommon::SystemException);
}
#endif

TEST(thread_priority_is_normal_unless_changed)
{
    CHECK(Thread::GetPriority() == Thread::Priority::NORMAL);
    std::atomic<bool> end(false);
    std::thread thread([&end]() { while (!end) Thread::Yield(); });
    const bool normal = Thread::GetPriority(thread) == Thread::Priority::NORMAL;
    bool changed = true;
    try
    {
        // Needs rights on POSIX systems; then it has to read back.
        Thread::SetPriority(thread, Thread::Priority::HIGH);
        changed = Thread::GetPriority(thread) == Thread::Priority::HIGH;
    }
    catch (const CppCommon::SystemException& error)
    {
        changed = error.system_error() != 0;
    }
    end = true;
    thread.join();
    CHECK(normal);
    CHECK(changed);
}

TEST(timespan_converts_and_calculates)
{
    const Timespan span = Timespan::hours(25) + Timespan::minutes(61);
    CHECK_EQUAL(span.days(), 1);
    CHECK_EQUAL(span.hours(), 26);
    CHECK_EQUAL(span.minutes(), 1561);
    CHECK_EQUAL(span.seconds(), 93660);
    CHECK_EQUAL(span.milliseconds(), 93660000);
    CHECK_EQUAL(span.microseconds(), 93660000000LL);
    CHECK_EQUAL(span.nanoseconds(), 93660000000000LL);
    CHECK_EQUAL(span.total(), span.nanoseconds());
    CHECK(Timespan::days(1) == Timespan::hours(24));
    CHECK(Timespan::seconds(1) == Timespan::microseconds(1000000));
    CHECK(Timespan::nanoseconds(5) == Timespan(5));
    CHECK(-Timespan(5) < Timespan() && Timespan(5) > Timespan(4) && Timespan(5) >= Timespan(5) && Timespan(5) <= Timespan(5) && Timespan(1) != Timespan(2));
    CHECK((Timespan(5) - Timespan(7)).total() == -2);
}

TEST(timestamp_is_now_by_default_in_utc)
{
    CHECK_EQUAL(Timestamp().total(), 0u);
    const UtcTimestamp first;
    const UtcTimestamp second;
    CHECK(first <= second);
    CHECK(first.seconds() > 1600000000u);
    CHECK_EQUAL((first + Timespan::seconds(2) - first).total(), Timespan::seconds(2).total());
    CHECK((first - Timespan::days(1)).days() + 1 == first.days());
    CHECK_EQUAL(UtcTimestamp(5).nanoseconds(), 5u);
}

TEST(exceptions_tell_everything)
{
    const CppCommon::Exception plain("plain");
    CHECK_EQUAL(plain.message(), std::string("plain"));
    CHECK(!plain.location());
    CHECK(plain.string().find("plain") != std::string::npos);
    try
    {
        throwex CppCommon::SystemException("cannot", 2);
    }
    catch (const CppCommon::Exception& error)
    {
        const auto& system = dynamic_cast<const CppCommon::SystemException&>(error);
        CHECK_EQUAL(system.system_error(), 2);
        CHECK_EQUAL(system.message(), std::string("cannot"));
        CHECK(!system.system_message().empty());
        CHECK(system.location().line() > 0);
        CHECK(std::string(system.location().filename()).find("test_common.cpp") != std::string::npos);
        const std::string text = system.what();
        CHECK_EQUAL(text, system.string());
        CHECK_EQUAL(Show(error), text);
        const std::string head = "System exception: cannot\nSystem error: 2\nSystem message: " + system.system_message() + "\nSource location: ";
        CHECK_EQUAL(text.substr(0, head.size()), head);
    }
    CHECK_THROWS(throwex CppCommon::ArgumentException("a"), CppCommon::Exception);
    CHECK_THROWS(throwex CppCommon::RuntimeException("r"), std::exception);
    errno = EINVAL;
#if !defined(_WIN32)
    CHECK_EQUAL(CppCommon::SystemException().system_error(), EINVAL);
    errno = ENOENT;
    CHECK_EQUAL(CppCommon::SystemException("text").system_error(), ENOENT);
#endif
}

TEST(version_is_the_known_one)
{
    CHECK_EQUAL(std::string(CppServer::version), std::string("1.0.0.0"));
    CHECK_EQUAL(Show(InternetProtocol::IPv4) + Show(InternetProtocol::IPv6) + Show(static_cast<InternetProtocol>(7)), std::string("IPv4IPv6<unknown>"));
}
