// Connects that fail, and handshakes that the server does not like.

#include "websocket_support.h"

using namespace Test;

typedef std::vector<std::string> Events;

namespace {

// A client that connects to a peer which answers its request so.
template <class TSockets>
std::shared_ptr<SocketClient<TSockets>> Answered(Running& running, const std::string& answer)
{
    RawPeer listener;
    auto client = TSockets::template MakeClient<SocketClient<TSockets>>(running.service, TSockets::Scheme() + "127.0.0.1:" + std::to_string(listener.Listen(1)));
    CHECK(client->Connect());
    RawPeer peer = listener.Accept();
    if (TSockets::Scheme() == "ws://")
        peer.ReceiveUntil("\r\n\r\n");
    if (!answer.empty())
        peer.Send(answer);
    // The end of what is sent, so that it is not reset.
    peer.ShutdownSend();
    client->log.Wait("client.onDisconnected");
    return client;
}

Events Failed(const std::string& error) { return Events{ "client.onError" + error, "client.onDisconnected" }; }

} // namespace

TEST_BOTH(connect_that_is_refused_is_told)
{
    Running running;
    auto client = T::template MakeClient<SocketClient<T>>(running.service, T::Scheme() + "127.0.0.1:" + std::to_string(UnusedPort()));
    client->error = [](SocketClient<T>& self) { self.log.Add(self.error_details().empty() ? "no details" : "details"); };
    for (size_t round = 1; round <= 3; ++round)
    {
        UNTIL(client->Connect());
        client->log.Wait("client.onDisconnected", round);
        CHECK_EQUAL(client->log.Count("client.onError" + NetworkError()), round);
        CHECK_EQUAL(client->log.Count("details"), round);
    }
    CHECK_EQUAL(NetworkError(), std::string("(3, websocketpp.transport.asio, Underlying Transport Error)"));
    CHECK_EQUAL(client->log.Events().size(), 9u);
    std::weak_ptr<SocketClient<T>> watch = client;
    client.reset();
    UNTIL(watch.expired());
}

TEST_BOTH(connect_in_on_disconnected_goes_on_after_refusals)
{
    std::atomic<bool> comes_back(true);
    SocketHost<T> host;
    const uint16_t port = host.server->port();
    host.server->Stop();
    host.server->log.Wait("server.onStopped");
    auto client = T::template MakeClient<SocketClient<T>>(host.service, T::Scheme() + "127.0.0.1:" + std::to_string(port));
    client->disconnected = [&](SocketClient<T>& self)
    {
        if (comes_back)
            self.Connect();
    };
    CHECK(client->Connect());
    client->log.Wait("client.onDisconnected", 5);
    host.server->endpoint().port(port);
    CHECK(host.server->Start());
    client->log.Wait("client.onConnected");
    comes_back = false;
}

TEST_BOTH(wrong_uris_are_told_by_callbacks)
{
    Running running;
    const std::string invalid = "(6, websocketpp, invalid uri)";
    for (const char* uri : { "", "nonsense", "http://127.0.0.1", "//127.0.0.1", "127.0.0.1:80" })
    {
        auto client = T::template MakeClient<SocketClient<T>>(running.service, uri);
        CHECK_EQUAL(client->uri(), std::string(uri));
        CHECK(client->SetupNoDelay(true));
        CHECK(client->AddHeader("Origin", "here"));
        CHECK(client->Connect());
        client->log.Wait("client.onDisconnected");
        CHECK_EQUAL(client->log.Events(), Failed(invalid));
        CHECK(client->Connect());
        client->log.Wait("client.onDisconnected", 2);
        CHECK(!client->Disconnect());
    }
    auto client = T::template MakeClient<SocketClient<T>>(running.service, T::Scheme() + "127.0.0.1:99999");
    client->Connect();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), Failed(invalid));
}

TEST(websocket_uri_of_the_other_kind_is_told)
{
    Running running;
    auto plain = std::make_shared<SocketClient<PlainSockets>>(running.service, "wss://127.0.0.1:1");
    plain->Connect();
    plain->log.Wait("client.onDisconnected");
    CHECK_EQUAL(plain->log.Events(), Failed("(4, websocketpp, endpoint not secure)"));
    auto secure = std::make_shared<SocketClient<SecureSockets>>(running.service, VerifyingContext(), "ws://127.0.0.1:1");
    secure->Connect();
    secure->log.Wait("client.onDisconnected");
    CHECK_EQUAL(secure->log.Events(), Failed("(6, websocketpp, invalid uri)"));
}

TEST(websocket_context_must_not_be_missing)
{
    Running running;
    CHECK_THROWS(std::make_shared<SocketClient<SecureSockets>>(running.service, nullptr, "wss://127.0.0.1:1"), asio::system_error);
    CHECK_THROWS(std::make_shared<SocketServer<SecureSockets>>(running.service, nullptr, "127.0.0.1", 0), asio::system_error);
    auto context = VerifyingContext();
    auto client = std::make_shared<SocketClient<SecureSockets>>(running.service, context, "wss://127.0.0.1:1");
    CHECK(client->context() == context);
}

