/// @file nanomsg.h
/// CppServer::Nanomsg::Domain and Protocol, and the constants of nanomsg.

#ifndef CPPSERVER_SERVER_NANOMSG_NANOMSG_H
#define CPPSERVER_SERVER_NANOMSG_NANOMSG_H

#include "cppserver.h"

#include "compat/nanomsg.h"

#include <ostream>

namespace CppServer {
namespace Nanomsg {

/// Whether a socket plays its role in the pattern, or passes messages on for a Device.
enum class Domain
{
    Std = 1,
    Raw = 2
};

/// The role that a socket plays in a pattern.
enum class Protocol
{
    Pair = CPPSERVER_SP_PROTOCOL_PAIR,             ///< One to one, both ways
    Request = CPPSERVER_SP_PROTOCOL_REQUEST,       ///< Asks one of those who reply, again and again until the answer comes
    Reply = CPPSERVER_SP_PROTOCOL_REPLY,           ///< Answers the request that it received last
    Publisher = CPPSERVER_SP_PROTOCOL_PUBLISHER,   ///< Sends to all subscribers
    Subscriber = CPPSERVER_SP_PROTOCOL_SUBSCRIBER, ///< Receives what begins with one of its topics
    Push = CPPSERVER_SP_PROTOCOL_PUSH,             ///< Shares its messages out
    Pull = CPPSERVER_SP_PROTOCOL_PULL,             ///< Takes its share
    Surveyor = CPPSERVER_SP_PROTOCOL_SURVEYOR,     ///< Asks all respondents, and takes answers until a deadline
    Respondent = CPPSERVER_SP_PROTOCOL_RESPONDENT, ///< Answers the survey that it received last
    Bus = CPPSERVER_SP_PROTOCOL_BUS                ///< Sends to all its neighbours
};

/// The name of the enumerator
inline std::ostream& operator<<(std::ostream& stream, Domain domain)
{
    switch (domain)
    {
        case Domain::Std: return stream << "Std";
        case Domain::Raw: return stream << "Raw";
    }
    return stream << "<unknown>";
}

/// The name of the enumerator
inline std::ostream& operator<<(std::ostream& stream, Protocol protocol)
{
    switch (protocol)
    {
        case Protocol::Pair: return stream << "Pair";
        case Protocol::Request: return stream << "Request";
        case Protocol::Reply: return stream << "Reply";
        case Protocol::Publisher: return stream << "Publisher";
        case Protocol::Subscriber: return stream << "Subscriber";
        case Protocol::Push: return stream << "Push";
        case Protocol::Pull: return stream << "Pull";
        case Protocol::Surveyor: return stream << "Surveyor";
        case Protocol::Respondent: return stream << "Respondent";
        case Protocol::Bus: return stream << "Bus";
    }
    return stream << "<unknown>";
}

} // namespace Nanomsg
} // namespace CppServer

#endif // CPPSERVER_SERVER_NANOMSG_NANOMSG_H
