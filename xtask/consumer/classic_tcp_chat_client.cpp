// A guest as programs for the early library wrote it: it sleeps in onDisconnected() and connects again from there, also
// when the program is about to end.

#include "server/asio/tcp_client.h"
#include "threads/thread.h"

#include <iostream>

class Guest : public CppServer::Asio::TCPClient
{
public:
    using CppServer::Asio::TCPClient::TCPClient;

protected:
    void onConnected() override { std::cout << id() << " is connected" << std::endl; }
    void onDisconnected() override
    {
        std::cout << id() << " is disconnected" << std::endl;
        CppCommon::Thread::Sleep(200);
        Connect();
    }
    size_t onReceived(const void* buffer, size_t size) override
    {
        std::cout.write(static_cast<const char*>(buffer), static_cast<std::streamsize>(size)) << std::endl;
        return size;
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
    auto guest = std::make_shared<Guest>(service, std::string(argv[1]), std::atoi(argv[2]));
    guest->Connect();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            guest->Disconnect();
        else
            guest->Send(line);
    }
    guest->Disconnect();
    service->Stop();
    return 0;
}
