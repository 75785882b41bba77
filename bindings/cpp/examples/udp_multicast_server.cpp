// Sends lines to a multicast group: udp_multicast_server [group] [port] [interface]. "!" restarts it, an empty line ends it.
//
//     c++ -std=c++14 udp_multicast_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/udp_server.h"

#include <cstdlib>
#include <iostream>

class MulticastServer : public CppServer::Asio::UDPServer
{
public:
    using CppServer::Asio::UDPServer::UDPServer;

protected:
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Multicast server: error " << error << " (" << category << "): " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string group = (argc > 1) ? argv[1] : "239.255.0.1";
    int port = (argc > 2) ? std::atoi(argv[2]) : 2223;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    // The system chooses the port to send from.
    auto version = asio::ip::make_address(group).is_v6() ? CppServer::Asio::InternetProtocol::IPv6 : CppServer::Asio::InternetProtocol::IPv4;
    auto server = std::make_shared<MulticastServer>(service, version, 0);
    if ((argc > 3) && !server->SetupMulticastInterface(argv[3]))
        std::cerr << "There is no interface " << argv[3] << std::endl;
    server->Start(group, port);
    std::cout << "Multicasts go to " << server->multicast_endpoint() << std::endl;
    std::cout << "An empty line ends the server, '!' restarts it, other lines are sent." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            server->Restart();
        else
            server->Multicast(line);
    }

    server->Stop();
    service->Stop();
    return 0;
}
