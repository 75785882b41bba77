/// @file io_service.h
/// asio::io_service as a view of a running cppserver service.

#ifndef CPPSERVER_COMPAT_ASIO_IO_SERVICE_H
#define CPPSERVER_COMPAT_ASIO_IO_SERVICE_H

#include "cppserver.h"

#include "compat/asio/error.h"
#include "compat/asio/protect.h"

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

namespace CppServer {
namespace Compat {
namespace asio {

/// Takes handlers for the I/O threads of a service. It belongs to a CppServer::Asio::Service, which starts and stops the
/// threads: run(), poll(), stop() and reset() are therefore harmless and do nothing. All functions may be called from
/// every thread.
class io_service
{
public:
    typedef void (*report_function)(void* context, const std::system_error& error);

    class executor_type;
    class work;

    /// For the owner: `report` receives every std::system_error that leaves a handler.
    io_service(cppserver_service* service, void* context, report_function report) noexcept
        : _service(cppserver_service_retain(service)), _context(context), _report(report)
    {
    }
    io_service(const io_service&) = delete;
    io_service& operator=(const io_service&) = delete;
    ~io_service() { cppserver_service_release(_service); }

    /// The service of the C library; borrowed.
    cppserver_service* native_handle() const noexcept { return _service; }

    /// Runs a copy of the handler on an I/O thread, later. A handler that cannot run any more is destroyed.
    template <typename Handler>
    void post(Handler&& handler)
    {
        typedef task<typename std::decay<Handler>::type> task_type;
        cppserver_service_post(_service, &task_type::run, new task_type(*this, std::forward<Handler>(handler)), &task_type::destroy);
    }

    /// Runs the handler now when called on an I/O thread of this service, otherwise like post().
    template <typename Handler>
    void dispatch(Handler&& handler)
    {
        if (cppserver_service_is_loop_thread(_service))
            handler();
        else
            post(std::forward<Handler>(handler));
    }

    /// A callable that dispatches the handler together with the arguments it is called with.
    template <typename Handler>
    auto wrap(Handler handler)
    {
        return [this, handler](auto&&... arguments)
        {
            this->dispatch(std::bind(handler, std::forward<decltype(arguments)>(arguments)...));
        };
    }

    executor_type get_executor() noexcept;

    std::size_t run() noexcept { return 0; }
    std::size_t run(error_code& ec) noexcept { return nothing(ec); }
    std::size_t run_one() noexcept { return 0; }
    std::size_t run_one(error_code& ec) noexcept { return nothing(ec); }
    std::size_t poll() noexcept { return 0; }
    std::size_t poll(error_code& ec) noexcept { return nothing(ec); }
    std::size_t poll_one() noexcept { return 0; }
    std::size_t poll_one(error_code& ec) noexcept { return nothing(ec); }
    void stop() noexcept {}
    void reset() noexcept {}
    void restart() noexcept {}
    /// True while the service is not started.
    bool stopped() const noexcept { return !cppserver_service_is_started(_service); }

    /// Calls a function of the user on an I/O thread. What it throws goes to the owner or ends the process.
    template <typename Function>
    void protect(Function&& function) noexcept
    {
        detail::protect(std::forward<Function>(function), [this](const std::system_error& error) { report(error); });
    }

    /// Hands an exception that left a callback to the owner.
    void report(const std::system_error& error) { _report(_context, error); }

private:
    // A queued handler. The owner of the io_service outlives every run of a handler: a started service keeps itself alive.
    template <typename Handler>
    struct task
    {
        template <typename Source>
        task(io_service& target, Source&& source) : service(target), handler(std::forward<Source>(source)) {}

        static void run(void* user_data)
        {
            task& self = *static_cast<task*>(user_data);
            self.service.protect([&self]() { self.handler(); });
        }
        static void destroy(void* user_data) { delete static_cast<task*>(user_data); }

        io_service& service;
        Handler handler;
    };

    cppserver_service* _service;
    void* _context;
    report_function _report;

    static std::size_t nothing(error_code& ec) noexcept
    {
        ec = error_code();
        return 0;
    }
};

typedef io_service io_context;

/// Names an io_service. Copyable and comparable.
class io_service::executor_type
{
public:
    explicit executor_type(io_service& service) noexcept : _service(&service) {}

    io_service& context() const noexcept { return *_service; }
    template <typename Handler> void post(Handler&& handler) const { _service->post(std::forward<Handler>(handler)); }
    template <typename Handler> void dispatch(Handler&& handler) const { _service->dispatch(std::forward<Handler>(handler)); }
    bool running_in_this_thread() const noexcept { return cppserver_service_is_loop_thread(_service->native_handle()); }

    friend bool operator==(const executor_type& a, const executor_type& b) noexcept { return a._service == b._service; }
    friend bool operator!=(const executor_type& a, const executor_type& b) noexcept { return a._service != b._service; }

private:
    io_service* _service;
};

/// In asio this keeps run() from returning; a service needs no such help.
class io_service::work
{
public:
    explicit work(io_service& service) noexcept : _service(service) {}
    io_service& get_io_service() noexcept { return _service; }
    io_service& get_io_context() noexcept { return _service; }

private:
    io_service& _service;
};

inline io_service::executor_type io_service::get_executor() noexcept { return executor_type(*this); }

template <typename Handler> inline void post(io_service& service, Handler&& handler) { service.post(std::forward<Handler>(handler)); }
template <typename Handler> inline void dispatch(io_service& service, Handler&& handler) { service.dispatch(std::forward<Handler>(handler)); }
template <typename Handler>
inline void post(const io_service::executor_type& executor, Handler&& handler) { executor.post(std::forward<Handler>(handler)); }
template <typename Handler>
inline void dispatch(const io_service::executor_type& executor, Handler&& handler) { executor.dispatch(std::forward<Handler>(handler)); }

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_IO_SERVICE_H
