/// @file unix_client.h
/// CppServer::Asio::UnixClient: a connection to a server on a Unix domain socket.

#ifndef CPPSERVER_SERVER_ASIO_UNIX_CLIENT_H
#define CPPSERVER_SERVER_ASIO_UNIX_CLIENT_H

#include "server/asio/detail/stream_client.h"
#include "server/asio/detail/text.h"

namespace CppServer {
namespace Asio {

/// For programs on one machine. Derive your client from this class. Detail::StreamClient has all members. Not on Windows.
class UnixClient : public Detail::StreamClient<UnixClient, Compat::asio::ip::tcp::socket>
{
    typedef Detail::StreamClient<UnixClient, Compat::asio::ip::tcp::socket> Base_;

public:
    /// A path as of UnixServer; one that is empty or too long throws system_error. No file need be there before Connect().
    explicit UnixClient(std::shared_ptr<Service> service, std::string path)
        : Base_(std::move(service), Compat::asio::ip::tcp::endpoint()), _path(std::move(path))
    {
        Construct_();
    }

    /// The path, absolute.
    std::string path() const
    {
        return Detail::ReadText([this](char* buffer, size_t size, size_t* length) { return cppserver_client_path(_handles.Current(), buffer, size, length); });
    }

private:
    friend Base_;
    friend Detail::ClientBase<UnixClient, Compat::asio::ip::tcp::socket>;

    const std::string _path;

    // There is no address.
    using Base_::endpoint;
    using Base_::port;

    static cppserver_callback HandshakedHandler_() noexcept { return nullptr; }
    static void Prepared_() noexcept {}
    static bool Refuses_(const Detail::Failure&) noexcept { return false; }

    Detail::Target Target_() { return Detail::Target(_service, Detail::Path{ _path }); }
};

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_UNIX_CLIENT_H
