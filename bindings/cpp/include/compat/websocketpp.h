/// @file websocketpp.h
/// The part of websocketpp that users of this library touch, under its own names.
///
/// Everything lives in CppServer::Compat::websocketpp, where it cannot collide with a real websocketpp. The global namespace
/// `websocketpp` is opened here as well, unless CPPSERVER_NO_COMPAT_WEBSOCKETPP is defined. Define it where the real websocketpp
/// is included too.

#ifndef CPPSERVER_COMPAT_WEBSOCKETPP_H
#define CPPSERVER_COMPAT_WEBSOCKETPP_H

#include "compat/websocketpp/close.h"
#include "compat/websocketpp/connection.h"
#include "compat/websocketpp/endpoint.h"
#include "compat/websocketpp/error.h"
#include "compat/websocketpp/frame.h"
#include "compat/websocketpp/message.h"

#if !defined(CPPSERVER_NO_COMPAT_WEBSOCKETPP)

#ifndef _WEBSOCKETPP_CPP11_STL_
#define _WEBSOCKETPP_CPP11_STL_
#endif
#ifndef _WEBSOCKETPP_CPP11_THREAD_
#define _WEBSOCKETPP_CPP11_THREAD_
#endif

namespace websocketpp {

using namespace CppServer::Compat::websocketpp;

} // namespace websocketpp

#endif

#endif // CPPSERVER_COMPAT_WEBSOCKETPP_H
