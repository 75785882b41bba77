/// @file message_failure.h
/// Errors of WebSocket connections in the form that onError() callbacks receive.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_FAILURE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_FAILURE_H

#include "server/asio/detail/failure.h"
#include "server/asio/websocket.h"

namespace CppServer {
namespace Asio {
namespace Detail {

/// Of a call that refuses its arguments, or comes too late.
inline Failure CallFailure(const Compat::websocketpp::lib::error_code& ec)
{
    using namespace Compat::websocketpp;
    if (ec == error::invalid_state)
        return MakeFailure(ec, "the connection is not open: it is being closed already");
    if (ec == processor::error::invalid_opcode)
        return MakeFailure(ec, "messages are texts or binary ones; Ping() and Pong() send the others");
    if ((ec == processor::error::invalid_close_code) || (ec == processor::error::reserved_close_code))
        return MakeFailure(ec, "this close code must not be sent (RFC 6455 section 7.4); take 1000, 1001, another registered one, or 3000 to 4999");
    if (ec == processor::error::reason_requires_code)
        return MakeFailure(ec, "a close frame without a code (1005) has no room for a reason");
    return MakeFailure(ec, cppserver_last_error_message());
}

/// Whether the network or the resolver has failed.
inline bool IsOfNetwork(const NativeFailure& failure) { return failure.IsOf("system") || failure.IsOf("resolver"); }

/// Of a listening socket or of a connect: what the network refuses has one code.
inline Failure NetworkFailure(const NativeFailure& failure)
{
    using namespace Compat::websocketpp::transport;
    if (IsOfNetwork(failure))
        return failure.As(make_error_code(asio::error::pass_through));
    return failure.IsOf("timeout") ? failure.As(make_error_code(error::timeout)) : failure.Plain();
}

/// Of the handshakes of a client: those of TLS as long as it is not `secured`, that of WebSocket from then on.
inline Failure HandshakeFailure(const NativeFailure& failure, bool secured)
{
    using namespace Compat::websocketpp;
    if (IsOfNetwork(failure))
        return failure.As(transport::asio::error::pass_through);
    if (failure.IsOf("timeout"))
        return secured ? failure.As(error::open_handshake_timeout) : failure.As(transport::asio::socket::error::tls_handshake_timeout);
    if (failure.IsOf("tls"))
        return secured ? failure.As(transport::error::tls_short_read) : failure.As(transport::asio::socket::error::tls_handshake_failed);
    if (!failure.IsOf("websocket"))
        return failure.Plain();
    switch (failure.code)
    {
        case 0: return failure.As(error::http_parse_error);
        case 101: return failure.As(processor::error::missing_required_header);
        case close::status::abnormal_close: return failure.As(transport::error::eof);
        default: return failure.As(processor::error::invalid_http_status);
    }
}

/// Whether an open connection is lost, which onDisconnected() tells alone.
inline bool IsLoss(const NativeFailure& failure)
{
    return IsOfNetwork(failure) || failure.IsOf("tls")
        || (failure.IsOf("websocket") && (failure.code == Compat::websocketpp::close::status::abnormal_close));
}

/// Of an open connection.
inline Compat::websocketpp::lib::error_code OpenError(const NativeFailure& failure)
{
    using namespace Compat::websocketpp;
    if (IsLoss(failure))
        return make_error_code(transport::error::eof);
    if (!failure.IsOf("websocket"))
        return make_error_code(error::general);
    switch (failure.code)
    {
        case close::status::invalid_payload: return make_error_code(processor::error::invalid_payload);
        case close::status::message_too_big: return make_error_code(processor::error::message_too_big);
        default: return make_error_code(processor::error::protocol_violation);
    }
}

/// The same for onError(). Timeouts and limits keep the library's own category.
inline Failure OpenFailure(const NativeFailure& failure)
{
    return failure.IsOf("websocket") ? failure.As(OpenError(failure)) : failure.Plain();
}

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_FAILURE_H
