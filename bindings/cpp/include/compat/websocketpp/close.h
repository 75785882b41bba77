/// @file close.h
/// Codes of close frames (RFC 6455 section 7.4).

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_CLOSE_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_CLOSE_H

#include <cstdint>
#include <string>

namespace CppServer {
namespace Compat {
namespace websocketpp {
namespace close {
namespace status {

typedef std::uint16_t value;

/// Sends a close frame without a code.
static value const blank = 0;
static value const omit_handshake = 1;
static value const force_tcp_drop = 2;
static value const normal = 1000;
static value const going_away = 1001;
static value const protocol_error = 1002;
static value const unsupported_data = 1003;
/// Tells that a close frame had no code; never sent.
static value const no_status = 1005;
/// Tells that there was no close frame; never sent.
static value const abnormal_close = 1006;
static value const invalid_payload = 1007;
static value const policy_violation = 1008;
static value const message_too_big = 1009;
static value const extension_required = 1010;
static value const internal_endpoint_error = 1011;
static value const service_restart = 1012;
static value const try_again_later = 1013;
static value const tls_handshake = 1015;
static value const subprotocol_error = 3000;
static value const invalid_subprotocol_data = 3001;

/// First and last of the codes for future versions of the protocol.
static value const rsv_start = 1016;
static value const rsv_end = 2999;
/// What is up to the one and from the other on is no code.
static value const invalid_low = 999;
static value const invalid_high = 5000;

inline bool reserved(value code) noexcept { return ((code >= rsv_start) && (code <= rsv_end)) || (code == 1004) || (code == 1014); }

/// Whether the code must not be in a close frame.
inline bool invalid(value code) noexcept
{
    return (code <= invalid_low) || (code >= invalid_high) || (code == no_status) || (code == abnormal_close) || (code == tls_handshake);
}

/// Whether the connection is beyond repair.
inline bool terminal(value code) noexcept
{
    return (code == protocol_error) || (code == invalid_payload) || (code == policy_violation) || (code == message_too_big)
        || (code == internal_endpoint_error);
}

inline std::string get_string(value code)
{
    switch (code)
    {
        case normal: return "Normal close";
        case going_away: return "Going away";
        case protocol_error: return "Protocol error";
        case unsupported_data: return "Unsupported data";
        case no_status: return "No status set";
        case abnormal_close: return "Abnormal close";
        case invalid_payload: return "Invalid payload";
        case policy_violation: return "Policy violation";
        case message_too_big: return "Message too big";
        case extension_required: return "Extension required";
        case internal_endpoint_error: return "Internal endpoint error";
        case service_restart: return "Service restart";
        case try_again_later: return "Try again later";
        case tls_handshake: return "TLS handshake failure";
        case subprotocol_error: return "Generic subprotocol error";
        case invalid_subprotocol_data: return "Invalid subprotocol data";
        default: return "Unknown";
    }
}

} // namespace status
} // namespace close
} // namespace websocketpp
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_CLOSE_H
