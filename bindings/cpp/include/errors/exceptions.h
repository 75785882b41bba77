/// @file exceptions.h
/// CppCommon::Exception and the classes derived from it. Where CPPSERVER_NO_COMPAT_CPPCOMMON is
/// defined, the header of the same name of the real CppCommon, if there is one.

#ifndef CPPSERVER_ERRORS_EXCEPTIONS_H
#define CPPSERVER_ERRORS_EXCEPTIONS_H

#if !defined(CPPSERVER_NO_COMPAT_CPPCOMMON)
#include "compat/common.h"
#include "compat/common/exceptions.h"
#elif defined(__GNUC__)
#pragma GCC system_header
#if __has_include_next("errors/exceptions.h")
#include_next "errors/exceptions.h"
#endif
#endif

#endif // CPPSERVER_ERRORS_EXCEPTIONS_H
