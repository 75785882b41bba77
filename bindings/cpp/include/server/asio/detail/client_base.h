/// @file client_base.h
/// What all clients share: a connection that this side opens.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_CLIENT_BASE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_CLIENT_BASE_H

#include "server/asio/detail/handles.h"
#include "server/asio/detail/phase.h"
#include "server/asio/service.h"
#include "server/asio/types.h"

#include "system/uuid.h"
#include "compat/common/uuid.h"

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of the client classes of the library, one of which is TSelf. TStream is the socket or the encrypted stream over it.
///
/// Must be owned by a std::shared_ptr. A connected or connecting client keeps itself alive until it is disconnected. All
/// functions may be called from every thread and every callback. All callbacks of one client run on one I/O thread, one at
/// a time. Connect() in onDisconnected() is the way to stay connected.
template <class TSelf, class TStream>
class ClientBase : public std::enable_shared_from_this<TSelf>
{
public:
    ClientBase(const ClientBase&) = delete;
    virtual ~ClientBase() = default;

    ClientBase& operator=(const ClientBase&) = delete;

    /// Made once per object; the same for all its connections.
    const Compat::common::UUID& id() const noexcept { return _id; }

    std::shared_ptr<Service>& service() noexcept { return _service; }
    /// Addresses and options of the connection.
    Compat::asio::ip::tcp::socket& socket() noexcept { return _stream.lowest_layer(); }

    /// Bytes since the connection was made; kept after its end.
    uint64_t bytes_sent() const noexcept { return cppserver_session_bytes_sent(_session); }
    uint64_t bytes_received() const noexcept { return cppserver_session_bytes_received(_session); }
    /// Bytes that Send() accepted and the system did not take yet.
    size_t bytes_pending() const noexcept { return cppserver_session_bytes_pending(_session); }

    /// True from just before onConnected() until just before onDisconnected().
    bool IsConnected() const noexcept { return _phase.load() >= Phase::Connected; }
    /// Inside onError(): the library's own sentence about the error, with what to do about it.
    std::string error_details() const { return CurrentDetails(); }
    /// Why the last connection ended; set before its last onError().
    DisconnectReason disconnect_reason() const noexcept { return static_cast<DisconnectReason>(_reason.load()); }

    /// Begins to connect; onConnected(), or onError() and then onDisconnected(), follow on the I/O thread. False when the
    /// client is connected or connecting already, or the service is stopping.
    bool Connect()
    {
        if (_active.exchange(true))
            return false;
        Failure refusal;
        if (Self_().Refuses_(refusal))
        {
            _active = false;
            return Report_(refusal);
        }
        Run_* run = nullptr;
        try
        {
            run = new Run_(this->shared_from_this());
            Prepare_();
        }
        catch (...)
        {
            delete run;
            _active = false;
            throw;
        }
        const int32_t status = cppserver_client_connect(_handles.Current(), &TSelf::Handler_(), run);
        if (status == CPPSERVER_STATUS_OK)
            return true;
        if (status == CPPSERVER_STATUS_INVALID_STATE)
            return false;
        return Report_(Self_().Translate_(LastFailure()));
    }

    /// Disconnects and connects again, after onDisconnected(). Returns when the connection has ended and does not wait for
    /// the new one; on an I/O thread it returns at once. False when the client is not connected.
    bool Reconnect()
    {
        uint64_t disconnects = 0;
        {
            std::lock_guard<std::mutex> lock(_mutex);
            if (!IsConnected() || _reconnect)
                return false;
            _reconnect = true;
            disconnects = _disconnects;
        }
        // When this is refused, the connection is ending already, which is as good.
        cppserver_session_disconnect(_session);
        if (!OnLoopThread())
            WaitingPlace::Instance().Wait([this, disconnects]() { return _disconnects != disconnects; });
        return true;
    }

    /// Stops reading, until ResumeReceiving() or the end of the connection: a server that sends faster than this side works waits.
    /// Inside a callback no onReceived() follows. What comes meanwhile is told after the resume. False when not connected.
    bool PauseReceiving() { return cppserver_session_pause_reading(_session) == CPPSERVER_STATUS_OK; }
    bool ResumeReceiving() { return cppserver_session_resume_reading(_session) == CPPSERVER_STATUS_OK; }

