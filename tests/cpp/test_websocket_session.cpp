// WebSocket connections from their begin to their end: the order of events, messages, closing.

#include "websocket_support.h"

using namespace Test;

typedef std::vector<std::string> Events;

TEST_BOTH(events_come_in_their_order)
{
    SocketPair<T> pair;
    CHECK_EQUAL(pair.server->log.Events(), (Events{ "server.onStarted", "session.onConnected", "server.onConnected" }));
    CHECK_EQUAL(pair.client->log.Events(), (Events{ "client.onConnected" }));
    CHECK_EQUAL(pair.server->current_sessions(), 1u);
    CHECK(pair.client->Disconnect());
    pair.WaitForEnd();
    CHECK_EQUAL(pair.server->log.Events(),
        (Events{ "server.onStarted", "session.onConnected", "server.onConnected", "session.onDisconnected", "server.onDisconnected" }));
    CHECK_EQUAL(pair.client->log.Events(), (Events{ "client.onConnected", "client.onDisconnected" }));
    UNTIL(pair.server->current_sessions() == 0);
}

TEST_BOTH(session_that_disconnects_is_told_alike)
{
    SocketPair<T> pair;
    CHECK(pair.server->Last()->Disconnect());
    pair.WaitForEnd();
    CHECK(pair.server->log.Before("session.onDisconnected", "server.onDisconnected"));
    CHECK_EQUAL(pair.client->log.Events(), (Events{ "client.onConnected", "client.onDisconnected" }));
    CHECK_EQUAL(pair.server->log.Events().size(), 5u);
    CHECK_EQUAL(pair.client->close_code(), 1000);
}

TEST_BOTH(flags_flip_before_their_callbacks)
{
    Log log;
    SocketPair<T> pair([&](SocketServer<T>& server)
    {
        server.session_connected = [&](SocketSession<T>& session) { log.Add(session.IsConnected() ? "in" : "out"); };
        server.session_disconnected = [&](SocketSession<T>& session) { log.Add(session.IsConnected() ? "in" : "out"); };
    },
    [&](SocketClient<T>& client)
    {
        CHECK(!client.IsConnected());
        client.connected = [&](SocketClient<T>& self) { log.Add(self.IsConnected() ? "client in" : "client out"); };
        client.disconnected = [&](SocketClient<T>& self) { log.Add(self.IsConnected() ? "client in" : "client out"); };
    });
    CHECK(!pair.client->Connect());
    pair.client->Disconnect();
    pair.WaitForEnd();
    pair.Settle();
    for (const char* event : { "in", "out", "client in", "client out" })
        CHECK_EQUAL(log.Count(event), 1u);
    CHECK_EQUAL(pair.client->Send("late"), 0u);
    CHECK(!pair.client->Disconnect());
    CHECK_EQUAL(pair.client->log.Events().size(), 2u);
}

TEST_BOTH(messages_keep_their_opcode_payload_and_size)
{
    SocketPair<T> pair([](SocketServer<T>& server)
    {
        server.session_received = [](SocketSession<T>& session, WebSocketMessage message) { session.Send(message); };
    });
    CHECK_EQUAL(pair.client->Send("a text"), 6u);
    pair.client->log.Wait("client: a text");
    CHECK_EQUAL(pair.client->Send("abc", 3), 3u);
    pair.client->log.Wait("client: binary abc");
    CHECK_EQUAL(pair.client->Send("text as bytes", 13, opcode::text), 13u);
    pair.client->log.Wait("client: text as bytes");
    CHECK_EQUAL(pair.client->Send(std::string("\xff\0\xfe", 3), opcode::binary), 3u);
    pair.client->log.Wait(std::string("client: binary \xff\0\xfe", 18));
    // An empty text is sent, and its size is 0.
    CHECK_EQUAL(pair.client->Send(""), 0u);
    pair.client->log.Wait("client: ");
    // Nothing is sent of nothing.
    CHECK_EQUAL(pair.client->Send(nullptr, 3), 0u);
    CHECK_EQUAL(pair.client->Send("abc", 0), 0u);
    CHECK_EQUAL(pair.client->Send(WebSocketMessage()), 0u);
    CHECK_EQUAL(pair.client->Send("last"), 4u);
    pair.client->log.Wait("client: last");
    CHECK_EQUAL(pair.client->log.Events().size(), 7u);
    UNTIL(pair.server->messages_sent() == 6);
    CHECK_EQUAL(pair.server->messages_received(), 6u);
    CHECK_EQUAL(pair.server->bytes_received(), 29u);
    CHECK_EQUAL(pair.server->bytes_sent(), 29u);
    CHECK_EQUAL(pair.client->messages_received(), 6u);
    UNTIL(pair.client->messages_sent() == 6);
    CHECK_EQUAL(pair.client->bytes_sent(), 29u);
    CHECK_EQUAL(pair.client->bytes_received(), 29u);
    CHECK_EQUAL(pair.client->bytes_pending(), 0u);
    auto session = pair.server->Last();
    CHECK_EQUAL(session->messages_sent() + session->messages_received(), 12u);
    CHECK_EQUAL(session->bytes_sent() + session->bytes_received(), 58u);
}

