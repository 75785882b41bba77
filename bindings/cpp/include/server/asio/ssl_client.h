/// @file ssl_client.h
/// CppServer::Asio::SSLClient: a TCP connection that this side opens, encrypted with TLS.

#ifndef CPPSERVER_SERVER_ASIO_SSL_CLIENT_H
#define CPPSERVER_SERVER_ASIO_SSL_CLIENT_H

#include "server/asio/detail/stream_client.h"
#include "server/asio/detail/tls_session.h"

namespace CppServer {
namespace Asio {

/// Derive your client from this class. Detail::StreamClient and Detail::TlsSession have all other members.
///
/// onConnected() comes before the handshake and onHandshaked() after it; Send() sends nothing before that. When the handshake
/// fails, onError() and onDisconnected() follow. The context decides what is verified: with verify_peer the chain of the server's
/// certificate, and its name only by a verify callback such as asio::ssl::rfc2818_verification(host).
class SSLClient : public Detail::StreamClient<SSLClient, Compat::asio::ssl::stream<Compat::asio::ip::tcp::socket>>,
                  public Detail::TlsSession<SSLClient>
{
    typedef Detail::StreamClient<SSLClient, Compat::asio::ssl::stream<Compat::asio::ip::tcp::socket>> Base_;
    typedef Detail::TlsSession<SSLClient> Tls_;

public:
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit SSLClient(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const std::string& address, int port)
        : SSLClient(std::move(service), std::move(context), Parse_(address, port))
    {
    }
    explicit SSLClient(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const Compat::asio::ip::tcp::endpoint& endpoint)
        : Base_(std::move(service), endpoint, Detail::Given(context)), _context(std::move(context))
    {
        _stream.allow_overrides();
        Construct_();
    }
    SSLClient(const SSLClient&) = delete;
    /// A client with the id, the target and the options of the other one. A connection stays with the other one.
    SSLClient(SSLClient&& client) : SSLClient(client._service, client._context, client._endpoint) { TakeOver_(client); }

    SSLClient& operator=(const SSLClient&) = delete;
    /// Takes the same over; it counts from the next Connect() on.
    SSLClient& operator=(SSLClient&& client)
    {
        _service = client._service;
        _context = client._context;
        _endpoint = client._endpoint;
        TakeOver_(client);
        return *this;
    }

    /// The encrypted stream over socket().
    Compat::asio::ssl::stream<Compat::asio::ip::tcp::socket>& stream() noexcept { return _stream; }
    /// Certificates, keys and rules; another one counts from the next Connect() on.
    std::shared_ptr<Compat::asio::ssl::context>& context() noexcept { return _context; }

    /// How long the handshake may take (default 10 s); 0 for no limit.
    bool SetupHandshakeTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, timeout.count()); }
    /// The name that the server is asked for (SNI) from the next Connect() on; an empty one, the default, asks for none. It is
    /// not verified. False when it is no name.
    bool SetupServerName(const std::string& name)
    {
        if (cppserver_client_set_server_name(_handles.Current(), name.empty() ? nullptr : name.c_str()) != CPPSERVER_STATUS_OK)
            return false;
        _server_name = name;
        return true;
    }

private:
    friend Base_;
    friend Tls_;

    std::shared_ptr<Compat::asio::ssl::context> _context;
    std::string _server_name;

    cppserver_tls_context* TlsContext_() { return _stream.native_context(Detail::Given(_context)); }
    void Prepared_() { SetupServerName(_server_name); }

    void TakeOver_(SSLClient& client)
    {
        _id = client._id;
        _handles.CopyOptions(client._handles);
        SetupServerName(client._server_name);
        SetupBindAddress(client._bind_address, client._bind_port);
    }

    static cppserver_callback HandshakedHandler_() noexcept { return &Tls_::HandleHandshaked_; }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_SSL_CLIENT_H
