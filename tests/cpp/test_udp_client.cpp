// Datagrams seen from the client's side: connect, disconnect, reconnect, and errors.

#include "udp_support.h"

using namespace Test;
using CppServer::Asio::DisconnectReason;

namespace {

std::string OnError(asio::error::basic_errors error) { return "client.onError" + ErrorText(error); }

} // namespace

TEST(udp_client_constructors_store_the_endpoint)
{
    UdpRunning running;
    auto client = running.UdpClient(2222);
    CHECK_EQUAL(client->endpoint(), LocalEndpoint(2222));
    CHECK_EQUAL(client->port(), 2222);
    auto given = std::make_shared<LoggingUdpClient>(running.service, UdpEndpoint(asio::ip::address_v6::loopback(), 2223));
    CHECK_EQUAL(Show(given->endpoint()), std::string("[::1]:2223"));
    auto listening = std::make_shared<LoggingUdpClient>(running.service, "0.0.0.0", 2224, true);
    CHECK_EQUAL(Show(listening->endpoint()), std::string("0.0.0.0:2224"));
    auto both = std::make_shared<LoggingUdpClient>(running.service, LocalEndpoint(2225), false);
    CHECK_EQUAL(both->port(), 2225);
    CHECK(client->service() == running.service);
    CHECK(client->id() != given->id());
    CHECK(!client->IsConnected());
    CHECK(!client->socket().is_open());
    CHECK(!client->Disconnect());
    CHECK(!client->Reconnect());
    CHECK_EQUAL(client->Send("too early"), 0u);
    CHECK_EQUAL(client->Send(LocalEndpoint(1), "too early", 9), 0u);
    CHECK(client->disconnect_reason() == DisconnectReason::None);
    CHECK_THROWS(std::make_shared<LoggingUdpClient>(running.service, "localhost", 80), asio::system_error);
    CHECK_THROWS(std::make_shared<LoggingUdpClient>(running.service, "localhost", 80, true), asio::system_error);
}

