/// @file unix_session.h
/// CppServer::Asio::UnixSession: one accepted connection of a server on a Unix domain socket.

#ifndef CPPSERVER_SERVER_ASIO_UNIX_SESSION_H
#define CPPSERVER_SERVER_ASIO_UNIX_SESSION_H

#include "server/asio/detail/stream_session.h"

namespace CppServer {
namespace Asio {

template <class TServer, class TSession>
class UnixServer;

/// Derive the session class of a server from this one. Its socket has no addresses. Detail::StreamSession has all members.
template <class TServer, class TSession>
class UnixSession : public Detail::StreamSession<UnixSession<TServer, TSession>, UnixServer<TServer, TSession>, TSession, Compat::asio::ip::tcp::socket>
{
    typedef Detail::StreamSession<UnixSession, UnixServer<TServer, TSession>, TSession, Compat::asio::ip::tcp::socket> Base_;

public:
    /// Called by the server. A constructor of a derived class only passes the arguments on.
    explicit UnixSession(std::shared_ptr<UnixServer<TServer, TSession>> server, Compat::asio::ip::tcp::socket&& socket)
        : Base_(std::move(server), std::move(socket))
    {
    }

private:
    friend Base_;

    static cppserver_callback HandshakedHandler_() noexcept { return nullptr; }
};

} // namespace Asio
} // namespace CppServer

// A session can do nothing without its server, so either header brings both.
#include "server/asio/unix_server.h"

#endif // CPPSERVER_SERVER_ASIO_UNIX_SESSION_H
