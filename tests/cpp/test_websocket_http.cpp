// What a WebSocket server answers to requests: of handshakes, and of others.

#include "websocket_support.h"

using namespace Test;

typedef std::vector<std::string> Events;
typedef SocketServer<PlainSockets> PlainServer;
typedef SocketSession<PlainSockets> PlainSession;

namespace {

std::string Get(int port, const std::string& target, const std::string& method = "GET")
{
    RawPeer peer(port);
    peer.Send(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nX-Asked: yes\r\n\r\n");
    return peer.ReceiveAll();
}

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST(websocket_handler_decides_whom_sessions_are_opened_for)
{
    SocketHost<PlainSockets> host([](PlainServer& server)
    {
        server.handshake = [&server](const HttpRequest& request, HttpResponse& response)
        {
            server.log.Add("handshake " + request.method() + " " + request.path() + " ? " + request.query());
            CHECK_EQUAL(response.status(), 101);
            CHECK(response.AddHeader("X-Server", "here"));
            CHECK(!response.AddHeader("Connection", "close"));
            if (request.path() != "/secret")
                return;
            CHECK(response.SetStatus(403));
            CHECK(response.SetBody("not you"));
            CHECK(!response.SetStatus(99) && !response.SetStatus(1000) && !response.SetStatus(-1));
        };
    });
    RawPeer stranger = RawSocket(host.server->port(), "", "/secret?a=b");
    const std::string refusal = stranger.ReceiveAll();
    CHECK_EQUAL(refusal.substr(0, 24), std::string("HTTP/1.1 403 Forbidden\r\n"));
    CHECK(Has(refusal, "\r\n\r\nnot you"));
    RawPeer friendly = RawSocket(host.server->port(), "", "/open");
    const std::string answer = friendly.ReceiveUntil("\r\n\r\n");
    CHECK(Has(answer, "101"));
    CHECK(Has(answer, "x-server: here") || Has(answer, "X-Server: here"));
    host.server->log.Wait("server.onConnected");
    CHECK_EQUAL(host.server->log.Events(), (Events{ "server.onStarted", "handshake GET /secret ? a=b", "handshake GET /open ? ", "session.onConnected",
        "server.onConnected" }));
    auto client = host.NewClient("/secret");
    client->Connect();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), (Events{ "client.onError(20, websocketpp.processor, Invalid HTTP status.)", "client.onDisconnected" }));
}

TEST(websocket_subprotocol_that_was_not_offered_fails_the_handshake)
{
    SocketHost<PlainSockets> host([](PlainServer& server)
    {
        server.handshake = [](const HttpRequest&, HttpResponse& response)
        {
            CHECK(!response.SetSubprotocol("no token"));
            CHECK(response.SetSubprotocol("other"));
        };
    });
    RawPeer peer = RawSocket(host.server->port(), "Sec-WebSocket-Protocol: chat\r\n");
    CHECK_EQUAL(peer.ReceiveAll().substr(0, 12), std::string("HTTP/1.1 500"));
    CHECK_EQUAL(host.server->log.Events().size(), 1u);
}

TEST(websocket_server_answers_others_with_426)
{
    SocketHost<PlainSockets> host;
    CHECK_EQUAL(Get(host.server->port(), "/").substr(0, 30), std::string("HTTP/1.1 426 Upgrade Required\r"));
    CHECK_EQUAL(host.server->log.Events().size(), 1u);
}

