/// @file message_session.h
/// What the sessions of WebSocket servers share, plain and encrypted.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_SESSION_H
#define CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_SESSION_H

#include "server/asio/detail/message_connection.h"
#include "server/asio/detail/session_base.h"

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of WebSocketSession and WebSocketSSLSession, which is TSelf. TServerBase is their server's library class, TSession the class
/// of the user. Detail::SessionBase has the members that all sessions have, Detail::MessageConnection those for messages.
template <class TSelf, class TServerBase, class TSession>
class MessageSession : public SessionBase<TSelf, TServerBase, TSession, Compat::asio::ip::tcp::socket>, public MessageConnection<TSelf>
{
    typedef SessionBase<TSelf, TServerBase, TSession, Compat::asio::ip::tcp::socket> Base_;
    typedef MessageConnection<TSelf> Messages_;
    typedef Compat::websocketpp::frame::opcode::value Opcode_;

public:
    /// The handle for core().get_con_from_hdl() of the server.
    Compat::websocketpp::connection_hdl& connection() noexcept { return _handle; }
    /// The path and the query that the client asked for, such as "/chat?room=7".
    std::string target() const { return _connection ? _connection->get_resource() : std::string(); }
    /// The value of a header field of its request, in any case of letters; empty without one.
    std::string header(const std::string& name) const { return _connection ? _connection->get_request_header(name) : std::string(); }

    /// Says goodbye with a code and a reason, of which 123 bytes have room. What was sent before is delivered, then onDisconnected() is
    /// called when the peer has answered, at the latest after the server's close timeout. False when the session is not
    /// connected. A code that must not be sent, and a second call, are told by onError() on the I/O thread and change nothing.
    bool Disconnect(Compat::websocketpp::close::status::value code = Compat::websocketpp::close::status::normal, const std::string& reason = "")
    {
        if (!this->IsConnected())
            return false;
        std::error_code ec;
        _connection->close(code, reason, ec);
        return !ec || this->Later_(ec);
    }

    /// Lets the session have what is published under a topic, until it ends; a "*" at the end stands for anything. False for what is
    /// no topic, and without a connection.
    bool Subscribe(const std::string& topic) { return cppserver_session_subscribe(this->handle_(), topic.c_str()) == CPPSERVER_STATUS_OK; }
    /// Ends a subscription, as it was written.
    bool Unsubscribe(const std::string& topic) { return cppserver_session_unsubscribe(this->handle_(), topic.c_str()) == CPPSERVER_STATUS_OK; }
    /// Sends to all subscribers of a topic but this session. Returns how many they are.
    size_t Publish(const std::string& topic, const void* buffer, size_t size, Opcode_ opcode = Compat::websocketpp::frame::opcode::binary)
    {
        const int32_t kind = Compat::websocketpp::detail::message_kind(opcode);
        size_t count = 0;
        if (kind < 0)
            return this->Told_(make_error_code(Compat::websocketpp::processor::error::invalid_opcode));
        if (cppserver_session_publish(this->handle_(), topic.c_str(), kind, buffer, size, &count) == CPPSERVER_STATUS_INVALID_ARGUMENT)
            return this->Told_(make_error_code(Compat::websocketpp::processor::error::invalid_arguments));
        return count;
    }
    size_t Publish(const std::string& topic, const std::string& text, Opcode_ opcode = Compat::websocketpp::frame::opcode::text)
    {
        return Publish(topic, text.data(), text.size(), opcode);
    }
    size_t Publish(const std::string& topic, const WebSocketMessage& message)
    {
        return message ? Publish(topic, message->get_payload(), message->get_opcode()) : 0;
    }

private:
    friend TSelf;
    friend Messages_;
    template <class, class, class, class>
    friend class MessageServer;

    typedef MessageSession Message_;
    typedef Compat::websocketpp::detail::connection_base Connection_;

    // Set by the server when the object is made.
    std::shared_ptr<Connection_> _connection;
    Compat::websocketpp::connection_hdl _handle;

    explicit MessageSession(std::shared_ptr<TServerBase> server) : Base_(std::move(server), static_cast<cppserver_session*>(nullptr)) {}
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_SESSION_H
