// A sender of multicasts as programs for the early library wrote it.

#include "server/asio/udp_server.h"
#include "threads/thread.h"

#include <iostream>

class Sender : public CppServer::Asio::UDPServer
{
public:
    using CppServer::Asio::UDPServer::UDPServer;

protected:
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << category << " " << error << ", " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    if (argc != 3)
        return 2;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto sender = std::make_shared<Sender>(service, CppServer::Asio::InternetProtocol::IPv4, 0);
    sender->Start(argv[1], std::atoi(argv[2]));

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
        {
            sender->Restart();
            continue;
        }
        line = "(admin) " + line;
        sender->Multicast(line);
    }
    sender->Stop();
    service->Stop();
    return 0;
}
