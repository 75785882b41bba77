// Datagrams seen from the server's side: start, stop, restart, send, receive.

#include "udp_support.h"

#include <algorithm>

using namespace Test;

namespace {

std::string OnError(asio::error::basic_errors error) { return "server.onError" + ErrorText(error); }

} // namespace

TEST(udp_server_constructors_store_the_endpoint)
{
    UdpRunning running;
    auto any = std::make_shared<LoggingUdpServer>(running.service, InternetProtocol::IPv4, 2222);
    CHECK_EQUAL(Show(any->endpoint()), std::string("0.0.0.0:2222"));
    CHECK_EQUAL(any->port(), 2222);
    auto any6 = std::make_shared<LoggingUdpServer>(running.service, InternetProtocol::IPv6, 2223);
    CHECK_EQUAL(Show(any6->endpoint()), std::string("[::]:2223"));
    auto named = std::make_shared<LoggingUdpServer>(running.service, "127.0.0.1", 2224);
    CHECK_EQUAL(named->endpoint(), LocalEndpoint(2224));
    auto given = std::make_shared<LoggingUdpServer>(running.service, LocalEndpoint(2225));
    CHECK_EQUAL(given->endpoint(), LocalEndpoint(2225));
    CHECK_EQUAL(given->multicast_endpoint(), UdpEndpoint());
    CHECK(given->service() == running.service);
    CHECK(!given->IsStarted());
    CHECK(!given->socket().is_open());
    CHECK(!given->Stop());
    CHECK(!given->Restart());
    CHECK_EQUAL(given->Send(LocalEndpoint(1), "too early"), 0u);
    CHECK_EQUAL(given->Multicast("too early"), 0u);
    CHECK_EQUAL(given->bytes_sent() + given->bytes_received() + given->datagrams_sent() + given->datagrams_received(), 0u);
    CHECK_THROWS(std::make_shared<LoggingUdpServer>(running.service, "localhost", 80), asio::system_error);
}

TEST(udp_server_flag_is_right_inside_callbacks)
{
    std::atomic<int> wrong(0);
    UdpRunning running;
    auto server = running.UdpServer();
    server->started = [&](LoggingUdpServer& self)
    {
        wrong += !self.IsStarted();
        wrong += !self.socket().is_open();
        wrong += self.Start();
    };
    server->stopped = [&](LoggingUdpServer& self)
    {
        wrong += self.IsStarted();
        wrong += self.socket().is_open();
        wrong += self.Stop();
        wrong += self.Send(LocalEndpoint(1), "late") != 0;
    };
    CHECK(server->Start());
    CHECK(!server->Start());
    CHECK(server->port() != 0);
    CHECK_EQUAL(server->endpoint().port(), 0);
    server->log.Wait("server.onStarted");
    CHECK_EQUAL(server->socket().local_endpoint(), LocalEndpoint(server->port()));
    CHECK(server->Stop());
    server->log.Wait("server.onStopped");
    CHECK(!server->IsStarted());
    CHECK_EQUAL(server->log.Events(), (std::vector<std::string>{ "server.onStarted", "server.onStopped" }));
    CHECK_EQUAL(wrong.load(), 0);
}

TEST(udp_server_keeps_itself_alive_until_it_is_stopped)
{
    UdpRunning running;
    std::weak_ptr<LoggingUdpServer> watch = running.StartedUdpServer();
    running.Settle();
    CHECK(!watch.expired());
    watch.lock()->Stop();
    UNTIL(watch.expired());
}

