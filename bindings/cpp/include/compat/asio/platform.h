/// @file platform.h
/// System headers and the few names that differ between POSIX sockets and Winsock.

#ifndef CPPSERVER_COMPAT_ASIO_PLATFORM_H
#define CPPSERVER_COMPAT_ASIO_PLATFORM_H

#if defined(_WIN32)
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
// winbase.h defines an empty macro of this name, which would swallow CppCommon::Thread::Yield().
#undef Yield
#else
#include <cerrno>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/types.h>
#endif

#include <cstddef>
#include <cstdint>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

#if defined(_WIN32)
typedef SOCKET socket_type;
typedef int socket_length;
constexpr socket_type invalid_socket = INVALID_SOCKET;

inline int last_socket_error() noexcept { return WSAGetLastError(); }
#else
typedef int socket_type;
typedef socklen_t socket_length;
constexpr socket_type invalid_socket = -1;

inline int last_socket_error() noexcept { return errno; }
#endif

/// The library hands sockets out as int64_t with -1 for "none".
inline socket_type to_socket(std::int64_t handle) noexcept
{
    return (handle < 0) ? invalid_socket : static_cast<socket_type>(handle);
}

} // namespace detail
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_PLATFORM_H
