/// @file stream_session.h
/// What the sessions of TCP and SSL servers share: one accepted connection.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SESSION_H
#define CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SESSION_H

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

template <class TSelf, class TSessionBase, class TSession>
class StreamServer;
template <class TSelf>
class TlsSession;

/// The base of TCPSession and SSLSession, which is TSelf. TServerBase is their server's library class, TSession the class of the
/// user, TStream the socket or the encrypted stream over it.
///
/// All callbacks of one session run on one I/O thread, one at a time. All functions may be called from every thread and
/// every callback.
template <class TSelf, class TServerBase, class TSession, class TStream>
class StreamSession : public std::enable_shared_from_this<TSelf>
{
public:
    StreamSession(const StreamSession&) = delete;
    virtual ~StreamSession() = default;

    StreamSession& operator=(const StreamSession&) = delete;

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
    bool IsConnected() const noexcept { return _phase.load() != Phase::Closed; }
    /// Inside onError(): the library's own sentence about the error, with what to do about it.
    std::string error_details() const { return CurrentDetails(); }
    /// Why the connection ended; set before the last onError().
    DisconnectReason disconnect_reason() const noexcept { return static_cast<DisconnectReason>(_reason.load()); }

    /// Ends the connection: nothing more is received, what Send() accepted is written out (up to the server's close
    /// timeout), then onDisconnected() is called. False when the session is not connected or is being disconnected already.
    bool Disconnect() { return cppserver_session_disconnect(handle_()) == CPPSERVER_STATUS_OK; }

    /// Queues bytes; they are copied and leave later. Returns all bytes now pending, which is never less than `size`; 0 when
    /// the session is not connected (and handshaked, where there is a handshake), there is nothing to send or the send limit refuses it.
    size_t Send(const void* buffer, size_t size)
    {
        size_t pending = 0;
        if (_phase.load() < ReadyPhase<TStream>::Value())
            return 0;
        if ((buffer == nullptr) || (size == 0) || (cppserver_session_send(handle_(), buffer, size, &pending) != CPPSERVER_STATUS_OK))
            return 0;
        return (pending < size) ? size : pending;
    }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }

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
    /// All bytes that were not handled yet. Returns how many are handled now; the others come again in front of the next bytes. The
    /// buffer is valid during the call.
    virtual size_t onReceived(const void* /*buffer*/, size_t size) { return size; }
    /// The system took `sent` bytes, `pending` are left.
    virtual void onSent(size_t /*sent*/, size_t /*pending*/) {}
    /// Everything that was pending has been sent.
    virtual void onEmpty() {}
    virtual void onError(int /*error*/, const std::string& /*category*/, const std::string& /*message*/) {}

private:
    friend TSelf;
    template <class, class, class>
    friend class StreamServer;
    template <class>
    friend class TlsSession;

    typedef StreamSession Stream_;

    Compat::common::UUID _id;
    std::shared_ptr<TServerBase> _server;
    // Keeps the object alive while the C library has it as user_data; emptied by the last callback.
    std::shared_ptr<TSession> _self;
    TStream _stream;
    std::atomic<int32_t> _reason;
    std::atomic<Phase> _phase;

    template <class... TArguments>
    explicit StreamSession(std::shared_ptr<TServerBase> server, TArguments&&... stream)
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

    static StreamSession& Owner_(void* user_data) noexcept { return *static_cast<StreamSession*>(user_data); }

    static const cppserver_session_handler& Handler_() noexcept
    {
        static const cppserver_session_handler handler = {
            sizeof(cppserver_session_handler), &HandleConnected_, TSelf::HandshakedHandler_(), &HandleDisconnected_, &HandleReceived_, &HandleSent_, &HandleEmpty_, &HandleError_, &HandleDestroy_,
        };
        return handler;
    }

    static void HandleConnected_(void* user_data)
    {
        StreamSession& self = Owner_(user_data);
        self._phase = Phase::Connected;
        self.Protect_([&self]() { self.onConnected(); });
    }
    static void HandleDisconnected_(void* user_data, int32_t reason)
    {
        StreamSession& self = Owner_(user_data);
        self._reason = reason;
        if (reason == CPPSERVER_REASON_PEER_CLOSED)
            self.Fail_(EndOfFile());
        self._phase = Phase::Closed;
        self.Protect_([&self]() { self.onDisconnected(); });
    }
    static size_t HandleReceived_(void* user_data, int32_t, const void* data, size_t size)
    {
        StreamSession& self = Owner_(user_data);
        size_t handled = size;
        self.Protect_([&]() { handled = self.onReceived(data, size); });
        return (handled < size) ? handled : size;
    }
    static void HandleSent_(void* user_data, size_t sent, size_t pending)
    {
        StreamSession& self = Owner_(user_data);
        self.Protect_([&]() { self.onSent(sent, pending); });
    }
    static void HandleEmpty_(void* user_data)
    {
        StreamSession& self = Owner_(user_data);
        self.Protect_([&self]() { self.onEmpty(); });
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        Owner_(user_data).Fail_(MakeFailure(code, category, message));
    }
    static void HandleDestroy_(void* user_data)
    {
        // The object ends here unless its user kept it.
        const std::shared_ptr<TSession> last = std::move(Owner_(user_data)._self);
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SESSION_H
