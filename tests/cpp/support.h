// Servers, sessions and clients that write down what happens to them and do what a test tells them.

#ifndef CPPSERVER_TESTS_SUPPORT_H
#define CPPSERVER_TESTS_SUPPORT_H

#include "framework.h"

#include "server/asio/service.h"
#include "server/asio/tcp_client.h"
#include "server/asio/tcp_server.h"

#include <atomic>

namespace Test {

using CppServer::Asio::InternetProtocol;
using CppServer::Asio::Service;
using CppServer::Asio::TCPClient;
using CppServer::Asio::TCPServer;
using CppServer::Asio::TCPSession;

// Objects alive; the runner checks after each test that none is left.
inline std::atomic<int>& Alive()
{
    static std::atomic<int> count(0);
    return count;
}

struct Counted
{
    Counted() { ++Alive(); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { --Alive(); }
};

inline std::string ErrorText(int error, const std::string& category, const std::string& message)
{
    return "(" + std::to_string(error) + ", " + category + ", " + message + ")";
}

inline std::string ErrorText(const asio::error_code& ec) { return ErrorText(ec.value(), ec.category().name(), ec.message()); }

// The error that announces that the peer has closed.
inline std::string Eof() { return ErrorText(asio::error::eof); }

class LoggingService : public Service, private Counted
{
public:
    using Service::Service;

    Log log;
    std::function<void()> initialize, cleanup, started, stopped, idle;
    std::function<void()> error;

protected:
    void onThreadInitialize() override { Happened("onThreadInitialize", initialize); }
    void onThreadCleanup() override { Happened("onThreadCleanup", cleanup); }
    void onStarted() override { Happened("onStarted", started); }
    void onStopped() override { Happened("onStopped", stopped); }
    void onIdle() override
    {
        if (idle)
            idle();
        Service::onIdle();
    }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        Happened("onError" + ErrorText(code, category, message), error);
    }

private:
    void Happened(const std::string& event, const std::function<void()>& action)
    {
        log.Add(event);
        if (action)
            action();
    }
};

// The library's classes for plain connections, with a handshake that never comes.
struct Plain
{
    template <class TServer, class TSession>
    using Server = TCPServer<TServer, TSession>;

    template <class TServer, class TSession>
    class Session : public TCPSession<TServer, TSession>
    {
    public:
        using TCPSession<TServer, TSession>::TCPSession;

    protected:
        virtual void onHandshaked() {}
    };

    class Client : public TCPClient
    {
    public:
        using TCPClient::TCPClient;

    protected:
        virtual void onHandshaked() {}
    };
};

template <class TTransport>
class LoggingSessionOf;

template <class TTransport>
class LoggingServerOf : public TTransport::template Server<LoggingServerOf<TTransport>, LoggingSessionOf<TTransport>>, private Counted
{
    typedef typename TTransport::template Server<LoggingServerOf<TTransport>, LoggingSessionOf<TTransport>> Base;

public:
    typedef LoggingSessionOf<TTransport> Session;

    template <class... TArguments>
    explicit LoggingServerOf(std::shared_ptr<Service> service, TArguments&&... arguments)
        : Base(std::move(service), std::forward<TArguments>(arguments)...)
    {
    }

    Log log;
    // For the server's own callbacks.
    std::function<void()> started, stopped, error;
    std::function<void(Session&)> connected, disconnected;
    // For the callbacks of its sessions.
    std::function<void(Session&)> session_created, session_connected, session_handshaked, session_disconnected, session_empty, session_error;
    std::function<size_t(Session&, const std::string&)> session_received;
    std::function<void(Session&, size_t, size_t)> session_sent;

    std::shared_ptr<Session> Last() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _last.lock();
    }

protected:
    void onStarted() override
    {
        log.Add("server.onStarted");
        if (started)
            started();
    }
    void onStopped() override
    {
        log.Add("server.onStopped");
        if (stopped)
            stopped();
    }
    void onConnected(std::shared_ptr<Session> session) override
    {
        {
            std::lock_guard<std::mutex> lock(_mutex);
            _last = session;
        }
        log.Add("server.onConnected");
        if (connected)
            connected(*session);
    }
    void onDisconnected(std::shared_ptr<Session> session) override
    {
        log.Add("server.onDisconnected");
        if (disconnected)
            disconnected(*session);
    }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        log.Add("server.onError" + ErrorText(code, category, message));
        if (error)
            error();
    }

private:
    mutable std::mutex _mutex;
    std::weak_ptr<Session> _last;
};

template <class TTransport>
class LoggingSessionOf : public TTransport::template Session<LoggingServerOf<TTransport>, LoggingSessionOf<TTransport>>, private Counted
{
    typedef LoggingServerOf<TTransport> Server;
    typedef typename TTransport::template Session<Server, LoggingSessionOf> Base;

public:
    template <class... TArguments>
    explicit LoggingSessionOf(std::shared_ptr<typename TTransport::template Server<Server, LoggingSessionOf>> server, TArguments&&... arguments)
        : Base(std::move(server), std::forward<TArguments>(arguments)...)
    {
        Act(Owner().session_created);
    }

