/// @file nanomsg.h
/// The constants of nanomsg that the scalability protocols here understand.
///
/// Define CPPSERVER_NO_COMPAT_NANOMSG where the headers of the real nanomsg are in use: then no macro is defined here.

#ifndef CPPSERVER_COMPAT_NANOMSG_H
#define CPPSERVER_COMPAT_NANOMSG_H

#include <cerrno>

#if !defined(CPPSERVER_NO_COMPAT_NANOMSG)

// Domains.
#define AF_SP 1
#define AF_SP_RAW 2

// Protocols, and levels of their options.
#define NN_PAIR 16
#define NN_PUB 32
#define NN_SUB 33
#define NN_REQ 48
#define NN_REP 49
#define NN_PUSH 80
#define NN_PULL 81
#define NN_SURVEYOR 98
#define NN_RESPONDENT 99
#define NN_BUS 112

// Transports, and levels of their options.
#define NN_INPROC -1
#define NN_IPC -2
#define NN_TCP -3
#define NN_WS -4

// Options of every socket.
#define NN_SOL_SOCKET 0
#define NN_LINGER 1
#define NN_SNDBUF 2
#define NN_RCVBUF 3
#define NN_SNDTIMEO 4
#define NN_RCVTIMEO 5
#define NN_RECONNECT_IVL 6
#define NN_RECONNECT_IVL_MAX 7
#define NN_SNDPRIO 8
#define NN_RCVPRIO 9
#define NN_SNDFD 10
#define NN_RCVFD 11
#define NN_DOMAIN 12
#define NN_PROTOCOL 13
#define NN_IPV4ONLY 14
#define NN_SOCKET_NAME 15
#define NN_RCVMAXSIZE 16
#define NN_MAXTTL 17

// Options of protocols and transports.
#define NN_SUB_SUBSCRIBE 1
#define NN_SUB_UNSUBSCRIBE 2
#define NN_REQ_RESEND_IVL 1
#define NN_SURVEYOR_DEADLINE 1
#define NN_TCP_NODELAY 1
#define NN_WS_MSG_TYPE 1
#define NN_WS_MSG_TYPE_TEXT 1
#define NN_WS_MSG_TYPE_BINARY 2

// Others.
#define NN_SOCKADDR_MAX 128
#define NN_DONTWAIT 1
#define NN_MSG ((size_t)-1)

// Errors that no operating system has.
#define NN_HAUSNUMERO 156384712
#ifndef ETERM
#define ETERM (NN_HAUSNUMERO + 53)
#endif
#ifndef EFSM
#define EFSM (NN_HAUSNUMERO + 54)
#endif

#endif

#endif // CPPSERVER_COMPAT_NANOMSG_H
