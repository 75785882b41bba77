/// @file error.h
/// Error codes and categories under the names, numbers and texts that programs written for asio know.

#ifndef CPPSERVER_COMPAT_ASIO_ERROR_H
#define CPPSERVER_COMPAT_ASIO_ERROR_H

#include "compat/asio/platform.h"

#include <string>
#include <system_error>
#include <type_traits>

#if defined(_WIN32)
#define CPPSERVER_SOCKET_ERROR(name) WSA##name
#define CPPSERVER_SYSTEM_ERROR(posix, windows) windows
#else
#define CPPSERVER_SOCKET_ERROR(name) name
#define CPPSERVER_SYSTEM_ERROR(posix, windows) posix
#endif

namespace CppServer {
namespace Compat {
namespace asio {

typedef std::error_code error_code;
typedef std::error_category error_category;
typedef std::system_error system_error;

namespace error {

/// Errors of the operating system, category "asio.system".
enum basic_errors
{
    access_denied = CPPSERVER_SOCKET_ERROR(EACCES),
    address_family_not_supported = CPPSERVER_SOCKET_ERROR(EAFNOSUPPORT),
    address_in_use = CPPSERVER_SOCKET_ERROR(EADDRINUSE),
    already_connected = CPPSERVER_SOCKET_ERROR(EISCONN),
    already_started = CPPSERVER_SOCKET_ERROR(EALREADY),
    broken_pipe = CPPSERVER_SYSTEM_ERROR(EPIPE, ERROR_BROKEN_PIPE),
    connection_aborted = CPPSERVER_SOCKET_ERROR(ECONNABORTED),
    connection_refused = CPPSERVER_SOCKET_ERROR(ECONNREFUSED),
    connection_reset = CPPSERVER_SOCKET_ERROR(ECONNRESET),
    bad_descriptor = CPPSERVER_SOCKET_ERROR(EBADF),
    fault = CPPSERVER_SOCKET_ERROR(EFAULT),
    host_unreachable = CPPSERVER_SOCKET_ERROR(EHOSTUNREACH),
    in_progress = CPPSERVER_SOCKET_ERROR(EINPROGRESS),
    interrupted = CPPSERVER_SOCKET_ERROR(EINTR),
    invalid_argument = CPPSERVER_SOCKET_ERROR(EINVAL),
    message_size = CPPSERVER_SOCKET_ERROR(EMSGSIZE),
    name_too_long = CPPSERVER_SOCKET_ERROR(ENAMETOOLONG),
    network_down = CPPSERVER_SOCKET_ERROR(ENETDOWN),
    network_reset = CPPSERVER_SOCKET_ERROR(ENETRESET),
    network_unreachable = CPPSERVER_SOCKET_ERROR(ENETUNREACH),
    no_descriptors = CPPSERVER_SOCKET_ERROR(EMFILE),
    no_buffer_space = CPPSERVER_SOCKET_ERROR(ENOBUFS),
    no_memory = CPPSERVER_SYSTEM_ERROR(ENOMEM, ERROR_OUTOFMEMORY),
    no_permission = CPPSERVER_SYSTEM_ERROR(EPERM, ERROR_ACCESS_DENIED),
    no_protocol_option = CPPSERVER_SOCKET_ERROR(ENOPROTOOPT),
    no_such_device = CPPSERVER_SYSTEM_ERROR(ENODEV, ERROR_BAD_UNIT),
    not_connected = CPPSERVER_SOCKET_ERROR(ENOTCONN),
    not_socket = CPPSERVER_SOCKET_ERROR(ENOTSOCK),
    operation_aborted = CPPSERVER_SYSTEM_ERROR(ECANCELED, ERROR_OPERATION_ABORTED),
    operation_not_supported = CPPSERVER_SOCKET_ERROR(EOPNOTSUPP),
    shut_down = CPPSERVER_SYSTEM_ERROR(ESHUTDOWN, WSAESHUTDOWN),
    timed_out = CPPSERVER_SOCKET_ERROR(ETIMEDOUT),
    try_again = CPPSERVER_SYSTEM_ERROR(EAGAIN, ERROR_RETRY),
    would_block = CPPSERVER_SOCKET_ERROR(EWOULDBLOCK)
};

/// Errors of name resolution, category "asio.netdb".
enum netdb_errors
{
    host_not_found = 1,
    host_not_found_try_again = 2,
    no_recovery = 3,
    no_data = 4
};

/// Errors of getaddrinfo(), category "asio.addrinfo".
enum addrinfo_errors
{
    service_not_found = CPPSERVER_SYSTEM_ERROR(EAI_SERVICE, WSATYPE_NOT_FOUND),
    socket_type_not_supported = CPPSERVER_SYSTEM_ERROR(EAI_SOCKTYPE, WSAESOCKTNOSUPPORT)
};

/// Conditions that are no error of the operating system, category "asio.misc".
enum misc_errors
{
    already_open = 1,
    eof = 2,
    not_found = 3,
    fd_set_failure = 4
};

namespace detail {

class system_category final : public error_category
{
public:
    const char* name() const noexcept override { return "asio.system"; }