    /// Options. Those of the socket take effect at once when connected, all from the next Connect() on. False when the value
    /// is impossible.
    bool SetupNoDelay(bool enable) { return SetupSocket_(CPPSERVER_OPTION_NO_DELAY, enable); }
    bool SetupKeepAlive(bool enable) { return SetupSocket_(CPPSERVER_OPTION_KEEP_ALIVE, enable); }
    /// Times in seconds; 0 stands for the system's default.
    bool SetupKeepAlive(bool enable, int idle, int interval, int count)
    {
        return SetupSocket_(CPPSERVER_OPTION_KEEP_ALIVE_IDLE, idle) && SetupSocket_(CPPSERVER_OPTION_KEEP_ALIVE_INTERVAL, interval)
            && SetupSocket_(CPPSERVER_OPTION_KEEP_ALIVE_COUNT, count) && SetupKeepAlive(enable);
    }
    bool SetupSendBufferSize(size_t bytes) { return SetupSocket_(CPPSERVER_OPTION_SEND_BUFFER, static_cast<int64_t>(bytes)); }
    bool SetupReceiveBufferSize(size_t bytes) { return SetupSocket_(CPPSERVER_OPTION_RECEIVE_BUFFER, static_cast<int64_t>(bytes)); }
    /// Seconds; -1 switches it off, 0 resets the connection on close.
    bool SetupLinger(int seconds) { return SetupSocket_(CPPSERVER_OPTION_LINGER, seconds); }
    /// How long a connect may take; 0 for the system's own limit (default).
    bool SetupConnectTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_CONNECT_TIMEOUT, timeout.count()); }
    /// Ends a connection without a byte in or out for so long; 0 for none (default).
    bool SetupIdleTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_IDLE_TIMEOUT, timeout.count()); }
    /// How long Disconnect() goes on writing what is pending (default 5 s).
    bool SetupCloseTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_CLOSE_TIMEOUT, timeout.count()); }
    /// Bytes that may be pending; 0 for no limit (default).
    bool SetupSendLimit(size_t limit, SendPolicy policy = SendPolicy::Refuse)
    {
        return _handles.SetOption(CPPSERVER_OPTION_SEND_POLICY, static_cast<int64_t>(policy)) && _handles.SetOption(CPPSERVER_OPTION_SEND_LIMIT, static_cast<int64_t>(limit));
    }
    /// Numeric local address, and port or 0, from which the next Connect() comes; an empty address for any. False when the
    /// address is none, or while connected or connecting.
    bool SetupBindAddress(const std::string& address, int port = 0)
    {
        if (!Bind_(address, static_cast<unsigned short>(port)))
            return false;
        _bind_address = address;
        _bind_port = static_cast<unsigned short>(port);
        return true;
    }

protected:
    virtual void onConnected() {}
    /// Also after a connect that failed.
    virtual void onDisconnected() {}
    /// Everything that was pending has been sent.
    virtual void onEmpty() {}
    virtual void onError(int /*error*/, const std::string& /*category*/, const std::string& /*message*/) {}

