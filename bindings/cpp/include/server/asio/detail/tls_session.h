/// @file tls_session.h
/// What the encrypted connections of servers and clients share: the handshake and what it came to.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_TLS_SESSION_H
#define CPPSERVER_SERVER_ASIO_DETAIL_TLS_SESSION_H

#include "cppserver.h"

#include "server/asio/asio.h"
#include "server/asio/detail/phase.h"
#include "server/asio/detail/text.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace CppServer {
namespace Asio {
namespace Detail {

/// Nothing leaves before the handshake.
template <class TSocket>
struct ReadyPhase<Compat::asio::ssl::stream<TSocket>>
{
    static constexpr Phase Value() noexcept { return Phase::Handshaked; }
};

/// The context, unless there is none: then it throws system_error.
inline Compat::asio::ssl::context& Given(const std::shared_ptr<Compat::asio::ssl::context>& context)
{
    if (!context)
        throw Compat::asio::system_error(Compat::asio::error::invalid_argument, "An encrypted server or client needs a context");
    return *context;
}

/// What the handshake of an encrypted connection came to. Another base of SSL sessions and clients, one of which is TSelf. All of it is
/// empty before the handshake, and kept after the connection.
template <class TSelf>
class TlsDetails
{
public:
    /// "TLSv1.2" or "TLSv1.3"
    std::string tls_version() const { return Text_(CPPSERVER_TLS_TEXT_VERSION); }
    /// The name in the registry of IANA, such as "TLS_AES_256_GCM_SHA384".
    std::string cipher_suite() const { return Text_(CPPSERVER_TLS_TEXT_CIPHER_SUITE); }
    /// The protocol that both sides agreed on (ALPN).
    std::string alpn_protocol() const { return Text_(CPPSERVER_TLS_TEXT_ALPN_PROTOCOL); }
    /// The name of the server that the client asked for (SNI).
    std::string server_name() const { return Text_(CPPSERVER_TLS_TEXT_SERVER_NAME); }
    /// The subject of the peer's certificate (RFC 4514), such as "CN=client.example.com,O=Example".
    std::string peer_subject() const { return Text_(CPPSERVER_TLS_TEXT_PEER_SUBJECT); }
    /// A certificate of the peer in DER: its own, then those of the authorities that it sent. Empty when there is none.
    std::vector<uint8_t> peer_certificate(size_t index = 0) const
    {
        size_t length = 0;
        cppserver_session_tls_peer_certificate(Session_(), index, nullptr, 0, &length);
        std::vector<uint8_t> certificate(length);
        if (cppserver_session_tls_peer_certificate(Session_(), index, certificate.data(), certificate.size(), nullptr) != CPPSERVER_STATUS_OK)
            certificate.clear();
        return certificate;
    }
    /// Whether the handshake went on from an earlier session.
    bool IsResumed() const noexcept { return cppserver_session_tls_is_resumed(Session_()); }

protected:
    ~TlsDetails() = default;

private:
    friend TSelf;

    cppserver_session* Session_() const noexcept { return static_cast<const TSelf&>(*this).handle_(); }

    std::string Text_(int32_t which) const
    {
        return ReadText([this, which](char* buffer, size_t size, size_t* length) { return cppserver_session_tls_text(Session_(), which, buffer, size, length); });
    }
};

/// The second base of SSLSession and SSLClient, which is TSelf.
template <class TSelf>
class TlsSession : public TlsDetails<TSelf>
{
public:
    /// True from just before onHandshaked() until just before onDisconnected().
    bool IsHandshaked() const noexcept { return static_cast<const TSelf&>(*this)._phase.load() == Phase::Handshaked; }

protected:
    ~TlsSession() = default;

    /// The peer is authenticated as far as the context asks, and Send() sends.
    virtual void onHandshaked() {}

private:
    friend TSelf;

    static void HandleHandshaked_(void* user_data)
    {
        TSelf& self = static_cast<TSelf&>(TSelf::Owner_(user_data));
        self._phase = Phase::Handshaked;
        self.Protect_([&self]() { static_cast<TlsSession&>(self).onHandshaked(); });
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_TLS_SESSION_H
