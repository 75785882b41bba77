/// @file node.h
/// What servers and clients share.

#ifndef CPPSERVER_SERVER_NANOMSG_DETAIL_NODE_H
#define CPPSERVER_SERVER_NANOMSG_DETAIL_NODE_H

#include "compat/common/thread.h"
#include "server/asio/detail/loop_thread.h"
#include "server/nanomsg/detail/overrides.h"
#include "server/nanomsg/socket.h"
#include "threads/thread.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace CppServer {
namespace Nanomsg {

class Bus;
class Client;
class PushClient;
class RequestClient;
class Server;
class SubscribeClient;
class SurveyServer;

/// The other end of a connection.
struct Peer
{
    int endpoint;        ///< The number of the endpoint that the connection belongs to
    std::string address; ///< Where the endpoint listens, or what it has connected to
    bool dialed;         ///< Whether it has connected
};

namespace Detail {

/// The base of Server and Client. Derive your class from one of these, or from that of a protocol. Options and counters are those of
/// socket().
///
/// Who calls onReceived()?
/// - With `threading`, a thread of the object. It exists from start to stop, waits without any work, and may be blocked by callbacks.
/// - Without, nobody: Receive() and TryReceive() call it on their thread.
/// - With a Service, one of its I/O threads. Nothing blocks there: Send() and the others fail with EAGAIN where they would.
///
/// All functions may be called on every thread and in every callback. Start and stop do their work on the calling thread, and call back
/// there. Stop wakes functions that are blocked in other threads; they return nothing. The thread of the object has ended when stop
/// returns, except when a callback on that thread calls it; do not let two objects stop each other in callbacks. A
/// CppCommon::SystemException that leaves a callback goes to onError(), any other exception ends the process with a message (those of
/// Receive() reach its caller).
///
/// The destructor stops too, but then the part of a derived class is gone already. So when callbacks use that part, stop the object
/// before it is destroyed, or in the destructor of the derived class. A callback may destroy its own object; on the I/O threads of a
/// Service that has several it must not destroy others, whose callbacks may be running.
class Node
{
public:
    Node(const Node&) = delete;
    virtual ~Node() = default;

    Node& operator=(const Node&) = delete;

    Socket& socket() noexcept { return _socket; }
    /// The address that was given.
    const std::string& address() const noexcept { return _address; }
    /// The port of a server, also when it asked for port 0; 0 when it is not started, and for clients.
    uint16_t port() const noexcept { return _socket.port(); }
    /// In onError(): a whole sentence about the error.
    std::string error_details() const { return CurrentDetails(); }

    /// Sends a message, as Socket::Send() does: pair and push sockets wait for a peer with room, the others never. Returns its size; 0
    /// when the object is not running, also meanwhile, and after onError().
    size_t Send(const void* buffer, size_t size) { return Sent_([&]() { return _socket.Send(buffer, size); }); }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }
    size_t Send(const Message& message) { return Sent_([&]() { return _socket.Send(message); }); }

    /// The same, but 0 where Send() would block.
    size_t TrySend(const void* buffer, size_t size) { return Sent_([&]() { return _socket.TrySend(buffer, size); }); }
    size_t TrySend(const std::string& text) { return TrySend(text.data(), text.size()); }
    size_t TrySend(const Message& message) { return Sent_([&]() { return _socket.TrySend(message); }); }

    /// Receives a message, as Socket::Receive() does, and calls onReceived() with it before it returns the size. 0 when the object is not
    /// running, also meanwhile, and after onError().
    size_t Receive(Message& message) { return Received_(message, &Socket::Receive); }
    /// The same, but nothing where Receive() would block.
    size_t TryReceive(Message& message) { return Received_(message, &Socket::TryReceive); }

protected:
    /// The thread of the object has begun.
    virtual void onThreadInitialize() {}
    /// It ends.
    virtual void onThreadCleanup() {}
    /// The thread has nothing to receive. Called again each millisecond as long as this is so, if it is overridden.
    virtual void onIdle() { Compat::common::Thread::Yield(); }
    /// A message came. It may be changed, sent, and moved away.
    virtual void onReceived(Message& /*message*/) {}
    /// Something failed; the numbers are those of nanomsg.
    virtual void onError(int /*error*/, const std::string& /*message*/) {}

