// A client of the echo server as programs for the early library wrote it: it sleeps in onDisconnected() and connects again
// from there, also when the program is about to end.

#include "server/asio/udp_client.h"
#include "threads/thread.h"

#include <iostream>

class Caller : public CppServer::Asio::UDPClient
{
public:
    using CppServer::Asio::UDPClient::UDPClient;

protected:
    void onConnected() override { std::cout << id() << " is connected" << std::endl; }
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
    if (argc != 3)
        return 2;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto caller = std::make_shared<Caller>(service, std::string(argv[1]), std::atoi(argv[2]));
    caller->Connect();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            caller->Disconnect();
        else
            caller->Send(line);
    }
    caller->Disconnect();
    service->Stop();
    return 0;
}