private:
    friend TSelf;
    template <class, class>
    friend class StreamClient;
    template <class, class>
    friend class MessageClient;
    template <class>
    friend class MessageConnection;
    template <class>
    friend class MessageOptions;
    template <class>
    friend class TlsDetails;
    template <class>
    friend class TlsSession;

    // What the C library has as user_data from a connect until destroy: it keeps the client alive.
    struct Run_
    {
        explicit Run_(std::shared_ptr<TSelf> owner) : client(std::move(owner)), active(true) {}
        std::shared_ptr<TSelf> client;
        bool active;
    };

    Compat::common::UUID _id;
    std::shared_ptr<Service> _service;
    TStream _stream;
    Handles<ClientFunctions> _handles;
    // The connection of the current handle; borrowed from it.
    std::atomic<cppserver_session*> _session;
    std::string _bind_address;
    unsigned short _bind_port = 0;
    // Counts ends of connections, for those who wait for one.
    std::atomic<uint64_t> _disconnects;
    std::atomic<int32_t> _reason;
    // From Connect() until the end of the connection: only one at a time.
    std::atomic<bool> _active;
    std::atomic<Phase> _phase;
    // Makes the end of a connection one step for Reconnect().
    std::mutex _mutex;
    // Connect again after the end of the connection.
    bool _reconnect;

    template <class... TArguments>
    explicit ClientBase(std::shared_ptr<Service> service, TArguments&... stream)
        : _id(Compat::common::UUID::Generate()), _service(std::move(service)), _stream(_service->service(), stream...),
          _session(nullptr), _disconnects(0), _reason(0), _active(false), _phase(Phase::Closed), _reconnect(false)
    {
    }

    // The last part of the construction, when TSelf can tell its target.
    void Construct_()
    {
        Prepare_();
        _handles.SetOption(CPPSERVER_OPTION_KEEP_ALIVE, 1);
        _handles.SetOption(CPPSERVER_OPTION_SEND_LIMIT, 0);
    }

    TSelf& Self_() noexcept { return static_cast<TSelf&>(*this); }

    cppserver_session* handle_() const noexcept { return _session; }

    template <class TFunction>
    void Protect_(TFunction&& function) noexcept { _service->service().protect(std::forward<TFunction>(function)); }

    void Prepare_()
    {
        if (!_handles.Update(Self_().Target_()))
            return;
        cppserver_session* session = cppserver_client_session(_handles.Current());
        _stream.lowest_layer() = Compat::asio::ip::tcp::socket(session);
        _session = session;
        Bind_(_bind_address, _bind_port);
        Self_().Attached_();
    }

    bool Bind_(const std::string& address, unsigned short port)
    {
        return cppserver_client_bind(_handles.Current(), address.empty() ? nullptr : address.c_str(), port) == CPPSERVER_STATUS_OK;
    }

    bool SetupSocket_(int32_t option, int64_t value)
    {
        if (!_handles.SetOption(option, value))
            return false;
        if (IsConnected())
            cppserver_session_set_option(_session, option, value);
        return true;
    }

    // Somebody wants the client to stay disconnected.
    void ForgetReconnect_()
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _reconnect = false;
    }

    // Tells an error on the I/O thread, and the end of a connect that did not begin.
    bool Report_(const Failure& failure)
    {
        const std::shared_ptr<TSelf> self = this->shared_from_this();
        _service->Post([self, failure]()
        {
            ClientBase& client = *self;
            client.Fail_(failure);
            client.Protect_([&client]() { client.onDisconnected(); });
        });
        return true;
    }

    // The connection is over. True when somebody wants another one.
    bool Ended_(Run_& run)
    {
        bool reconnect = false;
        {
            std::lock_guard<std::mutex> lock(_mutex);
            std::swap(reconnect, _reconnect);
            _phase = Phase::Closed;
            ++_disconnects;
        }
        run.active = false;
        _active = false;
        WaitingPlace::Instance().Notify();
        return reconnect;
    }

    void Fail_(const Failure& failure) noexcept
    {
        Protect_([&]()
        {
            Tell(failure, [this](int error, const std::string& category, const std::string& message) { onError(error, category, message); });
        });
    }

    static Run_& From_(void* user_data) noexcept { return *static_cast<Run_*>(user_data); }
    static ClientBase& Owner_(void* user_data) noexcept { return *From_(user_data).client; }

    void Connected_()
    {
        _phase = Phase::Connected;
        Protect_([this]() { onConnected(); });
    }

    static void HandleDisconnected_(void* user_data, int32_t reason)
    {
        Run_& run = From_(user_data);
        ClientBase& self = *run.client;
        self._reason = reason;
        self.Self_().Ending_(reason);
        const bool reconnect = self.Ended_(run);
        self.Protect_([&self]() { self.onDisconnected(); });
        if (reconnect)
            self.Protect_([&self]() { self.Connect(); });
    }
    static void HandleEmpty_(void* user_data)
    {
        ClientBase& self = Owner_(user_data);
        self.Protect_([&self]() { self.onEmpty(); });
    }
    static void HandleDestroy_(void* user_data)
    {
        const std::unique_ptr<Run_> run(&From_(user_data));
        // A connect that failed at once had no other callback.
        if (run->active)
            static_cast<ClientBase&>(*run->client).Ended_(*run);
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_CLIENT_BASE_H