    Server& Owner() { return static_cast<Server&>(*this->server()); }

    std::string received;

protected:
    void onConnected() override
    {
        Owner().log.Add("session.onConnected");
        Act(Owner().session_connected);
    }
    void onHandshaked() override
    {
        Owner().log.Add("session.onHandshaked");
        Act(Owner().session_handshaked);
    }
    void onDisconnected() override
    {
        Owner().log.Add("session.onDisconnected");
        Act(Owner().session_disconnected);
    }
    size_t onReceived(const void* buffer, size_t size) override
    {
        const std::string text(static_cast<const char*>(buffer), size);
        received += text;
        Owner().log.Add("session.onReceived");
        return Owner().session_received ? Owner().session_received(*this, text) : size;
    }
    void onSent(size_t sent, size_t pending) override
    {
        if (Owner().session_sent)
            Owner().session_sent(*this, sent, pending);
    }
    void onEmpty() override { Act(Owner().session_empty); }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        Owner().log.Add("session.onError" + ErrorText(code, category, message));
        Act(Owner().session_error);
    }

private:
    void Act(const std::function<void(LoggingSessionOf&)>& action)
    {
        if (action)
            action(*this);
    }
};

template <class TTransport>
class LoggingClientOf : public TTransport::Client, private Counted
{
public:
    template <class... TArguments>
    explicit LoggingClientOf(std::shared_ptr<Service> service, TArguments&&... arguments)
        : TTransport::Client(std::move(service), std::forward<TArguments>(arguments)...)
    {
    }

    Log log;
    std::function<void(LoggingClientOf&)> connected, handshaked, disconnected, empty, error;
    std::function<size_t(LoggingClientOf&, const std::string&)> received;
    std::function<void(LoggingClientOf&, size_t, size_t)> sent;

    // Everything that onReceived() was told.
    std::string Received() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _text;
    }
    size_t ReceivedSize() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _text.size();
    }

protected:
    void onConnected() override
    {
        log.Add("client.onConnected");
        Act(connected);
    }
    void onHandshaked() override
    {
        log.Add("client.onHandshaked");
        Act(handshaked);
    }
    void onDisconnected() override
    {
        log.Add("client.onDisconnected");
        Act(disconnected);
    }
    size_t onReceived(const void* buffer, size_t size) override
    {
        const std::string text(static_cast<const char*>(buffer), size);
        {
            std::lock_guard<std::mutex> lock(_mutex);
            _text += text;
        }
        log.Add("client.onReceived");
        return received ? received(*this, text) : size;
    }
    void onSent(size_t count, size_t pending) override
    {
        if (sent)
            sent(*this, count, pending);
    }
    void onEmpty() override { Act(empty); }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        log.Add("client.onError" + ErrorText(code, category, message));
        Act(error);
    }

private:
    mutable std::mutex _mutex;
    std::string _text;

    void Act(const std::function<void(LoggingClientOf&)>& action)
    {
        if (action)
            action(*this);
    }
};

typedef LoggingServerOf<Plain> LoggingServer;
typedef LoggingSessionOf<Plain> LoggingSession;
typedef LoggingClientOf<Plain> LoggingClient;

// A started service, which is stopped at the end.
struct Running
{
    std::shared_ptr<LoggingService> service;

    explicit Running(size_t threads = 1) : service(std::make_shared<LoggingService>(threads)) { service->Start(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { service->Stop(); }

    // A server on a free port of 127.0.0.1, not started yet.
    std::shared_ptr<LoggingServer> Server() { return std::make_shared<LoggingServer>(service, "127.0.0.1", 0); }

    std::shared_ptr<LoggingServer> StartedServer()
    {
        auto server = Server();
        server->Start();
        server->log.Wait("server.onStarted");
        return server;
    }

    std::shared_ptr<LoggingClient> Client(int port) { return std::make_shared<LoggingClient>(service, "127.0.0.1", port); }

    std::shared_ptr<LoggingClient> ConnectedClient(int port)
    {
        auto client = Client(port);
        client->Connect();
        client->log.Wait("client.onConnected");
        return client;
    }

    // Returns after the I/O thread has done all that was queued before.
    void Settle()
    {
        Log log;
        service->Post([&log]() { log.Add("settled"); });
        log.Wait("settled");
    }
};

// A server with one connected client.
struct Connected : Running
{
    std::shared_ptr<LoggingServer> server;
    std::shared_ptr<LoggingClient> client;

    explicit Connected(std::function<void(LoggingServer&)> prepare = nullptr, std::function<void(LoggingClient&)> prepare_client = nullptr)
    {
        server = Server();
        if (prepare)
            prepare(*server);
        server->Start();
        server->log.Wait("server.onStarted");
        client = Client(server->port());
        if (prepare_client)
            prepare_client(*client);
        client->Connect();
        client->log.Wait("client.onConnected");
        server->log.Wait("server.onConnected");
    }
};

} // namespace Test

#endif // CPPSERVER_TESTS_SUPPORT_H
