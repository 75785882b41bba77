/// @file message_client.h
/// What WebSocket clients share, plain and encrypted.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_CLIENT_H
#define CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_CLIENT_H

#include "server/asio/detail/client_base.h"
#include "server/asio/detail/message_connection.h"
#include "server/asio/detail/message_options.h"

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of WebSocketClient and WebSocketSSLClient, which is TSelf. TConfig is that of core(). Detail::ClientBase has the members that
/// all clients have, Detail::MessageConnection those for messages, Detail::MessageOptions further options.
///
/// onConnected() comes when all handshakes are done. A connect that fails is onError() and then onDisconnected().
template <class TSelf, class TConfig>
class MessageClient : public ClientBase<TSelf, Compat::asio::ip::tcp::socket>, public MessageConnection<TSelf>, public MessageOptions<TSelf>
{
    typedef ClientBase<TSelf, Compat::asio::ip::tcp::socket> Base_;
    typedef MessageConnection<TSelf> Messages_;
    typedef MessageOptions<TSelf> Options_;

public:
    /// Where Connect() goes, as it was given.
    const std::string& uri() const noexcept { return _uri; }
    Compat::websocketpp::client<TConfig>& core() noexcept { return _core; }

    /// Says goodbye with a code and a reason, of which 123 bytes have room. What was sent before is delivered, then onDisconnected() is
    /// called when the server has answered, at the latest after the close timeout. A connect in progress is cancelled. False when
    /// there is nothing to end. A code that must not be sent, and a second call, are told by onError() on the I/O thread and
    /// change nothing.
    bool Disconnect(Compat::websocketpp::close::status::value code = Compat::websocketpp::close::status::normal, const std::string& reason = "")
    {
        if (!this->_active)
            return false;
        const std::error_code wrong = Compat::websocketpp::detail::check_close(code, reason);
        if (wrong)
            return this->IsConnected() && this->Later_(wrong);
        this->ForgetReconnect_();
        const std::error_code ec = Compat::websocketpp::detail::close(this->_session, code, reason);
        return !ec || (this->IsConnected() && this->Later_(ec));
    }

    /// Adds a header field to the request, such as "Origin" or "Authorization", from the next Connect() on; "Host" replaces the one
    /// of the URI. False for what cannot be in a header and for what the library writes itself.
    bool AddHeader(const std::string& name, const std::string& value)
    {
        if (cppserver_client_add_header(this->_handles.Current(), name.c_str(), value.c_str()) != CPPSERVER_STATUS_OK)
            return false;
        std::lock_guard<std::mutex> lock(this->_mutex);
        _headers.emplace_back(name, value);
        return true;
    }
    /// What the server may choose from, the preferred one first, such as "chat.v2, chat", from the next Connect() on; subprotocol()
    /// tells its choice. False for what is no name.
    bool SetupSubprotocols(const std::string& names)
    {
        if (cppserver_client_set_subprotocols(this->_handles.Current(), names.c_str()) != CPPSERVER_STATUS_OK)
            return false;
        std::lock_guard<std::mutex> lock(this->_mutex);
        _subprotocols = names;
        return true;
    }

private:
    friend TSelf;
    friend Base_;
    friend Messages_;
    friend Options_;

    std::string _uri;
    // Why the URI is none that Connect() can use.
    Failure _refusal;
    Compat::websocketpp::client<TConfig> _core;
    std::vector<std::pair<std::string, std::string>> _headers;
    std::string _subprotocols;

    MessageClient(std::shared_ptr<Service> service, const std::string& uri)
        : Base_(std::move(service)), _uri(uri), _refusal{ 0, "", "", "" }
    {
    }

    void Construct_()
    {
        Check_();
        Base_::Construct_();
        Options_::Defaults_(this->Self_().TlsContext_() != nullptr);
        this->SetupConnectTimeout(std::chrono::seconds(5));
    }

    // Whether the URI is one, as Connect() will tell.
    void Check_()
    {
        using namespace Compat::websocketpp;
        cppserver_client* client = ClientFunctions::Create(Target(this->_service, this->Self_().TlsContext_(), _uri));
        if (client == nullptr)
        {
            const bool secure = (this->Self_().TlsContext_() == nullptr) && (_uri.compare(0, 6, "wss://") == 0);
            _refusal = LastFailure().As(secure ? error::endpoint_not_secure : error::invalid_uri);
        }
        ClientFunctions::Release(client);
    }

    Target Target_()
    {
        // Options may be set nevertheless when the URI is none.
        cppserver_tls_context* tls = this->Self_().TlsContext_();
        const std::string none = (tls == nullptr) ? "ws://localhost" : "wss://localhost";
        return Target(this->_service, tls, (_refusal.error == 0) ? _uri : none);
    }

    // Makes a new handle like the one before.
    void Attached_()
    {
        {
            std::lock_guard<std::mutex> lock(this->_mutex);
            for (const auto& header : _headers)
                cppserver_client_add_header(this->_handles.Current(), header.first.c_str(), header.second.c_str());
            cppserver_client_set_subprotocols(this->_handles.Current(), _subprotocols.c_str());
        }
        this->Self_().Prepared_();
    }

    bool Refuses_(Failure& failure) const
    {
        failure = _refusal;
        return _refusal.error != 0;
    }

    // Of a connect or a handshake.
    Failure Translate_(const NativeFailure& failure)
    {
        return (this->_phase.load() == Phase::Opening) ? HandshakeFailure(failure, this->Self_().IsSecured_()) : NetworkFailure(failure);
    }

    static void Ending_(int32_t) noexcept {}

    static MessageClient& Owner_(void* user_data) noexcept { return *Base_::From_(user_data).client; }

    static const cppserver_session_handler& Handler_() noexcept
    {
        static const cppserver_session_handler handler = {
            sizeof(cppserver_session_handler), &HandleConnected_, &HandleHandshaked_, &Base_::HandleDisconnected_, &HandleReceived_, nullptr, &Base_::HandleEmpty_, &HandleError_, &Base_::HandleDestroy_,
            nullptr, nullptr,
        };
        return handler;
    }

    static void HandleConnected_(void* user_data)
    {
        MessageClient& self = Owner_(user_data);
        self._reason = 0;
        self._phase = Phase::Opening;
    }
    static void HandleHandshaked_(void* user_data) { Owner_(user_data).Connected_(); }
    static size_t HandleReceived_(void* user_data, int32_t kind, const void* data, size_t size)
    {
        MessageClient& self = Owner_(user_data);
        self.Protect_([&]() { self.Received_(kind, data, size); });
        return size;
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        MessageClient& self = Owner_(user_data);
        const NativeFailure failure(code, category, message);
        if (!self.IsConnected())
            self.Fail_(self.Translate_(failure));
        else if (!IsLoss(failure))
            self.Fail_(OpenFailure(failure));
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_CLIENT_H
