/// @file websocket_ssl_session.h
/// CppServer::Asio::WebSocketSSLSession: one accepted connection of an encrypted WebSocket server.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_SESSION_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_SESSION_H

#include "server/asio/detail/message_session.h"
#include "server/asio/detail/tls_session.h"

namespace CppServer {
namespace Asio {

template <class TServer, class TSession>
class WebSocketSSLServer;

/// Derive the session class of a server from this one. The server makes a session, owned by a std::shared_ptr, for each
/// connection whose handshakes are done, and keeps it alive until its last callback has returned. Detail::MessageSession and
/// Detail::TlsDetails have all other members.
template <class TServer, class TSession>
class WebSocketSSLSession : public Detail::MessageSession<WebSocketSSLSession<TServer, TSession>, WebSocketSSLServer<TServer, TSession>, TSession>,
                            public Detail::TlsDetails<WebSocketSSLSession<TServer, TSession>>
{
    typedef Detail::MessageSession<WebSocketSSLSession, WebSocketSSLServer<TServer, TSession>, TSession> Base_;

public:
    /// Called by the server. A constructor of a derived class only passes the argument on.
    explicit WebSocketSSLSession(std::shared_ptr<WebSocketSSLServer<TServer, TSession>> server)
        : Base_(std::move(server))
    {
    }
};

} // namespace Asio
} // namespace CppServer

// A session can do nothing without its server, so either header brings both.
#include "server/asio/websocket_ssl_server.h"

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_SESSION_H
