// Answers requests, as programs for the early library wrote it.

#include "server/nanomsg/request_server.h"

#include <iostream>
#include <memory>

class Host : public CppServer::Nanomsg::RequestServer
{
public:
    using CppServer::Nanomsg::RequestServer::RequestServer;

protected:
    void onStarted() override { std::cout << "started" << std::endl; }
    void onStopped() override { std::cout << "stopped" << std::endl; }
    void onReceived(CppServer::Nanomsg::Message& message) override
    {
        std::cout << "Incoming: " << message << std::endl;
        std::string text(message.string());
        Send(std::string(text.rbegin(), text.rend()));
    }
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
    }
    host->Stop();
    return 0;
}
