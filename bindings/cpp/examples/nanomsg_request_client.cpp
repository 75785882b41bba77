// Asks a server: nanomsg_request_client [address]. Each line of input is a request, whose answer is waited for and printed.
// "!" connects anew, an empty line ends it.
//
//     c++ -std=c++14 nanomsg_request_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/request_client.h"

#include <iostream>

class Asker : public CppServer::Nanomsg::RequestClient
{
public:
    using CppServer::Nanomsg::RequestClient::RequestClient;

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
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6668";

    Asker client(address);
    if (!client.Connect())
        return 1;
    std::cout << "Nanomsg reply server address: " << address << std::endl;
    std::cout << "An empty line stops the client, '!' connects it anew, other lines are requests." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client.Reconnect();
        else
            std::cout << "Response: " << client.Request(line) << std::endl;
    }

    client.Disconnect();
    return 0;
}