TEST_BOTH(host_names_are_resolved)
{
    SocketHost<T> host;
    auto client = T::template MakeClient<SocketClient<T>>(host.service, T::Scheme() + "localhost:" + std::to_string(host.server->port()) + "/a?b=c");
    client->Connect();
    client->log.Wait("client.onConnected");
    host.server->log.Wait("server.onConnected");
    CHECK_EQUAL(host.server->Last()->target(), std::string("/a?b=c"));
    CHECK_EQUAL(host.server->Last()->header("host"), "localhost:" + std::to_string(host.server->port()));
    auto nowhere = T::template MakeClient<SocketClient<T>>(host.service, T::Scheme() + "no-such-host.invalid:1");
    nowhere->Connect();
    nowhere->log.Wait("client.onDisconnected");
    CHECK_EQUAL(nowhere->log.Events(), Failed(NetworkError()));
}

TEST_BOTH(connect_in_progress_can_be_cancelled)
{
    Running running;
    RawPeer listener;
    auto client = T::template MakeClient<SocketClient<T>>(running.service, T::Scheme() + "127.0.0.1:" + std::to_string(listener.Listen(1)));
    CHECK(client->Connect());
    CHECK(!client->Connect());
    RawPeer peer = listener.Accept();
    CHECK(!client->IsConnected());
    CHECK_EQUAL(client->Send("too early"), 0u);
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), (Events{ "client.onDisconnected" }));
}

TEST_BOTH(silent_server_is_left_after_the_timeout)
{
    Running running;
    RawPeer listener;
    auto client = T::template MakeClient<SocketClient<T>>(running.service, T::Scheme() + "127.0.0.1:" + std::to_string(listener.Listen(1)));
    CHECK(client->SetupHandshakeTimeout(std::chrono::milliseconds(50)));
    client->Connect();
    RawPeer peer = listener.Accept();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), Failed((T::Scheme() == "ws://") ? "(22, websocketpp, The opening handshake timed out)"
        : "(5, websocketpp.transport.asio.socket, TLS handshake timed out)"));
}

TEST(websocket_answers_that_open_nothing_are_told)
{
    Running running;
    const std::string head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    const std::pair<std::string, std::string> answers[] = {
        { "", "(7, websocketpp.transport, End of File)" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "(20, websocketpp.processor, Invalid HTTP status.)" },
        { "HTTP/1.1 404 Not Found\r\n\r\n", "(20, websocketpp.processor, Invalid HTTP status.)" },
        { head + "\r\n", "(21, websocketpp.processor, A required HTTP header is missing)" },
        { head + "Sec-WebSocket-Accept: wrong\r\n\r\n", "(21, websocketpp.processor, A required HTTP header is missing)" },
        { "220 mail.example.com ESMTP\r\n\r\n", "(31, websocketpp, HTTP parse error)" },
    };
    for (const auto& entry : answers)
    {
        auto client = Answered<PlainSockets>(running, entry.first);
        CHECK_EQUAL(client->log.Events(), Failed(entry.second));
    }
}

TEST(websocket_ssl_handshakes_that_fail_are_told_to_the_client_alone)
{
    const std::string failed = "(8, websocketpp.transport.asio.socket, TLS handshake failed)";
    Running running;
    // What does not speak TLS.
    CHECK_EQUAL(Answered<SecureSockets>(running, "220 mail.example.com ESMTP\r\n")->log.Events(), Failed(failed));
    CHECK_EQUAL(Answered<SecureSockets>(running, "")->log.Events(), Failed(failed));
    // What nobody has signed who is trusted.
    SocketHost<SecureSockets> host;
    auto client = std::make_shared<SocketClient<SecureSockets>>(running.service, VerifyingContext("other-ca.pem"), host.Uri());
    client->Connect();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), Failed(failed));
    // A server that is silent about all of it.
    RawPeer peer(host.server->port());
    peer.Send("GET / HTTP/1.1\r\n\r\n");
    peer.ReceiveAll();
    auto good = host.ConnectedClient();
    CHECK_EQUAL(host.server->log.Events(), (Events{ "server.onStarted", "session.onConnected", "server.onConnected" }));
    CHECK_EQUAL(host.server->current_sessions(), 1u);
}

