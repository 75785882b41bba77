/// @file websocket_ssl_client.h
/// CppServer::Asio::WebSocketSSLClient: a WebSocket connection that this side opens, encrypted with TLS.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_CLIENT_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_CLIENT_H

#include "server/asio/detail/message_client.h"
#include "server/asio/detail/tls_session.h"

namespace CppServer {
namespace Asio {

/// Derive your client from this class. Detail::MessageClient and Detail::TlsDetails have all other members.
///
/// The context decides what is verified: with verify_peer the chain of the server's certificate, and its name only by a verify callback
/// such as asio::ssl::rfc2818_verification(host).
class WebSocketSSLClient : public Detail::MessageClient<WebSocketSSLClient, Compat::websocketpp::config::asio_tls>, public Detail::TlsDetails<WebSocketSSLClient>
{
    typedef Detail::MessageClient<WebSocketSSLClient, Compat::websocketpp::config::asio_tls> Base_;

public:
    /// A URI such as "wss://host:port/path?query"; without a port 443 is meant. Whether it is one, Connect() tells.
    explicit WebSocketSSLClient(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const std::string& uri)
        : Base_(std::move(service), uri), _context(std::move(context))
    {
        Construct_();
    }

    /// Certificates, keys and rules; another one counts from the next Connect() on.
    std::shared_ptr<Compat::asio::ssl::context>& context() noexcept { return _context; }

    /// The name that the server is asked for (SNI) instead of the host of the URI, from the next Connect() on. It is not verified.
    /// False when it is no name.
    bool SetupServerName(const std::string& name)
    {
        if (cppserver_client_set_server_name(_handles.Current(), name.empty() ? nullptr : name.c_str()) != CPPSERVER_STATUS_OK)
            return false;
        _server_name = name;
        return true;
    }

private:
    friend Base_;

    std::shared_ptr<Compat::asio::ssl::context> _context;
    std::string _server_name;

    cppserver_tls_context* TlsContext_() const { return Detail::Given(_context).native_context(); }
    bool IsSecured_() const { return !tls_version().empty(); }
    void Prepared_()
    {
        if (!_server_name.empty())
            SetupServerName(_server_name);
    }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_SSL_CLIENT_H
