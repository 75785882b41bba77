// Publishes, as programs for the early library wrote it.

#include "server/nanomsg/subscribe_server.h"

#include <iostream>
#include <memory>

class Host : public CppServer::Nanomsg::SubscribeServer
{
public:
    using CppServer::Nanomsg::SubscribeServer::SubscribeServer;

protected:
    void onStarted() override { std::cout << "started" << std::endl; }
    void onStopped() override { std::cout << "stopped" << std::endl; }
    void onError(int error, const std::string& message) override { std::cout << "error " << error << ", " << message << std::endl; }
};

int main(int argc, char** argv)
{
    if (argc != 2)
        return 2;
    auto host = std::make_shared<Host>(std::string(argv[1]));
    host->Start();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            host->Restart();
        else
            host->Send(line);
    }
    host->Stop();
    return 0;
}
