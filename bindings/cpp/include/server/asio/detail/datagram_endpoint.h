/// @file datagram_endpoint.h
/// What UDP servers and clients share: a socket that sends and receives datagrams.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_DATAGRAM_ENDPOINT_H
#define CPPSERVER_SERVER_ASIO_DETAIL_DATAGRAM_ENDPOINT_H

#include "server/asio/detail/datagram_address.h"
#include "server/asio/detail/handles.h"
#include "server/asio/service.h"
#include "server/asio/types.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of UDPServer and UDPClient, which is TSelf.
///
/// Must be owned by a std::shared_ptr. A started server or connected client keeps itself alive until it is stopped or
/// disconnected. All functions may be called from every thread and every callback. All callbacks of one object run on I/O
/// threads, one at a time.
template <class TSelf>
class DatagramEndpoint : public std::enable_shared_from_this<TSelf>
{
public:
    /// The largest datagram that UDP can carry.
    static constexpr size_t MaxDatagramSize() noexcept { return 65507; }

    DatagramEndpoint(const DatagramEndpoint&) = delete;
    virtual ~DatagramEndpoint() = default;

    DatagramEndpoint& operator=(const DatagramEndpoint&) = delete;

    std::shared_ptr<Service>& service() noexcept { return _service; }
    Compat::asio::ip::udp::endpoint& endpoint() noexcept { return _endpoint; }
    /// Bound address and options of the socket while it is open.
    Compat::asio::ip::udp::socket& socket() noexcept { return _socket; }

    /// Since the last start; kept by the stop. Bytes are those of the datagrams themselves.
    uint64_t datagrams_sent() const noexcept { return cppserver_udp_datagrams_sent(_handles.Current()); }
    uint64_t datagrams_received() const noexcept { return cppserver_udp_datagrams_received(_handles.Current()); }
    uint64_t bytes_sent() const noexcept { return cppserver_udp_bytes_sent(_handles.Current()); }
    uint64_t bytes_received() const noexcept { return cppserver_udp_bytes_received(_handles.Current()); }
    /// Bytes that Send() accepted and the system did not take yet.
    size_t bytes_pending() const noexcept { return cppserver_udp_bytes_pending(_handles.Current()); }
    /// Datagrams that did not leave: beyond the send limit, or refused by the system.
    uint64_t datagrams_dropped() const noexcept { return cppserver_udp_datagrams_dropped(_handles.Current()); }
    /// Datagrams that arrived and were lost because the receive buffer was full, as far as the system tells.
    uint64_t datagrams_lost() const noexcept { return cppserver_udp_datagrams_lost(_handles.Current()); }

    /// Inside onError(): the library's own sentence about the error, with what to do about it.
    std::string error_details() const { return CurrentDetails(); }

    /// Queues one datagram of up to MaxDatagramSize() bytes, of none too; it is copied and leaves later. Returns all bytes now
    /// pending, which is never less than `size`. 0 when there is no open socket, the send limit refuses it, or it cannot be sent
    /// at all; then onError() tells why.
    size_t Send(const Compat::asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size)
    {
        if (!_open || ((buffer == nullptr) && (size > 0)))
            return 0;
        const cppserver_address to = ToNative(endpoint);
        size_t pending = 0;
        const int32_t status = cppserver_udp_send_to(_handles.Current(), &to, buffer, size, &pending);
        if (status == CPPSERVER_STATUS_INVALID_ARGUMENT)
            Refuse_(endpoint, size);
        if (status != CPPSERVER_STATUS_OK)
            return 0;
        return (pending < size) ? size : pending;
    }
    size_t Send(const Compat::asio::ip::udp::endpoint& endpoint, const std::string& text) { return Send(endpoint, text.data(), text.size()); }

