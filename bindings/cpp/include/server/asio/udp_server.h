/// @file udp_server.h
/// CppServer::Asio::UDPServer: datagrams from and to everybody, on an address that others know.

#ifndef CPPSERVER_SERVER_ASIO_UDP_SERVER_H
#define CPPSERVER_SERVER_ASIO_UDP_SERVER_H

#include "server/asio/detail/datagram_endpoint.h"

namespace CppServer {
namespace Asio {

/// Derive your server from this class. Detail::DatagramEndpoint has all other members.
///
/// endpoint() is where the server is bound from the next Start() on. A datagram that cannot be sent is told by onError(), and
/// the server goes on.
class UDPServer : public Detail::DatagramEndpoint<UDPServer>
{
    typedef Detail::DatagramEndpoint<UDPServer> Base_;

public:
    /// Any address of the given version.
    explicit UDPServer(std::shared_ptr<Service> service, InternetProtocol protocol, int port)
        : UDPServer(std::move(service), Any_(protocol, port))
    {
    }
    /// A numeric address; anything else throws system_error "Invalid argument".
    explicit UDPServer(std::shared_ptr<Service> service, const std::string& address, int port)
        : UDPServer(std::move(service), Parse_(address, port))
    {
    }
    explicit UDPServer(std::shared_ptr<Service> service, const Compat::asio::ip::udp::endpoint& endpoint)
        : Base_(std::move(service), endpoint)
    {
        Construct_();
    }

    /// Where Multicast() sends to.
    Compat::asio::ip::udp::endpoint& multicast_endpoint() noexcept { return _multicast_endpoint; }
    /// The real port as soon as Start() has returned, the configured one before.
    uint16_t port() const noexcept { return _active ? cppserver_udp_port(_handles.Current()) : _endpoint.port(); }

    /// True from just before onStarted() until just before onStopped().
    bool IsStarted() const noexcept { return _open; }

    /// Binds at once; onStarted() follows on the I/O thread, when the service is not started yet as soon as it is. When the
    /// address cannot be used, onError() and then onStopped() follow instead, and Start() may be called again. True in both
    /// cases; false when the server is started or being started already, or the service is stopping.
    bool Start() { return Begin_(); }
    /// Sets multicast_endpoint(), for later starts too. Throws system_error when the text is no numeric address.
    bool Start(const std::string& multicast_address, int multicast_port) { return Start(Parse_(multicast_address, multicast_port)); }
    bool Start(const Compat::asio::ip::udp::endpoint& multicast_endpoint)
    {
        _multicast_endpoint = multicast_endpoint;
        return Start();
    }

    /// Receives nothing more, sends what was accepted (up to the close timeout), then calls onStopped(). False when the server
    /// is not started.
    bool Stop() { return End_(); }

    /// Stops and starts again, on the same port, also on one that the system chose. Returns when the stop was done and does not
    /// wait for the start; on an I/O thread it returns at once. False when the server is not started.
    bool Restart() { return Again_(); }

    /// Sends one datagram to multicast_endpoint(), as Send() does.
    size_t Multicast(const void* buffer, size_t size) { return Send(_multicast_endpoint, buffer, size); }
    size_t Multicast(const std::string& text) { return Send(_multicast_endpoint, text); }

protected:
    virtual void onStarted() {}
    virtual void onStopped() {}

private:
    friend Base_;

    Compat::asio::ip::udp::endpoint _multicast_endpoint;

    static Compat::asio::ip::udp::endpoint Any_(InternetProtocol protocol, int port)
    {
        return Compat::asio::ip::udp::endpoint(
            (protocol == InternetProtocol::IPv6) ? Compat::asio::ip::udp::v6() : Compat::asio::ip::udp::v4(), static_cast<unsigned short>(port));
    }

    Detail::Target Target_() const { return Detail::Target(_service, nullptr, _endpoint); }

    static constexpr bool EndsOnError_() noexcept { return false; }
    static void Prepared_() noexcept {}
    void Begun_() { onStarted(); }
    void Ended_() { onStopped(); }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_UDP_SERVER_H
