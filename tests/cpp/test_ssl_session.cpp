// Encrypted connections: order of callbacks, data, ends, and what went wrong in the original.

#include "raw_peer.h"
#include "ssl_support.h"

using namespace Test;
using CppServer::Asio::DisconnectReason;

namespace {

typedef std::vector<std::string> Events;

// A gate that a callback waits at, so that its I/O thread does nothing else.
class Gate
{
public:
    void Wait()
    {
        std::unique_lock<std::mutex> lock(_mutex);
        _changed.wait_for(lock, Deadline, [this]() { return _open; });
    }
    void Open()
    {
        std::lock_guard<std::mutex> lock(_mutex);
        _open = true;
        _changed.notify_all();
    }

private:
    std::mutex _mutex;
    std::condition_variable _changed;
    bool _open = false;
};

void Echo(SecureServer& server)
{
    server.session_received = [](SecureSession& session, const std::string& text) { session.Send(text); return text.size(); };
}

} // namespace

TEST(ssl_constructors_store_what_they_are_given)
{
    Running running;
    auto context = EmptyContext();
    auto v4 = std::make_shared<SecureServer>(running.service, context, InternetProtocol::IPv4, 1111);
    CHECK_EQUAL(Show(v4->endpoint()), std::string("0.0.0.0:1111"));
    auto v6 = std::make_shared<SecureServer>(running.service, context, InternetProtocol::IPv6, 1112);
    CHECK_EQUAL(Show(v6->endpoint()), std::string("[::]:1112"));
    auto text = std::make_shared<SecureServer>(running.service, context, "127.0.0.1", 1113);
    CHECK_EQUAL(text->port(), 1113);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 1114);
    auto given = std::make_shared<SecureServer>(running.service, context, endpoint);
    CHECK_EQUAL(given->endpoint(), endpoint);
    CHECK(given->context() == context);
    CHECK(given->service() == running.service);
    CHECK(!given->acceptor().is_open());
    CHECK(!given->IsStarted() && !given->Stop() && !given->Restart() && !given->Multicast("x") && !given->DisconnectAll());
    CHECK_THROWS(std::make_shared<SecureServer>(running.service, context, "localhost", 0), asio::system_error);
    auto client = std::make_shared<SecureClient>(running.service, context, endpoint);
    CHECK_EQUAL(client->endpoint(), endpoint);
    CHECK(client->context() == context);
    CHECK(client->service() == running.service);
    CHECK(!client->IsConnected() && !client->IsHandshaked() && !client->Disconnect() && !client->Reconnect());
    CHECK_EQUAL(client->Send("too early"), 0u);
    CHECK(client->tls_version().empty() && client->cipher_suite().empty() && client->alpn_protocol().empty() && client->server_name().empty()
        && client->peer_subject().empty() && client->peer_certificate().empty() && !client->IsResumed());
    CHECK_THROWS(std::make_shared<SecureClient>(running.service, context, "localhost", 80), asio::system_error);
}