TEST(udp_server_echoes_and_counts)
{
    UdpRunning running;
    auto server = running.EchoServer();
    std::vector<std::string> events;
    auto client = running.UdpClient(server->port());
    client->sent = [&](LoggingUdpClient&, const UdpEndpoint& to, size_t sent, size_t pending)
    {
        events.push_back(Show(to == LocalEndpoint(server->port())) + " " + Show(sent) + " " + Show(pending));
    };
    client->Connect();
    client->log.Wait("client.onConnected");
    CHECK(client->Send("hello") >= 5);
    client->log.Wait("client.onReceived");
    CHECK_EQUAL(client->Texts(), std::vector<std::string>{ "hello" });
    CHECK_EQUAL(client->Datagrams()[0].from, LocalEndpoint(server->port()));
    CHECK_EQUAL(server->Datagrams()[0].from.port(), client->socket().local_endpoint().port());
    UNTIL((server->datagrams_sent() == 1) && (client->datagrams_received() == 1) && (server->datagrams_received() == 1));
    CHECK_EQUAL(server->bytes_received(), 5u);
    CHECK_EQUAL(server->bytes_sent(), 5u);
    CHECK_EQUAL(client->bytes_sent(), 5u);
    CHECK_EQUAL(client->bytes_received(), 5u);
    CHECK_EQUAL(client->datagrams_sent(), 1u);
    CHECK_EQUAL(client->bytes_pending(), 0u);
    running.Settle();
    CHECK_EQUAL(events, std::vector<std::string>{ "true 5 0" });
}

TEST(udp_server_counts_before_it_tells)
{
    UdpRunning running;
    auto server = running.UdpServer();
    std::vector<uint64_t> counts;
    server->received = [&](LoggingUdpServer& self, const UdpEndpoint&, const std::string&)
    {
        counts.push_back(self.datagrams_received());
        counts.push_back(self.bytes_received());
    };
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = running.UdpClient(server->port());
    client->connected = [](LoggingUdpClient& self)
    {
        self.Send("abc");
        self.Send("de");
    };
    client->Connect();
    server->log.Wait("server.onReceived", 2);
    running.Settle();
    CHECK_EQUAL(Show(counts[0]) + " " + Show(counts[1]) + " " + Show(counts[2]) + " " + Show(counts[3]), std::string("1 3 2 5"));
}

TEST(udp_one_call_is_one_datagram_in_order)
{
    // All calls were one datagram once, to the address of the last one.
    UdpRunning running;
    auto first = running.StartedUdpServer();
    auto second = running.StartedUdpServer();
    auto sender = running.UdpServer();
    std::vector<std::string> sent;
    sender->started = [&](LoggingUdpServer& self)
    {
        for (int number = 0; number < 10; ++number)
            self.Send(LocalEndpoint(((number % 2) == 0) ? first->port() : second->port()), "number " + std::to_string(number));
    };
    sender->sent = [&](LoggingUdpServer& self, const UdpEndpoint& to, size_t size, size_t pending)
    {
        sent.push_back((to.port() == first->port()) ? "first" : "second");
        if ((size != 8) || (pending != 0))
            self.log.Add("wrong");
        if (sent.size() == 10)
            self.log.Add("all sent");
    };
    sender->Start();
    sender->log.Wait("all sent");
    first->log.Wait("server.onReceived", 5);
    second->log.Wait("server.onReceived", 5);
    CHECK_EQUAL(first->Texts(), (std::vector<std::string>{ "number 0", "number 2", "number 4", "number 6", "number 8" }));
    CHECK_EQUAL(second->Texts(), (std::vector<std::string>{ "number 1", "number 3", "number 5", "number 7", "number 9" }));
    // Each has its own callback; between different destinations there is no order.
    CHECK_EQUAL(std::count(sent.begin(), sent.end(), std::string("first")), 5);
    CHECK_EQUAL(sender->log.Count("wrong"), 0u);
}

