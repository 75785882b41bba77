/// @file context.h
/// CppServer::Nanomsg::Context: one of several exchanges over a socket.

#ifndef CPPSERVER_SERVER_NANOMSG_CONTEXT_H
#define CPPSERVER_SERVER_NANOMSG_CONTEXT_H

#include "server/nanomsg/socket.h"

#include <memory>
#include <string>
#include <tuple>
#include <utility>

namespace CppServer {
namespace Nanomsg {

/// An exchange of its own over a socket that asks or answers: a request and its reply, a survey and its answers, or a question that is
/// being answered. The socket has one itself, and as many contexts as it likes: each thread takes one, and what they ask goes over the
/// same connections. The socket must live as long as its contexts, and stay where it is.
///
/// All functions but moves may be called on every thread. Send() and the others do what those of Socket do.
class Context
{
public:
    /// Throws SystemException (ENOTSUP) for protocols without questions and for Domain::Raw.
    explicit Context(Socket& socket) : _socket(&socket), _handle(cppserver_sp_context_create(socket.native_handle()))
    {
        if (!_handle)
            Detail::ThrowLastError("Cannot create a context of the nanomsg socket!");
    }
    Context(const Context&) = delete;
    Context(Context&&) = default;
    /// Gives up what was asked.
    ~Context() = default;

    Context& operator=(const Context&) = delete;
    Context& operator=(Context&&) = default;

    Socket& socket() noexcept { return *_socket; }

    /// Sends a question, which gives up the one before, or an answer. Never blocks.
    size_t Send(const void* buffer, size_t size)
    {
        if ((buffer == nullptr) || (size == 0) || !_socket->IsUsable_())
            return 0;
        return IsSent_(cppserver_sp_context_send(_handle.get(), buffer, size)) ? size : 0;
    }
    size_t Send(const std::string& text) { return Send(text.data(), text.size()); }
    size_t Send(const Message& message) { return SentMessage_(message) ? message.size() : 0; }

    /// Receives the answer to the question, or the next question.
    size_t Receive(Message& message) { return Received_(message, Socket::AsSet); }
    size_t TryReceive(Message& message) { return Received_(message, Socket::Never); }

    /// Receives an answer to the survey.
    std::tuple<size_t, bool> ReceiveSurvey(Message& message) { return Answered_(message, Socket::AsSet); }
    std::tuple<size_t, bool> TryReceiveSurvey(Message& message) { return Answered_(message, Socket::Never); }

    /// Sends a request and receives its reply; a message without a buffer when the socket is closed or has no endpoint.
    Message Request(const void* buffer, size_t size) { return Reply_(Send(buffer, size) > 0); }
    Message Request(const std::string& text) { return Request(text.data(), text.size()); }
    Message Request(const Message& message) { return Reply_(SentMessage_(message)); }

private:
    struct Release_
    {
        void operator()(cppserver_sp_context* context) const noexcept { cppserver_sp_context_release(context); }
    };

    Socket* _socket;
    std::unique_ptr<cppserver_sp_context, Release_> _handle;

    bool IsSent_(int32_t status) const { return _socket->IsDone_(status, Socket::Never, "Cannot send a message to the nanomsg socket!"); }

    bool SentMessage_(const Message& message)
    {
        return message && _socket->IsUsable_() && IsSent_(cppserver_sp_context_send_message(_handle.get(), message._message));
    }

    size_t Received_(Message& message, int64_t timeout)
    {
        if (!_socket->IsUsable_())
        {
            message.Clear();
            return 0;
        }
        const int32_t status = cppserver_sp_context_receive(_handle.get(), message.Room_(), timeout);
        message.Filled_(status == CPPSERVER_STATUS_OK);
        return _socket->IsDone_(status, timeout, "Cannot receive a message from the nanomsg socket!") ? message.size() : 0;
    }

    std::tuple<size_t, bool> Answered_(Message& message, int64_t timeout)
    {
        bool finished = false;
        if (!_socket->IsUsable_())
        {
            message.Clear();
            return std::make_tuple(size_t(0), true);
        }
        const int32_t status = cppserver_sp_context_receive_answer(_handle.get(), message.Room_(), timeout, &finished);
        message.Filled_((status == CPPSERVER_STATUS_OK) && !finished);
        return _socket->Answer_(status, timeout, message.size(), finished);
    }

    Message Reply_(bool sent)
    {
        Message reply;
        if (sent)
            Receive(reply);
        return reply;
    }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_CONTEXT_H
