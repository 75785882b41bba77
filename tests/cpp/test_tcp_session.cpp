// Connections seen from the server's side: order of callbacks, data, ends.

#include "raw_peer.h"
#include "support.h"

using namespace Test;

TEST(session_connects_before_its_server_is_told)
{
    std::atomic<int> wrong(0);
    Connected connected([&](LoggingServer& server)
    {
        server.session_created = [&](LoggingSession& session) { wrong += session.IsConnected(); };
        server.session_connected = [&](LoggingSession& session)
        {
            wrong += !session.IsConnected();
            wrong += session.bytes_sent() + session.bytes_received() != 0;
            wrong += !session.socket().is_open();
            wrong += session.socket().remote_endpoint().address() != asio::ip::address_v4::loopback();
            wrong += session.socket().local_endpoint().port() != session.server()->port();
            wrong += session.service() != session.server()->service();
            wrong += session.Send("hello") < 5;
        };
        server.session_disconnected = [&](LoggingSession& session)
        {
            wrong += session.IsConnected();
            wrong += session.socket().is_open();
            wrong += session.Send("late") != 0;
            wrong += session.Disconnect();
        };
    });
    UNTIL(connected.client->Received() == "hello");
    connected.client->Disconnect();
    connected.server->log.Wait("server.onDisconnected");
    const std::vector<std::string> expected = { "server.onStarted", "session.onConnected", "server.onConnected", "session.onError" + Eof(), "session.onDisconnected", "server.onDisconnected" };
    CHECK_EQUAL(connected.server->log.Events(), expected);
    CHECK_EQUAL(connected.client->log.Events().back(), std::string("client.onDisconnected"));
    CHECK_EQUAL(connected.client->log.Count("client.onError" + Eof()), 0u);
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(session_disconnect_is_an_end_of_file_for_the_client)
{
    Connected connected;
    auto session = connected.server->Last();
    CHECK(session->Disconnect());
    connected.client->log.Wait("client.onDisconnected");
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(connected.server->log.Events(), (std::vector<std::string>{ "server.onStarted", "session.onConnected", "server.onConnected", "session.onDisconnected", "server.onDisconnected" }));
    CHECK_EQUAL(connected.client->log.Events(), (std::vector<std::string>{ "client.onConnected", "client.onError" + Eof(), "client.onDisconnected" }));
    CHECK(!session->IsConnected());
    CHECK(session->disconnect_reason() == CppServer::Asio::DisconnectReason::Local);
    CHECK(connected.client->disconnect_reason() == CppServer::Asio::DisconnectReason::PeerClosed);
    CHECK(!session->Disconnect());
}

TEST(session_and_client_pause_and_resume)
{
    std::atomic<bool> pause(true);
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession& session, const std::string& text)
        {
            session.Owner().log.Add("session got " + text);
            if (pause.exchange(false))
                CHECK(session.PauseReceiving());
            return text.size();
        };
    });
    connected.client->Send("first");
    connected.server->log.Wait("session got first");
    CHECK(connected.client->PauseReceiving());
    connected.client->Send("second");
    // What the server sends is told only after the client's own resume.
    auto session = connected.server->Last();
    session->Send("answer");
    connected.Settle();
    CHECK_EQUAL(connected.server->log.Count("session got second"), 0u);
    CHECK_EQUAL(connected.client->Received(), std::string());
    CHECK(session->ResumeReceiving());
    connected.server->log.Wait("session got second");
    CHECK(connected.client->ResumeReceiving());
    UNTIL(connected.client->Received() == "answer");
    connected.client->Disconnect();
    connected.server->log.Wait("server.onDisconnected");
    CHECK(!session->PauseReceiving());
    CHECK(!session->ResumeReceiving());
}

