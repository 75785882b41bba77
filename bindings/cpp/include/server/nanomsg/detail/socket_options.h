/// @file socket_options.h
/// The options of nanomsg over those of the C library.

#ifndef CPPSERVER_SERVER_NANOMSG_DETAIL_SOCKET_OPTIONS_H
#define CPPSERVER_SERVER_NANOMSG_DETAIL_SOCKET_OPTIONS_H

#include "server/nanomsg/detail/failure.h"
#include "server/nanomsg/nanomsg.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

namespace CppServer {
namespace Nanomsg {
namespace Detail {

/// Levels of options: all sockets, protocols (by their numbers), transports.
enum : int
{
    LevelSocket = 0,
    LevelTcp = -3,
    LevelWebSocket = -4
};

/// The options of one socket that the C library has not, and the way to those that it has.
class SocketOptions
{
public:
    SocketOptions() : _linger(0), _ipv4_only(1) {}

    /// Throws SystemException for an option that is none (ENOPROTOOPT) and a value that is none (EINVAL).
    void Set(cppserver_sp_socket* socket, int level, int option, const void* value, size_t size)
    {
        if (value == nullptr)
            Refuse_(option, EINVAL);
        if (IsTopic_(socket, level, option))
            return SetTopic_(socket, option, value, size);
        if ((level == LevelSocket) && (option == Name))
        {
            if (size >= LongestName)
                Refuse_(option, EINVAL);
            std::lock_guard<std::mutex> lock(_mutex);
            _name.assign(static_cast<const char*>(value), size);
            return;
        }
        if (size != sizeof(int))
            Refuse_(option, EINVAL);
        int number = 0;
        std::memcpy(&number, value, sizeof(number));
        SetNumber_(socket, level, option, number);
    }

    /// Stores as much as there is room for, and the whole size; throws as Set() does.
    void Get(cppserver_sp_socket* socket, int level, int option, int id, void* value, size_t* size)
    {
        if ((size == nullptr) || ((value == nullptr) && (*size > 0)))
            Refuse_(option, EINVAL);
        if ((level == LevelSocket) && (option == Name))
        {
            std::lock_guard<std::mutex> lock(_mutex);
            const std::string name = _name.empty() ? std::to_string(id) : _name;
            return Store_(name.data(), name.size(), value, size);
        }
        const int number = GetNumber_(socket, level, option);
        Store_(&number, sizeof(number), value, size);
    }

    /// Takes over those of a socket that is moved.
    void Take(SocketOptions& other)
    {
        _linger = other._linger;
        _ipv4_only = other._ipv4_only;
        _name = std::move(other._name);
    }

private:
    // Of all sockets.
    enum : int
    {
        Linger = 1,
        Domain = 12,
        Protocol = 13,
        Ipv4Only = 14,
        Name = 15,
        MaxSize = 16,
        MaxHops = 17
    };
    // Of subscribers.
    enum : int
    {
        Subscribe = 1,
        Unsubscribe = 2
    };
    // Of messages over WebSocket.
    enum : int
    {
        Binary = 2
    };
    enum : size_t
    {
        LongestName = 64
    };

    std::mutex _mutex;
    // As it was set. The C library has a time of its own as long as it was not.
    int _linger;
    int _ipv4_only;
    std::string _name;

    [[noreturn]] static void Refuse_(int option, int error)
    {
        ThrowError("Cannot set or get the option " + std::to_string(option) + " of the nanomsg socket!", error);
    }

    static void Store_(const void* from, size_t count, void* value, size_t* size)
    {
        const size_t fits = std::min(count, *size);
        if (fits > 0)
            std::memcpy(value, from, fits);
        *size = count;
    }

    static bool IsTopic_(cppserver_sp_socket* socket, int level, int option)
    {
        return (level == CPPSERVER_SP_PROTOCOL_SUBSCRIBER) && (cppserver_sp_socket_protocol(socket) == CPPSERVER_SP_PROTOCOL_SUBSCRIBER)
            && ((option == Subscribe) || (option == Unsubscribe));
    }

    static void SetTopic_(cppserver_sp_socket* socket, int option, const void* topic, size_t size)
    {
        const auto set = (option == Subscribe) ? &cppserver_sp_socket_subscribe : &cppserver_sp_socket_unsubscribe;
        if (set(socket, topic, size) != CPPSERVER_STATUS_OK)
            ThrowLastError("Cannot change the topics of the nanomsg socket!");
    }

