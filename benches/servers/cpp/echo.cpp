// Echo or multicast through the C++ classes: echo echo|multicast. Prints "port N"; ends when standard input does.

#include "server/asio/tcp_server.h"

#include <iostream>
#include <limits>
#include <memory>
#include <string>

namespace {

template <class TServer, class TSession>
class Server : public CppServer::Asio::TCPServer<TServer, TSession>
{
public:
    using CppServer::Asio::TCPServer<TServer, TSession>::TCPServer;

protected:
    void onStarted() override
    {
        std::cout << "port " << this->acceptor().local_endpoint().port() << std::endl;
    }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << category << ' ' << error << ": " << message << std::endl;
    }
};

class EchoSession;
class EchoServer : public Server<EchoServer, EchoSession>
{
public:
    using Server<EchoServer, EchoSession>::Server;
};

class EchoSession : public CppServer::Asio::TCPSession<EchoServer, EchoSession>
{
public:
    using CppServer::Asio::TCPSession<EchoServer, EchoSession>::TCPSession;

protected:
    size_t onReceived(const void* buffer, size_t size) override
    {
        Send(buffer, size);
        return size;
    }
};

class MulticastSession;
class MulticastServer : public Server<MulticastServer, MulticastSession>
{
public:
    using Server<MulticastServer, MulticastSession>::Server;
};

class MulticastSession : public CppServer::Asio::TCPSession<MulticastServer, MulticastSession>
{
public:
    using CppServer::Asio::TCPSession<MulticastServer, MulticastSession>::TCPSession;

protected:
    size_t onReceived(const void* buffer, size_t size) override
    {
        server()->Multicast(buffer, size);
        return size;
    }
};

template <class TServer>
void run()
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto server = std::make_shared<TServer>(service, "127.0.0.1", 0);
    server->Start();
    std::cin.ignore(std::numeric_limits<std::streamsize>::max());
    server->Stop();
    service->Stop();
}

} // namespace

int main(int count, char** arguments)
{
    if (count > 1 && std::string(arguments[1]) == "multicast")
        run<MulticastServer>();
    else
        run<EchoServer>();
}