    /// Receives the datagrams to a multicast group from now on, until it is left or the socket is closed. onJoined() or
    /// onError() tells how it went. Ignored while there is no open socket. Throws system_error "Invalid argument" when the
    /// text is no numeric address.
    void JoinMulticastGroup(const std::string& address) { JoinMulticastGroup(address, std::string()); }
    /// The same for one source only; an empty text for all. The interface is told by its name, its index or one of its IPv4
    /// addresses; an empty text leaves the choice to the system.
    void JoinMulticastGroup(const std::string& address, const std::string& source, const std::string& network_interface = std::string())
    {
        ChangeGroup_(&cppserver_udp_join, address, source, network_interface);
    }
    /// The same arguments end it; onLeft() or onError() tells how it went.
    void LeaveMulticastGroup(const std::string& address) { LeaveMulticastGroup(address, std::string()); }
    void LeaveMulticastGroup(const std::string& address, const std::string& source, const std::string& network_interface = std::string())
    {
        ChangeGroup_(&cppserver_udp_leave, address, source, network_interface);
    }

    /// Options. These count at once and for later starts. False when the value is impossible or the system refuses it.
    bool SetupSendBufferSize(size_t bytes) { return _handles.SetOption(CPPSERVER_OPTION_SEND_BUFFER, static_cast<int64_t>(bytes)); }
    bool SetupReceiveBufferSize(size_t bytes) { return _handles.SetOption(CPPSERVER_OPTION_RECEIVE_BUFFER, static_cast<int64_t>(bytes)); }
    /// Whether datagrams may go to broadcast addresses (default false).
    bool SetupBroadcast(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_BROADCAST, enable); }
    /// Routers that a datagram may pass; 0 for the system's default.
    bool SetupTimeToLive(int hops) { return _handles.SetOption(CPPSERVER_OPTION_TIME_TO_LIVE, hops); }
    /// Routers that a multicast may pass; 1 (default) keeps it in the own network.
    bool SetupMulticastHops(int hops) { return _handles.SetOption(CPPSERVER_OPTION_MULTICAST_TIME_TO_LIVE, hops); }
    /// Whether this machine hears its own multicasts (default true).
    bool SetupMulticastLoopback(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_MULTICAST_LOOP, enable); }
    /// Where multicasts leave: the name or index of an interface, or one of its IPv4 addresses; an empty text for the choice
    /// of the system (default).
    bool SetupMulticastInterface(const std::string& network_interface)
    {
        if (cppserver_udp_set_multicast_interface(_handles.Current(), network_interface.c_str()) != CPPSERVER_STATUS_OK)
            return false;
        _multicast_interface = network_interface;
        return true;
    }
    /// Bytes that may be pending; 0 for no limit (default). A datagram that waits counts some 40 bytes more than it has.
    bool SetupSendLimit(size_t limit, SendPolicy policy = SendPolicy::Refuse)
    {
        return _handles.SetOption(CPPSERVER_OPTION_SEND_POLICY, static_cast<int64_t>(policy)) && _handles.SetOption(CPPSERVER_OPTION_SEND_LIMIT, static_cast<int64_t>(limit));
    }
    /// How long a stop goes on sending what is pending (default 5 s).
    bool SetupCloseTimeout(std::chrono::milliseconds timeout) { return _handles.SetOption(CPPSERVER_OPTION_CLOSE_TIMEOUT, timeout.count()); }
    /// These count from the next start on. Bytes of a datagram that are delivered; the default is all.
    bool SetupDatagramLimit(size_t bytes) { return _handles.SetOption(CPPSERVER_OPTION_DATAGRAM_LIMIT, static_cast<int64_t>(bytes)); }
    /// Whether several sockets may have the address, where each gets the datagrams of its groups.
    bool SetupReuseAddress(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_REUSE_ADDRESS, enable); }
    /// Whether several sockets may share the datagrams to the address.
    bool SetupReusePort(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_REUSE_PORT, enable); }
    /// Whether a socket on "::" takes IPv4 datagrams too (default).
    bool SetupDualStack(bool enable) { return _handles.SetOption(CPPSERVER_OPTION_DUAL_STACK, enable); }