TEST(udp_datagrams_of_all_sizes)
{
    UdpRunning running;
    auto server = running.EchoServer();
    auto client = running.ConnectedUdpClient(server->port());
    const std::vector<size_t> sizes = { 0, 1, 8192, 8193, UDPClient::MaxDatagramSize(), 0, 3 };
    size_t count = 0;
    for (size_t size : sizes)
    {
        CHECK(client->Send(std::string(size, 'x')) >= size);
        client->log.Wait("client.onReceived", ++count);
        const Datagram back = client->Datagrams().back();
        CHECK_EQUAL(back.text.size(), size);
        CHECK(back.text == std::string(size, 'x'));
        CHECK(!back.truncated);
    }
    CHECK_EQUAL(server->Count(), sizes.size());
    CHECK_EQUAL(client->Send(nullptr, 0), 0u);
    client->log.Wait("client.onReceived", ++count);
    CHECK_EQUAL(client->Send(nullptr, 3), 0u);
}

TEST(udp_server_survives_datagrams_that_cannot_be_sent)
{
    UdpRunning running;
    auto server = running.StartedUdpServer();
    auto receiver = running.StartedUdpServer();
    const std::string large(UDPServer::MaxDatagramSize() + 1, 'x');
    const UdpEndpoint to = LocalEndpoint(receiver->port());
    std::string details;
    server->error = [&](LoggingUdpServer& self) { details += self.error_details() + "\n"; };
    CHECK_EQUAL(server->Send(to, large), 0u);
    server->log.Wait(OnError(asio::error::message_size));
    CHECK_EQUAL(server->Send(to, std::string(70000, 'x')), 0u);
    server->log.Wait(OnError(asio::error::message_size), 2);
#if defined(__linux__)
    CHECK_EQUAL(server->log.Count("server.onError(90, asio.system, Message too long)"), 2u);
#endif
    // Without a destination, to no port, in the other version of IP.
    CHECK_EQUAL(server->Multicast("nowhere"), 0u);
    server->log.Wait(OnError(asio::error::invalid_argument));
    CHECK_EQUAL(server->Send(LocalEndpoint(0), "nowhere"), 0u);
    server->log.Wait(OnError(asio::error::invalid_argument), 2);
    CHECK_EQUAL(server->Send(UdpEndpoint(asio::ip::address_v6::loopback(), 1), "nowhere"), 0u);
    server->log.Wait(OnError(asio::error::address_family_not_supported));
    CHECK(server->IsStarted());
    CHECK(server->Send(to, "it goes on") >= 10);
    receiver->log.Wait("server.onReceived");
    CHECK_EQUAL(receiver->Texts(), std::vector<std::string>{ "it goes on" });
    running.Settle();
    CHECK(details.find("65507 bytes at most") != std::string::npos);
    CHECK_EQUAL(running.service->log.Count("onError"), 0u);
}

TEST(udp_server_tells_that_nobody_listens_and_goes_on)
{
    UdpRunning running;
    const unsigned short unused = UnusedUdpPort(running);
    auto server = running.StartedUdpServer();
    auto receiver = running.StartedUdpServer();
    CHECK(server->Send(LocalEndpoint(unused), "anybody?") >= 8);
#if defined(__linux__)
    // Other systems do not tell it to a socket that has no peer.
    server->log.Wait(OnError(asio::error::connection_refused));
#endif
    CHECK(server->Send(LocalEndpoint(receiver->port()), "hello") >= 5);
    receiver->log.Wait("server.onReceived");
    CHECK(server->IsStarted());
}

TEST(udp_server_port_in_use_is_told_to_the_server)
{
    UdpRunning running;
    auto first = running.StartedUdpServer();
    auto second = std::make_shared<LoggingUdpServer>(running.service, "127.0.0.1", first->port());
    CHECK(second->Start());
    second->log.Wait("server.onStopped");
    CHECK_EQUAL(second->log.Events(), (std::vector<std::string>{ OnError(asio::error::address_in_use), "server.onStopped" }));
    CHECK_EQUAL(second->port(), first->port());
    first->Stop();
    first->log.Wait("server.onStopped");
    CHECK(second->Start());
    second->log.Wait("server.onStarted");
    CHECK(running.service->IsStarted());
}

