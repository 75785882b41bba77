// Options of servers, sessions and clients: what reaches the socket, limits and deadlines.

#include "raw_peer.h"
#include "support.h"

using namespace Test;
using CppServer::Asio::DisconnectReason;
using CppServer::Asio::SendPolicy;
using std::chrono::milliseconds;

namespace {

template <typename TOption>
TOption Get(asio::ip::tcp::socket& socket)
{
    TOption option;
    socket.get_option(option);
    return option;
}

} // namespace

TEST(options_by_default_are_those_of_the_known_library)
{
    Connected connected;
    auto session = connected.server->Last();
    CHECK(!Get<asio::socket_base::keep_alive>(session->socket()).value());
    CHECK(Get<asio::socket_base::keep_alive>(connected.client->socket()).value());
    CHECK(!Get<asio::socket_base::linger>(session->socket()).enabled());
    CHECK(Get<asio::ip::tcp::no_delay>(session->socket()).value());
}

TEST(options_of_a_server_reach_its_sessions)
{
    Connected connected([](LoggingServer& server)
    {
        CHECK(server.SetupNoDelay(false));
        CHECK(server.SetupKeepAlive(true, 100, 7, 0));
        CHECK(server.SetupSendBufferSize(100000));
        CHECK(server.SetupReceiveBufferSize(50000));
        CHECK(server.SetupLinger(2));
        CHECK(server.SetupReuseAddress(true));
        CHECK(server.SetupBacklog(16));
    });
    asio::ip::tcp::socket& socket = connected.server->Last()->socket();
    CHECK(!Get<asio::ip::tcp::no_delay>(socket).value());
    CHECK(Get<asio::socket_base::keep_alive>(socket).value());
    CHECK_EQUAL(Get<asio::socket_base::send_buffer_size>(socket).value(), 100000);
    CHECK_EQUAL(Get<asio::socket_base::receive_buffer_size>(socket).value(), 50000);
    CHECK(Get<asio::socket_base::linger>(socket).enabled());
    CHECK_EQUAL(Get<asio::socket_base::linger>(socket).timeout(), 2);
#if defined(__linux__)
    typedef CppServer::Compat::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPIDLE> idle;
    typedef CppServer::Compat::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPINTVL> interval;
    CHECK_EQUAL(Get<idle>(socket).value(), 100);
    CHECK_EQUAL(Get<interval>(socket).value(), 7);
#endif
}

TEST(options_count_of_keep_alive_probes)
{
    Connected connected([](LoggingServer& server) { CHECK(server.SetupKeepAlive(true, 0, 0, 3)); },
        [](LoggingClient& client) { CHECK(client.SetupKeepAlive(true, 0, 0, 4)); });
    auto session = connected.server->Last();
    CHECK(Get<asio::socket_base::keep_alive>(session->socket()).value());
#if defined(__linux__)
    typedef CppServer::Compat::asio::detail::socket_option::integer<IPPROTO_TCP, TCP_KEEPCNT> count;
    CHECK_EQUAL(Get<count>(session->socket()).value(), 3);
    CHECK_EQUAL(Get<count>(connected.client->socket()).value(), 4);
#endif
    CHECK(session->SetupKeepAlive(true, 0, 0, 6));
#if defined(__linux__)
    CHECK_EQUAL(Get<count>(session->socket()).value(), 6);
#endif
}

TEST(options_of_a_client_count_at_once_and_for_the_next_connection)
{
    Connected connected(nullptr, [](LoggingClient& client) { CHECK(client.SetupKeepAlive(false)); });
    asio::ip::tcp::socket& socket = connected.client->socket();
    CHECK(!Get<asio::socket_base::keep_alive>(socket).value());
    CHECK(connected.client->SetupNoDelay(false));
    CHECK(connected.client->SetupKeepAlive(true, 50, 5, 0));
    CHECK(connected.client->SetupSendBufferSize(100000));
    CHECK(connected.client->SetupReceiveBufferSize(50000));
    CHECK(connected.client->SetupLinger(4));
    for (size_t round = 1; round <= 2; ++round)
    {
        CHECK(!Get<asio::ip::tcp::no_delay>(socket).value());
        CHECK(Get<asio::socket_base::keep_alive>(socket).value());
        CHECK_EQUAL(Get<asio::socket_base::send_buffer_size>(socket).value(), 100000);
        CHECK_EQUAL(Get<asio::socket_base::receive_buffer_size>(socket).value(), 50000);
        CHECK_EQUAL(Get<asio::socket_base::linger>(socket).timeout(), 4);
        CHECK(connected.client->SetupLinger(-1));
        CHECK(connected.client->SetupLinger(4));
        CHECK(connected.client->Reconnect());
        connected.client->log.Wait("client.onConnected", round + 1);
    }
}

