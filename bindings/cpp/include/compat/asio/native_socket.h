/// @file native_socket.h
/// What sockets and acceptors ask the operating system, on a descriptor that belongs to the library.

#ifndef CPPSERVER_COMPAT_ASIO_NATIVE_SOCKET_H
#define CPPSERVER_COMPAT_ASIO_NATIVE_SOCKET_H

#include "compat/asio/error.h"

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

/// Result of a system call that tells failure by a nonzero value.
inline void store_result(int result, error_code& ec) noexcept { ec = (result == 0) ? error_code() : last_socket_error_code(); }

/// False, with the error of a closed socket, when there is no descriptor.
inline bool check_open(socket_type socket, error_code& ec) noexcept
{
    ec = (socket == invalid_socket) ? error_code(error::bad_descriptor) : error_code();
    return !ec;
}

template <typename Protocol, typename Option>
inline void set_option(socket_type socket, const Protocol& protocol, const Option& option, error_code& ec) noexcept
{
    if (!check_open(socket, ec))
        return;
    const void* data = option.data(protocol);
    store_result(::setsockopt(socket, option.level(protocol), option.name(protocol), static_cast<const char*>(data),
        static_cast<socket_length>(option.size(protocol))), ec);
}

template <typename Protocol, typename Option>
inline void get_option(socket_type socket, const Protocol& protocol, Option& option, error_code& ec)
{
    if (!check_open(socket, ec))
        return;
    void* data = option.data(protocol);
    socket_length size = static_cast<socket_length>(option.size(protocol));
    store_result(::getsockopt(socket, option.level(protocol), option.name(protocol), static_cast<char*>(data), &size), ec);
    if (ec)
        return;
    option.resize(protocol, static_cast<std::size_t>(size));
#if defined(__linux__)
    // Linux reports twice the size that was set, because it counts its own overhead.
    if ((option.level(protocol) == SOL_SOCKET) && ((option.name(protocol) == SO_SNDBUF) || (option.name(protocol) == SO_RCVBUF)))
        *static_cast<int*>(data) /= 2;
#endif
}

/// Address that the descriptor is bound to.
template <typename Endpoint>
inline Endpoint local_endpoint(socket_type socket, error_code& ec) noexcept
{
    Endpoint endpoint;
    if (!check_open(socket, ec))
        return endpoint;
    socket_length size = static_cast<socket_length>(endpoint.capacity());
    store_result(::getsockname(socket, endpoint.data(), &size), ec);
    return ec ? Endpoint() : endpoint;
}

/// Bytes that can be read without waiting.
inline std::size_t available(socket_type socket, error_code& ec) noexcept
{
    if (!check_open(socket, ec))
        return 0;
#if defined(_WIN32)
    u_long count = 0;
    store_result(::ioctlsocket(socket, FIONREAD, &count), ec);
#else
    int count = 0;
    store_result(::ioctl(socket, FIONREAD, &count), ec);
#endif
    return ec ? 0 : static_cast<std::size_t>(count);
}

inline void shutdown(socket_type socket, int what, error_code& ec) noexcept
{
    if (check_open(socket, ec))
        store_result(::shutdown(socket, what), ec);
}

} // namespace detail
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_NATIVE_SOCKET_H
