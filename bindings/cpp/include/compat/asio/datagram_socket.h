/// @file datagram_socket.h
/// asio::ip::udp::socket as a view of a UDP server or client of the library.

#ifndef CPPSERVER_COMPAT_ASIO_DATAGRAM_SOCKET_H
#define CPPSERVER_COMPAT_ASIO_DATAGRAM_SOCKET_H

#include "cppserver.h"

#include "compat/asio/basic_socket.h"
#include "compat/asio/multicast.h"

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

struct udp_handle
{
    typedef cppserver_udp type;
    static type* retain(type* udp) noexcept { return cppserver_udp_retain(udp); }
    static void release(type* udp) noexcept { cppserver_udp_release(udp); }
    static std::int64_t native_handle(const type* udp) noexcept { return cppserver_udp_native_handle(udp); }
};

} // namespace detail

/// The socket of a server that is started or of a client that is connected. Options that are set here count until it is
/// closed.
template <typename Protocol>
class basic_datagram_socket : public detail::basic_socket<Protocol, detail::udp_handle>
{
    typedef detail::basic_socket<Protocol, detail::udp_handle> base_type;

public:
    typedef typename base_type::endpoint_type endpoint_type;
    typedef typename base_type::shutdown_type shutdown_type;
    typedef basic_datagram_socket<Protocol> lowest_layer_type;

    /// A socket of nobody.
    explicit basic_datagram_socket(io_service&) noexcept : base_type(nullptr) {}
    /// For the library: the socket of the given server or client.
    explicit basic_datagram_socket(cppserver_udp* udp) noexcept : base_type(udp) {}
    basic_datagram_socket(basic_datagram_socket&&) noexcept = default;

    basic_datagram_socket& operator=(basic_datagram_socket&&) noexcept = default;

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    endpoint_type local_endpoint() const { return base_type::throwing([this](error_code& ec) { return local_endpoint(ec); }, "local_endpoint"); }
    endpoint_type local_endpoint(error_code& ec) const noexcept { return detail::local_endpoint<endpoint_type>(this->native(), ec); }
    /// There is none: the socket takes datagrams from everybody.
    endpoint_type remote_endpoint() const { return base_type::throwing([this](error_code& ec) { return remote_endpoint(ec); }, "remote_endpoint"); }
    endpoint_type remote_endpoint(error_code& ec) const noexcept
    {
        if (detail::check_open(this->native(), ec))
            ec = error::not_connected;
        return endpoint_type();
    }

    /// Bytes of the datagram that waits longest.
    std::size_t available() const { return base_type::throwing([this](error_code& ec) { return available(ec); }, "available"); }
    std::size_t available(error_code& ec) const { return detail::available(this->native(), ec); }

    /// Stops the server or disconnects the client; the callbacks follow on the I/O thread.
    void close() noexcept { cppserver_udp_stop(this->handle()); }
    error_code close(error_code& ec) noexcept
    {
        close();
        return ec = error_code();
    }

    void shutdown(shutdown_type what)
    {
        error_code ec;
        shutdown(what, ec);
        detail::throw_error(ec, "shutdown");
    }
    error_code shutdown(shutdown_type what, error_code& ec)
    {
        detail::shutdown(this->native(), what, ec);
        return ec;
    }
};

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_DATAGRAM_SOCKET_H