TEST(options_of_a_session_change_its_socket)
{
    Connected connected;
    auto session = connected.server->Last();
    CHECK(session->SetupNoDelay(false));
    CHECK(session->SetupKeepAlive(true, 60, 6, 0));
    CHECK(session->SetupSendBufferSize(100000));
    CHECK(session->SetupReceiveBufferSize(50000));
    CHECK(session->SetupLinger(5));
    CHECK(!Get<asio::ip::tcp::no_delay>(session->socket()).value());
    CHECK(Get<asio::socket_base::keep_alive>(session->socket()).value());
    CHECK_EQUAL(Get<asio::socket_base::send_buffer_size>(session->socket()).value(), 100000);
    CHECK_EQUAL(Get<asio::socket_base::receive_buffer_size>(session->socket()).value(), 50000);
    CHECK_EQUAL(Get<asio::socket_base::linger>(session->socket()).timeout(), 5);
    CHECK(session->SetupLinger(-1));
    CHECK(!Get<asio::socket_base::linger>(session->socket()).enabled());
}

TEST(options_out_of_range_are_refused)
{
    Running running;
    auto server = running.Server();
    CHECK(!server->SetupBacklog(-1));
    CHECK(!server->SetupLinger(-2));
    CHECK(!server->SetupIdleTimeout(milliseconds(-1)));
    CHECK(!server->SetupKeepAlive(true, -1, 0, 0));
    auto client = running.Client(1);
    CHECK(!client->SetupConnectTimeout(milliseconds(-1)));
    CHECK(!client->SetupCloseTimeout(milliseconds(-1)));
    CHECK(!client->SetupBindAddress("nonsense"));
}

TEST(options_idle_timeout_ends_a_silent_session)
{
    Connected connected([](LoggingServer& server) { CHECK(server.SetupIdleTimeout(milliseconds(20))); });
    auto session = connected.server->Last();
    connected.server->log.Wait("server.onDisconnected");
    CHECK(session->disconnect_reason() == DisconnectReason::Timeout);
    CHECK_EQUAL(Show(session->disconnect_reason()).empty(), false);
    connected.client->log.Wait("client.onDisconnected");
}

TEST(options_close_timeout_ends_a_disconnect_that_nobody_reads)
{
    Running running;
    auto server = running.Server();
    CHECK(server->SetupCloseTimeout(milliseconds(30)));
    server->session_connected = [](LoggingSession& session)
    {
        session.Send(std::string(64 * 1024 * 1024, 'x'));
        session.Disconnect();
    };
    server->Start();
    RawPeer peer(server->port());
    server->log.Wait("server.onDisconnected");
    bool told = false;
    for (const std::string& event : server->log.Events())
        told = told || ((event.find("session.onError(") == 0) && (event.find("timeout") != std::string::npos));
    CHECK(told);
}

#if defined(__linux__)
TEST(options_connect_timeout_ends_a_connect_that_nobody_answers)
{
    Running running;
    // A listener whose queue is full lets further connects hang.
    RawPeer listener;
    const unsigned short port = listener.Listen(0);
    std::vector<std::shared_ptr<LoggingClient>> clients;
    for (int i = 0; i < 8; ++i)
    {
        clients.push_back(running.Client(port));
        CHECK(clients.back()->SetupConnectTimeout(milliseconds(50)));
        clients.back()->Connect();
    }
    UNTIL(clients.back()->log.Count("client.onDisconnected") == 1);
    CHECK(clients.back()->disconnect_reason() == DisconnectReason::Timeout);
    CHECK_EQUAL(clients.back()->log.Count("client.onConnected"), 0u);
    CHECK(clients.back()->log.Events()[0].find("timeout") != std::string::npos);
}
#endif

TEST(options_session_limit_refuses_further_connections)
{
    Running running;
    auto server = running.Server();
    CHECK(server->SetupSessionLimit(2));
    server->Start();
    auto first = running.ConnectedClient(server->port());
    auto second = running.ConnectedClient(server->port());
    server->log.Wait("server.onConnected", 2);
    auto third = running.Client(server->port());
    third->Connect();
    third->log.Wait("client.onDisconnected");
    CHECK_EQUAL(server->current_sessions(), 2u);
    CHECK_EQUAL(server->log.Count("session.onConnected"), 2u);
    first->Disconnect();
    server->log.Wait("server.onDisconnected");
    UNTIL(server->current_sessions() == 1);
    auto fourth = running.ConnectedClient(server->port());
    server->log.Wait("server.onConnected", 3);
}

