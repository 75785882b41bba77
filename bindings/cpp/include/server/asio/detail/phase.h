/// @file phase.h
/// How far a connection is.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_PHASE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_PHASE_H

namespace CppServer {
namespace Asio {
namespace Detail {

/// In the order in which a connection goes through them. Plain TCP has no handshake, and WebSocket counts as connected after its own.
enum class Phase
{
    Closed,
    Opening,
    Connected,
    Handshaked
};

/// The phase from which on a connection takes bytes to send.
template <class TStream>
struct ReadyPhase
{
    static constexpr Phase Value() noexcept { return Phase::Connected; }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_PHASE_H
