/// @file subscribe_client.h
/// CppServer::Nanomsg::SubscribeClient: receives what it has subscribed to.

#ifndef CPPSERVER_SERVER_NANOMSG_SUBSCRIBE_CLIENT_H
#define CPPSERVER_SERVER_NANOMSG_SUBSCRIBE_CLIENT_H

#include "server/nanomsg/client.h"

namespace CppServer {
namespace Nanomsg {

/// What is received begins with one of its topics; everything begins with the empty one.
class SubscribeClient : public Client
{
public:
    explicit SubscribeClient(const std::string& address, const std::string& topic = "", bool threading = true)
        : Client(Domain::Std, Protocol::Subscriber, address, threading)
    {
        socket().Subscribe(topic);
    }
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit SubscribeClient(const std::shared_ptr<TService>& service, const std::string& address, const std::string& topic = "")
        : Client(service, Domain::Std, Protocol::Subscriber, address)
    {
        socket().Subscribe(topic);
    }
    SubscribeClient(SubscribeClient&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~SubscribeClient() override { Quit_(); }

    SubscribeClient& operator=(SubscribeClient&&) = default;

    /// One more topic. A topic that is subscribed to twice has to be unsubscribed from twice. False after onError().
    bool Subscribe(const std::string& topic) { return Topic_(&Socket::Subscribe, topic); }
    /// One less; what was received and is not wanted any more is dropped. False after onError(), when there is no such topic.
    bool Unsubscribe(const std::string& topic) { return Topic_(&Socket::Unsubscribe, topic); }

private:
    // There is nobody to send to.
    using Client::Send;
    using Client::TrySend;

    bool Topic_(void (Socket::*change)(const std::string&), const std::string& topic)
    {
        return Tried_([&]() { (socket().*change)(topic); });
    }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_SUBSCRIBE_CLIENT_H