TEST(ssl_connect_has_the_order_of_the_original)
{
    std::atomic<int> wrong(0);
    SecureConnected connected([&](SecureServer& server)
    {
        server.session_created = [&](SecureSession& session) { wrong += session.IsConnected(); };
        server.session_connected = [&](SecureSession& session)
        {
            wrong += !session.IsConnected();
            wrong += session.IsHandshaked();
            wrong += session.bytes_sent() + session.bytes_received() != 0;
            wrong += session.socket().remote_endpoint().address() != asio::ip::address_v4::loopback();
            wrong += &session.stream().lowest_layer() != &session.socket();
            wrong += &session.stream().next_layer() != &session.socket();
            wrong += session.context() != session.Owner().context();
            wrong += session.service() != session.Owner().service();
            wrong += session.Send("too early") != 0;
            wrong += session.Owner().current_sessions() != 1;
        };
        server.session_handshaked = [&](SecureSession& session)
        {
            wrong += !session.IsConnected();
            wrong += !session.IsHandshaked();
            wrong += session.Send("hello") < 5;
        };
        server.session_disconnected = [&](SecureSession& session) { wrong += session.IsConnected() || session.IsHandshaked() || session.Send("late") != 0; };
    },
    [&](SecureClient& client)
    {
        client.connected = [&](SecureClient& self)
        {
            wrong += !self.IsConnected();
            wrong += self.IsHandshaked();
            wrong += self.Send("too early") != 0;
            wrong += self.Connect();
        };
        client.handshaked = [&](SecureClient& self) { wrong += !self.IsConnected() || !self.IsHandshaked(); };
        client.disconnected = [&](SecureClient& self) { wrong += self.IsConnected() || self.IsHandshaked() || self.Send("late") != 0; };
    });
    connected.client->log.Wait("client.onReceived");
    CHECK_EQUAL(connected.client->Received(), std::string("hello"));
    CHECK(connected.client->IsHandshaked());
    CHECK_EQUAL(connected.client->tls_version(), std::string("TLSv1.3"));
    CHECK(connected.client->cipher_suite().find("TLS_") == 0);
    CHECK_EQUAL(connected.server->Last()->cipher_suite(), connected.client->cipher_suite());
    CHECK(connected.client->Disconnect());
    connected.WaitForEnd();
    CHECK_EQUAL(connected.client->log.Events(),
        (Events{ "client.onConnected", "client.onHandshaked", "client.onReceived", "client.onDisconnected" }));
    CHECK_EQUAL(connected.server->log.Events(), (Events{ "server.onStarted", "session.onConnected", "server.onConnected", "session.onHandshaked",
        "session.onError" + Eof(), "session.onDisconnected", "server.onDisconnected" }));
    CHECK_EQUAL(wrong.load(), 0);
    CHECK_EQUAL(connected.client->bytes_received(), 5u);
}

TEST(ssl_session_that_disconnects_ends_once_on_both_sides)
{
    SecureConnected connected([](SecureServer& server)
    {
        server.session_handshaked = [](SecureSession& session)
        {
            const bool first = session.Disconnect();
            session.Owner().log.Add((first && !session.Disconnect()) ? "once" : "wrong");
        };
    });
    connected.WaitForEnd();
    connected.Settle();
    CHECK_EQUAL(connected.server->log.Events(), (Events{ "server.onStarted", "session.onConnected", "server.onConnected", "session.onHandshaked", "once",
        "session.onDisconnected", "server.onDisconnected" }));
    CHECK_EQUAL(connected.client->log.Events(), (Events{ "client.onConnected", "client.onHandshaked", "client.onError" + Eof(), "client.onDisconnected" }));
    CHECK(connected.client->disconnect_reason() == DisconnectReason::PeerClosed);
}

TEST(ssl_disconnect_during_the_handshake_ends_once_without_an_error)
{
    Running running;
    RawPeer listener;
    auto client = std::make_shared<SecureClient>(running.service, VerifyingContext(), "127.0.0.1", listener.Listen(1));
    client->Connect();
    RawPeer silent = listener.Accept();
    client->log.Wait("client.onConnected");
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
    running.Settle();
    CHECK_EQUAL(client->log.Events(), (Events{ "client.onConnected", "client.onDisconnected" }));
}

TEST(ssl_handshake_with_a_silent_peer_ends_in_time)
{
    Running running;
    RawPeer listener;
    auto client = std::make_shared<SecureClient>(running.service, VerifyingContext(), "127.0.0.1", listener.Listen(1));
    CHECK(client->SetupHandshakeTimeout(std::chrono::milliseconds(20)));
    client->Connect();
    RawPeer silent = listener.Accept();
    client->log.Wait("client.onDisconnected");
    CHECK(client->disconnect_reason() == DisconnectReason::Timeout);
    CHECK_EQUAL(client->log.Events().size(), 3u);
    auto server = std::make_shared<SecureServer>(running.service, OwnContext("server"), "127.0.0.1", 0);
    CHECK(server->SetupHandshakeTimeout(std::chrono::milliseconds(20)));
    server->Start();
    RawPeer peer(server->port());
    server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(server->log.Count("session.onHandshaked"), 0u);
}

