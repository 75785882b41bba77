// An echo server: tcp_echo_server [port]. Enter ends it.
//
//     c++ -std=c++14 tcp_echo_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/tcp_server.h"

#include <cstdlib>
#include <iostream>

class EchoSession;

class EchoServer : public CppServer::Asio::TCPServer<EchoServer, EchoSession>
{
public:
    using CppServer::Asio::TCPServer<EchoServer, EchoSession>::TCPServer;

protected:
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Echo server: error " << error << " (" << category << "): " << message << std::endl;
    }
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

int main(int argc, char** argv)
{
    int port = (argc > 1) ? std::atoi(argv[1]) : 1111;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto server = std::make_shared<EchoServer>(service, CppServer::Asio::InternetProtocol::IPv4, port);
    server->Start();
    std::cout << "TCP server port: " << server->port() << std::endl;

    std::cin.get();

    server->Stop();
    service->Stop();
    return 0;
}
