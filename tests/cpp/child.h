// Runs a part of a test in a process of its own: what ends a process or changes its limits.

#ifndef CPPSERVER_TESTS_CHILD_H
#define CPPSERVER_TESTS_CHILD_H

#include "framework.h"

#include <cstdio>

#if !defined(_WIN32)
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace Test {

inline std::string& ProgramPath()
{
    static std::string path;
    return path;
}

#if !defined(_WIN32)

struct ChildResult
{
    // As waitpid() tells it.
    int status = 0;
    // Standard output and standard error.
    std::string output;
};

// Starts a program with its arguments and waits for its end.
inline ChildResult RunProgram(std::vector<std::string> arguments)
{
    std::vector<char*> pointers;
    for (std::string& argument : arguments)
        pointers.push_back(&argument[0]);
    pointers.push_back(nullptr);
    int ends[2];
    if (::pipe(ends) != 0)
        throw Failure("no pipe");
    const pid_t child = ::fork();
    if (child == 0)
    {
        ::dup2(ends[1], 1);
        ::dup2(ends[1], 2);
        ::close(ends[0]);
        ::close(ends[1]);
        ::execvp(pointers[0], pointers.data());
        ::_exit(65);
    }
    ::close(ends[1]);
    if (child < 0)
        throw Failure("no process");
    ChildResult result;
    char buffer[4096];
    ssize_t count;
    while ((count = ::read(ends[0], buffer, sizeof(buffer))) > 0)
        result.output.append(buffer, static_cast<size_t>(count));
    ::close(ends[0]);
    ::waitpid(child, &result.status, 0);
    return result;
}

inline ChildResult RunChild(const std::string& name) { return RunProgram({ ProgramPath(), "--child", name }); }

// Runs a child in a network namespace of its own, where the interface v0 carries multicasts of both versions of IP. Where this
// user may make none, it says so and runs nothing.
inline void RunChildInNamespace(const std::string& name)
{
    // The address needs no time to find out that nobody else has it.
    const std::string prepare = "ip link set lo up && ip link add v0 type veth peer name v1 && ip link set v1 up && ip link set v0 up"
        " && ip -6 addr add fd00::1/64 dev v0 nodad && ip addr add 192.0.2.1/24 dev v0";
    if (RunProgram({ "unshare", "--net", "--map-root-user", "sh", "-c", prepare }).status != 0)
    {
        std::printf("%s needs unshare, ip, and the right to make a network namespace: left out\n", name.c_str());
        return;
    }
    const ChildResult result = RunProgram({ "unshare", "--net", "--map-root-user", "sh", "-c", prepare + " && exec \"$0\" \"$@\"", ProgramPath(), "--child", name });
    if (result.status != 0)
        throw Failure(name + ": " + result.output);
}

#endif

} // namespace Test

#endif // CPPSERVER_TESTS_CHILD_H