TEST(ssl_disconnect_does_not_wait_for_a_peer_that_is_silent)
{
    Gate gate;
    Running peers;
    Running running;
    auto server = std::make_shared<SecureServer>(peers.service, OwnContext("server"), "127.0.0.1", 0);
    server->session_received = [&](SecureSession&, const std::string& text)
    {
        gate.Wait();
        return text.size();
    };
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = std::make_shared<SecureClient>(running.service, VerifyingContext(), "127.0.0.1", server->port());
    client->Connect();
    client->log.Wait("client.onHandshaked");
    client->Send("now be silent");
    server->log.Wait("session.onReceived");
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), (Events{ "client.onConnected", "client.onHandshaked", "client.onDisconnected" }));
    CHECK_EQUAL(server->log.Count("server.onDisconnected"), 0u);
    gate.Open();
    server->log.Wait("server.onDisconnected");
}

TEST(ssl_disconnect_gives_up_on_a_peer_that_reads_nothing)
{
    Gate gate;
    Running peers;
    Running running;
    auto server = std::make_shared<SecureServer>(peers.service, OwnContext("server"), "127.0.0.1", 0);
    server->session_received = [&](SecureSession&, const std::string& text)
    {
        gate.Wait();
        return text.size();
    };
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = std::make_shared<SecureClient>(running.service, VerifyingContext(), "127.0.0.1", server->port());
    CHECK(client->SetupCloseTimeout(std::chrono::milliseconds(50)));
    client->Connect();
    client->log.Wait("client.onHandshaked");
    client->Send(std::string(32 * 1024 * 1024, 'x'));
    server->log.Wait("session.onReceived");
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Count("client.onDisconnected"), 1u);
    gate.Open();
    server->log.Wait("server.onDisconnected");
}

TEST(ssl_peer_that_does_not_speak_tls_is_told)
{
    Running running;
    auto server = std::make_shared<SecureServer>(running.service, OwnContext("server"), "127.0.0.1", 0);
    server->Start();
    RawPeer peer(server->port());
    peer.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(server->log.Events(), (Events{ "server.onStarted", "session.onConnected", "server.onConnected",
        "session.onError" + SslText(asio::error::wrong_version_number), "session.onDisconnected", "server.onDisconnected" }));
    RawPeer listener;
    auto client = std::make_shared<SecureClient>(running.service, VerifyingContext(), "127.0.0.1", listener.Listen(1));
    client->Connect();
    RawPeer plain = listener.Accept();
    plain.Send("220 mail.example.com ESMTP\r\n");
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events(), (Events{ "client.onConnected", "client.onError" + SslText(asio::error::wrong_version_number), "client.onDisconnected" }));
}

TEST(ssl_stream_that_is_cut_is_told)
{
    SecureConnected connected;
    auto session = connected.server->Last();
    connected.service->Post([&]() { connected.client->socket().shutdown(asio::ip::tcp::socket::shutdown_send); });
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(connected.server->log.Count("session.onError" + Truncated()), 1u);
    CHECK_EQUAL(connected.server->log.Count("session.onError" + Eof()), 0u);
    CHECK(connected.server->log.Before("session.onError" + Truncated(), "session.onDisconnected"));
    CHECK(session->disconnect_reason() == DisconnectReason::Truncated);
    // During the handshake too.
    Running running;
    auto server = std::make_shared<SecureServer>(running.service, OwnContext("server"), "127.0.0.1", 0);
    server->Start();
    RawPeer peer(server->port());
    server->log.Wait("server.onConnected");
    peer.Close();
    server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(server->log.Count("session.onError" + Truncated()), 1u);
}

TEST(ssl_connect_that_is_refused_is_told_as_with_tcp)
{
    Running running;
    auto client = std::make_shared<SecureClient>(running.service, VerifyingContext(), "127.0.0.1", UnusedPort());
    for (size_t round = 1; round <= 4; ++round)
    {
        UNTIL(client->Connect());
        client->log.Wait("client.onDisconnected", round);
        CHECK_EQUAL(client->log.Count("client.onError" + ErrorText(asio::error::connection_refused)), round);
    }
    CHECK_EQUAL(client->log.Events().size(), 8u);
    std::weak_ptr<SecureClient> watch = client;
    client.reset();
    UNTIL(watch.expired());
}

