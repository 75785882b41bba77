/// @file ssl.hpp
/// Serves programs that include <asio/ssl.hpp> themselves, as asio.hpp does.

#if !defined(CPPSERVER_NO_COMPAT_ASIO)
#include "compat/asio.h"
#elif defined(__GNUC__)
#pragma GCC system_header
#include_next <asio/ssl.hpp>
#else
#error "CPPSERVER_NO_COMPAT_ASIO: put the include directory of the real asio in front of this library's directory."
#endif
