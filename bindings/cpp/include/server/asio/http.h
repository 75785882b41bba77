/// @file http.h
/// What clients ask a WebSocket server for, and its answers.

#ifndef CPPSERVER_SERVER_ASIO_HTTP_H
#define CPPSERVER_SERVER_ASIO_HTTP_H

#include "cppserver.h"

#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Asio {

/// A request by HTTP, during the callback about it.
class HttpRequest
{
public:
    /// For the library.
    explicit HttpRequest(const cppserver_http_request* request) noexcept : _request(request) {}
    HttpRequest(const HttpRequest&) = delete;
    HttpRequest& operator=(const HttpRequest&) = delete;

    /// "GET" or "HEAD"
    std::string method() const { return cppserver_http_request_method(_request); }
    /// The path and the query, such as "/chat?room=7".
    std::string target() const { return cppserver_http_request_target(_request); }
    /// The path alone, such as "/chat".
    std::string path() const { return cppserver_http_request_path(_request); }
    /// What follows the question mark, such as "room=7"; empty without one.
    std::string query() const { return Text_(cppserver_http_request_query(_request)); }
    /// The value of the first header field of this name, in any case of letters; empty without one. "Origin" tells the page that a
    /// browser connects from, "Sec-WebSocket-Protocol" the subprotocols that the client offers.
    std::string header(const std::string& name) const { return Text_(cppserver_http_request_header(_request, name.c_str())); }
    bool HasHeader(const std::string& name) const noexcept { return cppserver_http_request_header(_request, name.c_str()) != nullptr; }
    /// All header fields, their names in small letters.
    std::vector<std::pair<std::string, std::string>> headers() const
    {
        std::vector<std::pair<std::string, std::string>> fields;
        const char* name = nullptr;
        const char* value = nullptr;
        for (size_t index = 0; cppserver_http_request_header_at(_request, index, &name, &value); ++index)
            fields.emplace_back(Text_(name), Text_(value));
        return fields;
    }

private:
    const cppserver_http_request* _request;

    static std::string Text_(const char* text) { return (text != nullptr) ? std::string(text) : std::string(); }
};

/// The answer to a HttpRequest, during the callback about it. Functions return false for what an answer cannot have.
class HttpResponse
{
public:
    /// For the library.
    explicit HttpResponse(cppserver_http_response* response) noexcept : _response(response) {}
    HttpResponse(const HttpResponse&) = delete;
    HttpResponse& operator=(const HttpResponse&) = delete;

    /// 101 where a session is to be opened, otherwise 426, unless it was changed.
    int status() const noexcept { return cppserver_http_response_status(_response); }

    /// From 200 to 599, such as 200 for a page or 403 to refuse a session.
    bool SetStatus(int status)
    {
        return (status >= 0) && (status <= 999) && (cppserver_http_response_set_status(_response, static_cast<uint16_t>(status)) == CPPSERVER_STATUS_OK);
    }
    /// Adds a header field, such as "Content-Type". Those about the connection, the handshake and the length are the library's.
    bool AddHeader(const std::string& name, const std::string& value)
    {
        return cppserver_http_response_add_header(_response, name.c_str(), value.c_str()) == CPPSERVER_STATUS_OK;
    }
    /// The subprotocol of the session: one of those that the client offers, otherwise the handshake fails.
    bool SetSubprotocol(const std::string& name) { return cppserver_http_response_set_subprotocol(_response, name.c_str()) == CPPSERVER_STATUS_OK; }
    /// What follows the head: a page, or a sentence on why the session is refused.
    bool SetBody(const void* buffer, size_t size) { return cppserver_http_response_set_body(_response, buffer, size) == CPPSERVER_STATUS_OK; }
    bool SetBody(const std::string& body) { return SetBody(body.data(), body.size()); }

private:
    cppserver_http_response* _response;
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_HTTP_H
