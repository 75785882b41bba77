// Life of a TCP server: start, stop, restart, multicast, counters.

#include "raw_peer.h"
#include "support.h"

using namespace Test;

TEST(server_constructors_store_the_endpoint)
{
    Running running;
    auto v4 = std::make_shared<LoggingServer>(running.service, InternetProtocol::IPv4, 1111);
    CHECK_EQUAL(Show(v4->endpoint()), std::string("0.0.0.0:1111"));
    auto v6 = std::make_shared<LoggingServer>(running.service, InternetProtocol::IPv6, 1112);
    CHECK_EQUAL(Show(v6->endpoint()), std::string("[::]:1112"));
    auto text = std::make_shared<LoggingServer>(running.service, "127.0.0.1", 65536 + 7);
    CHECK_EQUAL(Show(text->endpoint()), std::string("127.0.0.1:7"));
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v6::loopback(), 1113);
    auto given = std::make_shared<LoggingServer>(running.service, endpoint);
    CHECK_EQUAL(given->endpoint(), endpoint);
    CHECK_EQUAL(given->port(), 1113);
    CHECK(given->service() == running.service);
    CHECK(!given->IsStarted());
    CHECK(!given->acceptor().is_open());
}

TEST(server_constructor_refuses_a_name)
{
    Running running;
    try
    {
        std::make_shared<LoggingServer>(running.service, "localhost", 0);
        throw Failure("a name was taken");
    }
    catch (const asio::system_error& error)
    {
        CHECK(error.code() == asio::error::invalid_argument);
    }
}

TEST(server_starts_and_stops_in_order)
{
    Running running;
    auto server = running.Server();
    std::atomic<int> wrong(0);
    server->started = [&]() { wrong += !server->IsStarted(); };
    server->stopped = [&]() { wrong += server->IsStarted(); };
    CHECK(server->Start());
    UNTIL(server->IsStarted());
    CHECK(server->Stop());
    UNTIL(!server->IsStarted());
    server->log.Wait("server.onStopped");
    CHECK_EQUAL(server->log.Events(), (std::vector<std::string>{ "server.onStarted", "server.onStopped" }));
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(server_port_0_tells_the_real_port)
{
    Running running;
    auto server = running.Server();
    CHECK_EQUAL(server->port(), 0);
    server->Start();
    CHECK(server->port() != 0);
    server->log.Wait("server.onStarted");
    CHECK_EQUAL(server->endpoint().port(), 0);
    CHECK(server->acceptor().is_open());
    CHECK_EQUAL(server->acceptor().local_endpoint(), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), server->port()));
    CHECK(server->acceptor().native_handle() != CppServer::Compat::asio::detail::invalid_socket);
    server->Stop();
    server->log.Wait("server.onStopped");
    CHECK_EQUAL(server->port(), 0);
    CHECK_THROWS(server->acceptor().local_endpoint(), asio::system_error);
    asio::error_code ec;
    server->acceptor().local_endpoint(ec);
    CHECK(ec == asio::error::bad_descriptor);
}

TEST(server_start_twice_starts_once)
{
    Running running;
    auto server = running.Server();
    CHECK(server->Start());
    CHECK(!server->Start());
    server->log.Wait("server.onStarted");
    CHECK(!server->Start());
    running.Settle();
    CHECK_EQUAL(server->log.Count("server.onStarted"), 1u);
}

TEST(server_stop_right_after_start_works)
{
    Running running;
    auto server = running.Server();
    CHECK(!server->Stop());
    for (size_t round = 1; round <= 100; ++round)
    {
        CHECK(server->Start());
        CHECK(server->Stop());
        CHECK(!server->Stop());
        server->log.Wait("server.onStopped", round);
    }
    running.Settle();
    CHECK_EQUAL(server->log.Count("server.onStarted"), 100u);
    CHECK_EQUAL(server->log.Count("server.onStopped"), 100u);
}

