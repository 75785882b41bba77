/// @file subscribe_server.h
/// CppServer::Nanomsg::SubscribeServer: publishes to all its subscribers.

#ifndef CPPSERVER_SERVER_NANOMSG_SUBSCRIBE_SERVER_H
#define CPPSERVER_SERVER_NANOMSG_SUBSCRIBE_SERVER_H

#include "server/nanomsg/server.h"

namespace CppServer {
namespace Nanomsg {

/// Send() never waits: who has no room misses the message. What it begins with is its topic.
class SubscribeServer : public Server
{
public:
    explicit SubscribeServer(const std::string& address) : Server(Domain::Std, Protocol::Publisher, address, false) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit SubscribeServer(const std::shared_ptr<TService>& service, const std::string& address) : Server(service, Domain::Std, Protocol::Publisher, address)
    {
    }
    SubscribeServer(SubscribeServer&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~SubscribeServer() override { Quit_(); }

    SubscribeServer& operator=(SubscribeServer&&) = default;

private:
    // There is nothing to receive.
    using Server::Receive;
    using Server::TryReceive;
    using Server::onThreadInitialize;
    using Server::onThreadCleanup;
    using Server::onIdle;
    using Server::onReceived;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_SUBSCRIBE_SERVER_H
