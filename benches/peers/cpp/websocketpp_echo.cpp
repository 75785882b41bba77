// Echo or multicast on websocketpp: websocketpp_echo echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints "port N";
// ends when standard input does.

#include "end_with_input.h"

#include <websocketpp/config/asio.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

#include <cstdio>
#include <cstring>
#include <set>

constexpr int backlog = 4096;

// Compression is there for clients that ask for it.
template <class Base>
struct WithDeflate : Base {
    using type = WithDeflate;
    struct permessage_deflate_config {};
    using permessage_deflate_type = websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config>;
};

using Plain = websocketpp::server<WithDeflate<websocketpp::config::asio>>;
using Encrypted = websocketpp::server<WithDeflate<websocketpp::config::asio_tls>>;
using Handle = websocketpp::connection_hdl;

template <class Server>
void run(Server& server, const char* mode) {
    std::set<Handle, std::owner_less<Handle>> sessions;
    server.clear_access_channels(websocketpp::log::alevel::all);
    server.clear_error_channels(websocketpp::log::elevel::all);
    if (std::strcmp(mode, "multicast") == 0) {
        server.set_open_handler([&](Handle handle) { sessions.insert(handle); });
        server.set_close_handler([&](Handle handle) { sessions.erase(handle); });
        server.set_message_handler([&](Handle, typename Server::message_ptr message) {
            websocketpp::lib::error_code ignored;
            for (const auto& session : sessions)
                server.send(session, message->get_payload(), message->get_opcode(), ignored);
        });
    } else {
        server.set_message_handler([&](Handle handle, typename Server::message_ptr message) {
            websocketpp::lib::error_code ignored;
            server.send(handle, message->get_payload(), message->get_opcode(), ignored);
        });
    }
    server.set_tcp_pre_init_handler([&](Handle handle) {
        boost::system::error_code ignored;
        server.get_con_from_hdl(handle)->get_raw_socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    });
    server.init_asio();
    server.set_listen_backlog(backlog);
    server.listen(boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
    server.start_accept();
    end_with_input();
    websocketpp::lib::asio::error_code error;
    std::printf("port %d\n", server.get_local_endpoint(error).port());
    std::fflush(stdout);
    server.run();
}

int main(int count, char** arguments) {
    if (count == 2) {
        Plain server;
        run(server, arguments[1]);
        return 0;
    }
    if (count != 5 || std::strcmp(arguments[2], "--tls") != 0) {
        std::fprintf(stderr, "usage: websocketpp_echo echo|multicast|deflate [--tls CERTIFICATE KEY]\n");
        return 2;
    }
    namespace ssl = boost::asio::ssl;
    const auto tls = websocketpp::lib::make_shared<ssl::context>(ssl::context::tls_server);
    tls->use_certificate_chain_file(arguments[3]);
    tls->use_private_key_file(arguments[4], ssl::context::pem);
    SSL_CTX_set_mode(tls->native_handle(), SSL_MODE_RELEASE_BUFFERS);
    Encrypted server;
    server.set_tls_init_handler([tls](Handle) { return tls; });
    run(server, arguments[1]);
}
