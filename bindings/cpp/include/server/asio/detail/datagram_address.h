/// @file datagram_address.h
/// Addresses of datagrams in the form of the C library and in that of asio.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_DATAGRAM_ADDRESS_H
#define CPPSERVER_SERVER_ASIO_DETAIL_DATAGRAM_ADDRESS_H

#include "cppserver.h"

#include "compat/asio/protocol.h"

#include <cstring>

namespace CppServer {
namespace Asio {
namespace Detail {

inline cppserver_address ToNative(const Compat::asio::ip::udp::endpoint& endpoint) noexcept
{
    cppserver_address native = {};
    native.port = endpoint.port();
    const Compat::asio::ip::address address = endpoint.address();
    if (address.is_v6())
    {
        const auto bytes = address.to_v6().to_bytes();
        std::memcpy(native.ip, bytes.data(), bytes.size());
        native.scope = static_cast<uint32_t>(address.to_v6().scope_id());
        native.version = 6;
    }
    else
    {
        const auto bytes = address.to_v4().to_bytes();
        std::memcpy(native.ip, bytes.data(), bytes.size());
        native.version = 4;
    }
    return native;
}

inline Compat::asio::ip::udp::endpoint FromNative(const cppserver_address& native) noexcept
{
    if (native.version == 6)
    {
        Compat::asio::ip::address_v6::bytes_type bytes;
        std::memcpy(bytes.data(), native.ip, bytes.size());
        return Compat::asio::ip::udp::endpoint(Compat::asio::ip::address_v6(bytes, native.scope), native.port);
    }
    Compat::asio::ip::address_v4::bytes_type bytes;
    std::memcpy(bytes.data(), native.ip, bytes.size());
    return Compat::asio::ip::udp::endpoint(Compat::asio::ip::address_v4(bytes), native.port);
}

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_DATAGRAM_ADDRESS_H
