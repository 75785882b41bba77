// A plain blocking socket: the peer that does what no client of the library would do.

#ifndef CPPSERVER_TESTS_RAW_PEER_H
#define CPPSERVER_TESTS_RAW_PEER_H

#include "framework.h"

#include "server/asio/asio.h"

#if !defined(_WIN32)
#include <unistd.h>
#endif

namespace Test {

class RawPeer
{
public:
    typedef CppServer::Compat::asio::detail::socket_type Handle;

    RawPeer() : _handle(Open()) {}
    explicit RawPeer(int port) : _handle(Open()) { Connect(port); }
    RawPeer(RawPeer&& other) : _handle(other._handle) { other._handle = None; }
    RawPeer(const RawPeer&) = delete;
    RawPeer& operator=(const RawPeer&) = delete;
    ~RawPeer() { Close(); }

    void Connect(int port)
    {
        const asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port));
        if (::connect(_handle, endpoint.data(), static_cast<Length>(endpoint.size())) != 0)
            throw Failure("a raw peer cannot connect");
    }

    // Binds to a port, 0 for a free one, and listens; returns the port.
    unsigned short Listen(int backlog, unsigned short port = 0)
    {
        asio::ip::tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
        Length size = static_cast<Length>(endpoint.capacity());
        if ((::bind(_handle, endpoint.data(), static_cast<Length>(endpoint.size())) != 0) || (::listen(_handle, backlog) != 0)
            || (::getsockname(_handle, endpoint.data(), &size) != 0))
            throw Failure("a raw peer cannot listen");
        return endpoint.port();
    }

    RawPeer Accept()
    {
        const Handle accepted = ::accept(_handle, nullptr, nullptr);
        if (accepted == None)
            throw Failure("a raw peer cannot accept");
        return RawPeer(Adopt{ accepted });
    }

    void Send(const std::string& text)
    {
        if (::send(_handle, text.data(), static_cast<int>(text.size()), 0) != static_cast<int>(text.size()))
            throw Failure("a raw peer cannot send");
    }

    // What comes until the text ends so.
    std::string ReceiveUntil(const std::string& end)
    {
        std::string result;
        while ((result.size() < end.size()) || (result.compare(result.size() - end.size(), end.size(), end) != 0))
        {
            char letter = 0;
            if (::recv(_handle, &letter, 1, 0) <= 0)
                throw Failure("a raw peer waited for '" + end + "' and got '" + result + "'");
            result += letter;
        }
        return result;
    }

    // So many bytes.
    std::string Receive(size_t size)
    {
        std::string result;
        while (result.size() < size)
        {
            char letter = 0;
            if (::recv(_handle, &letter, 1, 0) <= 0)
                throw Failure("a raw peer waited for " + std::to_string(size) + " bytes and got '" + result + "'");
            result += letter;
        }
        return result;
    }

    // Everything until the other side closes.
    std::string ReceiveAll()
    {
        std::string result;
        char buffer[65536];
        for (;;)
        {
            const auto count = ::recv(_handle, buffer, sizeof(buffer), 0);
            if (count <= 0)
                return result;
            result.append(buffer, static_cast<size_t>(count));
        }
    }

    void ShutdownSend() { ::shutdown(_handle, asio::socket_base::shutdown_send); }

    // Closes with a reset instead of an end of file.
    void Reset()
    {
        struct linger off = {};
        off.l_onoff = 1;
        off.l_linger = 0;
        ::setsockopt(_handle, SOL_SOCKET, SO_LINGER, reinterpret_cast<const char*>(&off), sizeof(off));
        Close();
    }

    void Close()
    {
        if (_handle == None)
            return;
#if defined(_WIN32)
        ::closesocket(_handle);
#else
        ::close(_handle);
#endif
        _handle = None;
    }

private:
    typedef CppServer::Compat::asio::detail::socket_length Length;
    struct Adopt { Handle handle; };

    static constexpr Handle None = CppServer::Compat::asio::detail::invalid_socket;

    Handle _handle;

    explicit RawPeer(Adopt adopt) : _handle(adopt.handle) {}

    static Handle Open()
    {
#if defined(_WIN32)
        WSADATA data;
        ::WSAStartup(MAKEWORD(2, 2), &data);
#endif
        const Handle handle = ::socket(AF_INET, SOCK_STREAM, 0);
        if (handle == None)
            throw Failure("no socket for a raw peer");
        return handle;
    }
};

// A port on which nobody listens: one that was just given back.
inline unsigned short UnusedPort()
{
    RawPeer listener;
    return listener.Listen(1);
}

} // namespace Test

#endif // CPPSERVER_TESTS_RAW_PEER_H
