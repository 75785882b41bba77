// A translation unit that brings its own `asio`, `CppCommon`, `websocketpp` and constants of nanomsg: with the four macros the library
// leaves those names alone.

#define CPPSERVER_NO_COMPAT_ASIO
#define CPPSERVER_NO_COMPAT_CPPCOMMON
#define CPPSERVER_NO_COMPAT_NANOMSG
#define CPPSERVER_NO_COMPAT_WEBSOCKETPP

#include "server/asio/ssl_client.h"
#include "server/asio/ssl_server.h"
#include "server/asio/tcp_client.h"
#include "server/asio/tcp_server.h"
#include "server/asio/timer.h"
#include "server/asio/udp_client.h"
#include "server/asio/udp_server.h"
#include "server/asio/unix_client.h"
#include "server/asio/unix_server.h"
#include "server/asio/websocket_client.h"
#include "server/asio/websocket_server.h"
#include "server/asio/websocket_ssl_client.h"
#include "server/asio/websocket_ssl_server.h"
#include "server/nanomsg/bus.h"
#include "server/nanomsg/device.h"
#include "server/nanomsg/request_client.h"
#include "server/nanomsg/request_server.h"
#include "server/nanomsg/subscribe_client.h"
#include "server/nanomsg/survey_server.h"
#include "system/uuid.h"
#include "threads/thread.h"

#if defined(__LOCATION__) || defined(__THREAD__) || defined(throwex)
#error "CPPSERVER_NO_COMPAT_CPPCOMMON leaves the macros of CppCommon alone."
#endif

#if defined(NN_PAIR) || defined(AF_SP) || defined(EFSM)
#error "CPPSERVER_NO_COMPAT_NANOMSG leaves the constants of nanomsg alone."
#endif

#include "framework.h"

enum own_constants
{
    AF_SP = 8,
    NN_PAIR,
    EFSM
};

namespace asio {

typedef int io_service;

struct endpoint
{
    struct text
    {
        std::string to_string() const { return "127.0.0.1"; }
    };
    text address() const { return text(); }
    unsigned short port() const { return 0; }
};

} // namespace asio

namespace CppCommon {

typedef int UUID;

} // namespace CppCommon

namespace websocketpp {

typedef int connection_hdl;

} // namespace websocketpp

namespace {

class OwnSession;

class OwnServer : public CppServer::Asio::TCPServer<OwnServer, OwnSession>
{
public:
    using CppServer::Asio::TCPServer<OwnServer, OwnSession>::TCPServer;
};

class OwnSession : public CppServer::Asio::TCPSession<OwnServer, OwnSession>
{
public:
    using CppServer::Asio::TCPSession<OwnServer, OwnSession>::TCPSession;

protected:
    size_t onReceived(const void* buffer, size_t size) override
    {
        Send(buffer, size);
        return size;
    }
};

class OwnEcho : public CppServer::Asio::UDPServer
{
public:
    using CppServer::Asio::UDPServer::UDPServer;

protected:
    void onReceived(const CppServer::Compat::asio::ip::udp::endpoint& from, const void* buffer, size_t size) override { Send(from, buffer, size); }
};

class OwnReplies : public CppServer::Nanomsg::RequestServer
{
public:
    using CppServer::Nanomsg::RequestServer::RequestServer;

    ~OwnReplies() { Stop(); }

protected:
    void onReceived(CppServer::Nanomsg::Message& message) override { Send(message); }
};

class OwnTalk;

class OwnTalks : public CppServer::Asio::WebSocketServer<OwnTalks, OwnTalk>
{
public:
    using CppServer::Asio::WebSocketServer<OwnTalks, OwnTalk>::WebSocketServer;
};

class OwnTalk : public CppServer::Asio::WebSocketSession<OwnTalks, OwnTalk>
{
public:
    using CppServer::Asio::WebSocketSession<OwnTalks, OwnTalk>::WebSocketSession;

protected:
    void onReceived(CppServer::Asio::WebSocketMessage message) override { Send(message); }
};

} // namespace

TEST(names_of_others_are_left_alone_by_macros)
{
    const asio::io_service number = 5;
    const CppCommon::UUID another = 6;
    const websocketpp::connection_hdl third = 7;
    CHECK_EQUAL(number + another + third + AF_SP, 26);
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto server = std::make_shared<OwnServer>(service, asio::endpoint());
    CHECK(server->Start());
    UNTIL(server->IsStarted());
    auto client = std::make_shared<CppServer::Asio::TCPClient>(service, "127.0.0.1", server->port());
    CHECK(client->Connect());
    UNTIL(client->IsConnected());
    CHECK_EQUAL(client->Send("echo"), 4u);
    UNTIL(client->bytes_received() == 4);
    auto echo = std::make_shared<OwnEcho>(service, asio::endpoint());
    CHECK(echo->Start());
    UNTIL(echo->IsStarted());
    auto caller = std::make_shared<CppServer::Asio::UDPClient>(service, "127.0.0.1", echo->port());
    CHECK(caller->Connect());
    UNTIL(caller->IsConnected());
    CHECK_EQUAL(caller->Send("echo"), 4u);
    UNTIL(caller->bytes_received() == 4);
    auto talks = std::make_shared<OwnTalks>(service, asio::endpoint());
    CHECK(talks->Start());
    auto talker = std::make_shared<CppServer::Asio::WebSocketClient>(service, "ws://127.0.0.1:" + std::to_string(talks->port()));
    CHECK(talker->Connect());
    UNTIL(talker->IsConnected());
    CHECK_EQUAL(talker->Send("echo"), 4u);
    UNTIL(talker->bytes_received() == 4);
    OwnReplies replies("inproc://headers without names");
    CHECK(replies.Start());
    CppServer::Nanomsg::RequestClient asks("inproc://headers without names");
    CHECK(asks.Connect());
    CHECK_EQUAL(asks.Request("echo").string(), "echo");
    service->Stop();
}
