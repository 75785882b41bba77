// A server that sends each datagram back: udp_echo_server [port]. "!" restarts it, an empty line ends it.
//
//     c++ -std=c++14 udp_echo_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/udp_server.h"

#include <cstdlib>
#include <iostream>

class EchoServer : public CppServer::Asio::UDPServer
{
public:
    using CppServer::Asio::UDPServer::UDPServer;

protected:
    void onReceived(const asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size) override
    {
        std::cout << "Incoming: " << std::string(static_cast<const char*>(buffer), size) << std::endl;
        Send(endpoint, buffer, size);
    }

    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Echo server: error " << error << " (" << category << "): " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    int port = (argc > 1) ? std::atoi(argv[1]) : 2222;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto server = std::make_shared<EchoServer>(service, CppServer::Asio::InternetProtocol::IPv4, port);
    server->Start();
    std::cout << "UDP server port: " << server->port() << std::endl;
    std::cout << "An empty line ends the server, '!' restarts it." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            server->Restart();
    }

    server->Stop();
    service->Stop();
    return 0;
}
