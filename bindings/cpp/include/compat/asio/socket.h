/// @file socket.h
/// asio::ip::tcp::socket as a view of a connection of the library.

#ifndef CPPSERVER_COMPAT_ASIO_SOCKET_H
#define CPPSERVER_COMPAT_ASIO_SOCKET_H

#include "cppserver.h"

#include "compat/asio/io_service.h"
#include "compat/asio/native_socket.h"
#include "compat/asio/protocol.h"

#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {

/// The library reads, writes and closes the connection; this class shows its addresses and sets its options. Throwing
/// functions throw system_error. The descriptor is borrowed: use it in callbacks, where it cannot be closed meanwhile.
template <typename Protocol>
class basic_stream_socket : public socket_base
{
public:
    typedef detail::socket_type native_handle_type;
    typedef Protocol protocol_type;
    typedef typename Protocol::endpoint endpoint_type;
    typedef basic_stream_socket<Protocol> lowest_layer_type;

    /// A socket without a connection.
    explicit basic_stream_socket(io_service&) noexcept : _session(nullptr), _non_blocking(false) {}
    /// For the library: a socket of the given connection.
    explicit basic_stream_socket(cppserver_session* session) noexcept
        : _session(cppserver_session_retain(session)), _non_blocking(false)
    {
    }
    basic_stream_socket(const basic_stream_socket&) = delete;
    basic_stream_socket(basic_stream_socket&& other) noexcept
        : socket_base(), _session(other._session), _non_blocking(other._non_blocking)
    {
        other._session = nullptr;
    }
    ~basic_stream_socket() { cppserver_session_release(_session); }

    basic_stream_socket& operator=(const basic_stream_socket&) = delete;
    basic_stream_socket& operator=(basic_stream_socket&& other) noexcept
    {
        std::swap(_session, other._session);
        std::swap(_non_blocking, other._non_blocking);
        return *this;
    }

    /// The connection of the C library; borrowed, null without a connection.
    cppserver_session* native_session() const noexcept { return _session; }

    lowest_layer_type& lowest_layer() noexcept { return *this; }
    const lowest_layer_type& lowest_layer() const noexcept { return *this; }

    bool is_open() const noexcept { return native() != detail::invalid_socket; }
    native_handle_type native_handle() noexcept { return native(); }

    endpoint_type local_endpoint() const { return throwing([this](error_code& ec) { return local_endpoint(ec); }, "local_endpoint"); }
    endpoint_type local_endpoint(error_code& ec) const { return endpoint(&cppserver_session_local_address, ec); }
    endpoint_type remote_endpoint() const { return throwing([this](error_code& ec) { return remote_endpoint(ec); }, "remote_endpoint"); }
    endpoint_type remote_endpoint(error_code& ec) const { return endpoint(&cppserver_session_peer_address, ec); }

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

    std::size_t available() const { return throwing([this](error_code& ec) { return available(ec); }, "available"); }
    std::size_t available(error_code& ec) const { return detail::available(native(), ec); }

    /// Does nothing: the operations in flight are the library's own.
    void cancel() noexcept {}
    error_code cancel(error_code& ec) noexcept { return ec = error_code(); }

    /// Ends the connection at once; what was not sent yet is discarded. The disconnect callbacks follow on the I/O thread.
    void close() noexcept { cppserver_session_disconnect_now(_session); }
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
        detail::shutdown(native(), what, ec);
        return ec;
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
    typedef std::int32_t (*address_function)(const cppserver_session*, char*, std::size_t, std::uint16_t*);

    cppserver_session* _session;
    bool _non_blocking;

    native_handle_type native() const noexcept { return detail::to_socket(cppserver_session_native_handle(_session)); }

    template <typename Function>
    static auto throwing(Function&& function, const char* where) -> decltype(function(std::declval<error_code&>()))
    {
        error_code ec;
        auto result = function(ec);
        detail::throw_error(ec, where);
        return result;
    }

    endpoint_type endpoint(address_function address, error_code& ec) const
    {
        if (!detail::check_open(native(), ec))
            return endpoint_type();
        char text[64];
        std::uint16_t port = 0;
        if (address(_session, text, sizeof(text), &port) != CPPSERVER_STATUS_OK)
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
