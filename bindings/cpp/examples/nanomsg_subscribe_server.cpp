// Publishes: nanomsg_subscribe_server [address]. Each line of input goes to all clients that are there and have subscribed
// to what it begins with. "!" restarts the server, an empty line ends it.
//
//     c++ -std=c++14 nanomsg_subscribe_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/subscribe_server.h"

#include <iostream>

class Publisher : public CppServer::Nanomsg::SubscribeServer
{
public:
    using CppServer::Nanomsg::SubscribeServer::SubscribeServer;

protected:
    void onError(int error, const std::string& message) override
    {
        std::cerr << "Server: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6669";

    Publisher server(address);
    if (!server.Start())
        return 1;
    std::cout << "Nanomsg publisher server address: " << address << std::endl;
    std::cout << "An empty line stops the server, '!' restarts it, other lines are published." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
        {
            if (server.Restart())
                std::cout << "Server restarted" << std::endl;
        }
        else
            server.Send(line);
    }

    server.Stop();
    return 0;
}
