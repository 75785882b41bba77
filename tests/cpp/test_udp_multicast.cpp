// Multicast groups on the loopback interface: members hear, others do not.

#include "child.h"
#include "udp_support.h"

using namespace Test;

namespace {

const char Group[] = "239.255.0.1";
const char Loopback[] = "127.0.0.1";

// A sender to a group, and members on its port.
struct Multicast : UdpRunning
{
    std::shared_ptr<LoggingUdpServer> server;
    unsigned short port;

    Multicast() : server(std::make_shared<LoggingUdpServer>(service, InternetProtocol::IPv4, 0)), port(UnusedUdpPort(*this))
    {
        if (!server->SetupMulticastInterface(Loopback))
            throw Failure("no loopback interface");
        server->Start(Group, port);
        server->log.Wait("server.onStarted");
    }

    std::shared_ptr<LoggingUdpClient> Listener()
    {
        auto client = std::make_shared<LoggingUdpClient>(service, "0.0.0.0", port, true);
        client->Connect();
        client->log.Wait("client.onConnected");
        return client;
    }

    std::shared_ptr<LoggingUdpClient> Member()
    {
        auto client = Listener();
        client->JoinMulticastGroup(Group, "", Loopback);
        client->log.Wait(std::string("client.onJoined(") + Group + ")");
        return client;
    }

    // Sends a text that all members hear. What they did not hear by then, they do not hear.
    void Say(const std::string& text, const std::vector<std::shared_ptr<LoggingUdpClient>>& members)
    {
        std::vector<size_t> counts;
        for (const auto& member : members)
            counts.push_back(member->Count());
        CHECK(server->Multicast(text) >= text.size());
        for (size_t number = 0; number < members.size(); ++number)
            UNTIL(members[number]->Count() > counts[number]);
        Settle();
    }
};

std::string OnError(asio::error::basic_errors error) { return "client.onError" + ErrorText(error); }

} // namespace

TEST(multicast_reaches_all_members_and_nobody_else)
{
    Multicast multicast;
    auto first = multicast.Member();
    auto second = multicast.Member();
    auto other = multicast.Listener();
    auto elsewhere = multicast.Listener();
    elsewhere->JoinMulticastGroup("239.255.0.2", "", Loopback);
    elsewhere->log.Wait("client.onJoined(239.255.0.2)");
    CHECK_EQUAL(multicast.server->multicast_endpoint(), UdpEndpoint(asio::ip::make_address(Group), multicast.port));
    multicast.Say("hello", { first, second });
    // What another group gets proves that nothing came before it.
    multicast.server->Send(UdpEndpoint(asio::ip::make_address("239.255.0.2"), multicast.port), "elsewhere");
    elsewhere->log.Wait("client.onReceived");
    multicast.Settle();
    CHECK_EQUAL(first->Texts(), std::vector<std::string>{ "hello" });
    CHECK_EQUAL(second->Texts(), std::vector<std::string>{ "hello" });
    CHECK_EQUAL(elsewhere->Texts(), std::vector<std::string>{ "elsewhere" });
    CHECK_EQUAL(other->Count(), 0u);
}

TEST(multicast_join_and_leave_while_sending)
{
    Multicast multicast;
    auto stays = multicast.Member();
    auto member = multicast.Listener();
    for (int round = 1; round <= 20; ++round)
    {
        const std::string text = "round " + std::to_string(round);
        member->JoinMulticastGroup(Group, "", Loopback);
        member->log.Wait(std::string("client.onJoined(") + Group + ")", static_cast<size_t>(round));
        multicast.Say(text + " in", { stays, member });
        member->LeaveMulticastGroup(Group, "", Loopback);
        member->log.Wait(std::string("client.onLeft(") + Group + ")", static_cast<size_t>(round));
        multicast.Say(text + " out", { stays });
    }
    CHECK_EQUAL(stays->Count(), 40u);
    CHECK_EQUAL(member->Count(), 20u);
    for (const std::string& text : member->Texts())
        CHECK(text.find(" in") != std::string::npos);
}

