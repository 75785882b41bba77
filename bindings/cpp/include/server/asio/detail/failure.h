/// @file failure.h
/// Errors of the C library in the form that onError() callbacks receive.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_FAILURE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_FAILURE_H

#include "cppserver.h"

#include "compat/asio/error.h"

#include <cstring>
#include <string>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The three arguments of onError().
struct Failure
{
    int error;
    std::string category;
    std::string message;
};

/// Errors of the operating system get the category and the texts that programs written for asio know; the others keep the
/// library's own.
inline Failure MakeFailure(int32_t code, const char* category, const char* message)
{
    if ((category != nullptr) && (std::strcmp(category, "system") == 0))
        return { code, Compat::asio::system_category().name(), Compat::asio::system_category().message(code) };
    return { code, (category != nullptr) ? category : "", (message != nullptr) ? message : "" };
}

/// Why the last call on this thread failed.
inline Failure LastFailure()
{
    return MakeFailure(cppserver_last_error_code(), cppserver_last_error_category(), cppserver_last_error_message());
}

/// Throws the reason why the last call on this thread failed.
[[noreturn]] inline void ThrowLastFailure(const char* what)
{
    const char* category = cppserver_last_error_category();
    const bool system = (category != nullptr) && (std::strcmp(category, "system") == 0);
    const int code = system ? static_cast<int>(cppserver_last_error_code()) : static_cast<int>(Compat::asio::error::invalid_argument);
    throw Compat::asio::system_error(code, Compat::asio::system_category(), what);
}

/// The error that announces that the peer closed the connection.
inline Failure EndOfFile()
{
    const Compat::asio::error_code eof = Compat::asio::error::eof;
    return { eof.value(), eof.category().name(), eof.message() };
}

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_FAILURE_H
