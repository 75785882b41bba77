// A test framework in one header: registration, checks, waiting with a deadline.
//
// Each test prints `ok NAME` or `FAILED NAME: why`, the last line of the program is `N passed, N failed`.

#ifndef CPPSERVER_TESTS_FRAMEWORK_H
#define CPPSERVER_TESTS_FRAMEWORK_H

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace Test {

// How long a test waits for something that must happen.
constexpr std::chrono::seconds Deadline(30);

struct Failure : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

struct Case
{
    std::string name;
    std::function<void()> body;
};

inline std::vector<Case>& Cases()
{
    static std::vector<Case> cases;
    return cases;
}

// Parts of tests that have to run in a process of their own; the name is the argument of --child.
inline std::vector<Case>& Children()
{
    static std::vector<Case> children;
    return children;
}

struct Registration
{
    Registration(std::vector<Case>& list, const char* name, std::function<void()> body) { list.push_back({ name, std::move(body) }); }
};

template <typename T>
inline std::string Show(const T& value)
{
    std::ostringstream stream;
    stream << std::boolalpha << value;
    return stream.str();
}

inline std::string Show(const std::vector<std::string>& values)
{
    std::string result = "[";
    for (const std::string& value : values)
        result += (result.size() > 1 ? ", " : "") + value;
    return result + "]";
}

[[noreturn]] inline void Fail(const char* file, int line, const std::string& text)
{
    const std::string path(file);
    throw Failure(path.substr(path.find_last_of("/\\") + 1) + ":" + std::to_string(line) + ": " + text);
}

template <typename A, typename B>
inline void CheckEqual(const char* file, int line, const char* text, const A& actual, const B& expected)
{
    if (!(actual == expected))
        Fail(file, line, std::string(text) + " is " + Show(actual) + ", not " + Show(expected));
}

// Waits until an atomic or the like has the wanted value; the system under test offers no event for it.
template <typename TCondition>
inline void Until(const char* file, int line, const char* text, TCondition condition)
{
    const auto end = std::chrono::steady_clock::now() + Deadline;
    while (!condition())
    {
        if (std::chrono::steady_clock::now() > end)
            Fail(file, line, std::string("never came true: ") + text);
        std::this_thread::yield();
    }
}

// What happened, in order; filled by callbacks and waited for by tests.
class Log
{
public:
    void Add(const std::string& event)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _events.push_back(event);
        _changed.notify_all();
    }

    std::vector<std::string> Events() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _events;
    }

    size_t Count(const std::string& event) const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return CountLocked(event);
    }

    // Position of the first such event; the number of events when there is none.
    size_t Find(const std::string& event) const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        size_t index = 0;
        while ((index < _events.size()) && (_events[index] != event))
            ++index;
        return index;
    }

    bool Before(const std::string& first, const std::string& second) const { return Find(first) < Find(second); }

    void Wait(const std::string& event, size_t count = 1) const
    {
        std::unique_lock<std::mutex> lock(_mutex);
        if (!_changed.wait_for(lock, Deadline, [&]() { return CountLocked(event) >= count; }))
            throw Failure("waited for " + std::to_string(count) + " x '" + event + "', got " + Show(_events));
    }

    void Clear()
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _events.clear();
    }

private:
    mutable std::mutex _mutex;
    mutable std::condition_variable _changed;
    std::vector<std::string> _events;

    size_t CountLocked(const std::string& event) const
    {
        size_t count = 0;
        for (const std::string& entry : _events)
            count += (entry == event) ? 1 : 0;
        return count;
    }
};

} // namespace Test

#define TEST(name) \
    static void name(); \
    static const Test::Registration registration_##name(Test::Cases(), #name, &name); \
    static void name()

#define CHILD(name) \
    static void name(); \
    static const Test::Registration registration_##name(Test::Children(), #name, &name); \
    static void name()

#define CHECK(condition) \
    do { if (!(condition)) Test::Fail(__FILE__, __LINE__, "not true: " #condition); } while (false)

#define CHECK_EQUAL(actual, expected) Test::CheckEqual(__FILE__, __LINE__, #actual, actual, expected)

#define CHECK_THROWS(expression, type) \
    do { \
        bool thrown = false; \
        try { static_cast<void>(expression); } catch (const type&) { thrown = true; } \
        if (!thrown) Test::Fail(__FILE__, __LINE__, #expression " did not throw " #type); \
    } while (false)

#define UNTIL(condition) Test::Until(__FILE__, __LINE__, #condition, [&]() { return static_cast<bool>(condition); })

#endif // CPPSERVER_TESTS_FRAMEWORK_H