TEST(options_session_limit_per_address_refuses_further_connections)
{
    Running running;
    auto server = running.Server();
    CHECK(server->SetupSessionLimitPerAddress(1));
    server->Start();
    auto first = running.ConnectedClient(server->port());
    server->log.Wait("server.onConnected");
    auto second = running.Client(server->port());
    second->Connect();
    second->log.Wait("client.onDisconnected");
    CHECK_EQUAL(server->log.Count("session.onConnected"), 1u);
}

TEST(options_send_limit_refuses_what_is_too_much)
{
    Log log;
    Connected connected([&](LoggingServer& server)
    {
        CHECK(server.SetupSendLimit(10));
        server.session_connected = [&](LoggingSession& session)
        {
            for (const std::string text : { "12345678", "90ab", "90" })
                log.Add(text + ": " + std::to_string(session.Send(text)));
        };
    });
    log.Wait("90: 10");
    CHECK_EQUAL(log.Events(), (std::vector<std::string>{ "12345678: 8", "90ab: 0", "90: 10" }));
    UNTIL(connected.client->Received() == "1234567890");
}

TEST(options_send_limit_disconnects_when_told_to)
{
    Connected connected([](LoggingServer& server)
    {
        CHECK(server.SetupSendLimit(10, SendPolicy::Disconnect));
        server.session_received = [](LoggingSession& session, const std::string& text)
        {
            session.Send(std::string(11, 'x'));
            return text.size();
        };
    });
    auto session = connected.server->Last();
    connected.client->Send("go");
    connected.server->log.Wait("server.onDisconnected");
    CHECK(session->disconnect_reason() == DisconnectReason::Limit);
}

TEST(options_send_limit_drops_the_oldest_when_told_to)
{
    Connected connected(nullptr, [](LoggingClient& client) { CHECK(client.SetupSendLimit(6, SendPolicy::DropOldest)); });
    connected.service->Post([&]()
    {
        connected.client->Send("one");
        connected.client->Send("two");
        connected.client->Send("six");
        connected.client->Disconnect();
    });
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(connected.server->bytes_received(), 6u);
}

TEST(options_receive_limit_ends_a_session_that_handles_nothing)
{
    Connected connected([](LoggingServer& server)
    {
        CHECK(server.SetupReceiveLimit(1000));
        server.session_received = [](LoggingSession&, const std::string&) { return size_t(0); };
    });
    auto session = connected.server->Last();
    connected.client->Send(std::string(5000, 'x'));
    connected.server->log.Wait("server.onDisconnected");
    CHECK(session->disconnect_reason() == DisconnectReason::Limit);
}

TEST(options_bind_address_is_where_a_client_comes_from)
{
    Running running;
    auto server = running.StartedServer();
    const unsigned short port = UnusedPort();
    auto client = running.Client(server->port());
    CHECK(client->SetupBindAddress("127.0.0.1", port));
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK_EQUAL(client->socket().local_endpoint(), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port));
    CHECK(!client->SetupBindAddress(""));
    auto other = running.StartedServer();
    // The address goes along to another endpoint; the same port may stay in use for a while, so take any.
    client->Disconnect();
    client->log.Wait("client.onDisconnected");
    CHECK(client->SetupBindAddress("127.0.0.1"));
    client->endpoint().port(other->port());
    UNTIL(client->Connect());
    client->log.Wait("client.onConnected", 2);
    CHECK_EQUAL(client->socket().remote_endpoint().port(), other->port());
    CHECK(client->socket().local_endpoint().address().is_loopback());
}

#if defined(__linux__)
TEST(options_reuse_port_lets_two_servers_listen)
{
    Running running;
    auto first = running.Server();
    CHECK(first->SetupReusePort(true));
    first->Start();
    auto second = std::make_shared<LoggingServer>(running.service, "127.0.0.1", first->port());
    CHECK(second->SetupReusePort(true));
    second->Start();
    second->log.Wait("server.onStarted");
    CHECK_EQUAL(second->port(), first->port());
}
#endif

TEST(options_reasons_have_texts)
{
    CHECK_EQUAL(Show(DisconnectReason::None), std::string("none"));
    for (const DisconnectReason reason : { DisconnectReason::Local, DisconnectReason::PeerClosed, DisconnectReason::Error, DisconnectReason::Timeout,
        DisconnectReason::Limit, DisconnectReason::ServerStopped, DisconnectReason::ServiceStopped, DisconnectReason::Truncated })
        CHECK(Show(reason).size() > 3);
    Connected connected;
    auto session = connected.server->Last();
    CHECK(session->disconnect_reason() == DisconnectReason::None);
    connected.server->Stop();
    connected.server->log.Wait("server.onDisconnected");
    CHECK(session->disconnect_reason() == DisconnectReason::ServerStopped);
}