TEST(udp_client_flag_is_right_inside_callbacks)
{
    std::atomic<int> wrong(0);
    UdpRunning running;
    auto server = running.EchoServer();
    auto client = running.UdpClient(server->port());
    client->connected = [&](LoggingUdpClient& self)
    {
        wrong += !self.IsConnected();
        wrong += !self.socket().is_open();
        wrong += self.Send("hello") < 5;
        wrong += self.Connect();
    };
    client->disconnected = [&](LoggingUdpClient& self)
    {
        wrong += self.IsConnected();
        wrong += self.Disconnect();
        wrong += self.Send("late") != 0;
    };
    CHECK(client->Connect());
    CHECK(!client->Connect());
    client->log.Wait("client.onReceived");
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
    CHECK(!client->IsConnected());
    CHECK(client->disconnect_reason() == DisconnectReason::Local);
    CHECK_EQUAL(client->log.Events(), (std::vector<std::string>{ "client.onConnected", "client.onReceived", "client.onDisconnected" }));
    CHECK_EQUAL(client->bytes_sent(), 5u);
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(udp_client_disconnect_twice_ends_once)
{
    UdpRunning running;
    auto client = running.ConnectedUdpClient(1);
    running.service->Post([&]() { client->log.Add((client->Disconnect() && !client->Disconnect()) ? "as promised" : "wrong"); });
    client->log.Wait("as promised");
    client->log.Wait("client.onDisconnected");
    running.Settle();
    CHECK_EQUAL(client->log.Count("client.onDisconnected"), 1u);
}

TEST(udp_client_hears_everybody_and_sends_to_everybody)
{
    UdpRunning running;
    auto server = running.EchoServer();
    auto stranger = running.EchoServer();
    auto client = running.ConnectedUdpClient(server->port());
    CHECK(client->Send("to the server") >= 13);
    client->log.Wait("client.onReceived");
    CHECK(client->Send(LocalEndpoint(stranger->port()), "to a stranger") >= 13);
    client->log.Wait("client.onReceived", 2);
    const std::vector<Datagram> datagrams = client->Datagrams();
    CHECK_EQUAL(datagrams[0].from, LocalEndpoint(server->port()));
    CHECK_EQUAL(datagrams[1].from, LocalEndpoint(stranger->port()));
    CHECK_EQUAL(datagrams[1].text, std::string("to a stranger"));
    CHECK_THROWS(client->socket().remote_endpoint(), asio::system_error);
}

TEST(udp_client_sends_where_its_endpoint_says)
{
    UdpRunning running;
    auto first = running.StartedUdpServer();
    auto second = running.StartedUdpServer();
    auto client = running.ConnectedUdpClient(first->port());
    const unsigned short own = client->socket().local_endpoint().port();
    client->Send("first");
    first->log.Wait("server.onReceived");
    client->endpoint().port(second->port());
    client->Send("second");
    second->log.Wait("server.onReceived");
    CHECK_EQUAL(second->Datagrams()[0].from.port(), own);
    // The version of IP is that of the endpoint when the client connects.
    client->endpoint() = UdpEndpoint(asio::ip::address_v6::loopback(), 1);
    CHECK(client->Reconnect());
    client->log.Wait("client.onConnected", 2);
    CHECK(client->socket().local_endpoint().address().is_v6());
}

TEST(udp_client_ends_after_a_datagram_that_is_too_large)
{
    UdpRunning running;
    auto server = running.EchoServer();
    auto client = running.UdpClient(server->port());
    client->disconnected = [](LoggingUdpClient& self)
    {
        self.log.Add(Show(self.disconnect_reason()));
        self.Connect();
    };
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK_EQUAL(client->Send(std::string(UDPClient::MaxDatagramSize() + 1, 'x')), 0u);
    client->log.Wait("client.onConnected", 2);
    CHECK_EQUAL(client->log.Events(),
        (std::vector<std::string>{ "client.onConnected", OnError(asio::error::message_size), "client.onDisconnected", Show(DisconnectReason::Error), "client.onConnected" }));
#if defined(__linux__)
    CHECK_EQUAL(client->log.Count("client.onError(90, asio.system, Message too long)"), 1u);
#endif
    // Inside a callback it is told after the callback.
    client->received = [](LoggingUdpClient& self, const UdpEndpoint& from, const std::string&)
    {
        self.Send(from, std::string(70000, 'x'));
        self.log.Add("callback ends");
    };
    client->log.Clear();
    client->Send("hello");
    client->log.Wait("client.onConnected");
    CHECK_EQUAL(client->log.Events(), (std::vector<std::string>{ "client.onReceived", "callback ends", OnError(asio::error::message_size),
        "client.onDisconnected", Show(DisconnectReason::Error), "client.onConnected" }));
    client->disconnected = nullptr;
}

TEST(udp_client_ends_once_after_several_datagrams_that_are_too_large)
{
    UdpRunning running;
    auto client = running.ConnectedUdpClient(1);
    running.service->Post([&]()
    {
        for (int round = 0; round < 5; ++round)
            client->Send(std::string(70000, 'x'));
    });
    client->log.Wait("client.onDisconnected");
    CHECK(client->Connect());
    client->log.Wait("client.onConnected", 2);
    running.Settle();
    CHECK(client->IsConnected());
    CHECK_EQUAL(client->log.Count("client.onDisconnected"), 1u);
}

TEST(udp_client_to_port_0_ends_when_it_sends)
{
    UdpRunning running;
    auto client = running.ConnectedUdpClient(0);
    CHECK_EQUAL(client->Send("nowhere"), 0u);
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Count(OnError(asio::error::invalid_argument)), 1u);
}

TEST(udp_client_ends_after_a_datagram_that_the_system_refuses)
{
#if defined(__linux__)
    UdpRunning running;
    auto client = std::make_shared<LoggingUdpClient>(running.service, "127.255.255.255", 9);
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK(client->Send("a broadcast without permission") > 0);
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Count(OnError(asio::error::access_denied)), 1u);
    CHECK(client->disconnect_reason() == DisconnectReason::Error);
    CHECK_EQUAL(client->datagrams_dropped(), 1u);
    CHECK(client->SetupBroadcast(true));
    client->Connect();
    client->log.Wait("client.onConnected", 2);
    CHECK(client->Send("a broadcast with permission") > 0);
    UNTIL(client->datagrams_sent() == 1);
    CHECK(client->IsConnected());
#endif
}

