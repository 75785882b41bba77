/// @file socket.h
/// CppServer::Nanomsg::Socket: one end of a pattern of the scalability protocols.

#ifndef CPPSERVER_SERVER_NANOMSG_SOCKET_H
#define CPPSERVER_SERVER_NANOMSG_SOCKET_H

#include "server/asio/detail/loop_thread.h"
#include "server/nanomsg/detail/gate.h"
#include "server/nanomsg/detail/socket_options.h"
#include "server/nanomsg/detail/socket_settings.h"
#include "server/nanomsg/endpoint.h"
#include "server/nanomsg/message.h"

#include <atomic>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

namespace CppServer {
namespace Nanomsg {

/// Listens, or connects in the background and again when a connection is lost; with Link(), Listen() and Dial() as often as it likes.
/// What happens to a message, the Protocol says. Detail::SocketSettings has options.
///
/// Addresses are "tcp://host:port", "ipc://path", "ws://host:port/path", after SetupTls() also "tls+tcp://" and "wss://", and
/// "inproc://name" within the process. To listen, "*" is every address of the machine, the
/// name of an interface ("tcp://eth0:5555") its first one, and the port 0 a free one. To dial, an address or an interface to come from may
/// stand in front ("tcp://eth0;server:5555").
///
/// All functions but moves may be called on every thread and in every callback. Close() wakes those that are blocked. Errors are
/// thrown as CppCommon::SystemException with the error number of nanomsg. On I/O threads, where the callbacks of objects with a Service
/// run, nothing blocks: what would is thrown as EAGAIN.
class Socket : public Detail::SocketSettings<Socket>
{
public:
    explicit Socket(Domain domain, Protocol protocol)
        : Socket(domain, protocol, cppserver_sp_socket_create(static_cast<int32_t>(protocol), domain == Domain::Raw))
    {
    }
    /// A socket whose connections run on the I/O threads of a std::shared_ptr of an Asio::Service, rather than on the one that all
    /// sockets of the process share.
    template <class TService>
    explicit Socket(const std::shared_ptr<TService>& service, Domain domain, Protocol protocol)
        : Socket(domain, protocol,
            cppserver_sp_socket_create_on(service->service().native_handle(), static_cast<int32_t>(protocol), domain == Domain::Raw))
    {
    }
    Socket(const Socket&) = delete;
    /// Takes everything over; the other one is closed then.
    Socket(Socket&& socket) noexcept
        : _domain(socket._domain), _protocol(socket._protocol), _opened(false), _endpoint_id(-1), _links(false), _gate(std::make_shared<Detail::Gate>())
    {
        Take_(socket);
    }
    ~Socket() { Close(); }

    Socket& operator=(const Socket&) = delete;
    /// Closes the socket, and then takes everything over from the other one.
    Socket& operator=(Socket&& socket) noexcept
    {
        if (this != &socket)
        {
            Close();
            Take_(socket);
        }
        return *this;
    }

    Domain domain() const noexcept { return _domain; }
    Protocol protocol() const noexcept { return _protocol; }
    /// A number that no other open socket of the process has; -1 when the socket is closed.
    int socket() const noexcept { return _opened ? static_cast<int>(cppserver_sp_socket_id(_handle.get()) & std::numeric_limits<int>::max()) : -1; }
    /// The number of the endpoint that Bind() or Connect() has made; -1 for none.
    int endpoint() const noexcept { return _endpoint_id; }
    /// Its address; empty for none. Not to be read while another thread opens or ends that endpoint.
    const std::string& address() const noexcept { return _address; }
    /// The port that Bind() got, also when it asked for port 0; 0 for none.
    uint16_t port() const noexcept
    {
        std::lock_guard<std::mutex> lock(_mutex);
        return _endpoint.port();
    }
    /// The socket of the C library.
    cppserver_sp_socket* native_handle() const noexcept { return _handle.get(); }

    // Counters since the socket was made; 2^64-1 when it is closed. Messages and bytes count what was given and taken, once for each
    // message, however many peers it goes to.

