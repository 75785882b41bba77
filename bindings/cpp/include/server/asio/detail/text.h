/// @file text.h
/// Texts that the C library stores in buffers.

#ifndef CPPSERVER_SERVER_ASIO_DETAIL_TEXT_H
#define CPPSERVER_SERVER_ASIO_DETAIL_TEXT_H

#include "cppserver.h"

#include <string>

namespace CppServer {
namespace Asio {
namespace Detail {

/// Calls `read(buffer, size, &length)` once for the length and once for the text. Empty when there is none.
template <class TFunction>
std::string ReadText(TFunction read)
{
    size_t length = 0;
    read(nullptr, 0, &length);
    std::string text(length + 1, '\0');
    if (read(&text[0], text.size(), nullptr) != CPPSERVER_STATUS_OK)
        return std::string();
    text.resize(length);
    return text;
}

} // namespace Detail
} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_DETAIL_TEXT_H
