/// @file native_context.h
/// The TLS context of the C library behind an asio::ssl::context, and the settings that make one.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_NATIVE_CONTEXT_H
#define CPPSERVER_COMPAT_ASIO_SSL_NATIVE_CONTEXT_H

#include "cppserver.h"

#include "compat/asio/ssl/context_base.h"
#include "compat/asio/ssl/pem.h"
#include "compat/asio/ssl/verify.h"

#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {
namespace detail {

typedef std::function<std::string(std::size_t, context_base::password_purpose)> password_function;

/// A key with the password that opened it, so that nobody has to be asked twice.
struct private_key
{
    std::string bytes;
    std::string password;
    bool encrypted = false;
};

/// What is asked of the certificate of a peer.
struct verify_settings
{
    verify_mode mode = verify_none;
    int depth = -1;
    verify_function callback;
};

/// A certificate with those of its issuers, and its key.
struct identity
{
    std::string chain;
    private_key key;
};

/// Everything that a context was told, so that another one like it can be made.
struct settings
{
    context_base::method method = context_base::sslv23;
    context_base::options options = context_base::no_compression;
    verify_settings verify;
    identity own;
    std::vector<identity> further;
    std::vector<std::string> authorities;
    bool system_authorities = false;
    std::vector<std::string> protocols;
    bool resumption = true;
    std::string key_log;
};

/// Asks for the password of a key, once, while the C library reads the key.
class password_question
{
public:
    password_question(private_key& key, const password_function& ask) : _key(key), _ask(ask) {}

    /// Whether there was somebody to ask.
    bool was_answered() const noexcept { return _key.encrypted; }

    /// What the password callback threw goes on to the caller of the context.
    void rethrow()
    {
        if (_thrown)
            std::rethrow_exception(_thrown);
    }

    static std::ptrdiff_t answer(void* user_data, char* buffer, std::size_t size)
    {
        return (user_data != nullptr) ? static_cast<password_question*>(user_data)->give(buffer, size) : -1;
    }

private:
    private_key& _key;
    const password_function& _ask;
    std::exception_ptr _thrown;

    std::ptrdiff_t give(char* buffer, std::size_t size) noexcept
    {
        try
        {
            if (!_key.encrypted && _ask)
            {
                _key.password = _ask(size, context_base::for_reading);
                _key.encrypted = true;
            }
        }
        catch (...)
        {
            _thrown = std::current_exception();
        }
        if (!_key.encrypted)
            return -1;
        const std::size_t length = (_key.password.size() < size) ? _key.password.size() : size;
        std::memcpy(buffer, _key.password.data(), length);
        return static_cast<std::ptrdiff_t>(length);
    }
};

/// Has the last word on certificates. Shared by the context and by the connections that outlive it.
class judge
{
public:
    void set(const verify_settings& verify)
    {
        const auto callback = std::make_shared<const verify_function>(verify.callback);
        std::lock_guard<std::mutex> lock(_mutex);
        _verifies = (verify.mode & verify_peer) != 0;
        _callback = callback;
    }

    static bool accepts(void* user_data, const void* certificate, std::size_t size, const char* error)
    {
        return (*static_cast<std::shared_ptr<judge>*>(user_data))->decide(certificate, size, error);
    }
    static void destroy(void* user_data) { delete static_cast<std::shared_ptr<judge>*>(user_data); }

private:
    std::mutex _mutex;
    bool _verifies = false;
    std::shared_ptr<const verify_function> _callback;

