/// @file message.h
/// A whole message.

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_MESSAGE_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_MESSAGE_H

#include "compat/websocketpp/frame.h"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace CppServer {
namespace Compat {
namespace websocketpp {
namespace message_buffer {

/// What is received, and what may be sent. Its pointer may be kept and passed on; messages in transit must not be changed by others.
class message
{
public:
    typedef std::shared_ptr<message> ptr;

    explicit message(frame::opcode::value opcode = frame::opcode::text) : _opcode(opcode) {}
    message(frame::opcode::value opcode, const void* payload, std::size_t size) : _opcode(opcode), _payload(static_cast<const char*>(payload), size) {}

    /// For the library: another message in the room of this one, which nobody has any more.
    void reset(frame::opcode::value opcode, const void* payload, std::size_t size)
    {
        _opcode = opcode;
        _fin = true;
        _terminal = _compressed = _prepared = false;
        set_payload(payload, size);
        _header.clear();
    }

    frame::opcode::value get_opcode() const noexcept { return _opcode; }
    void set_opcode(frame::opcode::value opcode) noexcept { _opcode = opcode; }

    const std::string& get_payload() const noexcept { return _payload; }
    std::string& get_raw_payload() noexcept { return _payload; }
    void set_payload(const std::string& payload) { _payload = payload; }
    void set_payload(const void* payload, std::size_t size) { _payload.assign(static_cast<const char*>(payload), size); }
    void append_payload(const std::string& payload) { _payload.append(payload); }
    void append_payload(const void* payload, std::size_t size) { _payload.append(static_cast<const char*>(payload), size); }

    /// The bits and bytes of frames are the library's business; these are kept as they are set.
    bool get_fin() const noexcept { return _fin; }
    void set_fin(bool value) noexcept { _fin = value; }
    bool get_terminal() const noexcept { return _terminal; }
    void set_terminal(bool value) noexcept { _terminal = value; }
    bool get_compressed() const noexcept { return _compressed; }
    void set_compressed(bool value) noexcept { _compressed = value; }
    bool get_prepared() const noexcept { return _prepared; }
    void set_prepared(bool value) noexcept { _prepared = value; }
    const std::string& get_header() const noexcept { return _header; }
    void set_header(const std::string& header) { _header = header; }

private:
    frame::opcode::value _opcode;
    bool _fin = true;
    bool _terminal = false;
    bool _compressed = false;
    bool _prepared = false;
    std::string _payload;
    std::string _header;
};

} // namespace message_buffer
} // namespace websocketpp
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_MESSAGE_H
