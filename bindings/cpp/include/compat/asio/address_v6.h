/// @file address_v6.h
/// asio::ip::address_v6

#ifndef CPPSERVER_COMPAT_ASIO_ADDRESS_V6_H
#define CPPSERVER_COMPAT_ASIO_ADDRESS_V6_H

#include "compat/asio/address_v4.h"

#include <array>
#include <ostream>
#include <string>
#include <typeinfo>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ip {

/// An IPv6 address with its zone. Ordered by bytes, then by zone.
class address_v6
{
public:
    typedef std::array<unsigned char, 16> bytes_type;

    address_v6() noexcept : _bytes(), _scope(0) {}
    explicit address_v6(const bytes_type& bytes, unsigned long scope_id = 0) noexcept : _bytes(bytes), _scope(scope_id) {}

    unsigned long scope_id() const noexcept { return _scope; }
    void scope_id(unsigned long id) noexcept { _scope = id; }

    bytes_type to_bytes() const noexcept { return _bytes; }
    std::string to_string() const { return asio::detail::format_address_v6(_bytes, _scope); }
    std::string to_string(error_code& ec) const
    {
        ec = error_code();
        return to_string();
    }

    /// The IPv4 address inside "::ffff:a.b.c.d"; throws std::bad_cast for every other address.
    address_v4 to_v4() const
    {
        if (!is_v4_mapped())
            throw std::bad_cast();
        return address_v4(address_v4::bytes_type{{_bytes[12], _bytes[13], _bytes[14], _bytes[15]}});
    }

    static address_v6 from_string(const char* text, error_code& ec)
    {
        address_v6 result;
        ec = asio::detail::parse_address_v6(text, result._bytes, result._scope) ? error_code() : error_code(error::invalid_argument);
        return ec ? address_v6() : result;
    }
    static address_v6 from_string(const std::string& text, error_code& ec) { return from_string(text.c_str(), ec); }
    static address_v6 from_string(const char* text)
    {
        error_code ec;
        const address_v6 result = from_string(text, ec);
        if (ec)
            throw system_error(ec);
        return result;
    }
    static address_v6 from_string(const std::string& text) { return from_string(text.c_str()); }

    bool is_loopback() const noexcept { return *this == loopback(); }
    bool is_unspecified() const noexcept { return _bytes == bytes_type(); }
    bool is_multicast() const noexcept { return _bytes[0] == 0xFF; }
    bool is_link_local() const noexcept { return (_bytes[0] == 0xFE) && ((_bytes[1] & 0xC0) == 0x80); }
    bool is_site_local() const noexcept { return (_bytes[0] == 0xFE) && ((_bytes[1] & 0xC0) == 0xC0); }
    bool is_v4_mapped() const noexcept
    {
        for (std::size_t i = 0; i < 10; ++i)
            if (_bytes[i] != 0)
                return false;
        return (_bytes[10] == 0xFF) && (_bytes[11] == 0xFF);
    }

    static address_v6 any() noexcept { return address_v6(); }
    static address_v6 loopback() noexcept
    {
        address_v6 result;
        result._bytes[15] = 1;
        return result;
    }
    static address_v6 v4_mapped(const address_v4& address) noexcept
    {
        const address_v4::bytes_type tail = address.to_bytes();
        return address_v6(bytes_type{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, tail[0], tail[1], tail[2], tail[3]}});
    }

    friend bool operator==(const address_v6& a, const address_v6& b) noexcept { return (a._bytes == b._bytes) && (a._scope == b._scope); }
    friend bool operator!=(const address_v6& a, const address_v6& b) noexcept { return !(a == b); }
    friend bool operator<(const address_v6& a, const address_v6& b) noexcept
    {
        return (a._bytes != b._bytes) ? (a._bytes < b._bytes) : (a._scope < b._scope);
    }
    friend bool operator>(const address_v6& a, const address_v6& b) noexcept { return b < a; }
    friend bool operator<=(const address_v6& a, const address_v6& b) noexcept { return !(b < a); }
    friend bool operator>=(const address_v6& a, const address_v6& b) noexcept { return !(a < b); }

    friend std::ostream& operator<<(std::ostream& stream, const address_v6& address) { return stream << address.to_string(); }

private:
    bytes_type _bytes;
    unsigned long _scope;
};

inline address_v6 make_address_v6(const address_v6::bytes_type& bytes, unsigned long scope_id = 0) noexcept { return address_v6(bytes, scope_id); }
inline address_v6 make_address_v6(const char* text) { return address_v6::from_string(text); }
inline address_v6 make_address_v6(const char* text, error_code& ec) { return address_v6::from_string(text, ec); }
inline address_v6 make_address_v6(const std::string& text) { return address_v6::from_string(text); }
inline address_v6 make_address_v6(const std::string& text, error_code& ec) { return address_v6::from_string(text, ec); }

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ADDRESS_V6_H
