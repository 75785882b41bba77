/// @file message.h
/// CppServer::Nanomsg::Message: bytes that travel as a whole.

#ifndef CPPSERVER_SERVER_NANOMSG_MESSAGE_H
#define CPPSERVER_SERVER_NANOMSG_MESSAGE_H

#include "server/nanomsg/detail/failure.h"
#include "server/nanomsg/nanomsg.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace CppServer {
namespace Nanomsg {

namespace Detail {

class Node;

} // namespace Detail

/// A buffer, or none: a fresh message has none, and so has one after Clear(), after it was moved from, and after a receive that got
/// nothing. A buffer of no bytes is a message too.
///
/// Copies share large buffers until one of them is written to, so a message that is received, kept and sent again is not copied.
/// One thread at a time may use a message; different ones are independent.
class Message
{
public:
    Message() noexcept : _message(nullptr), _exists(false) {}
    /// A buffer of zeros, to be filled in. The type can only be 0; another one throws SystemException (EINVAL).
    explicit Message(size_t size, int type = 0) : Message(nullptr, size, type) {}
    /// A buffer with a copy of these bytes.
    explicit Message(const void* data, size_t size, int type = 0) : Message()
    {
        if (type != 0)
            Detail::ThrowError("Cannot allocate a nanomsg message of type " + std::to_string(type) + "! Only the type 0 is known.", EINVAL);
        Hold_(cppserver_sp_message_create(data, size), size);
    }
    Message(const Message& message) : Message()
    {
        if (message._exists)
            Hold_(cppserver_sp_message_clone(message._message), message.size());
    }
    Message(Message&& message) noexcept : Message() { swap(message); }
    ~Message() { cppserver_sp_message_release(_message); }

    Message& operator=(const Message& message)
    {
        Message copy(message);
        swap(copy);
        return *this;
    }
    Message& operator=(Message&& message) noexcept
    {
        Message taken(std::move(message));
        swap(taken);
        return *this;
    }

    /// Whether there is a buffer.
    explicit operator bool() const noexcept { return _exists; }

    /// The bytes, to be changed; null without a buffer. Valid until the message is changed, copied, sent or filled by a receive.
    uint8_t* buffer() noexcept { return _exists ? static_cast<uint8_t*>(cppserver_sp_message_mutable_data(_message)) : nullptr; }
    const uint8_t* buffer() const noexcept { return _exists ? static_cast<const uint8_t*>(cppserver_sp_message_data(_message)) : nullptr; }
    size_t size() const noexcept { return _exists ? cppserver_sp_message_size(_message) : 0; }
    /// Always 0.
    int type() const noexcept { return 0; }

    /// The ids in front of the message, which only sockets of Domain::Raw show: where it came from, the hops that it took, the question
    /// that it is or answers.
    std::vector<uint32_t> header() const
    {
        size_t count = 0;
        const uint32_t* words = _exists ? cppserver_sp_message_header(_message, &count) : nullptr;
        return std::vector<uint32_t>(words, words + count);
    }
    /// Changes them, for sockets of Domain::Raw to send. False without a buffer.
    bool SetHeader(const std::vector<uint32_t>& words)
    {
        return _exists && (cppserver_sp_message_set_header(_message, words.data(), words.size()) == CPPSERVER_STATUS_OK);
    }

    /// Frees the buffer.
    void Clear() noexcept
    {
        cppserver_sp_message_release(_message);
        _message = nullptr;
        _exists = false;
    }

    /// A buffer of this size, with as many of the bytes as it has room for, and zeros behind them.
    void Reallocate(size_t size)
    {
        Message resized(size);
        const size_t kept = std::min(size, this->size());
        if (kept > 0)
            std::memcpy(resized.buffer(), const_cast<const Message*>(this)->buffer(), kept);
        resized.SetHeader(header());
        swap(resized);
    }

    /// The bytes as text; empty without a buffer.
    std::string string() const { return _exists ? std::string(reinterpret_cast<const char*>(buffer()), size()) : std::string(); }

    friend std::ostream& operator<<(std::ostream& os, const Message& instance) { return os << instance.string(); }

    void swap(Message& message) noexcept
    {
        std::swap(_message, message._message);
        std::swap(_exists, message._exists);
    }
    friend void swap(Message& message1, Message& message2) noexcept { message1.swap(message2); }

private:
    friend class Socket;
    friend class Context;
    friend class Detail::Node;

    // Stays for the next receive when that has got nothing.
    cppserver_sp_message* _message;
    bool _exists;

    void Hold_(cppserver_sp_message* message, size_t size)
    {
        if (message == nullptr)
            Detail::ThrowError("Cannot allocate memory of " + std::to_string(size) + " bytes for a nanomsg message!", ENOMEM);
        _message = message;
        _exists = true;
    }

    // Where the next message is received.
    cppserver_sp_message* Room_()
    {
        if (_message == nullptr)
            Hold_(cppserver_sp_message_create(nullptr, 0), 0);
        return _message;
    }

    // Tells what a receive came to.
    void Filled_(bool filled) noexcept
    {
        if (filled)
            _exists = true;
        else if (_exists)
            Clear();
    }
};

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_MESSAGE_H
