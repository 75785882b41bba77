/// @file websocket_ssl_server.h
/// CppServer::Asio::WebSocketSSLServer: a WebSocket server whose connections are encrypted with TLS.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_SERVER_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_SERVER_H

#include "server/asio/websocket_ssl_session.h"

#include "server/asio/detail/message_server.h"

#include <tuple>

namespace CppServer {
namespace Asio {

/// Derive your server from this class, with your server class and your session class as arguments; the session class may be
/// incomplete there. Detail::MessageServer has all other members.
///
/// The context needs a certificate and its key by the time of the start. It may serve any number of servers and clients.
template <class TServer, class TSession>
class WebSocketSSLServer : public Detail::MessageServer<WebSocketSSLServer<TServer, TSession>, WebSocketSSLSession<TServer, TSession>, TSession, Compat::websocketpp::config::asio_tls>
{
    typedef Detail::MessageServer<WebSocketSSLServer, WebSocketSSLSession<TServer, TSession>, TSession, Compat::websocketpp::config::asio_tls> Base_;

public:
    /// Any address of the given version.
    explicit WebSocketSSLServer(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, InternetProtocol protocol, int port)
        : WebSocketSSLServer(std::move(service), std::move(context), Base_::Any_(protocol, port))
    {
    }
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit WebSocketSSLServer(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const std::string& address, int port)
        : WebSocketSSLServer(std::move(service), std::move(context), Base_::Parse_(address, port))
    {
    }
    explicit WebSocketSSLServer(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const Compat::asio::ip::tcp::endpoint& endpoint)
        : Base_(std::move(service), endpoint), _context(std::move(context))
    {
        this->Construct_();
    }

    /// Certificates, keys and rules; another one counts from the next Start() on.
    std::shared_ptr<Compat::asio::ssl::context>& context() noexcept { return _context; }

private:
    friend Base_;

    std::shared_ptr<Compat::asio::ssl::context> _context;

    cppserver_tls_context* TlsContext_() const { return Detail::Given(_context).native_context(); }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_SERVER_H
