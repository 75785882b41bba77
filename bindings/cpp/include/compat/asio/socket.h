/// @file socket.h
/// asio::ip::tcp::socket as a view of a connection of the library.

#ifndef CPPSERVER_COMPAT_ASIO_SOCKET_H
#define CPPSERVER_COMPAT_ASIO_SOCKET_H

#include "cppserver.h"

#include "compat/asio/basic_socket.h"

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

struct session_handle
{
    typedef cppserver_session type;
    static type* retain(type* session) noexcept { return cppserver_session_retain(session); }
    static void release(type* session) noexcept { cppserver_session_release(session); }
    static std::int64_t native_handle(const type* session) noexcept { return cppserver_session_native_handle(session); }
};

} // namespace detail

/// One connection, which the library reads, writes and closes.
template <typename Protocol>
class basic_stream_socket : public detail::basic_socket<Protocol, detail::session_handle>
{
    typedef detail::basic_socket<Protocol, detail::session_handle> base_type;

public:
    typedef typename base_type::endpoint_type endpoint_type;
    typedef typename base_type::shutdown_type shutdown_type;
    typedef basic_stream_socket<Protocol> lowest_layer_type;

    /// A socket without a connection.
    explicit basic_stream_socket(io_service&) noexcept : base_type(nullptr) {}
    /// For the library: a socket of the given connection.
    explicit basic_stream_socket(cppserver_session* session) noexcept : base_type(session) {}
    basic_stream_socket(basic_stream_socket&&) noexcept = default;

    basic_stream_socket& operator=(basic_stream_socket&&) noexcept = default;

    /// The connection of the C library; borrowed, null without a connection.
    cppserver_session* native_session() const noexcept { return this->handle(); }

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    endpoint_type local_endpoint() const { return base_type::throwing([this](error_code& ec) { return local_endpoint(ec); }, "local_endpoint"); }
    endpoint_type local_endpoint(error_code& ec) const { return endpoint(&cppserver_session_local_address, ec); }
    endpoint_type remote_endpoint() const { return base_type::throwing([this](error_code& ec) { return remote_endpoint(ec); }, "remote_endpoint"); }
    endpoint_type remote_endpoint(error_code& ec) const { return endpoint(&cppserver_session_peer_address, ec); }

    std::size_t available() const { return base_type::throwing([this](error_code& ec) { return available(ec); }, "available"); }
    std::size_t available(error_code& ec) const { return detail::available(this->native(), ec); }

    /// Ends the connection at once; what was not sent yet is discarded. The disconnect callbacks follow on the I/O thread.
    void close() noexcept { cppserver_session_disconnect_now(this->handle()); }
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

private:
    typedef std::int32_t (*address_function)(const cppserver_session*, char*, std::size_t, std::uint16_t*);

    endpoint_type endpoint(address_function address, error_code& ec) const
    {
        if (!detail::check_open(this->native(), ec))
            return endpoint_type();
        char text[64];
        std::uint16_t port = 0;
        if (address(this->handle(), text, sizeof(text), &port) != CPPSERVER_STATUS_OK)
        {
            ec = error::not_connected;
            return endpoint_type();
        }
        const ip::address parsed = ip::address::from_string(text, ec);
        return ec ? endpoint_type() : endpoint_type(parsed, port);
    }
};

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SOCKET_H
