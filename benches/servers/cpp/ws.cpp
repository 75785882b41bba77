// Echo or multicast of messages through the C++ classes: ws echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints
// "port N"; ends when standard input does.

#include "server/asio/websocket_server.h"
#include "server/asio/websocket_ssl_server.h"

#include <iostream>
#include <limits>
#include <memory>
#include <string>

namespace {

// In the clear.
struct Plain
{
    template <class TServer, class TSession>
    using Server = CppServer::Asio::WebSocketServer<TServer, TSession>;
    template <class TServer, class TSession>
    using Session = CppServer::Asio::WebSocketSession<TServer, TSession>;
};

// Encrypted.
struct Encrypted
{
    template <class TServer, class TSession>
    using Server = CppServer::Asio::WebSocketSSLServer<TServer, TSession>;
    template <class TServer, class TSession>
    using Session = CppServer::Asio::WebSocketSSLSession<TServer, TSession>;
};

template <class TLink, template <class> class TSession>
class Server : public TLink::template Server<Server<TLink, TSession>, TSession<TLink>>
{
    typedef typename TLink::template Server<Server, TSession<TLink>> Base;

public:
    using Base::Base;

protected:
    void onStarted() override { std::cout << "port " << this->port() << std::endl; }
    void onError(int error, const std::string& category, const std::string& message) override
    {
        std::cerr << category << ' ' << error << ": " << message << std::endl;
    }
};

template <class TLink>
class EchoSession : public TLink::template Session<Server<TLink, EchoSession>, EchoSession<TLink>>
{
    typedef typename TLink::template Session<Server<TLink, ::EchoSession>, EchoSession> Base;

public:
    using Base::Base;

protected:
    void onReceived(CppServer::Asio::WebSocketMessage message) override { this->Send(message); }
};

template <class TLink>
class MulticastSession : public TLink::template Session<Server<TLink, MulticastSession>, MulticastSession<TLink>>
{
    typedef typename TLink::template Session<Server<TLink, ::MulticastSession>, MulticastSession> Base;

public:
    using Base::Base;

protected:
    void onReceived(CppServer::Asio::WebSocketMessage message) override { this->server()->Multicast(message); }
};

// The arguments are what a server takes between service and address.
template <class TServer, class... Arguments>
void run(bool deflate, Arguments... arguments)
{
    auto service = std::make_shared<CppServer::Asio::Service>();
    service->Start();
    auto server = std::make_shared<TServer>(service, arguments..., "127.0.0.1", 0);
    server->SetupDeflate(deflate);
    server->Start();
    std::cin.ignore(std::numeric_limits<std::streamsize>::max());
    server->Stop();
    service->Stop();
}

template <class TLink, class... Arguments>
void run_mode(const std::string& mode, Arguments... arguments)
{
    if (mode == "multicast")
        run<Server<TLink, MulticastSession>>(false, arguments...);
    else
        run<Server<TLink, EchoSession>>(mode == "deflate", arguments...);
}

} // namespace

int main(int count, char** arguments)
{
    const std::string mode = count > 1 ? arguments[1] : "echo";
    if (count != 5 || std::string(arguments[2]) != "--tls")
    {
        run_mode<Plain>(mode);
        return 0;
    }
    auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::sslv23);
    context->use_certificate_chain_file(arguments[3]);
    context->use_private_key_file(arguments[4], asio::ssl::context::pem);
    run_mode<Encrypted>(mode, context);
}