TEST_BOTH(received_messages_may_be_kept_changed_and_sent_on)
{
    WebSocketMessage kept;
    SocketPair<T> pair(nullptr, [&](SocketClient<T>& client)
    {
        client.received = [&](SocketClient<T>&, WebSocketMessage message)
        {
            if (!kept)
                kept = message;
        };
    });
    CHECK(pair.server->Multicast(std::string(100000, 'x'), opcode::binary));
    pair.client->log.Wait("client: binary " + std::string(100000, 'x'));
    pair.Settle();
    CHECK_EQUAL(kept->get_payload().size(), 100000u);
    kept->get_raw_payload().resize(3);
    kept->append_payload("yz");
    CHECK_EQUAL(pair.client->Send(kept), 5u);
    pair.server->log.Wait("session: binary xxxyz");
    kept->set_opcode(opcode::text);
    CHECK_EQUAL(pair.client->Send(kept), 5u);
    pair.server->log.Wait("session: xxxyz");
    auto own = std::make_shared<WebSocketMessage::element_type>(opcode::binary);
    own->set_payload("own", 3);
    CHECK_EQUAL(pair.server->Last()->Send(own), 3u);
    pair.client->log.Wait("client: binary own");
}

TEST_BOTH(large_messages_arrive_whole)
{
    SocketPair<T> pair;
    const std::string large(8 * 1024 * 1024, 'l');
    CHECK_EQUAL(pair.client->Send(large), large.size());
    pair.server->log.Wait("session: " + large);
    CHECK_EQUAL(pair.server->Last()->Send(large.data(), large.size()), large.size());
    pair.client->log.Wait("client: binary " + large);
}

TEST_BOTH(messages_above_32000000_bytes_end_the_connection)
{
    SocketPair<T> pair;
    const std::string most(32000000, 'm');
    CHECK_EQUAL(pair.client->Send(most), most.size());
    UNTIL(pair.server->bytes_received() == most.size());
    CHECK_EQUAL(pair.client->Send(most + "m"), most.size() + 1);
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->close_code(), 1009);
    CHECK_EQUAL(pair.server->log.Count("session.onError" + ProtocolError(websocketpp::processor::error::message_too_big)), 1u);
    CHECK_EQUAL(pair.server->messages_received(), 1u);
}

TEST_BOTH(limits_of_messages_can_be_chosen)
{
    SocketPair<T> pair([](SocketServer<T>& server)
    {
        CHECK(server.SetupMessageLimit(10));
        CHECK(server.SetupFrameLimit(5));
        CHECK(server.SetupFragmentLimit(3));
    });
    CHECK(pair.client->SendPart("12345", false));
    CHECK(pair.client->SendPart("67890", true));
    pair.server->log.Wait("session: 1234567890");
    pair.client->Send("123456");
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->close_code(), 1009);
}

