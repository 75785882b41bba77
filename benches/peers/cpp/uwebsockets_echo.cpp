// Echo or multicast on uWebSockets: uwebsockets_echo echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints "port N";
// ends when standard input does.
//
// As its own examples do; multicast is a topic that all sessions subscribe to.

#include "end_with_input.h"

#include <App.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <sys/socket.h>

constexpr unsigned largest_message = 1024 * 1024;
constexpr unsigned most_unsent = 16 * 1024 * 1024;
constexpr int receive_buffer = 192 * 1024;

struct Session {};

template <bool Encrypted>
int serve(const char* mode, uWS::SocketContextOptions options) {
    const bool multicast = std::strcmp(mode, "multicast") == 0;
    const bool deflate = std::strcmp(mode, "deflate") == 0;
    using Socket = uWS::WebSocket<Encrypted, true, Session>;
    uWS::TemplatedApp<Encrypted> app(options);
    typename uWS::TemplatedApp<Encrypted>::template WebSocketBehavior<Session> behavior;
    if (deflate)
        behavior.compression = uWS::CompressOptions(uWS::SHARED_COMPRESSOR | uWS::SHARED_DECOMPRESSOR);
    behavior.maxPayloadLength = largest_message;
    behavior.maxBackpressure = most_unsent;
    // A client that waits for its turn answers no pings.
    behavior.idleTimeout = 0;
    behavior.sendPingsAutomatically = false;
    if (multicast) {
        behavior.open = [](Socket* socket) { socket->subscribe("all"); };
        behavior.message = [&app](Socket*, std::string_view message, uWS::OpCode kind) {
            app.publish("all", message, kind);
        };
    } else {
        behavior.message = [deflate](Socket* socket, std::string_view message, uWS::OpCode kind) {
            socket->send(message, kind, deflate);
        };
    }
    app.template ws<Session>("/*", std::move(behavior));
    app.listen("127.0.0.1", 0, [](us_listen_socket_t* listener) {
        if (listener == nullptr) {
            std::perror("listen");
            std::exit(1);
        }
        if (Encrypted) {
            // A read that fills its buffer of 512 KiB ends with a broken TLS session, so that less has to be there.
            const int fd = us_poll_fd(reinterpret_cast<us_poll_t*>(listener));
            if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer) != 0)
                std::perror("SO_RCVBUF");
        }
        std::printf("port %d\n", us_socket_local_port(Encrypted, reinterpret_cast<us_socket_t*>(listener)));
        std::fflush(stdout);
    });
    app.run();
    return 0;
}

int main(int count, char** arguments) {
    end_with_input();
    if (count == 2)
        return serve<false>(arguments[1], {});
    if (count != 5 || std::strcmp(arguments[2], "--tls") != 0) {
        std::fprintf(stderr, "usage: uwebsockets_echo echo|multicast|deflate [--tls CERTIFICATE KEY]\n");
        return 2;
    }
    uWS::SocketContextOptions options;
    options.cert_file_name = arguments[3];
    options.key_file_name = arguments[4];
    return serve<true>(arguments[1], options);
}