    // The following are only called for objects with a Service, on its I/O threads. They and onError() may come before the callback of the
    // start is over, onReceived() does not.

    /// Sending is possible again after a TrySend(), or a Send() in a callback, that was refused.
    virtual void onWritable() {}
    /// The deadline of a survey has passed, and all its answers were received.
    virtual void onSurveyFinished() {}
    virtual void onPeerConnected(const Peer& /*peer*/) {}
    virtual void onPeerDisconnected(const Peer& /*peer*/) {}

    // Ends what goes on, for destructors: each class whose objects there are says so in its own, as the thread that calls back would
    // otherwise look for virtual functions while those of the object change.
    void Quit_()
    {
        Change_ change(*this);
        change.Waits();
        _socket.Forget_().Close();
        EndRun_();
        if (!IsCalling_())
            return;
        // A callback destroys its own object.
        *_alive = false;
        if (_thread.joinable())
            _thread.detach();
    }

private:
    friend class Nanomsg::Client;
    friend class Nanomsg::Server;
    friend class Nanomsg::RequestClient;
    friend class Nanomsg::SubscribeClient;
    friend class Nanomsg::SurveyServer;
    friend class Nanomsg::Bus;
    friend class Nanomsg::PushClient;

    enum class Calls_
    {
        Nobody,
        Thread,
        Service
    };

    // What the thread, or the handler of the C library, knows of its object.
    struct Run_
    {
        Node* node;
        std::shared_ptr<Gate> gate;
        uint64_t number;
        // False when a callback has destroyed the object.
        std::shared_ptr<bool> alive;
        Message message;

        bool IsOver() const noexcept { return gate->run() != number; }

        // The next message may be long in coming.
        void KeepLittle() noexcept
        {
            if (message.size() > 4096)
                message.Clear();
        }
    };

    std::string _address;
    Calls_ _calls;
    Socket _socket;
    const void* _own_idle;
    // Held by those who begin or end a run, but not while they call back.
    std::mutex _changing;
    // Whether the one who holds it may be waiting for callbacks.
    std::atomic<bool> _waits;
    std::thread _thread;
    std::shared_ptr<bool> _alive;

    Node(Domain domain, Protocol protocol, const std::string& address, bool threading)
        : _address(address), _calls(threading ? Calls_::Thread : Calls_::Nobody), _socket(domain, protocol), _waits(false)
    {
        Construct_();
    }
    template <class TService>
    Node(const std::shared_ptr<TService>& service, Domain domain, Protocol protocol, const std::string& address)
        : _address(address), _calls(Calls_::Service), _socket(service, domain, protocol), _waits(false)
    {
        Construct_();
    }
    // Of an object that is not called back any more.
    Node(Node&& node) : _address(node._address), _calls(node._calls), _socket(std::move(node._socket)), _waits(false) { Construct_(); }

    void Construct_()
    {
        _own_idle = FunctionOf(this, &Node::onIdle);
        _alive = std::make_shared<bool>(true);
    }

    // Both rest.
    void Take_(Node&& node)
    {
        _address = node._address;
        _calls = node._calls;
        _socket = std::move(node._socket);
    }

    // Called back by start and stop.
    virtual void Begun_() {}
    virtual void Ended_() {}

    bool IsRunning_() const noexcept { return _socket.IsConnected(); }
    bool IsCalledBack_() const noexcept { return _calls != Calls_::Nobody; }

    typedef bool (Socket::*Opener_)(const std::string&);

    bool Begin_(Opener_ open)
    {
        bool begun = false;
        Tried_([&]()
        {
            const uint64_t run = Open_(open);
            if (run == 0)
                return;
            Undo_ undo = { this };
            Begun_();
            BeginRun_(run);
            undo.node = nullptr;
            begun = true;
        });
        return begun;
    }

