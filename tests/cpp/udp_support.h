// UDP servers and clients that write down what happens to them and do what a test tells them.

#ifndef CPPSERVER_TESTS_UDP_SUPPORT_H
#define CPPSERVER_TESTS_UDP_SUPPORT_H

#include "support.h"

#include "server/asio/udp_client.h"
#include "server/asio/udp_server.h"

namespace Test {

using CppServer::Asio::UDPClient;
using CppServer::Asio::UDPServer;
typedef asio::ip::udp::endpoint UdpEndpoint;

struct Datagram
{
    UdpEndpoint from;
    std::string text;
    bool truncated;
};

// What servers and clients have in common; TBase is the library's class and TSelf the class of the tests. Events begin with the
// prefix: "server." or "client.".
template <class TBase, class TSelf>
class LoggingDatagrams : public TBase, private Counted
{
public:
    template <class... TArguments>
    explicit LoggingDatagrams(const char* prefix, std::shared_ptr<Service> service, TArguments&&... arguments)
        : TBase(std::move(service), std::forward<TArguments>(arguments)...), _prefix(prefix)
    {
    }

    Log log;
    std::function<void(TSelf&, const UdpEndpoint&, const std::string&)> received;
    std::function<void(TSelf&, const UdpEndpoint&, size_t, size_t)> sent;
    std::function<void(TSelf&)> empty, error;
    std::function<void(TSelf&, const std::string&)> joined;

    std::vector<Datagram> Datagrams() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _datagrams;
    }
    std::vector<std::string> Texts() const
    {
        std::vector<std::string> texts;
        for (const Datagram& datagram : Datagrams())
            texts.push_back(datagram.text);
        return texts;
    }
    size_t Count() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _datagrams.size();
    }

protected:
    void Happened(const std::string& event, const std::function<void(TSelf&)>& action)
    {
        log.Add(_prefix + event);
        if (action)
            action(Self());
    }

    void onReceived(const UdpEndpoint& endpoint, const void* buffer, size_t size) override { Arrived(endpoint, buffer, size, false); }
    void onTruncated(const UdpEndpoint& endpoint, const void* buffer, size_t size) override { Arrived(endpoint, buffer, size, true); }
    void onSent(const UdpEndpoint& endpoint, size_t size, size_t pending) override
    {
        if (sent)
            sent(Self(), endpoint, size, pending);
    }
    void onEmpty() override
    {
        if (empty)
            empty(Self());
    }
    void onJoined(const std::string& address, const std::string& source) override
    {
        log.Add(_prefix + "onJoined(" + address + (source.empty() ? "" : " from " + source) + ")");
        if (joined)
            joined(Self(), address);
    }
    void onLeft(const std::string& address, const std::string& source) override
    {
        log.Add(_prefix + "onLeft(" + address + (source.empty() ? "" : " from " + source) + ")");
    }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        Happened("onError" + ErrorText(code, category, message), error);
    }

private:
    const std::string _prefix;
    mutable std::mutex _mutex;
    std::vector<Datagram> _datagrams;

    TSelf& Self() { return static_cast<TSelf&>(*this); }

    void Arrived(const UdpEndpoint& endpoint, const void* buffer, size_t size, bool truncated)
    {
        const std::string text(static_cast<const char*>(buffer), size);
        {
            std::lock_guard<std::mutex> lock(_mutex);
            _datagrams.push_back({ endpoint, text, truncated });
        }
        log.Add(_prefix + "onReceived");
        if (received)
            received(Self(), endpoint, text);
    }
};

class LoggingUdpServer : public LoggingDatagrams<UDPServer, LoggingUdpServer>
{
public:
    template <class... TArguments>
    explicit LoggingUdpServer(std::shared_ptr<Service> service, TArguments&&... arguments)
        : LoggingDatagrams("server.", std::move(service), std::forward<TArguments>(arguments)...)
    {
    }

    std::function<void(LoggingUdpServer&)> started, stopped;

protected:
    void onStarted() override { Happened("onStarted", started); }
    void onStopped() override { Happened("onStopped", stopped); }
};

class LoggingUdpClient : public LoggingDatagrams<UDPClient, LoggingUdpClient>
{
public:
    template <class... TArguments>
    explicit LoggingUdpClient(std::shared_ptr<Service> service, TArguments&&... arguments)
        : LoggingDatagrams("client.", std::move(service), std::forward<TArguments>(arguments)...)
    {
    }

    std::function<void(LoggingUdpClient&)> connected, disconnected;

protected:
    void onConnected() override { Happened("onConnected", connected); }
    void onDisconnected() override { Happened("onDisconnected", disconnected); }
};

// A started service with the servers and clients of a test on 127.0.0.1.
struct UdpRunning : Running
{
    using Running::Running;

    std::shared_ptr<LoggingUdpServer> UdpServer() { return std::make_shared<LoggingUdpServer>(service, "127.0.0.1", 0); }

    std::shared_ptr<LoggingUdpServer> StartedUdpServer()
    {
        auto server = UdpServer();
        server->Start();
        server->log.Wait("server.onStarted");
        return server;
    }

    // Sends each datagram back.
    std::shared_ptr<LoggingUdpServer> EchoServer()
    {
        auto server = UdpServer();
        server->received = [](LoggingUdpServer& self, const UdpEndpoint& from, const std::string& text) { self.Send(from, text); };
        server->Start();
        server->log.Wait("server.onStarted");
        return server;
    }

    std::shared_ptr<LoggingUdpClient> UdpClient(int port) { return std::make_shared<LoggingUdpClient>(service, "127.0.0.1", port); }

    std::shared_ptr<LoggingUdpClient> ConnectedUdpClient(int port)
    {
        auto client = UdpClient(port);
        client->Connect();
        client->log.Wait("client.onConnected");
        return client;
    }
};

inline UdpEndpoint LocalEndpoint(int port) { return UdpEndpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)); }

// A port on which nobody listens: one that was just given back.
inline unsigned short UnusedUdpPort(UdpRunning& running)
{
    auto server = running.StartedUdpServer();
    const unsigned short port = server->port();
    server->Stop();
    server->log.Wait("server.onStopped");
    return port;
}

} // namespace Test

#endif // CPPSERVER_TESTS_UDP_SUPPORT_H
