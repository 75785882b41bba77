// A chat room: tcp_chat_server [port]. What one client sends, all of them read; a client that sends "!" is
// disconnected. A line of input goes to everyone as the administrator's, "!" restarts the server, an empty line ends it.
//
//     c++ -std=c++14 tcp_chat_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/tcp_server.h"

#include <cstdlib>
#include <iostream>

class ChatSession;

class ChatServer : public CppServer::Asio::TCPServer<ChatServer, ChatSession>
{
public:
    using CppServer::Asio::TCPServer<ChatServer, ChatSession>::TCPServer;

protected:
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Chat server: error " << error << " (" << category << "): " << message << std::endl;
    }
};

class ChatSession : public CppServer::Asio::TCPSession<ChatServer, ChatSession>
{
public:
    using CppServer::Asio::TCPSession<ChatServer, ChatSession>::TCPSession;

protected:
    void onConnected() override
    {
        std::cout << "Session " << id() << " connected" << std::endl;
        Send("Welcome to the chat! Everyone reads what you send; '!' leaves.");
    }

    void onDisconnected() override { std::cout << "Session " << id() << " disconnected" << std::endl; }

    size_t onReceived(const void* buffer, size_t size) override
    {
        std::string message(static_cast<const char*>(buffer), size);
        std::cout << "Incoming: " << message << std::endl;
        server()->Multicast(message);
        // What was sent before still reaches the client.
        if (message == "!")
            Disconnect();
        return size;
    }

    void onError(int error, const std::string& category, const std::string& message) override
    {
        // The end of a connection is reported as an error too, as it always was: 2, asio.misc.
        std::cerr << "Session " << id() << ": error " << error << " (" << category << "): " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    int port = (argc > 1) ? std::atoi(argv[1]) : 1111;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto server = std::make_shared<ChatServer>(service, CppServer::Asio::InternetProtocol::IPv4, port);
    server->Start();
    std::cout << "TCP server port: " << server->port() << std::endl;
    std::cout << "An empty line stops the server, '!' restarts it, other lines go to everyone." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            server->Restart();
        else
            server->Multicast("(admin) " + line);
    }

    server->Stop();
    service->Stop();
    return 0;
}