    // What has begun ends, unless it has begun well.
    struct Undo_
    {
        Node* node;
        ~Undo_()
        {
            if (node != nullptr)
                node->End_(false);
        }
    };

    // False when there is nothing to end.
    bool End_(bool tells = true)
    {
        {
            Change_ change(*this);
            Endpoint endpoint = change ? _socket.Forget_() : Endpoint();
            if (!endpoint)
                return false;
            change.Waits();
            // After Terminate() it is closed already.
            endpoint.Close();
            EndRun_();
        }
        if (tells)
            Ended_();
        return true;
    }

    // Of an object that is not called back any more: before it is moved away, or destroyed.
    static Node&& Rest_(Node& node)
    {
        if (node.IsCalledBack_())
            node.EndForGood_();
        return std::move(node);
    }
    // Also what goes on after the socket was disconnected behind the back of its object.
    void EndForGood_()
    {
        if (!End_())
            EndRun_();
    }
    // The object that calls back on this thread.
    static const Gate*& Current_() noexcept
    {
        static thread_local const Gate* current = nullptr;
        return current;
    }

    struct Calling_
    {
        const Gate* before;
        explicit Calling_(const Run_& run) : before(Current_()) { Current_() = run.gate.get(); }
        Calling_(const Calling_&) = delete;
        Calling_& operator=(const Calling_&) = delete;
        ~Calling_() { Current_() = before; }
    };

    // In a callback of the object, which cannot wait for its own end.
    bool IsCalling_() const noexcept { return Current_() == _socket._gate.get(); }

    // The right to begin or end a run. A callback of the object, and an I/O thread, does not wait for somebody who may wait for it: then
    // it has nothing to change.
    class Change_
    {
    public:
        explicit Change_(Node& node) : _node(node), _lock(node._changing, std::defer_lock)
        {
            if (!node.IsCalling_() && !Asio::Detail::OnLoopThread())
            {
                _lock.lock();
                return;
            }
            // All others who hold it are done soon.
            while (!_lock.try_lock() && !node._waits)
                std::this_thread::yield();
        }
        Change_(const Change_&) = delete;
        Change_& operator=(const Change_&) = delete;
        ~Change_()
        {
            if (_lock)
                _node._waits = false;
        }

        // To be called before anything that may wait for the end of a callback.
        void Waits() noexcept
        {
            if (_lock)
                _node._waits = true;
        }

        explicit operator bool() const noexcept { return _lock.owns_lock(); }

    private:
        Node& _node;
        std::unique_lock<std::mutex> _lock;
    };

    // Opens the endpoint and returns the number of the run; 0 when there is one already. A handler is told of everything that the endpoint
    // does, but receives nothing yet.
    uint64_t Open_(Opener_ open)
    {
        Change_ change(*this);
        if (!change || !_socket.IsOpened() || IsRunning_())
            return 0;
        change.Waits();
        // Ends the run of a socket that was disconnected behind the back of its object.
        const uint64_t run = EndRun_();
        _socket.SetupBlocking(true);
        NoHandler_ unless = { nullptr };
        if (_calls == Calls_::Service)
        {
            cppserver_sp_socket_pause_receiving(_socket.native_handle());
            Run_* told = new Run_{ this, _socket._gate, run, _alive, Message() };
            if (cppserver_sp_socket_set_handler(_socket.native_handle(), &Handler_(), told) != CPPSERVER_STATUS_OK)
                ThrowLastError("Cannot receive by callbacks!");
            unless.socket = _socket.native_handle();
        }
        if (!(_socket.*open)(_address))
            return 0;
        unless.socket = nullptr;
        return run;
    }

    struct NoHandler_
    {
        cppserver_sp_socket* socket;
        ~NoHandler_()
        {
            if (socket != nullptr)
                cppserver_sp_socket_clear_handler(socket);
        }
    };

