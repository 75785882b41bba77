// Datagrams through the C++ classes: udp echo|burst|multicast. Prints "port N"; ends when standard input does.
// ../../peers/c/datagrams.h tells what it does.

#include "../../peers/c/datagrams.h"

#include "server/asio/udp_server.h"

#include <iostream>
#include <limits>
#include <memory>
#include <string>

namespace {

class Server : public CppServer::Asio::UDPServer
{
public:
    using CppServer::Asio::UDPServer::UDPServer;

protected:
    void onStarted() override { std::cout << "port " << port() << std::endl; }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << category << ' ' << error << ": " << message << std::endl;
    }
};

class Echo : public Server
{
public:
    using Server::Server;

protected:
    void onReceived(const asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size) override
    {
        Send(endpoint, buffer, size);
    }
};

class Burst : public Server
{
public:
    using Server::Server;

protected:
    void onReceived(const asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size) override
    {
        uint32_t count, datagram_size;
        if (!read_command(static_cast<const char*>(buffer), size, &count, &datagram_size))
            return;
        _datagram.assign(static_cast<const char*>(buffer), size);
        _datagram.resize(datagram_size);
        for (; count > 0; --count)
            Send(endpoint, _datagram);
    }

private:
    std::string _datagram;
};

class Multicast : public Server
{
public:
    using Server::Server;

protected:
    void onReceived(const asio::ip::udp::endpoint&, const void* buffer, size_t size) override
    {
        sockaddr_in group;
        if (!read_group(static_cast<const char*>(buffer), size, &group))
            return;
        Send(asio::ip::udp::endpoint(asio::ip::address_v4(ntohl(group.sin_addr.s_addr)), ntohs(group.sin_port)), buffer, size);
    }
};

template <class TServer>
void run()
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto server = std::make_shared<TServer>(service, "127.0.0.1", 0);
    server->SetupReceiveBufferSize(RECEIVE_BUFFER);
    server->Start();
    std::cin.ignore(std::numeric_limits<std::streamsize>::max());
    server->Stop();
    service->Stop();
}

} // namespace

int main(int count, char** arguments)
{
    switch (read_mode(count, arguments))
    {
        case MODE_ECHO: run<Echo>(); break;
        case MODE_BURST: run<Burst>(); break;
        case MODE_MULTICAST: run<Multicast>(); break;
    }
}
