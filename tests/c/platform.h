/* Threads, locks and plain sockets for the tests, on POSIX systems and on Windows alike. */
#ifndef TEST_PLATFORM_H
#define TEST_PLATFORM_H

#if !defined(_WIN32) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE 1
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE 1
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <winsock2.h>
#include <windows.h>
#include <process.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#endif

/* ---- a lock with a condition ---- */

typedef struct platform_monitor {
#ifdef _WIN32
    SRWLOCK lock;
    CONDITION_VARIABLE changed;
#else
    pthread_mutex_t lock;
    pthread_cond_t changed;
#endif
} platform_monitor;

static inline void platform_monitor_init(platform_monitor *monitor)
{
#ifdef _WIN32
    InitializeSRWLock(&monitor->lock);
    InitializeConditionVariable(&monitor->changed);
#else
    if (pthread_mutex_init(&monitor->lock, NULL) != 0 || pthread_cond_init(&monitor->changed, NULL) != 0)
        abort();
#endif
}

static inline void platform_lock(platform_monitor *monitor)
{
#ifdef _WIN32
    AcquireSRWLockExclusive(&monitor->lock);
#else
    pthread_mutex_lock(&monitor->lock);
#endif
}

static inline void platform_unlock(platform_monitor *monitor)
{
#ifdef _WIN32
    ReleaseSRWLockExclusive(&monitor->lock);
#else
    pthread_mutex_unlock(&monitor->lock);
#endif
}

static inline void platform_notify(platform_monitor *monitor)
{
#ifdef _WIN32
    WakeAllConditionVariable(&monitor->changed);
#else
    pthread_cond_broadcast(&monitor->changed);
#endif
}

/* Milliseconds of a clock that is good for deadlines. */
static inline uint64_t platform_now(void)
{
#ifdef _WIN32
    return GetTickCount64();
#else
    struct timeval now;
    gettimeofday(&now, NULL);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
#endif
}

/* Waits for a notification, with the lock held, until a time of platform_now(). May wake early. */
static inline void platform_wait(platform_monitor *monitor, uint64_t deadline)
{
#ifdef _WIN32
    uint64_t now = platform_now();
    DWORD left = deadline > now ? (DWORD)(deadline - now) : 0;
    SleepConditionVariableSRW(&monitor->changed, &monitor->lock, left, 0);
#else
    struct timespec until = { (time_t)(deadline / 1000), (long)(deadline % 1000) * 1000000 };
    pthread_cond_timedwait(&monitor->changed, &monitor->lock, &until);
#endif
}

/* ---- threads ---- */

typedef void (*platform_function)(void *argument);

typedef struct platform_thread {
    platform_function function;
    void *argument;
#ifdef _WIN32
    HANDLE handle;
#else
    pthread_t handle;
#endif
} platform_thread;

#ifdef _WIN32
static inline unsigned __stdcall platform_thread_main(void *thread)
{
    ((platform_thread *)thread)->function(((platform_thread *)thread)->argument);
    return 0;
}
#else
static inline void *platform_thread_main(void *thread)
{
    ((platform_thread *)thread)->function(((platform_thread *)thread)->argument);
    return NULL;
}
#endif

static inline void platform_thread_start(platform_thread *thread, platform_function function, void *argument)
{
    thread->function = function;
    thread->argument = argument;
#ifdef _WIN32
    thread->handle = (HANDLE)_beginthreadex(NULL, 0, platform_thread_main, thread, 0, NULL);
    if (thread->handle == NULL)
        abort();
#else
    if (pthread_create(&thread->handle, NULL, platform_thread_main, thread) != 0)
        abort();
#endif
}

static inline void platform_thread_join(platform_thread *thread)
{
#ifdef _WIN32
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
#else
    pthread_join(thread->handle, NULL);
#endif
}

/* Lets other threads go first. */
static inline void platform_yield(void)
{
#ifdef _WIN32
    SwitchToThread();
#else
    sched_yield();
#endif
}

/* ---- plain blocking sockets: peers that do what a well-behaved endpoint never would ---- */

#ifdef _WIN32
typedef SOCKET platform_socket;
#define PLATFORM_NO_SOCKET INVALID_SOCKET
#define PLATFORM_ADDRESS_IN_USE WSAEADDRINUSE
#define PLATFORM_CONNECTION_REFUSED WSAECONNREFUSED
#define PLATFORM_CONNECTION_RESET WSAECONNRESET
#define PLATFORM_ADDRESS_NOT_AVAILABLE WSAEADDRNOTAVAIL
#else
typedef int platform_socket;
#define PLATFORM_NO_SOCKET (-1)
#define PLATFORM_ADDRESS_IN_USE EADDRINUSE
#define PLATFORM_CONNECTION_REFUSED ECONNREFUSED
#define PLATFORM_CONNECTION_RESET ECONNRESET
#define PLATFORM_ADDRESS_NOT_AVAILABLE EADDRNOTAVAIL
#endif