    // The option of the C library, or 0 for none.
    static int32_t Native_(cppserver_sp_socket* socket, int level, int option)
    {
        static const int32_t of_all[] = { 0, CPPSERVER_SP_OPTION_LINGER, CPPSERVER_SP_OPTION_SEND_BUFFER, CPPSERVER_SP_OPTION_RECEIVE_BUFFER,
            CPPSERVER_SP_OPTION_SEND_TIMEOUT, CPPSERVER_SP_OPTION_RECEIVE_TIMEOUT, CPPSERVER_SP_OPTION_RECONNECT_INTERVAL,
            CPPSERVER_SP_OPTION_RECONNECT_INTERVAL_MAX, CPPSERVER_SP_OPTION_SEND_PRIORITY, CPPSERVER_SP_OPTION_RECEIVE_PRIORITY };
        const bool own = (level == cppserver_sp_socket_protocol(socket)) && !cppserver_sp_socket_is_raw(socket);
        if ((level == LevelSocket) && (option == MaxSize))
            return CPPSERVER_SP_OPTION_MAX_MESSAGE_SIZE;
        if ((level == LevelSocket) && (option == MaxHops))
            return CPPSERVER_SP_OPTION_MAX_HOPS;
        if ((level == LevelSocket) && (option > 0) && (static_cast<size_t>(option) < sizeof(of_all) / sizeof(*of_all)))
            return of_all[option];
        if ((level == CPPSERVER_SP_PROTOCOL_REQUEST) && own && (option == 1))
            return CPPSERVER_SP_OPTION_RESEND_INTERVAL;
        if ((level == CPPSERVER_SP_PROTOCOL_SURVEYOR) && own && (option == 1))
            return CPPSERVER_SP_OPTION_SURVEY_DEADLINE;
        if ((level == LevelTcp) && (option == 1))
            return CPPSERVER_SP_OPTION_NO_DELAY;
        return 0;
    }

    void SetNumber_(cppserver_sp_socket* socket, int level, int option, int number)
    {
        if ((level == LevelSocket) && (option == Ipv4Only))
        {
            if ((number != 0) && (number != 1))
                Refuse_(option, EINVAL);
            std::lock_guard<std::mutex> lock(_mutex);
            _ipv4_only = number;
            return;
        }
        if ((level == LevelWebSocket) && (option == 1))
        {
            // Messages are binary ones.
            if (number != Binary)
                Refuse_(option, EINVAL);
            return;
        }
        const int32_t native = Native_(socket, level, option);
        if (native == 0)
            Refuse_(option, ENOPROTOOPT);
        if (cppserver_sp_socket_set_option(socket, native, ToNative_(native, number)) != CPPSERVER_STATUS_OK)
            ThrowLastError("Cannot set the option " + std::to_string(option) + " of the nanomsg socket!");
        if (native == CPPSERVER_SP_OPTION_LINGER)
        {
            std::lock_guard<std::mutex> lock(_mutex);
            _linger = number;
        }
    }

    int GetNumber_(cppserver_sp_socket* socket, int level, int option)
    {
        if ((level == LevelSocket) && (option == Domain))
            return cppserver_sp_socket_is_raw(socket) ? 2 : 1;
        if ((level == LevelSocket) && (option == Protocol))
            return cppserver_sp_socket_protocol(socket);
        if ((level == LevelWebSocket) && (option == 1))
            return Binary;
        if ((level == LevelSocket) && ((option == Ipv4Only) || (option == Linger)))
        {
            std::lock_guard<std::mutex> lock(_mutex);
            return (option == Linger) ? _linger : _ipv4_only;
        }
        const int32_t native = Native_(socket, level, option);
        int64_t number = 0;
        if ((native == 0) || (cppserver_sp_socket_get_option(socket, native, &number) != CPPSERVER_STATUS_OK))
            Refuse_(option, ENOPROTOOPT);
        return FromNative_(native, number);
    }

    // What the two sides mean by "none" and "for ever".
    static int64_t ToNative_(int32_t native, int number)
    {
        switch (native)
        {
            case CPPSERVER_SP_OPTION_LINGER: return (number < 0) ? std::numeric_limits<int32_t>::max() : number;
            case CPPSERVER_SP_OPTION_SEND_TIMEOUT:
            case CPPSERVER_SP_OPTION_RECEIVE_TIMEOUT: return std::max(number, -1);
            case CPPSERVER_SP_OPTION_RECONNECT_INTERVAL: return (number == 0) ? 1 : number;
            // No message fits into nothing; -1 is no limit there, and 0 here.
            case CPPSERVER_SP_OPTION_MAX_MESSAGE_SIZE: return (number == -1) ? 0 : (number == 0) ? -1 : number;
            default: return number;
        }
    }
    static int FromNative_(int32_t native, int64_t number)
    {
        if ((native == CPPSERVER_SP_OPTION_MAX_MESSAGE_SIZE) && (number == 0))
            return -1;
        return static_cast<int>(std::min<int64_t>(number, std::numeric_limits<int>::max()));
    }
};

} // namespace Detail
} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_DETAIL_SOCKET_OPTIONS_H