TEST(udp_server_restart_keeps_its_port)
{
    UdpRunning running;
    auto server = running.EchoServer();
    const unsigned short port = server->port();
    auto client = running.ConnectedUdpClient(port);
    for (size_t round = 1; round <= 20; ++round)
    {
        CHECK(server->Restart());
        UNTIL(server->IsStarted());
        server->log.Wait("server.onStarted", round + 1);
        CHECK_EQUAL(server->log.Count("server.onStopped"), round);
        CHECK_EQUAL(server->port(), port);
        CHECK_EQUAL(server->datagrams_received(), 0u);
        CHECK(client->Send("again") >= 5);
        client->log.Wait("client.onReceived", round);
    }
}

TEST(udp_server_restart_on_the_io_thread_does_not_wait)
{
    UdpRunning running;
    auto server = running.UdpServer();
    server->started = [](LoggingUdpServer& self)
    {
        if (self.log.Count("server.onStarted") < 5)
            self.log.Add(self.Restart() ? "again" : "refused");
    };
    server->Start();
    server->log.Wait("server.onStarted", 5);
    CHECK_EQUAL(server->log.Count("again"), 4u);
    CHECK_EQUAL(server->log.Count("server.onStopped"), 4u);
}

TEST(udp_server_starts_again_in_on_stopped)
{
    UdpRunning running;
    auto server = running.UdpServer();
    server->stopped = [](LoggingUdpServer& self)
    {
        if (self.log.Count("server.onStopped") < 100)
            self.Start();
    };
    server->started = [](LoggingUdpServer& self) { self.Stop(); };
    server->Start();
    server->log.Wait("server.onStopped", 100);
    CHECK_EQUAL(server->log.Count("server.onStarted"), 100u);
}

TEST(udp_server_endpoint_that_was_changed_counts_from_the_next_start)
{
    UdpRunning running;
    auto server = running.EchoServer();
    const unsigned short before = server->port();
    const unsigned short port = UnusedUdpPort(running);
    CHECK(server->SetupTimeToLive(7));
    server->endpoint().port(port);
    CHECK_EQUAL(server->port(), before);
    CHECK(server->Restart());
    server->log.Wait("server.onStarted", 2);
    CHECK_EQUAL(server->port(), port);
    asio::ip::unicast::hops hops;
    server->socket().get_option(hops);
    CHECK_EQUAL(hops.value(), 7);
    auto client = running.ConnectedUdpClient(port);
    CHECK(client->Send("there") >= 5);
    client->log.Wait("client.onReceived");
}

TEST(udp_server_stop_sends_what_was_accepted_and_receives_no_more)
{
    UdpRunning running;
    auto receiver = running.StartedUdpServer();
    auto server = running.UdpServer();
    server->started = [&](LoggingUdpServer& self)
    {
        for (int number = 0; number < 50; ++number)
            self.Send(LocalEndpoint(receiver->port()), "last words");
        self.Stop();
        if (self.Send(LocalEndpoint(receiver->port()), "too late") != 0)
            self.log.Add("wrong");
    };
    server->Start();
    server->log.Wait("server.onStopped");
    receiver->log.Wait("server.onReceived", 50);
    CHECK_EQUAL(server->datagrams_sent(), 50u);
    CHECK_EQUAL(server->log.Count("wrong"), 0u);
}

TEST(udp_server_started_before_its_service_waits_in_it)
{
    auto service = std::make_shared<LoggingService>();
    auto server = std::make_shared<LoggingUdpServer>(service, "127.0.0.1", 0);
    CHECK(server->Start());
    CHECK(server->port() != 0);
    CHECK(!server->IsStarted());
    service->Start();
    server->log.Wait("server.onStarted");
    service->Stop();
    CHECK_EQUAL(server->log.Count("server.onStopped"), 1u);
    // Again.
    CHECK(server->Start());
    CHECK(!server->IsStarted());
    service->Start();
    server->log.Wait("server.onStarted", 2);
    service->Stop();
}

