// A guest of the WebSocket chat room: websocket_chat_client [host] [port]. Lines of input are sent, "!" reconnects, an empty line
// ends it. When the server goes away, the client tries again each second.
//
//     c++ -std=c++14 websocket_chat_client.cpp $(pkg-config --cflags --libs cppserver-cpp)

#include "server/asio/timer.h"
#include "server/asio/websocket_client.h"

#include <atomic>
#include <cstdlib>
#include <iostream>

class ChatClient : public CppServer::Asio::WebSocketClient
{
public:
    using CppServer::Asio::WebSocketClient::WebSocketClient;

    void Leave()
    {
        _leaving = true;
        Disconnect();
    }

protected:
    void onConnected() override { std::cout << "Client " << id() << " connected" << std::endl; }

    void onDisconnected() override
    {
        std::cout << "Client " << id() << " disconnected";
        if (!close_reason().empty())
            std::cout << ": " << close_reason();
        std::cout << std::endl;
        if (_leaving)
            return;
        // A timer, because a callback that sleeps would stop everything else on the I/O thread.
        auto self = std::static_pointer_cast<ChatClient>(shared_from_this());
        auto retry = std::make_shared<CppServer::Asio::Timer>(service(), [self]() {
            if (!self->_leaving)
                self->Connect();
        });
        retry->Start(std::chrono::seconds(1));
    }

    void onReceived(CppServer::Asio::WebSocketMessage message) override { std::cout << "Incoming: " << message->get_payload() << std::endl; }

    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << "Client: error " << error << " (" << category << "): " << message << std::endl;
        // What the code means and what to do about it.
        if (!error_details().empty())
            std::cerr << "    " << error_details() << std::endl;
    }

private:
    std::atomic<bool> _leaving{ false };
};

int main(int argc, char** argv)
{
    std::string host = (argc > 1) ? argv[1] : "127.0.0.1";
    std::string port = (argc > 2) ? argv[2] : "4444";

    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto client = std::make_shared<ChatClient>(service, "ws://" + host + ":" + port + "/");
    client->SetupDeflate(true);
    client->Connect();
    std::cout << "An empty line ends the client, '!' reconnects, other lines are sent." << std::endl;

    for (std::string line; std::getline(std::cin, line) && !line.empty();)
    {
        if (line == "!")
            client->Disconnect();
        else
            client->Send(line);
    }

    client->Leave();
    service->Stop();
    return 0;
}
