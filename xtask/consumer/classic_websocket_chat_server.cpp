// A WebSocket chat room as programs for the early library wrote it: messages are pointers that are passed on as they came.

#include "server/asio/websocket_server.h"
#include "threads/thread.h"

#include <iostream>

class Guest;

class Room : public CppServer::Asio::WebSocketServer<Room, Guest>
{
public:
    using CppServer::Asio::WebSocketServer<Room, Guest>::WebSocketServer;

protected:
    void onStarted() override { std::cout << "Room opened" << std::endl; }
    void onStopped() override { std::cout << "Room closed" << std::endl; }
    void onConnected(std::shared_ptr<Guest> guest) override;
    void onDisconnected(std::shared_ptr<Guest> guest) override;
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << "Room: " << category << " " << error << ", " << message << std::endl;
    }
};

class Guest : public CppServer::Asio::WebSocketSession<Room, Guest>
{
public:
    using CppServer::Asio::WebSocketSession<Room, Guest>::WebSocketSession;

protected:
    void onConnected() override
    {
        std::string welcome("Welcome to the chat!");
        Send(welcome);
    }
    void onReceived(CppServer::Asio::WebSocketMessage message) override
    {
        std::cout << id() << " says " << message->get_raw_payload() << std::endl;
        server()->Multicast(message);
        if (message->get_payload() == "!")
            Disconnect();
    }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << id() << ": " << category << " " << error << ", " << message << std::endl;
    }
};

void Room::onConnected(std::shared_ptr<Guest> guest)
{
    auto connection = core().get_con_from_hdl(guest->connection());
    std::cout << guest->id() << " came from " << connection->get_remote_endpoint() << " to " << connection->get_resource() << std::endl;
}

void Room::onDisconnected(std::shared_ptr<Guest> guest)
{
    const websocketpp::close::status::value code = core().get_con_from_hdl(guest->connection())->get_remote_close_code();
    std::cout << guest->id() << " left with " << websocketpp::close::status::get_string(code) << ", of " << current_sessions() << std::endl;
}

int main(int argc, char** argv)
{
    const int port = (argc > 1) ? std::atoi(argv[1]) : 4444;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto room = std::make_shared<Room>(service, CppServer::Asio::InternetProtocol::IPv4, port);
    room->Start();
    while (!room->IsStarted())
        CppCommon::Thread::Yield();
    // In one piece: callbacks write too.
    std::cout << "WebSocket server port: " + std::to_string(port) + "\n" << std::flush;

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            room->Restart();
        else
            room->Multicast("(admin) " + line);
    }
    room->Stop();
    service->Stop();
    return 0;
}