    bool decide(const void* certificate, std::size_t size, const char* error) noexcept
    {
        try
        {
            std::shared_ptr<const verify_function> callback;
            {
                std::lock_guard<std::mutex> lock(_mutex);
                if (!_verifies)
                    return true;
                callback = _callback;
            }
            const bool preverified = (error == nullptr);
            if (!callback || !*callback)
                return preverified;
            verify_context context(certificate, size, error);
            return (*callback)(preverified, context);
        }
        catch (...)
        {
            // Who cannot say yes has not said yes.
            return false;
        }
    }
};

/// Owns a context of the C library. It verifies as OpenSSL does: certificates of X.509 version 1 too, and the name only by a callback.
class native_context
{
public:
    native_context() : _handle(cppserver_tls_context_create()), _judge(std::make_shared<judge>())
    {
        if (!_handle)
            throw system_error(ssl_error(asio::error::internal_error), "context");
        option(CPPSERVER_TLS_OPTION_VERIFY, CPPSERVER_TLS_VERIFY_NONE);
        option(CPPSERVER_TLS_OPTION_VERIFY_NAMES, 0);
        option(CPPSERVER_TLS_OPTION_DANGEROUS_ACCEPT_LEGACY_CERTIFICATES, 1);
        option(CPPSERVER_TLS_OPTION_SYSTEM_AUTHORITIES, 0);
        cppserver_tls_context_set_verify_callback(handle(), &judge::accepts, new std::shared_ptr<judge>(_judge), &judge::destroy);
    }

    /// A context with these settings, all of which another one has accepted before.
    explicit native_context(settings from) : native_context()
    {
        set_versions(from.method, from.options);
        set_verify(from.verify);
        if (!from.own.key.bytes.empty() && !from.own.chain.empty())
            set_identity(from.own, password_function(), false);
        for (identity& further : from.further)
            set_identity(further, password_function(), true);
        for (const std::string& authority : from.authorities)
            add_authority(authority);
        if (from.system_authorities)
            add_system_authorities();
        set_protocols(from.protocols);
        set_resumption(from.resumption);
        set_key_log(from.key_log);
    }

    cppserver_tls_context* handle() const noexcept { return _handle.get(); }

    void set_versions(context_base::method method, context_base::options options)
    {
        const bool only_tls12 = (method >= context_base::tlsv12) && (method <= context_base::tlsv12_server);
        const bool only_tls13 = (method >= context_base::tlsv13) && (method <= context_base::tlsv13_server);
        const bool tls12 = !only_tls13 && ((options & context_base::no_tlsv1_2) == 0);
        const bool tls13 = !only_tls12 && ((options & context_base::no_tlsv1_3) == 0);
        // When nothing is left, the minimum is above the maximum, and the C library tells it at the start or connect.
        option(CPPSERVER_TLS_OPTION_MINIMUM_VERSION, tls12 ? CPPSERVER_TLS_VERSION_TLS12 : CPPSERVER_TLS_VERSION_TLS13);
        option(CPPSERVER_TLS_OPTION_MAXIMUM_VERSION, tls13 ? CPPSERVER_TLS_VERSION_TLS13 : CPPSERVER_TLS_VERSION_TLS12);
    }

    void set_verify(const verify_settings& verify)
    {
        const bool peer = (verify.mode & verify_peer) != 0;
        const bool require = peer && ((verify.mode & verify_fail_if_no_peer_cert) != 0);
        _judge->set(verify);
        option(CPPSERVER_TLS_OPTION_VERIFY_DEPTH, (verify.depth < 0) ? -1 : (verify.depth > 100) ? 100 : verify.depth);
        option(CPPSERVER_TLS_OPTION_VERIFY, require ? CPPSERVER_TLS_VERIFY_REQUIRE : peer ? CPPSERVER_TLS_VERIFY_PEER : CPPSERVER_TLS_VERIFY_NONE);
    }

