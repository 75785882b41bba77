/// @file service.h
/// CppServer::Asio::Service: the threads that do all input and output.

#ifndef CPPSERVER_SERVER_ASIO_SERVICE_H
#define CPPSERVER_SERVER_ASIO_SERVICE_H

#include "cppserver.h"

#include "compat/common.h"
#include "compat/common/thread.h"
#include "server/asio/asio.h"
#include "server/asio/detail/failure.h"
#include "server/asio/detail/loop_thread.h"
#include "threads/thread.h"

#include <atomic>
#include <cassert>
#include <memory>
#include <string>
#include <utility>

namespace CppServer {
namespace Asio {

/// Owns one I/O thread (or more, when asked for) which runs the callbacks of all servers, sessions and clients that were
/// given this service.
///
/// Must be owned by a std::shared_ptr. A started service keeps itself alive until Stop(). What is started or connected
/// while it does not run waits in it for the next Start(), and keeps it alive until the Stop() after that. All functions
/// may be called from every thread and every callback. An exception derived from std::system_error that leaves a callback
/// or a handler goes to onError(), and the thread goes on; any other exception ends the process with a message.
class Service : public std::enable_shared_from_this<Service>
{
public:
    /// A service with one I/O thread.
    Service() : Service(1) {}
    /// A service with several I/O threads. Callbacks of one session or client never overlap; callbacks of different ones
    /// do as soon as there are two threads. Throws system_error when the system refuses what a service needs.
    explicit Service(size_t threads)
        : _handle(cppserver_service_create(static_cast<uint32_t>(threads))), _service(_handle.get(), this, &Service::Report_), _started(false)
    {
        if (!_handle)
            Detail::ThrowLastFailure("Cannot create a service");
    }
    Service(const Service&) = delete;
    virtual ~Service() = default;

    Service& operator=(const Service&) = delete;

    /// For timers and handlers in the style of asio.
    Compat::asio::io_service& service() noexcept { return _service; }

    /// Number of I/O threads.
    size_t threads() const noexcept { return cppserver_service_threads(_handle.get()); }

    /// True from just before onStarted() until just before onStopped().
    bool IsStarted() const noexcept { return _started; }

    /// Starts the I/O threads and does not wait for onStarted(). With `polling` they never sleep but call onIdle() whenever
    /// there is nothing to do. False when the service is started already.
    bool Start(bool polling = false)
    {
        auto run = new std::shared_ptr<Service>(shared_from_this());
        return cppserver_service_start(_handle.get(), polling, &Handler_(), run) == CPPSERVER_STATUS_OK;
    }

    /// Stops all servers and clients of the service with their callbacks, calls onStopped() and ends the threads. Returns
    /// after all that, or at once when called on an I/O thread. False when the service is not started.
    bool Stop() { return cppserver_service_stop(_handle.get()) == CPPSERVER_STATUS_OK; }

    /// Stops and starts again, in the same mode. False when the service is not started.
    bool Restart() { return cppserver_service_restart(_handle.get()) == CPPSERVER_STATUS_OK; }

    /// Runs the handler now when called on an I/O thread of this service, otherwise like Post().
    template <typename CompletionHandler>
    void Dispatch(CompletionHandler&& handler)
    {
        _service.dispatch(std::forward<CompletionHandler>(handler));
    }

    /// Runs the handler on an I/O thread, later. Handlers posted from one thread run in their order. Before Start() they
    /// are kept; a handler that cannot run any more is destroyed.
    template <typename CompletionHandler>
    void Post(CompletionHandler&& handler)
    {
        _service.post(std::forward<CompletionHandler>(handler));
    }

protected:
    /// An I/O thread has begun; before onStarted().
    virtual void onThreadInitialize() {}
    /// An I/O thread ends; after onStopped().
    virtual void onThreadCleanup() {}
    /// The service was started.
    virtual void onStarted() {}
    /// The service was stopped.
    virtual void onStopped() {}
    /// Nothing to do; only called while polling.
    virtual void onIdle() { Compat::common::Thread::Yield(); }
    /// Something went wrong that no server or client is the owner of; also a std::system_error that left a callback.
    virtual void onError(int /*error*/, const std::string& /*category*/, const std::string& /*message*/) {}

private:
    struct Deleter_
    {
        void operator()(cppserver_service* service) const noexcept { cppserver_service_release(service); }
    };

    std::unique_ptr<cppserver_service, Deleter_> _handle;
    Compat::asio::io_service _service;
    std::atomic<bool> _started;

    static Service& From_(void* user_data) noexcept { return **static_cast<std::shared_ptr<Service>*>(user_data); }

    static void Report_(void* context, const std::system_error& error)
    {
        static_cast<Service*>(context)->onError(error.code().value(), error.code().category().name(), error.code().message());
    }

    static const cppserver_service_handler& Handler_() noexcept
    {
        static const cppserver_service_handler handler = {
            sizeof(cppserver_service_handler), &HandleThreadInitialize_, &HandleThreadCleanup_, &HandleStarted_, &HandleStopped_, &HandleIdle_, &HandleError_, &HandleDestroy_,
        };
        return handler;
    }

    static void HandleThreadInitialize_(void* user_data)
    {
        Service& self = From_(user_data);
        Detail::OnLoopThread() = true;
        self._service.protect([&self]() { self.onThreadInitialize(); });
    }
    static void HandleThreadCleanup_(void* user_data)
    {
        Service& self = From_(user_data);
        self._service.protect([&self]() { self.onThreadCleanup(); });
    }
    static void HandleStarted_(void* user_data)
    {
        Service& self = From_(user_data);
        self._started = true;
        self._service.protect([&self]() { self.onStarted(); });
    }
    static void HandleStopped_(void* user_data)
    {
        Service& self = From_(user_data);
        self._started = false;
        self._service.protect([&self]() { self.onStopped(); });
    }
    static void HandleIdle_(void* user_data)
    {
        Service& self = From_(user_data);
        self._service.protect([&self]() { self.onIdle(); });
    }
    static void HandleError_(void* user_data, int32_t code, const char* category, const char* message)
    {
        Service& self = From_(user_data);
        self._service.protect([&]()
        {
            Detail::Tell(Detail::MakeFailure(code, category, message),
                [&self](int error, const std::string& kind, const std::string& text) { self.onError(error, kind, text); });
        });
    }
    static void HandleDestroy_(void* user_data) { delete static_cast<std::shared_ptr<Service>*>(user_data); }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_SERVICE_H
