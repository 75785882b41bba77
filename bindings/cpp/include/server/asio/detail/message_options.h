/// @file message_options.h
/// What WebSocket servers and clients share: options.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_OPTIONS_H
#define CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_OPTIONS_H

#include "cppserver.h"

#include <chrono>
#include <cstdint>

namespace CppServer {
namespace Asio {
namespace Detail {

/// The second base of WebSocket servers and clients, one of which is TSelf.
template <class TSelf>
class MessageOptions
{
public:
    /// Options, from the next Start() or Connect() on. False when the value is impossible.
    /// How long the handshakes may take, together with that of TLS (default 5 s, with TLS 10 s); 0 for no limit.
    bool SetupHandshakeTimeout(std::chrono::milliseconds timeout) { return Set_(CPPSERVER_OPTION_HANDSHAKE_TIMEOUT, timeout.count()); }
    /// After how much silence the peer is asked for a sign of life; without one for as long again the connection ends. 0 for never
    /// (default).
    bool SetupPingInterval(std::chrono::milliseconds interval) { return Set_(CPPSERVER_OPTION_PING_INTERVAL, interval.count()); }
    /// Bytes of a message that the peer may send (default 32000000); 0 for no limit.
    bool SetupMessageLimit(size_t bytes) { return Set_(CPPSERVER_OPTION_MESSAGE_LIMIT, static_cast<int64_t>(bytes)); }
    /// Bytes of one of its frames; 0 for as many as of a message (default).
    bool SetupFrameLimit(size_t bytes) { return Set_(CPPSERVER_OPTION_FRAME_LIMIT, static_cast<int64_t>(bytes)); }
    /// Frames of one message (default 1000000); 0 for no limit.
    bool SetupFragmentLimit(size_t frames) { return Set_(CPPSERVER_OPTION_FRAGMENT_LIMIT, static_cast<int64_t>(frames)); }
    /// Whether to compress messages if the peer can, too (permessage-deflate; by default not).
    bool SetupDeflate(bool enable) { return Set_(CPPSERVER_OPTION_DEFLATE, enable); }
    /// From 1, the fastest (default), to 9, the smallest.
    bool SetupDeflateLevel(int level) { return Set_(CPPSERVER_OPTION_DEFLATE_LEVEL, level); }
    /// Whether messages may refer to earlier ones, which makes them smaller and costs some 300 KiB for each connection (by default
    /// not).
    bool SetupDeflateTakeover(bool enable) { return Set_(CPPSERVER_OPTION_DEFLATE_TAKEOVER, enable); }
    /// How far they may refer back, as a power of two from 9 to 15 (default).
    bool SetupDeflateWindowBits(int bits) { return Set_(CPPSERVER_OPTION_DEFLATE_WINDOW_BITS, bits); }
    /// Bytes below which a message is not compressed (default 256).
    bool SetupDeflateThreshold(size_t bytes) { return Set_(CPPSERVER_OPTION_DEFLATE_THRESHOLD, static_cast<int64_t>(bytes)); }

protected:
    ~MessageOptions() = default;

private:
    friend TSelf;
    template <class, class, class, class>
    friend class MessageServer;
    template <class, class>
    friend class MessageClient;

    bool Set_(int32_t option, int64_t value) { return static_cast<TSelf&>(*this)._handles.SetOption(option, value); }

    void Defaults_(bool secure)
    {
        SetupMessageLimit(32000000);
        SetupHandshakeTimeout(std::chrono::seconds(secure ? 10 : 5));
        // Pings and pongs have callbacks.
        Set_(CPPSERVER_OPTION_CONTROL_FRAMES, 1);
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_MESSAGE_OPTIONS_H
