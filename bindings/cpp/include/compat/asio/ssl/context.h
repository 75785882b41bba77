/// @file context.h
/// asio::ssl::context: certificates, keys and rules for encrypted servers and clients.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_CONTEXT_H
#define CPPSERVER_COMPAT_ASIO_SSL_CONTEXT_H

#include "compat/asio/buffer.h"
#include "compat/asio/ssl/files.h"
#include "compat/asio/ssl/native_context.h"

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {

/// May be shared by any number of servers and clients, and its functions may be called on every thread. Settings count for
/// connections that begin later. A fresh context verifies nothing and trusts nobody.
///
/// Each function that can fail exists twice: one throws system_error, the other has a last parameter error_code. What failed
/// has changed nothing.
class context : public context_base
{
public:
    /// There is no SSL_CTX here: always null.
    typedef std::nullptr_t native_handle_type;

    explicit context(method m) : _state(std::make_shared<state>())
    {
        _state->settings.method = m;
        _state->apply_versions();
    }
    context(context&&) = default;
    context(const context&) = delete;
    context& operator=(context&&) = default;
    context& operator=(const context&) = delete;

    native_handle_type native_handle() const noexcept { return nullptr; }

    void set_options(options o) { change([&](detail::settings& all) { all.options |= o; }, &state::apply_versions); }
    error_code set_options(options o, error_code& ec) { return set_options(o), ec = error_code(); }
    void clear_options(options o) { change([&](detail::settings& all) { all.options &= ~o; }, &state::apply_versions); }
    error_code clear_options(options o, error_code& ec) { return clear_options(o), ec = error_code(); }

    /// Whether the chain of the peer's certificate up to a trusted authority is verified; see also set_verify_callback().
    void set_verify_mode(verify_mode v) { change([&](detail::settings& all) { all.verify.mode = v; }, &state::apply_verify); }
    error_code set_verify_mode(verify_mode v, error_code& ec) { return set_verify_mode(v), ec = error_code(); }
    /// The most certificates between that of the peer and the trusted one.
    void set_verify_depth(int depth) { change([&](detail::settings& all) { all.verify.depth = depth; }, &state::apply_verify); }
    error_code set_verify_depth(int depth, error_code& ec) { return set_verify_depth(depth), ec = error_code(); }
    /// A function `bool (bool preverified, asio::ssl::verify_context& ctx)` with the last word on the certificate of the peer. Called
    /// once for each that is shown while verify_peer is set, on an I/O thread; an exception refuses. Without one the name of a
    /// server is not verified: give rfc2818_verification(host).
    template <typename VerifyCallback>
    void set_verify_callback(VerifyCallback callback)
    {
        change([&](detail::settings& all) { all.verify.callback = detail::verify_function(callback); }, &state::apply_verify);
    }
    template <typename VerifyCallback>
    error_code set_verify_callback(VerifyCallback callback, error_code& ec) { return set_verify_callback(callback), ec = error_code(); }
    /// A function `std::string (std::size_t max_length, password_purpose purpose)`. Called when an encrypted key is read, on that
    /// thread; what it throws leaves the function that reads the key.
    template <typename PasswordCallback>
    void set_password_callback(PasswordCallback callback)
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        _state->password = detail::password_function(callback);
    }
    template <typename PasswordCallback>
    error_code set_password_callback(PasswordCallback callback, error_code& ec) { return set_password_callback(callback), ec = error_code(); }

    /// Trusts all authorities in a file (PEM).
    void load_verify_file(const std::string& filename) { throwing(__func__, [&](error_code& ec) { load_verify_file(filename, ec); }); }
    error_code load_verify_file(const std::string& filename, error_code& ec)
    {
        return with_file(filename, ec, [&](const std::string& bytes) { return _state->add_authority(bytes); });
    }
    /// Trusts the authorities in the files of a folder that are named by `openssl rehash`. They are read now.
    void add_verify_path(const std::string& path)
    {
        for (const std::string& file : detail::hashed_files(path))
        {
            // As OpenSSL does, which leaves out what it cannot read.
            error_code ignored;
            load_verify_file(file, ignored);
        }
    }
    error_code add_verify_path(const std::string& path, error_code& ec) { return add_verify_path(path), ec = error_code(); }
    /// Trusts the authorities of the system.
    void set_default_verify_paths()
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        _state->settings.system_authorities = true;
        _state->changed();
        _state->native.add_system_authorities();
    }
    error_code set_default_verify_paths(error_code& ec) { return set_default_verify_paths(), ec = error_code(); }
    /// Trusts an authority (PEM).
    void add_certificate_authority(const const_buffer& ca) { throwing(__func__, [&](error_code& ec) { add_certificate_authority(ca, ec); }); }
    error_code add_certificate_authority(const const_buffer& ca, error_code& ec) { return ec = _state->add_authority(text(ca)); }

    /// The certificate of this side, and with `chain` those of the authorities between it and the one that the peer trusts. It
    /// and its key may be given in either order; the second one fails when they do not belong together.
    void use_certificate(const const_buffer& certificate, file_format format)
    {
        throwing(__func__, [&](error_code& ec) { use_certificate(certificate, format, ec); });
    }
    error_code use_certificate(const const_buffer& certificate, file_format format, error_code& ec)
    {
        return ec = _state->use_certificate(text(certificate), format);
    }
    void use_certificate_file(const std::string& filename, file_format format)
    {
        throwing(__func__, [&](error_code& ec) { use_certificate_file(filename, format, ec); });
    }
    error_code use_certificate_file(const std::string& filename, file_format format, error_code& ec)
    {
        return with_file(filename, ec, [&](const std::string& bytes) { return _state->use_certificate(bytes, format); });
    }
    void use_certificate_chain(const const_buffer& chain) { throwing(__func__, [&](error_code& ec) { use_certificate_chain(chain, ec); }); }
    error_code use_certificate_chain(const const_buffer& chain, error_code& ec) { return ec = _state->use_chain(text(chain)); }
    void use_certificate_chain_file(const std::string& filename)
    {
        throwing(__func__, [&](error_code& ec) { use_certificate_chain_file(filename, ec); });
    }
    error_code use_certificate_chain_file(const std::string& filename, error_code& ec)
    {
        return with_file(filename, ec, [&](const std::string& bytes) { return _state->use_chain(bytes); });
    }

    /// The key of the certificate: PKCS #8, PKCS #1 or SEC 1, perhaps encrypted.
    void use_private_key(const const_buffer& private_key, file_format format)
    {
        throwing(__func__, [&](error_code& ec) { use_private_key(private_key, format, ec); });
    }
    error_code use_private_key(const const_buffer& private_key, file_format format, error_code& ec)
    {
        return ec = _state->use_key(text(private_key), format);
    }
    void use_private_key_file(const std::string& filename, file_format format)
    {
        throwing(__func__, [&](error_code& ec) { use_private_key_file(filename, format, ec); });
    }
    error_code use_private_key_file(const std::string& filename, file_format format, error_code& ec)
    {
        return with_file(filename, ec, [&](const std::string& bytes) { return _state->use_key(bytes, format); });
    }
    /// The same; takes keys that are not RSA too.
    void use_rsa_private_key(const const_buffer& private_key, file_format format)
    {
        throwing(__func__, [&](error_code& ec) { use_private_key(private_key, format, ec); });
    }
    error_code use_rsa_private_key(const const_buffer& private_key, file_format format, error_code& ec)
    {
        return use_private_key(private_key, format, ec);
    }
    void use_rsa_private_key_file(const std::string& filename, file_format format)
    {
        throwing(__func__, [&](error_code& ec) { use_private_key_file(filename, format, ec); });
    }
    error_code use_rsa_private_key_file(const std::string& filename, file_format format, error_code& ec)
    {
        return use_private_key_file(filename, format, ec);
    }

    /// Checks that these are Diffie-Hellman parameters (PEM), which no key exchange needs any more.
    void use_tmp_dh(const const_buffer& dh) { throwing(__func__, [&](error_code& ec) { use_tmp_dh(dh, ec); }); }
    error_code use_tmp_dh(const const_buffer& dh, error_code& ec) { return ec = detail::check_dh_parameters(text(dh)); }
    void use_tmp_dh_file(const std::string& filename) { throwing(__func__, [&](error_code& ec) { use_tmp_dh_file(filename, ec); }); }
    error_code use_tmp_dh_file(const std::string& filename, error_code& ec) { return with_file(filename, ec, &detail::check_dh_parameters); }

    // What programs reached through SSL_CTX:

    /// A further certificate and its key (PEM), for clients that ask for one of its names (SNI).
    void add_certificate_files(const std::string& chain, const std::string& key)
    {
        throwing(__func__, [&](error_code& ec) { add_certificate_files(chain, key, ec); });
    }
    error_code add_certificate_files(const std::string& chain, const std::string& key, error_code& ec)
    {
        return with_file(chain, ec, [&](const std::string& certificates)
        {
            error_code result;
            return with_file(key, result, [&](const std::string& bytes) { return _state->add_identity(certificates, bytes); });
        });
    }
    /// The protocols to agree on inside TLS (ALPN), the most wanted first. A server refuses clients that offer others only.
    void set_alpn_protocols(const std::vector<std::string>& protocols)
    {
        throwing(__func__, [&](error_code& ec) { set_alpn_protocols(protocols, ec); });
    }
    error_code set_alpn_protocols(const std::vector<std::string>& protocols, error_code& ec)
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        ec = _state->native.set_protocols(protocols);
        if (!ec)
            change([&](detail::settings& all) { all.protocols = protocols; });
        return ec;
    }
    /// Whether sessions go on from earlier ones, which makes handshakes cheaper (default).
    void set_resumption(bool enable)
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        change([&](detail::settings& all) { all.resumption = enable; });
        _state->native.set_resumption(enable);
    }
    /// Appends the secrets of all further connections to a file, with which Wireshark can read them; an empty name ends it.
    void set_key_log_file(const std::string& filename) { throwing(__func__, [&](error_code& ec) { set_key_log_file(filename, ec); }); }
    error_code set_key_log_file(const std::string& filename, error_code& ec)
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        ec = _state->native.set_key_log(filename);
        if (!ec)
            change([&](detail::settings& all) { all.key_log = filename; });
        return ec;
    }

    /// For the library: the context of the C library; borrowed, and the same as long as this one lives.
    cppserver_tls_context* native_context() const noexcept { return _state->native.handle(); }
    /// For the library: counts changes.
    unsigned long long version() const
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        return _state->version;
    }
    /// For the library: a copy of all settings.
    detail::settings settings() const
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        return _state->settings;
    }