    /// Connections made by this side,
    uint64_t established_connections() const noexcept { return Counted_(&cppserver_sp_statistics::established_connections); }
    /// accepted by this side,
    uint64_t accepted_connections() const noexcept { return Counted_(&cppserver_sp_statistics::accepted_connections); }
    /// ended by this side,
    uint64_t dropped_connections() const noexcept { return Counted_(&cppserver_sp_statistics::dropped_connections); }
    /// ended by the peer or the network.
    uint64_t broken_connections() const noexcept { return Counted_(&cppserver_sp_statistics::broken_connections); }
    /// Attempts to connect that failed; each is made again.
    uint64_t connect_errors() const noexcept { return Counted_(&cppserver_sp_statistics::connect_errors); }
    uint64_t bind_errors() const noexcept { return Counted_(&cppserver_sp_statistics::bind_errors); }
    uint64_t accept_errors() const noexcept { return Counted_(&cppserver_sp_statistics::accept_errors); }
    uint64_t current_connections() const noexcept { return Counted_(&cppserver_sp_statistics::current_connections); }
    uint64_t messages_sent() const noexcept { return Counted_(&cppserver_sp_statistics::messages_sent); }
    uint64_t messages_received() const noexcept { return Counted_(&cppserver_sp_statistics::messages_received); }
    uint64_t bytes_sent() const noexcept { return Counted_(&cppserver_sp_statistics::bytes_sent); }
    uint64_t bytes_received() const noexcept { return Counted_(&cppserver_sp_statistics::bytes_received); }
    /// Messages that went nowhere: a peer had no room for what is published, an answer came too late or to no question.
    uint64_t messages_dropped() const noexcept { return Counted_(&cppserver_sp_statistics::messages_dropped); }
    /// Messages that were accepted and not delivered, because the connection broke or the linger time was over.
    uint64_t messages_undelivered() const noexcept { return Counted_(&cppserver_sp_statistics::messages_undelivered); }

    /// Whether the socket was not closed yet.
    bool IsOpened() const noexcept { return _opened; }
    /// Whether there is an endpoint of Bind() or Connect(), with or without a peer.
    bool IsConnected() const noexcept { return _endpoint_id >= 0; }

    /// With the levels and options of nanomsg (NN_...). False when the socket is closed; throws for what is no option (ENOPROTOOPT) and
    /// no value (EINVAL). NN_IPV4ONLY is kept and not followed: addresses of IPv6 are never refused. There are no descriptors to poll.
    bool SetSocketOption(int level, int option, const void* value, size_t size)
    {
        if (!_opened)
            return false;
        _options.Set(_handle.get(), level, option, value, size);
        return true;
    }
    bool GetSocketOption(int level, int option, void* value, size_t* size)
    {
        if (!_opened)
            return false;
        _options.Get(_handle.get(), level, option, socket(), value, size);
        return true;
    }

    /// Listens. False when the socket is closed, or has an endpoint of Bind() or Connect() already.
    bool Bind(const std::string& address) { return Open_(address, &cppserver_sp_socket_listen, "Cannot bind the nanomsg socket to"); }
    /// Connects in the background, and again and again until Disconnect(); nobody has to be there yet. False as for Bind().
    bool Connect(const std::string& address) { return Open_(address, &cppserver_sp_socket_dial, "Cannot connect the nanomsg socket to"); }
    /// Connects to one more address, until the socket is closed. False when it is.
    bool Link(const std::string& address)
    {
        if (!_opened)
            return false;
        NewEndpoint_(address, &cppserver_sp_socket_dial, "Cannot link the nanomsg socket to");
        return true;
    }
    /// Listens on one more address, until that endpoint or the socket is closed.
    Endpoint Listen(const std::string& address)
    {
        Endpoint endpoint = NewEndpoint_(address, &cppserver_sp_socket_listen, "Cannot bind the nanomsg socket to");
        _links = true;
        return endpoint;
    }
    /// Connects to one more address, until that endpoint or the socket is closed.
    Endpoint Dial(const std::string& address)
    {
        Endpoint endpoint = NewEndpoint_(address, &cppserver_sp_socket_dial, "Cannot connect the nanomsg socket to");
        _links = true;
        return endpoint;
    }

    /// Ends the endpoint of Bind() or Connect() and its connections. The socket, its counters, and other endpoints stay. False when there
    /// is none.
    bool Disconnect()
    {
        Endpoint endpoint = Forget_();
        if (!endpoint)
            return false;
        if (!endpoint.Close() && _opened)
            Detail::ThrowLastError("Cannot disconnect the nanomsg socket!");
        return true;
    }

    /// Topics of subscribers: what begins with one of them is received; everything begins with the empty one.
    void Subscribe(const std::string& topic) { Topic_(topic, &cppserver_sp_socket_subscribe); }
    void Unsubscribe(const std::string& topic) { Topic_(topic, &cppserver_sp_socket_unsubscribe); }

