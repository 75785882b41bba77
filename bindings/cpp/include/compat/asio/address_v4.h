/// @file address_v4.h
/// asio::ip::address_v4

#ifndef CPPSERVER_COMPAT_ASIO_ADDRESS_V4_H
#define CPPSERVER_COMPAT_ASIO_ADDRESS_V4_H

#include "compat/asio/address_text.h"
#include "compat/asio/error.h"

#include <array>
#include <cstdint>
#include <ostream>
#include <string>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ip {

/// An IPv4 address. Ordered by its value.
class address_v4
{
public:
    typedef std::array<unsigned char, 4> bytes_type;
    typedef std::uint_least32_t uint_type;

    address_v4() noexcept : _bytes() {}
    explicit address_v4(const bytes_type& bytes) noexcept : _bytes(bytes) {}
    /// From a number in host byte order: 0x7F000001 is 127.0.0.1.
    explicit address_v4(uint_type value) noexcept
        : _bytes{{static_cast<unsigned char>(value >> 24), static_cast<unsigned char>(value >> 16),
                  static_cast<unsigned char>(value >> 8), static_cast<unsigned char>(value)}}
    {
    }

    bytes_type to_bytes() const noexcept { return _bytes; }
    uint_type to_uint() const noexcept
    {
        return (uint_type(_bytes[0]) << 24) | (uint_type(_bytes[1]) << 16) | (uint_type(_bytes[2]) << 8) | uint_type(_bytes[3]);
    }
    unsigned long to_ulong() const noexcept { return to_uint(); }

    std::string to_string() const { return asio::detail::format_address_v4(_bytes); }
    std::string to_string(error_code& ec) const
    {
        ec = error_code();
        return to_string();
    }

    static address_v4 from_string(const char* text, error_code& ec) noexcept
    {
        address_v4 result;
        ec = asio::detail::parse_address_v4(text, result._bytes) ? error_code() : error_code(error::invalid_argument);
        return ec ? address_v4() : result;
    }
    static address_v4 from_string(const std::string& text, error_code& ec) noexcept { return from_string(text.c_str(), ec); }
    static address_v4 from_string(const char* text)
    {
        error_code ec;
        const address_v4 result = from_string(text, ec);
        if (ec)
            throw system_error(ec);
        return result;
    }
    static address_v4 from_string(const std::string& text) { return from_string(text.c_str()); }

    bool is_loopback() const noexcept { return _bytes[0] == 127; }
    bool is_unspecified() const noexcept { return to_uint() == 0; }
    bool is_multicast() const noexcept { return (_bytes[0] & 0xF0) == 0xE0; }

    static address_v4 any() noexcept { return address_v4(); }
    static address_v4 loopback() noexcept { return address_v4(uint_type(0x7F000001)); }
    static address_v4 broadcast() noexcept { return address_v4(uint_type(0xFFFFFFFF)); }

    friend bool operator==(const address_v4& a, const address_v4& b) noexcept { return a._bytes == b._bytes; }
    friend bool operator!=(const address_v4& a, const address_v4& b) noexcept { return !(a == b); }
    friend bool operator<(const address_v4& a, const address_v4& b) noexcept { return a._bytes < b._bytes; }
    friend bool operator>(const address_v4& a, const address_v4& b) noexcept { return b < a; }
    friend bool operator<=(const address_v4& a, const address_v4& b) noexcept { return !(b < a); }
    friend bool operator>=(const address_v4& a, const address_v4& b) noexcept { return !(a < b); }

    friend std::ostream& operator<<(std::ostream& stream, const address_v4& address) { return stream << address.to_string(); }

private:
    bytes_type _bytes;
};

inline address_v4 make_address_v4(const address_v4::bytes_type& bytes) noexcept { return address_v4(bytes); }
inline address_v4 make_address_v4(address_v4::uint_type value) noexcept { return address_v4(value); }
inline address_v4 make_address_v4(const char* text) { return address_v4::from_string(text); }
inline address_v4 make_address_v4(const char* text, error_code& ec) noexcept { return address_v4::from_string(text, ec); }
inline address_v4 make_address_v4(const std::string& text) { return address_v4::from_string(text); }
inline address_v4 make_address_v4(const std::string& text, error_code& ec) noexcept { return address_v4::from_string(text, ec); }

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ADDRESS_V4_H
