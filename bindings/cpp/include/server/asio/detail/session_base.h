/// @file session_base.h
/// What the sessions of all servers share: one accepted connection.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_SESSION_BASE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_SESSION_BASE_H

#include "server/asio/detail/phase.h"
#include "server/asio/service.h"
#include "server/asio/types.h"

#include "system/uuid.h"
#include "compat/common/uuid.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of the session classes of the library, one of which is TSelf. TServerBase is their server's library class, TSession
/// the class of the user, TStream the socket or the encrypted stream over it.
///
/// All callbacks of one session run on one I/O thread, one at a time. All functions may be called from every thread and
/// every callback.
template <class TSelf, class TServerBase, class TSession, class TStream>
class SessionBase : public std::enable_shared_from_this<TSelf>
{
public:
    SessionBase(const SessionBase&) = delete;
    virtual ~SessionBase() = default;

    SessionBase& operator=(const SessionBase&) = delete;

    const Compat::common::UUID& id() const noexcept { return _id; }

    /// The service of the server.
    std::shared_ptr<Service>& service() noexcept { return _server->service(); }
    std::shared_ptr<TServerBase>& server() noexcept { return _server; }
    /// Addresses and options of the connection.
    Compat::asio::ip::tcp::socket& socket() noexcept { return _stream.lowest_layer(); }

    uint64_t bytes_sent() const noexcept { return cppserver_session_bytes_sent(handle_()); }
    uint64_t bytes_received() const noexcept { return cppserver_session_bytes_received(handle_()); }
    /// Bytes that Send() accepted and the system did not take yet.
    size_t bytes_pending() const noexcept { return cppserver_session_bytes_pending(handle_()); }

    /// True from just before onConnected() until just before onDisconnected().
    bool IsConnected() const noexcept { return _phase.load() >= Phase::Connected; }
    /// Inside onError(): the library's own sentence about the error, with what to do about it.
    std::string error_details() const { return CurrentDetails(); }
    /// Why the connection ended; set before the last onError().
    DisconnectReason disconnect_reason() const noexcept { return static_cast<DisconnectReason>(_reason.load()); }

    /// Stops reading, until ResumeReceiving() or the end of the connection: a client that sends faster than this side works waits.
    /// Inside a callback no onReceived() follows. What comes meanwhile is told after the resume. False when not connected.
    bool PauseReceiving() { return cppserver_session_pause_reading(handle_()) == CPPSERVER_STATUS_OK; }
    bool ResumeReceiving() { return cppserver_session_resume_reading(handle_()) == CPPSERVER_STATUS_OK; }

    /// Options of this connection, while it lives. False when it is not connected, the value is impossible or the system
    /// refuses it.
    bool SetupNoDelay(bool enable) { return Setup_(CPPSERVER_OPTION_NO_DELAY, enable); }
    bool SetupKeepAlive(bool enable) { return Setup_(CPPSERVER_OPTION_KEEP_ALIVE, enable); }
    /// Times in seconds; 0 leaves what is set.
    bool SetupKeepAlive(bool enable, int idle, int interval, int count)
    {
        return ((idle == 0) || Setup_(CPPSERVER_OPTION_KEEP_ALIVE_IDLE, idle))
            && ((interval == 0) || Setup_(CPPSERVER_OPTION_KEEP_ALIVE_INTERVAL, interval))
            && ((count == 0) || Setup_(CPPSERVER_OPTION_KEEP_ALIVE_COUNT, count)) && SetupKeepAlive(enable);
    }
    bool SetupSendBufferSize(size_t bytes) { return Setup_(CPPSERVER_OPTION_SEND_BUFFER, static_cast<int64_t>(bytes)); }
    bool SetupReceiveBufferSize(size_t bytes) { return Setup_(CPPSERVER_OPTION_RECEIVE_BUFFER, static_cast<int64_t>(bytes)); }
    /// Seconds; -1 switches it off, 0 resets the connection on close.
    bool SetupLinger(int seconds) { return Setup_(CPPSERVER_OPTION_LINGER, seconds); }

protected:
    virtual void onConnected() {}
    virtual void onDisconnected() {}
    /// Everything that was pending has been sent.
    virtual void onEmpty() {}
    virtual void onError(int /*error*/, const std::string& /*category*/, const std::string& /*message*/) {}

private:
    friend TSelf;
    template <class, class, class, class>
    friend class StreamSession;
    template <class, class, class>
    friend class StreamServer;
    template <class, class, class>
    friend class MessageSession;
    template <class, class, class, class>
    friend class MessageServer;
    template <class>
    friend class MessageConnection;
    template <class>
    friend class TlsDetails;
    template <class>
    friend class TlsSession;

    Compat::common::UUID _id;
    std::shared_ptr<TServerBase> _server;
    TStream _stream;
    std::atomic<int32_t> _reason;
    std::atomic<Phase> _phase;

    template <class... TArguments>
    explicit SessionBase(std::shared_ptr<TServerBase> server, TArguments&&... stream)
        : _id(Compat::common::UUID::Generate()), _server(std::move(server)), _stream(std::forward<TArguments>(stream)...), _reason(0), _phase(Phase::Closed)
    {
    }

    cppserver_session* handle_() const noexcept { return _stream.lowest_layer().native_session(); }

    bool Setup_(int32_t option, int64_t value) { return cppserver_session_set_option(handle_(), option, value) == CPPSERVER_STATUS_OK; }

    template <class TFunction>
    void Protect_(TFunction&& function) noexcept
    {
        Compat::asio::detail::protect(std::forward<TFunction>(function),
            [this](const std::system_error& error) { service()->service().report(error); });
    }

    void Fail_(const Failure& failure) noexcept
    {
        Protect_([&]()
        {
            Tell(failure, [this](int error, const std::string& category, const std::string& message) { onError(error, category, message); });
        });
    }

    void Connected_()
    {
        _phase = Phase::Connected;
        Protect_([this]() { onConnected(); });
    }
    void Disconnected_()
    {
        _phase = Phase::Closed;
        Protect_([this]() { onDisconnected(); });
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_SESSION_BASE_H