TEST(udp_server_takes_both_versions_of_ip)
{
    UdpRunning running;
    auto server = std::make_shared<LoggingUdpServer>(running.service, InternetProtocol::IPv6, 0);
    server->received = [](LoggingUdpServer& self, const UdpEndpoint& from, const std::string& text) { self.Send(from, text); };
    server->Start();
    server->log.Wait("server.onStarted");
    auto v4 = running.ConnectedUdpClient(server->port());
    auto v6 = std::make_shared<LoggingUdpClient>(running.service, "::1", server->port());
    v6->Connect();
    v6->log.Wait("client.onConnected");
    CHECK(v4->Send("four") >= 4);
    v4->log.Wait("client.onReceived");
    CHECK(v6->Send("six") >= 3);
    v6->log.Wait("client.onReceived");
    CHECK_EQUAL(v4->Datagrams()[0].from, LocalEndpoint(server->port()));
    CHECK_EQUAL(v6->Datagrams()[0].from, UdpEndpoint(asio::ip::address_v6::loopback(), server->port()));

    auto only = std::make_shared<LoggingUdpServer>(running.service, InternetProtocol::IPv6, 0);
    CHECK(only->SetupDualStack(false));
    only->Start();
    only->log.Wait("server.onStarted");
    asio::ip::v6_only v6_only;
    only->socket().get_option(v6_only);
    CHECK(v6_only.value());
}

TEST(udp_datagram_limit_cuts_and_tells)
{
    UdpRunning running;
    auto server = running.UdpServer();
    CHECK(server->SetupDatagramLimit(4));
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = running.ConnectedUdpClient(server->port());
    for (const char* text : { "123", "1234", "12345" })
        client->Send(text);
    server->log.Wait("server.onReceived", 3);
    CHECK_EQUAL(server->Texts(), (std::vector<std::string>{ "123", "1234", "1234" }));
    const std::vector<Datagram> datagrams = server->Datagrams();
    CHECK(!datagrams[0].truncated && !datagrams[1].truncated && datagrams[2].truncated);

    // Without a callback of its own, what is left comes like every datagram.
    struct Plain : UDPServer
    {
        using UDPServer::UDPServer;
        Log log;
        void onReceived(const UdpEndpoint&, const void*, size_t size) override { log.Add(std::to_string(size)); }
    };
    auto plain = std::make_shared<Plain>(running.service, "127.0.0.1", 0);
    CHECK(plain->SetupDatagramLimit(2));
    CHECK(plain->Start());
    UNTIL(plain->IsStarted());
    client->Send(LocalEndpoint(plain->port()), "12345");
    plain->log.Wait("2");
}

TEST(udp_ten_thousand_datagrams_arrive_in_order)
{
    const size_t count = 10000;
    UdpRunning running;
    auto server = running.UdpServer();
    CHECK(server->SetupReceiveBufferSize(8 * 1024 * 1024));
    server->Start();
    server->log.Wait("server.onStarted");
    auto client = running.UdpClient(server->port());
    // A window of datagrams on their way, moved on by the server.
    size_t next = 0;
    client->connected = [&](LoggingUdpClient& self)
    {
        while (next < 100)
            self.Send(std::to_string(next++));
    };
    server->received = [&](LoggingUdpServer&, const UdpEndpoint&, const std::string&)
    {
        if (next < count)
            client->Send(std::to_string(next++));
    };
    client->Connect();
    server->log.Wait("server.onReceived", count);
    const std::vector<std::string> texts = server->Texts();
    for (size_t number = 0; number < count; ++number)
        CHECK_EQUAL(texts[number], std::to_string(number));
    UNTIL(client->datagrams_sent() == count);
    CHECK_EQUAL(client->datagrams_dropped(), 0u);
    CHECK_EQUAL(server->datagrams_lost(), 0u);
}