    /// The certificate for everybody, or a further one for its names. Keeps the password of the key in it.
    error_code set_identity(identity& own, const password_function& ask, bool further)
    {
        password_question question(own.key, ask);
        cppserver_tls_context_set_password_callback(handle(), &password_question::answer, &question, nullptr);
        const auto set = further ? &cppserver_tls_context_add_certificate : &cppserver_tls_context_set_certificate;
        const std::int32_t status = set(handle(), own.chain.data(), own.chain.size(), own.key.bytes.data(), own.key.bytes.size(), nullptr);
        const std::int32_t code = cppserver_last_error_code();
        cppserver_tls_context_set_password_callback(handle(), &password_question::answer, nullptr, nullptr);
        question.rethrow();
        if (status == CPPSERVER_STATUS_OK)
            return error_code();
        if (code == CPPSERVER_TLS_FAILURE_PASSWORD)
            return ssl_error(question.was_answered() ? asio::error::bad_decrypt : asio::error::bad_password_read);
        return from_tls_code(code);
    }

    /// Whether a key can be read; asks for its password.
    error_code check_key(private_key& key, const password_function& ask)
    {
        // A certificate that nobody has the key of: only to have the C library read the key, and then refuse the pair.
        static const char nobody[] =
            "-----BEGIN CERTIFICATE-----\n"
            "MIIBHzCBxQIUCutGh9KrPNT/BuG5BehmA2qr9/IwCgYIKoZIzj0EAwIwETEPMA0G\n"
            "A1UEAwwGbm9ib2R5MCAXDTI2MTEyNTIyMTg1MVoYDzIxMjYxMTAxMjIxODUxWjAR\n"
            "MQ8wDQYDVQQDDAZub2JvZHkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAT0vLxu\n"
            "7PBHrvuQU0uYPZgorgv/2T3fjEd9TWvcBPpr80vJI/IZxw5udTlAZyNmbFZ1yzPX\n"
            "hlD+gUhLcDVjz7AMMAoGCCqGSM49BAMCA0kAMEYCIQDHgs4gLUehntCdkHITLcus\n"
            "J9T1JNfLoNFOXSmLB3FP0gIhAM3nm4fZfo9lEiiPpIsAbMiHqSgVxq3HCf3193S5\n"
            "y56b\n"
            "-----END CERTIFICATE-----\n";
        identity stranger = { nobody, key };
        const error_code ec = set_identity(stranger, ask, false);
        key = stranger.key;
        return (ec == asio::error::key_values_mismatch) ? error_code() : ec;
    }

    error_code add_authority(const std::string& certificates)
    {
        if (cppserver_tls_context_add_authority(handle(), certificates.data(), certificates.size()) == CPPSERVER_STATUS_OK)
            return error_code();
        return ssl_error(has_pem(certificates, "CERTIFICATE") ? asio::error::wrong_tag : asio::error::no_start_line);
    }

    void add_system_authorities() { option(CPPSERVER_TLS_OPTION_SYSTEM_AUTHORITIES, 1); }

    error_code set_protocols(const std::vector<std::string>& protocols)
    {
        std::vector<const char*> names;
        for (const std::string& protocol : protocols)
            names.push_back(protocol.c_str());
        return invalid_unless(cppserver_tls_context_set_alpn_protocols(handle(), names.data(), names.size()));
    }

    void set_resumption(bool enable) { option(CPPSERVER_TLS_OPTION_RESUMPTION, enable); }

    error_code set_key_log(const std::string& file)
    {
        if (cppserver_tls_context_set_key_log_file(handle(), file.empty() ? nullptr : file.c_str()) == CPPSERVER_STATUS_OK)
            return error_code();
        return error_code(static_cast<int>(cppserver_last_error_code()), asio::error::get_system_category());
    }

private:
    struct deleter
    {
        void operator()(cppserver_tls_context* context) const noexcept { cppserver_tls_context_release(context); }
    };

    std::unique_ptr<cppserver_tls_context, deleter> _handle;
    std::shared_ptr<judge> _judge;

    void option(std::int32_t name, std::int64_t value) { cppserver_tls_context_set_option(handle(), name, value); }

    static error_code invalid_unless(std::int32_t status)
    {
        return (status == CPPSERVER_STATUS_OK) ? error_code() : error_code(asio::error::invalid_argument);
    }
};

} // namespace detail
} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_NATIVE_CONTEXT_H
