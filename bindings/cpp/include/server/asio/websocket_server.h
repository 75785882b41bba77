/// @file websocket_server.h
/// CppServer::Asio::WebSocketServer: makes a session for each client that opens a WebSocket connection.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_SERVER_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_SERVER_H

#include "server/asio/websocket_session.h"

#include "server/asio/detail/message_server.h"

#include <tuple>

namespace CppServer {
namespace Asio {

/// Derive your server from this class, with your server class and your session class as arguments; the session class may be
/// incomplete there. Detail::MessageServer has all members.
template <class TServer, class TSession>
class WebSocketServer : public Detail::MessageServer<WebSocketServer<TServer, TSession>, WebSocketSession<TServer, TSession>, TSession, Compat::websocketpp::config::asio>
{
    typedef Detail::MessageServer<WebSocketServer, WebSocketSession<TServer, TSession>, TSession, Compat::websocketpp::config::asio> Base_;

public:
    /// Any address of the given version.
    explicit WebSocketServer(std::shared_ptr<Service> service, InternetProtocol protocol, int port)
        : WebSocketServer(std::move(service), Base_::Any_(protocol, port))
    {
    }
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit WebSocketServer(std::shared_ptr<Service> service, const std::string& address, int port)
        : WebSocketServer(std::move(service), Base_::Parse_(address, port))
    {
    }
    explicit WebSocketServer(std::shared_ptr<Service> service, const Compat::asio::ip::tcp::endpoint& endpoint)
        : Base_(std::move(service), endpoint)
    {
        this->Construct_();
    }

private:
    friend Base_;

    static cppserver_tls_context* TlsContext_() noexcept { return nullptr; }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_SERVER_H
