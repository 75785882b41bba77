/// @file verify.h
/// Verify callbacks: what they are given, and the ready-made ones that check the name of the peer.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_VERIFY_H
#define CPPSERVER_COMPAT_ASIO_SSL_VERIFY_H

#include "cppserver.h"

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {

/// The certificate of the peer, for a verify callback, during its call.
class verify_context
{
public:
    /// There is no X509_STORE_CTX here: always null. certificate() has the certificate.
    typedef std::nullptr_t native_handle_type;

    /// For the library.
    verify_context(const void* certificate, std::size_t size, const char* error) noexcept
        : _certificate(certificate), _size(size), _error(error)
    {
    }
    verify_context(const verify_context&) = delete;
    verify_context& operator=(const verify_context&) = delete;

    native_handle_type native_handle() const noexcept { return nullptr; }

    /// The peer's own certificate in DER.
    const void* certificate() const noexcept { return _certificate; }
    std::size_t certificate_size() const noexcept { return _size; }

    /// The subject of the certificate (RFC 4514), such as "CN=client.example.com,O=Example".
    std::string subject() const
    {
        std::size_t length = 0;
        cppserver_tls_certificate_subject(_certificate, _size, nullptr, 0, &length);
        std::string text(length + 1, '\0');
        if (cppserver_tls_certificate_subject(_certificate, _size, &text[0], text.size(), nullptr) != CPPSERVER_STATUS_OK)
            return std::string();
        text.resize(length);
        return text;
    }

    /// Whether the certificate is for a DNS name or an IP address.
    bool is_for_name(const std::string& name) const noexcept { return cppserver_tls_certificate_is_for_name(_certificate, _size, name.c_str()); }

    /// Why the certificate did not pass, or an empty text when it did.
    std::string error() const { return (_error != nullptr) ? _error : ""; }

private:
    const void* _certificate;
    std::size_t _size;
    const char* _error;
};

/// Accepts what passed and is for the given name, by the subjectAltName or, without one, by the common name.
class rfc2818_verification
{
public:
    typedef bool result_type;

    explicit rfc2818_verification(std::string host) : _host(std::move(host)) {}

    bool operator()(bool preverified, verify_context& context) const { return preverified && context.is_for_name(_host); }

private:
    std::string _host;
};

/// The name that later versions of asio have for the same.
typedef rfc2818_verification host_name_verification;

namespace detail {

typedef std::function<bool(bool, verify_context&)> verify_function;

} // namespace detail
} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_VERIFY_H