private:
    // Behind a pointer, so that a context can be moved while servers use it.
    struct state
    {
        // Recursive, because a password callback may use its context.
        mutable std::recursive_mutex mutex;
        detail::native_context native;
        detail::settings settings;
        detail::password_function password;
        // Whether the key belongs to the certificate; otherwise one of them waits for the other.
        bool paired = false;
        unsigned long long version = 0;

        void changed() { ++version; }
        void apply_versions() { native.set_versions(settings.method, settings.options); }
        void apply_verify() { native.set_verify(settings.verify); }

        error_code add_authority(const std::string& certificates)
        {
            std::lock_guard<std::recursive_mutex> lock(mutex);
            const error_code ec = native.add_authority(certificates);
            if (!ec)
            {
                settings.authorities.push_back(certificates);
                changed();
            }
            return ec;
        }

        error_code use_certificate(const std::string& certificate, file_format format)
        {
            if (format == asn1)
                return is_der(certificate) ? use_chain(certificate) : detail::ssl_error(asio::error::wrong_tag);
            return use_chain(detail::first_certificate(certificate));
        }

        error_code use_chain(const std::string& chain)
        {
            std::lock_guard<std::recursive_mutex> lock(mutex);
            // To see whether it is one.
            error_code ec = detail::native_context().add_authority(chain);
            if (ec)
                return ec;
            detail::identity fresh = { chain, settings.own.key };
            bool fits = false;
            if (!fresh.key.bytes.empty())
            {
                ec = native.set_identity(fresh, password, false);
                fits = !ec;
                // A key that was in use belongs to the old certificate: the one of the new certificate is still to come.
                if ((ec == asio::error::key_values_mismatch) && paired)
                    fresh.key = detail::private_key();
                else if (ec)
                    return ec;
            }
            keep(fresh, fits);
            return error_code();
        }

        error_code use_key(const std::string& bytes, file_format format)
        {
            if ((format == asn1) && !is_der(bytes))
                return detail::ssl_error(asio::error::wrong_tag);
            if ((format == pem) && !detail::has_pem(bytes, ""))
                return detail::ssl_error(asio::error::no_start_line);
            std::lock_guard<std::recursive_mutex> lock(mutex);
            detail::identity fresh;
            fresh.chain = settings.own.chain;
            fresh.key.bytes = bytes;
            const bool fits = !fresh.chain.empty();
            const error_code ec = fits ? native.set_identity(fresh, password, false) : native.check_key(fresh.key, password);
            if (!ec)
                keep(fresh, fits);
            return ec;
        }

        error_code add_identity(const std::string& chain, const std::string& key)
        {
            std::lock_guard<std::recursive_mutex> lock(mutex);
            detail::identity fresh;
            fresh.chain = chain;
            fresh.key.bytes = key;
            const error_code ec = native.set_identity(fresh, password, true);
            if (!ec)
            {
                settings.further.push_back(fresh);
                changed();
            }
            return ec;
        }

        void keep(const detail::identity& fresh, bool fits)
        {
            settings.own = fresh;
            paired = fits;
            changed();
        }

        static bool is_der(const std::string& bytes) { return !bytes.empty() && (bytes[0] == '\x30'); }
    };

    std::shared_ptr<state> _state;

    template <typename Change>
    void change(Change&& change)
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        change(_state->settings);
        _state->changed();
    }
    template <typename Change>
    void change(Change&& change, void (state::*apply)())
    {
        std::lock_guard<std::recursive_mutex> lock(_state->mutex);
        this->change(std::forward<Change>(change));
        ((*_state).*apply)();
    }

    template <typename Function>
    static void throwing(const char* where, Function&& function)
    {
        error_code ec;
        function(ec);
        asio::detail::throw_error(ec, where);
    }

    template <typename Function>
    static error_code with_file(const std::string& filename, error_code& ec, Function&& function)
    {
        std::string bytes;
        ec = detail::read_file(filename, bytes);
        return ec ? ec : ec = function(bytes);
    }

    static std::string text(const const_buffer& buffer) { return std::string(static_cast<const char*>(buffer.data()), buffer.size()); }
};

} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_CONTEXT_H
