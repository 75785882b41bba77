/// @file handles.h
/// The C handle of an object whose address may be changed by its user.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_HANDLES_H
#define CPPSERVER_SERVER_ASIO_DETAIL_HANDLES_H

#include "cppserver.h"

#include "server/asio/detail/failure.h"

#include <atomic>
#include <mutex>
#include <vector>

namespace CppServer {
namespace Asio {
namespace Detail {

/// What differs between servers and clients of the C library.
struct ServerFunctions
{
    typedef cppserver_server handle;
    static handle* Create(cppserver_service* service, const char* address, uint16_t port) { return cppserver_server_create_tcp(service, address, port); }
    static void Release(handle* server) { cppserver_server_release(server); }
    static int32_t SetOption(handle* server, int32_t option, int64_t value) { return cppserver_server_set_option(server, option, value); }
    static int32_t GetOption(const handle* server, int32_t option, int64_t* value) { return cppserver_server_get_option(server, option, value); }
};

struct ClientFunctions
{
    typedef cppserver_client handle;
    // The C library wants the port of a client at once; TCPClient refuses to connect while it is 0.
    static handle* Create(cppserver_service* service, const char* address, uint16_t port) { return cppserver_client_create_tcp(service, address, (port != 0) ? port : uint16_t(1)); }
    static void Release(handle* client) { cppserver_client_release(client); }
    static int32_t SetOption(handle* client, int32_t option, int64_t value) { return cppserver_client_set_option(client, option, value); }
    static int32_t GetOption(const handle* client, int32_t option, int64_t* value) { return cppserver_client_get_option(client, option, value); }
};

/// The current handle and the ones it replaced. A handle of the C library has a fixed address, but endpoint() of the C++
/// classes may be written to. Replaced handles live as long as the object, because another thread may be using them.
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

    /// Makes a handle for the endpoint unless the current one has it. Throws system_error. True when the handle is new; then
    /// it has the options of the one it replaced.
    template <class TEndpoint>
    bool Update(cppserver_service* service, const TEndpoint& endpoint)
    {
        const std::string address = endpoint.address().to_string();
        std::lock_guard<std::mutex> lock(_mutex);
        handle* old = _current.load();
        if ((old != nullptr) && (_address == address) && (_port == endpoint.port()))
            return false;
        handle* fresh = TFunctions::Create(service, address.c_str(), endpoint.port());
        if (fresh == nullptr)
            ThrowLastFailure("Cannot use the endpoint");
        _all.push_back(fresh);
        if (old != nullptr)
        {
            for (int32_t option = CPPSERVER_OPTION_NO_DELAY; option <= CPPSERVER_OPTION_RECEIVE_LIMIT; ++option)
            {
                int64_t value = 0;
                if (TFunctions::GetOption(old, option, &value) == CPPSERVER_STATUS_OK)
                    TFunctions::SetOption(fresh, option, value);
            }
        }
        _address = address;
        _port = endpoint.port();
        _current.store(fresh, std::memory_order_release);
        return true;
    }

    /// True when the current handle has the endpoint.
    template <class TEndpoint>
    bool Has(const TEndpoint& endpoint) const
    {
        const std::string address = endpoint.address().to_string();
        std::lock_guard<std::mutex> lock(_mutex);
        return (_address == address) && (_port == endpoint.port());
    }

    bool SetOption(int32_t option, int64_t value) { return TFunctions::SetOption(Current(), option, value) == CPPSERVER_STATUS_OK; }

private:
    std::atomic<handle*> _current;
    mutable std::mutex _mutex;
    std::vector<handle*> _all;
    std::string _address;
    unsigned short _port = 0;
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_HANDLES_H
