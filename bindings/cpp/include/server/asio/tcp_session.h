/// @file tcp_session.h
/// CppServer::Asio::TCPSession: one accepted connection of a TCP server.

#ifndef CPPSERVER_SERVER_ASIO_TCP_SESSION_H
#define CPPSERVER_SERVER_ASIO_TCP_SESSION_H

#include "server/asio/detail/stream_session.h"

namespace CppServer {
namespace Asio {

template <class TServer, class TSession>
class TCPServer;

/// Derive the session class of a server from this one. The server makes a session, owned by a std::shared_ptr, for each
/// connection and keeps it alive until its last callback has returned. Detail::StreamSession has all members.
template <class TServer, class TSession>
class TCPSession : public Detail::StreamSession<TCPSession<TServer, TSession>, TCPServer<TServer, TSession>, TSession, Compat::asio::ip::tcp::socket>
{
    typedef Detail::StreamSession<TCPSession, TCPServer<TServer, TSession>, TSession, Compat::asio::ip::tcp::socket> Base_;

public:
    /// Called by the server. A constructor of a derived class only passes the arguments on.
    explicit TCPSession(std::shared_ptr<TCPServer<TServer, TSession>> server, Compat::asio::ip::tcp::socket&& socket)
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
#include "server/asio/tcp_server.h"

#endif // CPPSERVER_SERVER_ASIO_TCP_SESSION_H
