// The other end of a pair as programs for the early library wrote it: it sleeps in onDisconnected() and connects again from there, also when
// the program is about to end.

#include "server/nanomsg/pair_client.h"
#include "threads/thread.h"

#include <iostream>
#include <memory>

class Guest : public CppServer::Nanomsg::PairClient
{
public:
    using CppServer::Nanomsg::PairClient::PairClient;

protected:
    void onConnected() override { std::cout << "connected" << std::endl; }
    void onDisconnected() override
    {
        std::cout << "disconnected" << std::endl;
        CppCommon::Thread::Sleep(200);
        Connect();
    }
    void onReceived(CppServer::Nanomsg::Message& message) override
    {
        std::cout << "Incoming: " << message << std::endl;
    }
    void onError(int error, const std::string& message) override { std::cout << "error " << error << ", " << message << std::endl; }
};

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    auto guest = std::make_shared<Guest>(std::string(argv[1]));
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
    // Connects again, so that the guest is connected when it is destroyed.
    guest->Disconnect();
    return 0;
}
