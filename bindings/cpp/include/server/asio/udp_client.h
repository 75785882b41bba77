/// @file udp_client.h
/// CppServer::Asio::UDPClient: datagrams to a server and from everybody, or from multicast groups.

#ifndef CPPSERVER_SERVER_ASIO_UDP_CLIENT_H
#define CPPSERVER_SERVER_ASIO_UDP_CLIENT_H

#include "server/asio/detail/datagram_endpoint.h"

#include "compat/common/uuid.h"
#include "system/uuid.h"

namespace CppServer {
namespace Asio {

/// Derive your client from this class. Detail::DatagramEndpoint has all other members.
///
/// UDP knows no connection: a connected client is one whose socket is open, whether or not there is a server, and it receives
/// from everybody. A datagram that cannot be sent ends it: onError() and then onDisconnected() are called. (With a send limit
/// only a datagram that is too large or has no possible address does.) Errors from the network and those of groups do not.
/// Connect() in onDisconnected() is the way to stay connected.
class UDPClient : public Detail::DatagramEndpoint<UDPClient>
{
    typedef Detail::DatagramEndpoint<UDPClient> Base_;

public:
    /// A client of the server on a numeric address; anything else throws system_error "Invalid argument".
    explicit UDPClient(std::shared_ptr<Service> service, const std::string& address, int port)
        : UDPClient(std::move(service), Parse_(address, port))
    {
    }
    explicit UDPClient(std::shared_ptr<Service> service, const Compat::asio::ip::udp::endpoint& endpoint)
        : UDPClient(std::move(service), endpoint, false, false)
    {
    }
    /// A client that listens on its own address, to receive multicasts. With `reuse_address` several sockets may have it.
    explicit UDPClient(std::shared_ptr<Service> service, const std::string& address, int port, bool reuse_address)
        : UDPClient(std::move(service), Parse_(address, port), reuse_address)
    {
    }
    explicit UDPClient(std::shared_ptr<Service> service, const Compat::asio::ip::udp::endpoint& endpoint, bool reuse_address)
        : UDPClient(std::move(service), endpoint, true, reuse_address)
    {
    }

    /// Made once per object; the same for all its connections.
    const Compat::common::UUID& id() const noexcept { return _id; }
    /// The port of the server. Of a client that listens its own: the real one while it is connected.
    uint16_t port() const noexcept { return (_listens && _active) ? cppserver_udp_port(_handles.Current()) : _endpoint.port(); }

    /// True from just before onConnected() until just before onDisconnected().
    bool IsConnected() const noexcept { return _open; }
    /// Why the last connection ended; set before its onDisconnected().
    DisconnectReason disconnect_reason() const noexcept { return static_cast<DisconnectReason>(_reason.load()); }

    /// Opens the socket; onConnected(), or onError() and then onDisconnected(), follow on the I/O thread. False when the client
    /// is connected or connecting already, or the service is stopping.
    bool Connect() { return Begin_(); }

    /// Receives nothing more, sends what was accepted (up to the close timeout), then calls onDisconnected(). False when there
    /// is nothing to end.
    bool Disconnect() { return End_(); }

    /// Disconnects and connects again, after onDisconnected(). Returns when the connection has ended and does not wait for
    /// the new one; on an I/O thread it returns at once. False when the client is not connected.
    bool Reconnect() { return IsConnected() && Again_(); }

    using Base_::Send;
    /// Sends one datagram to endpoint(): to the server; of a client that listens to its own address.
    size_t Send(const void* buffer, size_t size) { return Send(_endpoint, buffer, size); }
    size_t Send(const std::string& text) { return Send(_endpoint, text); }

    /// Numeric own address, and port or 0, of the next Connect() to a server; an empty address for any. False when the address is
    /// none, while connected or connecting, or when the client listens: then endpoint() is its address.
    bool SetupBindAddress(const std::string& address, int port = 0)
    {
        if (!Bind_(address, static_cast<unsigned short>(port)))
            return false;
        _bind_address = address;
        _bind_port = static_cast<unsigned short>(port);
        return true;
    }

protected:
    virtual void onConnected() {}
    /// Also after a connect that failed.
    virtual void onDisconnected() {}

private:
    friend Base_;

    Compat::common::UUID _id;
    // Whether endpoint() is the own address, rather than the server's.
    bool _listens;
    std::string _bind_address;
    unsigned short _bind_port;

    UDPClient(std::shared_ptr<Service> service, const Compat::asio::ip::udp::endpoint& endpoint, bool listens, bool reuse_address)
        : Base_(std::move(service), endpoint), _id(Compat::common::UUID::Generate()), _listens(listens), _bind_port(0)
    {
        Construct_();
        if (listens)
            SetupReuseAddress(reuse_address);
        else
            _handles.SetOption(CPPSERVER_OPTION_ANY_PEER, 1);
    }

    Detail::Target Target_() const
    {
        Detail::Target target(_service, nullptr, _endpoint);
        target.is_peer = !_listens;
        return target;
    }

    static constexpr bool EndsOnError_() noexcept { return true; }
    void Prepared_()
    {
        if (!_listens)
            Bind_(_bind_address, _bind_port);
    }
    void Begun_() { onConnected(); }
    void Ended_() { onDisconnected(); }

    bool Bind_(const std::string& address, unsigned short port)
    {
        return cppserver_udp_bind(_handles.Current(), address.empty() ? nullptr : address.c_str(), port) == CPPSERVER_STATUS_OK;
    }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_UDP_CLIENT_H
