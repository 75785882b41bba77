/// @file message_connection.h
/// What WebSocket sessions and clients share: messages in both directions.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_CONNECTION_H
#define CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_CONNECTION_H

#include "server/asio/detail/message_failure.h"
#include "server/asio/detail/spare_message.h"
#include "server/asio/detail/text.h"

#include <memory>
#include <string>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The second base of WebSocket sessions and clients, one of which is TSelf.
///
/// What is wrong with a Send() is told by onError() on the calling thread, before it returns.
template <class TSelf>
class MessageConnection
{
    typedef Compat::websocketpp::frame::opcode::value Opcode_;

public:
    /// Messages since the connection was made; kept after its end. Pings and pongs are none.
    uint64_t messages_sent() const noexcept { return cppserver_session_messages_sent(Session_()); }
    uint64_t messages_received() const noexcept { return cppserver_session_messages_received(Session_()); }

    /// What both sides agreed on at the handshake; empty for none.
    std::string subprotocol() const
    {
        return ReadText([this](char* buffer, size_t size, size_t* length) { return cppserver_session_subprotocol(Session_(), buffer, size, length); });
    }
    /// Whether messages are compressed.
    bool IsCompressed() const noexcept { return cppserver_session_is_compressed(Session_()); }

    /// What the peer said at its end, from onDisconnected() on: its code, 1005 when it gave none, 0 when it said nothing.
    int close_code() const noexcept { return cppserver_session_close_code(Session_()); }
    std::string close_reason() const
    {
        return ReadText([this](char* buffer, size_t size, size_t* length) { return cppserver_session_close_reason(Session_(), buffer, size, length); });
    }

    /// Queues a message; it is copied and leaves later. Returns its size; 0 when the connection is not open, the opcode is another
    /// one than text and binary, a text is not UTF-8, or the send limit refuses it (onEmpty() says when to go on). An empty text is
    /// sent and returns 0 as well.
    size_t Send(const void* buffer, size_t size, Opcode_ opcode = Compat::websocketpp::frame::opcode::binary)
    {
        return ((buffer != nullptr) && (size > 0)) ? Send_(buffer, size, opcode) : 0;
    }
    size_t Send(const std::string& text, Opcode_ opcode = Compat::websocketpp::frame::opcode::text) { return Send_(text.data(), text.size(), opcode); }
    /// Its payload, with its opcode.
    size_t Send(const WebSocketMessage& message) { return message ? Send_(message->get_payload().data(), message->get_payload().size(), message->get_opcode()) : 0; }

    /// Queues a part of a message, so that it need not be in memory as a whole. The first part decides its opcode, and `last` ends
    /// it; other messages wait for that. A text may be cut anywhere. True when it was taken.
    bool SendPart(const void* buffer, size_t size, bool last, Opcode_ opcode = Compat::websocketpp::frame::opcode::binary)
    {
        if (!Derived_().IsConnected())
            return false;
        const int32_t kind = Compat::websocketpp::detail::message_kind(opcode);
        if (kind < 0)
            return Told_(make_error_code(Compat::websocketpp::processor::error::invalid_opcode));
        switch (cppserver_session_send_part(Session_(), kind, buffer, size, last, nullptr))
        {
            case CPPSERVER_STATUS_OK: return true;
            case CPPSERVER_STATUS_LIMIT: return false;
            case CPPSERVER_STATUS_INVALID_ARGUMENT: return Told_(make_error_code(Compat::websocketpp::processor::error::invalid_arguments));
            default: return Told_(make_error_code(Compat::websocketpp::error::invalid_state));
        }
    }
    bool SendPart(const std::string& text, bool last, Opcode_ opcode = Compat::websocketpp::frame::opcode::text)
    {
        return SendPart(text.data(), text.size(), last, opcode);
    }

    /// Asks the peer for a sign of life, with up to 125 bytes; onPong() tells its answer. True when it was queued.
    bool Ping(const std::string& payload = "") { return Control_(CPPSERVER_KIND_PING, payload); }
    /// A pong that nobody asked for. Pings are answered by the library.
    bool Pong(const std::string& payload = "") { return Control_(CPPSERVER_KIND_PONG, payload); }

protected:
    ~MessageConnection() = default;

    /// A whole text or binary message. The pointer may be kept and passed on.
    virtual void onReceived(WebSocketMessage /*message*/) {}
    /// The peer asked for a sign of life; the library has answered.
    virtual void onPing(const std::string& /*payload*/) {}
    virtual void onPong(const std::string& /*payload*/) {}

private:
    friend TSelf;
    template <class, class, class>
    friend class MessageSession;
    template <class, class, class, class>
    friend class MessageServer;
    template <class, class>
    friend class MessageClient;

    TSelf& Derived_() noexcept { return static_cast<TSelf&>(*this); }
    cppserver_session* Session_() const noexcept { return static_cast<const TSelf&>(*this).handle_(); }

    size_t Send_(const void* data, size_t size, Opcode_ opcode)
    {
        if (!Derived_().IsConnected())
            return 0;
        const std::error_code ec = Compat::websocketpp::detail::send(Session_(), opcode, data, size);
        if (!ec)
            return size;
        Told_(ec);
        return 0;
    }

    bool Control_(int32_t kind, const std::string& payload)
    {
        if (!Derived_().IsConnected())
            return false;
        const std::error_code ec = Compat::websocketpp::detail::send_control(Session_(), kind, payload.data(), payload.size());
        return !ec || Told_(ec);
    }

    // Tells an error, on this thread; nobody has to be told about the limit. False.
    bool Told_(const std::error_code& ec)
    {
        if (ec != Compat::websocketpp::error::send_queue_full)
        {
            Tell(CallFailure(ec), [this](int error, const std::string& category, const std::string& message) { Derived_().onError(error, category, message); });
        }
        return false;
    }

    // Tells on an I/O thread what is wrong with a Disconnect(). True, as the wish was taken.
    bool Later_(const std::error_code& ec)
    {
        const std::shared_ptr<TSelf> self = Derived_().shared_from_this();
        const Failure failure = CallFailure(ec);
        Derived_().service()->Post([self, failure]() { self->Fail_(failure); });
        return true;
    }

    void Received_(int32_t kind, const void* data, size_t size)
    {
        using namespace Compat::websocketpp;
        switch (kind)
        {
            case CPPSERVER_KIND_PING: return onPing(std::string(static_cast<const char*>(data), size));
            case CPPSERVER_KIND_PONG: return onPong(std::string(static_cast<const char*>(data), size));
            default: break;
        }
        const frame::opcode::value opcode = (kind == CPPSERVER_KIND_TEXT) ? frame::opcode::text : frame::opcode::binary;
        WebSocketMessage message = SpareMessage::Take(opcode, data, size);
        onReceived(message);
        SpareMessage::Give(std::move(message));
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_CONNECTION_H
