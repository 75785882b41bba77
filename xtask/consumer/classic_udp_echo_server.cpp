// An echo server as programs for the early library wrote it.

#include "server/asio/udp_server.h"
#include "threads/thread.h"

#include <iostream>

class Echo : public CppServer::Asio::UDPServer
{
public:
    using CppServer::Asio::UDPServer::UDPServer;

protected:
    void onReceived(const asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size) override
    {
        std::string text((const char*)buffer, size);
        std::cout << "Heard " << text << std::endl;
        Send(endpoint, text);
    }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << category << " " << error << ", " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto echo = std::make_shared<Echo>(service, CppServer::Asio::InternetProtocol::IPv4, std::atoi(argv[1]));
    echo->Start();
    std::cout << "UDP server port: " << argv[1] << std::endl;

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            echo->Restart();
    }
    echo->Stop();
    service->Stop();
    return 0;
}
