/// @file thread.h
/// CppCommon::Thread; also brings time/timestamp.h and errors/exceptions.h. Where CPPSERVER_NO_COMPAT_CPPCOMMON is
/// defined, the header of the same name of the real CppCommon, if there is one.

#ifndef CPPSERVER_THREADS_THREAD_H
#define CPPSERVER_THREADS_THREAD_H

#if !defined(CPPSERVER_NO_COMPAT_CPPCOMMON)
#include "compat/common.h"
#include "compat/common/thread.h"
#include "errors/exceptions.h"
#include "time/timestamp.h"
#elif defined(__GNUC__)
#pragma GCC system_header
#if __has_include_next("threads/thread.h")
#include_next "threads/thread.h"
#endif
#endif

#endif // CPPSERVER_THREADS_THREAD_H
