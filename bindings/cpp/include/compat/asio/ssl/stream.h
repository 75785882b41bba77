/// @file stream.h
/// asio::ssl::stream as a view of an encrypted connection of the library.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_STREAM_H
#define CPPSERVER_COMPAT_ASIO_SSL_STREAM_H

#include "compat/asio/ssl/context.h"

#include <cstddef>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {

class stream_base
{
public:
    enum handshake_type
    {
        client,
        server
    };

protected:
    ~stream_base() = default;
};

namespace detail {

/// What a client asks of its server other than its context says.
class verify_overrides
{
public:
    void set_mode(verify_mode mode)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _verify.mode = mode;
        _has_mode = true;
        _native.reset();
    }
    void set_depth(int depth)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _verify.depth = depth;
        _has_depth = true;
        _native.reset();
    }
    void set_callback(verify_function callback)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _verify.callback = std::move(callback);
        _has_callback = true;
        _native.reset();
    }

    /// The context of the C library for the next connection: the given one, or one like it with what differs.
    cppserver_tls_context* apply(const context& base)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        if (!_has_mode && !_has_depth && !_has_callback)
            return base.native_context();
        const unsigned long long version = base.version();
        if (!_native || (_base != base.native_context()) || (_version != version))
        {
            settings all = base.settings();
            if (_has_mode)
                all.verify.mode = _verify.mode;
            if (_has_depth)
                all.verify.depth = _verify.depth;
            if (_has_callback)
                all.verify.callback = _verify.callback;
            _native.reset(new native_context(std::move(all)));
            _base = base.native_context();
            _version = version;
        }
        return _native->handle();
    }

private:
    std::mutex _mutex;
    verify_settings _verify;
    bool _has_mode = false;
    bool _has_depth = false;
    bool _has_callback = false;
    std::unique_ptr<native_context> _native;
    cppserver_tls_context* _base = nullptr;
    unsigned long long _version = 0;
};

} // namespace detail

/// The library does the handshake, reads, writes and closes; this class shows the socket below and, for clients, sets what
/// is asked of the server from the next Connect() on. What a session asks of its client is a matter of the context.
template <typename Stream>
class stream : public stream_base
{
public:
    /// There is no SSL here: always null.
    typedef std::nullptr_t native_handle_type;
    typedef typename std::remove_reference<Stream>::type next_layer_type;
    typedef typename next_layer_type::lowest_layer_type lowest_layer_type;

    template <typename Arg>
    stream(Arg&& arg, context&) : _next_layer(std::forward<Arg>(arg)) {}
    stream(const stream&) = delete;
    stream& operator=(const stream&) = delete;

    native_handle_type native_handle() const noexcept { return nullptr; }

    next_layer_type& next_layer() noexcept { return _next_layer; }
    const next_layer_type& next_layer() const noexcept { return _next_layer; }
    lowest_layer_type& lowest_layer() noexcept { return _next_layer.lowest_layer(); }
    const lowest_layer_type& lowest_layer() const noexcept { return _next_layer.lowest_layer(); }

    /// These fail with operation_not_supported on sessions, whose handshake began with the settings of the context.
    void set_verify_mode(verify_mode v) { throwing(__func__, [&](error_code& ec) { set_verify_mode(v, ec); }); }
    error_code set_verify_mode(verify_mode v, error_code& ec) { return override_by([&](detail::verify_overrides& all) { all.set_mode(v); }, ec); }
    void set_verify_depth(int depth) { throwing(__func__, [&](error_code& ec) { set_verify_depth(depth, ec); }); }
    error_code set_verify_depth(int depth, error_code& ec) { return override_by([&](detail::verify_overrides& all) { all.set_depth(depth); }, ec); }
    template <typename VerifyCallback>
    void set_verify_callback(VerifyCallback callback) { throwing(__func__, [&](error_code& ec) { set_verify_callback(callback, ec); }); }
    template <typename VerifyCallback>
    error_code set_verify_callback(VerifyCallback callback, error_code& ec)
    {
        return override_by([&](detail::verify_overrides& all) { all.set_callback(detail::verify_function(callback)); }, ec);
    }

    /// For the library: this is the stream of a client.
    void allow_overrides() { _overrides.reset(new detail::verify_overrides()); }
    /// For the library: the context of the C library for the next connection of a client.
    cppserver_tls_context* native_context(const context& base) { return _overrides->apply(base); }

private:
    Stream _next_layer;
    std::unique_ptr<detail::verify_overrides> _overrides;

    template <typename Function>
    static void throwing(const char* where, Function&& function)
    {
        error_code ec;
        function(ec);
        asio::detail::throw_error(ec, where);
    }

    template <typename Function>
    error_code override_by(Function&& function, error_code& ec)
    {
        ec = _overrides ? error_code() : error_code(asio::error::operation_not_supported);
        if (_overrides)
            function(*_overrides);
        return ec;
    }
};

} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_STREAM_H
