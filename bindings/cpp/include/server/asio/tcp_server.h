/// @file tcp_server.h
/// CppServer::Asio::TCPServer: listens on a TCP port and makes a session for each connection.

#ifndef CPPSERVER_SERVER_ASIO_TCP_SERVER_H
#define CPPSERVER_SERVER_ASIO_TCP_SERVER_H

#include "server/asio/tcp_session.h"

#include "server/asio/detail/stream_server.h"

namespace CppServer {
namespace Asio {

/// Derive your server from this class, with your server class and your session class as arguments; the session class may be
/// incomplete there. Detail::StreamServer has all members.
template <class TServer, class TSession>
class TCPServer : public Detail::StreamServer<TCPServer<TServer, TSession>, TCPSession<TServer, TSession>, TSession>
{
    typedef Detail::StreamServer<TCPServer, TCPSession<TServer, TSession>, TSession> Base_;

public:
    /// Any address of the given version.
    explicit TCPServer(std::shared_ptr<Service> service, InternetProtocol protocol, int port)
        : TCPServer(std::move(service), Base_::Any_(protocol, port))
    {
    }
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit TCPServer(std::shared_ptr<Service> service, const std::string& address, int port)
        : TCPServer(std::move(service), Base_::Parse_(address, port))
    {
    }
    explicit TCPServer(std::shared_ptr<Service> service, const Compat::asio::ip::tcp::endpoint& endpoint)
        : Base_(std::move(service), endpoint)
    {
        this->Construct_();
    }

private:
    friend Base_;

    static cppserver_tls_context* TlsContext_() noexcept { return nullptr; }

    std::shared_ptr<TSession> MakeSession_(Compat::asio::ip::tcp::socket&& socket)
    {
        return std::make_shared<TSession>(this->shared_from_this(), std::move(socket));
    }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_TCP_SERVER_H
