/// @file push_server.h
/// CppServer::Nanomsg::PushServer: receives its share of what is pushed.

#ifndef CPPSERVER_SERVER_NANOMSG_PUSH_SERVER_H
#define CPPSERVER_SERVER_NANOMSG_PUSH_SERVER_H

#include "server/nanomsg/server.h"

namespace CppServer {
namespace Nanomsg {

/// The end of a pipeline that listens. It takes from all its clients in turn.
class PushServer : public Server
{
public:
    explicit PushServer(const std::string& address, bool threading = true) : Server(Domain::Std, Protocol::Pull, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit PushServer(const std::shared_ptr<TService>& service, const std::string& address) : Server(service, Domain::Std, Protocol::Pull, address)
    {
    }
    PushServer(PushServer&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~PushServer() override { Quit_(); }

    PushServer& operator=(PushServer&&) = default;

private:
    // There is nobody to send to.
    using Server::Send;
    using Server::TrySend;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_PUSH_SERVER_H
