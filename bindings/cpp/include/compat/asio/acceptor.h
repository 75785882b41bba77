/// @file acceptor.h
/// asio::ip::tcp::acceptor as a view of a server of the library.

#ifndef CPPSERVER_COMPAT_ASIO_ACCEPTOR_H
#define CPPSERVER_COMPAT_ASIO_ACCEPTOR_H

#include "cppserver.h"

#include "compat/asio/basic_socket.h"

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

struct server_handle
{
    typedef cppserver_server type;
    static type* retain(type* server) noexcept { return cppserver_server_retain(server); }
    static void release(type* server) noexcept { cppserver_server_release(server); }
    static std::int64_t native_handle(const type* server) noexcept { return cppserver_server_native_handle(server); }
};

} // namespace detail

/// The listening socket of a server. It is open while the server is started, and then local_endpoint() tells the real port of
/// a server on port 0.
template <typename Protocol>
class basic_socket_acceptor : public detail::basic_socket<Protocol, detail::server_handle>
{
    typedef detail::basic_socket<Protocol, detail::server_handle> base_type;

public:
    typedef typename base_type::endpoint_type endpoint_type;

    /// An acceptor without a server.
    explicit basic_socket_acceptor(io_service&) noexcept : base_type(nullptr) {}
    /// For the library: the acceptor of the given server.
    explicit basic_socket_acceptor(cppserver_server* server) noexcept : base_type(server) {}
    basic_socket_acceptor(basic_socket_acceptor&&) noexcept = default;

    basic_socket_acceptor& operator=(basic_socket_acceptor&&) noexcept = default;

    endpoint_type local_endpoint() const { return base_type::throwing([this](error_code& ec) { return local_endpoint(ec); }, "local_endpoint"); }
    endpoint_type local_endpoint(error_code& ec) const noexcept { return detail::local_endpoint<endpoint_type>(this->native(), ec); }

    /// Stops the server: a server that does not listen has nothing else to do.
    void close() noexcept { cppserver_server_stop(this->handle()); }
    error_code close(error_code& ec) noexcept
    {
        close();
        return ec = error_code();
    }
};

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ACCEPTOR_H