TEST(server_started_before_its_service_starts_with_it)
{
    auto service = std::make_shared<LoggingService>();
    auto server = std::make_shared<LoggingServer>(service, "127.0.0.1", 0);
    CHECK(server->Start());
    CHECK(server->port() != 0);
    CHECK(!server->IsStarted());
    service->Start();
    server->log.Wait("server.onStarted");
    service->Stop();
    CHECK_EQUAL(server->log.Count("server.onStopped"), 1u);
}

TEST(server_bind_failure_is_told_to_the_server_and_the_service_lives)
{
    Running running;
    auto first = running.StartedServer();
    auto second = std::make_shared<LoggingServer>(running.service, "127.0.0.1", first->port());
    CHECK(second->Start());
    second->log.Wait("server.onStopped");
    CHECK_EQUAL(second->log.Events(), (std::vector<std::string>{ "server.onError" + ErrorText(asio::error::address_in_use), "server.onStopped" }));
    CHECK(!second->IsStarted());
    CHECK(!second->Stop());
    running.Settle();
    CHECK(running.service->IsStarted());
    for (const std::string& event : running.service->log.Events())
        CHECK(event.find("onError") == std::string::npos);
    first->Stop();
    first->log.Wait("server.onStopped");
    CHECK(second->Start());
    second->log.Wait("server.onStarted");
}

TEST(server_port_is_free_at_once_after_stop_with_connections)
{
    Running running;
    auto server = running.StartedServer();
    const auto port = server->port();
    auto client = running.ConnectedClient(port);
    server->log.Wait("server.onConnected");
    server->Stop();
    server->log.Wait("server.onDisconnected");
    client->log.Wait("client.onDisconnected");
    auto next = std::make_shared<LoggingServer>(running.service, "127.0.0.1", port);
    next->Start();
    next->log.Wait("server.onStarted");
    CHECK_EQUAL(next->log.Events().size(), 1u);
}

TEST(server_stop_tells_itself_first_then_the_sessions)
{
    std::atomic<uint64_t> during_stop(0);
    Connected connected([&](LoggingServer& server) { server.stopped = [&]() { during_stop = server.current_sessions(); }; });
    CHECK(connected.server->Stop());
    connected.server->log.Wait("server.onDisconnected");
    connected.client->log.Wait("client.onDisconnected");
    const std::vector<std::string> expected = { "server.onStarted", "session.onConnected", "server.onConnected", "server.onStopped", "session.onDisconnected", "server.onDisconnected" };
    CHECK_EQUAL(connected.server->log.Events(), expected);
    CHECK_EQUAL(during_stop.load(), 1u);
    CHECK_EQUAL(connected.client->log.Events(), (std::vector<std::string>{ "client.onConnected", "client.onError" + Eof(), "client.onDisconnected" }));
}

