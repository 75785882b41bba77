/// @file handles.h
/// The C handle of an object whose address may be changed by its user.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_HANDLES_H
#define CPPSERVER_SERVER_ASIO_DETAIL_HANDLES_H

#include "cppserver.h"

#include "server/asio/service.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Asio {
namespace Detail {

/// Where a Unix domain socket has its file.
struct Path
{
    std::string text;
};

/// What a handle of the C library is made for. It keeps the two others alive, so that their addresses stay theirs.
struct Target
{
    Target() : port(0), is_peer(false), web_socket(false), is_path(false) {}
    /// Of a Unix domain socket.
    Target(std::shared_ptr<Service> owner, const Path& path)
        : service(std::move(owner)), address(path.text), port(0), is_peer(false), web_socket(false), is_path(true)
    {
        // The C library would see the part in front of it alone.
        if (path.text.find('\0') != std::string::npos)
            throw Compat::asio::system_error(Compat::asio::error::invalid_argument);
    }
    /// Of a WebSocket client.
    Target(std::shared_ptr<Service> owner, cppserver_tls_context* tls, std::string uri)
        : service(std::move(owner)), context(cppserver_tls_context_retain(tls)), address(std::move(uri)), port(0), is_peer(true), web_socket(true), is_path(false)
    {
    }
    template <class TEndpoint>
    Target(std::shared_ptr<Service> owner, cppserver_tls_context* tls, const TEndpoint& endpoint)
        : service(std::move(owner)), context(cppserver_tls_context_retain(tls)), address(endpoint.address().to_string()), port(endpoint.port()),
          is_peer(false), web_socket(false), is_path(false)
    {
    }

    struct Release
    {
        void operator()(cppserver_tls_context* tls) const noexcept { cppserver_tls_context_release(tls); }
    };

    std::shared_ptr<Service> service;
    // None without TLS.
    std::unique_ptr<cppserver_tls_context, Release> context;
    std::string address;
    unsigned short port;
    // Of UDP: whether the address is that of the peer, rather than the own one.
    bool is_peer;
    // Whether messages are exchanged; of a client the address is a URI then.
    bool web_socket;
    // Whether the address is the path of a Unix domain socket.
    bool is_path;

    bool operator==(const Target& other) const
    {
        return (service == other.service) && (context.get() == other.context.get()) && (address == other.address) && (port == other.port);
    }
};

/// What differs between servers and clients of the C library.
struct ServerFunctions
{
    typedef cppserver_server handle;
    static handle* Create(const Target& to)
    {
        cppserver_service* service = to.service->service().native_handle();
        if (to.is_path)
            return cppserver_server_create_unix(service, to.address.c_str());
        if (to.web_socket)
        {
            return to.context ? cppserver_server_create_wss(service, to.context.get(), to.address.c_str(), to.port)
                : cppserver_server_create_ws(service, to.address.c_str(), to.port);
        }
        return to.context ? cppserver_server_create_tls(service, to.context.get(), to.address.c_str(), to.port)
            : cppserver_server_create_tcp(service, to.address.c_str(), to.port);
    }
    static void Release(handle* server) { cppserver_server_release(server); }
    static int32_t SetOption(handle* server, int32_t option, int64_t value) { return cppserver_server_set_option(server, option, value); }
    static int32_t GetOption(const handle* server, int32_t option, int64_t* value) { return cppserver_server_get_option(server, option, value); }
};

struct ClientFunctions
{
    typedef cppserver_client handle;
    static handle* Create(const Target& to)
    {
        cppserver_service* service = to.service->service().native_handle();
        if (to.is_path)
            return cppserver_client_create_unix(service, to.address.c_str());
        if (to.web_socket)
        {
            return to.context ? cppserver_client_create_wss(service, to.context.get(), to.address.c_str())
                : cppserver_client_create_ws(service, to.address.c_str());
        }
        // The C library wants the port of a client at once; StreamClient refuses to connect while it is 0.
        const uint16_t port = (to.port != 0) ? to.port : uint16_t(1);
        return to.context ? cppserver_client_create_tls(service, to.context.get(), to.address.c_str(), port)
            : cppserver_client_create_tcp(service, to.address.c_str(), port);
    }
    static void Release(handle* client) { cppserver_client_release(client); }
    static int32_t SetOption(handle* client, int32_t option, int64_t value) { return cppserver_client_set_option(client, option, value); }
    static int32_t GetOption(const handle* client, int32_t option, int64_t* value) { return cppserver_client_get_option(client, option, value); }
};

/// UDP has one type for both of its ends.
struct DatagramFunctions
{
    typedef cppserver_udp handle;
    static handle* Create(const Target& to)
    {
        cppserver_service* service = to.service->service().native_handle();
        // Each datagram is given its address, so the port of the peer does not matter here; but it must not be 0.
        return to.is_peer ? cppserver_udp_create_client(service, to.address.c_str(), (to.port != 0) ? to.port : uint16_t(1))
            : cppserver_udp_create_server(service, to.address.c_str(), to.port);
    }
    static void Release(handle* udp) { cppserver_udp_release(udp); }
    static int32_t SetOption(handle* udp, int32_t option, int64_t value) { return cppserver_udp_set_option(udp, option, value); }
    static int32_t GetOption(const handle* udp, int32_t option, int64_t* value) { return cppserver_udp_get_option(udp, option, value); }
};

/// The current handle and the ones it replaced. A handle of the C library has a fixed target, but endpoint(), service() and
/// context() of the C++ classes may be written to. Replaced handles live as long as the object, because another thread may be using them.
template <class TFunctions>
class Handles
{
public:
    typedef typename TFunctions::handle handle;

    Handles() : _current(nullptr) {}
    Handles(const Handles&) = delete;
    Handles& operator=(const Handles&) = delete;
    ~Handles()
    {
        for (handle* item : _all)
            TFunctions::Release(item);
    }

    handle* Current() const noexcept { return _current.load(std::memory_order_acquire); }

    /// Makes a handle for the target unless the current one has it. Throws system_error. True when the handle is new; then it
    /// has the options of the one it replaced.
    bool Update(Target target)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        handle* old = _current.load();
        if ((old != nullptr) && (_target == target))
            return false;
        handle* fresh = TFunctions::Create(target);
        if (fresh == nullptr)
            ThrowLastFailure("Cannot use the endpoint");
        _all.push_back(fresh);
        CopyOptions_(old, fresh);
        _target = std::move(target);
        _current.store(fresh, std::memory_order_release);
        return true;
    }

    /// True when the current handle has the target.
    bool Has(const Target& target) const
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _target == target;
    }

    /// Takes over the options of other handles.
    void CopyOptions(const Handles& other) { CopyOptions_(other.Current(), Current()); }

    bool SetOption(int32_t option, int64_t value) { return TFunctions::SetOption(Current(), option, value) == CPPSERVER_STATUS_OK; }

private:
    std::atomic<handle*> _current;
    mutable std::mutex _mutex;
    std::vector<handle*> _all;
    Target _target;

    static void CopyOptions_(const handle* from, handle* to)
    {
        for (int32_t option = CPPSERVER_OPTION_NO_DELAY; (from != nullptr) && (option <= CPPSERVER_OPTION_DEFLATE_THRESHOLD); ++option)
        {
            int64_t value = 0;
            if (TFunctions::GetOption(from, option, &value) == CPPSERVER_STATUS_OK)
                TFunctions::SetOption(to, option, value);
        }
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_HANDLES_H
