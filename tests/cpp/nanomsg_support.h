// Sockets of the scalability protocols, and servers and clients that write down what happens to them.

#ifndef CPPSERVER_TESTS_NANOMSG_SUPPORT_H
#define CPPSERVER_TESTS_NANOMSG_SUPPORT_H

#include "support.h"

#include "server/nanomsg/bus.h"
#include "server/nanomsg/context.h"
#include "server/nanomsg/device.h"
#include "server/nanomsg/pair_client.h"
#include "server/nanomsg/pair_server.h"
#include "server/nanomsg/push_client.h"
#include "server/nanomsg/push_server.h"
#include "server/nanomsg/request_client.h"
#include "server/nanomsg/request_server.h"
#include "server/nanomsg/subscribe_client.h"
#include "server/nanomsg/subscribe_server.h"
#include "server/nanomsg/survey_client.h"
#include "server/nanomsg/survey_server.h"

// A call that throws SystemException with this number.
#define CHECK_FAILS(expression, number) \
    do { \
        int failure = 0; \
        try { static_cast<void>(expression); } catch (const CppCommon::SystemException& error) { failure = error.system_error(); } \
        CHECK_EQUAL(failure, number); \
    } while (false)

namespace Test {

namespace Nano = CppServer::Nanomsg;
using Nano::Domain;
using Nano::Message;
using Nano::Protocol;

// An address within the process that nobody else has.
inline std::string UnusedName()
{
    static std::atomic<int> count(0);
    return "inproc://cpp-" + std::to_string(++count);
}

inline std::string ErrorText(int error) { return "onError(" + std::to_string(error) + ", " + CppCommon::SystemException(error).system_message() + ")"; }

inline Message Bytes(const std::string& text) { return Message(text.data(), text.size()); }

// What a socket, a server or a client receives now.
template <class TReceiver>
inline std::string Hear(TReceiver& receiver)
{
    Message message;
    receiver.Receive(message);
    return message ? message.string() : "(nothing)";
}

// Two sockets of which the second one has connected.
struct SocketsOf
{
    Nano::Socket server;
    Nano::Socket client;

    SocketsOf(Protocol one, Protocol other, Domain domain = Domain::Std) : server(domain, one), client(domain, other)
    {
        const std::string address = UnusedName();
        if (other == Protocol::Subscriber)
            client.Subscribe("");
        server.Bind(address);
        client.Connect(address);
    }
};

// A server or client of the library with all callbacks written down.
template <class TBase>
class Logged : public TBase, private Counted
{
public:
    using TBase::TBase;

    Log log;
    std::function<void()> initialize, cleanup, idle, error, writable, finished;
    std::function<void(Message&)> received;
    std::atomic<std::thread::id> thread{ std::thread::id() };
    std::string details;

    // Whatever a test has hooked in is called no more.
    ~Logged() { EndOf(*this); }

    // What Send() and the others are where the class hides them.
    TBase& Base() { return *this; }

protected:
    void onThreadInitialize() override
    {
        thread = std::this_thread::get_id();
        Happened("onThreadInitialize", initialize);
    }
    void onThreadCleanup() override
    {
        log.Add(thread == std::this_thread::get_id() ? "onThreadCleanup" : "onThreadCleanup elsewhere");
        Act(cleanup);
    }
    void onIdle() override
    {
        log.Add("onIdle");
        Act(idle);
    }
    void onReceived(Message& message) override
    {
        thread = std::this_thread::get_id();
        log.Add("received " + message.string());
        if (received)
            received(message);
    }
    void onError(int code, const std::string& message) override
    {
        details = this->error_details();
        Happened("onError(" + std::to_string(code) + ", " + message + ")", error);
    }
    void onWritable() override { Happened("onWritable", writable); }
    void onSurveyFinished() override { Happened("onSurveyFinished", finished); }
    void onPeerConnected(const Nano::Peer& peer) override { log.Add("connected " + Text(peer)); }
    void onPeerDisconnected(const Nano::Peer& peer) override { log.Add("disconnected " + Text(peer)); }

    static std::string Text(const Nano::Peer& peer) { return std::to_string(peer.endpoint) + " " + peer.address + (peer.dialed ? " dialed" : ""); }

    void Happened(const std::string& event, const std::function<void()>& action)
    {
        log.Add(event);
        Act(action);
    }
    static void Act(const std::function<void()>& action)
    {
        if (action)
            action();
    }

private:
    static void EndOf(Nano::Server& server) { server.Stop(); }
    static void EndOf(Nano::Client& client) { client.Disconnect(); }
};

template <class TBase>
class LoggedServer : public Logged<TBase>
{
public:
    using Logged<TBase>::Logged;

    std::function<void()> started, stopped;

    ~LoggedServer() { this->Stop(); }

protected:
    void onStarted() override { this->Happened(this->IsStarted() ? "onStarted" : "onStarted, not started", started); }
    void onStopped() override { this->Happened(this->IsStarted() ? "onStopped, still started" : "onStopped", stopped); }
};

template <class TBase>
class LoggedClient : public Logged<TBase>
{
public:
    using Logged<TBase>::Logged;

    std::function<void()> connected, disconnected;

    ~LoggedClient() { this->Disconnect(); }

protected:
    void onConnected() override { this->Happened(this->IsConnected() ? "onConnected" : "onConnected, not connected", connected); }
    void onDisconnected() override { this->Happened(this->IsConnected() ? "onDisconnected, still connected" : "onDisconnected", disconnected); }
};

// A server that only counts as a whole what is not overridden: it has no onIdle().
template <class TBase>
class Quiet : public TBase, private Counted
{
public:
    using TBase::TBase;

    Log log;

    ~Quiet() { End_(*this); }

protected:
    void onReceived(Message& message) override { log.Add("received " + message.string()); }

private:
    static void End_(CppServer::Nanomsg::Server& server) { server.Stop(); }
    static void End_(CppServer::Nanomsg::Client& client) { client.Disconnect(); }
};

} // namespace Test

#endif // CPPSERVER_TESTS_NANOMSG_SUPPORT_H
