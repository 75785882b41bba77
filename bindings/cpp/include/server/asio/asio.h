/// @file asio.h
/// The compatible asio names and CppServer::Asio::InternetProtocol

#ifndef CPPSERVER_SERVER_ASIO_ASIO_H
#define CPPSERVER_SERVER_ASIO_ASIO_H

#include "compat/asio.h"

#include <iostream>

namespace CppServer {
namespace Asio {

/// Version of the internet protocol.
enum class InternetProtocol
{
    IPv4,
    IPv6
};

/// "IPv4" or "IPv6"
inline std::ostream& operator<<(std::ostream& stream, InternetProtocol protocol)
{
    switch (protocol)
    {
        case InternetProtocol::IPv4: return stream << "IPv4";
        case InternetProtocol::IPv6: return stream << "IPv6";
    }
    return stream << "<unknown>";
}

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_ASIO_H
