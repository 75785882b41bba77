/// @file error.h
/// Errors of TLS under the numbers, categories and texts that programs written for asio and OpenSSL know.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_ERROR_H
#define CPPSERVER_COMPAT_ASIO_SSL_ERROR_H

#include "cppserver.h"

#include "compat/asio/error.h"

#include <string>

namespace CppServer {
namespace Compat {
namespace asio {

namespace error {

/// Errors of TLS, category "asio.ssl", by the numbers of OpenSSL 3.0. An alert of the peer is alert_of_peer plus the number of
/// the alert; a file that cannot be read is system_error plus errno, as an int.
enum ssl_errors
{
    bad_base64_decode = 0x04800064,
    no_start_line = 0x0480006C,
    bad_password_read = 0x04800068,
    key_values_mismatch = 0x05800074,
    wrong_tag = 0x068000A8,
    certificate_verify_failed = 0x0A000086,
    data_length_too_long = 0x0A000092,
    no_shared_cipher = 0x0A0000C1,
    peer_did_not_return_a_certificate = 0x0A0000C7,
    no_application_protocol = 0x0A0000EB,
    unexpected_message = 0x0A0000F4,
    unsupported_protocol = 0x0A000102,
    wrong_version_number = 0x0A00010B,
    decryption_failed_or_bad_record_mac = 0x0A000119,
    bad_value = 0x0A000180,
    alert_of_peer = 0x0A0003E8,
    internal_error = 0x0A0C0103,
    bad_decrypt = 0x1C800064,
    unsupported_encoding = 0x1E08010C
};

} // namespace error

namespace ssl {
namespace error {

/// Errors of encrypted streams, category "asio.ssl.stream".
enum stream_errors
{
    /// The peer closed the connection without saying that its data ends there.
    stream_truncated = 1
};

} // namespace error

namespace detail {

struct error_text
{
    int value;
    const char* text;
};

/// The texts that OpenSSL has for its numbers; nullptr for others.
inline const char* openssl_text(int value) noexcept
{
    const int peer = asio::error::alert_of_peer;
    static const error_text texts[] = {
        { asio::error::bad_base64_decode, "bad base64 decode" },
        { asio::error::no_start_line, "no start line" },
        { asio::error::bad_password_read, "bad password read" },
        { asio::error::key_values_mismatch, "key values mismatch" },
        { asio::error::wrong_tag, "wrong tag" },
        { asio::error::certificate_verify_failed, "certificate verify failed" },
        { asio::error::data_length_too_long, "data length too long" },
        { asio::error::no_shared_cipher, "no shared cipher" },
        { asio::error::peer_did_not_return_a_certificate, "peer did not return a certificate" },
        { asio::error::no_application_protocol, "no application protocol" },
        { asio::error::unexpected_message, "unexpected message" },
        { asio::error::unsupported_protocol, "unsupported protocol" },
        { asio::error::wrong_version_number, "wrong version number" },
        { asio::error::decryption_failed_or_bad_record_mac, "decryption failed or bad record mac" },
        { asio::error::bad_value, "bad value" },
        { asio::error::internal_error, "internal error" },
        { asio::error::bad_decrypt, "bad decrypt" },
        { asio::error::unsupported_encoding, "unsupported" },
        { peer + 10, "sslv3 alert unexpected message" },
        { peer + 20, "sslv3 alert bad record mac" },
        { peer + 21, "tlsv1 alert decryption failed" },
        { peer + 22, "tlsv1 alert record overflow" },
        { peer + 30, "sslv3 alert decompression failure" },
        { peer + 40, "sslv3 alert handshake failure" },
        { peer + 41, "sslv3 alert no certificate" },
        { peer + 42, "sslv3 alert bad certificate" },
        { peer + 43, "sslv3 alert unsupported certificate" },
        { peer + 44, "sslv3 alert certificate revoked" },
        { peer + 45, "sslv3 alert certificate expired" },
        { peer + 46, "sslv3 alert certificate unknown" },
        { peer + 47, "sslv3 alert illegal parameter" },
        { peer + 48, "tlsv1 alert unknown ca" },
        { peer + 49, "tlsv1 alert access denied" },
        { peer + 50, "tlsv1 alert decode error" },
        { peer + 51, "tlsv1 alert decrypt error" },
        { peer + 60, "tlsv1 alert export restriction" },
        { peer + 70, "tlsv1 alert protocol version" },
        { peer + 71, "tlsv1 alert insufficient security" },
        { peer + 80, "tlsv1 alert internal error" },
        { peer + 86, "tlsv1 alert inappropriate fallback" },
        { peer + 90, "tlsv1 alert user cancelled" },
        { peer + 100, "tlsv1 alert no renegotiation" },
        { peer + 109, "tlsv13 alert missing extension" },
        { peer + 110, "tlsv1 unsupported extension" },
        { peer + 111, "tlsv1 certificate unobtainable" },
        { peer + 112, "tlsv1 unrecognized name" },
        { peer + 113, "tlsv1 bad certificate status response" },
        { peer + 114, "tlsv1 bad certificate hash value" },
        { peer + 115, "tlsv1 alert unknown psk identity" },
        { peer + 116, "tlsv13 alert certificate required" },
        { peer + 120, "tlsv1 alert no application protocol" },
    };
    for (const error_text& entry : texts)
    {
        if (entry.value == value)
            return entry.text;
    }
    return nullptr;
}

class ssl_category final : public error_category
{
public:
    const char* name() const noexcept override { return "asio.ssl"; }

