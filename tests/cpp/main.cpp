// Runs the tests. Arguments are names of tests to skip. `--only TEXT` runs those whose names contain the text, and
// `--child NAME` is how a test runs a part of itself in a process of its own.

#include "child.h"
#include "support.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace {

// Ends the program when a test hangs: a deadlock is a failure too.
class Watchdog
{
public:
    explicit Watchdog(const std::string& name) : _thread([this, name]() { Watch(name); }) {}
    ~Watchdog()
    {
        {
            std::lock_guard<std::mutex> lock(_mutex);
            _done = true;
        }
        _changed.notify_all();
        _thread.join();
    }

private:
    std::mutex _mutex;
    std::condition_variable _changed;
    bool _done = false;
    std::thread _thread;

    void Watch(const std::string& name)
    {
        std::unique_lock<std::mutex> lock(_mutex);
        if (_changed.wait_for(lock, std::chrono::minutes(3), [this]() { return _done; }))
            return;
        std::printf("FAILED %s: hangs\n0 passed, 1 failed\n", name.c_str());
        std::fflush(stdout);
        std::_Exit(1);
    }
};

// Empty when the test passed, else why it did not.
std::string Run(const Test::Case& test)
{
    const Watchdog watchdog(test.name);
    try
    {
        test.body();
        const int alive = Test::Alive();
        return (alive == 0) ? "" : std::to_string(alive) + " objects are left over";
    }
    catch (const std::exception& error)
    {
        // What the test left running must not disturb the next one's count.
        Test::Alive() = 0;
        return error.what();
    }
}

} // namespace

int main(int argc, char** argv)
{
    Test::ProgramPath() = argv[0];
    if ((argc == 3) && (std::string(argv[1]) == "--child"))
    {
        for (const Test::Case& child : Test::Children())
        {
            if (child.name == argv[2])
            {
                child.body();
                return 0;
            }
        }
        return 64;
    }
    const bool selects = (argc == 3) && (std::string(argv[1]) == "--only");
    const std::vector<std::string> skip(argv + (selects ? argc : 1), argv + argc);
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    for (const Test::Case& test : Test::Cases())
    {
        if (selects && (test.name.find(argv[2]) == std::string::npos))
            continue;
        if (std::find(skip.begin(), skip.end(), test.name) != skip.end())
        {
            std::printf("skipped %s\n", test.name.c_str());
            ++skipped;
            continue;
        }
        const std::string failure = Run(test);
        if (failure.empty())
            std::printf("ok %s\n", test.name.c_str());
        else
            std::printf("FAILED %s: %s\n", test.name.c_str(), failure.c_str());
        std::fflush(stdout);
        ++(failure.empty() ? passed : failed);
    }
    std::printf("%d passed, %d failed", passed, failed);
    if (skipped > 0)
        std::printf(", %d skipped", skipped);
    std::printf("\n");
    return ((failed == 0) && (passed > 0)) ? 0 : 1;
}
