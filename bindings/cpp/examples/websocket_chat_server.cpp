// A WebSocket chat room: websocket_chat_server [port] [page]. What one client sends, all of
// them read; a client that sends "!" is disconnected. A line of input goes to everyone as the administrator's, "!" restarts the
// server, an empty line ends it. Browsers get a page for it at http://localhost:4444.
//
//     c++ -std=c++14 websocket_chat_server.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/websocket_server.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

class ChatSession;

class ChatServer : public CppServer::Asio::WebSocketServer<ChatServer, ChatSession>
{
public:
    using CppServer::Asio::WebSocketServer<ChatServer, ChatSession>::WebSocketServer;

    // The file of the page for browsers.
    std::string page;

protected:
    // A browser asks for the page, which then opens a session to this server.
    void onRequest(const CppServer::Asio::HttpRequest& request, CppServer::Asio::HttpResponse& response) override
    {
        std::ifstream file(page, std::ios::binary);
        if ((request.path() == "/") && file)
        {
            response.SetStatus(200);
            response.AddHeader("Content-Type", "text/html; charset=utf-8");
            response.SetBody(std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()));
        }
        else
        {
            response.SetStatus(404);
            response.AddHeader("Content-Type", "text/plain; charset=utf-8");
            response.SetBody("There is no page here. The chat itself is open for WebSocket clients.\n");
        }
    }

    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Chat server: error " << error << " (" << category << "): " << message << std::endl;
    }
};

class ChatSession : public CppServer::Asio::WebSocketSession<ChatServer, ChatSession>
{
public:
    using CppServer::Asio::WebSocketSession<ChatServer, ChatSession>::WebSocketSession;

protected:
    void onConnected() override
    {
        std::cout << "Session " << id() << " connected" << std::endl;
        Send("Welcome to the chat! Everyone reads what you send; '!' leaves.");
    }

    void onDisconnected() override { std::cout << "Session " << id() << " disconnected" << std::endl; }

    void onReceived(CppServer::Asio::WebSocketMessage message) override
    {
        std::cout << "Incoming: " << message->get_payload() << std::endl;
        server()->Multicast(message);
        // What was sent before still reaches the client.
        if (message->get_payload() == "!")
            Disconnect(websocketpp::close::status::normal, "as you like");
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
    int port = (argc > 1) ? std::atoi(argv[1]) : 4444;

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto server = std::make_shared<ChatServer>(service, CppServer::Asio::InternetProtocol::IPv4, port);
    server->page = (argc > 2) ? argv[2] : "examples/websocket_chat.html";
    // Whoever says nothing for so long is asked whether he is still there.
    server->SetupPingInterval(std::chrono::seconds(30));
    server->SetupDeflate(true);
    server->Start();
    std::cout << "WebSocket server port: " << server->port() << std::endl;
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