TEST(websocket_ssl_client_sends_the_host_as_server_name)
{
    SocketHost<SecureSockets> host;
    const std::string uri = "wss://localhost:" + std::to_string(host.server->port());
    auto client = std::make_shared<SocketClient<SecureSockets>>(host.service, VerifyingContext(), uri);
    client->Connect();
    host.server->log.Wait("server.onConnected");
    CHECK_EQUAL(host.server->Last()->server_name(), std::string("localhost"));
    client->log.Wait("client.onConnected");
    CHECK_EQUAL(client->tls_version(), std::string("TLSv1.3"));
    CHECK(!client->cipher_suite().empty() && !client->peer_subject().empty() && !client->peer_certificate().empty());
    CHECK(!client->IsResumed());
    CHECK(client->SetupServerName("other.example.com"));
    CHECK(!client->SetupServerName("no name"));
    CHECK(client->Reconnect());
    host.server->log.Wait("server.onConnected", 2);
    CHECK_EQUAL(host.server->Last()->server_name(), std::string("other.example.com"));
    // An address is no name.
    auto by_address = host.ConnectedClient();
    CHECK_EQUAL(host.server->Last()->server_name(), std::string(""));
    // The name in the certificate does not matter, unless a callback asks for it.
    auto strict = VerifyingContext();
    strict->set_verify_callback(asio::ssl::rfc2818_verification("wrong.example.org"));
    auto careful = std::make_shared<SocketClient<SecureSockets>>(host.service, strict, uri);
    careful->Connect();
    careful->log.Wait("client.onDisconnected");
    CHECK_EQUAL(careful->log.Events(), Failed("(8, websocketpp.transport.asio.socket, TLS handshake failed)"));
}

TEST(websocket_failed_handshakes_are_invisible_on_the_server)
{
    SocketHost<PlainSockets> host([](SocketServer<PlainSockets>& server) { CHECK(server.SetupHandshakeTimeout(std::chrono::milliseconds(50))); });
    for (const char* request : { "nonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n",
             "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\n\r\n", "GET / HT" })
    {
        RawPeer peer(host.server->port());
        peer.Send(request);
        // An answer, or none after the timeout; then the end.
        peer.ReceiveAll();
    }
    RawPeer gone(host.server->port());
    gone.Send("GET");
    gone.Reset();
    RawPeer peer = RawSocket(host.server->port());
    host.server->log.Wait("server.onConnected");
    CHECK_EQUAL(host.server->log.Events(), (Events{ "server.onStarted", "session.onConnected", "server.onConnected" }));
    CHECK_EQUAL(host.server->current_sessions(), 1u);
}

TEST_BOTH(server_whose_port_is_taken_tells_it_and_the_service_goes_on)
{
    SocketPair<T> pair;
    auto second = T::template MakeServer<SocketServer<T>>(pair.service, "127.0.0.1", pair.server->port());
    CHECK(second->Start());
    second->log.Wait("server.onStopped");
    CHECK_EQUAL(second->log.Events(), (Events{ "server.onError" + NetworkError(), "server.onStopped" }));
    CHECK(!second->IsStarted());
    CHECK(!second->Stop());
    CHECK(pair.server->Multicast("goes on"));
    pair.client->log.Wait("client: goes on");
}

TEST_BOTH(requests_of_clients_carry_headers_and_subprotocols)
{
    SocketHost<T> host([](SocketServer<T>& server)
    {
        server.handshake = [](const HttpRequest& request, HttpResponse& response)
        {
            if (request.HasHeader("Sec-WebSocket-Protocol"))
                CHECK(response.SetSubprotocol("chat.v1"));
        };
    });
    auto client = host.NewClient("/room?who=me");
    CHECK(client->AddHeader("Origin", "https://example.com"));
    CHECK(client->AddHeader("X-Token", "secret"));
    CHECK(!client->AddHeader("No Name", "value"));
    CHECK(!client->AddHeader("Sec-WebSocket-Key", "mine"));
    CHECK(!client->AddHeader("X-Two", "line\r\nline"));
    CHECK(client->SetupSubprotocols("chat.v2, chat.v1"));
    CHECK(!client->SetupSubprotocols("not a name"));
    std::vector<std::unique_ptr<Running>> others;
    for (size_t round = 1; round <= 2; ++round)
    {
        CHECK(client->Connect());
        client->log.Wait("client.onConnected", round);
        host.server->log.Wait("server.onConnected", round);
        auto session = host.server->Last();
        CHECK_EQUAL(session->target(), std::string("/room?who=me"));
        CHECK_EQUAL(session->header("origin"), std::string("https://example.com"));
        CHECK_EQUAL(session->header("X-TOKEN"), std::string("secret"));
        CHECK_EQUAL(session->header("missing"), std::string(""));
        CHECK_EQUAL(session->subprotocol(), std::string("chat.v1"));
        CHECK_EQUAL(client->subprotocol(), std::string("chat.v1"));
        client->Disconnect();
        client->log.Wait("client.onDisconnected", round);
        // Another service needs another handle behind it, which knows the same.
        others.emplace_back(new Running());
        client->service() = others.back()->service;
    }
    CHECK(client->SetupSubprotocols(""));
    auto plain = host.ConnectedClient();
    CHECK_EQUAL(plain->subprotocol(), std::string(""));
}
