/// @file acceptor.h
/// asio::ip::tcp::acceptor as a view of a server of the library.

#ifndef CPPSERVER_COMPAT_ASIO_ACCEPTOR_H
#define CPPSERVER_COMPAT_ASIO_ACCEPTOR_H

#include "cppserver.h"

#include "compat/asio/io_service.h"
#include "compat/asio/native_socket.h"
#include "compat/asio/protocol.h"

#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {

/// The library listens, accepts and closes; this class shows the bound address and sets options. It is open
/// while the server is started, and then local_endpoint() tells the real port of a server on port 0. Throwing functions throw system_error.
template <typename Protocol>
class basic_socket_acceptor : public socket_base
{
public:
    typedef detail::socket_type native_handle_type;
    typedef Protocol protocol_type;
    typedef typename Protocol::endpoint endpoint_type;

    /// An acceptor without a server.
    explicit basic_socket_acceptor(io_service&) noexcept : _server(nullptr), _non_blocking(false) {}
    /// For the library: the acceptor of the given server.
    explicit basic_socket_acceptor(cppserver_server* server) noexcept : _server(cppserver_server_retain(server)), _non_blocking(false) {}
    basic_socket_acceptor(const basic_socket_acceptor&) = delete;
    basic_socket_acceptor(basic_socket_acceptor&& other) noexcept
        : socket_base(), _server(other._server), _non_blocking(other._non_blocking)
    {
        other._server = nullptr;
    }
    ~basic_socket_acceptor() { cppserver_server_release(_server); }

    basic_socket_acceptor& operator=(const basic_socket_acceptor&) = delete;
    basic_socket_acceptor& operator=(basic_socket_acceptor&& other) noexcept
    {
        std::swap(_server, other._server);
        std::swap(_non_blocking, other._non_blocking);
        return *this;
    }

    bool is_open() const noexcept { return native() != detail::invalid_socket; }
    native_handle_type native_handle() noexcept { return native(); }

    endpoint_type local_endpoint() const
    {
        error_code ec;
        const endpoint_type endpoint = local_endpoint(ec);
        detail::throw_error(ec, "local_endpoint");
        return endpoint;
    }
    endpoint_type local_endpoint(error_code& ec) const noexcept { return detail::local_endpoint<endpoint_type>(native(), ec); }

    template <typename Option>
    void set_option(const Option& option)
    {
        error_code ec;
        set_option(option, ec);
        detail::throw_error(ec, "set_option");
    }
    template <typename Option>
    error_code set_option(const Option& option, error_code& ec)
    {
        detail::set_option(native(), Protocol::v4(), option, ec);
        return ec;
    }
    template <typename Option>
    void get_option(Option& option) const
    {
        error_code ec;
        get_option(option, ec);
        detail::throw_error(ec, "get_option");
    }
    template <typename Option>
    error_code get_option(Option& option, error_code& ec) const
    {
        detail::get_option(native(), Protocol::v4(), option, ec);
        return ec;
    }

    /// Does nothing: the accept in flight is the library's own.
    void cancel() noexcept {}
    error_code cancel(error_code& ec) noexcept { return ec = error_code(); }

    /// Stops the server: a server that does not listen has nothing else to do.
    void close() noexcept { cppserver_server_stop(_server); }
    error_code close(error_code& ec) noexcept
    {
        close();
        return ec = error_code();
    }

    /// Only remembered: the descriptor itself never blocks.
    bool non_blocking() const noexcept { return _non_blocking; }
    void non_blocking(bool mode) noexcept { _non_blocking = mode; }
    error_code non_blocking(bool mode, error_code& ec) noexcept
    {
        _non_blocking = mode;
        return ec = error_code();
    }

private:
    cppserver_server* _server;
    bool _non_blocking;

    native_handle_type native() const noexcept { return detail::to_socket(cppserver_server_native_handle(_server)); }
};

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ACCEPTOR_H
