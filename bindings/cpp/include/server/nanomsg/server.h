/// @file server.h
/// CppServer::Nanomsg::Server: a socket that listens, with callbacks.

#ifndef CPPSERVER_SERVER_NANOMSG_SERVER_H
#define CPPSERVER_SERVER_NANOMSG_SERVER_H

#include "server/nanomsg/detail/node.h"

namespace CppServer {
namespace Nanomsg {

/// Detail::Node has all other members, and says who calls back.
class Server : public Detail::Node
{
public:
    /// Opens the socket; a failure throws SystemException. With `threading`, a started server has a thread that receives.
    explicit Server(Domain domain, Protocol protocol, const std::string& address, bool threading = true) : Node(domain, protocol, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit Server(const std::shared_ptr<TService>& service, Domain domain, Protocol protocol, const std::string& address)
        : Node(service, domain, protocol, address)
    {
    }
    Server(const Server&) = delete;
    /// Takes the socket over. The other server is stopped before if it is called back, otherwise this one goes on.
    Server(Server&& server) : Node(Rest_(server)) {}
    /// Stops the server; the callbacks are those of this class. A class that has its own stops it in its own destructor, or before.
    virtual ~Server() { Quit_(); }

    Server& operator=(const Server&) = delete;
    /// Stops the server, and then takes the socket over in the same way.
    Server& operator=(Server&& server)
    {
        if (this != &server)
        {
            EndForGood_();
            Take_(Rest_(server));
        }
        return *this;
    }

    /// Whether it listens.
    bool IsStarted() const noexcept { return IsRunning_(); }

    /// Listens and calls onStarted(). False when the server is started already, and after onError().
    bool Start() { return Begin_(&Socket::Bind); }
    /// Ends all connections and calls onStopped(). False when the server is not started.
    bool Stop() { return End_(); }
    /// Stops and starts again. False when the server is not started, and after onError().
    bool Restart() { return Stop() && Start(); }

protected:
    virtual void onStarted() {}
    virtual void onStopped() {}

private:
    void Begun_() override { onStarted(); }
    void Ended_() override { onStopped(); }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_SERVER_H
