// Connections seen from the client's side: connect, disconnect, reconnect.

#include "raw_peer.h"
#include "support.h"

using namespace Test;

TEST(client_constructors_store_the_endpoint)
{
    Running running;
    auto client = running.Client(1111);
    CHECK_EQUAL(Show(client->endpoint()), std::string("127.0.0.1:1111"));
    CHECK_EQUAL(client->port(), 1111);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v6::loopback(), 1112);
    auto other = std::make_shared<LoggingClient>(running.service, endpoint);
    CHECK_EQUAL(other->endpoint(), endpoint);
    CHECK(other->service() == running.service);
    CHECK(!other->IsConnected());
    CHECK(!other->socket().is_open());
    CHECK(other->id() != client->id());
    CHECK_EQUAL(client->Send("too early"), 0u);
    CHECK(!client->Disconnect());
    CHECK(!client->Reconnect());
    CHECK_EQUAL(client->bytes_sent() + client->bytes_received() + client->bytes_pending(), 0u);
    CHECK_THROWS(std::make_shared<LoggingClient>(running.service, "localhost", 80), asio::system_error);
}

TEST(client_flag_is_right_inside_callbacks)
{
    std::atomic<int> wrong(0);
    Connected connected(nullptr, [&](LoggingClient& client)
    {
        client.connected = [&](LoggingClient& self)
        {
            wrong += !self.IsConnected();
            wrong += !self.socket().is_open();
            wrong += self.bytes_sent() + self.bytes_received() != 0;
            wrong += self.Send("hello") < 5;
            wrong += self.Connect();
        };
        client.disconnected = [&](LoggingClient& self)
        {
            wrong += self.IsConnected();
            wrong += self.Disconnect();
            wrong += self.Send("late") != 0;
        };
    });
    UNTIL(connected.server->bytes_received() == 5);
    CHECK(connected.client->IsConnected());
    CHECK(connected.client->Disconnect());
    connected.client->log.Wait("client.onDisconnected");
    CHECK(!connected.client->IsConnected());
    CHECK(connected.client->disconnect_reason() == CppServer::Asio::DisconnectReason::Local);
    CHECK_EQUAL(connected.client->log.Events(), (std::vector<std::string>{ "client.onConnected", "client.onDisconnected" }));
    CHECK_EQUAL(connected.client->bytes_sent(), 5u);
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(client_connect_twice_connects_once)
{
    Running running;
    auto server = running.StartedServer();
    auto client = running.Client(server->port());
    CHECK(client->Connect());
    CHECK(!client->Connect());
    client->log.Wait("client.onConnected");
    CHECK(!client->Connect());
    server->log.Wait("server.onConnected");
    running.Settle();
    CHECK_EQUAL(client->log.Count("client.onConnected"), 1u);
    CHECK_EQUAL(server->current_sessions(), 1u);
}

TEST(client_disconnect_twice_ends_once)
{
    Connected connected;
    connected.service->Post([&]()
    {
        const bool first = connected.client->Disconnect();
        const bool second = connected.client->Disconnect();
        connected.client->log.Add(first && !second ? "as promised" : "wrong");
    });
    connected.client->log.Wait("as promised");
    connected.client->log.Wait("client.onDisconnected");
    connected.Settle();
    CHECK_EQUAL(connected.client->log.Count("client.onDisconnected"), 1u);
}

TEST(client_refused_gets_the_error_and_then_on_disconnected_each_time)
{
    Running running;
    auto client = running.Client(UnusedPort());
    // The second and every other retry once failed with an error of its own.
    for (size_t round = 1; round <= 6; ++round)
    {
        UNTIL(client->Connect());
        client->log.Wait("client.onDisconnected", round);
        CHECK_EQUAL(client->log.Count("client.onError" + ErrorText(asio::error::connection_refused)), round);
    }
    CHECK_EQUAL(client->log.Count("client.onConnected"), 0u);
    CHECK_EQUAL(client->log.Events().size(), 12u);
    CHECK(client->log.Events()[0] != "client.onDisconnected");
    CHECK(client->disconnect_reason() == CppServer::Asio::DisconnectReason::Error);
    CHECK(!client->Disconnect());
}

TEST(client_refused_is_freed)
{
    Running running;
    std::weak_ptr<LoggingClient> watch;
    {
        auto client = running.Client(UnusedPort());
        client->Connect();
        watch = client;
    }
    UNTIL(watch.expired());
}

TEST(client_to_port_0_is_refused)
{
    Running running;
    auto server = running.StartedServer();
    auto client = running.Client(0);
    CHECK(client->Connect());
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events()[0], "client.onError" + ErrorText(asio::error::connection_refused));
    client->endpoint().port(server->port());
    CHECK(client->Connect());
    client->log.Wait("client.onConnected");
}

