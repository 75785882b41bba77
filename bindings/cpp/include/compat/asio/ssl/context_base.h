/// @file context_base.h
/// The constants of asio::ssl: methods, options, file formats, verify modes.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_CONTEXT_BASE_H
#define CPPSERVER_COMPAT_ASIO_SSL_CONTEXT_BASE_H

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {

/// What is asked of the certificate of a peer: nothing, or verify_peer with others added by `|`.
typedef int verify_mode;

const int verify_none = 0x00;
/// Clients verify their server; servers ask for a certificate and verify the one that comes.
const int verify_peer = 0x01;
/// Together with verify_peer: servers refuse clients without a certificate.
const int verify_fail_if_no_peer_cert = 0x02;
/// Without effect: certificates are never asked for again.
const int verify_client_once = 0x04;

class context_base
{
public:
    /// Those of TLS 1.2 and 1.3 speak that version only; all others speak the best that both sides support, which is one
    /// of these two as well.
    enum method
    {
        sslv2, sslv2_client, sslv2_server,
        sslv3, sslv3_client, sslv3_server,
        tlsv1, tlsv1_client, tlsv1_server,
        sslv23, sslv23_client, sslv23_server,
        tlsv11, tlsv11_client, tlsv11_server,
        tlsv12, tlsv12_client, tlsv12_server,
        tlsv13, tlsv13_client, tlsv13_server,
        tls, tls_client, tls_server
    };

    /// Options with the numbers of OpenSSL. Only no_tlsv1_2 and no_tlsv1_3 have an effect: the older versions, compression and what
    /// the workarounds are for do not exist here.
    typedef long options;
    static const long default_workarounds = 0x00000BFFL;
    static const long no_compression = 0x00020000L;
    static const long single_dh_use = 0x00100000L;
    static const long no_sslv2 = 0x01000000L;
    static const long no_sslv3 = 0x02000000L;
    static const long no_tlsv1 = 0x04000000L;
    static const long no_tlsv1_1 = 0x10000000L;
    static const long no_tlsv1_2 = 0x08000000L;
    static const long no_tlsv1_3 = 0x20000000L;

    enum file_format
    {
        asn1, ///< DER
        pem
    };

    enum password_purpose
    {
        for_reading, ///< To decrypt; the only one that is asked for
        for_writing
    };

    typedef ssl::verify_mode verify_mode;
    static const int verify_none = ssl::verify_none;
    static const int verify_peer = ssl::verify_peer;
    static const int verify_fail_if_no_peer_cert = ssl::verify_fail_if_no_peer_cert;
    static const int verify_client_once = ssl::verify_client_once;

protected:
    ~context_base() = default;
};

} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_CONTEXT_BASE_H
