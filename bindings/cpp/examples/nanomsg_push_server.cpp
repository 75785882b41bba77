// Receives work: nanomsg_push_server [address]. What clients push is printed. "!" restarts the server, an empty line ends
// it.
//
//     c++ -std=c++14 nanomsg_push_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/push_server.h"

#include <iostream>

class Worker : public CppServer::Nanomsg::PushServer
{
public:
    using CppServer::Nanomsg::PushServer::PushServer;

protected:
    void onReceived(CppServer::Nanomsg::Message& message) override { std::cout << "Incoming: " << message << std::endl; }

    void onError(int error, const std::string& message) override
    {
        std::cerr << "Server: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6666";

    Worker server(address);
    if (!server.Start())
        return 1;
    std::cout << "Nanomsg push server address: " << address << std::endl;
    std::cout << "An empty line stops the server, '!' restarts it." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
        {
            if (server.Restart())
                std::cout << "Server restarted" << std::endl;
        }
    }

    server.Stop();
    return 0;
}
