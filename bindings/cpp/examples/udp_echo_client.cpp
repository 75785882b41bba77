// Sends lines to an echo server as datagrams: udp_echo_client [address] [port]. "!" opens a new socket, an empty line ends
// it.
//
//     c++ -std=c++14 udp_echo_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/udp_client.h"

#include <cstdlib>
#include <iostream>

class EchoClient : public CppServer::Asio::UDPClient
{
public:
    using CppServer::Asio::UDPClient::UDPClient;

protected:
    void onConnected() override { std::cout << "Client " << id() << " on " << socket().local_endpoint() << std::endl; }
    void onDisconnected() override { std::cout << "Client " << id() << " disconnected" << std::endl; }

    void onReceived(const asio::ip::udp::endpoint& /*endpoint*/, const void* buffer, size_t size) override
    {
        std::cout << "Incoming: " << std::string(static_cast<const char*>(buffer), size) << std::endl;
    }

    // Also when nobody listens on the port of the server.
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Client: error " << error << " (" << category << "): " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "127.0.0.1";
    int port = (argc > 2) ? std::atoi(argv[2]) : 2222;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto client = std::make_shared<EchoClient>(service, address, port);
    client->Connect();
    std::cout << "An empty line ends the client, '!' opens a new socket, other lines are sent." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client->Reconnect();
        else
            client->Send(line);
    }

    client->Disconnect();
    service->Stop();
    return 0;
}
