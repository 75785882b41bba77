/// @file client.h
/// CppServer::Nanomsg::Client: a socket that connects, with callbacks.

#ifndef CPPSERVER_SERVER_NANOMSG_CLIENT_H
#define CPPSERVER_SERVER_NANOMSG_CLIENT_H

#include "server/nanomsg/detail/node.h"

namespace CppServer {
namespace Nanomsg {

/// Detail::Node has all other members, and says who calls back.
///
/// A connected client is one that tries to have a connection, in the background and again and again: there need not be a server yet,
/// and one that goes and comes back is no disconnect.
class Client : public Detail::Node
{
public:
    /// Opens the socket; a failure throws SystemException. With `threading`, a connected client has a thread that receives.
    explicit Client(Domain domain, Protocol protocol, const std::string& address, bool threading = true) : Node(domain, protocol, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit Client(const std::shared_ptr<TService>& service, Domain domain, Protocol protocol, const std::string& address)
        : Node(service, domain, protocol, address)
    {
    }
    Client(const Client&) = delete;
    /// Takes the socket over. The other client is disconnected before if it is called back, otherwise this one goes on.
    Client(Client&& client) : Node(Rest_(client)) {}
    /// Disconnects the client; the callbacks are those of this class. A class that has its own does it in its own destructor, or before.
    virtual ~Client() { Quit_(); }

    Client& operator=(const Client&) = delete;
    /// Disconnects the client, and then takes the socket over in the same way.
    Client& operator=(Client&& client)
    {
        if (this != &client)
        {
            EndForGood_();
            Take_(Rest_(client));
        }
        return *this;
    }

    /// Whether it tries to have a connection.
    bool IsConnected() const noexcept { return IsRunning_(); }

    /// Connects in the background and calls onConnected(). False when the client is connected already, and after onError().
    bool Connect() { return Begin_(&Socket::Connect); }
    /// Ends the connection and calls onDisconnected(). False when the client is not connected.
    bool Disconnect() { return End_(); }
    /// Disconnects and connects again. False when the client is not connected, and after onError().
    bool Reconnect() { return Disconnect() && Connect(); }

protected:
    virtual void onConnected() {}
    virtual void onDisconnected() {}

private:
    void Begun_() override { onConnected(); }
    void Ended_() override { onDisconnected(); }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_CLIENT_H