    std::string message(int value) const override
    {
        if (value == operation_aborted)
            return "Operation aborted.";
        return std::system_category().message(value);
    }

    std::error_condition default_error_condition(int value) const noexcept override
    {
        return std::system_category().default_error_condition(value);
    }
};

class netdb_category final : public error_category
{
public:
    const char* name() const noexcept override { return "asio.netdb"; }

    std::string message(int value) const override
    {
        switch (value)
        {
            case host_not_found: return "Host not found (authoritative)";
            case host_not_found_try_again: return "Host not found (non-authoritative), try again later";
            case no_data: return "The query is valid, but it does not have associated data";
            case no_recovery: return "A non-recoverable error occurred during database lookup";
            default: return "asio.netdb error";
        }
    }
};

class addrinfo_category final : public error_category
{
public:
    const char* name() const noexcept override { return "asio.addrinfo"; }

    std::string message(int value) const override
    {
        switch (value)
        {
            case service_not_found: return "Service not found";
            case socket_type_not_supported: return "Socket type not supported";
            default: return "asio.addrinfo error";
        }
    }
};

class misc_category final : public error_category
{
public:
    const char* name() const noexcept override { return "asio.misc"; }

    std::string message(int value) const override
    {
        switch (value)
        {
            case already_open: return "Already open";
            case eof: return "End of file";
            case not_found: return "Element not found";
            case fd_set_failure: return "The descriptor does not fit into the select call's fd_set";
            default: return "asio.misc error";
        }
    }
};

// The instances are never destroyed: an error that is reported while the program exits still finds its category.
template <class TCategory>
inline const error_category& category_instance() noexcept
{
    static const TCategory& instance = *new TCategory();
    return instance;
}

} // namespace detail

inline const error_category& get_system_category() noexcept { return detail::category_instance<detail::system_category>(); }
inline const error_category& get_netdb_category() noexcept { return detail::category_instance<detail::netdb_category>(); }
inline const error_category& get_addrinfo_category() noexcept { return detail::category_instance<detail::addrinfo_category>(); }
inline const error_category& get_misc_category() noexcept { return detail::category_instance<detail::misc_category>(); }

inline error_code make_error_code(basic_errors e) noexcept { return error_code(static_cast<int>(e), get_system_category()); }
inline error_code make_error_code(netdb_errors e) noexcept { return error_code(static_cast<int>(e), get_netdb_category()); }
inline error_code make_error_code(addrinfo_errors e) noexcept { return error_code(static_cast<int>(e), get_addrinfo_category()); }
inline error_code make_error_code(misc_errors e) noexcept { return error_code(static_cast<int>(e), get_misc_category()); }

} // namespace error

inline const error_category& system_category() noexcept { return error::get_system_category(); }

namespace detail {

/// The throwing form of a function that also has a form with a trailing error_code.
inline void throw_error(const error_code& ec, const char* where)
{
    if (ec)
        throw system_error(ec, where);
}

inline error_code last_socket_error_code() noexcept { return error_code(last_socket_error(), error::get_system_category()); }

} // namespace detail
} // namespace asio
} // namespace Compat
} // namespace CppServer

namespace std {

template <> struct is_error_code_enum<CppServer::Compat::asio::error::basic_errors> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::asio::error::netdb_errors> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::asio::error::addrinfo_errors> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::asio::error::misc_errors> : true_type {};

} // namespace std

#undef CPPSERVER_SOCKET_ERROR
#undef CPPSERVER_SYSTEM_ERROR

#endif // CPPSERVER_COMPAT_ASIO_ERROR_H
