/// @file message_server.h
/// What WebSocket servers share, plain and encrypted: handshakes, and sessions that exchange messages.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_SERVER_H
#define CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_SERVER_H

#include "server/asio/detail/message_options.h"
#include "server/asio/detail/message_session.h"
#include "server/asio/detail/server_base.h"
#include "server/asio/http.h"

#include <algorithm>
#include <functional>
#include <unordered_map>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of WebSocketServer and WebSocketSSLServer, which is TSelf. TSessionBase is their sessions' library class, TSession the class of
/// the user, TConfig that of core(). Detail::ServerBase has the members that all servers have, Detail::MessageOptions further options.
///
/// A session is made when the handshakes are done: onConnected() comes then, and connections whose handshakes fail are never told.
/// Stop() says 1001 (going away) to the clients.
template <class TSelf, class TSessionBase, class TSession, class TConfig>
class MessageServer : public ServerBase<TSelf, TSession>, public MessageOptions<TSelf>
{
    typedef ServerBase<TSelf, TSession> Base_;
    typedef MessageOptions<TSelf> Options_;
    typedef Compat::websocketpp::frame::opcode::value Opcode_;

public:
    /// Connections by handle, and handlers of requests in the style of websocketpp.
    Compat::websocketpp::server<TConfig>& core() noexcept { return _core; }

    /// Sessions until after their last callback.
    uint64_t current_sessions() const noexcept
    {
        std::lock_guard<std::mutex> lock(_sessions_mutex);
        return _sessions.size();
    }
    /// Messages of all sessions since Start(); kept by Stop().
    uint64_t messages_sent() const noexcept { return cppserver_server_messages_sent(this->_handles.Current()); }
    uint64_t messages_received() const noexcept { return cppserver_server_messages_received(this->_handles.Current()); }

    /// Sends a message to all sessions, in the order of the calls. False when the server is not started or there is nothing to send,
    /// and, told by onError() on this thread, for another opcode than text and binary and for a text that is not UTF-8.
    bool Multicast(const void* buffer, size_t size, Opcode_ opcode = Compat::websocketpp::frame::opcode::binary)
    {
        return (buffer != nullptr) && (size > 0) && Multicast_(buffer, size, opcode);
    }
    bool Multicast(const std::string& text, Opcode_ opcode = Compat::websocketpp::frame::opcode::text) { return Multicast_(text.data(), text.size(), opcode); }
    /// Its payload, with its opcode.
    bool Multicast(const WebSocketMessage& message)
    {
        return message && Multicast_(message->get_payload().data(), message->get_payload().size(), message->get_opcode());
    }

    /// The same to the sessions for which the filter is true. It is called on this thread, before anything is sent, and may do
    /// whatever it likes.
    bool MulticastIf(const std::function<bool(TSession&)>& filter, const void* buffer, size_t size, Opcode_ opcode = Compat::websocketpp::frame::opcode::binary)
    {
        return filter && this->IsStarted() && Sent_(opcode, [&](int32_t kind)
        {
            Chosen_ chosen = Choose_(filter);
            return cppserver_server_multicast_if(this->_handles.Current(), kind, buffer, size, &IsChosen_, &chosen);
        });
    }
    bool MulticastIf(const std::function<bool(TSession&)>& filter, const std::string& text, Opcode_ opcode = Compat::websocketpp::frame::opcode::text)
    {
        return MulticastIf(filter, text.data(), text.size(), opcode);
    }
    bool MulticastIf(const std::function<bool(TSession&)>& filter, const WebSocketMessage& message)
    {
        return message && MulticastIf(filter, message->get_payload(), message->get_opcode());
    }

