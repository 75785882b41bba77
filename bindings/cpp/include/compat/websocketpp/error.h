/// @file error.h
/// Errors of WebSocket under the numbers, categories and texts that programs written for websocketpp know.

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_ERROR_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_ERROR_H

#include "compat/asio/error.h"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>

namespace CppServer {
namespace Compat {
namespace websocketpp {

/// A handle of a connection: it does not keep it alive.
typedef std::weak_ptr<void> connection_hdl;

namespace lib {

using std::error_category;
using std::error_code;
using std::error_condition;
using std::function;
using std::shared_ptr;
using std::weak_ptr;

} // namespace lib

namespace error {

/// Errors of an endpoint, category "websocketpp".
enum value
{
    general = 1,
    send_queue_full = 2,
    payload_violation = 3,
    endpoint_not_secure = 4,
    endpoint_unavailable = 5,
    invalid_uri = 6,
    no_outgoing_buffers = 7,
    no_incoming_buffers = 8,
    invalid_state = 9,
    bad_close_code = 10,
    reserved_close_code = 11,
    invalid_close_code = 12,
    invalid_utf8 = 13,
    invalid_subprotocol = 14,
    bad_connection = 15,
    test = 16,
    con_creation_failed = 17,
    unrequested_subprotocol = 18,
    client_only = 19,
    server_only = 20,
    http_connection_ended = 21,
    open_handshake_timeout = 22,
    close_handshake_timeout = 23,
    invalid_port = 24,
    async_accept_not_listening = 25,
    operation_canceled = 26,
    rejected = 27,
    upgrade_required = 28,
    invalid_version = 29,
    unsupported_version = 30,
    http_parse_error = 31,
    extension_neg_failed = 32
};

} // namespace error

namespace processor {
namespace error {

/// Errors of the protocol, category "websocketpp.processor".
enum processor_errors
{
    general = 1,
    bad_request = 2,
    protocol_violation = 3,
    message_too_big = 4,
    invalid_payload = 5,
    invalid_arguments = 6,
    invalid_opcode = 7,
    control_too_big = 8,
    invalid_http_status = 20,
    missing_required_header = 21,
    reserved_close_code = 24,
    invalid_close_code = 25,
    reason_requires_code = 26
};

} // namespace error
} // namespace processor

namespace transport {
namespace error {

/// Errors of what is below, category "websocketpp.transport".
enum value
{
    general = 1,
    pass_through = 2,
    eof = 7,
    tls_short_read = 8,
    timeout = 9
};

} // namespace error

namespace asio {
namespace error {

/// Errors of the operating system, category "websocketpp.transport.asio".
enum value
{
    general = 1,
    pass_through = 3
};

} // namespace error

namespace socket {
namespace error {

/// Errors of TLS, category "websocketpp.transport.asio.socket".
enum value
{
    security = 1,
    tls_handshake_timeout = 5,
    tls_handshake_failed = 8
};

} // namespace error
} // namespace socket
} // namespace asio
} // namespace transport

namespace detail {

struct error_text
{
    int value;
    const char* text;
};

/// A category whose name and texts are those of `TTable`.
template <typename TTable>
class table_category final : public std::error_category
{
public:
    const char* name() const noexcept override { return TTable::name(); }

