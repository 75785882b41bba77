// Scalability protocols through the C++ classes, with blocking calls or with callbacks; ../../peers/c/sp.h tells what it
// does.
#define CALLBACKS
#include "../../peers/c/sp.h"

#include "server/asio/service.h"
#include "server/nanomsg/client.h"
#include "server/nanomsg/server.h"

#include <memory>
#include <vector>

namespace {

using CppServer::Nanomsg::Domain;
using CppServer::Nanomsg::Message;
using CppServer::Nanomsg::Protocol;
using CppServer::Nanomsg::Socket;

typedef std::shared_ptr<CppServer::Asio::Service> Service;

Service make_service()
{
    Service service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    return service;
}

Protocol choose(Protocol request, Protocol push, Protocol publish, Protocol survey)
{
    return is("request") ? request : is("push") ? push : is("publish") ? publish : survey;
}

Protocol beginning_protocol()
{
    return choose(Protocol::Request, Protocol::Push, Protocol::Publisher, Protocol::Surveyor);
}

Protocol answering_protocol()
{
    return choose(Protocol::Reply, Protocol::Pull, Protocol::Subscriber, Protocol::Respondent);
}

// Begins in callbacks.
class Beginner : public CppServer::Nanomsg::Server
{
public:
    using Server::Server;

protected:
    void onReceived(Message& received) override
    {
        const Message& answer = received;
        on_answer(answer.buffer(), answer.size());
    }
    void onWritable() override { library_push(); }
    void onError(int, const std::string& error) override { fail(error.c_str()); }
};

// Answers in callbacks.
class Answerer : public CppServer::Nanomsg::Client
{
public:
    using Client::Client;

protected:
    void onReceived(Message& received) override
    {
        const Message& question = received;
        if (arrived(&_receiver, question.buffer(), question.size()))
            Send(question);
    }

private:
    receiver _receiver = receiver();
};

Service service;
std::unique_ptr<Socket> beginning;
std::unique_ptr<Beginner> beginner;
std::unique_ptr<Socket> answering;
std::vector<std::unique_ptr<Answerer>> answerers;

Socket& beginning_socket()
{
    return load.callbacks ? beginner->socket() : *beginning;
}

bool answers_by_callbacks()
{
    return load.callbacks || load.sockets > 1;
}

void serve_one()
{
    receiver receiver = {};
    Message received;
    for (;;)
    {
        answering->Receive(received);
        const Message& question = received;
        if (arrived(&receiver, question.buffer(), question.size()))
            answering->Send(question);
    }
}

} // namespace

static void library_listen()
{
    if (load.callbacks)
    {
        service = make_service();
        beginner.reset(new Beginner(service, Domain::Std, beginning_protocol(), load.address));
        beginner->Start();
        return;
    }
    beginning.reset(new Socket(Domain::Std, beginning_protocol()));
    beginning->Bind(load.address);
}

static void library_dial()
{
    if (!answers_by_callbacks())
    {
        answering.reset(new Socket(Domain::Std, answering_protocol()));
        answering->Connect(load.address);
        return;
    }
    if (!service)
        service = make_service();
    for (int index = 0; index < load.sockets; ++index)
    {
        answerers.emplace_back(new Answerer(service, Domain::Std, answering_protocol(), load.address));
        if (is("publish"))
            answerers.back()->socket().Subscribe("");
    }
}

static void library_answer()
{
    if (!answers_by_callbacks())
        start_thread(serve_one);
    for (const auto& answerer : answerers)
        answerer->Connect();
}

static void library_send(const void* data, size_t size)
{
    if (beginning_socket().Send(data, size) != size)
        fail("nothing was sent");
}

static void library_ask()
{
    library_send(message, message_size);
}

static void library_push()
{
    do
        if (beginner->TrySend(message, message_size) == 0)
            return;
    while (pushed());
}

static const void* library_receive(size_t* size)
{
    static Message received;
    *size = beginning_socket().Receive(received);
    return static_cast<const Message&>(received).buffer();
}
