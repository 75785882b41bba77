/// @file types.h
/// Small types shared by servers, sessions and clients.

#ifndef CPPSERVER_SERVER_ASIO_TYPES_H
#define CPPSERVER_SERVER_ASIO_TYPES_H

#include "cppserver.h"

#include <ostream>

namespace CppServer {
namespace Asio {

/// Why a connection ended.
enum class DisconnectReason
{
    None = 0,                                        ///< It did not end yet
    Local = CPPSERVER_REASON_LOCAL,                  ///< Disconnect() was called on this side
    PeerClosed = CPPSERVER_REASON_PEER_CLOSED,       ///< The peer closed it
    Error = CPPSERVER_REASON_ERROR,                  ///< The error that onError() was told
    Timeout = CPPSERVER_REASON_TIMEOUT,              ///< A deadline passed
    Limit = CPPSERVER_REASON_LIMIT,                  ///< The send or receive limit was reached
    ServerStopped = CPPSERVER_REASON_SERVER_STOPPED, ///< The server of the session was stopped
    ServiceStopped = CPPSERVER_REASON_SERVICE_STOPPED, ///< The service was stopped
    Truncated = CPPSERVER_REASON_TRUNCATED           ///< The peer closed an encrypted connection without the end of its data
};

inline std::ostream& operator<<(std::ostream& stream, DisconnectReason reason)
{
    return stream << ((reason == DisconnectReason::None) ? "none" : cppserver_reason_text(static_cast<int32_t>(reason)));
}

/// What happens to bytes that would exceed the send limit.
enum class SendPolicy
{
    Refuse = CPPSERVER_SEND_POLICY_REFUSE,          ///< Send() takes nothing and returns 0
    Disconnect = CPPSERVER_SEND_POLICY_DISCONNECT,  ///< The connection ends
    DropOldest = CPPSERVER_SEND_POLICY_DROP_OLDEST  ///< Bytes that wait longest are dropped
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_TYPES_H
