/// @file stream_session.h
/// What the sessions of TCP and SSL servers share: bytes of one accepted connection.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SESSION_H
#define CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SESSION_H

#include "server/asio/detail/session_base.h"

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of TCPSession and SSLSession, which is TSelf. Detail::SessionBase has the members that all sessions have, and tells what
/// the arguments are.
template <class TSelf, class TServerBase, class TSession, class TStream>
class StreamSession : public SessionBase<TSelf, TServerBase, TSession, TStream>
{
    typedef SessionBase<TSelf, TServerBase, TSession, TStream> Base_;

public:
    /// Ends the connection: nothing more is received, what Send() accepted is written out (up to the server's close
    /// timeout), then onDisconnected() is called. False when the session is not connected or is being disconnected already.
    bool Disconnect() { return cppserver_session_disconnect(this->handle_()) == CPPSERVER_STATUS_OK; }

    /// Queues bytes; they are copied and leave later. Returns all bytes now pending, which is never less than `size`; 0 when
    /// the session is not connected (and handshaked, where there is a handshake), there is nothing to send or the send limit refuses it.
    size_t Send(const void* buffer, size_t size)
    {
        size_t pending = 0;
        if (this->_phase.load() < ReadyPhase<TStream>::Value())
            return 0;
        if ((buffer == nullptr) || (size == 0) || (cppserver_session_send(this->handle_(), buffer, size, &pending) != CPPSERVER_STATUS_OK))
            return 0;
        return (pending < size) ? size : pending;
    }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }

protected:
    /// All bytes that were not handled yet. Returns how many are handled now; the others come again in front of the next bytes. The
    /// buffer is valid during the call.
    virtual size_t onReceived(const void* /*buffer*/, size_t size) { return size; }
    /// The system took `sent` bytes, `pending` are left.
    virtual void onSent(size_t /*sent*/, size_t /*pending*/) {}

private:
    friend TSelf;
    template <class, class, class>
    friend class StreamServer;
    template <class>
    friend class TlsSession;

    typedef StreamSession Stream_;

    // Keeps the object alive while the C library has it as user_data; emptied by the last callback.
    std::shared_ptr<TSession> _self;

    using Base_::Base_;

    static StreamSession& Owner_(void* user_data) noexcept { return *static_cast<StreamSession*>(user_data); }

    static const cppserver_session_handler& Handler_() noexcept
    {
        static const cppserver_session_handler handler = {
            sizeof(cppserver_session_handler), &HandleConnected_, TSelf::HandshakedHandler_(), &HandleDisconnected_, &HandleReceived_, &HandleSent_, &HandleEmpty_, &HandleError_, &HandleDestroy_,
            nullptr, nullptr,
        };
        return handler;
    }

    static void HandleConnected_(void* user_data) { Owner_(user_data).Connected_(); }
    static void HandleDisconnected_(void* user_data, int32_t reason)
    {
        StreamSession& self = Owner_(user_data);
        self._reason = reason;
        if (reason == CPPSERVER_REASON_PEER_CLOSED)
            self.Fail_(EndOfFile());
        self.Disconnected_();
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
