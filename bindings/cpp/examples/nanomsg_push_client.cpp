// Gives work away: nanomsg_push_client [address...]. Each line of input goes to one of the servers, in turn, as soon as one
// of them is there. "!" connects anew to the first one, an empty line ends it.
//
//     c++ -std=c++14 nanomsg_push_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/push_client.h"

#include <iostream>

class Boss : public CppServer::Nanomsg::PushClient
{
public:
    using CppServer::Nanomsg::PushClient::PushClient;

protected:
    void onConnected() override { std::cout << "Connected to " << address() << std::endl; }
    void onDisconnected() override { std::cout << "Disconnected from " << address() << std::endl; }

    void onError(int error, const std::string& message) override
    {
        std::cerr << "Client: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6666";

    Boss client(address);
    if (!client.Connect())
        return 1;
    // The connections to the others stay until the end.
    for (int i = 2; i < argc; ++i)
        client.Link(argv[i]);
    std::cout << "Nanomsg push server address: " << address << std::endl;
    std::cout << "An empty line stops the client, '!' connects it anew, other lines are work." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client.Reconnect();
        else
            client.Send(line);
    }

    client.Disconnect();
    return 0;
}
