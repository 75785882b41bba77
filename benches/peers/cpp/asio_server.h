// Echo or multicast on standalone asio, over any kind of stream.

#pragma once

#include <asio.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <list>
#include <memory>
#include <vector>

constexpr int backlog = 4096;
constexpr std::size_t receive_buffer = 16 * 1024;

template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
public:
    using Sessions = std::list<std::shared_ptr<Session>>;

    Session(Stream stream, Sessions& sessions, bool multicast)
        : stream_(std::move(stream)), sessions_(sessions), multicast_(multicast) {}

    // The stream is ready for data.
    void start() {
        place_ = sessions_.insert(sessions_.end(), this->shared_from_this());
        read();
    }

    Stream& stream() { return stream_; }

private:
    void read() {
        auto self = this->shared_from_this();
        stream_.async_read_some(asio::buffer(buffer_), [this, self](asio::error_code error, std::size_t size) {
            if (error)
                close();
            else if (multicast_)
                multicast(size);
            else
                echo(size);
        });
    }

    void echo(std::size_t size) {
        auto self = this->shared_from_this();
        asio::async_write(stream_, asio::buffer(buffer_, size), [this, self](asio::error_code error, std::size_t) {
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
        auto self = this->shared_from_this();
        asio::async_write(stream_, asio::buffer(*queue_.front()), [this, self](asio::error_code error, std::size_t) {
            queue_.pop_front();
            if (error)
                close();
            else if (!queue_.empty())
                write_first();
        });
    }

    void close() {
        auto& socket = stream_.lowest_layer();
        if (!socket.is_open())
            return;
        asio::error_code ignored;
        socket.close(ignored);
        sessions_.erase(place_);
    }

    Stream stream_;
    Sessions& sessions_;
    bool multicast_;
    typename Sessions::iterator place_;
    std::deque<std::shared_ptr<std::vector<char>>> queue_;
    std::array<char, receive_buffer> buffer_;
};

template <class Begin>
void accept(asio::ip::tcp::acceptor& acceptor, Begin begin) {
    acceptor.async_accept([&acceptor, begin](asio::error_code error, asio::ip::tcp::socket socket) {
        if (!error) {
            asio::error_code ignored;
            socket.set_option(asio::ip::tcp::no_delay(true), ignored);
            begin(std::move(socket));
        }
        accept(acceptor, begin);
    });
}

void watch_input(asio::posix::stream_descriptor& input, std::array<char, 64>& bytes) {
    input.async_read_some(asio::buffer(bytes), [&](asio::error_code error, std::size_t) {
        if (error)
            std::exit(0);
        watch_input(input, bytes);
    });
}

// Calls begin(socket) for each connection until standard input ends.
template <class Begin>
void run(asio::io_context& context, Begin begin) {
    asio::ip::tcp::acceptor acceptor(context);
    const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
    acceptor.open(endpoint.protocol());
    acceptor.bind(endpoint);
    acceptor.listen(backlog);
    accept(acceptor, begin);
    asio::posix::stream_descriptor input(context, 0);
    std::array<char, 64> bytes;
    watch_input(input, bytes);
    std::printf("port %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    context.run();
}
