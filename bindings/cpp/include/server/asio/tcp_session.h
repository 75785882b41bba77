/// @file tcp_session.h
/// CppServer::Asio::TCPSession: one accepted connection of a TCP server.

#ifndef CPPSERVER_SERVER_ASIO_TCP_SESSION_H
#define CPPSERVER_SERVER_ASIO_TCP_SESSION_H

#include "server/asio/service.h"
#include "server/asio/types.h"

#include "system/uuid.h"
#include "compat/common/uuid.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace CppServer {
namespace Asio {

template <class TServer, class TSession>
class TCPServer;

/// Derive the session class of a server from this one. The server makes a session, owned by a std::shared_ptr, for each
/// connection and keeps it alive until its last callback has returned.
///
/// All callbacks of one session run on one I/O thread, one at a time. All functions may be called from every thread and
/// every callback.
template <class TServer, class TSession>
class TCPSession : public std::enable_shared_from_this<TCPSession<TServer, TSession>>
{
public:
    /// Called by the server. A constructor of a derived class only passes the arguments on.
    explicit TCPSession(std::shared_ptr<TCPServer<TServer, TSession>> server, Compat::asio::ip::tcp::socket&& socket)
        : _id(Compat::common::UUID::Generate()), _server(std::move(server)), _socket(std::move(socket)), _reason(0), _connected(false)
    {
    }
    TCPSession(const TCPSession&) = delete;
    virtual ~TCPSession() = default;

    TCPSession& operator=(const TCPSession&) = delete;

    const Compat::common::UUID& id() const noexcept { return _id; }

    /// The service of the server.
    std::shared_ptr<Service>& service() noexcept { return _server->service(); }
    std::shared_ptr<TCPServer<TServer, TSession>>& server() noexcept { return _server; }
    /// Addresses and options of the connection.
    Compat::asio::ip::tcp::socket& socket() noexcept { return _socket; }

    uint64_t bytes_sent() const noexcept { return cppserver_session_bytes_sent(handle_()); }
    uint64_t bytes_received() const noexcept { return cppserver_session_bytes_received(handle_()); }
    /// Bytes that Send() accepted and the system did not take yet.
    size_t bytes_pending() const noexcept { return cppserver_session_bytes_pending(handle_()); }

    /// True from just before onConnected() until just before onDisconnected().
    bool IsConnected() const noexcept { return _connected; }
    /// Why the connection ended; set before the last onError().
    DisconnectReason disconnect_reason() const noexcept { return static_cast<DisconnectReason>(_reason.load()); }

    /// Ends the connection: nothing more is received, what Send() accepted is written out (up to the server's close
    /// timeout), then onDisconnected() is called. False when the session is not connected or is being disconnected already.
    bool Disconnect() { return cppserver_session_disconnect(handle_()) == CPPSERVER_STATUS_OK; }

    /// Queues bytes; they are copied and leave later. Returns all bytes now pending, which is never less than `size`; 0 when
    /// the session is not connected, there is nothing to send or the send limit refuses it.
    size_t Send(const void* buffer, size_t size)
    {
        size_t pending = 0;
        if ((buffer == nullptr) || (size == 0) || (cppserver_session_send(handle_(), buffer, size, &pending) != CPPSERVER_STATUS_OK))
            return 0;
        return (pending < size) ? size : pending;
    }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }

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
    friend class TCPServer<TServer, TSession>;

    Compat::common::UUID _id;
    std::shared_ptr<TCPServer<TServer, TSession>> _server;
    // Keeps the object alive while the C library has it as user_data; emptied by the last callback.
    std::shared_ptr<TSession> _self;
    Compat::asio::ip::tcp::socket _socket;
    std::atomic<int32_t> _reason;
    std::atomic<bool> _connected;

    cppserver_session* handle_() const noexcept { return _socket.native_session(); }

    bool Setup_(int32_t option, int64_t value) { return cppserver_session_set_option(handle_(), option, value) == CPPSERVER_STATUS_OK; }

    template <class TFunction>
    void Protect_(TFunction&& function) noexcept
    {
        Compat::asio::detail::protect(std::forward<TFunction>(function),
            [this](const std::system_error& error) { service()->service().report(error); });
    }

    static TCPSession& From_(void* user_data) noexcept { return *static_cast<TCPSession*>(user_data); }

    static const cppserver_session_handler& Handler_() noexcept
    {
        static const cppserver_session_handler handler = {
            sizeof(cppserver_session_handler), &HandleConnected_, nullptr, &HandleDisconnected_, &HandleReceived_, &HandleSent_, &HandleEmpty_, &HandleError_, &HandleDestroy_,
        };
        return handler;
    }

    static void HandleConnected_(void* user_data)
    {
        TCPSession& self = From_(user_data);
        self._connected = true;
        self.Protect_([&self]() { self.onConnected(); });
    }
    static void HandleDisconnected_(void* user_data, int32_t reason)
    {
        TCPSession& self = From_(user_data);
        self._reason = reason;
        if (reason == CPPSERVER_REASON_PEER_CLOSED)
        {
            self.Protect_([&self]()
            {
                const Detail::Failure eof = Detail::EndOfFile();
                self.onError(eof.error, eof.category, eof.message);
            });
        }
        self._connected = false;
        self.Protect_([&self]() { self.onDisconnected(); });
    }
    static size_t HandleReceived_(void* user_data, int32_t, const void* data, size_t size)
    {
        TCPSession& self = From_(user_data);
        size_t handled = size;
        self.Protect_([&]() { handled = self.onReceived(data, size); });
        return (handled < size) ? handled : size;
    }
    static void HandleSent_(void* user_data, size_t sent, size_t pending)
    {
        TCPSession& self = From_(user_data);
        self.Protect_([&]() { self.onSent(sent, pending); });
    }
    static void HandleEmpty_(void* user_data)
    {
        TCPSession& self = From_(user_data);
        self.Protect_([&self]() { self.onEmpty(); });
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        TCPSession& self = From_(user_data);
        self.Protect_([&]()
        {
            const Detail::Failure failure = Detail::MakeFailure(code, category, message);
            self.onError(failure.error, failure.category, failure.message);
        });
    }
    static void HandleDestroy_(void* user_data)
    {
        // The object ends here unless its user kept it.
        const std::shared_ptr<TSession> last = std::move(From_(user_data)._self);
    }
};

} // namespace Asio
} // namespace CppServer

// A session can do nothing without its server, so either header brings both.
#include "server/asio/tcp_server.h"

#endif // CPPSERVER_SERVER_ASIO_TCP_SESSION_H