TEST(websocket_server_answers_others_as_it_likes)
{
    SocketHost<PlainSockets> host([](PlainServer& server)
    {
        server.request = [&server](const HttpRequest& request, HttpResponse& response)
        {
            CHECK_EQUAL(response.status(), 426);
            CHECK_EQUAL(request.header("x-asked"), std::string("yes"));
            CHECK(!request.HasHeader("x-other"));
            CHECK_EQUAL(request.headers().size(), 2u);
            CHECK(request.headers()[1] == std::make_pair(std::string("x-asked"), std::string("yes")));
            server.log.Add(request.method() + " " + request.target());
            if (request.path() != "/page")
                return;
            response.SetStatus(200);
            response.AddHeader("Content-Type", "text/plain");
            response.SetBody("a page", 6);
        };
    });
    const std::string page = Get(host.server->port(), "/page?x=y");
    CHECK_EQUAL(page.substr(0, 15), std::string("HTTP/1.1 200 OK"));
    CHECK(Has(page, "text/plain"));
    CHECK(Has(page, "\r\n\r\na page"));
    const std::string head = Get(host.server->port(), "/page", "HEAD");
    CHECK(Has(head, "200 OK"));
    CHECK(!Has(head, "a page"));
    CHECK(Has(Get(host.server->port(), "/other"), "426"));
    CHECK_EQUAL(host.server->log.Events(), (Events{ "server.onStarted", "GET /page?x=y", "HEAD /page", "GET /other" }));
}

TEST(websocket_handler_that_throws_answers_500)
{
    SocketHost<PlainSockets> host([](PlainServer& server)
    {
        server.handshake = [](const HttpRequest&, HttpResponse&) { throw std::system_error(std::make_error_code(std::errc::io_error)); };
        server.request = server.handshake;
    });
    CHECK(Has(Get(host.server->port(), "/"), "HTTP/1.1 500"));
    RawPeer peer = RawSocket(host.server->port());
    CHECK(Has(peer.ReceiveAll(), "HTTP/1.1 500"));
    host.service->log.Wait("onError(5, generic, Input/output error)", 2);
    CHECK_EQUAL(host.server->log.Events().size(), 1u);
}

TEST(websocketpp_handlers_answer_requests)
{
    SocketHost<PlainSockets> host([](PlainServer& server)
    {
        server.core().set_validate_handler([&server](websocketpp::connection_hdl handle)
        {
            auto connection = server.core().get_con_from_hdl(handle);
            CHECK(connection->get_state() == websocketpp::session::state::connecting);
            CHECK(connection->get_requested_subprotocols() == (Events{ "a", "b" }));
            if (connection->get_resource() == "/bare")
                return false;
            if (connection->get_resource() == "/away")
            {
                connection->set_status(websocketpp::http::status_code::forbidden);
                connection->set_body("go away");
                return false;
            }
            CHECK_THROWS(connection->select_subprotocol("c"), websocketpp::exception);
            connection->select_subprotocol("b");
            connection->append_header("X-Own", "1");
            CHECK_THROWS(connection->append_header("Upgrade", "1"), websocketpp::exception);
            return true;
        });
        server.core().set_http_handler([&server](websocketpp::connection_hdl handle)
        {
            auto connection = server.core().get_con_from_hdl(handle);
            connection->set_status(websocketpp::http::status_code::ok);
            connection->set_body("at " + connection->get_resource() + " of " + connection->get_host());
        });
    });
    const int port = host.server->port();
    const std::string offer = "Sec-WebSocket-Protocol: a, b\r\n";
    CHECK(Has(RawSocket(port, offer, "/bare").ReceiveAll(), "HTTP/1.1 400"));
    const std::string away = RawSocket(port, offer, "/away").ReceiveAll();
    CHECK(Has(away, "HTTP/1.1 403") && Has(away, "go away"));
    RawPeer peer = RawSocket(port, offer, "/in");
    const std::string answer = peer.ReceiveUntil("\r\n\r\n");
    CHECK(Has(answer, "101") && (Has(answer, "x-own: 1") || Has(answer, "X-Own: 1")));
    host.server->log.Wait("server.onConnected");
    CHECK_EQUAL(host.server->Last()->subprotocol(), std::string("b"));
    // Elsewhere there is nothing to answer.
    auto connection = host.server->core().get_con_from_hdl(host.server->Last()->connection());
    CHECK_THROWS(connection->set_status(websocketpp::http::status_code::ok), websocketpp::exception);
    CHECK(Has(Get(port, "/page"), "at /page of localhost"));
}
