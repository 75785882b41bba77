/// @file pair_client.h
/// CppServer::Nanomsg::PairClient: the end of a pair that connects.

#ifndef CPPSERVER_SERVER_NANOMSG_PAIR_CLIENT_H
#define CPPSERVER_SERVER_NANOMSG_PAIR_CLIENT_H

#include "server/nanomsg/client.h"

namespace CppServer {
namespace Nanomsg {

/// One to one, both ways. Send() waits for the server.
class PairClient : public Client
{
public:
    explicit PairClient(const std::string& address, bool threading = true) : Client(Domain::Std, Protocol::Pair, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit PairClient(const std::shared_ptr<TService>& service, const std::string& address) : Client(service, Domain::Std, Protocol::Pair, address)
    {
    }
    PairClient(PairClient&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~PairClient() override { Quit_(); }

    PairClient& operator=(PairClient&&) = default;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_PAIR_CLIENT_H