TEST(multicast_in_the_style_of_the_known_library)
{
    // onConnected() joins, and the group is joined anew after each connect.
    Multicast multicast;
    auto client = std::make_shared<LoggingUdpClient>(multicast.service, "0.0.0.0", multicast.port, true);
    client->connected = [](LoggingUdpClient& self) { self.JoinMulticastGroup(Group, "", Loopback); };
    client->Connect();
    client->log.Wait(std::string("client.onJoined(") + Group + ")");
    multicast.Say("one", { client });
    CHECK(client->Reconnect());
    client->log.Wait(std::string("client.onJoined(") + Group + ")", 2);
    multicast.Say("two", { client });
    // The destination is kept by the server.
    CHECK(multicast.server->Restart());
    multicast.server->log.Wait("server.onStarted", 2);
    multicast.Say("three", { client });
    multicast.server->Stop();
    multicast.server->log.Wait("server.onStopped", 2);
    CHECK(multicast.server->Start());
    multicast.server->log.Wait("server.onStarted", 3);
    multicast.Say("four", { client });
    CHECK_EQUAL(client->Texts(), (std::vector<std::string>{ "one", "two", "three", "four" }));
}

TEST(multicast_membership_ends_with_the_connection)
{
    Multicast multicast;
    auto stays = multicast.Member();
    auto client = multicast.Member();
    CHECK(client->Reconnect());
    client->log.Wait("client.onConnected", 2);
    multicast.Say("who hears?", { stays });
    CHECK_EQUAL(client->Count(), 0u);
}

TEST(multicast_members_may_be_servers)
{
    Multicast multicast;
    auto server = std::make_shared<LoggingUdpServer>(multicast.service, InternetProtocol::IPv4, multicast.port);
    CHECK(server->SetupReuseAddress(true));
    server->Start();
    server->log.Wait("server.onStarted");
    server->JoinMulticastGroup(Group, "", Loopback);
    server->log.Wait(std::string("server.onJoined(") + Group + ")");
    CHECK(multicast.server->Multicast("to a server") >= 11);
    server->log.Wait("server.onReceived");
    server->LeaveMulticastGroup(Group, "", Loopback);
    server->log.Wait(std::string("server.onLeft(") + Group + ")");
}

TEST(multicast_groups_that_are_none_and_interfaces_that_are_missing)
{
    Multicast multicast;
    auto client = multicast.Listener();
    CHECK_THROWS(client->JoinMulticastGroup("nonsense"), asio::system_error);
    CHECK_THROWS(client->LeaveMulticastGroup("localhost"), asio::system_error);
    CHECK_THROWS(client->JoinMulticastGroup(Group, "nonsense"), asio::system_error);
    std::string details;
    client->error = [&](LoggingUdpClient& self) { details = self.error_details(); };
    size_t count = 0;
    const auto refused = [&](const std::string& address, const std::string& source, const std::string& network_interface)
    {
        client->JoinMulticastGroup(address, source, network_interface);
        client->log.Wait(OnError(asio::error::invalid_argument), ++count);
        multicast.Settle();
        return details;
    };
    CHECK(refused("127.0.0.1", "", "").find("multicast") != std::string::npos);
    CHECK(refused("::1", "", "").find("multicast") != std::string::npos);
    CHECK(refused(Group, "239.255.0.2", "").find("source") != std::string::npos);
    CHECK(refused(Group, "::1", "").find("source") != std::string::npos);
    CHECK(refused(Group, "", "no-such-interface").find("no-such-interface") != std::string::npos);
    // Errors of groups end nothing.
    CHECK(client->IsConnected());
    client->JoinMulticastGroup(Group, "", Loopback);
    client->log.Wait(std::string("client.onJoined(") + Group + ")");
    CHECK_EQUAL(multicast.service->log.Count("onError"), 0u);
}