TEST(ssl_server_whose_port_is_taken_tells_it_and_the_service_goes_on)
{
    SecureConnected connected;
    auto second = std::make_shared<SecureServer>(connected.service, OwnContext("server"), "127.0.0.1", connected.server->port());
    CHECK(second->Start());
    second->log.Wait("server.onStopped");
    CHECK_EQUAL(second->log.Events(), (Events{ "server.onError" + ErrorText(asio::error::address_in_use), "server.onStopped" }));
    connected.Settle();
}

TEST(ssl_large_write_arrives_whole_without_further_bytes)
{
    SecureConnected connected;
    for (const size_t size : { size_t(10000), size_t(16384), size_t(16385), size_t(100000) })
    {
        const size_t before = connected.client->ReceivedSize();
        CHECK(connected.server->Multicast(std::string(size, 's')));
        UNTIL(connected.client->ReceivedSize() == before + size);
    }
}

TEST(ssl_data_right_behind_the_handshake_arrives)
{
    for (const auto method : { asio::ssl::context::tlsv12, asio::ssl::context::sslv23 })
    {
        SecurePair pair(OwnContext("server", method), VerifyingContext(), [](SecureServer& server)
        {
            server.session_handshaked = [](SecureSession& session) { session.Send(std::string(10000, 's')); };
        },
        [](SecureClient& client)
        {
            client.handshaked = [](SecureClient& self) { self.Send(std::string(10000, 'c')); };
        });
        UNTIL(pair.client->ReceivedSize() == 10000);
        UNTIL(pair.server->bytes_received() == 10000);
    }
}

TEST(ssl_counters_count_plaintext)
{
    SecureConnected connected(&Echo);
    size_t total = 0;
    for (size_t size = 1; size <= 300000; size = size * 3 + 1)
    {
        CHECK(connected.client->Send(std::string(size, 'c')) >= size);
        total += size;
    }
    UNTIL(connected.client->ReceivedSize() == total);
    UNTIL(connected.server->bytes_sent() == total);
    UNTIL(connected.client->bytes_sent() == total);
    CHECK_EQUAL(connected.server->bytes_received(), total);
    CHECK_EQUAL(connected.client->bytes_received(), total);
    CHECK_EQUAL(connected.client->bytes_pending(), 0u);
}

TEST(ssl_send_in_every_callback)
{
    SecureConnected connected([](SecureServer& server)
    {
        server.session_handshaked = [](SecureSession& session) { session.Send("0"); };
        server.session_sent = [](SecureSession& session, size_t, size_t)
        {
            if (session.bytes_sent() < 50)
                session.Send("x");
        };
        server.session_empty = [](SecureSession& session)
        {
            if (session.bytes_sent() < 100)
                session.Send("y");
        };
    });
    UNTIL(connected.client->ReceivedSize() >= 100);
}

TEST(ssl_unhandled_bytes_come_again)
{
    Log log;
    SecureConnected connected([&](SecureServer& server)
    {
        server.session_received = [&](SecureSession&, const std::string& text)
        {
            log.Add(text);
            return (text == "part") ? size_t(2) : text.size() + 1000;
        };
    });
    connected.client->Send("part");
    log.Wait("part");
    connected.client->Send("more");
    log.Wait("rtmore");
    connected.client->Send("rest");
    log.Wait("rest");
}

TEST(ssl_disconnect_delivers_what_was_sent_before)
{
    const size_t size = 8 * 1024 * 1024;
    SecureConnected connected([&](SecureServer& server)
    {
        server.session_handshaked = [&](SecureSession& session)
        {
            session.Send(std::string(size, 'x'));
            session.Disconnect();
        };
    });
    connected.WaitForEnd();
    CHECK_EQUAL(connected.client->ReceivedSize(), size);
    CHECK_EQUAL(connected.server->bytes_sent(), size);
    CHECK_EQUAL(connected.client->log.Count("client.onError" + Eof()), 1u);
}