static inline struct sockaddr_in platform_loopback(uint16_t port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

static inline platform_socket platform_socket_open(void)
{
#ifdef _WIN32
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        abort();
#endif
    return socket(AF_INET, SOCK_STREAM, 0);
}

/* Connects to a port of this machine; receive_buffer is the size of the kernel's buffer, 0 for its own choice. */
static inline platform_socket platform_socket_connect(uint16_t port, int receive_buffer)
{
    struct sockaddr_in address = platform_loopback(port);
    platform_socket handle = platform_socket_open();
    if (handle == PLATFORM_NO_SOCKET)
        return PLATFORM_NO_SOCKET;
    if (receive_buffer != 0)
        setsockopt(handle, SOL_SOCKET, SO_RCVBUF, (const void *)&receive_buffer, sizeof receive_buffer);
    return connect(handle, (struct sockaddr *)&address, sizeof address) == 0 ? handle : PLATFORM_NO_SOCKET;
}

static inline bool platform_socket_send_bytes(platform_socket handle, const void *data, size_t size)
{
#ifdef MSG_NOSIGNAL
    const int flags = MSG_NOSIGNAL;
#else
    const int flags = 0;
#endif
    return send(handle, data, (int)size, flags) == (long)size;
}

static inline bool platform_socket_send(platform_socket handle, const char *text)
{
    return platform_socket_send_bytes(handle, text, strlen(text));
}

/* Returns the bytes received, 0 at the end of the stream, negative after an error. */
static inline long platform_socket_receive(platform_socket handle, void *buffer, size_t size)
{
    return (long)recv(handle, buffer, (int)size, 0);
}

/* Receiving waits so many milliseconds at most. */
static inline bool platform_socket_set_patience(platform_socket handle, int patience)
{
#ifdef _WIN32
    DWORD timeout = (DWORD)patience;
#else
    struct timeval timeout = { patience / 1000, patience % 1000 * 1000 };
#endif
    return setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, (const void *)&timeout, sizeof timeout) == 0;
}

static inline void platform_socket_close(platform_socket handle)
{
#ifdef _WIN32
    closesocket(handle);
#else
    close(handle);
#endif
}

/* Says that this side sends no more, and goes on receiving. */
static inline void platform_socket_shutdown_send(platform_socket handle)
{
#ifdef _WIN32
    shutdown(handle, SD_SEND);
#else
    shutdown(handle, SHUT_WR);
#endif
}

/* Ends the connection by a reset instead of an orderly close. */
static inline void platform_socket_reset(platform_socket handle)
{
    struct linger abort_on_close = { 1, 0 };
    setsockopt(handle, SOL_SOCKET, SO_LINGER, (const void *)&abort_on_close, sizeof abort_on_close);
    platform_socket_close(handle);
}

/* ---- plain sockets for datagrams ---- */

static inline uint16_t platform_socket_port(platform_socket handle)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    return getsockname(handle, (struct sockaddr *)&address, &size) == 0 ? ntohs(address.sin_port) : 0;
}

/* A socket on a free port of one IPv4 address, that waits so many milliseconds for datagrams at most. */
static inline platform_socket platform_datagram_open(const char *ip, int patience)
{
    struct sockaddr_in address = platform_loopback(0);
#ifdef _WIN32
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        abort();
#endif
    platform_socket handle = socket(AF_INET, SOCK_DGRAM, 0);
    if (handle == PLATFORM_NO_SOCKET || inet_pton(AF_INET, ip, &address.sin_addr) != 1 ||
        !platform_socket_set_patience(handle, patience) ||
        bind(handle, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return handle;
}

static inline bool platform_datagram_send(platform_socket handle, uint16_t port, const void *data, size_t size)
{
    struct sockaddr_in to = platform_loopback(port);
    return sendto(handle, data, (int)size, 0, (struct sockaddr *)&to, sizeof to) == (long)size;
}

/* A port of this machine on which nobody listens. */
static inline uint16_t platform_free_port(void)
{
    struct sockaddr_in address = platform_loopback(0);
    socklen_t size = sizeof address;
    platform_socket handle = platform_socket_open();
    if (handle == PLATFORM_NO_SOCKET || bind(handle, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(handle, (struct sockaddr *)&address, &size) != 0)
        abort();
    platform_socket_close(handle);
    return ntohs(address.sin_port);
}

#endif