TEST_BOTH(parts_make_one_message)
{
    SocketPair<T> pair;
    // The parts cut a letter.
    CHECK(pair.client->SendPart("gr\xc3", false));
    CHECK(pair.client->Ping("between"));
    CHECK(pair.client->SendPart("\xbc\xc3", false));
    CHECK_EQUAL(pair.client->Send("waits"), 5u);
    CHECK(pair.client->SendPart("\x9f" "e", true));
    pair.server->log.Wait("session: waits");
    CHECK(pair.server->log.Before("session: gr\xc3\xbc\xc3\x9f" "e", "session: waits"));
    CHECK(pair.server->log.Before("session.onPing(between)", "session: waits"));
    auto session = pair.server->Last();
    CHECK(session->SendPart("\x00\x01", 2, false));
    CHECK(session->SendPart(nullptr, 0, true));
    pair.client->log.Wait(std::string("client: binary \0\x01", 17));
    CHECK(!session->SendPart("ping", 4, true, opcode::ping));
    CHECK_EQUAL(pair.server->log.Count("session.onError" + ProtocolError(websocketpp::processor::error::invalid_opcode)), 1u);
}

TEST_BOTH(pings_are_answered_and_told)
{
    SocketPair<T> pair;
    CHECK(pair.client->Ping("are you there"));
    pair.server->log.Wait("session.onPing(are you there)");
    pair.client->log.Wait("client.onPong(are you there)");
    CHECK(pair.server->Last()->Ping());
    pair.client->log.Wait("client.onPing()");
    pair.server->log.Wait("session.onPong()");
    CHECK(pair.client->Pong("unasked"));
    pair.server->log.Wait("session.onPong(unasked)");
    CHECK(!pair.client->Ping(std::string(126, 'p')));
    CHECK_EQUAL(pair.client->log.Count("client.onError" + ProtocolError(websocketpp::processor::error::control_too_big)), 1u);
    CHECK_EQUAL(pair.server->messages_received(), 0u);
}

TEST_BOTH(silent_peers_are_pinged)
{
    // The interval is the time for an answer, too, which takes long on a busy machine.
    SocketPair<T> pair([](SocketServer<T>& server) { CHECK(server.SetupPingInterval(std::chrono::milliseconds(200))); });
    pair.client->log.Wait("client.onPing()", 3);
    pair.server->log.Wait("session.onPong()", 3);
    CHECK_EQUAL(pair.server->log.Count("session.onDisconnected"), 0u);
}

TEST(websocket_peer_that_does_not_answer_pings_is_left)
{
    SocketHost<PlainSockets> host([](SocketServer<PlainSockets>& server) { server.SetupPingInterval(std::chrono::milliseconds(20)); });
    RawPeer peer = RawSocket(host.server->port());
    host.server->log.Wait("server.onConnected");
    auto session = host.server->Last();
    host.server->log.Wait("server.onDisconnected");
    CHECK(session->disconnect_reason() == CppServer::Asio::DisconnectReason::Timeout);
    CHECK_EQUAL(host.server->log.Events().size(), 6u);
}

TEST_BOTH(codes_and_reasons_reach_the_peer)
{
    SocketPair<T> pair;
    auto session = pair.server->Last();
    CHECK_EQUAL(session->close_code(), 0);
    CHECK(pair.client->Disconnect(4321, "enough of it"));
    pair.WaitForEnd();
    CHECK_EQUAL(session->close_code(), 4321);
    CHECK_EQUAL(session->close_reason(), std::string("enough of it"));
    // The answer to it.
    CHECK_EQUAL(pair.client->close_code(), 4321);
    CHECK(session->disconnect_reason() == CppServer::Asio::DisconnectReason::PeerClosed);
    CHECK(pair.client->disconnect_reason() == CppServer::Asio::DisconnectReason::Local);
    // A new connection knows nothing of it.
    CHECK(pair.client->Connect());
    pair.client->log.Wait("client.onConnected", 2);
    CHECK_EQUAL(pair.client->close_code(), 0);
    pair.server->log.Wait("server.onConnected", 2);
    CHECK(pair.server->Last()->Disconnect(status::going_away, std::string(122, 'r') + "\xc3\xa4"));
    pair.WaitForEnd(2);
    CHECK_EQUAL(pair.client->close_code(), 1001);
    CHECK_EQUAL(pair.client->close_reason(), std::string(122, 'r'));
}

