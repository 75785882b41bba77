/// @file multicast.h
/// Socket options of datagrams as types: asio::ip::multicast::join_group, asio::ip::unicast::hops and the like.

#ifndef CPPSERVER_COMPAT_ASIO_MULTICAST_H
#define CPPSERVER_COMPAT_ASIO_MULTICAST_H

#include "compat/asio/address.h"
#include "compat/asio/platform.h"

#include <cstring>
#include <stdexcept>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {
namespace socket_option {

/// The level of options of the internet protocol.
template <typename Protocol>
inline int ip_level(const Protocol& protocol) noexcept { return (protocol.family() == AF_INET6) ? IPPROTO_IPV6 : IPPROTO_IP; }

inline struct in_addr to_native(const ip::address_v4& address) noexcept
{
    struct in_addr native;
    const ip::address_v4::bytes_type bytes = address.to_bytes();
    std::memcpy(&native, bytes.data(), bytes.size());
    return native;
}

/// An option that is a number, under a name for each version of the protocol.
template <int NameV4, int NameV6>
class ip_integer
{
public:
    ip_integer() noexcept : _value(0) {}
    explicit ip_integer(int value) noexcept : _value(value) {}

    int value() const noexcept { return _value; }

    template <typename Protocol> int level(const Protocol& protocol) const noexcept { return ip_level(protocol); }
    template <typename Protocol> int name(const Protocol& protocol) const noexcept { return (protocol.family() == AF_INET6) ? NameV6 : NameV4; }
    template <typename Protocol> int* data(const Protocol&) noexcept { return &_value; }
    template <typename Protocol> const int* data(const Protocol&) const noexcept { return &_value; }
    template <typename Protocol> std::size_t size(const Protocol&) const noexcept { return sizeof(_value); }
    template <typename Protocol> void resize(const Protocol&, std::size_t size)
    {
        // Some systems answer with a single byte.
        if (size == sizeof(char))
            _value = *reinterpret_cast<const unsigned char*>(&_value);
        else if (size != sizeof(_value))
            throw std::length_error("socket option resize");
    }

private:
    int _value;
};

/// The number of routers that a datagram may pass.
template <int NameV4, int NameV6>
class ip_hops : public ip_integer<NameV4, NameV6>
{
public:
    ip_hops() = default;
    /// Throws std::out_of_range when there can be no such number.
    explicit ip_hops(int value) : ip_integer<NameV4, NameV6>(value)
    {
        if ((value < 0) || (value > 255))
            throw std::out_of_range("hops value out of range");
    }
    ip_hops& operator=(int value) { return *this = ip_hops(value); }
};

/// On or off.
template <int NameV4, int NameV6>
class ip_boolean : public ip_integer<NameV4, NameV6>
{
public:
    ip_boolean() = default;
    explicit ip_boolean(bool value) noexcept : ip_integer<NameV4, NameV6>(value ? 1 : 0) {}
    ip_boolean& operator=(bool value) noexcept { return *this = ip_boolean(value); }

    bool value() const noexcept { return ip_integer<NameV4, NameV6>::value() != 0; }
    operator bool() const noexcept { return value(); }
    bool operator!() const noexcept { return !value(); }
};

/// A group, and the interface on which it is meant.
template <int NameV4, int NameV6>
class ip_group
{
public:
    ip_group() : ip_group(ip::address_v4(), ip::address_v4()) {}
    /// On the interface that the system chooses, or that of the address's zone.
    explicit ip_group(const ip::address& group) : ip_group()
    {
        if (group.is_v6())
            assign(group.to_v6(), group.to_v6().scope_id());
        else
            _v4.imr_multiaddr = to_native(group.to_v4());
    }
    /// On the interface that has the given address.
    explicit ip_group(const ip::address_v4& group, const ip::address_v4& network_interface = ip::address_v4::any()) : _v4(), _v6()
    {
        _v4.imr_multiaddr = to_native(group);
        _v4.imr_interface = to_native(network_interface);
    }
    /// On the interface with the given index.
    explicit ip_group(const ip::address_v6& group, unsigned long network_interface = 0) : ip_group() { assign(group, network_interface); }

    template <typename Protocol> int level(const Protocol& protocol) const noexcept { return ip_level(protocol); }
    template <typename Protocol> int name(const Protocol& protocol) const noexcept { return (protocol.family() == AF_INET6) ? NameV6 : NameV4; }
    template <typename Protocol> const void* data(const Protocol& protocol) const noexcept
    {
        if (protocol.family() == AF_INET6)
            return &_v6;
        return &_v4;
    }
    template <typename Protocol> std::size_t size(const Protocol& protocol) const noexcept
    {
        return (protocol.family() == AF_INET6) ? sizeof(_v6) : sizeof(_v4);
    }

private:
    struct ip_mreq _v4;
    struct ipv6_mreq _v6;

    void assign(const ip::address_v6& group, unsigned long network_interface) noexcept
    {
        const ip::address_v6::bytes_type bytes = group.to_bytes();
        std::memcpy(&_v6.ipv6mr_multiaddr, bytes.data(), bytes.size());
        _v6.ipv6mr_interface = static_cast<decltype(_v6.ipv6mr_interface)>(network_interface);
    }
};

/// An interface: by its address in IPv4, by its index in IPv6.
template <int NameV4, int NameV6>
class ip_interface
{
public:
    ip_interface() noexcept : ip_interface(ip::address_v4::any()) {}
    explicit ip_interface(const ip::address_v4& address) noexcept : _v4(to_native(address)), _v6(0) {}
    explicit ip_interface(unsigned int index) noexcept : _v4(to_native(ip::address_v4::any())), _v6(index) {}

    template <typename Protocol> int level(const Protocol& protocol) const noexcept { return ip_level(protocol); }
    template <typename Protocol> int name(const Protocol& protocol) const noexcept { return (protocol.family() == AF_INET6) ? NameV6 : NameV4; }
    template <typename Protocol> const void* data(const Protocol& protocol) const noexcept
    {
        if (protocol.family() == AF_INET6)
            return &_v6;
        return &_v4;
    }
    template <typename Protocol> std::size_t size(const Protocol& protocol) const noexcept
    {
        return (protocol.family() == AF_INET6) ? sizeof(_v6) : sizeof(_v4);
    }

private:
    struct in_addr _v4;
    unsigned int _v6;
};

} // namespace socket_option
} // namespace detail

namespace ip {
namespace multicast {

typedef asio::detail::socket_option::ip_group<IP_ADD_MEMBERSHIP, IPV6_JOIN_GROUP> join_group;
typedef asio::detail::socket_option::ip_group<IP_DROP_MEMBERSHIP, IPV6_LEAVE_GROUP> leave_group;

/// Where multicasts leave.
typedef asio::detail::socket_option::ip_interface<IP_MULTICAST_IF, IPV6_MULTICAST_IF> outbound_interface;
/// Routers that multicasts may pass; 1 keeps them in the own network.
typedef asio::detail::socket_option::ip_hops<IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS> hops;
/// Whether this machine hears its own multicasts.
typedef asio::detail::socket_option::ip_boolean<IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP> enable_loopback;

} // namespace multicast

namespace unicast {

/// Routers that a datagram may pass.
typedef asio::detail::socket_option::ip_hops<IP_TTL, IPV6_UNICAST_HOPS> hops;

} // namespace unicast
} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_MULTICAST_H
