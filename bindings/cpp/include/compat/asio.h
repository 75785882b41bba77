/// @file asio.h
/// The part of asio that users of this library touch, under its own names.
///
/// Everything lives in CppServer::Compat::asio, where it cannot collide with a real asio. The global namespace `asio` is
/// opened here as well, unless CPPSERVER_NO_COMPAT_ASIO is defined. Define it where the real asio is included too.

#ifndef CPPSERVER_COMPAT_ASIO_H
#define CPPSERVER_COMPAT_ASIO_H

#include "compat/asio/acceptor.h"
#include "compat/asio/address.h"
#include "compat/asio/buffer.h"
#include "compat/asio/datagram_socket.h"
#include "compat/asio/endpoint.h"
#include "compat/asio/error.h"
#include "compat/asio/io_service.h"
#include "compat/asio/multicast.h"
#include "compat/asio/protocol.h"
#include "compat/asio/resolver.h"
#include "compat/asio/socket.h"
#include "compat/asio/socket_option.h"
#include "compat/asio/ssl/context.h"
#include "compat/asio/ssl/stream.h"
#include "compat/asio/ssl/verify.h"
#include "compat/asio/timer.h"

#if !defined(CPPSERVER_NO_COMPAT_ASIO)

#ifndef ASIO_STANDALONE
#define ASIO_STANDALONE
#endif

namespace asio {

using namespace CppServer::Compat::asio;

} // namespace asio

#endif

#endif // CPPSERVER_COMPAT_ASIO_H
