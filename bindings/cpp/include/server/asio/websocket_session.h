/// @file websocket_session.h
/// CppServer::Asio::WebSocketSession: one accepted connection of a WebSocket server.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_SESSION_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_SESSION_H

#include "server/asio/detail/message_session.h"

namespace CppServer {
namespace Asio {

template <class TServer, class TSession>
class WebSocketServer;

/// Derive the session class of a server from this one. The server makes a session, owned by a std::shared_ptr, for each
/// connection whose handshakes are done, and keeps it alive until its last callback has returned. Detail::MessageSession has
/// all other members.
template <class TServer, class TSession>
class WebSocketSession : public Detail::MessageSession<WebSocketSession<TServer, TSession>, WebSocketServer<TServer, TSession>, TSession>
{
    typedef Detail::MessageSession<WebSocketSession, WebSocketServer<TServer, TSession>, TSession> Base_;

public:
    /// Called by the server. A constructor of a derived class only passes the argument on.
    explicit WebSocketSession(std::shared_ptr<WebSocketServer<TServer, TSession>> server)
        : Base_(std::move(server))
    {
    }
};

} // namespace Asio
} // namespace CppServer

// A session can do nothing without its server, so either header brings both.
#include "server/asio/websocket_server.h"

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_SESSION_H