    /// Sends a message, and blocks until it can be: pair and push sockets wait for a peer with room, the others never. Returns its size;
    /// 0 when there is nothing to send, or the socket is closed or has no endpoint, also meanwhile.
    size_t Send(const void* buffer, size_t size) { return Sent_(buffer, size, AsSet) ? size : 0; }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }
    /// A message whose buffer has no bytes is sent too.
    size_t Send(const Message& message) { return Sent_(message, AsSet) ? message.size() : 0; }

    /// The same, but 0 where Send() would block.
    size_t TrySend(const void* buffer, size_t size) { return Sent_(buffer, size, Never) ? size : 0; }
    size_t TrySend(const std::string& text) { return TrySend(text.data(), text.size()); }
    size_t TrySend(const Message& message) { return Sent_(message, Never) ? message.size() : 0; }

    /// Receives a message, and blocks until there is one. Returns its size, which can be 0, but then the message has a buffer. Without
    /// one nothing was received: the socket is closed or has no endpoint, also meanwhile.
    size_t Receive(Message& message) { return Received_(message, AsSet); }
    /// The same, but nothing where Receive() would block.
    size_t TryReceive(Message& message) { return Received_(message, Never); }

    /// Receives an answer to a survey: its size and false; 0 and true when the deadline is over, or the socket closed. 0 and false when
    /// NN_RCVTIMEO has passed before. After the end of the survey it throws EFSM until the next one.
    std::tuple<size_t, bool> ReceiveSurvey(Message& message) { return Answered_(message, AsSet); }
    /// The same, but 0 and false where ReceiveSurvey() would block.
    std::tuple<size_t, bool> TryReceiveSurvey(Message& message) { return Answered_(message, Never); }

    /// Whether functions may block (default). With false, those that would return as if there were nothing to send or receive, and so do
    /// those that are blocked right now.
    void SetupBlocking(bool enable) { cppserver_sp_socket_set_blocking(_handle.get(), enable); }

    /// Closes the socket for good: functions that are blocked return, then what was sent is delivered within the linger time. False when
    /// it is closed already.
    bool Close()
    {
        if (!_opened.exchange(false))
            return false;
        Forget_();
        cppserver_sp_socket_close(_handle.get());
        _gate->Ask();
        return true;
    }

    /// Closes all sockets of the process for good: functions that are blocked, and later calls, fail with EBADF, and so does a new
    /// socket.
    static void Terminate() { cppserver_sp_terminate(); }

private:
    friend class Context;
    friend class Detail::Node;
    friend Detail::SocketSettings<Socket>;

    enum : int64_t
    {
        AsSet = -1,
        Never = 0
    };
    typedef cppserver_sp_endpoint* (*Opener_)(cppserver_sp_socket* socket, const char* address);

    struct Release_
    {
        void operator()(cppserver_sp_socket* socket) const noexcept { cppserver_sp_socket_release(socket); }
    };

    std::unique_ptr<cppserver_sp_socket, Release_> _handle;
    Domain _domain;
    Protocol _protocol;
    std::atomic<bool> _opened;
    mutable std::mutex _mutex;
    Endpoint _endpoint;
    std::atomic<int> _endpoint_id;
    std::string _address;
    // Whether there were endpoints of Listen() or Dial().
    std::atomic<bool> _links;
    Detail::SocketOptions _options;
    // Shared with the thread of the object that the socket belongs to.
    std::shared_ptr<Detail::Gate> _gate;

    Socket(Domain domain, Protocol protocol, cppserver_sp_socket* handle)
        : _handle(handle), _domain(domain), _protocol(protocol), _opened(true), _endpoint_id(-1), _links(false), _gate(std::make_shared<Detail::Gate>())
    {
        if (!_handle)
            Detail::ThrowLastError("Cannot create a new nanomsg socket!");
    }

    void Take_(Socket& other)
    {
        _handle = std::move(other._handle);
        _domain = other._domain;
        _protocol = other._protocol;
        _endpoint = std::move(other._endpoint);
        other._endpoint = Endpoint();
        _endpoint_id = other._endpoint_id.exchange(-1);
        _address = std::move(other._address);
        other._address.clear();
        _links = other._links.exchange(false);
        _options.Take(other._options);
        _opened = other._opened.exchange(false);
    }

    Endpoint NewEndpoint_(const std::string& address, Opener_ open, const std::string& what)
    {
        cppserver_sp_endpoint* endpoint = open(_handle.get(), address.c_str());
        if (endpoint == nullptr)
            Detail::ThrowLastError(what + " the given endpoint '" + address + "'!");
        return Endpoint(endpoint);
    }

