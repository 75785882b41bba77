/// @file ssl_server.h
/// CppServer::Asio::SSLServer: a TCP server whose connections are encrypted with TLS.

#ifndef CPPSERVER_SERVER_ASIO_SSL_SERVER_H
#define CPPSERVER_SERVER_ASIO_SSL_SERVER_H

#include "server/asio/ssl_session.h"

#include "server/asio/detail/stream_server.h"

namespace CppServer {
namespace Asio {

/// Derive your server from this class, with your server class and your session class as arguments; the session class may be
/// incomplete there. Detail::StreamServer has all other members.
///
/// The context needs a certificate and its key by the time of the start. It may serve any number of servers and clients.
template <class TServer, class TSession>
class SSLServer : public Detail::StreamServer<SSLServer<TServer, TSession>, SSLSession<TServer, TSession>, TSession>
{
    typedef Detail::StreamServer<SSLServer, SSLSession<TServer, TSession>, TSession> Base_;

public:
    /// Any address of the given version.
    explicit SSLServer(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, InternetProtocol protocol, int port)
        : SSLServer(std::move(service), std::move(context), Base_::Any_(protocol, port))
    {
    }
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit SSLServer(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const std::string& address, int port)
        : SSLServer(std::move(service), std::move(context), Base_::Parse_(address, port))
    {
    }
    explicit SSLServer(std::shared_ptr<Service> service, std::shared_ptr<Compat::asio::ssl::context> context, const Compat::asio::ip::tcp::endpoint& endpoint)
        : Base_(std::move(service), endpoint), _context(std::move(context))
    {
        this->Construct_();
    }

    /// Certificates, keys and rules; another one counts from the next Start() on.
    std::shared_ptr<Compat::asio::ssl::context>& context() noexcept { return _context; }

    /// How long a handshake may take (default 10 s); 0 for no limit.
    bool SetupHandshakeTimeout(std::chrono::milliseconds timeout) { return this->_handles.SetOption(CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, timeout.count()); }

private:
    friend Base_;

    std::shared_ptr<Compat::asio::ssl::context> _context;

    cppserver_tls_context* TlsContext_() const { return Detail::Given(_context).native_context(); }

    std::shared_ptr<TSession> MakeSession_(Compat::asio::ip::tcp::socket&& socket)
    {
        return std::make_shared<TSession>(this->shared_from_this(), std::move(socket), _context);
    }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_SSL_SERVER_H