TEST(client_endpoint_that_was_changed_counts_from_the_next_connect)
{
    Connected connected;
    auto other = connected.StartedServer();
    CHECK(connected.client->SetupNoDelay(false));
    connected.client->endpoint().port(other->port());
    CHECK(connected.client->Reconnect());
    other->log.Wait("server.onConnected");
    connected.client->log.Wait("client.onConnected", 2);
    asio::ip::tcp::no_delay no_delay(true);
    connected.client->socket().get_option(no_delay);
    CHECK(!no_delay.value());
    CHECK_EQUAL(connected.client->socket().remote_endpoint().port(), other->port());
    CHECK(connected.client->Send("there") >= 5);
    UNTIL(other->bytes_received() == 5);
}

TEST(client_connects_again_in_on_disconnected_without_end)
{
    const size_t rounds = 500;
    Running running;
    auto server = running.Server();
    server->session_connected = [](LoggingSession& session) { session.Disconnect(); };
    server->Start();
    auto client = running.Client(server->port());
    const CppCommon::UUID id = client->id();
    client->disconnected = [&](LoggingClient& self)
    {
        if (self.log.Count("client.onDisconnected") < rounds)
            self.Connect();
    };
    client->Connect();
    client->log.Wait("client.onDisconnected", rounds);
    CHECK_EQUAL(client->log.Count("client.onConnected"), rounds);
    CHECK(client->id() == id);
}

TEST(client_retries_in_on_disconnected_until_the_server_is_there)
{
    Running running;
    const unsigned short port = UnusedPort();
    auto client = running.Client(port);
    client->disconnected = [](LoggingClient& self) { self.Connect(); };
    client->Connect();
    client->log.Wait("client.onDisconnected", 3);
    auto server = std::make_shared<LoggingServer>(running.service, "127.0.0.1", port);
    server->Start();
    client->log.Wait("client.onConnected");
}

TEST(client_connect_in_on_disconnected_does_not_keep_the_service_from_stopping)
{
    auto service = std::make_shared<LoggingService>();
    service->Start();
    auto client = std::make_shared<LoggingClient>(service, "127.0.0.1", UnusedPort());
    client->disconnected = [](LoggingClient& self) { self.Connect(); };
    client->Connect();
    client->log.Wait("client.onDisconnected", 2);
    service->Stop();
    const size_t ends = client->log.Count("client.onDisconnected");
    CHECK(!client->IsConnected());
    client->disconnected = nullptr;
    service->Start();
    service->Stop();
    CHECK_EQUAL(client->log.Count("client.onDisconnected"), ends);
}

TEST(client_reconnect_connects_anew)
{
    Connected connected;
    for (size_t round = 1; round <= 20; ++round)
    {
        CHECK(connected.client->Reconnect());
        // Waiting for the flag is enough: the old connection is gone when Reconnect() returns.
        UNTIL(connected.client->IsConnected());
        connected.client->log.Wait("client.onConnected", round + 1);
        CHECK_EQUAL(connected.client->log.Count("client.onDisconnected"), round);
        connected.server->log.Wait("server.onConnected", round + 1);
    }
}

TEST(client_reconnect_on_the_io_thread_does_not_wait)
{
    Connected connected(nullptr, [](LoggingClient& client)
    {
        client.connected = [](LoggingClient& self)
        {
            if (self.log.Count("client.onConnected") == 3)
                self.log.Add(self.Reconnect() ? "again" : "refused");
        };
    });
    connected.service->Post([&]() { connected.client->log.Add(connected.client->Reconnect() && connected.client->IsConnected() ? "returned" : "wrong"); });
    connected.client->log.Wait("client.onConnected", 2);
    CHECK(connected.client->log.Before("returned", "client.onDisconnected"));
    CHECK(connected.client->Reconnect());
    connected.client->log.Wait("again");
    connected.client->log.Wait("client.onConnected", 4);
}

