/// @file uuid.h
/// CppCommon::UUID. Where CPPSERVER_NO_COMPAT_CPPCOMMON is
/// defined, the header of the same name of the real CppCommon, if there is one.

#ifndef CPPSERVER_SYSTEM_UUID_H
#define CPPSERVER_SYSTEM_UUID_H

#if !defined(CPPSERVER_NO_COMPAT_CPPCOMMON)
#include "compat/common.h"
#include "compat/common/uuid.h"
#elif defined(__GNUC__)
#pragma GCC system_header
#if __has_include_next("system/uuid.h")
#include_next "system/uuid.h"
#endif
#endif

#endif // CPPSERVER_SYSTEM_UUID_H
