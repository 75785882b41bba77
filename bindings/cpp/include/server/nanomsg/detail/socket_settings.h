/// @file socket_settings.h
/// Options of sockets in the style of this library.

#ifndef CPPSERVER_SERVER_NANOMSG_DETAIL_SOCKET_SETTINGS_H
#define CPPSERVER_SERVER_NANOMSG_DETAIL_SOCKET_SETTINGS_H

#include "cppserver.h"

#include <chrono>
#include <cstdint>
#include <memory>

namespace CppServer {
namespace Nanomsg {
namespace Detail {

/// The base of Socket, which is TSelf. Options about connections count for those that are made later, the others at once. All of them
/// are false for values out of range, and when the socket was moved away.
template <class TSelf>
class SocketSettings
{
public:
    /// How long a close delivers what was sent before (default 1 s).
    bool SetupLinger(std::chrono::milliseconds time) { return Set_(CPPSERVER_SP_OPTION_LINGER, time.count()); }
    /// Bytes that may wait in one connection to be sent (default 128 KiB).
    bool SetupSendLimit(size_t bytes) { return Set_(CPPSERVER_SP_OPTION_SEND_BUFFER, Number_(bytes)); }
    /// The same limit in messages; 0 for no limit (default).
    bool SetupSendMessages(size_t messages) { return Set_(CPPSERVER_SP_OPTION_SEND_MESSAGES, Number_(messages)); }
    /// Bytes that may wait in one connection to be received (default 128 KiB); then the peer has to wait.
    bool SetupReceiveLimit(size_t bytes) { return Set_(CPPSERVER_SP_OPTION_RECEIVE_BUFFER, Number_(bytes)); }
    /// The same limit in messages; 0 for no limit (default).
    bool SetupReceiveMessages(size_t messages) { return Set_(CPPSERVER_SP_OPTION_RECEIVE_MESSAGES, Number_(messages)); }
    /// How long Send() may block; -1 ms, the default, for as long as it takes.
    bool SetupSendTimeout(std::chrono::milliseconds timeout) { return Set_(CPPSERVER_SP_OPTION_SEND_TIMEOUT, timeout.count()); }
    /// The same for Receive().
    bool SetupReceiveTimeout(std::chrono::milliseconds timeout) { return Set_(CPPSERVER_SP_OPTION_RECEIVE_TIMEOUT, timeout.count()); }
    /// After how long a connection that failed or was lost is made again (default 100 ms).
    bool SetupReconnectInterval(std::chrono::milliseconds interval) { return Set_(CPPSERVER_SP_OPTION_RECONNECT_INTERVAL, interval.count()); }
    /// The interval doubles with each failure up to this one; 0 lets it be (default).
    bool SetupReconnectIntervalMax(std::chrono::milliseconds interval) { return Set_(CPPSERVER_SP_OPTION_RECONNECT_INTERVAL_MAX, interval.count()); }
    /// 1 to 16 (default 8) for the connections that are made from now on: who sends to one of many takes those with the lowest number
    /// as long as they accept messages.
    bool SetupSendPriority(int priority) { return Set_(CPPSERVER_SP_OPTION_SEND_PRIORITY, priority); }
    /// The same for receiving.
    bool SetupReceivePriority(int priority) { return Set_(CPPSERVER_SP_OPTION_RECEIVE_PRIORITY, priority); }
    /// Bytes of the largest message that is received (default 1 MiB); one byte more, and the connection is closed. 0 for no limit.
    bool SetupMaxMessageSize(size_t bytes) { return Set_(CPPSERVER_SP_OPTION_MAX_MESSAGE_SIZE, Number_(bytes)); }
    /// Devices that a question may go through, 1 to 255 (default 8).
    bool SetupMaxHops(int hops) { return Set_(CPPSERVER_SP_OPTION_MAX_HOPS, hops); }
    /// After how long a request without an answer is sent again (default 60 s); 0 for never.
    bool SetupResendInterval(std::chrono::milliseconds interval) { return Set_(CPPSERVER_SP_OPTION_RESEND_INTERVAL, interval.count()); }
    /// How long answers to a survey are taken (default 1 s).
    bool SetupSurveyDeadline(std::chrono::milliseconds deadline) { return Set_(CPPSERVER_SP_OPTION_SURVEY_DEADLINE, deadline.count()); }
    /// How long a new connection may take until its peer has said what it speaks (default 10 s); 0 for as long as it likes.
    bool SetupHandshakeTimeout(std::chrono::milliseconds timeout) { return Set_(CPPSERVER_SP_OPTION_HANDSHAKE_TIMEOUT, timeout.count()); }
    /// Whether small messages leave over TCP at once (default).
    bool SetupNoDelay(bool enable) { return Set_(CPPSERVER_SP_OPTION_NO_DELAY, enable); }

    /// Certificates, keys and rules for the addresses "tls+tcp://" and "wss://" of the calls to come: a std::shared_ptr of an
    /// asio::ssl::context.
    template <class TContext>
    bool SetupTls(const std::shared_ptr<TContext>& context)
    {
        return context && (cppserver_sp_socket_set_tls(Handle_(), context->native_context()) == CPPSERVER_STATUS_OK);
    }

private:
    friend TSelf;

    SocketSettings() = default;

    cppserver_sp_socket* Handle_() noexcept { return static_cast<TSelf&>(*this).native_handle(); }
    bool Set_(int32_t option, int64_t value) { return cppserver_sp_socket_set_option(Handle_(), option, value) == CPPSERVER_STATUS_OK; }

    // What has no number is out of every range.
    static int64_t Number_(size_t value) noexcept { return (value > static_cast<size_t>(INT64_MAX)) ? -1 : static_cast<int64_t>(value); }
};

} // namespace Detail
} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DETAIL_SOCKET_SETTINGS_H
