// WebSocket servers and clients, plain and encrypted, that write down what happens to them.

#ifndef CPPSERVER_TESTS_WEBSOCKET_SUPPORT_H
#define CPPSERVER_TESTS_WEBSOCKET_SUPPORT_H

#include "raw_peer.h"
#include "ssl_support.h"

#include "server/asio/websocket_client.h"
#include "server/asio/websocket_server.h"
#include "server/asio/websocket_ssl_client.h"
#include "server/asio/websocket_ssl_server.h"

// A test of plain and of encrypted connections: T is PlainSockets or SecureSockets.
#define TEST_BOTH(name) \
    template <class T> \
    static void name(); \
    static const Test::Registration registration_plain_##name(Test::Cases(), "websocket_" #name, &name<Test::PlainSockets>); \
    static const Test::Registration registration_secure_##name(Test::Cases(), "websocket_ssl_" #name, &name<Test::SecureSockets>); \
    template <class T> \
    static void name()

namespace Test {

using CppServer::Asio::HttpRequest;
using CppServer::Asio::HttpResponse;
using CppServer::Asio::WebSocketMessage;
namespace opcode = websocketpp::frame::opcode;
namespace status = websocketpp::close::status;

struct PlainSockets
{
    template <class TServer, class TSession>
    using Server = CppServer::Asio::WebSocketServer<TServer, TSession>;
    template <class TServer, class TSession>
    using Session = CppServer::Asio::WebSocketSession<TServer, TSession>;
    typedef CppServer::Asio::WebSocketClient Client;

    static std::string Scheme() { return "ws://"; }
    template <class TLogging>
    static std::shared_ptr<TLogging> MakeServer(std::shared_ptr<Service> service, const std::string& address, int port)
    {
        return std::make_shared<TLogging>(service, address, port);
    }
    template <class TLogging>
    static std::shared_ptr<TLogging> MakeClient(std::shared_ptr<Service> service, const std::string& uri)
    {
        return std::make_shared<TLogging>(service, uri);
    }
};

struct SecureSockets
{
    template <class TServer, class TSession>
    using Server = CppServer::Asio::WebSocketSSLServer<TServer, TSession>;
    template <class TServer, class TSession>
    using Session = CppServer::Asio::WebSocketSSLSession<TServer, TSession>;
    typedef CppServer::Asio::WebSocketSSLClient Client;

    static std::string Scheme() { return "wss://"; }
    template <class TLogging>
    static std::shared_ptr<TLogging> MakeServer(std::shared_ptr<Service> service, const std::string& address, int port)
    {
        return std::make_shared<TLogging>(service, OwnContext("server"), address, port);
    }
    template <class TLogging>
    static std::shared_ptr<TLogging> MakeClient(std::shared_ptr<Service> service, const std::string& uri)
    {
        return std::make_shared<TLogging>(service, VerifyingContext(), uri);
    }
};

// A message as text, with its opcode where it is not the one of texts.
inline std::string MessageText(const WebSocketMessage& message)
{
    return ((message->get_opcode() == opcode::binary) ? "binary " : "") + message->get_payload();
}

template <class T>
class SocketSession;

template <class T>
class SocketServer : public T::template Server<SocketServer<T>, SocketSession<T>>, private Counted
{
    typedef typename T::template Server<SocketServer<T>, SocketSession<T>> Base;

public:
    typedef SocketSession<T> Session;

    using Base::Base;

    Log log;
    std::function<void(Session&)> connected, disconnected;
    std::function<void(Session&)> session_connected, session_disconnected, session_empty, session_error;
    std::function<void(Session&, WebSocketMessage)> session_received;
    std::function<void(const HttpRequest&, HttpResponse&)> handshake, request;
    std::function<void()> error;

    std::shared_ptr<Session> Last() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _last.lock();
    }

protected:
    void onStarted() override { log.Add("server.onStarted"); }
    void onStopped() override { log.Add("server.onStopped"); }
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
    void onHandshake(const HttpRequest& asked, HttpResponse& response) override
    {
        if (handshake)
            handshake(asked, response);
    }
    void onRequest(const HttpRequest& asked, HttpResponse& response) override
    {
        if (request)
            request(asked, response);
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

template <class T>
class SocketSession : public T::template Session<SocketServer<T>, SocketSession<T>>, private Counted
{
    typedef typename T::template Session<SocketServer<T>, SocketSession<T>> Base;

public:
    using Base::Base;

    SocketServer<T>& Owner() { return static_cast<SocketServer<T>&>(*this->server()); }

    // Last words of onError().
    std::string details;

protected:
    void onConnected() override { Happened("onConnected", Owner().session_connected); }
    void onDisconnected() override { Happened("onDisconnected", Owner().session_disconnected); }
    void onReceived(WebSocketMessage message) override
    {
        Owner().log.Add("session: " + MessageText(message));
        if (Owner().session_received)
            Owner().session_received(*this, message);
    }
    void onPing(const std::string& payload) override { Owner().log.Add("session.onPing(" + payload + ")"); }
    void onPong(const std::string& payload) override { Owner().log.Add("session.onPong(" + payload + ")"); }
    void onEmpty() override
    {
        if (Owner().session_empty)
            Owner().session_empty(*this);
    }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        details = this->error_details();
        Happened("onError" + ErrorText(code, category, message), Owner().session_error);
    }

private:
    void Happened(const std::string& event, const std::function<void(SocketSession&)>& action)
    {
        Owner().log.Add("session." + event);
        if (action)
            action(*this);
    }
};

template <class T>
class SocketClient : public T::Client, private Counted
{
public:
    using T::Client::Client;

