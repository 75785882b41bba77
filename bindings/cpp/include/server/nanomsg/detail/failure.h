/// @file failure.h
/// Errors of the C library as the numbers that programs for nanomsg know.

#ifndef CPPSERVER_SERVER_NANOMSG_DETAIL_FAILURE_H
#define CPPSERVER_SERVER_NANOMSG_DETAIL_FAILURE_H

#include "cppserver.h"

#if defined(_WIN32)
#include "compat/asio/platform.h"
#endif
#include "compat/common.h"
#include "compat/common/exceptions.h"
#include "compat/nanomsg.h"

#include <cerrno>
#include <cstring>
#include <string>

namespace CppServer {
namespace Nanomsg {
namespace Detail {

/// The number of nanomsg for a call that the pattern does not allow now.
constexpr int WrongState = 156384766;

/// The number of errno.h for an error of the operating system: on Windows those of sockets have others.
inline int SystemError(int32_t code)
{
#if defined(_WIN32)
    switch (code)
    {
        case WSAEACCES: return EACCES;
        case WSAEAFNOSUPPORT: return EAFNOSUPPORT;
        case WSAEADDRINUSE: return EADDRINUSE;
        case WSAEADDRNOTAVAIL: return EADDRNOTAVAIL;
        case WSAENETUNREACH: return ENETUNREACH;
        case WSAECONNABORTED: return ECONNABORTED;
        case WSAECONNRESET: return ECONNRESET;
        case WSAETIMEDOUT: return ETIMEDOUT;
        case WSAECONNREFUSED: return ECONNREFUSED;
        case WSAEHOSTUNREACH: return EHOSTUNREACH;
        default: break;
    }
#endif
    return static_cast<int>(code);
}

/// The number of an error of the operating system, or what nanomsg says in its place.
inline int ErrorNumber(int32_t code, const char* category)
{
    const auto is = [category](const char* name) { return (category != nullptr) && (std::strcmp(category, name) == 0); };
    if (is("system"))
        return SystemError(code);
    if (is("resolver"))
        return ENODEV;
    if (!is("sp"))
        return EINVAL;
    switch (code)
    {
        case CPPSERVER_SP_FAILURE_WOULD_BLOCK: return EAGAIN;
        case CPPSERVER_SP_FAILURE_TIMED_OUT: return ETIMEDOUT;
        case CPPSERVER_SP_FAILURE_WRONG_STATE: return WrongState;
        case CPPSERVER_SP_FAILURE_CLOSED:
        case CPPSERVER_SP_FAILURE_TERMINATED: return EBADF;
        case CPPSERVER_SP_FAILURE_NOT_SUPPORTED: return ENOTSUP;
        case CPPSERVER_SP_FAILURE_TRANSPORT: return EPROTONOSUPPORT;
        case CPPSERVER_SP_FAILURE_ADDRESS_IN_USE: return EADDRINUSE;
        case CPPSERVER_SP_FAILURE_PEER: return EPROTO;
        case CPPSERVER_SP_FAILURE_TOO_LARGE: return EMSGSIZE;
        default: return EINVAL;
    }
}

/// Why the last call on this thread failed.
inline int LastError() { return ErrorNumber(cppserver_last_error_code(), cppserver_last_error_category()); }

/// Whether the last call on this thread failed for this reason.
inline bool LastFailureIs(cppserver_sp_failure failure)
{
    return (cppserver_last_error_code() == failure) && (std::strcmp(cppserver_last_error_category(), "sp") == 0);
}

/// Throws the reason why the last call on this thread failed.
[[noreturn]] inline void ThrowLastError(const std::string& what)
{
    throw Compat::common::SystemException(what + " Nanomsg error: " + cppserver_last_error_message(), LastError());
}

/// Throws an error that was found on this side of the C library.
[[noreturn]] inline void ThrowError(const std::string& what, int error) { throw Compat::common::SystemException(what, error); }

/// The whole sentence about the error that the onError() of this thread is being told.
inline std::string& CurrentDetails()
{
    static thread_local std::string details;
    return details;
}

} // namespace Detail
} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DETAIL_FAILURE_H
