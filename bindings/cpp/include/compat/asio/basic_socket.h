/// @file basic_socket.h
/// What the sockets and acceptors of this library have in common.

#ifndef CPPSERVER_COMPAT_ASIO_BASIC_SOCKET_H
#define CPPSERVER_COMPAT_ASIO_BASIC_SOCKET_H

#include "compat/asio/io_service.h"
#include "compat/asio/native_socket.h"
#include "compat/asio/protocol.h"

#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

/// The library reads, writes and closes; a view shows addresses and sets options. Throwing functions throw system_error. The
/// descriptor is borrowed: use it in callbacks, where it cannot be closed meanwhile. THandle tells what is looked at: an object
/// of the C library that has a descriptor.
template <typename Protocol, typename THandle>
class basic_socket : public socket_base
{
public:
    typedef socket_type native_handle_type;
    typedef Protocol protocol_type;
    typedef typename Protocol::endpoint endpoint_type;

    basic_socket(const basic_socket&) = delete;
    basic_socket& operator=(const basic_socket&) = delete;

    bool is_open() const noexcept { return native() != invalid_socket; }
    native_handle_type native_handle() noexcept { return native(); }

    template <typename Option>
    void set_option(const Option& option)
    {
        error_code ec;
        set_option(option, ec);
        throw_error(ec, "set_option");
    }
    template <typename Option>
    error_code set_option(const Option& option, error_code& ec)
    {
        detail::set_option(native(), protocol(), option, ec);
        return ec;
    }
    template <typename Option>
    void get_option(Option& option) const
    {
        error_code ec;
        get_option(option, ec);
        throw_error(ec, "get_option");
    }
    template <typename Option>
    error_code get_option(Option& option, error_code& ec) const
    {
        detail::get_option(native(), protocol(), option, ec);
        return ec;
    }

    /// Does nothing: the operations in flight are the library's own.
    void cancel() noexcept {}
    error_code cancel(error_code& ec) noexcept { return ec = error_code(); }

    /// Only remembered: the descriptor itself never blocks.
    bool non_blocking() const noexcept { return _non_blocking; }
    void non_blocking(bool mode) noexcept { _non_blocking = mode; }
    error_code non_blocking(bool mode, error_code& ec) noexcept
    {
        _non_blocking = mode;
        return ec = error_code();
    }

protected:
    typedef typename THandle::type handle_type;

    explicit basic_socket(handle_type* handle) noexcept : _handle(THandle::retain(handle)), _non_blocking(false) {}
    basic_socket(basic_socket&& other) noexcept : socket_base(), _handle(other._handle), _non_blocking(other._non_blocking)
    {
        other._handle = nullptr;
    }
    ~basic_socket() { THandle::release(_handle); }

    basic_socket& operator=(basic_socket&& other) noexcept
    {
        std::swap(_handle, other._handle);
        std::swap(_non_blocking, other._non_blocking);
        return *this;
    }

    /// Borrowed; null when there is nothing to look at.
    handle_type* handle() const noexcept { return _handle; }

    native_handle_type native() const noexcept { return to_socket(THandle::native_handle(_handle)); }

    /// The throwing form of a function that gives something.
    template <typename Function>
    static auto throwing(Function&& function, const char* where) -> decltype(function(std::declval<error_code&>()))
    {
        error_code ec;
        auto result = function(ec);
        throw_error(ec, where);
        return result;
    }

private:
    handle_type* _handle;
    bool _non_blocking;

    /// Options of the internet protocol have other names in its other version.
    Protocol protocol() const noexcept
    {
        error_code ec;
        return detail::local_endpoint<endpoint_type>(native(), ec).protocol();
    }
};

} // namespace detail
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_BASIC_SOCKET_H
