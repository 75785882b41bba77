// A node of a bus as programs for the early library wrote it.

#include "server/nanomsg/bus.h"

#include <iostream>
#include <memory>

class Node : public CppServer::Nanomsg::Bus
{
public:
    using CppServer::Nanomsg::Bus::Bus;

protected:
    void onStarted() override { std::cout << "started" << std::endl; }
    void onStopped() override { std::cout << "stopped" << std::endl; }
    void onReceived(CppServer::Nanomsg::Message& message) override
    {
        std::cout << "Incoming: " << message << std::endl;
    }
    void onError(int error, const std::string& message) override { std::cout << "error " << error << ", " << message << std::endl; }
};

int main(int argc, char** argv)
{
    if (argc < 2)
        return 2;
    auto node = std::make_shared<Node>(std::string(argv[1]));
    node->Start();
    for (int i = 2; i < argc; ++i)
        node->Link(argv[i]);

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            node->Restart();
        else
            node->Send(line);
    }
    node->Stop();
    return 0;
}
