/// @file frame.h
/// Kinds of frames (RFC 6455 section 5.2).

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_FRAME_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_FRAME_H

#include "cppserver.h"

#include <cstdint>

namespace CppServer {
namespace Compat {
namespace websocketpp {
namespace frame {
namespace opcode {

enum value
{
    continuation = 0x0,
    text = 0x1,
    binary = 0x2,
    rsv3 = 0x3,
    rsv4 = 0x4,
    rsv5 = 0x5,
    rsv6 = 0x6,
    rsv7 = 0x7,
    close = 0x8,
    ping = 0x9,
    pong = 0xA,
    control_rsvb = 0xB,
    control_rsvc = 0xC,
    control_rsvd = 0xD,
    control_rsve = 0xE,
    control_rsvf = 0xF,

    CONTINUATION = continuation,
    TEXT = text,
    BINARY = binary,
    RSV3 = rsv3,
    RSV4 = rsv4,
    RSV5 = rsv5,
    RSV6 = rsv6,
    RSV7 = rsv7,
    CLOSE = close,
    PING = ping,
    PONG = pong,
    CONTROL_RSVB = control_rsvb,
    CONTROL_RSVC = control_rsvc,
    CONTROL_RSVD = control_rsvd,
    CONTROL_RSVE = control_rsve,
    CONTROL_RSVF = control_rsvf
};

/// Kept for future versions of the protocol.
inline bool reserved(value v) noexcept { return ((v >= rsv3) && (v <= rsv7)) || ((v >= control_rsvb) && (v <= control_rsvf)); }
/// More than the four bits of a frame, or negative.
inline bool invalid(value v) noexcept { return (v > 0xF) || (static_cast<int>(v) < 0); }
inline bool is_control(value v) noexcept { return v >= close; }

} // namespace opcode
} // namespace frame

namespace detail {

/// The kind of message that the C library knows by this opcode, -1 for none that is sent as a message.
inline std::int32_t message_kind(frame::opcode::value opcode) noexcept
{
    switch (opcode)
    {
        case frame::opcode::text: return CPPSERVER_KIND_TEXT;
        case frame::opcode::binary: return CPPSERVER_KIND_BINARY;
        default: return -1;
    }
}

} // namespace detail
} // namespace websocketpp
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_FRAME_H