    /// Sends a message to the sessions that have subscribed to a topic. Returns how many they are; errors are told as those of
    /// Multicast().
    size_t Publish(const std::string& topic, const void* buffer, size_t size, Opcode_ opcode = Compat::websocketpp::frame::opcode::binary)
    {
        size_t count = 0;
        // A topic may be wrong as well as a text.
        Sent_(opcode, [&](int32_t kind) { return cppserver_server_publish(this->_handles.Current(), topic.c_str(), kind, buffer, size, &count); },
            Compat::websocketpp::processor::error::invalid_arguments);
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

protected:
    /// A client asks for a session, on the I/O thread of the session to be. The answer opens it, unless this changes the status; it may
    /// choose a subprotocol and add header fields. Requests that break the protocol do not come here.
    virtual void onHandshake(const HttpRequest& /*request*/, HttpResponse& /*response*/) {}
    /// A client asks for something else by GET or HEAD, such as a page. The answer is 426, unless this changes it; after it the
    /// connection ends.
    virtual void onRequest(const HttpRequest& /*request*/, HttpResponse& /*response*/) {}

private:
    friend TSelf;
    friend Base_;
    friend Options_;

    typedef Compat::websocketpp::connection<TConfig> Connection_;
    typedef std::vector<const cppserver_session*> Chosen_;

    // A connection from its accept on; what the C library has as user_data.
    struct Guest_
    {
        MessageServer* server;
        std::shared_ptr<Connection_> connection;
        cppserver_session* handle;
        // From the end of the handshakes on.
        std::shared_ptr<TSession> session;

        // The part of the session that is the library's.
        typename TSessionBase::Message_& Base() const { return *session; }
    };

    Compat::websocketpp::server<TConfig> _core;
    mutable std::mutex _sessions_mutex;
    std::unordered_map<const cppserver_session*, std::shared_ptr<TSession>> _sessions;

    using Base_::Base_;

    void Construct_()
    {
        Base_::Construct_();
        Options_::Defaults_(this->Self_().TlsContext_() != nullptr);
        _core.on_reuse_addr([this](bool enable) { this->SetupReuseAddress(enable); });
    }

    Target Target_()
    {
        Target target(this->_service, this->Self_().TlsContext_(), this->_endpoint);
        target.web_socket = true;
        return target;
    }

    static Failure Translate_(const NativeFailure& failure) { return NetworkFailure(failure); }

    bool Multicast_(const void* data, size_t size, Opcode_ opcode)
    {
        return Sent_(opcode, [&](int32_t kind) { return cppserver_server_multicast_message(this->_handles.Current(), kind, data, size); });
    }

    // Sends with `send`, and tells what is wrong with the message.
    template <class TFunction>
    bool Sent_(Opcode_ opcode, TFunction send,
        Compat::websocketpp::processor::error::processor_errors wrong = Compat::websocketpp::processor::error::invalid_payload)
    {
        using namespace Compat::websocketpp::processor;
        const int32_t kind = Compat::websocketpp::detail::message_kind(opcode);
        const int32_t status = (kind < 0) ? CPPSERVER_STATUS_INVALID_ARGUMENT : send(kind);
        if (status == CPPSERVER_STATUS_INVALID_ARGUMENT)
        {
            Tell(CallFailure((kind < 0) ? error::invalid_opcode : wrong),
                [this](int code, const std::string& category, const std::string& message) { this->onError(code, category, message); });
        }
        return status == CPPSERVER_STATUS_OK;
    }

    // The handles of the sessions that the filter wants, in the order of their addresses.
    Chosen_ Choose_(const std::function<bool(TSession&)>& filter)
    {
        std::vector<std::pair<const cppserver_session*, std::shared_ptr<TSession>>> all;
        {
            std::lock_guard<std::mutex> lock(_sessions_mutex);
            all.assign(_sessions.begin(), _sessions.end());
        }
        Chosen_ chosen;
        for (const auto& entry : all)
        {
            if (entry.second->IsConnected() && filter(*entry.second))
                chosen.push_back(entry.first);
        }
        std::sort(chosen.begin(), chosen.end(), std::less<const cppserver_session*>());
        return chosen;
    }
    static bool IsChosen_(void* user_data, cppserver_session* session)
    {
        const Chosen_& chosen = *static_cast<const Chosen_*>(user_data);
        return std::binary_search(chosen.begin(), chosen.end(), static_cast<const cppserver_session*>(session), std::less<const cppserver_session*>());
    }

    static MessageServer& Owner_(void* user_data) noexcept { return *Base_::From_(user_data).server; }
    static Guest_& GuestOf_(void* user_data) noexcept { return *static_cast<Guest_*>(user_data); }

    static bool HandleSession_(void* user_data, cppserver_session* session, cppserver_session_handler* handler, void** session_user_data)
    {
        MessageServer& self = Owner_(user_data);
        bool accepted = false;
        self.Protect_([&]()
        {
            const auto connection = std::make_shared<Connection_>(session);
            *session_user_data = new Guest_{ &self, connection, session, nullptr };
            // The library may know a shorter table than this header.
            const size_t size = (handler->size < sizeof(*handler)) ? handler->size : sizeof(*handler);
            std::memcpy(handler, &SessionHandler_(), size);
            handler->size = size;
            accepted = true;
        });
        return accepted;
    }
    // The session is told when its handshakes are done.
    static void HandleConnected_(void*, cppserver_session*, void*) {}
    static void HandleDisconnected_(void* user_data, cppserver_session*, void* session_user_data, int32_t)
    {
        MessageServer& self = Owner_(user_data);
        const std::shared_ptr<TSession>& session = GuestOf_(session_user_data).session;
        if (session)
            self.Protect_([&]() { self.onDisconnected(session); });
    }

    static const cppserver_session_handler& SessionHandler_() noexcept
    {
        static const cppserver_session_handler handler = {
            sizeof(cppserver_session_handler), nullptr, &HandleSessionOpened_, &HandleSessionDisconnected_, &HandleSessionReceived_, nullptr, &HandleSessionEmpty_, &HandleSessionError_, &HandleSessionDestroy_,
            &HandleHandshake_, &HandleRequest_,
        };
        return handler;
    }

    // Lets `answer` choose the answer to a request; if it throws, that is 500.
    template <class TFunction>
    static void Answer_(Guest_& guest, const cppserver_http_request* request, cppserver_http_response* response, TFunction answer)
    {
        bool answered = false;
        guest.server->Protect_([&]()
        {
            guest.connection->begin_request(request, response);
            answer();
            answered = true;
        });
        guest.connection->end_request();
        if (!answered)
            cppserver_http_response_set_status(response, 500);
    }
    static void HandleHandshake_(void* user_data, const cppserver_http_request* request, cppserver_http_response* response)
    {
        Guest_& guest = GuestOf_(user_data);
        Answer_(guest, request, response, [&]()
        {
            const bool valid = guest.server->_core.validate(guest.connection);
            const bool open = (cppserver_http_response_status(response) == 101);
            if (!valid && open)
                cppserver_http_response_set_status(response, 400);
            HttpResponse own(response);
            if (valid && open)
                guest.server->onHandshake(HttpRequest(request), own);
        });
    }
    static void HandleRequest_(void* user_data, const cppserver_http_request* request, cppserver_http_response* response)
    {
        Guest_& guest = GuestOf_(user_data);
        Answer_(guest, request, response, [&]()
        {
            guest.server->_core.http(guest.connection);
            HttpResponse own(response);
            guest.server->onRequest(HttpRequest(request), own);
        });
    }

    static void HandleSessionOpened_(void* user_data)
    {
        Guest_& guest = GuestOf_(user_data);
        MessageServer& self = *guest.server;
        self.Protect_([&]()
        {
            guest.session = std::make_shared<TSession>(self.shared_from_this());
            std::lock_guard<std::mutex> lock(self._sessions_mutex);
            self._sessions[guest.handle] = guest.session;
        });
        if (!guest.session)
        {
            cppserver_session_disconnect_now(guest.handle);
            return;
        }
        typename TSessionBase::Message_& base = guest.Base();
        base._stream = Compat::asio::ip::tcp::socket(guest.handle);
        base._connection = guest.connection;
        base._handle = guest.connection;
        guest.connection->set_state(Compat::websocketpp::session::state::open);
        base.Connected_();
        self.Protect_([&]() { self.onConnected(guest.session); });
    }
    static void HandleSessionDisconnected_(void* user_data, int32_t reason)
    {
        Guest_& guest = GuestOf_(user_data);
        guest.connection->set_state(Compat::websocketpp::session::state::closed);
        if (!guest.session)
            return;
        guest.Base()._reason = reason;
        guest.Base().Disconnected_();
    }
    static size_t HandleSessionReceived_(void* user_data, int32_t kind, const void* data, size_t size)
    {
        Guest_& guest = GuestOf_(user_data);
        if (guest.session)
            guest.Base().Protect_([&]() { guest.Base().Received_(kind, data, size); });
        return size;
    }
    static void HandleSessionEmpty_(void* user_data)
    {
        Guest_& guest = GuestOf_(user_data);
        if (guest.session)
            guest.Base().Protect_([&]() { guest.Base().onEmpty(); });
    }
    static void HandleSessionError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        Guest_& guest = GuestOf_(user_data);
        const NativeFailure failure(code, category, message);
        guest.connection->set_ec(OpenError(failure));
        // Without a session it is a failed handshake.
        if (guest.session && !IsLoss(failure))
            guest.Base().Fail_(OpenFailure(failure));
    }
    static void HandleSessionDestroy_(void* user_data)
    {
        const std::unique_ptr<Guest_> guest(&GuestOf_(user_data));
        std::lock_guard<std::mutex> lock(guest->server->_sessions_mutex);
        guest->server->_sessions.erase(guest->handle);
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_SERVER_H
