// A guest of the encrypted WebSocket chat room as programs for the early library wrote it: it sleeps in onDisconnected() and connects
// again from there, also when the program is about to end.

#include "server/asio/websocket_ssl_client.h"
#include "threads/thread.h"

#include <iostream>

class Guest : public CppServer::Asio::WebSocketSSLClient
{
public:
    using CppServer::Asio::WebSocketSSLClient::WebSocketSSLClient;

protected:
    void onConnected() override { std::cout << id() << " is connected" << std::endl; }
    void onDisconnected() override
    {
        std::cout << id() << " is disconnected" << std::endl;
        CppCommon::Thread::Sleep(200);
        Connect();
    }
    void onReceived(CppServer::Asio::WebSocketSSLMessage message) override { std::cout << message->get_raw_payload() << std::endl; }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cout << id() << ": " << category << " " << error << ", " << message << std::endl;
    }
};

int main(int argc, char** argv)
{
    if (argc != 3)
        return 2;
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();

    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::sslv23);
    context->set_verify_mode(asio::ssl::verify_peer);
    context->load_verify_file("certs/ca.pem");

    const std::string uri = std::string("wss://") + argv[1] + ":" + argv[2];
    auto guest = std::make_shared<Guest>(service, context, uri);
    guest->Connect();

    std::string line;
    while (getline(std::cin, line))
    {
        if (line.empty())
            break;
        if (line == "!")
            guest->Disconnect();
        else
            guest->Send(line);
    }
    guest->Disconnect();
    service->Stop();
    return 0;
}