TEST(client_reconnect_and_connect_in_on_disconnected_make_one_connection)
{
    Connected connected(nullptr, [](LoggingClient& client)
    {
        client.disconnected = [](LoggingClient& self)
        {
            if (self.log.Count("client.onDisconnected") == 1)
                self.log.Add(self.Connect() ? "connecting" : "refused");
        };
    });
    CHECK(connected.client->Reconnect());
    connected.client->log.Wait("client.onConnected", 2);
    connected.client->log.Wait("connecting");
    connected.server->log.Wait("server.onConnected", 2);
    connected.client->Disconnect();
    connected.client->log.Wait("client.onDisconnected", 2);
    connected.Settle();
    CHECK_EQUAL(connected.client->log.Count("client.onConnected"), 2u);
    CHECK(!connected.client->IsConnected());
}

TEST(client_reconnect_is_forgotten_after_disconnect)
{
    Connected connected;
    connected.service->Post([&]()
    {
        connected.client->Reconnect();
        connected.client->Disconnect();
    });
    connected.client->log.Wait("client.onDisconnected");
    connected.Settle();
    connected.Settle();
    CHECK(!connected.client->IsConnected());
    CHECK_EQUAL(connected.client->log.Count("client.onConnected"), 1u);
}

TEST(client_disconnect_cancels_a_connect_in_progress)
{
    auto service = std::make_shared<LoggingService>();
    auto client = std::make_shared<LoggingClient>(service, "127.0.0.1", UnusedPort());
    CHECK(client->Connect());
    CHECK(client->Disconnect());
    CHECK(!client->Disconnect());
    service->Start();
    client->log.Wait("client.onDisconnected");
    service->Stop();
    CHECK_EQUAL(client->log.Events().size(), 1u);
}

TEST(client_that_is_connected_lives_without_its_user)
{
    Running running;
    auto server = running.StartedServer();
    std::weak_ptr<LoggingClient> watch;
    {
        auto client = running.ConnectedClient(server->port());
        watch = client;
    }
    server->log.Wait("server.onConnected");
    CHECK_EQUAL(server->current_sessions(), 1u);
    auto client = watch.lock();
    CHECK(client && client->IsConnected());
    client->Disconnect();
    client->log.Wait("client.onDisconnected");
    client.reset();
    UNTIL(watch.expired());
}

TEST(client_gets_unhandled_bytes_again)
{
    Log log;
    Connected connected(nullptr, [&](LoggingClient& client)
    {
        client.received = [&](LoggingClient&, const std::string& text)
        {
            log.Add(text);
            return (text == "part") ? size_t(2) : text.size() + 100;
        };
    });
    connected.server->Multicast("part");
    log.Wait("part");
    connected.server->Multicast("more");
    log.Wait("rtmore");
    connected.server->Multicast("rest");
    log.Wait("rest");
}

TEST(client_sends_inside_on_sent)
{
    Connected connected(nullptr, [](LoggingClient& client)
    {
        client.connected = [](LoggingClient& self) { self.Send("0"); };
        client.sent = [](LoggingClient& self, size_t sent, size_t pending)
        {
            if (sent + pending == 0)
                self.log.Add("nothing was sent");
            if (self.bytes_sent() < 100)
                self.Send("x");
        };
        client.empty = [](LoggingClient& self) { self.log.Add("empty"); };
    });
    UNTIL(connected.server->bytes_received() == 100);
    connected.client->log.Wait("empty");
    CHECK_EQUAL(connected.client->log.Count("nothing was sent"), 0u);
}

TEST(client_counters_equal_those_of_the_server)
{
    Connected connected([](LoggingServer& server)
    {
        server.session_received = [](LoggingSession& session, const std::string& text) { session.Send(text); return text.size(); };
    });
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
}

TEST(client_learns_of_a_reset)
{
    Running running;
    RawPeer listener;
    auto client = running.Client(listener.Listen(1));
    client->Connect();
    RawPeer peer = listener.Accept();
    client->log.Wait("client.onConnected");
    peer.Reset();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events()[1], "client.onError" + ErrorText(asio::error::connection_reset));
}

TEST(client_sends_from_many_threads_arrive_whole)
{
    std::string received;
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession&, const std::string& text) { received += text; return text.size(); };
    });
    std::vector<std::thread> threads;
    for (char letter = 'a'; letter < 'i'; ++letter)
    {
        threads.emplace_back([&, letter]()
        {
            for (int i = 0; i < 500; ++i)
                connected.client->Send(std::string(100, letter));
        });
    }
    for (auto& thread : threads)
        thread.join();
    connected.client->Disconnect();
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(received.size(), 8u * 500 * 100);
    for (size_t i = 0; i < received.size(); i += 100)
        CHECK(received.compare(i, 100, std::string(100, received[i])) == 0);
}