TEST_BOTH(codes_0_and_1005_say_nothing)
{
    SocketPair<T> pair;
    size_t round = 0;
    for (const auto code : { status::blank, status::no_status })
    {
        CHECK(pair.client->Disconnect(code, (code == status::blank) ? "dropped" : ""));
        pair.WaitForEnd(++round);
        CHECK_EQUAL(pair.client->log.Events().size(), 2 * round);
        CHECK(pair.client->Connect());
        pair.client->log.Wait("client.onConnected", round + 1);
    }
    RawPeer peer;
    auto client = std::make_shared<SocketClient<PlainSockets>>(pair.service, "ws://127.0.0.1:" + std::to_string(peer.Listen(1)));
    client->Connect();
    RawPeer accepted = peer.Accept();
    accepted.ReceiveUntil("\r\n\r\n");
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
}

TEST_BOTH(forbidden_codes_are_told_and_the_connection_stays)
{
    using namespace websocketpp::processor::error;
    SocketPair<T> pair;
    auto session = pair.server->Last();
    const std::pair<int, processor_errors> wrong[] = { { 1, invalid_close_code }, { 2, invalid_close_code }, { 999, invalid_close_code },
        { 1006, invalid_close_code }, { 1015, invalid_close_code }, { 5000, invalid_close_code }, { 65535, invalid_close_code },
        { 1004, reserved_close_code }, { 1014, reserved_close_code }, { 1016, reserved_close_code }, { 2999, reserved_close_code },
        { 1005, reason_requires_code } };
    std::map<processor_errors, size_t> counts;
    for (const auto& entry : wrong)
    {
        const size_t count = ++counts[entry.second];
        CHECK(session->Disconnect(static_cast<status::value>(entry.first), "why"));
        pair.server->log.Wait("session.onError" + ProtocolError(entry.second), count);
        CHECK(pair.client->Disconnect(static_cast<status::value>(entry.first), "why"));
        pair.client->log.Wait("client.onError" + ProtocolError(entry.second), count);
        CHECK(pair.client->error_thread.load() != std::this_thread::get_id());
    }
    CHECK(session->IsConnected() && pair.client->IsConnected());
    CHECK_EQUAL(pair.client->Send("still here"), 10u);
    pair.server->log.Wait("session: still here");
}

TEST_BOTH(second_disconnect_and_send_after_it_are_told)
{
    const std::string invalid = SocketError(websocketpp::error::invalid_state);
    SocketPair<T> pair([](SocketServer<T>& server)
    {
        server.session_received = [](SocketSession<T>& session, WebSocketMessage)
        {
            session.Owner().log.Add(session.Disconnect() ? "first" : "refused");
            session.Owner().log.Add(session.Disconnect() ? "second" : "refused");
            session.Owner().log.Add((session.Send("too late") == 0) ? "unsent" : "sent");
        };
    });
    pair.client->Send("go");
    pair.WaitForEnd();
    pair.server->log.Wait("session.onError" + invalid, 2);
    CHECK_EQUAL(pair.server->log.Count("first") + pair.server->log.Count("second") + pair.server->log.Count("unsent"), 3u);
    // Of Send() at once, of Disconnect() later.
    CHECK(pair.server->log.Before("second", "session.onError" + invalid));
    CHECK(pair.server->log.Before("session.onError" + invalid, "unsent"));
    CHECK_EQUAL(pair.server->log.Count("session.onDisconnected"), 1u);
    CHECK_EQUAL(pair.client->log.Events().size(), 2u);
}

TEST_BOTH(disconnect_delivers_what_was_sent_before)
{
    SocketPair<T> pair([](SocketServer<T>& server)
    {
        server.session_connected = [](SocketSession<T>& session)
        {
            for (int i = 0; i < 100; ++i)
                session.Send(std::string(100000, 'd'));
            session.Send("bye");
            session.Disconnect(4000, "done");
        };
    });
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->messages_received(), 101u);
    CHECK_EQUAL(pair.client->log.Count("client: bye"), 1u);
    CHECK_EQUAL(pair.client->close_reason(), std::string("done"));
}