TEST(udp_a_burst_of_sends_from_another_thread_leaves_completely)
{
    const size_t count = 10000;
    UdpRunning running;
    auto server = running.StartedUdpServer();
    auto client = running.UdpClient(server->port());
    std::atomic<size_t> told(0);
    client->sent = [&](LoggingUdpClient&, const UdpEndpoint&, size_t, size_t) { ++told; };
    client->empty = [](LoggingUdpClient& self) { self.log.Add("empty"); };
    client->Connect();
    client->log.Wait("client.onConnected");
    for (size_t number = 0; number < count; ++number)
        CHECK(client->Send("burst") >= 5);
    UNTIL(told == count);
    client->log.Wait("empty");
    CHECK_EQUAL(client->datagrams_sent(), count);
    CHECK_EQUAL(client->bytes_sent(), 5 * count);
    CHECK_EQUAL(client->bytes_pending(), 0u);
    CHECK_EQUAL(client->datagrams_dropped(), 0u);
}

TEST(udp_datagrams_that_the_receive_buffer_lost_are_counted)
{
#if defined(__linux__)
    Log hold; // outlives the thread that waits for it
    UdpRunning running;
    auto server = running.UdpServer();
    CHECK(server->SetupReceiveBufferSize(4096));
    server->started = [&](LoggingUdpServer& self)
    {
        self.log.Add("holding");
        hold.Wait("go on");
    };
    server->Start();
    Running other;
    auto client = std::make_shared<LoggingUdpClient>(other.service, "127.0.0.1", server->port());
    client->Connect();
    client->log.Wait("client.onConnected");
    server->log.Wait("holding");
    for (int number = 0; number < 1000; ++number)
        client->Send(std::string(100, 'x'));
    UNTIL(client->datagrams_sent() == 1000);
    hold.Add("go on");
    // The next datagram tells.
    UNTIL((client->Send("more") > 0) && (server->datagrams_lost() > 0));
    CHECK(server->datagrams_lost() < 1000);
#endif
}

TEST(udp_send_limit_refuses_and_drops)
{
    UdpRunning running;
    auto receiver = running.StartedUdpServer();
    const UdpEndpoint to = LocalEndpoint(receiver->port());
    auto server = running.UdpServer();
    CHECK(server->SetupSendLimit(1000));
    std::vector<size_t> results;
    server->started = [&](LoggingUdpServer& self)
    {
        for (int number = 0; number < 3; ++number)
            results.push_back(self.Send(to, std::string(400, static_cast<char>('a' + number))));
    };
    server->Start();
    receiver->log.Wait("server.onReceived", 2);
    running.Settle();
    CHECK_EQUAL(Show(results[0]) + " " + Show(results[1]) + " " + Show(results[2]), std::string("400 800 0"));
    CHECK_EQUAL(server->datagrams_dropped(), 1u);
    CHECK_EQUAL(server->log.Events(), std::vector<std::string>{ "server.onStarted" });

    CHECK(server->SetupSendLimit(1000, CppServer::Asio::SendPolicy::DropOldest));
    CHECK(server->Restart());
    receiver->log.Wait("server.onReceived", 4);
    running.Settle();
    const std::vector<std::string> texts = receiver->Texts();
    CHECK_EQUAL(texts[2].substr(0, 1) + texts[3].substr(0, 1), std::string("bc"));
    CHECK_EQUAL(server->datagrams_dropped(), 1u);
}