TEST(ssl_multicast_skips_sessions_before_their_handshake)
{
    SecureConnected connected;
    RawPeer peer(connected.server->port());
    connected.server->log.Wait("server.onConnected", 2);
    CHECK(connected.server->Multicast("to those who can read"));
    UNTIL(connected.client->Received() == "to those who can read");
    auto silent = connected.server->Last();
    CHECK(!silent->IsHandshaked());
    CHECK_EQUAL(silent->bytes_pending(), 0u);
    CHECK(connected.server->DisconnectAll());
    connected.server->log.Wait("server.onDisconnected", 2);
    UNTIL(connected.server->current_sessions() == 0);
}

TEST(ssl_server_stop_and_restart_come_in_the_order_of_tcp)
{
    SecureConnected connected;
    const uint16_t port = connected.server->port();
    CHECK(connected.server->Restart());
    connected.server->log.Wait("server.onStarted", 2);
    CHECK_EQUAL(connected.server->port(), port);
    connected.WaitForEnd();
    CHECK(connected.server->log.Before("server.onStopped", "session.onDisconnected"));
    CHECK(connected.server->log.Before("session.onDisconnected", "server.onDisconnected"));
    CHECK_EQUAL(connected.client->log.Count("client.onError" + Eof()), 1u);
    CHECK(connected.client->Connect());
    connected.WaitForHandshake(2);
    CHECK(connected.server->Stop());
    connected.server->log.Wait("server.onDisconnected", 2);
    CHECK_EQUAL(connected.server->log.Count("server.onStopped"), 2u);
}

TEST(ssl_client_connects_again_in_on_disconnected_without_end)
{
    const size_t rounds = 100;
    SecurePair pair(OwnContext("server"), VerifyingContext(), [](SecureServer& server)
    {
        server.session_handshaked = [](SecureSession& session) { session.Disconnect(); };
    },
    [](SecureClient& client)
    {
        client.disconnected = [](SecureClient& self)
        {
            if (self.log.Count("client.onDisconnected") < rounds)
                self.Connect();
        };
    });
    pair.client->log.Wait("client.onDisconnected", rounds);
    CHECK_EQUAL(pair.client->log.Count("client.onConnected"), rounds);
    CHECK_EQUAL(pair.client->log.Count("client.onHandshaked"), rounds);
    CHECK_EQUAL(pair.client->log.Count("client.onDisconnected"), rounds);
}

TEST(ssl_reconnect_works_everywhere_and_references_stay)
{
    SecureConnected connected;
    auto& stream = connected.client->stream();
    auto& socket = connected.client->socket();
    const CppCommon::UUID id = connected.client->id();
    for (size_t round = 2; round <= 10; ++round)
    {
        CHECK(connected.client->Reconnect());
        connected.WaitForHandshake(round);
    }
    CHECK_EQUAL(connected.client->log.Count("client.onDisconnected"), 9u);
    CHECK(&stream == &connected.client->stream());
    CHECK(&socket == &connected.client->socket());
    CHECK_EQUAL(socket.remote_endpoint().port(), connected.server->port());
    CHECK(id == connected.client->id());
}

TEST(ssl_client_reconnects_in_every_callback)
{
    for (auto callback : { &SecureClient::connected, &SecureClient::handshaked })
    {
        std::atomic<bool> once(false);
        SecurePair pair(OwnContext("server"), VerifyingContext(), nullptr, [&](SecureClient& client)
        {
            client.*callback = [&](SecureClient& self)
            {
                if (!once.exchange(true))
                    self.log.Add(self.Reconnect() ? "again" : "refused");
            };
        });
        pair.client->log.Wait("client.onConnected", 2);
        pair.WaitForHandshake();
        CHECK_EQUAL(pair.client->log.Count("again"), 1u);
        CHECK_EQUAL(pair.client->log.Count("client.onDisconnected"), 1u);
    }
}