    bool Open_(const std::string& address, Opener_ open, const char* what)
    {
        std::lock_guard<std::mutex> lock(_mutex);
        if (!_opened || _endpoint)
            return false;
        _endpoint = NewEndpoint_(address, open, what);
        _address = address;
        _endpoint_id = _endpoint.id();
        return true;
    }

    Endpoint Forget_()
    {
        std::lock_guard<std::mutex> lock(_mutex);
        Endpoint endpoint = std::move(_endpoint);
        _endpoint = Endpoint();
        _address.clear();
        _endpoint_id = -1;
        return endpoint;
    }

    void Topic_(const std::string& topic, int32_t (*change)(cppserver_sp_socket*, const void*, size_t))
    {
        if (change(_handle.get(), topic.data(), topic.size()) != CPPSERVER_STATUS_OK)
            Detail::ThrowLastError("Cannot change the topics of the nanomsg socket!");
    }

    bool IsUsable_() const noexcept { return _opened && (IsConnected() || _links); }

    // Whether a call has done what it was asked for. Throws when it could not, other than for the reasons that are told by nothing.
    bool IsDone_(int32_t status, int64_t timeout, const char* what) const
    {
        if (status == CPPSERVER_STATUS_OK)
            return true;
        if (!_opened)
            return false;
        // An I/O thread that would have to wait is told so; others that need not wait any more have nothing.
        if (Detail::LastFailureIs(CPPSERVER_SP_FAILURE_WOULD_BLOCK) && ((timeout == Never) || !Asio::Detail::OnLoopThread()))
            return false;
        Detail::ThrowLastError(what);
    }

    bool IsSent_(int32_t status, int64_t timeout)
    {
        if (!IsDone_(status, timeout, "Cannot send a message to the nanomsg socket!"))
            return false;
        if ((_protocol == Protocol::Request) || (_protocol == Protocol::Surveyor))
            _gate->Ask();
        return true;
    }
    bool Sent_(const void* buffer, size_t size, int64_t timeout)
    {
        if ((buffer == nullptr) || (size == 0) || !IsUsable_())
            return false;
        return IsSent_(cppserver_sp_socket_send(_handle.get(), buffer, size, timeout), timeout);
    }
    bool Sent_(const Message& message, int64_t timeout)
    {
        if (!message || !IsUsable_())
            return false;
        return IsSent_(cppserver_sp_socket_send_message(_handle.get(), message._message, timeout), timeout);
    }

    size_t Received_(Message& message, int64_t timeout)
    {
        if (!IsUsable_())
        {
            message.Clear();
            return 0;
        }
        const int32_t status = cppserver_sp_socket_receive(_handle.get(), message.Room_(), timeout);
        message.Filled_(status == CPPSERVER_STATUS_OK);
        return IsDone_(status, timeout, "Cannot receive a message from the nanomsg socket!") ? message.size() : 0;
    }

    std::tuple<size_t, bool> Answered_(Message& message, int64_t timeout)
    {
        bool finished = false;
        if (!IsUsable_())
        {
            message.Clear();
            return std::make_tuple(size_t(0), true);
        }
        const int32_t status = cppserver_sp_socket_receive_answer(_handle.get(), message.Room_(), timeout, &finished);
        message.Filled_((status == CPPSERVER_STATUS_OK) && !finished);
        return Answer_(status, timeout, message.size(), finished);
    }

    // What the receive of an answer has come to.
    std::tuple<size_t, bool> Answer_(int32_t status, int64_t timeout, size_t size, bool finished) const
    {
        if (status == CPPSERVER_STATUS_OK)
            return std::make_tuple(size, finished);
        if (Detail::LastFailureIs(CPPSERVER_SP_FAILURE_TIMED_OUT))
            return std::make_tuple(size_t(0), false);
        if (Detail::LastFailureIs(CPPSERVER_SP_FAILURE_TERMINATED))
            return std::make_tuple(size_t(0), true);
        IsDone_(status, timeout, "Cannot receive an answer from the nanomsg socket!");
        return std::make_tuple(size_t(0), (timeout != Never) || !IsUsable_());
    }

    uint64_t Counted_(uint64_t cppserver_sp_statistics::*counter) const noexcept
    {
        cppserver_sp_statistics statistics;
        statistics.size = sizeof(statistics);
        if (!_opened || (cppserver_sp_socket_statistics(_handle.get(), &statistics) != CPPSERVER_STATUS_OK))
            return std::numeric_limits<uint64_t>::max();
        return statistics.*counter;
    }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_SOCKET_H
