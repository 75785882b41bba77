/// @file endpoint.h
/// CppServer::Nanomsg::Endpoint: one of the places where a socket listens, or where it connects.

#ifndef CPPSERVER_SERVER_NANOMSG_ENDPOINT_H
#define CPPSERVER_SERVER_NANOMSG_ENDPOINT_H

#include "cppserver.h"

#include <cstdint>
#include <memory>
#include <string>

namespace CppServer {
namespace Nanomsg {

/// What Socket::Listen() and Socket::Dial() return. Copies are the same endpoint, and it goes on when all of them are gone. All
/// functions may be called on every thread.
class Endpoint
{
public:
    /// None.
    Endpoint() = default;
    /// Takes one over from the C library.
    explicit Endpoint(cppserver_sp_endpoint* endpoint) : _handle(endpoint, &cppserver_sp_endpoint_release) {}

    /// A number that no other endpoint of the socket has or had; -1 for none.
    int id() const noexcept { return _handle ? static_cast<int>(cppserver_sp_endpoint_id(_handle.get())) : -1; }
    /// The address as it was given.
    std::string address() const
    {
        size_t length = 0;
        cppserver_sp_endpoint_address(_handle.get(), nullptr, 0, &length);
        std::string text(length + 1, '\0');
        cppserver_sp_endpoint_address(_handle.get(), &text[0], text.size(), nullptr);
        text.resize(length);
        return text;
    }
    /// The port that a listener got, also when it asked for port 0; 0 for others.
    uint16_t port() const noexcept { return cppserver_sp_endpoint_port(_handle.get()); }

    /// Whether it was closed, by itself or with its socket.
    bool IsClosed() const noexcept { return cppserver_sp_endpoint_is_closed(_handle.get()); }

    /// Ends it and its connections. What was sent before is delivered within the linger time; the socket goes on. False when it is
    /// closed already.
    bool Close() { return cppserver_sp_endpoint_close(_handle.get()) == CPPSERVER_STATUS_OK; }

    explicit operator bool() const noexcept { return static_cast<bool>(_handle); }

private:
    std::shared_ptr<cppserver_sp_endpoint> _handle;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_ENDPOINT_H
