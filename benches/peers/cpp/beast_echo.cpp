// Echo or multicast on Boost.Beast: beast_echo echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints "port N"; ends
// when standard input does.

#include "end_with_input.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <cstdio>
#include <cstring>
#include <deque>
#include <list>
#include <memory>
#include <string>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

constexpr int backlog = 4096;

struct Message {
    std::string data;
    bool text;
};

template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
public:
    using Sessions = std::list<std::shared_ptr<Session>>;

    Session(Stream stream, Sessions& sessions, const char* mode)
        : stream_(std::move(stream)), sessions_(sessions), multicast_(std::strcmp(mode, "multicast") == 0) {
        if (std::strcmp(mode, "deflate") == 0) {
            websocket::permessage_deflate deflate;
            deflate.server_enable = true;
            deflate.server_no_context_takeover = true;
            deflate.client_no_context_takeover = true;
            stream_.set_option(deflate);
        }
        // A message is one frame, as with the others.
        stream_.auto_fragment(false);
    }

    auto& encryption() { return stream_.next_layer(); }

    void start() {
        auto self = this->shared_from_this();
        stream_.async_accept([this, self](error_code error) {
            if (error)
                return;
            place_ = sessions_.insert(sessions_.end(), self);
            read();
        });
    }

private:
    void read() {
        auto self = this->shared_from_this();
        stream_.async_read(buffer_, [this, self](error_code error, std::size_t) {
            if (error)
                close();
            else if (multicast_)
                multicast();
            else
                echo();
        });
    }

    void echo() {
        auto self = this->shared_from_this();
        stream_.text(stream_.got_text());
        stream_.async_write(buffer_.data(), [this, self](error_code error, std::size_t) {
            buffer_.consume(buffer_.size());
            if (error)
                close();
            else
                read();
        });
    }

    void multicast() {
        auto message = std::make_shared<Message>(Message{beast::buffers_to_string(buffer_.data()), stream_.got_text()});
        buffer_.consume(buffer_.size());
        for (auto& session : sessions_)
            session->send(message);
        read();
    }

    void send(std::shared_ptr<Message> message) {
        queue_.push_back(std::move(message));
        if (queue_.size() == 1)
            write_first();
    }

    void write_first() {
        auto self = this->shared_from_this();
        stream_.text(queue_.front()->text);
        stream_.async_write(asio::buffer(queue_.front()->data), [this, self](error_code error, std::size_t) {
            queue_.pop_front();
            if (error)
                queue_.clear();
            else if (!queue_.empty())
                write_first();
        });
    }

    // Only a read gets here, and it is the last one.
    void close() { sessions_.erase(place_); }

    websocket::stream<Stream> stream_;
    Sessions& sessions_;
    bool multicast_;
    typename Sessions::iterator place_;
    beast::flat_buffer buffer_;
    std::deque<std::shared_ptr<Message>> queue_;
};

template <class Begin>
void accept(tcp::acceptor& acceptor, Begin begin) {
    acceptor.async_accept([&acceptor, begin](error_code error, tcp::socket socket) {
        if (!error) {
            error_code ignored;
            socket.set_option(tcp::no_delay(true), ignored);
            begin(std::move(socket));
        }
        accept(acceptor, begin);
    });
}

template <class Begin>
void run(asio::io_context& context, Begin begin) {
    tcp::acceptor acceptor(context);
    const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), 0);
    acceptor.open(endpoint.protocol());
    acceptor.bind(endpoint);
    acceptor.listen(backlog);
    accept(acceptor, begin);
    end_with_input();
    std::printf("port %d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    context.run();
}

int main(int count, char** arguments) {
    const bool encrypted = count == 5 && std::strcmp(arguments[2], "--tls") == 0;
    if (count != 2 && !encrypted) {
        std::fprintf(stderr, "usage: beast_echo echo|multicast|deflate [--tls CERTIFICATE KEY]\n");
        return 2;
    }
    const char* mode = arguments[1];
    asio::io_context context(1);
    if (!encrypted) {
        Session<tcp::socket>::Sessions sessions;
        run(context, [&sessions, mode](tcp::socket socket) {
            std::make_shared<Session<tcp::socket>>(std::move(socket), sessions, mode)->start();
        });
        return 0;
    }
    using Stream = beast::ssl_stream<tcp::socket>;
    asio::ssl::context tls(asio::ssl::context::tls_server);
    tls.use_certificate_chain_file(arguments[3]);
    tls.use_private_key_file(arguments[4], asio::ssl::context::pem);
    SSL_CTX_set_mode(tls.native_handle(), SSL_MODE_RELEASE_BUFFERS);
    Session<Stream>::Sessions sessions;
    run(context, [&tls, &sessions, mode](tcp::socket socket) {
        auto session = std::make_shared<Session<Stream>>(Stream(std::move(socket), tls), sessions, mode);
        session->encryption().async_handshake(asio::ssl::stream_base::server, [session](error_code error) {
            if (!error)
                session->start();
        });
    });
}
