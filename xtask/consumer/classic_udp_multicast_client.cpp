// A member of a multicast group as programs for the early library wrote it.

#include "server/asio/udp_client.h"
#include "threads/thread.h"

#include <iostream>

class Member : public CppServer::Asio::UDPClient
{
public:
    std::string group;

    using CppServer::Asio::UDPClient::UDPClient;

protected:
    void onConnected() override
    {
        std::cout << id() << " is connected" << std::endl;
        JoinMulticastGroup(group);
    }
    void onDisconnected() override
    {
        std::cout << id() << " is disconnected" << std::endl;
        CppCommon::Thread::Sleep(200);
        Connect();
    }
    void onReceived(const asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size) override
    {
        std::cout << "Heard " << std::string((const char*)buffer, size) << " from " << endpoint << std::endl;
    }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << id() << ": " << category << " " << error << ", " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    if (argc != 4)
        return 2;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto member = std::make_shared<Member>(service, std::string(argv[1]), std::atoi(argv[3]), true);
    member->group = argv[2];
    member->Connect();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            member->Disconnect();
    }
    member->Disconnect();
    service->Stop();
    return 0;
}