    std::string message(int value) const override
    {
        for (const error_text* entry = TTable::texts(); entry->text != nullptr; ++entry)
        {
            if (entry->value == value)
                return entry->text;
        }
        return "Unknown";
    }
};

struct endpoint_errors
{
    static const char* name() noexcept { return "websocketpp"; }
    static const error_text* texts() noexcept
    {
        using namespace websocketpp::error;
        static const error_text table[] = {
            { general, "Generic error" },
            { send_queue_full, "send queue full" },
            { payload_violation, "payload violation" },
            { endpoint_not_secure, "endpoint not secure" },
            { endpoint_unavailable, "endpoint not available" },
            { invalid_uri, "invalid uri" },
            { no_outgoing_buffers, "no outgoing message buffers" },
            { no_incoming_buffers, "no incoming message buffers" },
            { invalid_state, "invalid state" },
            { bad_close_code, "Unable to extract close code" },
            { reserved_close_code, "Extracted close code is in a reserved range" },
            { invalid_close_code, "Extracted close code is in an invalid range" },
            { invalid_utf8, "Invalid UTF-8" },
            { invalid_subprotocol, "Invalid subprotocol" },
            { bad_connection, "Bad Connection" },
            { test, "Test Error" },
            { con_creation_failed, "Connection creation attempt failed" },
            { unrequested_subprotocol, "Selected subprotocol was not requested by the client" },
            { client_only, "Feature not available on server endpoints" },
            { server_only, "Feature not available on client endpoints" },
            { http_connection_ended, "HTTP connection ended" },
            { open_handshake_timeout, "The opening handshake timed out" },
            { close_handshake_timeout, "The closing handshake timed out" },
            { invalid_port, "Invalid URI port" },
            { async_accept_not_listening, "Async Accept not listening" },
            { operation_canceled, "Operation canceled" },
            { rejected, "Connection rejected" },
            { upgrade_required, "Upgrade required" },
            { invalid_version, "Invalid version" },
            { unsupported_version, "Unsupported version" },
            { http_parse_error, "HTTP parse error" },
            { extension_neg_failed, "Extension negotiation failed" },
            { 0, nullptr },
        };
        return table;
    }
};

struct processor_errors
{
    static const char* name() noexcept { return "websocketpp.processor"; }
    static const error_text* texts() noexcept
    {
        using namespace processor::error;
        static const error_text table[] = {
            { general, "Generic processor error" },
            { bad_request, "invalid user input" },
            { protocol_violation, "Generic protocol violation" },
            { message_too_big, "A message was too large" },
            { invalid_payload, "A payload contained invalid data" },
            { invalid_arguments, "invalid function arguments" },
            { invalid_opcode, "invalid opcode" },
            { control_too_big, "Control messages are limited to fewer than 125 characters" },
            { invalid_http_status, "Invalid HTTP status." },
            { missing_required_header, "A required HTTP header is missing" },
            { reserved_close_code, "Reserved close code used" },
            { invalid_close_code, "Invalid close code used" },
            { reason_requires_code, "Using a close reason requires a valid close code" },
            { 0, nullptr },
        };
        return table;
    }
};

struct transport_errors
{
    static const char* name() noexcept { return "websocketpp.transport"; }
    static const error_text* texts() noexcept
    {
        using namespace transport::error;
        static const error_text table[] = {
            { general, "Generic transport error" },
            { pass_through, "Underlying Transport Error" },
            { eof, "End of File" },
            { tls_short_read, "TLS Short Read" },
            { timeout, "Timer Expired" },
            { 0, nullptr },
        };
        return table;
    }
};

struct asio_errors
{
    static const char* name() noexcept { return "websocketpp.transport.asio"; }
    static const error_text* texts() noexcept
    {
        using namespace transport::asio::error;
        static const error_text table[] = {
            { general, "Generic asio transport policy error" },
            { pass_through, "Underlying Transport Error" },
            { 0, nullptr },
        };
        return table;
    }
};

struct socket_errors
{
    static const char* name() noexcept { return "websocketpp.transport.asio.socket"; }
    static const error_text* texts() noexcept
    {
        using namespace transport::asio::socket::error;
        static const error_text table[] = {
            { security, "Security policy error" },
            { tls_handshake_timeout, "TLS handshake timed out" },
            { tls_handshake_failed, "TLS handshake failed" },
            { 0, nullptr },
        };
        return table;
    }
};

template <typename TTable>
inline const std::error_category& category() noexcept
{
    return Compat::asio::error::detail::category_instance<table_category<TTable>>();
}

} // namespace detail

namespace error {

inline const std::error_category& get_category() noexcept { return detail::category<detail::endpoint_errors>(); }
inline std::error_code make_error_code(value e) noexcept { return std::error_code(static_cast<int>(e), get_category()); }

} // namespace error

namespace processor {
namespace error {

inline const std::error_category& get_processor_category() noexcept { return detail::category<detail::processor_errors>(); }
inline std::error_code make_error_code(processor_errors e) noexcept { return std::error_code(static_cast<int>(e), get_processor_category()); }

} // namespace error
} // namespace processor

namespace transport {
namespace error {

inline const std::error_category& get_category() noexcept { return detail::category<detail::transport_errors>(); }
inline std::error_code make_error_code(value e) noexcept { return std::error_code(static_cast<int>(e), get_category()); }

} // namespace error

namespace asio {
namespace error {

inline const std::error_category& get_category() noexcept { return detail::category<detail::asio_errors>(); }
inline std::error_code make_error_code(value e) noexcept { return std::error_code(static_cast<int>(e), get_category()); }

} // namespace error

namespace socket {
namespace error {

inline const std::error_category& get_socket_category() noexcept { return detail::category<detail::socket_errors>(); }
inline std::error_code make_error_code(value e) noexcept { return std::error_code(static_cast<int>(e), get_socket_category()); }

} // namespace error
} // namespace socket
} // namespace asio
} // namespace transport

/// What functions throw that have no form with an error_code.
class exception : public std::exception
{
public:
    explicit exception(std::error_code ec) : _code(ec), _message(ec.message()) {}
    exception(const std::string& message, std::error_code ec) : _code(ec), _message(message) {}

    const char* what() const noexcept override { return _message.c_str(); }
    std::error_code code() const noexcept { return _code; }

private:
    std::error_code _code;
    std::string _message;
};

namespace detail {

/// The throwing form of a function that also has a form with an error_code.
inline void throw_error(const std::error_code& ec)
{
    if (ec)
        throw exception(ec);
}

} // namespace detail
} // namespace websocketpp
} // namespace Compat
} // namespace CppServer

namespace std {

template <> struct is_error_code_enum<CppServer::Compat::websocketpp::error::value> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::websocketpp::processor::error::processor_errors> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::websocketpp::transport::error::value> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::websocketpp::transport::asio::error::value> : true_type {};
template <> struct is_error_code_enum<CppServer::Compat::websocketpp::transport::asio::socket::error::value> : true_type {};

} // namespace std

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_ERROR_H
