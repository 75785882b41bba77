// A node of a bus: nanomsg_bus address [node1] [node2]... It listens on its address and links itself to the other nodes. A
// line of input goes to all nodes that are linked to this one, whoever has linked whom. "!" restarts the node, an empty line
// ends it.
//
//     c++ -std=c++14 nanomsg_bus.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/nanomsg/bus.h"

#include <iostream>

class Node : public CppServer::Nanomsg::Bus
{
public:
    using CppServer::Nanomsg::Bus::Bus;

protected:
    void onReceived(CppServer::Nanomsg::Message& message) override { std::cout << "Incoming: " << message << std::endl; }

    void onError(int error, const std::string& message) override
    {
        std::cerr << "Node: error " << error << ": " << message << std::endl;
        // What the code means and what to do about it.
        std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    if (argc < 2)
    {
        std::cout << "Usage: nanomsg_bus address [node1] [node2]..." << std::endl;
        return 1;
    }
    std::string address = argv[1];

    Node node(address);
    if (!node.Start())
        return 1;
    std::cout << "Nanomsg bus node address: " << address << std::endl;
    for (int i = 2; i < argc; ++i)
    {
        if (node.Link(argv[i]))
            std::cout << "Nanomsg bus node linked: " << argv[i] << std::endl;
    }
    std::cout << "An empty line stops the node, '!' restarts it, other lines go to all other nodes." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
        {
            if (node.Restart())
                std::cout << "Node restarted" << std::endl;
        }
        else
            node.Send(line);
    }

    node.Stop();
    return 0;
}
