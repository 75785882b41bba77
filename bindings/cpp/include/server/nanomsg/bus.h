/// @file bus.h
/// CppServer::Nanomsg::Bus: one of many who all hear each other.

#ifndef CPPSERVER_SERVER_NANOMSG_BUS_H
#define CPPSERVER_SERVER_NANOMSG_BUS_H

#include "server/nanomsg/server.h"

namespace CppServer {
namespace Nanomsg {

/// Send() goes to all neighbours, linked by either side, and never back to the sender; they do not pass it on. It never waits: who has
/// no room misses the message.
class Bus : public Server
{
public:
    explicit Bus(const std::string& address, bool threading = true) : Server(Domain::Std, Protocol::Bus, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit Bus(const std::shared_ptr<TService>& service, const std::string& address) : Server(service, Domain::Std, Protocol::Bus, address)
    {
    }
    Bus(Bus&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~Bus() override { Quit_(); }

    Bus& operator=(Bus&&) = default;

    /// Connects to one more node, until the end of the object: also when it is stopped and started again. False when it is not started,
    /// and after onError().
    bool Link(const std::string& address) { return Link_(address); }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_BUS_H
