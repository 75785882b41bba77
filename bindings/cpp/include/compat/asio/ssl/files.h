/// @file files.h
/// Files of certificates and keys, and folders of them.

#ifndef CPPSERVER_COMPAT_ASIO_SSL_FILES_H
#define CPPSERVER_COMPAT_ASIO_SSL_FILES_H

#include "compat/asio/platform.h"
#include "compat/asio/ssl/error.h"

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#if !defined(_WIN32)
#include <dirent.h>
#endif

namespace CppServer {
namespace Compat {
namespace asio {
namespace ssl {
namespace detail {

/// Reads a whole file.
inline error_code read_file(const std::string& filename, std::string& bytes)
{
    errno = 0;
    std::FILE* file = std::fopen(filename.c_str(), "rb");
    char buffer[4096];
    for (std::size_t count = 1; (file != nullptr) && (count > 0);)
    {
        count = std::fread(buffer, 1, sizeof(buffer), file);
        bytes.append(buffer, count);
    }
    const bool failed = (file == nullptr) || (std::ferror(file) != 0);
    const int number = (errno != 0) ? errno : EIO;
    if (file != nullptr)
        std::fclose(file);
    // As OpenSSL does, which marks errors of the operating system by the highest bit.
    return failed ? ssl_error(static_cast<int>(0x80000000u | static_cast<unsigned int>(number))) : error_code();
}

/// Whether a file is named by the hash of a subject, as `openssl rehash` does: eight hexadecimal digits, a dot, a number.
inline bool is_hash_name(const std::string& name)
{
    return (name.size() > 9) && (name[8] == '.') && (name.find_first_not_of("0123456789abcdef") == 8)
        && (name.find_first_not_of("0123456789", 9) == std::string::npos);
}

/// The files of a folder in which OpenSSL would look for certificates; none when there is no such folder.
inline std::vector<std::string> hashed_files(const std::string& path)
{
    std::vector<std::string> files;
    const auto add = [&](const std::string& name)
    {
        if (is_hash_name(name))
            files.push_back(path + "/" + name);
    };
#if defined(_WIN32)
    WIN32_FIND_DATAA found;
    const HANDLE search = ::FindFirstFileA((path + "\\*").c_str(), &found);
    if (search == INVALID_HANDLE_VALUE)
        return files;
    do
    {
        add(found.cFileName);
    }
    while (::FindNextFileA(search, &found));
    ::FindClose(search);
#else
    DIR* folder = ::opendir(path.c_str());
    if (folder == nullptr)
        return files;
    while (const struct dirent* entry = ::readdir(folder))
        add(entry->d_name);
    ::closedir(folder);
#endif
    return files;
}

} // namespace detail
} // namespace ssl
} // namespace asio
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_ASIO_SSL_FILES_H
