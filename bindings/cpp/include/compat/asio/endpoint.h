/// @file endpoint.h
/// asio::ip::basic_endpoint: an address and a port, stored as the system's socket address.

#ifndef CPPSERVER_COMPAT_ASIO_ENDPOINT_H
#define CPPSERVER_COMPAT_ASIO_ENDPOINT_H

#include "compat/asio/address.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ip {

/// Instances for tcp and udp are different types. Ordered by address, then by port, so it may be the key of a map.
template <typename InternetProtocol>
class basic_endpoint
{
public:
    typedef InternetProtocol protocol_type;
    typedef struct sockaddr data_type;

    /// 0.0.0.0:0
    basic_endpoint() noexcept : basic_endpoint(asio::ip::address(), 0) {}

    /// Any address of the given version.
    basic_endpoint(const InternetProtocol& protocol, unsigned short port) noexcept
        : basic_endpoint((protocol.family() == AF_INET6) ? asio::ip::address(address_v6()) : asio::ip::address(address_v4()), port)
    {
    }

    basic_endpoint(const asio::ip::address& address, unsigned short port) noexcept
    {
        std::memset(&_data, 0, sizeof(_data));
        assign(address, port);
    }

    /// From the endpoint type of another library: whatever tells its address as text and its port.
    template <typename TEndpoint, typename = typename std::enable_if<!std::is_base_of<basic_endpoint, TEndpoint>::value
        && std::is_convertible<decltype(std::declval<const TEndpoint&>().address().to_string()), std::string>::value
        && !std::is_same<decltype(std::declval<const TEndpoint&>().address()), asio::ip::address>::value>::type>
    basic_endpoint(const TEndpoint& other)
        : basic_endpoint(asio::ip::address::from_string(other.address().to_string()), other.port())
    {
    }

    protocol_type protocol() const noexcept { return is_v6() ? InternetProtocol::v6() : InternetProtocol::v4(); }

    /// The socket address; valid as long as the endpoint.
    data_type* data() noexcept { return &_data.base; }
    const data_type* data() const noexcept { return &_data.base; }
    std::size_t size() const noexcept { return is_v6() ? sizeof(_data.v6) : sizeof(_data.v4); }
    std::size_t capacity() const noexcept { return sizeof(_data); }
    /// Only checks: the size follows from the address family. Throws when it cannot fit.
    void resize(std::size_t new_size)
    {
        if (new_size > sizeof(_data))
            throw system_error(error::invalid_argument);
    }

    unsigned short port() const noexcept { return ntohs(is_v6() ? _data.v6.sin6_port : _data.v4.sin_port); }
    void port(unsigned short port_num) noexcept
    {
        if (is_v6())
            _data.v6.sin6_port = htons(port_num);
        else
            _data.v4.sin_port = htons(port_num);
    }

    asio::ip::address address() const noexcept
    {
        if (is_v6())
        {
            address_v6::bytes_type bytes;
            std::memcpy(bytes.data(), &_data.v6.sin6_addr, bytes.size());
            return address_v6(bytes, _data.v6.sin6_scope_id);
        }
        address_v4::bytes_type bytes;
        std::memcpy(bytes.data(), &_data.v4.sin_addr, bytes.size());
        return address_v4(bytes);
    }
    void address(const asio::ip::address& address) noexcept { assign(address, port()); }

    friend bool operator==(const basic_endpoint& a, const basic_endpoint& b) noexcept
    {
        return (a.address() == b.address()) && (a.port() == b.port());
    }
    friend bool operator!=(const basic_endpoint& a, const basic_endpoint& b) noexcept { return !(a == b); }
    friend bool operator<(const basic_endpoint& a, const basic_endpoint& b) noexcept
    {
        const asio::ip::address left = a.address();
        const asio::ip::address right = b.address();
        return (left != right) ? (left < right) : (a.port() < b.port());
    }
    friend bool operator>(const basic_endpoint& a, const basic_endpoint& b) noexcept { return b < a; }
    friend bool operator<=(const basic_endpoint& a, const basic_endpoint& b) noexcept { return !(b < a); }
    friend bool operator>=(const basic_endpoint& a, const basic_endpoint& b) noexcept { return !(a < b); }

    /// "1.2.3.4:80" or "[::1]:80"
    friend std::ostream& operator<<(std::ostream& stream, const basic_endpoint& endpoint)
    {
        const std::string text = endpoint.address().to_string();
        return stream << (endpoint.is_v6() ? '[' + text + ']' : text) << ':' << endpoint.port();
    }

private:
    union
    {
        struct sockaddr base;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } _data;

    bool is_v6() const noexcept { return _data.base.sa_family == AF_INET6; }

    void assign(const asio::ip::address& address, unsigned short port_num) noexcept
    {
        std::memset(&_data, 0, sizeof(_data));
        if (address.is_v6())
        {
            const address_v6 v6 = address.to_v6();
            const address_v6::bytes_type bytes = v6.to_bytes();
            _data.v6.sin6_family = AF_INET6;
            _data.v6.sin6_port = htons(port_num);
            _data.v6.sin6_scope_id = static_cast<std::uint32_t>(v6.scope_id());
            std::memcpy(&_data.v6.sin6_addr, bytes.data(), bytes.size());
        }
        else
        {
            const address_v4::bytes_type bytes = address.to_v4().to_bytes();
            _data.v4.sin_family = AF_INET;
            _data.v4.sin_port = htons(port_num);
            std::memcpy(&_data.v4.sin_addr, bytes.data(), bytes.size());
        }
    }
};

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ENDPOINT_H
