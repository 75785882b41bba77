/// @file protocol.h
/// asio::ip::tcp and asio::ip::udp

#ifndef CPPSERVER_COMPAT_ASIO_PROTOCOL_H
#define CPPSERVER_COMPAT_ASIO_PROTOCOL_H

#include "compat/asio/endpoint.h"
#include "compat/asio/socket_option.h"

namespace CppServer {
namespace Compat {
namespace asio {

template <typename Protocol> class basic_datagram_socket;
template <typename Protocol> class basic_stream_socket;
template <typename Protocol> class basic_socket_acceptor;

namespace ip {

template <typename InternetProtocol> class basic_resolver;

/// The TCP protocol of one IP version.
class tcp
{
public:
    typedef basic_endpoint<tcp> endpoint;
    typedef asio::basic_stream_socket<tcp> socket;
    typedef asio::basic_socket_acceptor<tcp> acceptor;
    typedef basic_resolver<tcp> resolver;
    typedef asio::detail::socket_option::boolean<IPPROTO_TCP, TCP_NODELAY> no_delay;

    static tcp v4() noexcept { return tcp(AF_INET); }
    static tcp v6() noexcept { return tcp(AF_INET6); }

    int family() const noexcept { return _family; }
    int type() const noexcept { return SOCK_STREAM; }
    int protocol() const noexcept { return IPPROTO_TCP; }

    friend bool operator==(const tcp& a, const tcp& b) noexcept { return a._family == b._family; }
    friend bool operator!=(const tcp& a, const tcp& b) noexcept { return !(a == b); }

private:
    int _family;

    explicit tcp(int family) noexcept : _family(family) {}
};

/// The UDP protocol of one IP version.
class udp
{
public:
    typedef basic_endpoint<udp> endpoint;
    typedef asio::basic_datagram_socket<udp> socket;
    typedef basic_resolver<udp> resolver;

    static udp v4() noexcept { return udp(AF_INET); }
    static udp v6() noexcept { return udp(AF_INET6); }

    int family() const noexcept { return _family; }
    int type() const noexcept { return SOCK_DGRAM; }
    int protocol() const noexcept { return IPPROTO_UDP; }

    friend bool operator==(const udp& a, const udp& b) noexcept { return a._family == b._family; }
    friend bool operator!=(const udp& a, const udp& b) noexcept { return !(a == b); }

private:
    int _family;

    explicit udp(int family) noexcept : _family(family) {}
};

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_PROTOCOL_H
