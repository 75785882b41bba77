// An encrypted chat room as programs for the early library wrote it: the application's classes derive from the templates, and
// everything else is left to the headers that these include.

#include "server/asio/ssl_server.h"
#include "threads/thread.h"

#include <iostream>

class Guest;

class Room : public CppServer::Asio::SSLServer<Room, Guest>
{
public:
    using CppServer::Asio::SSLServer<Room, Guest>::SSLServer;

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

class Guest : public CppServer::Asio::SSLSession<Room, Guest>
{
public:
    using CppServer::Asio::SSLSession<Room, Guest>::SSLSession;

protected:
    void onHandshaked() override
    {
        const std::string welcome("Welcome to the chat!");
        Send(welcome.data(), welcome.size());
    }
    size_t onReceived(const void* buffer, size_t size) override
    {
        const std::string text(static_cast<const char*>(buffer), size);
        std::cout << id() << " says " << text << std::endl;
        server()->Multicast(buffer, size);
        if (text == "!")
            Disconnect();
        return size;
    }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << id() << ": " << category << " " << error << ", " << message << std::endl;
    }
};

void Room::onConnected(std::shared_ptr<Guest> guest) { std::cout << guest->id() << " came from " << guest->socket().remote_endpoint() << std::endl; }

void Room::onDisconnected(std::shared_ptr<Guest> guest) { std::cout << guest->id() << " left, of " << current_sessions() << std::endl; }

int main(int argc, char** argv)
{
    const int port = (argc > 1) ? std::atoi(argv[1]) : 1111;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::sslv23);
    context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 | asio::ssl::context::single_dh_use);
    context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) -> std::string { return "qwerty"; });
    context->use_certificate_chain_file("certs/server.pem");
    context->use_private_key_file("certs/encrypted-3des.key", asio::ssl::context::pem);
    context->use_tmp_dh_file("certs/legacy/dh4096.pem");

    auto room = std::make_shared<Room>(service, context, CppServer::Asio::InternetProtocol::IPv4, port);
    room->Start();
    while (!room->IsStarted())
        CppCommon::Thread::Yield();
    // In one piece: callbacks write too.
    std::cout << "SSL server port: " + std::to_string(port) + "\n" << std::flush;

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