TEST(server_counts_a_session_until_its_last_callback)
{
    std::atomic<int> wrong(0);
    Connected connected([&](LoggingServer& server)
    {
        const auto check = [&](LoggingSession& session) { wrong += (session.Owner().current_sessions() != 1); };
        server.session_connected = check;
        server.connected = check;
        server.session_disconnected = check;
        server.disconnected = check;
    });
    CHECK_EQUAL(connected.server->current_sessions(), 1u);
    connected.client->Disconnect();
    connected.server->log.Wait("server.onDisconnected");
    UNTIL(connected.server->current_sessions() == 0);
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(server_restart_disconnects_and_serves_again)
{
    Running running;
    auto first = running.StartedServer();
    const auto port = first->port();
    first->Stop();
    first->log.Wait("server.onStopped");
    auto server = std::make_shared<LoggingServer>(running.service, "127.0.0.1", port);
    CHECK(!server->Restart());
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = running.ConnectedClient(port);
    server->log.Wait("server.onConnected");
    CHECK(server->Restart());
    server->log.Wait("server.onStarted", 2);
    client->log.Wait("client.onDisconnected");
    CHECK(server->log.Before("server.onStopped", "session.onDisconnected"));
    auto again = running.ConnectedClient(port);
    server->log.Wait("server.onConnected", 2);
    CHECK_EQUAL(server->port(), port);
}

TEST(server_restart_returns_after_the_stop_so_that_waiting_for_the_start_is_right)
{
    Running running;
    auto server = running.StartedServer();
    for (size_t round = 1; round <= 50; ++round)
    {
        CHECK(server->Restart());
        UNTIL(server->IsStarted());
        CHECK(server->log.Count("server.onStopped") >= round);
        auto client = running.ConnectedClient(server->port());
        client->Disconnect();
        client->log.Wait("client.onDisconnected");
    }
}

TEST(server_restart_on_the_io_thread_does_not_wait)
{
    Running running;
    auto server = running.StartedServer();
    running.service->Post([server]() { server->log.Add(server->Restart() && server->IsStarted() ? "returned" : "refused"); });
    server->log.Wait("server.onStarted", 2);
    CHECK(server->log.Before("returned", "server.onStopped"));
}

TEST(server_restart_before_the_service_runs_does_not_wait)
{
    auto service = std::make_shared<LoggingService>();
    auto server = std::make_shared<LoggingServer>(service, "127.0.0.1", 0);
    server->Start();
    server->Restart();
    service->Start();
    UNTIL(server->IsStarted());
    service->Stop();
}

TEST(server_restart_whose_port_is_gone_ends_stopped)
{
    Running running;
    auto server = std::make_shared<LoggingServer>(running.service, "127.0.0.1", UnusedPort());
    server->Start();
    server->log.Wait("server.onStarted");
    RawPeer thief;
    bool took = false;
    server->stopped = [&]()
    {
        if (!took)
            thief.Listen(1, server->endpoint().port());
        took = true;
    };
    CHECK(server->Restart());
    server->log.Wait("server.onStopped", 2);
    const std::vector<std::string> expected = { "server.onStarted", "server.onStopped", "server.onError" + ErrorText(asio::error::address_in_use), "server.onStopped" };
    CHECK_EQUAL(server->log.Events(), expected);
    CHECK(!server->IsStarted());
    thief.Close();
    UNTIL(server->Start());
    server->log.Wait("server.onStarted", 2);
}

TEST(server_restart_on_a_changed_endpoint_that_is_taken_ends_stopped)
{
    Running running;
    auto other = running.StartedServer();
    auto server = running.StartedServer();
    server->endpoint().port(other->port());
    CHECK(server->Restart());
    server->log.Wait("server.onStopped", 2);
    const std::vector<std::string> expected = { "server.onStarted", "server.onStopped", "server.onError" + ErrorText(asio::error::address_in_use), "server.onStopped" };
    CHECK_EQUAL(server->log.Events(), expected);
}

TEST(server_endpoint_that_was_changed_counts_from_the_next_start)
{
    Running running;
    auto server = running.StartedServer();
    const auto port = server->port();
    server->SetupKeepAlive(true);
    server->endpoint().address(asio::ip::address_v6::loopback());
    CHECK_EQUAL(server->port(), port);
    CHECK(server->Restart());
    server->log.Wait("server.onStarted", 2);
    CHECK(server->acceptor().local_endpoint().address().is_v6());
    auto client = std::make_shared<LoggingClient>(running.service, "::1", server->port());
    bool keeps_alive = false;
    server->session_connected = [&](LoggingSession& session)
    {
        asio::socket_base::keep_alive option;
        session.socket().get_option(option);
        keeps_alive = option.value();
    };
    client->Connect();
    server->log.Wait("server.onConnected");
    CHECK(keeps_alive);
    server->Stop();
    server->log.Wait("server.onStopped", 2);
    server->endpoint() = asio::ip::tcp::endpoint(asio::ip::tcp::v4(), 0);
    CHECK(server->Start());
    server->log.Wait("server.onStarted", 3);
    CHECK(server->acceptor().local_endpoint().address().is_v4());
}

TEST(server_on_any_ipv6_address_takes_ipv4)
{
    Running running;
    auto server = std::make_shared<LoggingServer>(running.service, InternetProtocol::IPv6, 0);
    server->session_connected = [](LoggingSession& session) { session.Owner().log.Add(session.socket().remote_endpoint().address().to_string()); };
    server->Start();
    auto v4 = running.ConnectedClient(server->port());
    server->log.Wait("::ffff:127.0.0.1");
    auto v6 = std::make_shared<LoggingClient>(running.service, "::1", server->port());
    v6->Connect();
    server->log.Wait("::1");
}

TEST(server_without_dual_stack_refuses_ipv4)
{
    Running running;
    auto server = std::make_shared<LoggingServer>(running.service, InternetProtocol::IPv6, 0);
    CHECK(server->SetupDualStack(false));
    server->Start();
    auto client = running.Client(server->port());
    client->Connect();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events()[0], "client.onError" + ErrorText(asio::error::connection_refused));
}

