// Encrypted servers and clients that write down what happens to them, and contexts for them.

#ifndef CPPSERVER_TESTS_SSL_SUPPORT_H
#define CPPSERVER_TESTS_SSL_SUPPORT_H

#include "support.h"

#include "server/asio/ssl_client.h"
#include "server/asio/ssl_server.h"

#include <cstdlib>

namespace Test {

struct Secure
{
    template <class TServer, class TSession>
    using Server = CppServer::Asio::SSLServer<TServer, TSession>;
    template <class TServer, class TSession>
    using Session = CppServer::Asio::SSLSession<TServer, TSession>;
    typedef CppServer::Asio::SSLClient Client;
};

typedef LoggingServerOf<Secure> SecureServer;
typedef LoggingSessionOf<Secure> SecureSession;
typedef LoggingClientOf<Secure> SecureClient;
typedef std::shared_ptr<asio::ssl::context> SharedContext;

// The tests run in the folder of the project.
inline std::string Certificate(const std::string& name) { return "certs/" + name; }

// A name for a file or folder that is not there yet.
inline std::string TemporaryName()
{
    for (const char* variable : { "TMPDIR", "TEMP" })
    {
        const char* folder = std::getenv(variable);
        if (folder != nullptr)
            return std::string(folder) + "/cppserver-" + CppCommon::UUID::Generate().string();
    }
    return "/tmp/cppserver-" + CppCommon::UUID::Generate().string();
}

inline SharedContext EmptyContext(asio::ssl::context::method method = asio::ssl::context::sslv23)
{
    return std::make_shared<asio::ssl::context>(method);
}

// A context with a certificate of this name and its key.
inline SharedContext OwnContext(const std::string& name, asio::ssl::context::method method = asio::ssl::context::sslv23)
{
    auto context = EmptyContext(method);
    context->use_certificate_chain_file(Certificate(name + ".pem"));
    context->use_private_key_file(Certificate(name + ".key"), asio::ssl::context::pem);
    return context;
}

// A context that verifies the chain of its peers.
inline SharedContext VerifyingContext(const std::string& authority = "ca.pem")
{
    auto context = EmptyContext();
    context->set_verify_mode(asio::ssl::verify_peer);
    context->load_verify_file(Certificate(authority));
    return context;
}

inline std::string SslText(int value) { return ErrorText(asio::error_code(value, asio::error::get_ssl_category())); }
inline std::string AlertText(int alert) { return SslText(asio::error::alert_of_peer + alert); }
inline std::string Truncated() { return ErrorText(asio::ssl::error::stream_truncated); }

// A server and a client with these contexts, connecting.
struct SecurePair : Running
{
    std::shared_ptr<SecureServer> server;
    std::shared_ptr<SecureClient> client;

    SecurePair(SharedContext server_context, SharedContext client_context, std::function<void(SecureServer&)> prepare = nullptr,
        std::function<void(SecureClient&)> prepare_client = nullptr)
    {
        server = std::make_shared<SecureServer>(service, server_context, "127.0.0.1", 0);
        if (prepare)
            prepare(*server);
        server->Start();
        server->log.Wait("server.onStarted");
        client = std::make_shared<SecureClient>(service, client_context, "127.0.0.1", server->port());
        if (prepare_client)
            prepare_client(*client);
        client->Connect();
    }

    void WaitForHandshake(size_t count = 1)
    {
        client->log.Wait("client.onHandshaked", count);
        server->log.Wait("session.onHandshaked", count);
    }

    void WaitForEnd()
    {
        client->log.Wait("client.onDisconnected");
        server->log.Wait("server.onDisconnected");
    }
};

// The same, with the usual certificates and after the handshake.
struct SecureConnected : SecurePair
{
    explicit SecureConnected(std::function<void(SecureServer&)> prepare = nullptr, std::function<void(SecureClient&)> prepare_client = nullptr)
        : SecurePair(OwnContext("server"), VerifyingContext(), prepare, prepare_client)
    {
        WaitForHandshake();
    }
};

} // namespace Test

#endif // CPPSERVER_TESTS_SSL_SUPPORT_H
