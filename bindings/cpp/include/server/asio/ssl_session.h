/// @file ssl_session.h
/// CppServer::Asio::SSLSession: one accepted connection of an SSL server.

#ifndef CPPSERVER_SERVER_ASIO_SSL_SESSION_H
#define CPPSERVER_SERVER_ASIO_SSL_SESSION_H

#include "server/asio/detail/stream_session.h"
#include "server/asio/detail/tls_session.h"

namespace CppServer {
namespace Asio {

template <class TServer, class TSession>
class SSLServer;

/// Derive the session class of a server from this one. The server makes a session, owned by a std::shared_ptr, for each
/// connection and keeps it alive until its last callback has returned. Detail::StreamSession and Detail::TlsSession have all
/// other members.
///
/// onConnected() comes before the handshake and onHandshaked() after it; Send() sends nothing before that. When the handshake
/// fails, onError() and onDisconnected() follow.
template <class TServer, class TSession>
class SSLSession : public Detail::StreamSession<SSLSession<TServer, TSession>, SSLServer<TServer, TSession>, TSession, Compat::asio::ssl::stream<Compat::asio::ip::tcp::socket>>,
                   public Detail::TlsSession<SSLSession<TServer, TSession>>
{
    typedef Detail::StreamSession<SSLSession, SSLServer<TServer, TSession>, TSession, Compat::asio::ssl::stream<Compat::asio::ip::tcp::socket>> Base_;
    typedef Detail::TlsSession<SSLSession> Tls_;

public:
    /// Called by the server. A constructor of a derived class only passes the arguments on.
    explicit SSLSession(std::shared_ptr<SSLServer<TServer, TSession>> server, Compat::asio::ip::tcp::socket&& socket,
        std::shared_ptr<Compat::asio::ssl::context> context)
        : Base_(std::move(server), std::move(socket), Detail::Given(context)), _context(std::move(context))
    {
    }

    /// The encrypted stream over socket().
    Compat::asio::ssl::stream<Compat::asio::ip::tcp::socket>& stream() noexcept { return this->_stream; }
    /// The context of the server at the time of the connection.
    std::shared_ptr<Compat::asio::ssl::context>& context() noexcept { return _context; }

private:
    friend Base_;
    friend Tls_;

    std::shared_ptr<Compat::asio::ssl::context> _context;

    static cppserver_callback HandshakedHandler_() noexcept { return &Tls_::HandleHandshaked_; }
};

} // namespace Asio
} // namespace CppServer

// A session can do nothing without its server, so either header brings both.
#include "server/asio/ssl_server.h"

#endif // CPPSERVER_SERVER_ASIO_SSL_SESSION_H
