/// @file asio.hpp
/// Serves programs that include <asio.hpp> themselves: the compatible subset, or the real header where
/// CPPSERVER_NO_COMPAT_ASIO is defined.

#if !defined(CPPSERVER_NO_COMPAT_ASIO)
#include "compat/asio.h"
#elif defined(__GNUC__)
#pragma GCC system_header
#include_next <asio.hpp>
#else
#error "CPPSERVER_NO_COMPAT_ASIO: put the include directory of the real asio in front of this library's directory."
#endif
