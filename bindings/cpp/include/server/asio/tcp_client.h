/// @file tcp_client.h
/// CppServer::Asio::TCPClient: a TCP connection that this side opens.

#ifndef CPPSERVER_SERVER_ASIO_TCP_CLIENT_H
#define CPPSERVER_SERVER_ASIO_TCP_CLIENT_H

#include "server/asio/detail/stream_client.h"

namespace CppServer {
namespace Asio {

/// Derive your client from this class. Detail::StreamClient has all members.
class TCPClient : public Detail::StreamClient<TCPClient, Compat::asio::ip::tcp::socket>
{
    typedef Detail::StreamClient<TCPClient, Compat::asio::ip::tcp::socket> Base_;

public:
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit TCPClient(std::shared_ptr<Service> service, const std::string& address, int port)
        : TCPClient(std::move(service), Parse_(address, port))
    {
    }
    explicit TCPClient(std::shared_ptr<Service> service, const Compat::asio::ip::tcp::endpoint& endpoint)
        : Base_(std::move(service), endpoint)
    {
        Construct_();
    }

private:
    friend Base_;

    static cppserver_callback HandshakedHandler_() noexcept { return nullptr; }
    static cppserver_tls_context* TlsContext_() noexcept { return nullptr; }
    static void Prepared_() noexcept {}
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_TCP_CLIENT_H
