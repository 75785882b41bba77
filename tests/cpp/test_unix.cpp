// Unix domain sockets: streams as those of TCP, at a path in place of an address.

#include "support.h"

#include "server/asio/unix_client.h"
#include "server/asio/unix_server.h"

#ifndef _WIN32
#include <sys/stat.h>
#include <unistd.h>
#endif

using namespace Test;

namespace {

struct Local
{
    template <class TServer, class TSession>
    using Server = CppServer::Asio::UnixServer<TServer, TSession>;

    template <class TServer, class TSession>
    class Session : public CppServer::Asio::UnixSession<TServer, TSession>
    {
    public:
        using CppServer::Asio::UnixSession<TServer, TSession>::UnixSession;

    protected:
        virtual void onHandshaked() {}
    };

    class Client : public CppServer::Asio::UnixClient
    {
    public:
        using CppServer::Asio::UnixClient::UnixClient;

    protected:
        virtual void onHandshaked() {}
    };
};

typedef LoggingServerOf<Local> LocalServer;
typedef LoggingSessionOf<Local> LocalSession;
typedef LoggingClientOf<Local> LocalClient;

} // namespace

#ifdef _WIN32

TEST(unix_sockets_are_unsupported_on_windows)
{
    Running running;
    CHECK_THROWS(std::make_shared<LocalServer>(running.service, "server"), asio::system_error);
    CHECK_THROWS(std::make_shared<LocalClient>(running.service, "server"), asio::system_error);
}

#else

namespace {

// A path where nothing is, before and after.
struct FreePath
{
    const std::string text;

    explicit FreePath(const std::string& name) : text("/tmp/cppserver-cpp-" + std::to_string(getpid()) + "-" + name) { unlink(text.c_str()); }
    FreePath(const FreePath&) = delete;
    FreePath& operator=(const FreePath&) = delete;
    ~FreePath() { unlink(text.c_str()); }

    // The permissions of the socket there; -1 when there is none.
    int Mode() const
    {
        struct stat status;
        return ((stat(text.c_str(), &status) == 0) && S_ISSOCK(status.st_mode)) ? static_cast<int>(status.st_mode & 07777) : -1;
    }
};

struct Started : Running
{
    FreePath path;
    std::shared_ptr<LocalServer> server;

    explicit Started(const std::string& name, size_t threads = 1) : Running(threads), path(name), server(std::make_shared<LocalServer>(service, path.text))
    {
        server->session_received = [](LocalSession& session, const std::string& text)
        {
            session.Send(text);
            return text.size();
        };
        server->Start();
        server->log.Wait("server.onStarted");
    }

    std::shared_ptr<LocalClient> ConnectedClient() const
    {
        auto client = std::make_shared<LocalClient>(service, path.text);
        client->Connect();
        client->log.Wait("client.onConnected");
        return client;
    }
};

} // namespace

TEST(unix_echo_and_multicast)
{
    Started started("echo");
    CHECK_EQUAL(started.server->path(), started.path.text);
    auto client = started.ConnectedClient();
    auto other = started.ConnectedClient();
    CHECK_EQUAL(client->path(), started.path.text);
    CHECK_EQUAL(client->Send("hello"), 5u);
    UNTIL(client->Received() == "hello");
    UNTIL(started.server->current_sessions() == 2);
    UNTIL(started.server->log.Count("server.onConnected") == 2);
    CHECK(started.server->Multicast("!"));
    UNTIL(client->Received() == "hello!");
    UNTIL(other->Received() == "!");
    CHECK_EQUAL(client->bytes_received(), 6u);
    CHECK(client->Disconnect());
    client->log.Wait("client.onDisconnected");
    started.server->log.Wait("server.onDisconnected");
    CHECK(other->IsConnected());
}

TEST(unix_mode_and_file_belong_to_the_start)
{
    Running running;
    FreePath path("mode");
    auto server = std::make_shared<LocalServer>(running.service, path.text);
    CHECK(server->SetupMode(0600));
    CHECK(!server->SetupMode(010000));
    CHECK(!server->SetupMode(-2));
    CHECK_EQUAL(path.Mode(), -1);
    CHECK(server->Start());
    CHECK_EQUAL(path.Mode(), 0600);
    CHECK(server->Restart());
    UNTIL(server->log.Count("server.onStarted") == 2);
    CHECK_EQUAL(path.Mode(), 0600);
    CHECK(server->Stop());
    server->log.Wait("server.onStopped");
    UNTIL(server->log.Count("server.onStopped") == 2);
    CHECK_EQUAL(path.Mode(), -1);
}

TEST(unix_path_that_is_taken_is_an_error)
{
    Started started("taken");
    auto second = std::make_shared<LocalServer>(started.service, started.path.text);
    CHECK(second->Start());
    second->log.Wait("server.onStopped");
    CHECK_EQUAL(second->log.Events().front().substr(0, 15), std::string("server.onError("));
    CHECK(!second->IsStarted());
    auto client = started.ConnectedClient();
    client->Send("still there");
    UNTIL(client->Received() == "still there");
}

TEST(unix_client_without_a_server_tells_an_error)
{
    Running running;
    FreePath path("nobody");
    auto client = std::make_shared<LocalClient>(running.service, path.text);
    CHECK(client->Connect());
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->log.Events().front().substr(0, 16), std::string("client.onError(" + std::to_string(ENOENT)).substr(0, 16));
    // The same client, once somebody is there.
    auto server = std::make_shared<LocalServer>(running.service, path.text);
    server->Start();
    server->log.Wait("server.onStarted");
    CHECK(client->Connect());
    client->log.Wait("client.onConnected");
}

TEST(unix_paths_that_cannot_be)
{
    Running running;
    for (const std::string& path : { std::string(), std::string(200, 'a'), std::string("a\0b", 3) })
    {
        CHECK_THROWS(std::make_shared<LocalServer>(running.service, path), asio::system_error);
        CHECK_THROWS(std::make_shared<LocalClient>(running.service, path), asio::system_error);
    }
}

TEST(unix_starts_and_stops_from_callbacks)
{
    Started started("callbacks", 2);
    std::atomic<int> rounds(0);
    auto client = std::make_shared<LocalClient>(started.service, started.path.text);
    client->connected = [](LocalClient& self) { self.Disconnect(); };
    client->disconnected = [&rounds](LocalClient& self)
    {
        if (++rounds < 50)
            self.Connect();
    };
    CHECK(client->Connect());
    UNTIL(rounds == 50);
    UNTIL(started.server->log.Count("server.onDisconnected") == 50);
    UNTIL(started.server->current_sessions() == 0);
}

#endif