TEST(udp_options_reach_the_socket)
{
    UdpRunning running;
    auto server = running.UdpServer();
    CHECK(server->SetupBroadcast(true));
    CHECK(server->SetupTimeToLive(9));
    CHECK(server->SetupMulticastHops(5));
    CHECK(server->SetupMulticastLoopback(false));
    CHECK(server->SetupSendBufferSize(100000));
    CHECK(server->SetupReceiveBufferSize(50000));
    CHECK(server->SetupReuseAddress(true));
    CHECK(server->SetupCloseTimeout(std::chrono::milliseconds(100)));
    CHECK(!server->SetupTimeToLive(256));
    CHECK(!server->SetupMulticastHops(-1));
    CHECK(!server->SetupDatagramLimit(1 << 20));
    CHECK(!server->SetupMulticastInterface("no-such-interface"));
    server->Start();
    server->log.Wait("server.onStarted");
    // Once as set before the start, then as changed after it.
    for (int round = 0; round < 2; ++round)
    {
        asio::socket_base::broadcast broadcast;
        asio::socket_base::reuse_address reuse;
        asio::socket_base::send_buffer_size send;
        asio::socket_base::receive_buffer_size receive;
        asio::ip::unicast::hops time_to_live;
        asio::ip::multicast::hops hops;
        asio::ip::multicast::enable_loopback loopback;
        server->socket().get_option(broadcast);
        server->socket().get_option(reuse);
        server->socket().get_option(send);
        server->socket().get_option(receive);
        server->socket().get_option(time_to_live);
        server->socket().get_option(hops);
        server->socket().get_option(loopback);
        CHECK_EQUAL(broadcast.value(), round == 0);
        CHECK(reuse.value());
        CHECK_EQUAL(send.value(), (round == 0) ? 100000 : 110000);
        CHECK_EQUAL(receive.value(), (round == 0) ? 50000 : 60000);
        CHECK_EQUAL(time_to_live.value(), 9 + round);
        CHECK_EQUAL(hops.value(), 5 + round);
        CHECK_EQUAL(loopback.value(), round == 1);
        CHECK(server->SetupBroadcast(false));
        CHECK(server->SetupSendBufferSize(110000));
        CHECK(server->SetupReceiveBufferSize(60000));
        CHECK(server->SetupTimeToLive(10));
        CHECK(server->SetupMulticastHops(6));
        CHECK(server->SetupMulticastLoopback(true));
    }
}

TEST(udp_reused_ports_and_addresses)
{
#if defined(__linux__)
    UdpRunning running;
    auto first = running.UdpServer();
    CHECK(first->SetupReusePort(true));
    first->Start();
    first->log.Wait("server.onStarted");
    auto second = std::make_shared<LoggingUdpServer>(running.service, "127.0.0.1", first->port());
    CHECK(second->SetupReusePort(true));
    second->Start();
    second->log.Wait("server.onStarted");
    // Each sender keeps its receiver; of many senders both have some.
    std::vector<std::shared_ptr<LoggingUdpClient>> clients;
    for (int number = 0; number < 64; ++number)
    {
        clients.push_back(running.ConnectedUdpClient(first->port()));
        clients.back()->Send("hello");
    }
    UNTIL(first->Count() + second->Count() == 64);
    CHECK((first->Count() > 0) && (second->Count() > 0));
#endif
}

TEST(udp_broadcast_needs_permission)
{
#if defined(__linux__)
    UdpRunning running;
    auto receiver = std::make_shared<LoggingUdpServer>(running.service, InternetProtocol::IPv4, 0);
    receiver->Start();
    receiver->log.Wait("server.onStarted");
    // The broadcast address of the loopback network.
    const UdpEndpoint everybody(asio::ip::make_address("127.255.255.255"), receiver->port());
    auto server = running.StartedUdpServer();
    CHECK(server->Send(everybody, "refused") >= 7);
    server->log.Wait(OnError(asio::error::access_denied));
    CHECK_EQUAL(server->datagrams_dropped(), 1u);
    CHECK(server->SetupBroadcast(true));
    CHECK(server->Send(everybody, "allowed") >= 7);
    receiver->log.Wait("server.onReceived");
    CHECK_EQUAL(receiver->Texts(), std::vector<std::string>{ "allowed" });
    CHECK(server->IsStarted());
#endif
}

TEST(udp_exceptions_in_callbacks_go_to_the_service)
{
    UdpRunning running;
    auto server = running.UdpServer();
    server->started = [](LoggingUdpServer&) { throw asio::system_error(asio::error::fault, "thrown"); };
    server->received = [](LoggingUdpServer&, const UdpEndpoint&, const std::string&) { throw asio::system_error(asio::error::broken_pipe, "thrown"); };
    server->Start();
    running.service->log.Wait("onError" + ErrorText(asio::error::fault));
    auto client = running.ConnectedUdpClient(server->port());
    client->Send("one");
    client->Send("two");
    running.service->log.Wait("onError" + ErrorText(asio::error::broken_pipe), 2);
    CHECK(server->IsStarted());
}