TEST(multicast_join_twice_and_leave_without_join)
{
    Multicast multicast;
    auto client = multicast.Member();
    client->JoinMulticastGroup(Group, "", Loopback);
    client->log.Wait(OnError(asio::error::address_in_use));
    client->LeaveMulticastGroup("239.255.0.3", "", Loopback);
#if defined(__linux__)
    client->log.Wait("client.onError(99, asio.system, Cannot assign requested address)");
#elif defined(_WIN32)
    client->log.Wait("client.onError(10022, asio.system, Invalid argument)");
#else
    client->log.Wait("client.onError(49, asio.system, Can't assign requested address)");
#endif
    multicast.Say("still in", { client });
    CHECK(client->IsConnected());
}

TEST(multicast_join_and_leave_are_ignored_without_a_connection)
{
    Multicast multicast;
    auto client = std::make_shared<LoggingUdpClient>(multicast.service, "0.0.0.0", multicast.port, true);
    client->JoinMulticastGroup(Group);
    client->LeaveMulticastGroup(Group);
    client->Connect();
    client->log.Wait("client.onConnected");
    client->Disconnect();
    client->log.Wait("client.onDisconnected");
    client->JoinMulticastGroup(Group, "", Loopback);
    multicast.Settle();
    CHECK_EQUAL(client->log.Events(), (std::vector<std::string>{ "client.onConnected", "client.onDisconnected" }));
}

TEST(multicast_from_one_source)
{
#if defined(__linux__)
    Multicast multicast;
    auto heard = multicast.Listener();
    heard->JoinMulticastGroup("232.1.1.1", "127.0.0.1", Loopback);
    heard->log.Wait("client.onJoined(232.1.1.1 from 127.0.0.1)");
    auto deaf = multicast.Listener();
    deaf->JoinMulticastGroup("232.1.1.1", "127.0.0.2", Loopback);
    deaf->log.Wait("client.onJoined(232.1.1.1 from 127.0.0.2)");
    const UdpEndpoint to(asio::ip::make_address("232.1.1.1"), multicast.port);
    const auto sender = [&](const char* address)
    {
        auto server = std::make_shared<LoggingUdpServer>(multicast.service, address, 0);
        CHECK(server->SetupMulticastInterface(Loopback));
        server->Start(to);
        server->log.Wait("server.onStarted");
        return server;
    };
    auto first = sender("127.0.0.1");
    auto second = sender("127.0.0.2");
    first->Multicast("from 1");
    heard->log.Wait("client.onReceived");
    second->Multicast("from 2");
    deaf->log.Wait("client.onReceived");
    first->Multicast("from 1 again");
    heard->log.Wait("client.onReceived", 2);
    CHECK_EQUAL(heard->Texts(), (std::vector<std::string>{ "from 1", "from 1 again" }));
    CHECK_EQUAL(deaf->Texts(), std::vector<std::string>{ "from 2" });
    heard->LeaveMulticastGroup("232.1.1.1", "127.0.0.1", Loopback);
    heard->log.Wait("client.onLeft(232.1.1.1 from 127.0.0.1)");
#endif
}

TEST(multicast_with_options_of_the_socket)
{
    Multicast multicast;
    auto client = multicast.Listener();
    const asio::ip::address_v4 group = asio::ip::address_v4::from_string(Group);
    client->socket().set_option(asio::ip::multicast::join_group(group, asio::ip::address_v4::loopback()));
    multicast.Say("joined", { client });
    client->socket().set_option(asio::ip::multicast::leave_group(group, asio::ip::address_v4::loopback()));
    auto stays = multicast.Member();
    multicast.Say("left", { stays });
    CHECK_EQUAL(client->Texts(), std::vector<std::string>{ "joined" });
    CHECK_THROWS(client->socket().set_option(asio::ip::multicast::leave_group(group, asio::ip::address_v4::loopback())), asio::system_error);

    // A sender that is set up by options alone.
    auto sender = multicast.StartedUdpServer();
    sender->socket().set_option(asio::ip::multicast::outbound_interface(asio::ip::address_v4::loopback()));
    sender->socket().set_option(asio::ip::multicast::hops(4));
    sender->socket().set_option(asio::ip::multicast::enable_loopback(true));
    asio::ip::multicast::hops hops;
    sender->socket().get_option(hops);
    CHECK_EQUAL(hops.value(), 4);
    CHECK(sender->Send(multicast.server->multicast_endpoint(), "by options") >= 10);
    stays->log.Wait("client.onReceived", 2);
    CHECK_EQUAL(stays->Texts().back(), std::string("by options"));
}

