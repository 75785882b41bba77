// A user of the installed C++ layer: does it compile, link and run against what was installed?
#include "server/asio/tcp_server.h"
#include "server/nanomsg/request_client.h"
#include "server/nanomsg/request_server.h"

#include <iostream>
#include <memory>

class Server;

class Session : public CppServer::Asio::TCPSession<Server, Session>
{
public:
    using CppServer::Asio::TCPSession<Server, Session>::TCPSession;
};

class Server : public CppServer::Asio::TCPServer<Server, Session>
{
public:
    using CppServer::Asio::TCPServer<Server, Session>::TCPServer;
};

class Replier : public CppServer::Nanomsg::RequestServer
{
public:
    using CppServer::Nanomsg::RequestServer::RequestServer;

protected:
    void onReceived(CppServer::Nanomsg::Message& message) override { Send(message); }
};

int main()
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    bool good = service->Start();
    auto server = std::make_shared<Server>(service, CppServer::Asio::InternetProtocol::IPv4, 0);
    good = server->Start() && good;
    good = server->Stop() && good;
    good = service->Stop() && good;
    Replier replier("inproc://consumer");
    CppServer::Nanomsg::RequestClient client("inproc://consumer");
    good = replier.Start() && client.Connect() && (client.Request("echo").string() == "echo") && good;
    good = replier.Stop() && good;
    if (!good)
        std::cout << "failed" << std::endl;
    return good ? 0 : 1;
}