    Log log;
    std::function<void(SocketClient&)> connected, disconnected, empty, error;
    std::function<void(SocketClient&, WebSocketMessage)> received;
    // Where the last onError() came from.
    std::atomic<std::thread::id> error_thread{ std::thread::id() };

protected:
    void onConnected() override { Happened("onConnected", connected); }
    void onDisconnected() override { Happened("onDisconnected", disconnected); }
    void onReceived(WebSocketMessage message) override
    {
        log.Add("client: " + MessageText(message));
        if (received)
            received(*this, message);
    }
    void onPing(const std::string& payload) override { log.Add("client.onPing(" + payload + ")"); }
    void onPong(const std::string& payload) override { log.Add("client.onPong(" + payload + ")"); }
    void onEmpty() override
    {
        if (empty)
            empty(*this);
    }
    void onError(int code, const std::string& category, const std::string& message) override
    {
        error_thread = std::this_thread::get_id();
        Happened("onError" + ErrorText(code, category, message), error);
    }

private:
    void Happened(const std::string& event, const std::function<void(SocketClient&)>& action)
    {
        log.Add("client." + event);
        if (action)
            action(*this);
    }
};

inline std::string SocketError(websocketpp::error::value value) { return ErrorText(make_error_code(value)); }
inline std::string ProtocolError(websocketpp::processor::error::processor_errors value) { return ErrorText(make_error_code(value)); }
inline std::string NetworkError() { return ErrorText(make_error_code(websocketpp::transport::asio::error::pass_through)); }

// A service with a started server.
template <class T>
struct SocketHost : Running
{
    typedef SocketServer<T> Server;
    typedef SocketClient<T> Client;
    typedef SocketSession<T> Session;

    std::shared_ptr<Server> server;

    explicit SocketHost(std::function<void(Server&)> prepare = nullptr)
    {
        server = T::template MakeServer<Server>(service, "127.0.0.1", 0);
        if (prepare)
            prepare(*server);
        server->Start();
        server->log.Wait("server.onStarted");
    }

    // Stopped before what the hooks of a test refer to is gone.
    ~SocketHost() { service->Stop(); }

    std::string Uri(const std::string& target = "") const { return T::Scheme() + "127.0.0.1:" + std::to_string(server->port()) + target; }

    std::shared_ptr<Client> NewClient(const std::string& target = "") { return T::template MakeClient<Client>(service, Uri(target)); }

    std::shared_ptr<Client> ConnectedClient(const std::string& target = "", std::function<void(Client&)> prepare = nullptr)
    {
        auto client = NewClient(target);
        if (prepare)
            prepare(*client);
        const size_t before = server->log.Count("server.onConnected");
        client->Connect();
        client->log.Wait("client.onConnected");
        server->log.Wait("server.onConnected", before + 1);
        return client;
    }
};

// The same with a connected client.
template <class T>
struct SocketPair : SocketHost<T>
{
    std::shared_ptr<SocketClient<T>> client;

    explicit SocketPair(std::function<void(SocketServer<T>&)> prepare = nullptr, std::function<void(SocketClient<T>&)> prepare_client = nullptr)
        : SocketHost<T>(prepare)
    {
        client = this->ConnectedClient("", prepare_client);
    }

    void WaitForEnd(size_t count = 1)
    {
        client->log.Wait("client.onDisconnected", count);
        this->server->log.Wait("server.onDisconnected", count);
    }
};

// A client that speaks WebSocket byte by byte.
inline RawPeer RawSocket(int port, const std::string& headers = "", const std::string& target = "/")
{
    RawPeer peer(port);
    peer.Send("GET " + target + " HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + headers + "\r\n");
    return peer;
}

// A short frame of a client, with a mask that changes nothing.
inline std::string RawFrame(int first, const std::string& payload)
{
    return std::string(1, static_cast<char>(first)) + static_cast<char>(0x80 | payload.size()) + std::string(4, '\0') + payload;
}

// What a short frame of a server holds, with its first byte in front.
inline std::string ReadRawFrame(RawPeer& peer)
{
    const std::string head = peer.Receive(2);
    return head.substr(0, 1) + peer.Receive(static_cast<unsigned char>(head[1]));
}

} // namespace Test

#endif // CPPSERVER_TESTS_WEBSOCKET_SUPPORT_H