TEST_BOTH(lost_connections_are_no_errors)
{
    SocketPair<T> pair;
    auto session = pair.server->Last();
    pair.service->Post([&]() { pair.client->socket().close(); });
    pair.WaitForEnd();
    CHECK_EQUAL(pair.server->log.Events().size(), 5u);
    CHECK_EQUAL(pair.client->log.Events(), (Events{ "client.onConnected", "client.onDisconnected" }));
    CHECK_EQUAL(session->close_code(), 0);
    auto again = pair.ConnectedClient();
    pair.service->Post([&]() { again->socket().shutdown(asio::ip::tcp::socket::shutdown_send); });
    pair.server->log.Wait("server.onDisconnected", 2);
    CHECK_EQUAL(pair.server->log.Events().size(), 9u);
}

TEST(websocket_reset_is_no_error)
{
    SocketHost<PlainSockets> host;
    RawPeer peer = RawSocket(host.server->port());
    peer.ReceiveUntil("\r\n\r\n");
    host.server->log.Wait("server.onConnected");
    peer.Reset();
    host.server->log.Wait("server.onDisconnected");
    CHECK_EQUAL(host.server->log.Events().size(), 5u);
}

TEST(websocket_peer_that_breaks_the_protocol_is_told)
{
    using namespace websocketpp::processor::error;
    SocketHost<PlainSockets> host;
    const std::pair<std::string, processor_errors> wrong[] = { { "\x81\x02hi", protocol_violation }, { RawFrame(0x83, "x"), protocol_violation },
        { RawFrame(0x80, "x"), protocol_violation }, { RawFrame(0x81, "\xff\xfe"), invalid_payload } };
    size_t round = 0;
    std::map<processor_errors, size_t> counts;
    for (const auto& entry : wrong)
    {
        RawPeer peer = RawSocket(host.server->port());
        peer.ReceiveUntil("\r\n\r\n");
        peer.Send(entry.first);
        const std::string close = ReadRawFrame(peer);
        CHECK_EQUAL(close.substr(0, 3), (entry.second == invalid_payload) ? "\x88\x03\xef" : "\x88\x03\xea");
        host.server->log.Wait("session.onError" + ProtocolError(entry.second), ++counts[entry.second]);
        peer.Close();
        host.server->log.Wait("server.onDisconnected", ++round);
    }
}

TEST_BOTH(clients_reconnect_in_every_way)
{
    std::atomic<bool> comes_back(false);
    SocketPair<T> pair(nullptr, [&](SocketClient<T>& client)
    {
        client.disconnected = [&](SocketClient<T>& self)
        {
            if (comes_back)
                self.Connect();
        };
    });
    const CppCommon::UUID id = pair.client->id();
    CHECK(pair.client->Reconnect());
    pair.client->log.Wait("client.onConnected", 2);
    pair.server->log.Wait("server.onConnected", 2);
    CHECK_EQUAL(pair.client->log.Events(), (Events{ "client.onConnected", "client.onDisconnected", "client.onConnected" }));
    comes_back = true;
    for (size_t round = 3; round < 10; ++round)
    {
        CHECK(pair.server->DisconnectAll());
        pair.client->log.Wait("client.onConnected", round);
        pair.server->log.Wait("server.onConnected", round);
    }
    CHECK_EQUAL(pair.client->Send("there"), 5u);
    pair.server->log.Wait("session: there");
    CHECK(id == pair.client->id());
    comes_back = false;
}

