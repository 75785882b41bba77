/// @file exceptions.h
/// CppCommon::Exception and the classes derived from it.

#ifndef CPPSERVER_COMPAT_COMMON_EXCEPTIONS_H
#define CPPSERVER_COMPAT_COMMON_EXCEPTIONS_H

#if defined(_WIN32)
#include "compat/asio/platform.h"
#endif

#include <cerrno>
#include <exception>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>

namespace CppServer {
namespace Compat {
namespace common {

/// A line of a source file; none by default.
class SourceLocation
{
public:
    SourceLocation() noexcept : _filename(nullptr), _line(0) {}
    SourceLocation(const char* filename, int line) noexcept : _filename(filename), _line(line) {}

    operator bool() const noexcept { return (_filename != nullptr) && (_line > 0); }

    const char* filename() const noexcept { return _filename; }
    int line() const noexcept { return _line; }

    /// "file:line", empty when there is none.
    std::string string() const { return *this ? std::string(_filename) + ':' + std::to_string(_line) : std::string(); }

    friend std::ostream& operator<<(std::ostream& os, const SourceLocation& instance) { return os << instance.string(); }

private:
    const char* _filename;
    int _line;
};

/// An exception with a message and, when thrown by `throwex`, its place in the source.
class Exception : public std::exception
{
public:
    Exception(const std::string& message = "") : _message(message) {}
    Exception(const Exception&) = default;
    Exception(Exception&&) = default;
    virtual ~Exception() = default;

    Exception& operator=(const Exception&) = default;
    Exception& operator=(Exception&&) = default;

    const std::string& message() const noexcept { return _message; }
    const SourceLocation& location() const noexcept { return _location; }

    const char* what() const noexcept override
    {
        try
        {
            if (_cache.empty())
                _cache = string();
            return _cache.c_str();
        }
        catch (...)
        {
            return _message.c_str();
        }
    }

    /// Everything that is known, in several lines.
    virtual std::string string() const { return "Exception: " + _message + place(); }

    friend std::ostream& operator<<(std::ostream& os, const Exception& instance) { return os << instance.string(); }

    /// Attaches the place to an exception: `throw __LOCATION__ + RuntimeException("...")`.
    template <class T>
    friend T&& operator+(const SourceLocation& location, T&& instance)
    {
        static_cast<Exception&>(instance)._location = location;
        static_cast<Exception&>(instance)._cache.clear();
        return std::forward<T>(instance);
    }

protected:
    mutable std::string _cache;
    std::string _message;
    SourceLocation _location;

    /// The last line of string().
    std::string place() const { return _location ? "\nSource location: " + _location.string() : std::string(); }
};

/// A wrong argument.
class ArgumentException : public Exception
{
public:
    using Exception::Exception;
};

/// A failure at run time.
class RuntimeException : public Exception
{
public:
    using Exception::Exception;
};

/// An error of the operating system. The forms without a code take the calling thread's current one.
class SystemException : public Exception
{
public:
    SystemException() : SystemException(current()) {}
    SystemException(int error) : SystemException(std::string(), error) {}
    SystemException(const std::string& message) : SystemException(message, current()) {}
    SystemException(const std::string& message, int error)
        : Exception(message), _system_error(error), _system_message(std::system_category().message(error))
    {
    }

    int system_error() const noexcept { return _system_error; }
    const std::string& system_message() const noexcept { return _system_message; }

    std::string string() const override
    {
        return "System exception: " + _message + "\nSystem error: " + std::to_string(_system_error) + "\nSystem message: " + _system_message + place();
    }

protected:
    int _system_error;
    std::string _system_message;

private:
    static int current() noexcept
    {
#if defined(_WIN32)
        return static_cast<int>(GetLastError());
#else
        return errno;
#endif
    }
};

} // namespace common
} // namespace Compat
} // namespace CppServer

#endif // CPPSERVER_COMPAT_COMMON_EXCEPTIONS_H