    void BeginRun_(uint64_t number)
    {
        const Change_ change(*this);
        // Stopped meanwhile, or even started again, by the callback.
        if (!change || (_socket._gate->run() != number))
            return;
        if (_calls == Calls_::Service)
            cppserver_sp_socket_resume_receiving(_socket.native_handle());
        if (_calls != Calls_::Thread)
            return;
        const bool idles = (_own_idle == nullptr) || (FunctionOf(this, &Node::onIdle) != _own_idle);
        // A thread that has stopped itself, in a callback, may still be on its way.
        const auto previous = std::make_shared<std::thread>(std::move(_thread));
        const std::shared_ptr<Run_> run(new Run_{ this, _socket._gate, number, _alive, Message() });
        try
        {
            _thread = std::thread([run, previous, idles]()
            {
                if (previous->joinable())
                    previous->join();
                Loop_(*run, idles);
            });
        }
        catch (const std::system_error& error)
        {
            _thread = std::move(*previous);
            ThrowError("Cannot start the thread of the nanomsg socket!", error.code().value());
        }
    }

    // Returns the number of the next run.
    uint64_t EndRun_()
    {
        const uint64_t next = _socket._gate->NextRun();
        _socket.SetupBlocking(false);
        if (_calls == Calls_::Service)
            cppserver_sp_socket_clear_handler(_socket.native_handle());
        if (!IsCalling_() && _thread.joinable())
            _thread.join();
        return next;
    }

    static void Loop_(Run_& run, bool idles)
    {
        const Calling_ calling(run);
        if (*run.alive)
            run.node->Protect_([&]() { run.node->onThreadInitialize(); });
        do
        {
            if (*run.alive)
                run.node->Round_(run, idles);
        } while (!run.IsOver());
        if (*run.alive)
            run.node->Protect_([&]() { run.node->onThreadCleanup(); });
    }

    // Receives what is there, or idles and waits for it. A callback may destroy this object, so nothing of it is used after one.
    void Round_(Run_& run, bool idles)
    {
        const uint64_t questions = run.gate->questions();
        const std::chrono::milliseconds pause(idles ? 1 : -1);
        if (Receive_(run, idles ? std::chrono::milliseconds(0) : std::chrono::hours(24)))
            return;
        const int error = LastError();
        if (((error == EAGAIN) || (error == ETIMEDOUT)) && idles)
        {
            Protect_([&]() { onIdle(); });
            if (*run.alive && !run.IsOver())
                Receive_(run, pause);
        }
        else if ((error == WrongState) || !_socket.IsOpened())
            Rest_(run, questions, idles, pause);
        else if ((error != EAGAIN) && (error != ETIMEDOUT))
        {
            // It would fail each time.
            Protect_([&]() { ThrowLastError("Cannot receive a message from the nanomsg socket!"); });
            while (*run.alive && !run.IsOver())
                Rest_(run, run.gate->questions(), idles, pause);
        }
    }

    // Whether something was received: a message, or the end of a survey.
    bool Receive_(Run_& run, std::chrono::milliseconds timeout)
    {
        bool finished = false;
        const int32_t status = cppserver_sp_socket_receive_answer(_socket.native_handle(), run.message.Room_(), timeout.count(), &finished);
        run.message.Filled_((status == CPPSERVER_STATUS_OK) && !finished);
        if (status != CPPSERVER_STATUS_OK)
            return false;
        Protect_([&]()
        {
            if (finished)
                ThrowError("The deadline of the survey has passed!", ETIMEDOUT);
            onReceived(run.message);
        });
        run.KeepLittle();
        return true;
    }

    // Waits for a question, or for the end.
    void Rest_(Run_& run, uint64_t questions, bool idles, std::chrono::milliseconds pause)
    {
        if (idles)
            Protect_([&]() { onIdle(); });
        if (*run.alive)
            run.gate->Wait(questions, run.number, pause);
    }

    // Whether a function of the socket, or a callback, has thrown no error.
    template <class TFunction>
    bool Tried_(TFunction&& function)
    {
        try
        {
            function();
            return true;
        }
        catch (const Compat::common::SystemException& error)
        {
            Report_(error);
            return false;
        }
    }

