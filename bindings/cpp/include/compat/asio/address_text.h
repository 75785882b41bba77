/// @file address_text.h
/// Text forms of IP addresses, parsed and printed without the system's help, so that they are the same everywhere.

#ifndef CPPSERVER_COMPAT_ASIO_ADDRESS_TEXT_H
#define CPPSERVER_COMPAT_ASIO_ADDRESS_TEXT_H

#include "compat/asio/platform.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace CppServer {
namespace Compat {
namespace asio {
namespace detail {

/// Reads "1.2.3.4": four decimal numbers up to 255 without leading zeros.
inline bool parse_address_v4(const char* text, std::array<unsigned char, 4>& bytes) noexcept
{
    for (std::size_t i = 0; i < 4; ++i)
    {
        if ((*text < '0') || (*text > '9'))
            return false;
        if ((text[0] == '0') && (text[1] >= '0') && (text[1] <= '9'))
            return false;
        unsigned value = 0;
        for (; (*text >= '0') && (*text <= '9'); ++text)
        {
            value = value * 10 + static_cast<unsigned>(*text - '0');
            if (value > 255)
                return false;
        }
        bytes[i] = static_cast<unsigned char>(value);
        if (*text != ((i < 3) ? '.' : '\0'))
            return false;
        ++text;
    }
    return true;
}

inline std::string format_address_v4(const std::array<unsigned char, 4>& bytes)
{
    char text[16];
    std::snprintf(text, sizeof(text), "%u.%u.%u.%u", unsigned(bytes[0]), unsigned(bytes[1]), unsigned(bytes[2]), unsigned(bytes[3]));
    return text;
}

/// Value of a hexadecimal digit, -1 when it is none.
inline int hex_digit(char c) noexcept
{
    if ((c >= '0') && (c <= '9'))
        return c - '0';
    if ((c >= 'a') && (c <= 'f'))
        return c - 'a' + 10;
    if ((c >= 'A') && (c <= 'F'))
        return c - 'A' + 10;
    return -1;
}

/// Reads the zone after '%': a number or, where the system knows names, the name of a network interface.
inline bool parse_scope(const char* text, unsigned long& scope) noexcept
{
    if (*text == '\0')
        return false;
    char* end = nullptr;
    const unsigned long number = std::strtoul(text, &end, 10);
    if ((*text >= '0') && (*text <= '9') && (*end == '\0'))
    {
        scope = number;
        return true;
    }
#if !defined(_WIN32)
    scope = if_nametoindex(text);
    return scope != 0;
#else
    return false;
#endif
}

/// Reads an IPv6 address with "::", an IPv4 tail and a "%zone".
inline bool parse_address_v6(const char* text, std::array<unsigned char, 16>& bytes, unsigned long& scope)
{
    std::string plain(text);
    scope = 0;
    const std::size_t percent = plain.find('%');
    if (percent != std::string::npos)
    {
        if (!parse_scope(text + percent + 1, scope))
            return false;
        plain.resize(percent);
    }

    const char* current = plain.c_str();
    std::array<unsigned char, 16> parsed = {};
    std::size_t filled = 0;
    std::size_t gap = 17; // 17 = no "::" so far

    if (*current == ':')
    {
        if (current[1] != ':')
            return false;
        gap = 0;
        current += 2;
    }
    while (*current != '\0')
    {
        int word = 0;
        int digits = 0;
        const char* start = current;
        for (; hex_digit(*current) >= 0; ++current)
        {
            word = word * 16 + hex_digit(*current);
            if (++digits > 4)
                return false;
        }
        if (*current == '.')
        {
            std::array<unsigned char, 4> tail = {};
            if ((filled > 12) || !parse_address_v4(start, tail))
                return false;
            for (unsigned char byte : tail)
                parsed[filled++] = byte;
            break;
        }
        if ((digits == 0) || (filled > 14))
            return false;
        parsed[filled++] = static_cast<unsigned char>(word >> 8);
        parsed[filled++] = static_cast<unsigned char>(word & 0xFF);
        if (*current == '\0')
            break;
        if (*current != ':')
            return false;
        ++current;
        if (*current == ':')
        {
            if (gap != 17)
                return false;
            gap = filled;
            ++current;
        }
        else if (*current == '\0')
            return false;
    }

    if (gap == 17)
    {
        if (filled != 16)
            return false;
        bytes = parsed;
        return true;
    }
    if (filled > 14)
        return false;
    bytes.fill(0);
    for (std::size_t i = 0; i < gap; ++i)
        bytes[i] = parsed[i];
    for (std::size_t i = gap; i < filled; ++i)
        bytes[16 - filled + i] = parsed[i];
    return true;
}

/// Prints the shortest form: lower case, the longest run of two or more zero words as "::", an embedded IPv4 address dotted.
inline std::string format_address_v6(const std::array<unsigned char, 16>& bytes, unsigned long scope)
{
    unsigned words[8];
    for (std::size_t i = 0; i < 8; ++i)
        words[i] = (static_cast<unsigned>(bytes[2 * i]) << 8) | bytes[2 * i + 1];

    std::size_t best = 8;
    std::size_t best_length = 1;
    for (std::size_t i = 0; i < 8;)
    {
        std::size_t end = i;
        while ((end < 8) && (words[end] == 0))
            ++end;
        if (end - i > best_length)
        {
            best = i;
            best_length = end - i;
        }
        i = (end == i) ? i + 1 : end;
    }

    const bool compatible = (best == 0) && (best_length == 6);
    const bool mapped = (best == 0) && (best_length == 5) && (words[5] == 0xFFFF);

    std::string result;
    for (std::size_t i = 0; i < 8;)
    {
        if (i == best)
        {
            result += "::";
            i += best_length;
            continue;
        }
        if (!result.empty() && (result.back() != ':'))
            result += ':';
        if ((i == 6) && (compatible || mapped))
        {
            result += format_address_v4({{bytes[12], bytes[13], bytes[14], bytes[15]}});
            break;
        }
        char word[8];
        std::snprintf(word, sizeof(word), "%x", words[i]);
        result += word;
        ++i;
    }
    if (scope != 0)
        result += '%' + std::to_string(scope);
    return result;
}

} // namespace detail
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_ADDRESS_TEXT_H
