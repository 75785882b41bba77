// Echo or multicast on standalone asio: asio_echo echo|multicast. Prints "port N"; ends when standard input does.

#include "asio_server.h"

int main(int count, char** arguments) {
    using Socket = asio::ip::tcp::socket;
    const bool multicast = count > 1 && std::strcmp(arguments[1], "multicast") == 0;
    asio::io_context context(1);
    Session<Socket>::Sessions sessions;
    run(context, [&sessions, multicast](Socket socket) {
        std::make_shared<Session<Socket>>(std::move(socket), sessions, multicast)->start();
    });
}
