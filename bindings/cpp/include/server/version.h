/// @file version.h
/// Version of the C++ interface.

#ifndef CPPSERVER_SERVER_VERSION_H
#define CPPSERVER_SERVER_VERSION_H

namespace CppServer {

/// Version of the C++ interface. The version of the loaded library is told by cppserver_version().
const char version[] = "1.0.0.0";

} // namespace CppServer

#endif // CPPSERVER_SERVER_VERSION_H
