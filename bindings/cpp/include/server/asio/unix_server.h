/// @file unix_server.h
/// CppServer::Asio::UnixServer: listens on a Unix domain socket and makes a session for each connection.

#ifndef CPPSERVER_SERVER_ASIO_UNIX_SERVER_H
#define CPPSERVER_SERVER_ASIO_UNIX_SERVER_H

#include "server/asio/unix_session.h"

#include "server/asio/detail/stream_server.h"
#include "server/asio/detail/text.h"

namespace CppServer {
namespace Asio {

/// For programs on one machine. Derive your server from this class, with your server class and your session class as arguments; the
/// session class may be incomplete there. Detail::StreamServer has all members.
///
/// Start() makes the file of the socket, Stop() removes it. A file that a process left behind when it was killed is taken over; one
/// that a process listens on is an error of the start. Not on Windows.
template <class TServer, class TSession>
class UnixServer : public Detail::StreamServer<UnixServer<TServer, TSession>, UnixSession<TServer, TSession>, TSession>
{
    typedef Detail::StreamServer<UnixServer<TServer, TSession>, UnixSession<TServer, TSession>, TSession> Base_;

public:
    /// A path of up to 107 bytes, 103 on macOS and the BSDs; one that is empty or longer throws system_error.
    explicit UnixServer(std::shared_ptr<Service> service, std::string path)
        : Base_(std::move(service), Compat::asio::ip::tcp::endpoint()), _path(std::move(path))
    {
        this->Construct_();
    }

    /// The path, absolute.
    std::string path() const
    {
        return Detail::ReadText([this](char* buffer, size_t size, size_t* length) { return cppserver_server_path(this->_handles.Current(), buffer, size, length); });
    }

    /// The permissions of the file from the next Start() on, such as 0660: who may write to it may connect. -1, the default, leaves
    /// what the umask of the process leaves. False when these are none.
    bool SetupMode(int mode) { return cppserver_server_set_mode(this->_handles.Current(), mode) == CPPSERVER_STATUS_OK; }

private:
    friend Base_;
    friend Detail::ServerBase<UnixServer, TSession>;

    const std::string _path;

    // There is no address.
    using Base_::endpoint;
    using Base_::port;

    Detail::Target Target_() { return Detail::Target(this->_service, Detail::Path{ _path }); }

    std::shared_ptr<TSession> MakeSession_(Compat::asio::ip::tcp::socket&& socket)
    {
        return std::make_shared<TSession>(this->shared_from_this(), std::move(socket));
    }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_UNIX_SERVER_H
