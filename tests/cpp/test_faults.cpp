// Ports and addresses that the system refuses, and peers that are slow or send very much.

#include "child.h"
#include "raw_peer.h"
#include "support.h"

#include <fstream>

using namespace Test;

#if defined(__linux__)

// Needs a user who may not have port 1; root becomes one.
CHILD(port_without_the_right)
{
    // 65534 is nobody.
    if (::geteuid() == 0)
        CHECK((::setgid(65534) == 0) && (::setuid(65534) == 0));
    Running running;
    auto server = std::make_shared<LoggingServer>(running.service, "127.0.0.1", 1);
    CHECK(server->Start());
    server->log.Wait("server.onStopped");
    CHECK_EQUAL(server->log.Events(), (std::vector<std::string>{ "server.onError" + ErrorText(asio::error::access_denied), "server.onStopped" }));
    CHECK(!server->IsStarted());
    CHECK_EQUAL(running.service->log.Count("onStopped"), 0u);
    // The service goes on.
    auto other = running.StartedServer();
    running.ConnectedClient(other->port());
    std::printf("refused\n");
}

TEST(server_on_a_port_without_the_right_is_told_and_the_service_lives)
{
    std::ifstream file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    int first_free = 1024;
    file >> first_free;
    // Else every user may have every port here.
    if (first_free > 1)
    {
        const ChildResult result = RunChild("port_without_the_right");
        CHECK_EQUAL(result.output, std::string("refused\n"));
        CHECK_EQUAL(result.status, 0);
    }
}

// A connection to the address of all hosts never leaves this one.
TEST(client_to_an_unreachable_address_gets_the_error_and_then_on_disconnected)
{
    Running running;
    auto client = std::make_shared<LoggingClient>(running.service, "127.255.255.255", 80);
    for (size_t round = 1; round <= 3; ++round)
    {
        UNTIL(client->Connect());
        client->log.Wait("client.onDisconnected", round);
    }
    const std::string error = "client.onError" + ErrorText(asio::error::network_unreachable);
    const std::string end = "client.onDisconnected";
    CHECK_EQUAL(client->log.Events(), (std::vector<std::string>{ error, end, error, end, error, end }));
    CHECK(client->disconnect_reason() == CppServer::Asio::DisconnectReason::Error);
}

#endif

TEST(session_gets_whole_what_a_peer_sends_byte_by_byte)
{
    const std::string message("one byte at a time makes a whole message in the end");
    Log log;
    Running running;
    auto server = running.Server();
    server->session_received = [&](LoggingSession&, const std::string& text)
    {
        // Waits for the whole.
        if (text.size() < message.size())
            return size_t(0);
        log.Add(text);
        return text.size();
    };
    server->Start();
    RawPeer peer(server->port());
    for (size_t index = 0; index < message.size(); ++index)
    {
        peer.Send(message.substr(index, 1));
        UNTIL(server->bytes_received() == index + 1);
    }
    log.Wait(message);
    CHECK_EQUAL(log.Events().size(), 1u);
}

TEST(session_takes_a_gigabyte)
{
    const uint64_t gigabyte = 1 << 30;
    Running running;
    auto server = running.Server();
    std::atomic<uint64_t> sum(0);
    server->session_received = [&](LoggingSession& session, const std::string& text)
    {
        sum += static_cast<uint64_t>(text.size()) * static_cast<unsigned char>(text.back());
        session.received.clear();
        return text.size();
    };
    server->Start();
    RawPeer peer(server->port());
    const std::string block(1 << 20, '\3');
    for (uint64_t sent = 0; sent < gigabyte; sent += block.size())
        peer.Send(block);
    UNTIL(sum == 3 * gigabyte);
    CHECK_EQUAL(server->bytes_received(), gigabyte);
}