TEST(ssl_server_restarts_in_every_callback)
{
    std::function<void(SecureSession&)> SecureServer::*callbacks[] = { &SecureServer::session_connected, &SecureServer::session_handshaked,
        &SecureServer::session_disconnected, &SecureServer::connected, &SecureServer::disconnected };
    for (auto callback : callbacks)
    {
        std::atomic<bool> once(false);
        SecurePair pair(OwnContext("server"), VerifyingContext(), [&](SecureServer& server)
        {
            server.*callback = [&](SecureSession& session)
            {
                if (!once.exchange(true))
                    session.Owner().log.Add(session.Owner().Restart() ? "restarted" : "refused");
            };
            server.session_received = [](SecureSession& session, const std::string& text) { session.Disconnect(); return text.size(); };
        },
        [](SecureClient& client)
        {
            client.handshaked = [](SecureClient& self) { self.Send("x"); };
        });
        pair.server->log.Wait("restarted");
        pair.server->log.Wait("server.onStarted", 2);
        pair.client->log.Wait("client.onDisconnected");
    }
}

TEST(ssl_client_may_be_used_from_many_threads_while_it_reconnects)
{
    SecureConnected connected;
    std::atomic<bool> done(false);
    std::atomic<size_t> accepted(0);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
    {
        threads.emplace_back([&]()
        {
            while (!done)
            {
                accepted += connected.client->Send("text") > 0;
                static_cast<void>(connected.client->tls_version());
            }
        });
    }
    for (size_t round = 2; round <= 10; ++round)
    {
        UNTIL(connected.client->Reconnect());
        connected.client->log.Wait("client.onHandshaked", round);
    }
    UNTIL(accepted > 100);
    done = true;
    for (auto& thread : threads)
        thread.join();
    CHECK_EQUAL(connected.client->log.Count("client.onDisconnected"), 9u);
}

TEST(ssl_client_that_is_connected_lives_without_its_user)
{
    SecureConnected connected;
    std::weak_ptr<SecureClient> watch = connected.client;
    connected.client.reset();
    connected.Settle();
    CHECK(!watch.expired());
    CHECK(connected.server->DisconnectAll());
    UNTIL(watch.expired());
}

TEST(ssl_client_can_be_moved)
{
    class Movable : public CppServer::Asio::SSLClient
    {
    public:
        using SSLClient::SSLClient;
        Movable(Movable&&) = default;
        Movable& operator=(Movable&&) = default;
    };

    SecureConnected connected;
    auto first = std::make_shared<Movable>(connected.service, VerifyingContext(), "127.0.0.1", connected.server->port());
    CHECK(first->SetupServerName("localhost"));
    const CppCommon::UUID id = first->id();
    auto second = std::make_shared<Movable>(std::move(*first));
    CHECK(second->id() == id);
    CHECK(second->Connect());
    UNTIL(second->IsHandshaked());
    CHECK_EQUAL(second->server_name(), std::string("localhost"));
    auto third = std::make_shared<Movable>(connected.service, EmptyContext(), "127.0.0.1", 1);
    *third = std::move(*second);
    CHECK(third->id() == id);
    CHECK(third->Connect());
    UNTIL(third->IsHandshaked());
    CHECK_EQUAL(third->server_name(), std::string("localhost"));
}

TEST(ssl_context_is_shared_by_servers_and_clients)
{
    // The certificates of the old recipe are for both sides.
    auto context = EmptyContext();
    context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) -> std::string { return "qwerty"; });
    context->use_certificate_chain_file(Certificate("legacy/server.pem"));
    context->use_private_key_file(Certificate("legacy/server.pem"), asio::ssl::context::pem);
    context->set_verify_mode(asio::ssl::verify_peer);
    context->load_verify_file(Certificate("legacy/ca.pem"));
    SecurePair first(context, context);
    SecurePair second(context, context);
    first.WaitForHandshake();
    second.WaitForHandshake();
    CHECK_EQUAL(first.server->Last()->peer_subject(), second.client->peer_subject());
}
