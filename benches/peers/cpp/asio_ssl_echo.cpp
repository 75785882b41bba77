// Echo or multicast on asio::ssl: asio_ssl_echo echo|multicast --tls CERTIFICATE KEY. Prints "port N"; ends when
// standard input does.

#include "asio_server.h"

#include <asio/ssl.hpp>

int main(int count, char** arguments) {
    using Stream = asio::ssl::stream<asio::ip::tcp::socket>;
    if (count != 5 || std::strcmp(arguments[2], "--tls") != 0) {
        std::fprintf(stderr, "usage: asio_ssl_echo echo|multicast --tls CERTIFICATE KEY\n");
        return 2;
    }
    const bool multicast = std::strcmp(arguments[1], "multicast") == 0;
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain_file(arguments[3]);
    tls.use_private_key_file(arguments[4], asio::ssl::context::pem);
    SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    asio::io_context context(1);
    Session<Stream>::Sessions sessions;
    run(context, [&tls, &sessions, multicast](asio::ip::tcp::socket socket) {
        auto session = std::make_shared<Session<Stream>>(Stream(std::move(socket), tls), sessions, multicast);
        session->stream().async_handshake(Stream::server, [session](asio::error_code error) {
            if (!error)
                session->start();
        });
    });
}