    std::string message(int value) const override
    {
        // OpenSSL marks errors of the operating system by the highest bit.
        if (value < 0)
            return std::generic_category().message(value & 0x7FFFFFFF);
        const char* text = openssl_text(value);
        return (text != nullptr) ? text : "asio.ssl error";
    }
};

class stream_category final : public error_category
{
public:
    const char* name() const noexcept override { return "asio.ssl.stream"; }

    std::string message(int value) const override
    {
        return (value == ssl::error::stream_truncated) ? "stream truncated" : "asio.ssl.stream error";
    }
};

} // namespace detail
} // namespace ssl

namespace error {

inline const error_category& get_ssl_category() noexcept { return detail::category_instance<ssl::detail::ssl_category>(); }
inline error_code make_error_code(ssl_errors e) noexcept { return error_code(static_cast<int>(e), get_ssl_category()); }

} // namespace error

namespace ssl {
namespace error {

inline const error_category& get_stream_category() noexcept
{
    return asio::error::detail::category_instance<ssl::detail::stream_category>();
}
inline error_code make_error_code(stream_errors e) noexcept { return error_code(static_cast<int>(e), get_stream_category()); }

} // namespace error

namespace detail {

inline error_code ssl_error(int value) noexcept { return error_code(value, asio::error::get_ssl_category()); }

/// What OpenSSL calls an error of the category "tls" of the C library; no error when it has none for it.
inline error_code from_tls_code(int code) noexcept
{
    switch (code)
    {
        case CPPSERVER_TLS_FAILURE_TRUNCATED: return error_code(ssl::error::stream_truncated, ssl::error::get_stream_category());
        case CPPSERVER_TLS_FAILURE_FORMAT: return ssl_error(asio::error::unsupported_encoding);
        case CPPSERVER_TLS_FAILURE_PASSWORD: return ssl_error(asio::error::bad_decrypt);
        case CPPSERVER_TLS_FAILURE_KEY_MISMATCH: return ssl_error(asio::error::key_values_mismatch);
        // OpenSSL goes on with settings that cannot work, and so has no error for them.
        case CPPSERVER_TLS_FAILURE_SETTINGS: return error_code();
        // What is no TLS cannot be decoded; nothing else ever cannot.
        case 50: return ssl_error(asio::error::wrong_version_number);
        case 10: return ssl_error(asio::error::unexpected_message);
        case 20: return ssl_error(asio::error::decryption_failed_or_bad_record_mac);
        case 22: return ssl_error(asio::error::data_length_too_long);
        case 40: return ssl_error(asio::error::no_shared_cipher);
        case 70: return ssl_error(asio::error::unsupported_protocol);
        case 80: return ssl_error(asio::error::internal_error);
        case 116: return ssl_error(asio::error::peer_did_not_return_a_certificate);
        case 120: return ssl_error(asio::error::no_application_protocol);
        // All alerts that are about certificates.
        case 41: case 42: case 43: case 44: case 45: case 46: case 48: case 49: case 51: case 111: case 113: case 114:
            return ssl_error(asio::error::certificate_verify_failed);
        default: return ssl_error(((code >= 1000) && (code <= 1255)) ? asio::error::alert_of_peer + (code - 1000) : static_cast<int>(asio::error::bad_value));
    }
}

} // namespace detail
} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

namespace std {

template <> struct is_error_code_enum<CppServer::Compat::asio::error::ssl_errors> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::asio::ssl::error::stream_errors> : true_type {};

} // namespace std

#endif // CPPSERVER_COMPAT_ASIO_SSL_ERROR_H
