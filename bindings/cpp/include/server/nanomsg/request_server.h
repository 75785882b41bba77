/// @file request_server.h
/// CppServer::Nanomsg::RequestServer: answers requests.

#ifndef CPPSERVER_SERVER_NANOMSG_REQUEST_SERVER_H
#define CPPSERVER_SERVER_NANOMSG_REQUEST_SERVER_H

#include "server/nanomsg/server.h"

namespace CppServer {
namespace Nanomsg {

/// A Send() in onReceived(), or after a Receive(), is the answer to that request. Without a request it is an error (EFSM). With a
/// Context for each, several threads answer.
class RequestServer : public Server
{
public:
    explicit RequestServer(const std::string& address, bool threading = true) : Server(Domain::Std, Protocol::Reply, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit RequestServer(const std::shared_ptr<TService>& service, const std::string& address) : Server(service, Domain::Std, Protocol::Reply, address)
    {
    }
    RequestServer(RequestServer&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~RequestServer() override { Quit_(); }

    RequestServer& operator=(RequestServer&&) = default;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_REQUEST_SERVER_H