TEST(server_multicast_reaches_every_session)
{
    Running running;
    auto server = running.Server();
    CHECK(!server->Multicast("early"));
    server->Start();
    server->log.Wait("server.onStarted");
    CHECK(server->Multicast("nobody is there"));
    CHECK(!server->Multicast(nullptr, 5));
    CHECK(!server->Multicast("", 0));
    std::vector<std::shared_ptr<LoggingClient>> clients;
    for (int i = 0; i < 5; ++i)
        clients.push_back(running.ConnectedClient(server->port()));
    server->log.Wait("server.onConnected", 5);
    CHECK(server->Multicast("one "));
    CHECK(server->Multicast("two", 3));
    for (auto& client : clients)
        UNTIL(client->Received() == "one two");
    UNTIL(server->bytes_sent() == 35);
    server->Stop();
    server->log.Wait("server.onStopped");
    CHECK(!server->Multicast("late"));
}

TEST(server_disconnect_all_ends_every_session_and_goes_on)
{
    Running running;
    auto server = running.Server();
    CHECK(!server->DisconnectAll());
    server->Start();
    server->log.Wait("server.onStarted");
    auto first = running.ConnectedClient(server->port());
    auto second = running.ConnectedClient(server->port());
    server->log.Wait("server.onConnected", 2);
    CHECK(server->DisconnectAll());
    first->log.Wait("client.onDisconnected");
    second->log.Wait("client.onDisconnected");
    auto third = running.ConnectedClient(server->port());
    server->log.Wait("server.onConnected", 3);
    CHECK_EQUAL(server->log.Count("server.onStopped"), 0u);
}

TEST(server_counters_sum_up_and_are_kept_by_stop_and_reset_by_start)
{
    Running running;
    auto server = running.Server();
    server->session_received = [](LoggingSession& session, const std::string& text) { session.Send(text + text); return text.size(); };
    server->Start();
    server->log.Wait("server.onStarted");
    auto first = running.ConnectedClient(server->port());
    auto second = running.ConnectedClient(server->port());
    first->Send("12345");
    second->Send("123");
    UNTIL((first->ReceivedSize() == 10) && (second->ReceivedSize() == 6));
    UNTIL(server->bytes_sent() == 16);
    CHECK_EQUAL(server->bytes_received(), 8u);
    CHECK_EQUAL(first->bytes_sent(), 5u);
    CHECK_EQUAL(first->bytes_received(), 10u);
    server->Stop();
    server->log.Wait("server.onDisconnected", 2);
    CHECK_EQUAL(server->bytes_sent(), 16u);
    server->Start();
    server->log.Wait("server.onStarted", 2);
    CHECK_EQUAL(server->bytes_sent() + server->bytes_received(), 0u);
}

