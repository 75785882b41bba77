/// @file server_base.h
/// What all servers share: listening, options and counters.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_SERVER_BASE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_SERVER_BASE_H

#include "server/asio/detail/handles.h"
#include "server/asio/service.h"
#include "server/asio/types.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of the server classes of the library, one of which is TSelf. TSession is the session class of the user, which may be
/// incomplete until sessions are made.
///
/// Must be owned by a std::shared_ptr. A started server keeps itself alive until it is stopped. All functions may be called from
/// every thread and every callback. Callbacks run on the I/O threads of the service.
template <class TSelf, class TSession>
class ServerBase : public std::enable_shared_from_this<TSelf>
{
public:
    ServerBase(const ServerBase&) = delete;
    virtual ~ServerBase() = default;

    ServerBase& operator=(const ServerBase&) = delete;

    std::shared_ptr<Service>& service() noexcept { return _service; }
    /// Where the server listens from the next Start() on. Port 0 stays 0 here; port() tells the real one.
    Compat::asio::ip::tcp::endpoint& endpoint() noexcept { return _endpoint; }
    /// Bound address and options of the listening socket; open while the server is started.
    Compat::asio::ip::tcp::acceptor& acceptor() noexcept { return _acceptor; }
    /// The real port as soon as Start() has returned, the configured one before.
    uint16_t port() const noexcept { return _listening ? cppserver_server_port(_handles.Current()) : _endpoint.port(); }

    /// Connections from their accept until after their last callback.
    uint64_t current_sessions() const noexcept { return cppserver_server_current_sessions(_handles.Current()); }
    /// Bytes of all sessions since Start(); kept by Stop().
    uint64_t bytes_sent() const noexcept { return cppserver_server_bytes_sent(_handles.Current()); }
    uint64_t bytes_received() const noexcept { return cppserver_server_bytes_received(_handles.Current()); }

    /// Inside onError(): the library's own sentence about the error, with what to do about it.
    std::string error_details() const { return CurrentDetails(); }

    /// True from just before onStarted() until just before onStopped().
    bool IsStarted() const noexcept { return _started; }

    /// Binds and listens at once; onStarted() follows on the I/O thread, when the service is not started yet as soon as it is.
    /// When the address cannot be used, onError() and then onStopped() follow instead, and Start() may be called again. True
    /// in both cases; false when the server is started or being started already, or the service is stopping.
    bool Start()
    {
        if (_listening.exchange(true))
            return false;
        Run_* run = nullptr;
        try
        {
            run = new Run_(this->shared_from_this());
            Prepare_();
        }
        catch (...)
        {
            delete run;
            _listening = false;
            throw;
        }
        return Accepted_(cppserver_server_start(_handles.Current(), &Handler_(), run));
    }

    /// Stops listening and disconnects all sessions: onStopped() comes first, then the disconnect callbacks. False when the
    /// server is not started.
    bool Stop() { return cppserver_server_stop(_handles.Current()) == CPPSERVER_STATUS_OK; }

    /// Stops and starts again. Returns when the stop was done and does not wait for the start; on an I/O thread it
    /// returns at once. False when the server is not started.
    bool Restart()
    {
        const uint64_t stops = _stops;
        if (!RequestRestart_())
            return false;
        if (_service->IsStarted() && !OnLoopThread())
            WaitingPlace::Instance().Wait([this, stops]() { return _stops != stops; });
        return true;
    }

    /// Disconnects all sessions. False when the server is not started.
    bool DisconnectAll() { return cppserver_server_disconnect_all(_handles.Current()) == CPPSERVER_STATUS_OK; }

