// Subscribes: nanomsg_subscribe_client [address] [topic...]. Prints what is published and begins with one of the topics,
// everything without one. "!" connects anew, an empty line ends it.
//
//     c++ -std=c++14 nanomsg_subscribe_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/subscribe_client.h"

#include <iostream>

class Subscriber : public CppServer::Nanomsg::SubscribeClient
{
public:
    using CppServer::Nanomsg::SubscribeClient::SubscribeClient;

protected:
    void onConnected() override { std::cout << "Connected to " << address() << std::endl; }
    void onDisconnected() override { std::cout << "Disconnected from " << address() << std::endl; }

    void onReceived(CppServer::Nanomsg::Message& message) override { std::cout << "Incoming: " << message << std::endl; }

    void onError(int error, const std::string& message) override
    {
        std::cerr << "Client: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6669";
    std::string topic = (argc > 2) ? argv[2] : "";

    Subscriber client(address, topic);
    for (int i = 3; i < argc; ++i)
        client.Subscribe(argv[i]);
    if (!client.Connect())
        return 1;
    std::cout << "Nanomsg publisher server address: " << address << std::endl;
    std::cout << "An empty line stops the client, '!' connects it anew." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client.Reconnect();
    }

    client.Disconnect();
    return 0;
}