protected:
    /// One datagram and its sender. The buffer is valid during the call.
    virtual void onReceived(const Compat::asio::ip::udp::endpoint& /*endpoint*/, const void* /*buffer*/, size_t /*size*/) {}
    /// The first bytes of a datagram that was longer than SetupDatagramLimit() allows.
    virtual void onTruncated(const Compat::asio::ip::udp::endpoint& endpoint, const void* buffer, size_t size) { onReceived(endpoint, buffer, size); }
    /// The system took a datagram of `sent` bytes; `pending` is always 0.
    virtual void onSent(const Compat::asio::ip::udp::endpoint& /*endpoint*/, size_t /*sent*/, size_t /*pending*/) {}
    /// Everything that was pending has been sent.
    virtual void onEmpty() {}
    /// Datagrams to a multicast group are received from now on; an empty source stands for all.
    virtual void onJoined(const std::string& /*address*/, const std::string& /*source*/) {}
    /// Datagrams to a multicast group are received no more.
    virtual void onLeft(const std::string& /*address*/, const std::string& /*source*/) {}
    /// Also when the machine of a receiver has answered that nobody takes a datagram there.
    virtual void onError(int /*error*/, const std::string& /*category*/, const std::string& /*message*/) {}

private:
    friend TSelf;

    // What the C library has as user_data from a start until destroy: it keeps the object alive.
    struct Run_
    {
        explicit Run_(std::shared_ptr<TSelf> owner) : self(std::move(owner)), active(true) {}
        std::shared_ptr<TSelf> self;
        bool active;
    };

    std::shared_ptr<Service> _service;
    Compat::asio::ip::udp::endpoint _endpoint;
    Compat::asio::ip::udp::socket _socket;
    Handles<DatagramFunctions> _handles;
    std::string _multicast_interface;
    // Count openings and ends of the socket.
    std::atomic<uint64_t> _opens;
    std::atomic<uint64_t> _ends;
    // From a successful start until the end: only one start at a time.
    std::atomic<bool> _active;
    std::atomic<bool> _open;
    // The end comes from a datagram that could not be sent.
    std::atomic<bool> _broken;
    std::atomic<int32_t> _reason;
    // Start again, on a changed endpoint, after the end.
    std::atomic<bool> _restart;
    // The service has several I/O threads.
    std::atomic<bool> _threads;
    // Held by callbacks then: what Send() refuses is told on the first thread, which may be another one than that of the socket.
    std::mutex _turn;
    // What datagrams_dropped() was at the last error; for the I/O thread.
    uint64_t _dropped;

    DatagramEndpoint(std::shared_ptr<Service> service, const Compat::asio::ip::udp::endpoint& endpoint)
        : _service(std::move(service)), _endpoint(endpoint), _socket(_service->service()), _opens(0), _ends(0), _active(false), _open(false),
          _broken(false), _reason(0), _restart(false), _threads(false), _dropped(0)
    {
    }

    // The last part of the construction, when TSelf can tell its target.
    void Construct_()
    {
        Prepare_();
        _handles.SetOption(CPPSERVER_OPTION_SEND_LIMIT, 0);
    }

    static Compat::asio::ip::udp::endpoint Parse_(const std::string& address, int port)
    {
        return Compat::asio::ip::udp::endpoint(Compat::asio::ip::address::from_string(address), static_cast<unsigned short>(port));
    }

    TSelf& Self_() noexcept { return static_cast<TSelf&>(*this); }

    template <class TFunction>
    void Protect_(TFunction&& function) noexcept
    {
        std::unique_lock<std::mutex> turn(_turn, std::defer_lock);
        if (_threads)
            turn.lock();
        _service->service().protect(std::forward<TFunction>(function));
    }

    void Prepare_()
    {
        if (!_handles.Update(Self_().Target_()))
            return;
        _threads = _service->threads() > 1;
        _socket = Compat::asio::ip::udp::socket(_handles.Current());
        cppserver_udp_set_multicast_interface(_handles.Current(), _multicast_interface.c_str());
        Self_().Prepared_();
    }

    bool Begin_()
    {
        if (_active.exchange(true))
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
            _active = false;
            throw;
        }
        return Accepted_(cppserver_udp_start(_handles.Current(), &Handler_(), run));
    }

    bool End_()
    {
        _restart = false;
        return cppserver_udp_stop(_handles.Current()) == CPPSERVER_STATUS_OK;
    }

    bool Again_()
    {
        const uint64_t ends = _ends;
        if (!RequestRestart_())
            return false;
        if (_service->IsStarted() && !OnLoopThread())
            WaitingPlace::Instance().Wait([this, ends]() { return _ends != ends; });
        return true;
    }

    bool RequestRestart_()
    {
        if (_handles.Has(Self_().Target_()))
            return Accepted_(cppserver_udp_restart(_handles.Current()));
        _restart = true;
        return (cppserver_udp_stop(_handles.Current()) == CPPSERVER_STATUS_OK) || !_restart.exchange(false);
    }

    // The outcome of a start or restart; a failure is reported on an I/O thread.
    bool Accepted_(int32_t status)
    {
        if (status == CPPSERVER_STATUS_OK)
            return true;
        if (status == CPPSERVER_STATUS_INVALID_STATE)
            return false;
        const Failure failure = LastFailure().Plain();
        const std::shared_ptr<TSelf> self = this->shared_from_this();
        _service->Post([self, failure]()
        {
            DatagramEndpoint& endpoint = *self;
            endpoint.Fail_(failure);
            endpoint.Protect_([&self]() { self->Ended_(); });
        });
        return true;
    }

    void ChangeGroup_(int32_t (*change)(cppserver_udp*, const char*, const char*, const char*), const std::string& address, const std::string& source,
        const std::string& network_interface)
    {
        if (!_open)
            return;
        Compat::asio::ip::address::from_string(address);
        if (!source.empty())
            Compat::asio::ip::address::from_string(source);
        if (change(_handles.Current(), address.c_str(), source.empty() ? nullptr : source.c_str(), network_interface.c_str()) == CPPSERVER_STATUS_INVALID_ARGUMENT)
            Report_(Compat::asio::error::invalid_argument, false);
    }

    // A datagram that cannot be sent at all.
    void Refuse_(const Compat::asio::ip::udp::endpoint& endpoint, size_t size)
    {
        const Compat::asio::error::basic_errors error = (size > MaxDatagramSize()) ? Compat::asio::error::message_size
            : (endpoint.port() == 0) ? Compat::asio::error::invalid_argument : Compat::asio::error::address_family_not_supported;
        Report_(error, true);
    }

    // Tells, on an I/O thread, why the last call of the C library was refused, unless the socket was closed since.
    void Report_(Compat::asio::error::basic_errors error, bool breaks)
    {
        const Failure failure = MakeFailure(Compat::asio::error_code(error), LastFailure().message);
        const std::shared_ptr<TSelf> self = this->shared_from_this();
        const uint64_t opens = _opens;
        _service->Post([self, failure, opens, breaks]()
        {
            DatagramEndpoint& endpoint = *self;
            const auto is_same = [&endpoint, opens]() { return endpoint._open && (endpoint._opens == opens); };
            if (!is_same())
                return;
            endpoint.Fail_(failure);
            if (breaks && is_same())
                endpoint.Break_();
        });
    }

    // Whether the system has refused a datagram since the last error. Above a send limit datagrams are dropped, too; then nobody knows.
    bool HasDropped_()
    {
        int64_t limit = 0;
        cppserver_udp_get_option(_handles.Current(), CPPSERVER_OPTION_SEND_LIMIT, &limit);
        const uint64_t before = _dropped;
        _dropped = datagrams_dropped();
        return (limit == 0) && (_dropped != before);
    }

    // A datagram could not be sent.
    void Break_()
    {
        if (!TSelf::EndsOnError_())
            return;
        _broken = true;
        End_();
    }

    void Fail_(const Failure& failure) noexcept
    {
        Protect_([&]()
        {
            Tell(failure, [this](int error, const std::string& category, const std::string& message) { onError(error, category, message); });
        });
    }

    void Closed_(Run_& run)
    {
        run.active = false;
        _open = false;
        _active = false;
        ++_ends;
        WaitingPlace::Instance().Notify();
    }

    static DatagramEndpoint& Owner_(void* user_data) noexcept { return *static_cast<Run_*>(user_data)->self; }

    static const cppserver_udp_handler& Handler_() noexcept
    {
        static const cppserver_udp_handler handler = {
            sizeof(cppserver_udp_handler), &HandleStarted_, &HandleStopped_, &HandleReceived_, &HandleSent_, &HandleEmpty_, &HandleJoined_, &HandleLeft_, &HandleError_, &HandleDestroy_,
        };
        return handler;
    }

    static void HandleStarted_(void* user_data)
    {
        static_cast<Run_*>(user_data)->active = true;
        DatagramEndpoint& self = Owner_(user_data);
        ++self._opens;
        self._dropped = 0;
        self._broken = false;
        self._reason = 0;
        self._active = true;
        self._open = true;
        self.Protect_([&self]() { self.Self_().Begun_(); });
    }
    static void HandleStopped_(void* user_data, int32_t reason)
    {
        Run_& run = *static_cast<Run_*>(user_data);
        DatagramEndpoint& self = *run.self;
        self._reason = self._broken ? int32_t(CPPSERVER_REASON_ERROR) : reason;
        self.Closed_(run);
        self.Protect_([&self]() { self.Self_().Ended_(); });
        if (self._restart.exchange(false))
            self.Protect_([&self]() { self.Begin_(); });
    }
    static void HandleReceived_(void* user_data, const cppserver_address* from, const void* data, size_t size, bool truncated)
    {
        DatagramEndpoint& self = Owner_(user_data);
        const Compat::asio::ip::udp::endpoint endpoint = FromNative(*from);
        self.Protect_([&]() { truncated ? self.onTruncated(endpoint, data, size) : self.onReceived(endpoint, data, size); });
    }
    static void HandleSent_(void* user_data, const cppserver_address* to, size_t sent, size_t)
    {
        DatagramEndpoint& self = Owner_(user_data);
        const Compat::asio::ip::udp::endpoint endpoint = FromNative(*to);
        self.Protect_([&]() { self.onSent(endpoint, sent, 0); });
    }
    static void HandleEmpty_(void* user_data)
    {
        DatagramEndpoint& self = Owner_(user_data);
        self.Protect_([&self]() { self.onEmpty(); });
    }
    static void HandleJoined_(void* user_data, const char* group, const char* source)
    {
        DatagramEndpoint& self = Owner_(user_data);
        self.Protect_([&]() { self.onJoined(group, (source != nullptr) ? source : ""); });
    }
    static void HandleLeft_(void* user_data, const char* group, const char* source)
    {
        DatagramEndpoint& self = Owner_(user_data);
        self.Protect_([&]() { self.onLeft(group, (source != nullptr) ? source : ""); });
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        DatagramEndpoint& self = Owner_(user_data);
        const bool breaks = self.HasDropped_();
        self.Fail_(MakeFailure(code, category, message));
        if (breaks && self._open)
            self.Break_();
    }
    static void HandleDestroy_(void* user_data)
    {
        const std::unique_ptr<Run_> run(static_cast<Run_*>(user_data));
        // A start that failed at once had no other callback.
        if (run->active)
            static_cast<DatagramEndpoint&>(*run->self).Closed_(*run);
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_DATAGRAM_ENDPOINT_H