    /// Options, from the next Start() on. False when the value is impossible.
    /// For sessions:
    bool SetupNoDelay(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_NO_DELAY, enable); }
    bool SetupKeepAlive(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_KEEP_ALIVE, enable); }
    /// Times in seconds; 0 stands for the system's default.
    bool SetupKeepAlive(bool enable, int idle, int interval, int count)
    {
        return _handles.SetOption(CPPSERVER_OPTION_KEEP_ALIVE_IDLE, idle) && _handles.SetOption(CPPSERVER_OPTION_KEEP_ALIVE_INTERVAL, interval)
            && _handles.SetOption(CPPSERVER_OPTION_KEEP_ALIVE_COUNT, count) && SetupKeepAlive(enable);
    }
    bool SetupSendBufferSize(size_t bytes) { return _handles.SetOption(CPPSERVER_OPTION_SEND_BUFFER, static_cast<int64_t>(bytes)); }
    bool SetupReceiveBufferSize(size_t bytes) { return _handles.SetOption(CPPSERVER_OPTION_RECEIVE_BUFFER, static_cast<int64_t>(bytes)); }
    /// Seconds; -1 switches it off, 0 resets connections on close.
    bool SetupLinger(int seconds) { return _handles.SetOption(CPPSERVER_OPTION_LINGER, seconds); }
    /// Ends sessions without a byte in or out for so long; 0 for none (default).
    bool SetupIdleTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_IDLE_TIMEOUT, timeout.count()); }
    /// How long Disconnect() goes on writing what is pending (default 5 s).
    bool SetupCloseTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_CLOSE_TIMEOUT, timeout.count()); }
    /// Bytes that may be pending per session; 0 for no limit (default).
    bool SetupSendLimit(size_t limit, SendPolicy policy = SendPolicy::Refuse)
    {
        return _handles.SetOption(CPPSERVER_OPTION_SEND_POLICY, static_cast<int64_t>(policy)) && _handles.SetOption(CPPSERVER_OPTION_SEND_LIMIT, static_cast<int64_t>(limit));
    }
    /// For the listening socket:
    bool SetupReuseAddress(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_REUSE_ADDRESS, enable); }
    bool SetupReusePort(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_REUSE_PORT, enable); }
    /// Whether a server on "::" takes IPv4 connections too (default).
    bool SetupDualStack(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_DUAL_STACK, enable); }
    bool SetupBacklog(int connections) { return _handles.SetOption(CPPSERVER_OPTION_BACKLOG, connections); }
    /// Connections at a time, of all peers and of one address; 0 for no limit (default).
    bool SetupSessionLimit(size_t sessions) { return _handles.SetOption(CPPSERVER_OPTION_SESSION_LIMIT, static_cast<int64_t>(sessions)); }
    bool SetupSessionLimitPerAddress(size_t sessions) { return _handles.SetOption(CPPSERVER_OPTION_SESSION_LIMIT_PER_ADDRESS, static_cast<int64_t>(sessions)); }

protected:
    virtual void onStarted() {}
    virtual void onStopped() {}
    /// After the session's own onConnected().
    virtual void onConnected(std::shared_ptr<TSession> /*session*/) {}
    /// After the session's own onDisconnected().
    virtual void onDisconnected(std::shared_ptr<TSession> /*session*/) {}
    virtual void onError(int /*error*/, const std::string& /*category*/, const std::string& /*message*/) {}