TEST(server_counters_are_read_by_another_thread_amid_traffic)
{
    const uint64_t messages = 300;
    const uint64_t size = 1000;
    Running running(2);
    auto server = running.Server();
    server->session_received = [](LoggingSession& session, const std::string& text) { session.Send(text); return text.size(); };
    server->Start();
    server->log.Wait("server.onStarted");
    std::vector<std::shared_ptr<LoggingClient>> clients;
    for (int i = 0; i < 4; ++i)
        clients.push_back(running.ConnectedClient(server->port()));
    const uint64_t all = messages * size * clients.size();
    std::atomic<bool> done(false);
    std::atomic<int> wrong(0);
    std::thread reader([&]()
    {
        uint64_t sent = 0;
        uint64_t received = 0;
        while (!done)
        {
            const uint64_t now_sent = server->bytes_sent();
            const uint64_t now_received = server->bytes_received();
            wrong += (now_sent < sent) || (now_received < received) || (now_sent > all) || (now_received > all);
            wrong += server->current_sessions() > clients.size();
            sent = now_sent;
            received = now_received;
            for (auto& client : clients)
                wrong += (client->bytes_sent() + client->bytes_received() > 2 * messages * size) || (client->bytes_pending() > messages * size);
        }
    });
    const std::string text(size, 'n');
    for (uint64_t i = 0; i < messages; ++i)
        for (auto& client : clients)
            client->Send(text);
    UNTIL((server->bytes_sent() == all) && (server->bytes_received() == all));
    done = true;
    reader.join();
    CHECK_EQUAL(wrong.load(), 0);
    CHECK_EQUAL(server->current_sessions(), clients.size());
}

TEST(server_that_runs_lives_without_its_user)
{
    Running running;
    std::weak_ptr<LoggingServer> watch;
    uint16_t port = 0;
    {
        auto server = running.StartedServer();
        port = server->port();
        watch = server;
    }
    auto client = running.ConnectedClient(port);
    auto server = watch.lock();
    CHECK(server != nullptr);
    server->log.Wait("server.onConnected");
    server->Stop();
    server->log.Wait("server.onDisconnected");
    server.reset();
    UNTIL(watch.expired());
}

TEST(server_and_sessions_hold_each_other_only_while_connected)
{
    Connected connected;
    std::weak_ptr<LoggingSession> session = connected.server->Last();
    CHECK(!session.expired());
    connected.client->Disconnect();
    connected.server->log.Wait("server.onDisconnected");
    UNTIL(session.expired());
    std::weak_ptr<LoggingServer> server = connected.server;
    connected.server->Stop();
    connected.server->log.Wait("server.onStopped");
    connected.server.reset();
    UNTIL(server.expired());
}

TEST(server_acceptor_close_stops_the_server)
{
    Running running;
    auto server = running.StartedServer();
    server->acceptor().close();
    server->log.Wait("server.onStopped");
    asio::error_code ec = asio::error::eof;
    server->acceptor().cancel(ec);
    CHECK(!ec);
    server->acceptor().cancel();
    server->acceptor().non_blocking(true);
    CHECK(server->acceptor().non_blocking());
}

TEST(server_acceptor_shows_its_options)
{
    Running running;
    auto server = running.StartedServer();
    asio::socket_base::reuse_address reuse;
    server->acceptor().get_option(reuse);
#if !defined(_WIN32)
    CHECK(reuse.value());
#endif
    asio::error_code ec;
    CHECK(!server->acceptor().set_option(asio::socket_base::receive_buffer_size(65536), ec));
    asio::socket_base::receive_buffer_size size;
    server->acceptor().get_option(size);
    CHECK_EQUAL(size.value(), 65536);
}

TEST(server_serves_on_several_threads)
{
    Running running(3);
    auto server = running.Server();
    server->session_received = [](LoggingSession& session, const std::string& text) { session.Send(text); return text.size(); };
    server->Start();
    server->log.Wait("server.onStarted");
    std::vector<std::shared_ptr<LoggingClient>> clients;
    for (int i = 0; i < 20; ++i)
        clients.push_back(running.ConnectedClient(server->port()));
    for (auto& client : clients)
        client->Send("echo");
    for (auto& client : clients)
        UNTIL(client->Received() == "echo");
    server->log.Wait("server.onConnected", 20);
    CHECK_EQUAL(server->current_sessions(), 20u);
    CHECK(server->Multicast("all"));
    for (auto& client : clients)
        UNTIL(client->Received() == "echoall");
}