TEST(udp_client_stays_when_nobody_listens)
{
    UdpRunning running;
    const unsigned short port = UnusedUdpPort(running);
    auto client = running.ConnectedUdpClient(port);
    for (size_t round = 1; round <= 3; ++round)
    {
        CHECK(client->Send("anybody?") >= 8);
#if defined(__linux__)
        client->log.Wait(OnError(asio::error::connection_refused), round);
#endif
    }
    CHECK(client->IsConnected());
    auto server = std::make_shared<LoggingUdpServer>(running.service, "127.0.0.1", port);
    server->Start();
    server->log.Wait("server.onStarted");
    CHECK(client->Send("now?") >= 4);
    server->log.Wait("server.onReceived");
    // The server goes away and comes back.
    server->Stop();
    server->log.Wait("server.onStopped");
    CHECK(client->Send("still there?") >= 12);
    server->Start();
    server->log.Wait("server.onStarted", 2);
    UNTIL((client->Send("now?") >= 4) && (server->Count() >= 2));
    CHECK_EQUAL(client->log.Count("client.onDisconnected"), 0u);
}

TEST(udp_client_reconnect_opens_a_new_socket)
{
    UdpRunning running;
    auto server = running.EchoServer();
    auto client = running.ConnectedUdpClient(server->port());
    const CppCommon::UUID id = client->id();
    for (size_t round = 1; round <= 20; ++round)
    {
        CHECK(client->Reconnect());
        UNTIL(client->IsConnected());
        client->log.Wait("client.onConnected", round + 1);
        CHECK_EQUAL(client->log.Count("client.onDisconnected"), round);
        CHECK_EQUAL(client->bytes_sent(), 0u);
        CHECK(client->Send("again") >= 5);
        client->log.Wait("client.onReceived", round);
    }
    CHECK(client->id() == id);
}

TEST(udp_client_reconnect_and_connect_in_on_disconnected_connect_once)
{
    UdpRunning running;
    auto client = running.UdpClient(1);
    client->disconnected = [](LoggingUdpClient& self) { self.Connect(); };
    client->Connect();
    client->log.Wait("client.onConnected");
    for (size_t round = 1; round <= 20; ++round)
    {
        CHECK(client->Reconnect());
        client->log.Wait("client.onConnected", round + 1);
        running.Settle();
        CHECK_EQUAL(client->log.Count("client.onConnected"), round + 1);
        CHECK_EQUAL(client->log.Count("client.onDisconnected"), round);
    }
    client->disconnected = nullptr;
}

TEST(udp_client_connects_again_in_on_disconnected_without_end)
{
    const size_t rounds = 500;
    UdpRunning running;
    auto client = running.UdpClient(1);
    client->connected = [](LoggingUdpClient& self) { self.Disconnect(); };
    client->disconnected = [&](LoggingUdpClient& self)
    {
        if (self.log.Count("client.onDisconnected") < rounds)
            self.Connect();
    };
    client->Connect();
    client->log.Wait("client.onDisconnected", rounds);
    CHECK_EQUAL(client->log.Count("client.onConnected"), rounds);
}

TEST(udp_client_is_freed_when_it_is_disconnected)
{
    UdpRunning running;
    std::weak_ptr<LoggingUdpClient> watch = running.ConnectedUdpClient(1);
    running.Settle();
    CHECK(!watch.expired());
    watch.lock()->Disconnect();
    UNTIL(watch.expired());
}

TEST(udp_client_stops_with_its_service)
{
    auto service = std::make_shared<LoggingService>();
    service->Start();
    auto client = std::make_shared<LoggingUdpClient>(service, "127.0.0.1", 1);
    client->disconnected = [](LoggingUdpClient& self) { self.log.Add(self.Connect() ? "connects" : "refused"); };
    client->Connect();
    client->log.Wait("client.onConnected");
    service->Stop();
    CHECK_EQUAL(client->log.Events(), (std::vector<std::string>{ "client.onConnected", "client.onDisconnected", "refused" }));
    CHECK(client->disconnect_reason() == DisconnectReason::ServiceStopped);
    CHECK(!client->IsConnected());
}

TEST(udp_client_disconnect_sends_what_was_accepted)
{
    UdpRunning running;
    auto server = running.StartedUdpServer();
    auto client = running.UdpClient(server->port());
    client->connected = [](LoggingUdpClient& self)
    {
        for (int number = 0; number < 50; ++number)
            self.Send("last words");
        self.Disconnect();
    };
    client->Connect();
    client->log.Wait("client.onDisconnected");
    server->log.Wait("server.onReceived", 50);
    CHECK_EQUAL(client->datagrams_sent(), 50u);
}

