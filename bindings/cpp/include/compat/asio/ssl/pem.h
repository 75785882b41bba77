/// @file pem.h
/// As much of PEM and DER as asio::ssl::context has to know itself: what a buffer seems to hold, where its first certificate ends, and
/// whether it holds Diffie-Hellman parameters.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_PEM_H
#define CPPSERVER_COMPAT_ASIO_SSL_PEM_H

#include "compat/asio/ssl/error.h"

#include <cstddef>
#include <string>

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {
namespace detail {

inline bool has_pem(const std::string& text, const char* label) { return text.find(std::string("-----BEGIN ") + label) != std::string::npos; }

/// PEM up to the end of its first certificate; everything when there is none.
inline std::string first_certificate(const std::string& text)
{
    const char end[] = "CERTIFICATE-----";
    const std::size_t begin = text.find("-----END ");
    for (std::size_t at = begin; at != std::string::npos; at = text.find("-----END ", at + 1))
    {
        const std::size_t line = text.find_first_of("\r\n", at);
        const std::size_t label = text.find(end, at);
        if ((label != std::string::npos) && (label < line))
            return text.substr(0, label + sizeof(end) - 1) + "\n";
    }
    return text;
}

/// Decodes base64 with white space between. False when something else is in it.
inline bool decode_base64(const std::string& text, std::string& bytes)
{
    const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned int bits = 0;
    std::size_t count = 0;
    std::size_t padding = 0;
    for (const char letter : text)
    {
        if ((letter == '\r') || (letter == '\n') || (letter == ' ') || (letter == '\t'))
            continue;
        const std::size_t value = alphabet.find(letter);
        if (letter == '=')
            ++padding;
        else if ((value == std::string::npos) || (padding > 0))
            return false;
        bits = (bits << 6) | ((letter == '=') ? 0u : static_cast<unsigned int>(value));
        if (++count % 4 == 0)
        {
            bytes += static_cast<char>((bits >> 16) & 0xFF);
            bytes += static_cast<char>((bits >> 8) & 0xFF);
            bytes += static_cast<char>(bits & 0xFF);
        }
    }
    if ((count % 4 != 0) || (padding > 2))
        return false;
    bytes.resize(bytes.size() - padding);
    return !bytes.empty();
}

/// Takes an element of the given tag from the front of `der` and moves its content to `content`. False when there is none.
inline bool take_der(std::string& der, unsigned char tag, std::string& content)
{
    const auto byte = [&der](std::size_t index) { return static_cast<unsigned char>(der[index]); };
    if ((der.size() < 2) || (byte(0) != tag))
        return false;
    std::size_t length = byte(1);
    std::size_t header = 2;
    if (length >= 0x80)
    {
        const std::size_t bytes = length & 0x7F;
        if ((bytes == 0) || (bytes > 4) || (der.size() < header + bytes))
            return false;
        length = 0;
        for (std::size_t i = 0; i < bytes; ++i)
            length = (length << 8) | byte(header + i);
        header += bytes;
    }
    if (der.size() - header < length)
        return false;
    content = der.substr(header, length);
    der.erase(0, header + length);
    return true;
}

/// Whether PEM holds Diffie-Hellman parameters: a sequence of a prime and a generator, perhaps with the length of the private
/// value (PKCS #3).
inline error_code check_dh_parameters(const std::string& text)
{
    const std::string begin = "-----BEGIN DH PARAMETERS-----";
    const std::string end = "-----END DH PARAMETERS-----";
    const std::size_t from = text.find(begin);
    if (from == std::string::npos)
        return ssl_error(asio::error::no_start_line);
    const std::size_t to = text.find(end, from);
    std::string der;
    if ((to == std::string::npos) || !decode_base64(text.substr(from + begin.size(), to - from - begin.size()), der))
        return ssl_error(asio::error::bad_base64_decode);
    std::string sequence, prime, generator, length;
    const bool whole = take_der(der, 0x30, sequence) && der.empty() && take_der(sequence, 0x02, prime) && take_der(sequence, 0x02, generator)
        && (sequence.empty() || (take_der(sequence, 0x02, length) && sequence.empty()));
    const bool positive = whole && !prime.empty() && !generator.empty() && (static_cast<unsigned char>(prime[0]) < 0x80)
        && (static_cast<unsigned char>(generator[0]) < 0x80);
    return positive ? error_code() : ssl_error(asio::error::wrong_tag);
}

} // namespace detail
} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_PEM_H
