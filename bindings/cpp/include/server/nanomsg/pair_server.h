/// @file pair_server.h
/// CppServer::Nanomsg::PairServer: the end of a pair that listens.

#ifndef CPPSERVER_SERVER_NANOMSG_PAIR_SERVER_H
#define CPPSERVER_SERVER_NANOMSG_PAIR_SERVER_H

#include "server/nanomsg/server.h"

namespace CppServer {
namespace Nanomsg {

/// One to one, both ways: a second client has its turn when the first one is gone. Send() waits for the client.
class PairServer : public Server
{
public:
    explicit PairServer(const std::string& address, bool threading = true) : Server(Domain::Std, Protocol::Pair, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit PairServer(const std::shared_ptr<TService>& service, const std::string& address) : Server(service, Domain::Std, Protocol::Pair, address)
    {
    }
    PairServer(PairServer&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~PairServer() override { Quit_(); }

    PairServer& operator=(PairServer&&) = default;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_PAIR_SERVER_H
