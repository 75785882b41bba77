/// @file buffer.h
/// Views of memory: asio::const_buffer, asio::mutable_buffer and the asio::buffer() makers.

#ifndef CPPSERVER_COMPAT_ASIO_BUFFER_H
#define CPPSERVER_COMPAT_ASIO_BUFFER_H

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace CppServer {
namespace Compat {
namespace asio {

/// Bytes that may be written. The memory belongs to somebody else.
class mutable_buffer
{
public:
    mutable_buffer() noexcept : _data(nullptr), _size(0) {}
    mutable_buffer(void* data, std::size_t size) noexcept : _data(data), _size(size) {}

    void* data() const noexcept { return _data; }
    std::size_t size() const noexcept { return _size; }

    /// Drops up to `n` bytes from the front of the view.
    mutable_buffer& operator+=(std::size_t n) noexcept
    {
        const std::size_t offset = (n < _size) ? n : _size;
        _data = static_cast<char*>(_data) + offset;
        _size -= offset;
        return *this;
    }

    friend mutable_buffer operator+(mutable_buffer buffer, std::size_t n) noexcept { return buffer += n; }

private:
    void* _data;
    std::size_t _size;
};

/// Bytes that may be read. The memory belongs to somebody else.
class const_buffer
{
public:
    const_buffer() noexcept : _data(nullptr), _size(0) {}
    const_buffer(const void* data, std::size_t size) noexcept : _data(data), _size(size) {}
    const_buffer(const mutable_buffer& buffer) noexcept : _data(buffer.data()), _size(buffer.size()) {}

    const void* data() const noexcept { return _data; }
    std::size_t size() const noexcept { return _size; }

    /// Drops up to `n` bytes from the front of the view.
    const_buffer& operator+=(std::size_t n) noexcept
    {
        const std::size_t offset = (n < _size) ? n : _size;
        _data = static_cast<const char*>(_data) + offset;
        _size -= offset;
        return *this;
    }

    friend const_buffer operator+(const_buffer buffer, std::size_t n) noexcept { return buffer += n; }

private:
    const void* _data;
    std::size_t _size;
};

typedef mutable_buffer mutable_buffers_1;
typedef const_buffer const_buffers_1;

inline mutable_buffer buffer(void* data, std::size_t size) noexcept { return mutable_buffer(data, size); }
inline const_buffer buffer(const void* data, std::size_t size) noexcept { return const_buffer(data, size); }
inline mutable_buffer buffer(const mutable_buffer& b) noexcept { return b; }
inline const_buffer buffer(const const_buffer& b) noexcept { return b; }

inline const_buffer buffer(const std::string& text) noexcept { return const_buffer(text.data(), text.size()); }
inline mutable_buffer buffer(std::string& text) noexcept
{
    return text.empty() ? mutable_buffer() : mutable_buffer(&text[0], text.size());
}

template <typename T>
inline mutable_buffer buffer(std::vector<T>& items) noexcept { return mutable_buffer(items.data(), items.size() * sizeof(T)); }
template <typename T>
inline const_buffer buffer(const std::vector<T>& items) noexcept { return const_buffer(items.data(), items.size() * sizeof(T)); }

template <typename T, std::size_t N>
inline mutable_buffer buffer(std::array<T, N>& items) noexcept { return mutable_buffer(items.data(), N * sizeof(T)); }
template <typename T, std::size_t N>
inline const_buffer buffer(const std::array<T, N>& items) noexcept { return const_buffer(items.data(), N * sizeof(T)); }

template <typename T, std::size_t N>
inline mutable_buffer buffer(T (&items)[N]) noexcept { return mutable_buffer(items, N * sizeof(T)); }
template <typename T, std::size_t N>
inline const_buffer buffer(const T (&items)[N]) noexcept { return const_buffer(items, N * sizeof(T)); }

inline std::size_t buffer_size(const mutable_buffer& b) noexcept { return b.size(); }
inline std::size_t buffer_size(const const_buffer& b) noexcept { return b.size(); }

template <typename TPointer>
inline TPointer buffer_cast(const mutable_buffer& b) noexcept { return static_cast<TPointer>(b.data()); }
template <typename TPointer>
inline TPointer buffer_cast(const const_buffer& b) noexcept { return static_cast<TPointer>(b.data()); }

} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_BUFFER_H
