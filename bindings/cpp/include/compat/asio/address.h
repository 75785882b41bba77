/// @file address.h
/// asio::ip::address

#ifndef CPPSERVER_COMPAT_ASIO_ADDRESS_H
#define CPPSERVER_COMPAT_ASIO_ADDRESS_H

#include "compat/asio/address_v4.h"
#include "compat/asio/address_v6.h"

namespace CppServer {
namespace Compat {
namespace asio {
namespace ip {

/// An address of either version; 0.0.0.0 by default. IPv4 sorts before IPv6.
class address
{
public:
    address() noexcept : _is_v6(false) {}
    address(const address_v4& v4) noexcept : _is_v6(false), _v4(v4) {}
    address(const address_v6& v6) noexcept : _is_v6(true), _v6(v6) {}

    address& operator=(const address_v4& v4) noexcept { return *this = address(v4); }
    address& operator=(const address_v6& v6) noexcept { return *this = address(v6); }

    bool is_v4() const noexcept { return !_is_v6; }
    bool is_v6() const noexcept { return _is_v6; }

    /// Throws std::bad_cast when the address is of the other version.
    address_v4 to_v4() const
    {
        if (_is_v6)
            throw std::bad_cast();
        return _v4;
    }
    /// Throws std::bad_cast when the address is of the other version.
    address_v6 to_v6() const
    {
        if (!_is_v6)
            throw std::bad_cast();
        return _v6;
    }

    std::string to_string() const { return _is_v6 ? _v6.to_string() : _v4.to_string(); }
    std::string to_string(error_code& ec) const
    {
        ec = error_code();
        return to_string();
    }

    static address from_string(const char* text, error_code& ec)
    {
        const address_v6 v6 = address_v6::from_string(text, ec);
        if (!ec)
            return v6;
        const address_v4 v4 = address_v4::from_string(text, ec);
        return v4;
    }
    static address from_string(const std::string& text, error_code& ec) { return from_string(text.c_str(), ec); }
    /// Throws system_error "Invalid argument" when the text is no numeric address.
    static address from_string(const char* text)
    {
        error_code ec;
        const address result = from_string(text, ec);
        if (ec)
            throw system_error(ec);
        return result;
    }
    static address from_string(const std::string& text) { return from_string(text.c_str()); }

    bool is_loopback() const noexcept { return _is_v6 ? _v6.is_loopback() : _v4.is_loopback(); }
    bool is_unspecified() const noexcept { return _is_v6 ? _v6.is_unspecified() : _v4.is_unspecified(); }
    bool is_multicast() const noexcept { return _is_v6 ? _v6.is_multicast() : _v4.is_multicast(); }

    friend bool operator==(const address& a, const address& b) noexcept
    {
        return (a._is_v6 == b._is_v6) && (a._is_v6 ? (a._v6 == b._v6) : (a._v4 == b._v4));
    }
    friend bool operator!=(const address& a, const address& b) noexcept { return !(a == b); }
    friend bool operator<(const address& a, const address& b) noexcept
    {
        if (a._is_v6 != b._is_v6)
            return b._is_v6;
        return a._is_v6 ? (a._v6 < b._v6) : (a._v4 < b._v4);
    }
    friend bool operator>(const address& a, const address& b) noexcept { return b < a; }
    friend bool operator<=(const address& a, const address& b) noexcept { return !(b < a); }
    friend bool operator>=(const address& a, const address& b) noexcept { return !(a < b); }

    friend std::ostream& operator<<(std::ostream& stream, const address& instance) { return stream << instance.to_string(); }

private:
    bool _is_v6;
    address_v4 _v4;
    address_v6 _v6;
};

inline address make_address(const char* text) { return address::from_string(text); }
inline address make_address(const char* text, error_code& ec) { return address::from_string(text, ec); }
inline address make_address(const std::string& text) { return address::from_string(text); }
inline address make_address(const std::string& text, error_code& ec) { return address::from_string(text, ec); }

} // namespace ip
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ADDRESS_H
