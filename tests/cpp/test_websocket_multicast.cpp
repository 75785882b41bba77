// What goes to many WebSocket sessions: multicasts, filtered ones, topics.

#include "websocket_support.h"

using namespace Test;

typedef std::vector<std::string> Events;

TEST_BOTH(multicasts_arrive_in_the_order_of_the_calls)
{
    SocketPair<T> pair;
    auto second = pair.ConnectedClient();
    auto message = std::make_shared<WebSocketMessage::element_type>(opcode::binary);
    message->set_payload("object");
    // From the I/O thread, so that all of them wait for each other.
    pair.service->Post([&]()
    {
        CHECK(pair.server->Multicast("text 1"));
        CHECK(pair.server->Multicast("buffer", 6));
        CHECK(pair.server->Multicast(message));
        CHECK(pair.server->Multicast("text 2", 6, opcode::text));
        CHECK(pair.server->Multicast(std::string("bytes"), opcode::binary));
        CHECK(pair.server->Multicast(""));
    });
    for (auto& client : { pair.client, second })
    {
        client->log.Wait("client: ");
        CHECK_EQUAL(client->log.Events(), (Events{ "client.onConnected", "client: text 1", "client: binary buffer", "client: binary object",
            "client: text 2", "client: binary bytes", "client: " }));
    }
    UNTIL(pair.server->messages_sent() == 12);
}

TEST_BOTH(multicast_that_is_none_is_refused)
{
    SocketPair<T> pair;
    CHECK(!pair.server->Multicast(nullptr, 3));
    CHECK(!pair.server->Multicast("abc", 0));
    CHECK(!pair.server->Multicast(WebSocketMessage()));
    CHECK_EQUAL(pair.server->log.Events().size(), 3u);
    // Multicasting where the error is told does no harm.
    pair.server->error = [&]() { pair.server->Multicast("from onError"); };
    CHECK(!pair.server->Multicast("\xff\xfe"));
    CHECK_EQUAL(pair.server->log.Count("server.onError" + ProtocolError(websocketpp::processor::error::invalid_payload)), 1u);
    CHECK(!pair.server->Multicast(std::string("x"), opcode::ping));
    CHECK_EQUAL(pair.server->log.Count("server.onError" + ProtocolError(websocketpp::processor::error::invalid_opcode)), 1u);
    pair.client->log.Wait("client: from onError", 2);
    pair.server->error = nullptr;
    auto idle = T::template MakeServer<SocketServer<T>>(pair.service, "127.0.0.1", 0);
    CHECK(!idle->Multicast("not started"));
    CHECK(!idle->MulticastIf([](SocketSession<T>&) { return true; }, "not started"));
    CHECK_EQUAL(idle->Publish("topic", "not started"), 0u);
}

TEST_BOTH(multicast_goes_to_those_that_a_filter_wants)
{
    SocketHost<T> host([](SocketServer<T>& server)
    {
        server.session_received = [](SocketSession<T>& session, WebSocketMessage message)
        {
            // The filter may look at its session, send and multicast.
            session.Owner().MulticastIf([&](SocketSession<T>& other)
            {
                other.Send("asked");
                return other.id() != session.id();
            }, message);
        };
    });
    auto red = host.ConnectedClient("/red");
    auto blue = host.ConnectedClient("/blue");
    auto green = host.ConnectedClient("/green");
    CHECK(host.server->MulticastIf([](SocketSession<T>& session) { return session.target() != "/blue"; }, "no blue"));
    CHECK(host.server->MulticastIf([](SocketSession<T>& session) { return session.target() == "/blue"; }, "b", 1));
    CHECK(host.server->MulticastIf([](SocketSession<T>&) { return false; }, "nobody"));
    CHECK(!host.server->MulticastIf(nullptr, "nobody"));
    CHECK(host.server->Multicast("end"));
    for (auto& client : { red, blue, green })
        client->log.Wait("client: end");
    CHECK_EQUAL(red->log.Events(), (Events{ "client.onConnected", "client: no blue", "client: end" }));
    CHECK_EQUAL(green->log.Events(), red->log.Events());
    CHECK_EQUAL(blue->log.Events(), (Events{ "client.onConnected", "client: binary b", "client: end" }));
    red->Send("from red");
    blue->log.Wait("client: from red");
    green->log.Wait("client: from red");
    red->log.Wait("client: asked");
    CHECK_EQUAL(red->log.Count("client: from red"), 0u);
    CHECK(!host.server->MulticastIf([](SocketSession<T>&) { return true; }, "\xff"));
    CHECK_EQUAL(host.server->log.Count("server.onError" + ProtocolError(websocketpp::processor::error::invalid_payload)), 1u);
}

