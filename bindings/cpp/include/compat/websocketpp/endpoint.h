/// @file endpoint.h
/// What core() of servers and clients gives.

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_ENDPOINT_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_ENDPOINT_H

#include "compat/websocketpp/connection.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace CppServer {
namespace Compat {
namespace websocketpp {

namespace config {

/// Plain connections.
struct asio {};
/// Encrypted ones.
struct asio_tls {};

} // namespace config

typedef std::function<bool(connection_hdl)> validate_handler;
typedef std::function<void(connection_hdl)> http_handler;

/// What servers and clients have in common.
template <typename config>
class endpoint
{
public:
    typedef websocketpp::connection<config> connection_type;
    typedef typename connection_type::ptr connection_ptr;
    typedef typename connection_type::message_ptr message_ptr;
    typedef websocketpp::connection_hdl connection_hdl;

    endpoint() = default;
    endpoint(const endpoint&) = delete;
    endpoint& operator=(const endpoint&) = delete;

    /// The connection of a handle that this endpoint gave. Throws "Bad Connection" when there is none any more.
    connection_ptr get_con_from_hdl(connection_hdl hdl)
    {
        std::error_code ec;
        connection_ptr connection = get_con_from_hdl(hdl, ec);
        detail::throw_error(ec);
        return connection;
    }
    connection_ptr get_con_from_hdl(connection_hdl hdl, std::error_code& ec)
    {
        connection_ptr connection = std::static_pointer_cast<connection_type>(hdl.lock());
        ec = connection ? std::error_code() : error::make_error_code(error::bad_connection);
        return connection;
    }

    void send(connection_hdl hdl, const std::string& payload, frame::opcode::value opcode) { detail::throw_error(get_con_from_hdl(hdl)->send(payload, opcode)); }
    void send(connection_hdl hdl, const void* payload, std::size_t size, frame::opcode::value opcode)
    {
        detail::throw_error(get_con_from_hdl(hdl)->send(payload, size, opcode));
    }
    void send(connection_hdl hdl, message_ptr message) { detail::throw_error(get_con_from_hdl(hdl)->send(message)); }
    void ping(connection_hdl hdl, const std::string& payload) { get_con_from_hdl(hdl)->ping(payload); }
    void pong(connection_hdl hdl, const std::string& payload) { get_con_from_hdl(hdl)->pong(payload); }
    void close(connection_hdl hdl, close::status::value code, const std::string& reason) { get_con_from_hdl(hdl)->close(code, reason); }
};

template <typename config>
class client : public endpoint<config>
{
};

template <typename config>
class server : public endpoint<config>
{
public:
    /// Whether to listen although old connections linger on the port, from the next start on.
    void set_reuse_addr(bool value) { _reuse(value); }

    /// Decides whom connections are opened for; the handler may look at the connection and choose its subprotocol, and when it
    /// returns false the status of the answer, which is 400 otherwise.
    void set_validate_handler(validate_handler handler)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _validate = std::move(handler);
    }
    /// Answers those who ask for something else than a WebSocket connection: with status, header and body of the connection.
    void set_http_handler(http_handler handler)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _http = std::move(handler);
    }

    /// For the library: what set_reuse_addr() does.
    void on_reuse_addr(std::function<void(bool)> reuse) { _reuse = std::move(reuse); }
    /// For the library: asks the handlers.
    bool validate(connection_hdl hdl) const
    {
        const validate_handler handler = copy(_validate);
        return !handler || handler(hdl);
    }
    void http(connection_hdl hdl) const
    {
        const http_handler handler = copy(_http);
        if (handler)
            handler(hdl);
    }

private:
    mutable std::mutex _mutex;
    std::function<void(bool)> _reuse;
    validate_handler _validate;
    http_handler _http;

    template <typename handler_type>
    handler_type copy(const handler_type& handler) const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return handler;
    }
};

} // namespace websocketpp
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_ENDPOINT_H
