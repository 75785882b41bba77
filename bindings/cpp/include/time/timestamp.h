/// @file timestamp.h
/// CppCommon::Timespan, CppCommon::Timestamp and CppCommon::UtcTimestamp. Where CPPSERVER_NO_COMPAT_CPPCOMMON is
/// defined, the header of the same name of the real CppCommon, if there is one.

#ifndef CPPSERVER_TIME_TIMESTAMP_H
#define CPPSERVER_TIME_TIMESTAMP_H

#if !defined(CPPSERVER_NO_COMPAT_CPPCOMMON)
#include "compat/common.h"
#include "compat/common/timestamp.h"
#elif defined(__GNUC__)
#pragma GCC system_header
#if __has_include_next("time/timestamp.h")
#include_next "time/timestamp.h"
#endif
#endif

#endif // CPPSERVER_TIME_TIMESTAMP_H