TEST(session_disconnect_twice_ends_once)
{
    Connected connected([](LoggingServer& server)
    {
        server.session_received = [](LoggingSession& session, const std::string& text)
        {
            session.Owner().log.Add(session.Disconnect() ? "first true" : "first false");
            session.Owner().log.Add(session.Disconnect() ? "second true" : "second false");
            return text.size();
        };
    });
    connected.client->Send("bye");
    connected.server->log.Wait("server.onDisconnected");
    connected.Settle();
    CHECK_EQUAL(connected.server->log.Count("session.onDisconnected"), 1u);
    CHECK_EQUAL(connected.server->log.Count("server.onDisconnected"), 1u);
    CHECK_EQUAL(connected.server->log.Count("first true"), 1u);
    CHECK_EQUAL(connected.server->log.Count("second false"), 1u);
}

TEST(session_reset_by_the_peer_is_an_error)
{
    Running running;
    auto server = running.StartedServer();
    RawPeer peer(server->port());
    server->log.Wait("server.onConnected");
    peer.Reset();
    server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(server->log.Count("session.onError" + ErrorText(asio::error::connection_reset)), 1u);
    CHECK_EQUAL(server->log.Count("session.onError" + Eof()), 0u);
}

TEST(session_half_closed_by_the_peer_is_closed)
{
    Running running;
    auto server = running.Server();
    server->session_received = [](LoggingSession& session, const std::string& text) { session.Send(text); return text.size(); };
    server->Start();
    RawPeer peer(server->port());
    peer.Send("last words");
    peer.ShutdownSend();
    CHECK_EQUAL(peer.ReceiveAll(), std::string("last words"));
    server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(server->log.Count("session.onError" + Eof()), 1u);
    CHECK(server->log.Before("session.onError" + Eof(), "session.onDisconnected"));
}

TEST(session_gets_unhandled_bytes_again_in_front_of_new_ones)
{
    Log log;
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession&, const std::string& text)
        {
            log.Add(text);
            return (text == "part") ? size_t(2) : text.size();
        };
    });
    connected.client->Send("part");
    log.Wait("part");
    connected.client->Send("more");
    log.Wait("rtmore");
    CHECK_EQUAL(log.Events().size(), 2u);
    UNTIL(connected.server->bytes_received() == 8);
}

TEST(session_that_handles_nothing_gets_everything_again)
{
    Log log;
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession&, const std::string& text)
        {
            log.Add(text);
            return size_t(0);
        };
    });
    connected.client->Send("a");
    log.Wait("a");
    connected.client->Send("b");
    log.Wait("ab");
    connected.client->Send("c");
    log.Wait("abc");
}

TEST(session_that_claims_more_than_there_is_handles_all)
{
    Log log;
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession&, const std::string& text)
        {
            log.Add(text);
            return text.size() + 1000;
        };
    });
    connected.client->Send("one");
    log.Wait("one");
    connected.client->Send("two");
    log.Wait("two");
    CHECK_EQUAL(log.Events().size(), 2u);
}

TEST(session_send_tells_what_is_pending)
{
    Log log;
    Connected connected([&](LoggingServer& server)
    {
        server.session_connected = [&](LoggingSession& session)
        {
            const size_t first = session.Send("12345", 5);
            const size_t second = session.Send(std::string("678"));
            log.Add((first >= 5) && (second >= 8) ? "pending" : "wrong");
            log.Add((session.Send(nullptr, 5) == 0) && (session.Send("x", 0) == 0) && (session.Send("") == 0) ? "nothing" : "wrong");
            log.Add(session.bytes_pending() == 8 ? "8" : "wrong");
        };
        server.session_sent = [&](LoggingSession& session, size_t sent, size_t pending)
        {
            log.Add("sent " + std::to_string(sent) + ", pending " + std::to_string(pending) + ", counted " + std::to_string(session.bytes_sent()) + " and "
                + std::to_string(session.Owner().bytes_sent()));
        };
        server.session_empty = [&](LoggingSession& session) { log.Add(session.bytes_pending() == 0 ? "empty" : "wrong"); };
    });
    UNTIL(connected.client->Received() == "12345678");
    log.Wait("empty");
    CHECK_EQUAL(log.Events(), (std::vector<std::string>{ "pending", "nothing", "8", "sent 8, pending 0, counted 8 and 8", "empty" }));
}