TEST_BOTH(server_restarts_on_its_port_with_sessions)
{
    std::atomic<bool> comes_back(true);
    SocketPair<T> pair(nullptr, [&](SocketClient<T>& client)
    {
        client.disconnected = [&](SocketClient<T>& self)
        {
            if (comes_back)
                self.Connect();
        };
    });
    const auto port = pair.server->port();
    for (size_t round = 2; round < 6; ++round)
    {
        // The side that closes first keeps the port busy, if nobody asks the system not to mind.
        CHECK(pair.server->Last()->Disconnect());
        pair.client->log.Wait("client.onConnected", 2 * round - 2);
        pair.server->log.Wait("server.onConnected", 2 * round - 2);
        CHECK(pair.server->Restart());
        pair.server->log.Wait("server.onStarted", round);
        CHECK_EQUAL(pair.server->port(), port);
        UNTIL(pair.client->Connect() || pair.client->IsConnected());
        pair.client->log.Wait("client.onConnected", 2 * round - 1);
        pair.server->log.Wait("server.onConnected", 2 * round - 1);
    }
    CHECK(pair.server->Stop());
    pair.server->log.Wait("server.onStopped", 5);
    comes_back = false;
}

TEST_BOTH(server_stop_comes_before_the_ends_of_sessions)
{
    SocketPair<T> pair;
    CHECK(pair.server->Stop());
    CHECK(!pair.server->Stop());
    pair.WaitForEnd();
    CHECK(pair.server->log.Before("server.onStopped", "session.onDisconnected"));
    // Going away.
    CHECK_EQUAL(pair.client->close_code(), 1001);
    CHECK(!pair.server->Multicast("nobody"));
    CHECK(!pair.server->DisconnectAll());
}

TEST_BOTH(clients_and_servers_live_without_their_users)
{
    std::weak_ptr<SocketClient<T>> client;
    std::weak_ptr<SocketServer<T>> server;
    SocketPair<T> pair;
    client = pair.client;
    server = pair.server;
    pair.client.reset();
    CHECK(server.lock()->Multicast("to the one that nobody holds"));
    UNTIL(client.lock()->log.Count("client: to the one that nobody holds") == 1);
    pair.server.reset();
    client.lock()->Send("to the server that nobody holds");
    UNTIL(server.lock()->log.Count("session: to the server that nobody holds") == 1);
    pair.service->Stop();
    CHECK(client.expired() && server.expired());
}

TEST_BOTH(client_may_be_used_from_many_threads)
{
    SocketPair<T> pair;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
    {
        threads.emplace_back([&]()
        {
            for (int round = 0; round < 200; ++round)
                pair.client->Send("x");
        });
    }
    for (auto& thread : threads)
        thread.join();
    UNTIL(pair.server->messages_received() == 800);
    CHECK_EQUAL(pair.server->bytes_received(), 800u);
}

TEST_BOTH(send_limit_refuses_and_on_empty_tells_when_to_go_on)
{
    SocketPair<T> pair([](SocketServer<T>& server)
    {
        CHECK(server.SetupSendLimit(100000));
        server.session_empty = [](SocketSession<T>& session) { session.Owner().log.Add("empty"); };
        server.session_received = [](SocketSession<T>& session, WebSocketMessage)
        {
            // Inside a callback nothing leaves.
            size_t taken = 0;
            while (session.Send(std::string(1000, 's')) == 1000)
                ++taken;
            session.Owner().log.Add((taken >= 90) && (taken < 100) && (session.bytes_pending() > 90000) ? "full" : std::to_string(taken));
        };
    });
    CHECK_EQUAL(pair.client->Send("fill"), 4u);
    pair.server->log.Wait("full");
    pair.server->log.Wait("empty");
    // The limit is no error.
    CHECK_EQUAL(pair.server->log.Events().size(), 6u);
    CHECK_EQUAL(pair.server->Last()->Send("goes on"), 7u);
    pair.client->log.Wait("client: goes on");
}

TEST_BOTH(reading_can_be_paused)
{
    SocketPair<T> pair;
    CHECK(pair.client->PauseReceiving());
    pair.Settle();
    CHECK(pair.server->Multicast("waits"));
    UNTIL(pair.server->bytes_sent() == 5);
    pair.Settle();
    CHECK_EQUAL(pair.client->log.Count("client: waits"), 0u);
    CHECK(pair.client->ResumeReceiving());
    pair.client->log.Wait("client: waits");
}