TEST(udp_client_own_address_can_be_fixed)
{
    UdpRunning running;
    auto server = running.EchoServer();
    const unsigned short own = UnusedUdpPort(running);
    auto client = running.UdpClient(server->port());
    CHECK(!client->SetupBindAddress("nonsense"));
    CHECK(client->SetupBindAddress("127.0.0.1", own));
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK_EQUAL(client->socket().local_endpoint(), LocalEndpoint(own));
    CHECK(!client->SetupBindAddress(""));
    client->Send("hello");
    client->log.Wait("client.onReceived");
    CHECK_EQUAL(server->Datagrams()[0].from, LocalEndpoint(own));
    // It is kept when the endpoint changes, and freed with an empty address.
    client->endpoint().port(1);
    CHECK(client->Reconnect());
    client->log.Wait("client.onConnected", 2);
    CHECK_EQUAL(client->socket().local_endpoint(), LocalEndpoint(own));
    auto listening = std::make_shared<LoggingUdpClient>(running.service, "127.0.0.1", 0, true);
    CHECK(!listening->SetupBindAddress("127.0.0.1", own));
    // An address in use is told.
    auto other = running.UdpClient(server->port());
    CHECK(other->SetupBindAddress("127.0.0.1", own));
    CHECK(other->Connect());
    other->log.Wait("client.onDisconnected");
    CHECK_EQUAL(other->log.Events(), (std::vector<std::string>{ OnError(asio::error::address_in_use), "client.onDisconnected" }));
    CHECK(other->disconnect_reason() == DisconnectReason::Error);
}

TEST(udp_client_that_listens_has_its_own_address)
{
    UdpRunning running;
    auto client = std::make_shared<LoggingUdpClient>(running.service, "127.0.0.1", 0, true);
    CHECK_EQUAL(client->port(), 0);
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK_EQUAL(client->socket().local_endpoint(), LocalEndpoint(client->port()));
    asio::socket_base::reuse_address reuse;
    client->socket().get_option(reuse);
    CHECK(reuse.value());
    auto server = running.StartedUdpServer();
    CHECK(server->Send(LocalEndpoint(client->port()), "hello") >= 5);
    client->log.Wait("client.onReceived");

    // Only with permission of both can several have the address.
    auto second = std::make_shared<LoggingUdpClient>(running.service, LocalEndpoint(client->port()), true);
    second->Connect();
    second->log.Wait("client.onConnected");
    auto third = std::make_shared<LoggingUdpClient>(running.service, LocalEndpoint(client->port()), false);
    CHECK(third->Connect());
    third->log.Wait("client.onDisconnected");
    CHECK_EQUAL(third->log.Events(), (std::vector<std::string>{ OnError(asio::error::address_in_use), "client.onDisconnected" }));
    CHECK_EQUAL(running.service->log.Count("onError"), 0u);
}

TEST(udp_client_that_listens_sends_to_its_own_address)
{
    UdpRunning running;
    const unsigned short port = UnusedUdpPort(running);
    auto client = std::make_shared<LoggingUdpClient>(running.service, LocalEndpoint(port), true);
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK(client->Send("to myself") >= 9);
    client->log.Wait("client.onReceived");
    CHECK_EQUAL(client->Datagrams()[0].from, LocalEndpoint(port));
    CHECK_EQUAL(client->Texts(), std::vector<std::string>{ "to myself" });
}

TEST(udp_client_send_limit_can_end_it)
{
    UdpRunning running;
    auto server = running.StartedUdpServer();
    auto client = running.UdpClient(server->port());
    CHECK(client->SetupSendLimit(500, CppServer::Asio::SendPolicy::Disconnect));
    client->connected = [](LoggingUdpClient& self)
    {
        self.Send(std::string(400, 'x'));
        self.log.Add(Show(self.Send(std::string(400, 'x'))));
    };
    client->Connect();
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Count("0"), 1u);
    CHECK(client->disconnect_reason() == DisconnectReason::Limit);
}

TEST(udp_client_sends_from_many_threads_keep_their_order)
{
    UdpRunning running;
    auto server = running.UdpServer();
    CHECK(server->SetupReceiveBufferSize(4 * 1024 * 1024));
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = running.ConnectedUdpClient(server->port());
    const int count = 100;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 3; ++thread)
    {
        threads.emplace_back([&client, thread]()
        {
            for (int number = 0; number < count; ++number)
                client->Send(std::to_string(thread) + " " + std::to_string(number));
        });
    }
    for (std::thread& thread : threads)
        thread.join();
    server->log.Wait("server.onReceived", 3 * count);
    std::vector<int> next(3, 0);
    for (const std::string& text : server->Texts())
    {
        const size_t thread = static_cast<size_t>(text[0] - '0');
        CHECK_EQUAL(text, std::to_string(thread) + " " + std::to_string(next[thread]++));
    }
}
