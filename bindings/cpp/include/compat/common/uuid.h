/// @file uuid.h
/// CppCommon::UUID: identifiers of sessions and clients.

#ifndef CPPSERVER_COMPAT_COMMON_UUID_H
#define CPPSERVER_COMPAT_COMMON_UUID_H

#include "compat/common/uuid_generator.h"

#include <array>
#include <cstdint>
#include <ostream>
#include <string>

namespace CppServer {
namespace Compat {
namespace common {

/// A universally unique identifier of 16 bytes. Ordered byte by byte.
class UUID
{
public:
    /// All zero.
    UUID() : _data() {}
    /// Reads hexadecimal digits of either case and skips '-', '{' and '}'. Any other character counts as digit 0; what a
    /// short text does not give stays 0; what follows the 32nd digit is ignored.
    explicit UUID(const std::string& uuid) : _data() { parse(uuid); }
    explicit UUID(const std::array<uint8_t, 16>& data) : _data(data) {}
    UUID(const UUID&) = default;
    UUID(UUID&&) noexcept = default;
    ~UUID() = default;

    UUID& operator=(const std::string& uuid)
    {
        _data.fill(0);
        parse(uuid);
        return *this;
    }
    UUID& operator=(const std::array<uint8_t, 16>& data)
    {
        _data = data;
        return *this;
    }
    UUID& operator=(const UUID&) = default;
    UUID& operator=(UUID&&) noexcept = default;

    friend bool operator==(const UUID& uuid1, const UUID& uuid2) { return uuid1._data == uuid2._data; }
    friend bool operator!=(const UUID& uuid1, const UUID& uuid2) { return uuid1._data != uuid2._data; }
    friend bool operator<(const UUID& uuid1, const UUID& uuid2) { return uuid1._data < uuid2._data; }
    friend bool operator>(const UUID& uuid1, const UUID& uuid2) { return uuid1._data > uuid2._data; }
    friend bool operator<=(const UUID& uuid1, const UUID& uuid2) { return uuid1._data <= uuid2._data; }
    friend bool operator>=(const UUID& uuid1, const UUID& uuid2) { return uuid1._data >= uuid2._data; }

    const std::array<uint8_t, 16>& data() const noexcept { return _data; }

    /// 36 characters: upper case digits in groups of 8, 4, 4, 4 and 12.
    std::string string() const
    {
        static const char digits[] = "0123456789ABCDEF";
        std::string result;
        result.reserve(36);
        for (std::size_t i = 0; i < _data.size(); ++i)
        {
            if ((i == 4) || (i == 6) || (i == 8) || (i == 10))
                result += '-';
            result += digits[_data[i] >> 4];
            result += digits[_data[i] & 0x0F];
        }
        return result;
    }

    /// A new identifier in the layout of version 1. Safe on every thread, no system call per identifier. One made later in
    /// the same process is greater than one made earlier (for the first four thousand million of them).
    static UUID Generate() { return UUID(detail::generate_uuid()); }

    friend std::ostream& operator<<(std::ostream& os, const UUID& instance) { return os << instance.string(); }

    void swap(UUID& uuid) noexcept { _data.swap(uuid._data); }
    friend void swap(UUID& uuid1, UUID& uuid2) noexcept { uuid1.swap(uuid2); }

private:
    std::array<uint8_t, 16> _data;

    static uint8_t digit(char c) noexcept
    {
        if ((c >= '0') && (c <= '9'))
            return static_cast<uint8_t>(c - '0');
        if ((c >= 'a') && (c <= 'f'))
            return static_cast<uint8_t>(c - 'a' + 10);
        if ((c >= 'A') && (c <= 'F'))
            return static_cast<uint8_t>(c - 'A' + 10);
        return 0;
    }

    void parse(const std::string& text) noexcept
    {
        std::size_t index = 0;
        for (char c : text)
        {
            if ((c == '-') || (c == '{') || (c == '}'))
                continue;
            if (index == 32)
                return;
            const uint8_t value = digit(c);
            _data[index / 2] = static_cast<uint8_t>((index % 2 == 0) ? (value << 4) : (_data[index / 2] | value));
            ++index;
        }
    }
};

} // namespace common
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_COMMON_UUID_H
