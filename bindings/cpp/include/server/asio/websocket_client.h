/// @file websocket_client.h
/// CppServer::Asio::WebSocketClient: a WebSocket connection that this side opens.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_CLIENT_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_CLIENT_H

#include "server/asio/detail/message_client.h"

namespace CppServer {
namespace Asio {

/// Derive your client from this class. Detail::MessageClient has all members.
class WebSocketClient : public Detail::MessageClient<WebSocketClient, Compat::websocketpp::config::asio>
{
    typedef Detail::MessageClient<WebSocketClient, Compat::websocketpp::config::asio> Base_;

public:
    /// A URI such as "ws://host:port/path?query"; without a port 80 is meant. Whether it is one, Connect() tells.
    explicit WebSocketClient(std::shared_ptr<Service> service, const std::string& uri)
        : Base_(std::move(service), uri)
    {
        Construct_();
    }

private:
    friend Base_;

    static cppserver_tls_context* TlsContext_() noexcept { return nullptr; }
    static bool IsSecured_() noexcept { return true; }
    static void Prepared_() noexcept {}
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_CLIENT_H
