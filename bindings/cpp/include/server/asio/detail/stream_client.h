/// @file stream_client.h
/// What TCP and SSL clients share: bytes over a connection that this side opens.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_STREAM_CLIENT_H
#define CPPSERVER_SERVER_ASIO_DETAIL_STREAM_CLIENT_H

#include "server/asio/detail/client_base.h"

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of TCPClient and SSLClient, which is TSelf. Detail::ClientBase has the members that all clients have.
template <class TSelf, class TStream>
class StreamClient : public ClientBase<TSelf, TStream>
{
    typedef ClientBase<TSelf, TStream> Base_;

public:
    /// Where the next Connect() goes.
    Compat::asio::ip::tcp::endpoint& endpoint() noexcept { return _endpoint; }
    /// The port of endpoint().
    uint16_t port() const noexcept { return _endpoint.port(); }

    /// Ends the connection: nothing more is received, what Send() accepted is written out (up to the close timeout), then
    /// onDisconnected() is called. A connect in progress is cancelled. False when there is nothing to end.
    bool Disconnect()
    {
        this->ForgetReconnect_();
        return cppserver_session_disconnect(this->_session) == CPPSERVER_STATUS_OK;
    }

    /// Queues bytes; they are copied and leave later. Returns all bytes now pending, which is never less than `size`; 0 when
    /// the client is not connected (and handshaked, where there is a handshake), there is nothing to send or the send limit refuses it.
    size_t Send(const void* buffer, size_t size)
    {
        size_t pending = 0;
        if (this->_phase.load() < ReadyPhase<TStream>::Value())
            return 0;
        if ((buffer == nullptr) || (size == 0) || (cppserver_session_send(this->_session, buffer, size, &pending) != CPPSERVER_STATUS_OK))
            return 0;
        return (pending < size) ? size : pending;
    }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }

    /// Bytes that onReceived() may leave unhandled; 0 for no limit (default).
    bool SetupReceiveLimit(size_t limit) { return this->_handles.SetOption(CPPSERVER_OPTION_RECEIVE_LIMIT, static_cast<int64_t>(limit)); }

protected:
    /// All bytes that were not handled yet. Returns how many are handled now; the others come again in front of the next bytes. The
    /// buffer is valid during the call.
    virtual size_t onReceived(const void* /*buffer*/, size_t size) { return size; }
    /// The system took `sent` bytes, `pending` are left.
    virtual void onSent(size_t /*sent*/, size_t /*pending*/) {}
private:
    friend TSelf;
    friend Base_;
    template <class>
    friend class TlsSession;

    Compat::asio::ip::tcp::endpoint _endpoint;

    template <class... TArguments>
    StreamClient(std::shared_ptr<Service> service, const Compat::asio::ip::tcp::endpoint& endpoint, TArguments&... stream)
        : Base_(std::move(service), stream...), _endpoint(endpoint)
    {
    }

    void Construct_()
    {
        Base_::Construct_();
        this->SetupConnectTimeout(std::chrono::milliseconds(0));
        SetupReceiveLimit(0);
    }

    static Compat::asio::ip::tcp::endpoint Parse_(const std::string& address, int port)
    {
        return Compat::asio::ip::tcp::endpoint(Compat::asio::ip::address::from_string(address), static_cast<unsigned short>(port));
    }

    Target Target_() { return Target(this->_service, this->Self_().TlsContext_(), _endpoint); }

    void Attached_() { this->Self_().Prepared_(); }

    bool Refuses_(Failure& failure) const
    {
        if (_endpoint.port() != 0)
            return false;
        failure = MakeFailure(Compat::asio::error_code(Compat::asio::error::connection_refused));
        return true;
    }

    static Failure Translate_(const NativeFailure& failure) { return failure.Plain(); }

    void Ending_(int32_t reason)
    {
        if (reason == CPPSERVER_REASON_PEER_CLOSED)
            this->Fail_(EndOfFile());
    }

    static StreamClient& Owner_(void* user_data) noexcept { return *Base_::From_(user_data).client; }

    static const cppserver_session_handler& Handler_() noexcept
    {
        static const cppserver_session_handler handler = {
            sizeof(cppserver_session_handler), &HandleConnected_, TSelf::HandshakedHandler_(), &Base_::HandleDisconnected_, &HandleReceived_, &HandleSent_, &Base_::HandleEmpty_, &HandleError_, &Base_::HandleDestroy_,
            nullptr, nullptr,
        };
        return handler;
    }

    static void HandleConnected_(void* user_data)
    {
        StreamClient& self = Owner_(user_data);
        self._reason = 0;
        self.Connected_();
    }
    static size_t HandleReceived_(void* user_data, int32_t, const void* data, size_t size)
    {
        StreamClient& self = Owner_(user_data);
        size_t handled = size;
        self.Protect_([&]() { handled = self.onReceived(data, size); });
        return (handled < size) ? handled : size;
    }
    static void HandleSent_(void* user_data, size_t sent, size_t pending)
    {
        StreamClient& self = Owner_(user_data);
        self.Protect_([&]() { self.onSent(sent, pending); });
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        Owner_(user_data).Fail_(MakeFailure(code, category, message));
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_STREAM_CLIENT_H
