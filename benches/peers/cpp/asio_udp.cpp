// Datagrams on standalone asio: asio_udp echo|burst|multicast. Prints "port N"; ends when standard input does.
// ../c/datagrams.h tells what it does.
//
// What can be sent at once is, in the callback that received; only what the kernel refuses is waited for.

#include "../c/datagrams.h"

#include <asio.hpp>

#include <array>
#include <string>

using asio::ip::udp;

class Server {
public:
    Server(asio::io_context& context, const std::string& mode)
        : socket_(context, udp::endpoint(asio::ip::address_v4::loopback(), 0)), mode_(mode) {
        socket_.set_option(asio::socket_base::receive_buffer_size(RECEIVE_BUFFER));
        socket_.non_blocking(true);
        receive();
    }

    unsigned short port() const { return socket_.local_endpoint().port(); }

private:
    void receive() {
        socket_.async_receive_from(asio::buffer(buffer_), from_, [this](asio::error_code error, std::size_t size) {
            if (!error)
                answer(size);
            else
                receive();
        });
    }

    void answer(std::size_t size) {
        uint32_t count, datagram_size;
        if (mode_ == "echo") {
            send(from_, buffer_.data(), size, 1);
        } else if (mode_ == "multicast" && size >= 2) {
            const auto* port = reinterpret_cast<const unsigned char*>(buffer_.data());
            const auto number = static_cast<unsigned short>(port[0] << 8 | port[1]);
            send(udp::endpoint(asio::ip::address_v4(0xefff0001), number), buffer_.data(), size, 1);
        } else if (mode_ == "burst" && read_command(buffer_.data(), size, &count, &datagram_size)) {
            std::memcpy(burst_.data(), buffer_.data(), COMMAND);
            send(from_, burst_.data(), datagram_size, count);
        } else {
            receive();
        }
    }

    // Sends the same datagram some times, then receives again.
    void send(const udp::endpoint& to, const char* data, std::size_t size, uint32_t count) {
        asio::error_code error;
        for (; count > 0; --count) {
            socket_.send_to(asio::buffer(data, size), to, 0, error);
            if (error == asio::error::would_block) {
                socket_.async_wait(udp::socket::wait_write, [this, to, data, size, count](asio::error_code) {
                    send(to, data, size, count);
                });
                return;
            }
        }
        receive();
    }

    udp::socket socket_;
    udp::endpoint from_;
    std::string mode_;
    std::array<char, 65536> buffer_;
    std::array<char, LARGEST> burst_{};
};

static void watch_input(asio::posix::stream_descriptor& input, std::array<char, 64>& bytes) {
    input.async_read_some(asio::buffer(bytes), [&](asio::error_code error, std::size_t) {
        if (error)
            std::exit(0);
        watch_input(input, bytes);
    });
}

int main(int count, char** arguments) {
    asio::io_context context(1);
    Server server(context, count > 1 ? arguments[1] : "echo");
    asio::posix::stream_descriptor input(context, 0);
    std::array<char, 64> bytes;
    watch_input(input, bytes);
    std::printf("port %d\n", server.port());
    std::fflush(stdout);
    context.run();
}