TEST(udp_callbacks_of_one_object_never_overlap_on_several_threads)
{
    // Before the service, whose last callbacks may still count when this function is at its end.
    std::atomic<int> overlaps(0);
    std::vector<std::unique_ptr<std::atomic<int>>> inside;
    UdpRunning running(3);
    std::vector<std::shared_ptr<LoggingUdpServer>> servers;
    for (size_t number = 0; number < 3; ++number)
    {
        auto server = running.UdpServer();
        inside.emplace_back(new std::atomic<int>(0));
        std::atomic<int>& mine = *inside.back();
        const auto visit = [&mine, &overlaps]()
        {
            overlaps += (mine++ != 0) ? 1 : 0;
            std::this_thread::yield();
            --mine;
        };
        server->received = [visit](LoggingUdpServer&, const UdpEndpoint&, const std::string&) { visit(); };
        server->error = [visit](LoggingUdpServer&) { visit(); };
        server->Start();
        server->log.Wait("server.onStarted");
        servers.push_back(server);
    }
    const std::string large(UDPServer::MaxDatagramSize() + 1, 'x');
    for (int round = 0; round < 200; ++round)
    {
        for (auto& server : servers)
        {
            server->Send(LocalEndpoint(server->port()), "to itself");
            server->Send(LocalEndpoint(server->port()), large);
        }
    }
    for (auto& server : servers)
        server->log.Wait(OnError(asio::error::message_size), 200);
    CHECK_EQUAL(overlaps.load(), 0);
}

TEST(udp_addresses_survive_the_border)
{
    for (const char* text : { "127.0.0.1", "255.255.255.255", "::1", "ff02::4242", "fe80::1%7" })
    {
        const UdpEndpoint endpoint(asio::ip::make_address(text), 65535);
        const cppserver_address native = CppServer::Asio::Detail::ToNative(endpoint);
        CHECK_EQUAL(CppServer::Asio::Detail::FromNative(native), endpoint);
        CHECK_EQUAL(native.scope, (std::string(text) == "fe80::1%7") ? 7u : 0u);
    }
}

TEST(udp_sockets_show_what_the_library_opened)
{
    UdpRunning running;
    asio::ip::udp::socket nobody(running.service->service());
    asio::error_code ec;
    CHECK(!nobody.is_open());
    nobody.local_endpoint(ec);
    CHECK_EQUAL(ec, asio::error_code(asio::error::bad_descriptor));
    CHECK_THROWS(nobody.set_option(asio::socket_base::broadcast(true)), asio::system_error);
    CHECK_THROWS(nobody.local_endpoint(), asio::system_error);

    auto server = running.StartedUdpServer();
    asio::ip::udp::socket& socket = server->socket();
    CHECK(socket.native_handle() != CppServer::Compat::asio::detail::invalid_socket);
    CHECK_EQUAL(socket.local_endpoint().port(), server->port());
    socket.remote_endpoint(ec);
    CHECK_EQUAL(ec, asio::error_code(asio::error::not_connected));
    CHECK_THROWS(socket.remote_endpoint(), asio::system_error);
    CHECK_EQUAL(socket.available(), 0u);
    socket.non_blocking(true);
    CHECK(socket.non_blocking());
    socket.cancel();
    socket.set_option(asio::socket_base::broadcast(true));
    asio::socket_base::broadcast broadcast;
    socket.get_option(broadcast);
    CHECK(broadcast.value());
    CHECK_THROWS(asio::ip::multicast::hops(256), std::out_of_range);
    socket.close();
    server->log.Wait("server.onStopped");
    CHECK(!socket.is_open());
}