#if defined(__linux__)

// The loopback interface carries no multicasts of IPv6, and on it nothing can be kept away from this machine.
CHILD(multicast_on_a_network)
{
    UdpRunning running;
    const unsigned short port = UnusedUdpPort(running);
    const auto listener = [&](const char* address)
    {
        auto client = std::make_shared<LoggingUdpClient>(running.service, address, port, true);
        client->Connect();
        client->log.Wait("client.onConnected");
        return client;
    };
    const std::string index = std::to_string(::if_nametoindex("v0"));
    auto member = listener("::");
    member->JoinMulticastGroup("ff02::4242", "", "v0");
    member->log.Wait("client.onJoined(ff02::4242)");
    auto other = listener("::");
    other->JoinMulticastGroup("ff02::4243", "", index);
    other->log.Wait("client.onJoined(ff02::4243)");
    auto server = std::make_shared<LoggingUdpServer>(running.service, InternetProtocol::IPv6, 0);
    CHECK(server->SetupMulticastInterface(index));
    CHECK(server->SetupMulticastHops(3));
    CHECK(server->Start("ff02::4242", port));
    server->log.Wait("server.onStarted");
    asio::ip::multicast::hops hops;
    server->socket().get_option(hops);
    CHECK_EQUAL(hops.value(), 3);
    CHECK(server->Multicast("six") >= 3);
    member->log.Wait("client.onReceived");
    CHECK(server->Send(UdpEndpoint(asio::ip::make_address("ff02::4243"), port), "another group") >= 13);
    other->log.Wait("client.onReceived");
    CHECK_EQUAL(member->Texts(), std::vector<std::string>{ "six" });
    CHECK_EQUAL(other->Texts(), std::vector<std::string>{ "another group" });
    CHECK(member->Send(member->Datagrams()[0].from, "answer") >= 6);
    server->log.Wait("server.onReceived");
    member->LeaveMulticastGroup("ff02::4242", "", "v0");
    member->log.Wait("client.onLeft(ff02::4242)");

    // By options of the socket alone.
    const asio::ip::address_v6 wide = asio::ip::address_v6::from_string("ff02::4244");
    const unsigned int loopback = ::if_nametoindex("v0");
    member->socket().set_option(asio::ip::multicast::join_group(wide, loopback));
    member->socket().set_option(asio::ip::multicast::outbound_interface(loopback));
    CHECK(member->Send(UdpEndpoint(wide, port), "to myself") >= 9);
    member->log.Wait("client.onReceived", 2);
    member->socket().set_option(asio::ip::multicast::leave_group(wide, loopback));

    // Source-specific, and without the loop.
    auto four = listener("0.0.0.0");
    four->JoinMulticastGroup("232.1.1.2", "192.0.2.1", "192.0.2.1");
    four->log.Wait("client.onJoined(232.1.1.2 from 192.0.2.1)");
    auto sender = std::make_shared<LoggingUdpServer>(running.service, "192.0.2.1", 0);
    CHECK(sender->SetupMulticastInterface("v0"));
    CHECK(sender->SetupMulticastLoopback(false));
    sender->Start("232.1.1.2", port);
    sender->log.Wait("server.onStarted");
    CHECK(sender->Multicast("silent") >= 6);
    UNTIL(sender->datagrams_sent() == 1);
    CHECK(sender->SetupMulticastLoopback(true));
    CHECK(sender->Multicast("loud") >= 4);
    four->log.Wait("client.onReceived");
    CHECK_EQUAL(four->Texts(), std::vector<std::string>{ "loud" });
}

TEST(multicast_of_ipv6_and_without_loopback) { RunChildInNamespace("multicast_on_a_network"); }

#endif
