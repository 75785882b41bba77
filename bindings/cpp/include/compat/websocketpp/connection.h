/// @file connection.h
/// One connection as core().get_con_from_hdl() gives it.

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_CONNECTION_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_CONNECTION_H

#include "cppserver.h"

#include "compat/websocketpp/close.h"
#include "compat/websocketpp/error.h"
#include "compat/websocketpp/frame.h"
#include "compat/websocketpp/message.h"

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace CppServer {
namespace Compat {
namespace websocketpp {
namespace session {
namespace state {

enum value
{
    connecting = 0,
    open = 1,
    closing = 2,
    closed = 3
};

} // namespace state
} // namespace session

namespace http {
namespace status_code {

/// Any number from 200 to 599 is possible; these have names.
enum value
{
    uninitialized = 0,
    switching_protocols = 101,
    ok = 200,
    created = 201,
    no_content = 204,
    moved_permanently = 301,
    found = 302,
    see_other = 303,
    not_modified = 304,
    temporary_redirect = 307,
    bad_request = 400,
    unauthorized = 401,
    forbidden = 403,
    not_found = 404,
    method_not_allowed = 405,
    not_acceptable = 406,
    request_timeout = 408,
    conflict = 409,
    gone = 410,
    upgrade_required = 426,
    too_many_requests = 429,
    internal_server_error = 500,
    not_implemented = 501,
    bad_gateway = 502,
    service_unavailable = 503,
    gateway_timeout = 504
};

} // namespace status_code
} // namespace http

namespace detail {

/// Sends a message; what is wrong with it is the result. A message that the send limit refuses is the error send_queue_full.
inline std::error_code send(cppserver_session* session, frame::opcode::value opcode, const void* data, std::size_t size)
{
    const std::int32_t kind = message_kind(opcode);
    if (kind < 0)
        return processor::error::make_error_code(processor::error::invalid_opcode);
    switch (cppserver_session_send_message(session, kind, data, size, nullptr))
    {
        case CPPSERVER_STATUS_OK: return std::error_code();
        case CPPSERVER_STATUS_LIMIT: return error::make_error_code(error::send_queue_full);
        case CPPSERVER_STATUS_INVALID_ARGUMENT: return processor::error::make_error_code(processor::error::invalid_payload);
        default: return error::make_error_code(error::invalid_state);
    }
}

/// Sends a ping or a pong.
inline std::error_code send_control(cppserver_session* session, std::int32_t kind, const void* data, std::size_t size)
{
    switch (cppserver_session_send_message(session, kind, data, size, nullptr))
    {
        case CPPSERVER_STATUS_OK: return std::error_code();
        case CPPSERVER_STATUS_LIMIT: return error::make_error_code(error::send_queue_full);
        case CPPSERVER_STATUS_INVALID_ARGUMENT: return processor::error::make_error_code(processor::error::control_too_big);
        default: return error::make_error_code(error::invalid_state);
    }
}

/// Why a code and a reason must not be sent, if so.
inline std::error_code check_close(close::status::value code, const std::string& reason)
{
    if (code == close::status::blank)
        return std::error_code();
    if (close::status::reserved(code))
        return processor::error::make_error_code(processor::error::reserved_close_code);
    if (close::status::invalid(code) && (code != close::status::no_status))
        return processor::error::make_error_code(processor::error::invalid_close_code);
    if ((code == close::status::no_status) && !reason.empty())
        return processor::error::make_error_code(processor::error::reason_requires_code);
    return std::error_code();
}

/// Says goodbye; the code 0 sends none.
inline std::error_code close(cppserver_session* session, close::status::value code, const std::string& reason)
{
    const std::error_code ec = check_close(code, reason);
    if (ec)
        return ec;
    const bool blank = (code == close::status::blank);
    switch (cppserver_session_disconnect_with(session, blank ? close::status::no_status : code, blank ? "" : reason.c_str()))
    {
        case CPPSERVER_STATUS_OK: return std::error_code();
        case CPPSERVER_STATUS_INVALID_ARGUMENT: return processor::error::make_error_code(processor::error::invalid_payload);
        default: return error::make_error_code(error::invalid_state);
    }
}

inline std::string close_reason(const cppserver_session* session)
{
    char text[128];
    return (cppserver_session_close_reason(session, text, sizeof(text), nullptr) == CPPSERVER_STATUS_OK) ? std::string(text) : std::string();
}

inline std::string subprotocol(const cppserver_session* session)
{
    std::size_t length = 0;
    cppserver_session_subprotocol(session, nullptr, 0, &length);
    std::vector<char> text(length + 1);
    return (cppserver_session_subprotocol(session, text.data(), text.size(), nullptr) == CPPSERVER_STATUS_OK) ? std::string(text.data()) : std::string();
}

/// What all kinds of connections of servers are.
class connection_base
{
public:
    /// For the library: a connection of this session, which it keeps.
    explicit connection_base(cppserver_session* session) : _session(cppserver_session_retain(session)), _state(session::state::connecting), _local_code(0) {}
    connection_base(const connection_base&) = delete;
    connection_base& operator=(const connection_base&) = delete;
    ~connection_base() { cppserver_session_release(_session); }

    session::state::value get_state() const noexcept { return _state; }

    /// "192.0.2.1:4444" or "[2001:db8::1]:4444"; "Unknown" without a connection.
    std::string get_remote_endpoint() const
    {
        char text[64];
        std::uint16_t port = 0;
        if (cppserver_session_peer_address(_session, text, sizeof(text), &port) != CPPSERVER_STATUS_OK)
            return "Unknown";
        const std::string address = text;
        return ((address.find(':') == std::string::npos) ? address : "[" + address + "]") + ":" + std::to_string(port);
    }

    /// The path and the query that the client asked for.
    const std::string& get_resource() const noexcept { return _resource; }
    /// The value of a header field of the request, in any case of letters; empty without one. Repeated fields are joined by ", ".
    std::string get_request_header(const std::string& name) const
    {
        std::string result;
        for (const char* field = _headers.data(); field != _headers.data() + _headers.size();)
        {
            const char* value = field + std::strlen(field) + 1;
            if (equal(std::string(field), name))
                result += (result.empty() ? "" : ", ") + std::string(value);
            field = value + std::strlen(value) + 1;
        }
        return result;
    }
    std::string get_origin() const { return get_request_header("Origin"); }
    std::string get_host() const
    {
        const std::string field = get_request_header("Host");
        const std::size_t colon = field.rfind(':');
        return ((colon == std::string::npos) || (field.find(']', colon) != std::string::npos)) ? field : field.substr(0, colon);
    }
    /// What the client offers.
    std::vector<std::string> get_requested_subprotocols() const
    {
        std::vector<std::string> names;
        const std::string list = get_request_header("Sec-WebSocket-Protocol");
        for (std::size_t begin = 0; begin < list.size();)
        {
            std::size_t end = list.find(',', begin);
            if (end == std::string::npos)
                end = list.size();
            const std::size_t first = list.find_first_not_of(" \t", begin);
            if (first < end)
                names.push_back(list.substr(first, list.find_last_not_of(" \t", end - 1) + 1 - first));
            begin = end + 1;
        }
        return names;
    }
    /// What was agreed on.
    std::string get_subprotocol() const { return subprotocol(_session); }

    /// What the peer said at its end; no_status when it gave no code, abnormal_close when it said nothing.
    close::status::value get_remote_close_code() const noexcept
    {
        const close::status::value code = cppserver_session_close_code(_session);
        return ((code == 0) && (_state == session::state::closed)) ? close::status::abnormal_close : code;
    }
    std::string get_remote_close_reason() const { return close_reason(_session); }
    /// What this side said; abnormal_close when it said nothing of its own.
    close::status::value get_local_close_code() const noexcept
    {
        const close::status::value code = _local_code;
        return ((code == 0) && (_state == session::state::closed)) ? close::status::abnormal_close : code;
    }
    std::string get_local_close_reason() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _local_reason;
    }
    /// Why the connection failed; no error when it ended in good order.
    std::error_code get_ec() const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _ec;
    }

    /// Bytes that were accepted and the system did not take yet.
    std::size_t get_buffered_amount() const noexcept { return cppserver_session_bytes_pending(_session); }
    std::size_t buffered_amount() const noexcept { return get_buffered_amount(); }

    std::error_code send(const std::string& payload, frame::opcode::value opcode = frame::opcode::text)
    {
        return detail::send(_session, opcode, payload.data(), payload.size());
    }
    std::error_code send(const void* payload, std::size_t size, frame::opcode::value opcode = frame::opcode::binary)
    {
        return detail::send(_session, opcode, payload, size);
    }
    std::error_code send(const message_buffer::message::ptr& message) { return send(message->get_payload(), message->get_opcode()); }

    void ping(const std::string& payload) { throw_error(send_control(_session, CPPSERVER_KIND_PING, payload.data(), payload.size())); }
    void ping(const std::string& payload, std::error_code& ec) { ec = send_control(_session, CPPSERVER_KIND_PING, payload.data(), payload.size()); }
    void pong(const std::string& payload) { throw_error(send_control(_session, CPPSERVER_KIND_PONG, payload.data(), payload.size())); }
    void pong(const std::string& payload, std::error_code& ec) { ec = send_control(_session, CPPSERVER_KIND_PONG, payload.data(), payload.size()); }

    void close(close::status::value code, const std::string& reason)
    {
        std::error_code ec;
        close(code, reason, ec);
        throw_error(ec);
    }
    void close(close::status::value code, const std::string& reason, std::error_code& ec)
    {
        if (_state != session::state::open)
        {
            ec = error::make_error_code(error::invalid_state);
            return;
        }
        ec = detail::close(_session, code, reason);
        if (ec)
            return;
        {
            std::lock_guard<std::mutex> lock(_mutex);
            _local_reason = reason;
        }
        _local_code = (code == close::status::blank) ? close::status::no_status : code;
        session::state::value open = session::state::open;
        _state.compare_exchange_strong(open, session::state::closing);
    }

    /// The answer, inside validate and http handlers: its status, a header field, what follows the head, and which of the offered
    /// subprotocols it is to be. Elsewhere they throw "invalid state".
    void set_status(http::status_code::value code) { answer(cppserver_http_response_set_status(response(), static_cast<std::uint16_t>(code))); }
    void append_header(const std::string& name, const std::string& value) { answer(cppserver_http_response_add_header(response(), name.c_str(), value.c_str())); }
    void set_body(const std::string& body) { answer(cppserver_http_response_set_body(response(), body.data(), body.size())); }
    void select_subprotocol(const std::string& name)
    {
        for (const std::string& offered : get_requested_subprotocols())
        {
            if (offered == name)
                return answer(cppserver_http_response_set_subprotocol(response(), name.c_str()));
        }
        throw_error(error::make_error_code(error::unrequested_subprotocol));
    }

    /// For the library: a request came, and may be answered until end_request().
    void begin_request(const cppserver_http_request* request, cppserver_http_response* response)
    {
        _resource = cppserver_http_request_target(request);
        _headers.clear();
        const char* name = nullptr;
        const char* value = nullptr;
        for (std::size_t index = 0; cppserver_http_request_header_at(request, index, &name, &value); ++index)
        {
            _headers.append((name != nullptr) ? name : "").append(1, '\0');
            _headers.append((value != nullptr) ? value : "").append(1, '\0');
        }
        // It stays as long as the connection lasts.
        _headers.shrink_to_fit();
        _response = response;
    }
    void end_request() noexcept { _response = nullptr; }
    /// For the library: where the connection is.
    void set_state(session::state::value state) noexcept { _state = state; }
    void set_ec(const std::error_code& ec)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _ec = ec;
    }

private:
    cppserver_session* _session;
    std::string _resource;
    // The names and values of the request in turn, a zero byte behind each: idle connections are many.
    std::string _headers;
    // Only inside the handlers about a request.
    cppserver_http_response* _response = nullptr;
    std::atomic<session::state::value> _state;
    std::atomic<close::status::value> _local_code;
    mutable std::mutex _mutex;
    std::string _local_reason;
    std::error_code _ec;

    static bool equal(const std::string& left, const std::string& right) noexcept
    {
        const auto small = [](char letter) { return ((letter >= 'A') && (letter <= 'Z')) ? static_cast<char>(letter + 'a' - 'A') : letter; };
        if (left.size() != right.size())
            return false;
        for (std::size_t i = 0; i < left.size(); ++i)
        {
            if (small(left[i]) != small(right[i]))
                return false;
        }
        return true;
    }

    cppserver_http_response* response() const
    {
        if (_response == nullptr)
            throw_error(error::make_error_code(error::invalid_state));
        return _response;
    }

    static void answer(std::int32_t status)
    {
        if (status != CPPSERVER_STATUS_OK)
            throw exception(cppserver_last_error_message(), processor::error::make_error_code(processor::error::invalid_arguments));
    }
};

} // namespace detail

/// A connection of an endpoint with this configuration.
template <typename config>
class connection : public detail::connection_base
{
public:
    typedef std::shared_ptr<connection> ptr;
    typedef message_buffer::message message_type;
    typedef message_buffer::message::ptr message_ptr;

    using detail::connection_base::connection_base;
};

} // namespace websocketpp
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_CONNECTION_H