TEST_BOTH(deflate_is_agreed_on_where_both_want_it)
{
    const std::string text(10000, 'z');
    for (const bool takeover : { false, true })
    {
        SocketHost<T> host([&](SocketServer<T>& server)
        {
            CHECK(server.SetupDeflate(true) && server.SetupDeflateLevel(9) && server.SetupDeflateWindowBits(12));
            CHECK(server.SetupDeflateThreshold(10) && server.SetupDeflateTakeover(takeover));
            CHECK(!server.SetupDeflateLevel(10));
            CHECK(!server.SetupDeflateWindowBits(8));
            server.session_received = [](SocketSession<T>& session, WebSocketMessage message) { session.Send(message); };
        });
        auto plain = host.ConnectedClient();
        CHECK(!plain->IsCompressed() && !host.server->Last()->IsCompressed());
        auto client = host.ConnectedClient("", [](SocketClient<T>& self) { CHECK(self.SetupDeflate(true)); });
        CHECK(client->IsCompressed() && host.server->Last()->IsCompressed());
        for (auto& each : { plain, client })
        {
            CHECK_EQUAL(each->Send(text), text.size());
            CHECK_EQUAL(each->Send("s"), 1u);
            each->log.Wait("client: " + text);
            each->log.Wait("client: s");
            CHECK_EQUAL(each->bytes_received(), text.size() + 1);
        }
        CHECK(host.server->Multicast(text, opcode::binary));
        plain->log.Wait("client: binary " + text);
        client->log.Wait("client: binary " + text);
    }
}

TEST_BOTH(exceptions_of_callbacks_go_to_the_service)
{
    SocketPair<T> pair([](SocketServer<T>& server)
    {
        server.session_received = [](SocketSession<T>&, WebSocketMessage) { throw std::system_error(std::make_error_code(std::errc::io_error)); };
    });
    pair.client->Send("provoke");
    pair.service->log.Wait("onError(5, generic, Input/output error)");
    CHECK(pair.server->Multicast("goes on"));
    pair.client->log.Wait("client: goes on");
}

TEST_BOTH(messages_that_are_kept_stay_as_they_are)
{
    Log log;
    std::vector<WebSocketMessage> kept;
    SocketPair<T> pair(nullptr, [&](SocketClient<T>& client)
    {
        client.received = [&](SocketClient<T>&, WebSocketMessage message)
        {
            log.Add((message->get_fin() && message->get_header().empty()) ? message->get_payload() : "spoilt");
            if (message->get_payload()[0] == 'k')
                kept.push_back(message);
            // What somebody does with a message is not seen on the next one.
            message->set_fin(false);
            message->set_header("header");
        };
    });
    for (const char* text : { "keep 1", "drop 1", "keep 2", "keep 3", "drop 2" })
        pair.server->Multicast(text, 6, opcode::text);
    log.Wait("drop 2");
    pair.Settle();
    CHECK_EQUAL(log.Count("spoilt"), 0u);
    CHECK_EQUAL(kept.size(), 3u);
    for (size_t index = 0; index < kept.size(); ++index)
        CHECK_EQUAL(kept[index]->get_payload(), "keep " + std::to_string(index + 1));
}

TEST(websocket_session_that_throws_in_its_constructor_is_not_opened)
{
    class Refusing;
    class RefusingServer : public CppServer::Asio::WebSocketServer<RefusingServer, Refusing>
    {
    public:
        using CppServer::Asio::WebSocketServer<RefusingServer, Refusing>::WebSocketServer;
    };
    class Refusing : public CppServer::Asio::WebSocketSession<RefusingServer, Refusing>
    {
    public:
        explicit Refusing(std::shared_ptr<CppServer::Asio::WebSocketServer<RefusingServer, Refusing>> server) : WebSocketSession(server)
        {
            throw std::system_error(std::make_error_code(std::errc::not_enough_memory));
        }
    };
    Running running;
    auto server = std::make_shared<RefusingServer>(running.service, "127.0.0.1", 0);
    CHECK(server->Start());
    RawPeer peer = RawSocket(server->port());
    peer.ReceiveAll();
    running.service->log.Wait("onError(12, generic, Cannot allocate memory)");
    CHECK_EQUAL(server->current_sessions(), 0u);
}
