// Servers, sessions and clients of the C++ layer against each other.

#include "server/asio/tcp_client.h"
#include "server/asio/tcp_server.h"

#include "framework.h"

#include <atomic>
#include <thread>

namespace {

class EchoSession;

class EchoServer : public CppServer::Asio::TCPServer<EchoServer, EchoSession>
{
public:
    using CppServer::Asio::TCPServer<EchoServer, EchoSession>::TCPServer;
    std::atomic<int> error{ 0 };
    std::atomic<bool> stopped{ false };

protected:
    void onStopped() override { stopped = true; }
    void onError(int code, const std::string&, const std::string&) override { error = code; }
};

class EchoSession : public CppServer::Asio::TCPSession<EchoServer, EchoSession>
{
public:
    using CppServer::Asio::TCPSession<EchoServer, EchoSession>::TCPSession;

protected:
    size_t onReceived(const void* buffer, size_t size) override
    {
        Send(buffer, size);
        return size;
    }
};

class Client : public CppServer::Asio::TCPClient
{
public:
    using CppServer::Asio::TCPClient::TCPClient;
    std::atomic<size_t> received{ 0 };
    std::atomic<int> ends{ 0 };

protected:
    void onDisconnected() override { ++ends; }
    size_t onReceived(const void*, size_t size) override
    {
        received += size;
        return size;
    }
};

template <typename TCondition>
void Await(const char* what, TCondition condition)
{
    const auto end = std::chrono::steady_clock::now() + Test::Deadline;
    while (!condition())
    {
        if (std::chrono::steady_clock::now() > end)
            throw Test::Failure(what);
        std::this_thread::yield();
    }
}

void EchoComesBack()
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto server = std::make_shared<EchoServer>(service, "127.0.0.1", 0);
    server->Start();
    auto client = std::make_shared<Client>(service, "127.0.0.1", server->port());
    client->Connect();
    Await("connected", [&]() { return client->IsConnected(); });
    client->Send("hello");
    Await("the echo", [&]() { return client->received == 5; });
    server->Stop();
    Await("the client's end", [&]() { return client->ends == 1; });
    service->Stop();
    if (server->current_sessions() != 0)
        throw Test::Failure("a session is left");
}

void APortInUseIsAnErrorOfTheServerAlone()
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto first = std::make_shared<EchoServer>(service, "127.0.0.1", 0);
    first->Start();
    auto second = std::make_shared<EchoServer>(service, "127.0.0.1", first->port());
    second->Start();
    Await("the error", [&]() { return second->stopped.load(); });
    if (second->error == 0 || !service->IsStarted())
        throw Test::Failure("no error, or the service died");
    service->Stop();
}

Test::Registration echo(Test::Cases(), "an_echo_comes_back", EchoComesBack);
Test::Registration port(Test::Cases(), "a_port_in_use_is_an_error_of_the_server_alone", APortInUseIsAnErrorOfTheServerAlone);

} // namespace
