// Echo or multicast on standalone asio: asio_echo echo|multicast. Prints "port N"; ends when standard input does.

#include <asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <memory>
#include <vector>

namespace {

constexpr int backlog = 4096;
constexpr std::size_t receive_buffer = 16 * 1024;

class Session;
using Sessions = std::list<std::shared_ptr<Session>>;

class Session : public std::enable_shared_from_this<Session> {
public:
    Session(asio::ip::tcp::socket socket, Sessions& sessions, bool multicast)
        : socket_(std::move(socket)), sessions_(sessions), multicast_(multicast) {}

    void start() {
        asio::error_code ignored;
        socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
        place_ = sessions_.insert(sessions_.end(), shared_from_this());
        read();
    }

private:
    void read() {
        auto self = shared_from_this();
        socket_.async_read_some(asio::buffer(buffer_), [this, self](asio::error_code error, std::size_t size) {
            if (error)
                close();
            else if (multicast_)
                multicast(size);
            else
                echo(size);
        });
    }

    void echo(std::size_t size) {
        auto self = shared_from_this();
        asio::async_write(socket_, asio::buffer(buffer_, size), [this, self](asio::error_code error, std::size_t) {
            if (error)
                close();
            else
                read();
        });
    }

    void multicast(std::size_t size) {
        auto data = std::make_shared<std::vector<char>>(buffer_.data(), buffer_.data() + size);
        for (auto& session : sessions_)
            session->send(data);
        read();
    }

    void send(std::shared_ptr<std::vector<char>> data) {
        queue_.push_back(std::move(data));
        if (queue_.size() == 1)
            write_first();
    }

    void write_first() {
        auto self = shared_from_this();
        asio::async_write(socket_, asio::buffer(*queue_.front()), [this, self](asio::error_code error, std::size_t) {
            queue_.pop_front();
            if (error)
                close();
            else if (!queue_.empty())
                write_first();
        });
    }

    void close() {
        if (!socket_.is_open())
            return;
        asio::error_code ignored;
        socket_.close(ignored);
        sessions_.erase(place_);
    }

    asio::ip::tcp::socket socket_;
    Sessions& sessions_;
    bool multicast_;
    Sessions::iterator place_;
    std::deque<std::shared_ptr<std::vector<char>>> queue_;
    std::array<char, receive_buffer> buffer_;
};

void accept(asio::ip::tcp::acceptor& acceptor, Sessions& sessions, bool multicast) {
    acceptor.async_accept([&, multicast](asio::error_code error, asio::ip::tcp::socket socket) {
        if (!error)
            std::make_shared<Session>(std::move(socket), sessions, multicast)->start();
        accept(acceptor, sessions, multicast);
    });
}

void watch_input(asio::posix::stream_descriptor& input, std::array<char, 64>& bytes) {
    input.async_read_some(asio::buffer(bytes), [&](asio::error_code error, std::size_t) {
        if (error)
            std::exit(0);
        watch_input(input, bytes);
    });
}

} // namespace

int main(int count, char** arguments) {
    const bool multicast = count > 1 && std::strcmp(arguments[1], "multicast") == 0;
    asio::io_context context(1);
    asio::ip::tcp::acceptor acceptor(context);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
    acceptor.open(endpoint.protocol());
    acceptor.bind(endpoint);
    acceptor.listen(backlog);
    Sessions sessions;
    accept(acceptor, sessions, multicast);
    asio::posix::stream_descriptor input(context, 0);
    std::array<char, 64> bytes;
    watch_input(input, bytes);
    std::printf("port %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    context.run();
}