TEST(session_sends_inside_on_sent)
{
    Connected connected([](LoggingServer& server)
    {
        server.session_connected = [](LoggingSession& session) { session.Send("0"); };
        server.session_sent = [](LoggingSession& session, size_t, size_t)
        {
            if (session.bytes_sent() < 100)
                session.Send("x");
        };
    });
    UNTIL(connected.client->ReceivedSize() == 100);
}

TEST(session_sends_inside_on_empty)
{
    Connected connected([](LoggingServer& server)
    {
        server.session_connected = [](LoggingSession& session) { session.Send("0"); };
        server.session_empty = [](LoggingSession& session)
        {
            if (session.bytes_sent() < 100)
                session.Send("x");
        };
    });
    UNTIL(connected.client->ReceivedSize() == 100);
}

TEST(session_disconnect_delivers_what_was_sent_before)
{
    const size_t size = 8 * 1024 * 1024;
    Connected connected([&](LoggingServer& server)
    {
        server.session_connected = [&](LoggingSession& session)
        {
            session.Send(std::string(size, 'x'));
            session.Disconnect();
        };
    });
    connected.client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(connected.client->ReceivedSize(), size);
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(connected.server->bytes_sent(), size);
}

TEST(session_is_given_all_bytes_after_disconnect_of_the_client)
{
    const size_t size = 4 * 1024 * 1024;
    std::atomic<size_t> received(0);
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession&, const std::string& text) { received += text.size(); return text.size(); };
    });
    CHECK(connected.client->Send(std::string(size, 'y')) >= size);
    CHECK(connected.client->Disconnect());
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(received.load(), size);
    CHECK_EQUAL(connected.server->bytes_received(), size);
    CHECK_EQUAL(connected.client->bytes_sent(), size);
}

TEST(session_gets_nothing_after_disconnect_in_a_callback)
{
    Connected connected([](LoggingServer& server)
    {
        server.session_received = [](LoggingSession& session, const std::string& text)
        {
            session.Disconnect();
            return text.size();
        };
    });
    connected.client->Send("first");
    connected.server->log.Wait("session.onReceived");
    connected.client->Send("second");
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(connected.server->log.Count("session.onReceived"), 1u);
}

TEST(session_queue_has_no_limit_and_a_large_one_is_not_slow)
{
    // A queue whose front is erased byte by byte or that is copied for every piece would never end here.
    const size_t piece = 1000;
    const size_t count = 64 * 1024;
    Running running;
    auto server = running.StartedServer();
    auto client = running.Client(server->port());
    std::atomic<size_t> received(0);
    server->session_received = [&](LoggingSession&, const std::string& text) { received += text.size(); return text.size(); };
    client->Connect();
    client->log.Wait("client.onConnected");
    const std::string text(piece, 'z');
    running.service->Post([&]()
    {
        size_t pending = 0;
        for (size_t i = 0; i < count; ++i)
            pending = client->Send(text);
        client->log.Add((pending == piece * count) ? "all pending" : "some are missing");
    });
    client->log.Wait("all pending");
    UNTIL(received == piece * count);
    CHECK_EQUAL(client->bytes_sent(), piece * count);
    CHECK_EQUAL(client->bytes_pending(), 0u);
}

TEST(session_that_leaves_much_unhandled_is_not_disconnected)
{
    const size_t size = 20 * 1024 * 1024;
    std::atomic<size_t> seen(0);
    Connected connected([&](LoggingServer& server)
    {
        server.session_received = [&](LoggingSession&, const std::string& text)
        {
            seen = text.size();
            return (text.size() < size) ? size_t(0) : text.size();
        };
    });
    connected.client->SetupSendBufferSize(4 * 1024 * 1024);
    connected.client->Send(std::string(size, 'q'));
    UNTIL(seen == size);
    CHECK_EQUAL(connected.server->log.Count("session.onDisconnected"), 0u);
}

