/// @file common.h
/// Opens the namespace CppCommon for the compatible classes of this library.
///
/// They live in CppServer::Compat::common. Define CPPSERVER_NO_COMPAT_CPPCOMMON where the real CppCommon is in use: then
/// neither the namespace nor the macros are touched.

#ifndef CPPSERVER_COMPAT_COMMON_H
#define CPPSERVER_COMPAT_COMMON_H

namespace CppServer {
namespace Compat {
namespace common {}
} // namespace Compat
} // namespace CppServer

#if !defined(CPPSERVER_NO_COMPAT_CPPCOMMON)

namespace CppCommon {

using namespace CppServer::Compat::common;

} // namespace CppCommon

#ifndef __LOCATION__
/// The present line as CppCommon::SourceLocation.
#define __LOCATION__ CppCommon::SourceLocation(__FILE__, __LINE__)
#endif
#ifndef __THREAD__
/// Identifier of the calling thread.
#define __THREAD__ CppCommon::Thread::CurrentThreadId()
#endif
#ifndef throwex
/// Throws an exception that knows the present line: throwex CppCommon::RuntimeException("...");
#define throwex throw __LOCATION__ +
#endif

#endif

#endif // CPPSERVER_COMPAT_COMMON_H