private:
    friend TSelf;
    template <class, class, class>
    friend class StreamServer;
    template <class, class, class, class>
    friend class MessageServer;
    template <class>
    friend class MessageOptions;

    // What the C library has as user_data from a start until destroy: it keeps the server alive.
    struct Run_
    {
        explicit Run_(std::shared_ptr<TSelf> owner) : server(std::move(owner)), listening(true), started(false) {}
        std::shared_ptr<TSelf> server;
        // From Start() until onStopped().
        bool listening;
        // From onStarted() until onStopped().
        bool started;
    };

    std::shared_ptr<Service> _service;
    Compat::asio::ip::tcp::endpoint _endpoint;
    Compat::asio::ip::tcp::acceptor _acceptor;
    Handles<ServerFunctions> _handles;
    // Counts stops, for those who wait for one.
    std::atomic<uint64_t> _stops;
    // From a successful Start() until the stop: only one start at a time.
    std::atomic<bool> _listening;
    std::atomic<bool> _started;
    // Start again, on a changed endpoint, after the stop.
    std::atomic<bool> _restart;

    ServerBase(std::shared_ptr<Service> service, const Compat::asio::ip::tcp::endpoint& endpoint)
        : _service(std::move(service)), _endpoint(endpoint), _acceptor(_service->service()), _stops(0), _listening(false), _started(false), _restart(false)
    {
    }

    // The last part of the construction, when TSelf can tell its context.
    void Construct_()
    {
        Prepare_();
        _handles.SetOption(CPPSERVER_OPTION_KEEP_ALIVE, 0);
        _handles.SetOption(CPPSERVER_OPTION_SEND_LIMIT, 0);
    }

    static Compat::asio::ip::tcp::endpoint Any_(InternetProtocol protocol, int port)
    {
        return Compat::asio::ip::tcp::endpoint(
            (protocol == InternetProtocol::IPv6) ? Compat::asio::ip::tcp::v6() : Compat::asio::ip::tcp::v4(), static_cast<unsigned short>(port));
    }
    static Compat::asio::ip::tcp::endpoint Parse_(const std::string& address, int port)
    {
        return Compat::asio::ip::tcp::endpoint(Compat::asio::ip::address::from_string(address), static_cast<unsigned short>(port));
    }

    TSelf& Self_() noexcept { return static_cast<TSelf&>(*this); }

    template <class TFunction>
    void Protect_(TFunction&& function) noexcept { _service->service().protect(std::forward<TFunction>(function)); }

    void Prepare_()
    {
        if (_handles.Update(Self_().Target_()))
            _acceptor = Compat::asio::ip::tcp::acceptor(_handles.Current());
    }

    bool RequestRestart_()
    {
        if (_handles.Has(Self_().Target_()))
            return Accepted_(cppserver_server_restart(_handles.Current()));
        _restart = true;
        return Stop() || !_restart.exchange(false);
    }

    // The outcome of a start or restart; a failure is reported on an I/O thread.
    bool Accepted_(int32_t status)
    {
        if (status == CPPSERVER_STATUS_OK)
            return true;
        if (status == CPPSERVER_STATUS_INVALID_STATE)
            return false;
        const Failure failure = TSelf::Translate_(LastFailure());
        const std::shared_ptr<TSelf> self = this->shared_from_this();
        _service->Post([self, failure]()
        {
            ServerBase& server = *self;
            server.Fail_(failure);
            server.Protect_([&server]() { server.onStopped(); });
        });
        return true;
    }

    void Fail_(const Failure& failure) noexcept
    {
        Protect_([&]()
        {
            Tell(failure, [this](int error, const std::string& category, const std::string& message) { onError(error, category, message); });
        });
    }

    void Stopped_(Run_& run)
    {
        run.listening = false;
        run.started = false;
        _started = false;
        _listening = false;
        ++_stops;
        WaitingPlace::Instance().Notify();
    }

    static Run_& From_(void* user_data) noexcept { return *static_cast<Run_*>(user_data); }

    static const cppserver_server_handler& Handler_() noexcept
    {
        static const cppserver_server_handler handler = {
            sizeof(cppserver_server_handler), &HandleStarted_, &HandleStopped_, &TSelf::HandleSession_, &TSelf::HandleConnected_, &TSelf::HandleDisconnected_, &HandleError_, &HandleDestroy_,
        };
        return handler;
    }

    static void HandleStarted_(void* user_data)
    {
        Run_& run = From_(user_data);
        ServerBase& self = *run.server;
        run.listening = true;
        run.started = true;
        self._listening = true;
        self._started = true;
        self.Protect_([&self]() { self.onStarted(); });
    }
    static void HandleStopped_(void* user_data)
    {
        Run_& run = From_(user_data);
        ServerBase& self = *run.server;
        self.Stopped_(run);
        self.Protect_([&self]() { self.onStopped(); });
        if (self._restart.exchange(false))
            self.Protect_([&self]() { self.Start(); });
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        Run_& run = From_(user_data);
        ServerBase& self = *run.server;
        self.Fail_(TSelf::Translate_({ code, category, message }));
        // A start on the I/O thread, such as the second half of a restart, has failed.
        if (!run.started)
        {
            self.Stopped_(run);
            self.Protect_([&self]() { self.onStopped(); });
        }
    }
    static void HandleDestroy_(void* user_data)
    {
        const std::unique_ptr<Run_> run(&From_(user_data));
        // A start that failed was never stopped.
        if (run->listening)
            static_cast<ServerBase&>(*run->server).Stopped_(*run);
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_SERVER_BASE_H
