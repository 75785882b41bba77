/// @file protect.h
/// The border between callbacks of the C library and user code: no exception crosses it.

#ifndef CPPSERVER_COMPAT_ASIO_PROTECT_H
#define CPPSERVER_COMPAT_ASIO_PROTECT_H

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <system_error>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

/// Ends the process: a callback threw what nobody can handle.
[[noreturn]] inline void terminate_loop(const char* what) noexcept
{
    std::fprintf(stderr, "Fatal error: TCP service thread terminated! Unhandled exception in a callback: %s\n", what);
    std::fflush(stderr);
    std::abort();
}

/// Calls `function`. A std::system_error goes to `report`, and the loop goes on; everything else ends the process.
/// `report` itself must not throw anything.
template <typename Function, typename Report>
inline void protect(Function&& function, Report&& report) noexcept
{
    try
    {
        try
        {
            function();
        }
        catch (const std::system_error& error)
        {
            report(error);
        }
    }
    catch (const std::exception& error)
    {
        terminate_loop(error.what());
    }
    catch (...)
    {
        terminate_loop("not derived from std::exception");
    }
}

} // namespace detail
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_PROTECT_H
