// Runs a part of a test in a process of its own: what ends a process or changes its limits.

#ifndef CPPSERVER_TESTS_CHILD_H
#define CPPSERVER_TESTS_CHILD_H

#include "framework.h"

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

inline ChildResult RunChild(const std::string& name)
{
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
        ::execl(ProgramPath().c_str(), ProgramPath().c_str(), "--child", name.c_str(), static_cast<char*>(nullptr));
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

#endif

} // namespace Test

#endif // CPPSERVER_TESTS_CHILD_H
