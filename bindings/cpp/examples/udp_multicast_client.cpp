// Receives what is sent to a multicast group: udp_multicast_client [address] [group] [port] [interface]. "!" opens a new
// socket, an empty line ends it.
//
//     c++ -std=c++14 udp_multicast_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/udp_client.h"

#include <cstdlib>
#include <iostream>

class MulticastClient : public CppServer::Asio::UDPClient
{
public:
    using CppServer::Asio::UDPClient::UDPClient;

    std::string group;
    std::string network_interface;

protected:
    void onConnected() override { JoinMulticastGroup(group, "", network_interface); }
    void onDisconnected() override { std::cout << "Client " << id() << " disconnected" << std::endl; }

    void onJoined(const std::string& address, const std::string& /*source*/) override
    {
        std::cout << "Client " << id() << " joined " << address << std::endl;
    }

    void onReceived(const asio::ip::udp::endpoint& /*endpoint*/, const void* buffer, size_t size) override
    {
        std::cout << "Incoming: " << std::string(static_cast<const char*>(buffer), size) << std::endl;
    }

    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Client: error " << error << " (" << category << "): " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "0.0.0.0";
    int port = (argc > 3) ? std::atoi(argv[3]) : 2223;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    // Others on this machine may listen on the port, too.
    auto client = std::make_shared<MulticastClient>(service, address, port, true);
    client->group = (argc > 2) ? argv[2] : "239.255.0.1";
    client->network_interface = (argc > 4) ? argv[4] : "";
    client->Connect();
    std::cout << "An empty line ends the client, '!' opens a new socket." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client->Reconnect();
    }

    client->Disconnect();
    service->Stop();
    return 0;
}
