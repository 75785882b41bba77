// The other end of a pair: nanomsg_pair_client [address]. A line of input goes to the server, as soon as it is there; what
// comes back is printed. "!" connects anew, an empty line ends it.
//
//     c++ -std=c++14 nanomsg_pair_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/pair_client.h"

#include <iostream>

class Pair : public CppServer::Nanomsg::PairClient
{
public:
    using CppServer::Nanomsg::PairClient::PairClient;

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
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6667";

    Pair client(address);
    if (!client.Connect())
        return 1;
    std::cout << "Nanomsg pair server address: " << address << std::endl;
    std::cout << "An empty line stops the client, '!' connects it anew, other lines go to the server." << std::endl;

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