TEST_BOTH(topics_reach_their_subscribers)
{
    SocketHost<T> host([](SocketServer<T>& server)
    {
        server.session_connected = [](SocketSession<T>& session) { session.Subscribe(session.target().substr(1)); };
        server.session_received = [](SocketSession<T>& session, WebSocketMessage message)
        {
            if (message->get_payload() == "leave")
                session.Owner().log.Add(session.Unsubscribe("news.*") ? "left" : "stays");
            else
                session.Owner().log.Add("reached " + std::to_string(session.Publish("news.sport", message)));
        };
    });
    auto all = host.ConnectedClient("/news.*");
    auto sport = host.ConnectedClient("/news.sport");
    auto weather = host.ConnectedClient("/weather");
    CHECK_EQUAL(host.server->Publish("news.sport", "goal"), 2u);
    CHECK_EQUAL(host.server->Publish("news.art", "b", 1), 1u);
    CHECK_EQUAL(host.server->Publish("weather", "sun"), 1u);
    CHECK_EQUAL(host.server->Publish("nothing", "x"), 0u);
    all->log.Wait("client: binary b");
    CHECK_EQUAL(all->log.Events(), (Events{ "client.onConnected", "client: goal", "client: binary b" }));
    sport->log.Wait("client: goal");
    weather->log.Wait("client: sun");
    CHECK_EQUAL(weather->log.Events().size(), 2u);
    // What a session publishes does not come back to it.
    sport->Send("mine");
    all->log.Wait("client: mine");
    host.server->log.Wait("reached 1");
    CHECK_EQUAL(sport->log.Count("client: mine"), 0u);
    all->Send("leave");
    host.server->log.Wait("left");
    CHECK_EQUAL(host.server->Publish("news.sport", "only sport"), 1u);
    sport->log.Wait("client: only sport");
    // What is no topic.
    auto session = host.server->Last();
    CHECK(!session->Subscribe(""));
    CHECK(!session->Subscribe("a*b"));
    CHECK(session->Subscribe("twice") && session->Subscribe("twice"));
    CHECK_EQUAL(host.server->Publish("twice", "once"), 1u);
    weather->log.Wait("client: once");
    const std::string invalid = ProtocolError(websocketpp::processor::error::invalid_arguments);
    CHECK_EQUAL(host.server->Publish("news.*", "x"), 0u);
    CHECK_EQUAL(host.server->log.Count("server.onError" + invalid), 1u);
    CHECK_EQUAL(session->Publish("", "x"), 0u);
    CHECK_EQUAL(host.server->log.Count("session.onError" + invalid), 1u);
    CHECK_EQUAL(session->Publish("twice", "x", 1, opcode::close), 0u);
    CHECK_EQUAL(host.server->log.Count("session.onError" + ProtocolError(websocketpp::processor::error::invalid_opcode)), 1u);
    // The end of a session is the end of its subscriptions.
    weather->Disconnect();
    host.server->log.Wait("server.onDisconnected");
    UNTIL(host.server->Publish("weather", "rain") == 0);
    CHECK(!session->Subscribe("late"));
}

TEST_BOTH(filters_are_asked_while_sessions_come_and_go)
{
    Running running(2);
    auto server = T::template MakeServer<SocketServer<T>>(running.service, "127.0.0.1", 0);
    CHECK(server->Start());
    server->log.Wait("server.onStarted");
    std::vector<std::shared_ptr<SocketClient<T>>> clients;
    for (int i = 0; i < 4; ++i)
    {
        clients.push_back(T::template MakeClient<SocketClient<T>>(running.service, T::Scheme() + "127.0.0.1:" + std::to_string(server->port())));
        clients.back()->received = [](SocketClient<T>& client, WebSocketMessage) { client.Disconnect(); };
        clients.back()->disconnected = [](SocketClient<T>& client)
        {
            if (client.log.Count("client.onDisconnected") < 10)
                client.Connect();
            else
                client.log.Add("done");
        };
        clients.back()->Connect();
    }
    for (auto& client : clients)
    {
        UNTIL([&]()
        {
            server->MulticastIf([](SocketSession<T>& session) { return session.IsConnected() && !session.target().empty(); }, "go on");
            return client->log.Count("done") == 1;
        }());
    }
    UNTIL(server->current_sessions() == 0);
    CHECK_EQUAL(server->log.Count("session.onConnected"), 40u);
    CHECK_EQUAL(server->log.Count("server.onDisconnected"), 40u);
}
