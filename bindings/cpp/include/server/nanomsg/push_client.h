/// @file push_client.h
/// CppServer::Nanomsg::PushClient: shares its messages out among those who take them.

#ifndef CPPSERVER_SERVER_NANOMSG_PUSH_CLIENT_H
#define CPPSERVER_SERVER_NANOMSG_PUSH_CLIENT_H

#include "server/nanomsg/client.h"

namespace CppServer {
namespace Nanomsg {

/// The end of a pipeline that connects; with Link() to several servers. Send() waits for a server with room.
class PushClient : public Client
{
public:
    explicit PushClient(const std::string& address) : Client(Domain::Std, Protocol::Push, address, false) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit PushClient(const std::shared_ptr<TService>& service, const std::string& address) : Client(service, Domain::Std, Protocol::Push, address)
    {
    }
    PushClient(PushClient&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~PushClient() override { Quit_(); }

    PushClient& operator=(PushClient&&) = default;

    /// Connects to one more server, until the end of the object: also when it is disconnected and connected again. False when it is not
    /// connected, and after onError().
    bool Link(const std::string& address) { return Link_(address); }

private:
    // There is nothing to receive.
    using Client::Receive;
    using Client::TryReceive;
    using Client::onThreadInitialize;
    using Client::onThreadCleanup;
    using Client::onIdle;
    using Client::onReceived;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_PUSH_CLIENT_H
