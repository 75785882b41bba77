/// @file socket_option.h
/// Socket options as types: asio::socket_base::keep_alive, asio::ip::tcp::no_delay and the like.

#ifndef CPPSERVER_COMPAT_ASIO_SOCKET_OPTION_H
#define CPPSERVER_COMPAT_ASIO_SOCKET_OPTION_H

#include "compat/asio/platform.h"

#include <stdexcept>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {
namespace socket_option {

/// An option that is on or off.
template <int Level, int Name>
class boolean
{
public:
    boolean() noexcept : _value(0) {}
    explicit boolean(bool value) noexcept : _value(value ? 1 : 0) {}
    boolean& operator=(bool value) noexcept
    {
        _value = value ? 1 : 0;
        return *this;
    }

    bool value() const noexcept { return _value != 0; }
    operator bool() const noexcept { return _value != 0; }
    bool operator!() const noexcept { return _value == 0; }

    template <typename Protocol> int level(const Protocol&) const noexcept { return Level; }
    template <typename Protocol> int name(const Protocol&) const noexcept { return Name; }
    template <typename Protocol> int* data(const Protocol&) noexcept { return &_value; }
    template <typename Protocol> const int* data(const Protocol&) const noexcept { return &_value; }
    template <typename Protocol> std::size_t size(const Protocol&) const noexcept { return sizeof(_value); }
    template <typename Protocol> void resize(const Protocol&, std::size_t size)
    {
        // Some systems answer boolean options with a single byte.
        if (size == sizeof(char))
            _value = *reinterpret_cast<const char*>(&_value) ? 1 : 0;
        else if (size != sizeof(_value))
            throw std::length_error("boolean socket option resize");
    }

private:
    int _value;
};

/// An option that is a number.
template <int Level, int Name>
class integer
{
public:
    integer() noexcept : _value(0) {}
    explicit integer(int value) noexcept : _value(value) {}
    integer& operator=(int value) noexcept
    {
        _value = value;
        return *this;
    }

    int value() const noexcept { return _value; }

    template <typename Protocol> int level(const Protocol&) const noexcept { return Level; }
    template <typename Protocol> int name(const Protocol&) const noexcept { return Name; }
    template <typename Protocol> int* data(const Protocol&) noexcept { return &_value; }
    template <typename Protocol> const int* data(const Protocol&) const noexcept { return &_value; }
    template <typename Protocol> std::size_t size(const Protocol&) const noexcept { return sizeof(_value); }
    template <typename Protocol> void resize(const Protocol&, std::size_t size)
    {
        if (size != sizeof(_value))
            throw std::length_error("integer socket option resize");
    }

private:
    int _value;
};

/// What close() does with bytes that were not sent yet.
class linger
{
public:
    linger() noexcept : _value() {}
    linger(bool enabled, int timeout) noexcept : _value()
    {
        this->enabled(enabled);
        this->timeout(timeout);
    }

    bool enabled() const noexcept { return _value.l_onoff != 0; }
    void enabled(bool value) noexcept { _value.l_onoff = value ? 1 : 0; }
    /// Seconds.
    int timeout() const noexcept { return static_cast<int>(_value.l_linger); }
    void timeout(int value) noexcept { _value.l_linger = static_cast<decltype(_value.l_linger)>(value); }

    template <typename Protocol> int level(const Protocol&) const noexcept { return SOL_SOCKET; }
    template <typename Protocol> int name(const Protocol&) const noexcept { return SO_LINGER; }
    template <typename Protocol> void* data(const Protocol&) noexcept { return &_value; }
    template <typename Protocol> const void* data(const Protocol&) const noexcept { return &_value; }
    template <typename Protocol> std::size_t size(const Protocol&) const noexcept { return sizeof(_value); }
    template <typename Protocol> void resize(const Protocol&, std::size_t size)
    {
        if (size != sizeof(_value))
            throw std::length_error("linger socket option resize");
    }

private:
    struct ::linger _value;
};

} // namespace socket_option
} // namespace detail

/// Names shared by all sockets.
class socket_base
{
public:
#if defined(_WIN32)
    enum shutdown_type { shutdown_receive = SD_RECEIVE, shutdown_send = SD_SEND, shutdown_both = SD_BOTH };
#else
    enum shutdown_type { shutdown_receive = SHUT_RD, shutdown_send = SHUT_WR, shutdown_both = SHUT_RDWR };
#endif

    typedef detail::socket_option::boolean<SOL_SOCKET, SO_BROADCAST> broadcast;
    typedef detail::socket_option::boolean<SOL_SOCKET, SO_DEBUG> debug;
    typedef detail::socket_option::boolean<SOL_SOCKET, SO_DONTROUTE> do_not_route;
    typedef detail::socket_option::boolean<SOL_SOCKET, SO_KEEPALIVE> keep_alive;
    typedef detail::socket_option::boolean<SOL_SOCKET, SO_REUSEADDR> reuse_address;
    typedef detail::socket_option::integer<SOL_SOCKET, SO_SNDBUF> send_buffer_size;
    typedef detail::socket_option::integer<SOL_SOCKET, SO_SNDLOWAT> send_low_watermark;
    typedef detail::socket_option::integer<SOL_SOCKET, SO_RCVBUF> receive_buffer_size;
    typedef detail::socket_option::integer<SOL_SOCKET, SO_RCVLOWAT> receive_low_watermark;
    typedef detail::socket_option::linger linger;

    static constexpr int max_connections = SOMAXCONN;

protected:
    socket_base() = default;
    ~socket_base() = default;
};

namespace ip {

/// An IPv6 socket that does not take IPv4 connections.
typedef asio::detail::socket_option::boolean<IPPROTO_IPV6, IPV6_V6ONLY> v6_only;

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SOCKET_OPTION_H
