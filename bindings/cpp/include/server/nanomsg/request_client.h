/// @file request_client.h
/// CppServer::Nanomsg::RequestClient: asks for answers.

#ifndef CPPSERVER_SERVER_NANOMSG_REQUEST_CLIENT_H
#define CPPSERVER_SERVER_NANOMSG_REQUEST_CLIENT_H

#include "server/nanomsg/client.h"
#include "server/nanomsg/context.h"

namespace CppServer {
namespace Nanomsg {

/// A request goes to one server, and to another one, or the same again, when its connection is lost or the resend interval has passed.
/// It waits inside as long as there is no server. The next request gives it up; for several at the same time there is Context.
class RequestClient : public Client
{
public:
    explicit RequestClient(const std::string& address, bool threading = false) : Client(Domain::Std, Protocol::Request, address, threading) {}
    /// With a std::shared_ptr of an Asio::Service, whose I/O threads call back.
    template <class TService>
    explicit RequestClient(const std::shared_ptr<TService>& service, const std::string& address) : Client(service, Domain::Std, Protocol::Request, address)
    {
    }
    RequestClient(RequestClient&&) = default;
    /// Ends what goes on before anything of the object is gone.
    ~RequestClient() override { Quit_(); }

    RequestClient& operator=(RequestClient&&) = default;

    /// Sends a request, waits for its reply, calls onReceived() with it and returns it. A message without a buffer when the client is not
    /// connected, also meanwhile, and after onError().
    ///
    /// An object that receives by its own thread or by a Service makes requests beside those of Send(): from several threads at the same
    /// time. Otherwise it is a Send() and then a Receive().
    Message Request(const void* buffer, size_t size) { return Request_([=](auto& asker) { return asker.Send(buffer, size) > 0; }); }
    Message Request(const std::string& text) { return Request(text.data(), text.size()); }
    Message Request(const Message& message)
    {
        return Request_([&](auto& asker)
        {
            asker.Send(message);
            return static_cast<bool>(message);
        });
    }

private:
    // `ask` sends the request, and tells whether there is an answer to wait for.
    template <class TFunction>
    Message Request_(TFunction&& ask)
    {
        Message reply;
        if (!IsConnected())
            return reply;
        Tried_([&]()
        {
            if (IsCalledBack_())
            {
                Context context(socket());
                if (ask(context))
                    context.Receive(reply);
            }
            else if (ask(socket()))
                socket().Receive(reply);
            if (reply)
                onReceived(reply);
        });
        return reply;
    }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_REQUEST_CLIENT_H
