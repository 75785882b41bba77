// An encrypted chat room: ssl_chat_server [port] [folder of certificates]. What one client sends, all of them read; a client
// that sends "!" is disconnected. A line of input goes to everyone as the administrator's, "!" restarts the server, an empty
// line ends it.
//
//     c++ -std=c++14 ssl_chat_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/ssl_server.h"

#include <cstdlib>
#include <iostream>

class ChatSession;

class ChatServer : public CppServer::Asio::SSLServer<ChatServer, ChatSession>
{
public:
    using CppServer::Asio::SSLServer<ChatServer, ChatSession>::SSLServer;

protected:
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Chat server: error " << error << " (" << category << "): " << message << std::endl;
    }
};

class ChatSession : public CppServer::Asio::SSLSession<ChatServer, ChatSession>
{
public:
    using CppServer::Asio::SSLSession<ChatServer, ChatSession>::SSLSession;

protected:
    void onConnected() override { std::cout << "Session " << id() << " connected" << std::endl; }

    // Nothing can be sent before this.
    void onHandshaked() override
    {
        std::cout << "Session " << id() << " speaks " << tls_version() << " with " << cipher_suite() << std::endl;
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
        std::cerr << "Session " << id() << ": error " << error << " (" << category << "): " << message << std::endl;
        // What the code means and what to do about it.
        if (!error_details().empty())
            std::cerr << "    " << error_details() << std::endl;
    }
};

int main(int argc, char** argv)
{
    int port = (argc > 1) ? std::atoi(argv[1]) : 3333;
    std::string certificates = (argc > 2) ? argv[2] : "certs";

    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::sslv23);
    try
    {
        context->use_certificate_chain_file(certificates + "/server.pem");
        context->use_private_key_file(certificates + "/server.key", asio::ssl::context::pem);
    }
    catch (const asio::system_error& error)
    {
        std::cerr << "No certificate of a server in the folder '" << certificates << "': " << error.what() << std::endl;
        return 1;
    }

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto server = std::make_shared<ChatServer>(service, context, CppServer::Asio::InternetProtocol::IPv4, port);
    server->Start();
    std::cout << "SSL server port: " << server->port() << std::endl;
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
