/// @file device.h
/// CppServer::Nanomsg::Device: two sockets joined, so that patterns reach farther than one hop.

#ifndef CPPSERVER_SERVER_NANOMSG_DEVICE_H
#define CPPSERVER_SERVER_NANOMSG_DEVICE_H

#include "server/nanomsg/socket.h"

#include <memory>

namespace CppServer {
namespace Nanomsg {

/// Passes messages on between two sockets of Domain::Raw with the two roles of a pattern, both ways and without a thread of its own. Both
/// may be the same one of a bus or a pair, which then sends back what it receives.
///
/// What one socket can't take yet waits, and then the peers of the other one wait. The device ends with its destruction or with one of
/// the sockets, and keeps the connections of both open until then.
class Device
{
public:
    /// Throws SystemException (EINVAL) when a socket is not raw or they do not belong together.
    explicit Device(Socket& one, Socket& other) : _handle(cppserver_sp_device_create(one.native_handle(), other.native_handle()))
    {
        if (!_handle)
            Detail::ThrowLastError("Cannot join the nanomsg sockets!");
    }
    Device(const Device&) = delete;
    Device(Device&&) = default;
    ~Device() = default;

    Device& operator=(const Device&) = delete;
    Device& operator=(Device&&) = default;

private:
    struct Release_
    {
        void operator()(cppserver_sp_device* device) const noexcept { cppserver_sp_device_release(device); }
    };

    std::unique_ptr<cppserver_sp_device, Release_> _handle;
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DEVICE_H