TEST(session_ids_are_unique_and_ascend)
{
    Running running;
    auto server = running.Server();
    std::vector<CppCommon::UUID> ids;
    server->session_connected = [&](LoggingSession& session) { ids.push_back(session.id()); };
    server->Start();
    for (int i = 0; i < 10; ++i)
    {
        auto client = running.ConnectedClient(server->port());
        server->log.Wait("server.onConnected", static_cast<size_t>(i) + 1);
    }
    for (size_t i = 1; i < ids.size(); ++i)
        CHECK(ids[i - 1] < ids[i]);
}

TEST(session_object_outlives_the_connection_when_it_is_kept)
{
    std::shared_ptr<LoggingSession> session;
    {
        Connected connected;
        session = connected.server->Last();
        connected.client->Send("12345");
        UNTIL(session->bytes_received() == 5);
        connected.client->Disconnect();
        connected.server->log.Wait("server.onDisconnected");
    }
    CHECK_EQUAL(session->bytes_received(), 5u);
    CHECK_EQUAL(session->Send("late"), 0u);
    CHECK(!session->IsConnected());
    CHECK(!session->socket().is_open());
    CHECK_THROWS(session->socket().remote_endpoint(), asio::system_error);
    CHECK_THROWS(session->socket().available(), asio::system_error);
    CHECK_THROWS(session->socket().set_option(asio::ip::tcp::no_delay(true)), asio::system_error);
    CHECK_THROWS(session->socket().shutdown(asio::ip::tcp::socket::shutdown_both), asio::system_error);
    CHECK(!session->SetupNoDelay(true));
    CHECK(session->server()->service() != nullptr);
}

TEST(session_socket_close_ends_the_connection)
{
    Connected connected;
    auto session = connected.server->Last();
    connected.service->Post([session]() { session->socket().close(); });
    connected.client->log.Wait("client.onDisconnected");
    connected.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(connected.server->log.Count("session.onError" + Eof()), 0u);
}

TEST(session_socket_shutdown_sends_the_end_of_file)
{
    Connected connected;
    auto session = connected.server->Last();
    connected.service->Post([session]() { session->socket().shutdown(asio::ip::tcp::socket::shutdown_send); });
    connected.client->log.Wait("client.onError" + Eof());
    connected.client->log.Wait("client.onDisconnected");
    connected.server->log.Wait("server.onDisconnected");
}

TEST(session_socket_has_the_members_of_asio)
{
    Connected connected;
    auto session = connected.server->Last();
    asio::ip::tcp::socket& socket = session->socket();
    CHECK(socket.is_open());
    CHECK(socket.native_handle() != CppServer::Compat::asio::detail::invalid_socket);
    CHECK(&socket.lowest_layer() == &socket);
    CHECK_EQUAL(socket.remote_endpoint(), connected.client->socket().local_endpoint());
    CHECK_EQUAL(socket.local_endpoint(), connected.client->socket().remote_endpoint());
    CHECK_EQUAL(socket.available(), 0u);
    asio::error_code ec = asio::error::eof;
    CHECK(!socket.cancel(ec));
    socket.cancel();
    CHECK(!socket.non_blocking());
    socket.non_blocking(true);
    CHECK(socket.non_blocking());
    CHECK(!socket.non_blocking(false, ec));
    socket.set_option(asio::ip::tcp::no_delay(false));
    asio::ip::tcp::no_delay no_delay(true);
    socket.get_option(no_delay);
    CHECK(!no_delay.value());
    socket.set_option(asio::socket_base::linger(true, 3));
    asio::socket_base::linger linger;
    CHECK(!socket.get_option(linger, ec));
    CHECK(linger.enabled());
    CHECK_EQUAL(linger.timeout(), 3);
    asio::ip::tcp::socket empty(connected.service->service());
    CHECK(!empty.is_open());
    CHECK_THROWS(empty.local_endpoint(), asio::system_error);
    asio::ip::tcp::socket moved(std::move(empty));
    CHECK(!moved.is_open());
    connected.Settle();
}
