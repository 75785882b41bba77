// Answers requests: nanomsg_request_server [address]. The answer is the request reversed. "!" restarts the server, an empty
// line ends it.
//
//     c++ -std=c++14 nanomsg_request_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/request_server.h"

#include <iostream>

class Replier : public CppServer::Nanomsg::RequestServer
{
public:
    using CppServer::Nanomsg::RequestServer::RequestServer;

protected:
    void onReceived(CppServer::Nanomsg::Message& message) override
    {
        std::cout << "Incoming: " << message << std::endl;
        std::string text = message.string();
        Send(std::string(text.rbegin(), text.rend()));
    }

    void onError(int error, const std::string& message) override
    {
        std::cerr << "Server: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    std::string address = (argc > 1) ? argv[1] : "tcp://127.0.0.1:6668";

    Replier server(address);
    if (!server.Start())
        return 1;
    std::cout << "Nanomsg request server address: " << address << std::endl;
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