    bool Link_(const std::string& address)
    {
        bool linked = false;
        return IsRunning_() && Tried_([&]() { linked = _socket.Link(address); }) && linked;
    }

    template <class TFunction>
    size_t Sent_(TFunction&& send)
    {
        size_t size = 0;
        return (IsRunning_() && Tried_([&]() { size = send(); })) ? size : 0;
    }

    size_t Received_(Message& message, size_t (Socket::*receive)(Message&))
    {
        return Sent_([&]()
        {
            const size_t size = (_socket.*receive)(message);
            if (message)
                onReceived(message);
            return size;
        });
    }

    // Calls a function of the user. What it throws goes to onError(), or ends the process.
    template <class TFunction>
    void Protect_(TFunction&& function) noexcept
    {
        try
        {
            try
            {
                function();
            }
            catch (const Compat::common::SystemException& error)
            {
                Report_(error);
            }
        }
        catch (const std::exception& error)
        {
            Abort_(error.what());
        }
        catch (...)
        {
            Abort_("not derived from std::exception");
        }
    }

    void Report_(const Compat::common::SystemException& error) { Tell_(error.system_error(), error.system_message(), error.message()); }

    void Tell_(int error, const std::string& message, std::string details)
    {
        struct Ends
        {
            std::string before;
            ~Ends() { CurrentDetails() = std::move(before); }
        };
        const Ends ends = { std::move(CurrentDetails()) };
        CurrentDetails() = std::move(details);
        onError(error, message);
    }

    [[noreturn]] static void Abort_(const char* what) noexcept
    {
        std::fprintf(stderr, "Fatal error: Nanomsg thread terminated! Unhandled exception in a callback: %s\n", what);
        std::fflush(stderr);
        std::abort();
    }

    static const cppserver_sp_handler& Handler_() noexcept
    {
        static const cppserver_sp_handler handler = {
            sizeof(cppserver_sp_handler), &HandleReceived_, &HandleWritable_, &HandleFinished_, &HandleConnected_, &HandleDisconnected_, &HandleError_, &HandleDestroy_,
        };
        return handler;
    }

    static Run_& From_(void* user_data) noexcept { return *static_cast<Run_*>(user_data); }

    template <class TFunction>
    static void Call_(void* user_data, TFunction&& function)
    {
        Run_& run = From_(user_data);
        const Calling_ calling(run);
        run.node->Protect_([&]() { function(*run.node); });
    }

    static void HandleReceived_(void* user_data, cppserver_sp_socket*, cppserver_sp_message* message)
    {
        Run_& run = From_(user_data);
        Call_(user_data, [&](Node& self)
        {
            cppserver_sp_message_swap(run.message.Room_(), message);
            run.message.Filled_(true);
            self.onReceived(run.message);
        });
        run.KeepLittle();
    }
    static void HandleWritable_(void* user_data, cppserver_sp_socket*)
    {
        Call_(user_data, [&](Node& self) { self.onWritable(); });
    }
    static void HandleFinished_(void* user_data, cppserver_sp_socket*)
    {
        Call_(user_data, [&](Node& self) { self.onSurveyFinished(); });
    }
    static void HandleConnected_(void* user_data, cppserver_sp_socket*, uint32_t endpoint, const char* address, bool dialed)
    {
        Call_(user_data, [&](Node& self) { self.onPeerConnected(Peer{ static_cast<int>(endpoint), address, dialed }); });
    }
    static void HandleDisconnected_(void* user_data, cppserver_sp_socket*, uint32_t endpoint, const char* address, bool dialed)
    {
        Call_(user_data, [&](Node& self) { self.onPeerDisconnected(Peer{ static_cast<int>(endpoint), address, dialed }); });
    }
    static void HandleError_(void* user_data, cppserver_sp_socket*, int32_t code, const char* category, const char* message)
    {
        Call_(user_data, [&](Node&) { ThrowError(message, ErrorNumber(code, category)); });
    }
    static void HandleDestroy_(void* user_data) { delete static_cast<Run_*>(user_data); }
};

} // namespace Detail
} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DETAIL_NODE_H
