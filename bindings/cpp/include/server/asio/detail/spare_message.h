/// @file spare_message.h
/// Messages for onReceived(), which mostly serve more than once: to make one takes three times as long as to fill it.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_SPARE_MESSAGE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_SPARE_MESSAGE_H

#include "server/asio/websocket.h"

#include <atomic>
#include <memory>
#include <utility>

#if defined(__SANITIZE_THREAD__)
#define CPPSERVER_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CPPSERVER_THREAD_SANITIZER
#endif
#endif

namespace CppServer {
namespace Asio {
namespace Detail {

/// One message for each I/O thread.
class SpareMessage
{
public:
    /// A message with this content.
    static WebSocketMessage Take(Compat::websocketpp::frame::opcode::value opcode, const void* data, size_t size)
    {
        WebSocketMessage message = std::move(Spare_());
        if (!message)
            return std::make_shared<WebSocketMessage::element_type>(opcode, data, size);
        message->reset(opcode, data, size);
        return message;
    }

    /// Keeps the message for the next time, unless the user has kept it, or it is large.
    static void Give(WebSocketMessage&& message)
    {
        if ((message.use_count() != 1) || (message->get_payload().capacity() > MostRoom_))
            return;
        Synchronize_(message);
        Spare_() = std::move(message);
    }

private:
    static constexpr size_t MostRoom_ = 65536;

    // Another thread may have had it, and what it did has to be seen: its last act was to give its reference back.
    static void Synchronize_(const WebSocketMessage& message)
    {
#if defined(CPPSERVER_THREAD_SANITIZER)
        // It does not understand fences. To give a reference back is to see what was done before with the others.
        const WebSocketMessage reference = message;
#else
        (void)message;
        std::atomic_thread_fence(std::memory_order_acquire);
#endif
    }

    static WebSocketMessage& Spare_()
    {
        static thread_local WebSocketMessage spare;
        return spare;
    }
};

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_SPARE_MESSAGE_H
