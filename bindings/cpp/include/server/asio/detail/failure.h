/// @file failure.h
/// Errors of the C library in the form that onError() callbacks receive.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_FAILURE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_FAILURE_H

#include "cppserver.h"

#include "compat/asio/error.h"
#include "compat/asio/ssl/error.h"

#include <cstring>
#include <string>
#include <utility>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The three arguments of onError(), and the library's own sentence.
struct Failure
{
    int error;
    std::string category;
    std::string message;
    std::string details;
};

inline Failure MakeFailure(const Compat::asio::error_code& ec, const std::string& details = std::string())
{
    return { ec.value(), ec.category().name(), ec.message(), details };
}

/// Errors of the operating system and of TLS get the category and the texts that programs written for asio know; the others
/// keep the library's own.
inline Failure MakeFailure(int32_t code, const char* category, const char* message)
{
    const std::string own = (category != nullptr) ? category : "";
    const std::string details = (message != nullptr) ? message : "";
    if (own == "system")
        return MakeFailure(Compat::asio::error_code(code, Compat::asio::system_category()), details);
    const Compat::asio::error_code tls = (own == "tls") ? Compat::asio::ssl::detail::from_tls_code(code) : Compat::asio::error_code();
    return tls ? MakeFailure(tls, details) : Failure{ code, own, details, details };
}

/// The library's own sentence about the error that the onError() of this thread is being told.
inline std::string& CurrentDetails()
{
    static thread_local std::string details;
    return details;
}

/// Calls an onError() of the user.
template <class TFunction>
void Tell(const Failure& failure, TFunction&& on_error)
{
    struct Ends
    {
        std::string before;
        ~Ends() { CurrentDetails() = std::move(before); }
    };
    const Ends ends = { std::move(CurrentDetails()) };
    CurrentDetails() = failure.details;
    on_error(failure.error, failure.category, failure.message);
}

/// An error as the C library tells it.
struct NativeFailure
{
    int32_t code;
    std::string category;
    std::string message;

    NativeFailure(int32_t number, const char* name, const char* text)
        : code(number), category((name != nullptr) ? name : ""), message((text != nullptr) ? text : "")
    {
    }

    bool IsOf(const char* name) const { return category == name; }

    /// As onError() receives it where nothing else is known about it.
    Failure Plain() const { return MakeFailure(code, category.c_str(), message.c_str()); }
    /// As another error, with the library's own sentence.
    Failure As(const Compat::asio::error_code& ec) const { return MakeFailure(ec, message); }
};

/// Why the last call on this thread failed.
inline NativeFailure LastFailure()
{
    return { cppserver_last_error_code(), cppserver_last_error_category(), cppserver_last_error_message() };
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
inline Failure EndOfFile() { return MakeFailure(Compat::asio::error_code(Compat::asio::error::eof)); }

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_FAILURE_H
