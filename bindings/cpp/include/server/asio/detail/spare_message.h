/// @file spare_message.h
/// Messages for onReceived(), which mostly serve more than once: to make one takes three times as long as to fill it.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_SPARE_MESSAGE_H
#define CPPSERVER_SERVER_ASIO_DETAIL_SPARE_MESSAGE_H

#include "server/asio/websocket.h"

#include <memory>
#include <utility>

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
        // Another thread may have had it: to give a reference back is to see all that was done before with the others.
        { const WebSocketMessage reference = message; }
        Spare_() = std::move(message);
    }

private:
    static constexpr size_t MostRoom_ = 65536;

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
