/// @file stream_server.h
/// What TCP and SSL servers share: sessions that exchange bytes.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SERVER_H
#define CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SERVER_H

#include "server/asio/detail/server_base.h"
#include "server/asio/detail/stream_session.h"

namespace CppServer {
namespace Asio {
namespace Detail {

/// The base of TCPServer and SSLServer, which is TSelf. TSessionBase is their sessions' library class. Detail::ServerBase has the members
/// that all servers have.
template <class TSelf, class TSessionBase, class TSession>
class StreamServer : public ServerBase<TSelf, TSession>
{
    typedef ServerBase<TSelf, TSession> Base_;

public:
    /// Sends to all connected sessions. False when the server is not started or there is nothing to send.
    bool Multicast(const void* buffer, size_t size)
    {
        return (buffer != nullptr) && (size > 0) && (cppserver_server_multicast(this->_handles.Current(), buffer, size) == CPPSERVER_STATUS_OK);
    }
    bool Multicast(const std::string& text) { return Multicast(text.data(), text.size()); }

    /// Bytes that onReceived() of a session may leave unhandled; 0 for no limit (default).
    bool SetupReceiveLimit(size_t limit) { return this->_handles.SetOption(CPPSERVER_OPTION_RECEIVE_LIMIT, static_cast<int64_t>(limit)); }

private:
    friend TSelf;
    friend Base_;

    using Base_::Base_;

    void Construct_()
    {
        Base_::Construct_();
        SetupReceiveLimit(0);
    }

    Target Target_() { return Target(this->_service, this->Self_().TlsContext_(), this->_endpoint); }

    static Failure Translate_(const NativeFailure& failure) { return failure.Plain(); }

    static StreamServer& Owner_(void* user_data) noexcept { return *Base_::From_(user_data).server; }

    static bool HandleSession_(void* user_data, cppserver_session* session, cppserver_session_handler* handler, void** session_user_data)
    {
        StreamServer& self = Owner_(user_data);
        bool accepted = false;
        self.Protect_([&]()
        {
            const std::shared_ptr<TSession> object = self.Self_().MakeSession_(Compat::asio::ip::tcp::socket(session));
            typename TSessionBase::Stream_& base = *object;
            base._self = object;
            // The library may know a shorter table than this header.
            const size_t size = (handler->size < sizeof(*handler)) ? handler->size : sizeof(*handler);
            std::memcpy(handler, &TSessionBase::Handler_(), size);
            handler->size = size;
            *session_user_data = &base;
            accepted = true;
        });
        return accepted;
    }
    static void HandleConnected_(void* user_data, cppserver_session*, void* session_user_data)
    {
        StreamServer& self = Owner_(user_data);
        const std::shared_ptr<TSession>& session = TSessionBase::Owner_(session_user_data)._self;
        self.Protect_([&]() { self.onConnected(session); });
    }
    static void HandleDisconnected_(void* user_data, cppserver_session*, void* session_user_data, int32_t)
    {
        StreamServer& self = Owner_(user_data);
        const std::shared_ptr<TSession>& session = TSessionBase::Owner_(session_user_data)._self;
        self.Protect_([&]() { self.onDisconnected(session); });
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_STREAM_SERVER_H
