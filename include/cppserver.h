/*
 * cppserver.h - callback-driven network servers and clients. The C interface.
 * SPDX-License-Identifier: MIT
 *
 * This file is generated: change the sources in src/ffi, or cbindgen.toml, not the file itself.
 *
 * A short tour
 * ------------
 * A service owns the I/O threads. Servers and clients are made for a service; a server has
 * sessions, a client has one. Datagrams (UDP) have a cppserver_udp at either end. What happens is
 * told by callbacks, which a program hands over in a handler struct together with a pointer of its
 * own, the user_data. Sockets of the scalability protocols, cppserver_sp_socket, need no service of
 * the program, and also send and receive by calls that block. An echo server:
 *
 *     #include <cppserver.h>
 *     #include <stdio.h>
 *
 *     static size_t on_received(void *user_data, int32_t kind, const void *data, size_t size) {
 *         (void)kind;
 *         cppserver_session_send((cppserver_session *)user_data, data, size, NULL);
 *         return size;
 *     }
 *
 *     static void destroy_session(void *user_data) {
 *         cppserver_session_release((cppserver_session *)user_data);
 *     }
 *
 *     static bool on_session(void *user_data, cppserver_session *session,
 *                            cppserver_session_handler *handler, void **session_user_data) {
 *         (void)user_data;
 *         handler->on_received = on_received;
 *         handler->destroy = destroy_session;
 *         *session_user_data = cppserver_session_retain(session);
 *         return true;
 *     }
 *
 *     int main(void) {
 *         cppserver_server_handler handler = {.size = sizeof handler, .on_session = on_session};
 *         cppserver_service *service = cppserver_service_create(1);
 *         cppserver_server *server = cppserver_server_create_tcp(service, "0.0.0.0", 1111);
 *         bool running = cppserver_service_start(service, false, NULL, NULL) == 0 &&
 *                        cppserver_server_start(server, &handler, NULL) == 0;
 *         if (running) {
 *             puts("Press Enter to stop");
 *             getchar();
 *         } else {
 *             fprintf(stderr, "%s\n", cppserver_last_error_message());
 *         }
 *         cppserver_service_stop(service);
 *         cppserver_server_release(server);
 *         cppserver_service_release(service);
 *         return running ? 0 : 1;
 *     }
 *
 * Threads
 * -------
 * - Every function may be called from every thread and inside every callback. None of them waits
 *   for the network, but those of the scalability protocols that take a timeout or close. These,
 *   cppserver_service_stop() and cppserver_service_restart() block, and only on threads of the
 *   program: inside a callback they return at once.
 * - Callbacks come from the I/O threads of the service. All callbacks of one connection come from
 *   one thread, one at a time; with one thread, the usual number, so do all of the service.
 *   (A user_data is destroyed on the calling thread when the call that took it fails.)
 * - No lock is held while a callback runs. A callback that takes long delays the other
 *   connections of its thread, and nothing else.
 * - C++ exceptions and longjmp must not leave a callback.
 *
 * Ownership
 * ---------
 * - Handles count references. What _create returns is owned by the caller and given back with
 *   _release; _retain adds a reference and returns the same pointer. What a callback or
 *   cppserver_client_session() lends is retained to be kept. Only messages (cppserver_sp_message)
 *   are cloned instead.
 * - What runs keeps itself alive: to release a started server does not stop it. Only sockets of the
 *   scalability protocols close with their last reference.
 * - A call that takes a handler (start, connect, post, a timer) takes its user_data over, and calls
 *   destroy(user_data) exactly once, as the very last call with it, also when the call fails. The
 *   handler struct itself is copied.
 * - Data, addresses and texts that a program passes in are copied. Those that a callback receives
 *   are valid until it returns.
 *
 * Errors
 * ------
 * - Setup functions return a cppserver_status as int32_t, 0 for success; functions that create
 *   something return NULL on failure. cppserver_last_error_code(), _category() and _message() tell
 *   more, on the same thread. What fails later is told by on_error.
 * - NULL is harmless everywhere: a status, 0, false or no effect.
 * - The handle of a session that is over stays valid until it is released; calls on it fail with
 *   CPPSERVER_STATUS_NOT_CONNECTED.
 *
 * Growth
 * ------
 * Handler structs begin with their size and only ever get new members at the end, enums only get
 * new values: programs compiled with an older header of the same major version go on working.
 */

#ifndef CPPSERVER_H
#define CPPSERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPPSERVER_VERSION_MAJOR 1
#define CPPSERVER_VERSION_MINOR 0
#define CPPSERVER_VERSION_PATCH 0

/**
 * What a call came to. Functions return it as int32_t.
 *
 * An on_error callback and cppserver_last_error_code() carry the same number as their code, except
 * in the categories "system", "resolver", "tls", "websocket" and "sp".
 */
typedef enum cppserver_status {
    /**
     * The call did what it was asked for.
     */
    CPPSERVER_STATUS_OK = 0,
    /**
     * An argument has no meaning here: a NULL pointer, an address that does not parse, an unknown
     * option, a value out of range.
     */
    CPPSERVER_STATUS_INVALID_ARGUMENT = 1,
    /**
     * The object is not in the state the call needs: started twice, stopped twice, connect while
     * connected, or the service is stopping.
     */
    CPPSERVER_STATUS_INVALID_STATE = 2,
    /**
     * There is no connection: before it is made, or after disconnect.
     */
    CPPSERVER_STATUS_NOT_CONNECTED = 3,
    /**
     * A limit was reached: of bytes to send, of bytes left unhandled, of sessions.
     */
    CPPSERVER_STATUS_LIMIT = 4,
    /**
     * A deadline passed: connect, idle, close.
     */
    CPPSERVER_STATUS_TIMEOUT = 5,
    /**
     * The operating system refused. The code is errno, on Windows the WSA error number.
     */
    CPPSERVER_STATUS_SYSTEM = 6,
    /**
     * A host name could not be resolved.
     */
    CPPSERVER_STATUS_RESOLVER = 7,
    /**
     * A callback that is written in Rust panicked, or the library met a defect of its own.
     */
    CPPSERVER_STATUS_HANDLER = 8,
    /**
     * This operating system lacks what was asked for.
     */
    CPPSERVER_STATUS_UNSUPPORTED = 9,
    /**
     * A certificate, a key or a TLS peer is not what it should be. The code is an alert of RFC
     * 8446 section 6 when this side gave up, 1000 more than that when the peer sent it, or a
     * cppserver_tls_failure.
     */
    CPPSERVER_STATUS_TLS = 10,
    /**
     * A WebSocket peer breaks the protocol, or refuses the handshake. The code is a close code of
     * RFC 6455 section 7.4 (1000 and above), or the status of HTTP (below 600) where the handshake
     * failed, 0 where there was none, 1006 where the peer closed the connection instead.
     */
    CPPSERVER_STATUS_WEB_SOCKET = 11,
    /**
     * A peer breaks the scalability protocols, or speaks none. The code is a cppserver_sp_failure,
     * as with every other status of the category "sp".
     */
    CPPSERVER_STATUS_SP = 12,
} cppserver_status;

/**
 * Why a connection ended: the last argument of on_disconnected.
 */
typedef enum cppserver_reason {
    /**
     * This side called disconnect, or gave up connecting.
     */
    CPPSERVER_REASON_LOCAL = 1,
    /**
     * The peer closed the connection in good order, or its sending half. This is no error.
     */
    CPPSERVER_REASON_PEER_CLOSED = 2,
    /**
     * The connection failed, or a callback that is written in Rust panicked; on_error told which.
     */
    CPPSERVER_REASON_ERROR = 3,
    /**
     * A deadline passed: connect, idle or close; on_error told which.
     */
    CPPSERVER_REASON_TIMEOUT = 4,
    /**
     * A limit was reached: bytes to send (with the policy "disconnect") or bytes left unhandled;
     * on_error told which.
     */
    CPPSERVER_REASON_LIMIT = 5,
    /**
     * The server was stopped or restarted.
     */
    CPPSERVER_REASON_SERVER_STOPPED = 6,
    /**
     * The service was stopped or restarted.
     */
    CPPSERVER_REASON_SERVICE_STOPPED = 7,
    /**
     * The peer closed an encrypted connection without the end of its stream (TLS close_notify):
     * what it sent may have been cut; on_error told it too.
     */
    CPPSERVER_REASON_TRUNCATED = 8,
} cppserver_reason;

/**
 * What on_received delivers. TCP and TLS sessions deliver bytes and nothing else, WebSocket
 * sessions whole messages.
 */
typedef enum cppserver_kind {
    /**
     * A piece of a byte stream. It may end anywhere: messages are the business of the program.
     */
    CPPSERVER_KIND_BYTES = 0,
    /**
     * A whole text message, valid UTF-8.
     */
    CPPSERVER_KIND_TEXT = 1,
    /**
     * A whole binary message.
     */
    CPPSERVER_KIND_BINARY = 2,
    /**
     * A ping with its payload; the answer is sent by the library.
     */
    CPPSERVER_KIND_PING = 3,
    /**
     * A pong with its payload.
     */
    CPPSERVER_KIND_PONG = 4,
} cppserver_kind;

/**
 * Options of servers, sessions and clients. All values are int64_t.
 *
 * Set on a server or a client they count from its next start or connect on, but for the send
 * limit, the send policy and the receive limit, which count at once. A server hands them to its
 * sessions. Set on a session they change the open socket.
 */
typedef enum cppserver_option {
    /**
     * 0 or 1, default 1: send small pieces at once instead of joining them (TCP_NODELAY).
     */
    CPPSERVER_OPTION_NO_DELAY = 1,
    /**
     * 0 or 1, default 0 on a server and 1 on a client: probe silent peers (SO_KEEPALIVE).
     */
    CPPSERVER_OPTION_KEEP_ALIVE = 2,
    /**
     * Seconds of silence before the first probe, 0 = the system's default.
     */
    CPPSERVER_OPTION_KEEP_ALIVE_IDLE = 3,
    /**
     * Seconds between two probes, 0 = the system's default.
     */
    CPPSERVER_OPTION_KEEP_ALIVE_INTERVAL = 4,
    /**
     * Unanswered probes that end the connection, 0 = the system's default.
     */
    CPPSERVER_OPTION_KEEP_ALIVE_COUNT = 5,
    /**
     * 0 or 1, default 1, servers only: listen although old connections linger on the port.
     */
    CPPSERVER_OPTION_REUSE_ADDRESS = 6,
    /**
     * 0 or 1, default 0, servers only: let several listeners share the port.
     */
    CPPSERVER_OPTION_REUSE_PORT = 7,
    /**
     * 0 or 1, default 1: a listener on the IPv6 address "::" takes IPv4 connections too.
     */
    CPPSERVER_OPTION_DUAL_STACK = 8,
    /**
     * Bytes of the kernel's send buffer (SO_SNDBUF), 0 = the system's default.
     */
    CPPSERVER_OPTION_SEND_BUFFER = 9,
    /**
     * Bytes of the kernel's receive buffer (SO_RCVBUF), 0 = the system's default.
     */
    CPPSERVER_OPTION_RECEIVE_BUFFER = 10,
    /**
     * Connections that may wait to be accepted, default 4096, servers only.
     */
    CPPSERVER_OPTION_BACKLOG = 11,
    /**
     * Seconds that a closed connection is kept until its peer has taken the last bytes, 0 = reset
     * it, -1 = as long as the close timeout (default). Nothing waits for it.
     */
    CPPSERVER_OPTION_LINGER = 12,
    /**
     * Milliseconds for a client to resolve the name and connect, default 30000, 0 = the system's
     * own patience.
     */
    CPPSERVER_OPTION_CONNECT_TIMEOUT = 13,
    /**
     * Milliseconds without a byte in or out that end a session, default 0 = none.
     */
    CPPSERVER_OPTION_IDLE_TIMEOUT = 14,
    /**
     * Milliseconds that disconnect goes on writing what was sent, default 5000.
     */
    CPPSERVER_OPTION_CLOSE_TIMEOUT = 15,
    /**
     * Sessions that a server holds at most, default 0 = no limit.
     */
    CPPSERVER_OPTION_SESSION_LIMIT = 16,
    /**
     * Sessions that a server holds at most from one peer address, default 0 = no limit.
     */
    CPPSERVER_OPTION_SESSION_LIMIT_PER_ADDRESS = 17,
    /**
     * Bytes that may wait to be sent in one session, default 16777216, 0 = no limit.
     */
    CPPSERVER_OPTION_SEND_LIMIT = 18,
    /**
     * What a send above the limit does: a cppserver_send_policy, default "refuse".
     */
    CPPSERVER_OPTION_SEND_POLICY = 19,
    /**
     * Bytes that on_received may leave unhandled in one session, default 16777216, 0 = no limit.
     */
    CPPSERVER_OPTION_RECEIVE_LIMIT = 20,
    /**
     * Milliseconds for the handshake of an encrypted connection, from its beginning, default
     * 10000, 0 = no limit.
     */
    CPPSERVER_OPTION_HANDSHAKE_TIMEOUT = 21,
    /**
     * 0 or 1, default 0: let datagrams go to broadcast addresses (SO_BROADCAST). This option and
     * the following ones are for UDP alone. Of those above, UDP knows REUSE_ADDRESS (default 0
     * there: with 1 several sockets may have the port, and each gets the datagrams of its
     * groups), REUSE_PORT, DUAL_STACK, SEND_BUFFER, RECEIVE_BUFFER, CONNECT_TIMEOUT (to resolve
     * the name), CLOSE_TIMEOUT, SEND_LIMIT (a queued datagram counts some 40 bytes more than it
     * has) and SEND_POLICY.
     */
    CPPSERVER_OPTION_BROADCAST = 22,
    /**
     * Routers that a datagram may pass (IP_TTL, IPV6_UNICAST_HOPS), 0 = the system's default.
     */
    CPPSERVER_OPTION_TIME_TO_LIVE = 23,
    /**
     * The same for multicasts (IP_MULTICAST_TTL, IPV6_MULTICAST_HOPS), default 1 = the own
     * network.
     */
    CPPSERVER_OPTION_MULTICAST_TIME_TO_LIVE = 24,
    /**
     * 0 or 1, default 1: let this machine hear its own multicasts (IP_MULTICAST_LOOP).
     */
    CPPSERVER_OPTION_MULTICAST_LOOP = 25,
    /**
     * Bytes of a received datagram that are delivered, default 65535 = all; the rest is cut off,
     * and on_received is told.
     */
    CPPSERVER_OPTION_DATAGRAM_LIMIT = 26,
    /**
     * 0 or 1, default 0, clients only: take datagrams from anybody and send to anybody, instead of
     * the server alone.
     */
    CPPSERVER_OPTION_ANY_PEER = 27,
    /**
     * Milliseconds of silence after which a WebSocket session asks its peer for a sign of life,
     * with a ping; if none comes for as long again, the session ends with
     * CPPSERVER_REASON_TIMEOUT, unless it pauses reading. Default 0 = never. This option and the
     * following ones are for WebSocket alone.
     */
    CPPSERVER_OPTION_PING_INTERVAL = 28,
    /**
     * Bytes of a message that the peer may send, after its decompression, default 16777216, 0 = no
     * limit.
     */
    CPPSERVER_OPTION_MESSAGE_LIMIT = 29,
    /**
     * Bytes of a frame that the peer may send, default 0 = as many as of a message.
     */
    CPPSERVER_OPTION_FRAME_LIMIT = 30,
    /**
     * Frames of one message that the peer may send, default 1000000, 0 = no limit.
     */
    CPPSERVER_OPTION_FRAGMENT_LIMIT = 31,
    /**
     * 0 or 1, default 0: deliver pings and pongs to on_received too. The library answers pings
     * anyway.
     */
    CPPSERVER_OPTION_CONTROL_FRAMES = 32,
    /**
     * 0 or 1, default 0: compress messages if the peer can, too (permessage-deflate, RFC 7692).
     */
    CPPSERVER_OPTION_DEFLATE = 33,
    /**
     * 0 or 1, default 0: let compressed messages refer to earlier ones, which makes them smaller
     * and costs some 300 KiB of memory for each session.
     */
    CPPSERVER_OPTION_DEFLATE_TAKEOVER = 34,
    /**
     * How far compressed messages may refer back, as a power of two from 9 to 15, default 15 = 32
     * KiB.
     */
    CPPSERVER_OPTION_DEFLATE_WINDOW_BITS = 35,
    /**
     * From 1, the fastest, to 9, the smallest, default 1.
     */
    CPPSERVER_OPTION_DEFLATE_LEVEL = 36,
    /**
     * Messages below this size in bytes are not compressed, default 256.
     */
    CPPSERVER_OPTION_DEFLATE_THRESHOLD = 37,
} cppserver_option;

/**
 * What happens to a send that would exceed CPPSERVER_OPTION_SEND_LIMIT.
 */
typedef enum cppserver_send_policy {
    /**
     * The send fails with CPPSERVER_STATUS_LIMIT and nothing of it is queued.
     */
    CPPSERVER_SEND_POLICY_REFUSE = 0,
    /**
     * The send fails with CPPSERVER_STATUS_LIMIT and the session ends with
     * CPPSERVER_REASON_LIMIT: a peer that does not keep up is let go.
     */
    CPPSERVER_SEND_POLICY_DISCONNECT = 1,
    /**
     * The oldest queued sends that have not begun to leave are dropped to make room, each as a
     * whole. Small ones, together up to a 256th of the limit, are dropped together. What is just
     * being written comes on top of the limit, up to as much again.
     */
    CPPSERVER_SEND_POLICY_DROP_OLDEST = 2,
} cppserver_send_policy;

/**
 * The role that a socket plays in a pattern. The numbers are those of the wire.
 */
typedef enum cppserver_sp_protocol {
    /**
     * One to one, both ways. A send waits for the peer, and for room.
     */
    CPPSERVER_SP_PROTOCOL_PAIR = 16,
    /**
     * Sends to all subscribers. A send never waits: who has no room misses the message.
     */
    CPPSERVER_SP_PROTOCOL_PUBLISHER = 32,
    /**
     * Receives what begins with one of its topics: cppserver_sp_socket_subscribe().
     */
    CPPSERVER_SP_PROTOCOL_SUBSCRIBER = 33,
    /**
     * Asks one of the reply sockets, and another one when no answer comes. A send never waits: the
     * question waits inside. The next question gives up the one before.
     */
    CPPSERVER_SP_PROTOCOL_REQUEST = 48,
    /**
     * Answers the question that it received last.
     */
    CPPSERVER_SP_PROTOCOL_REPLY = 49,
    /**
     * Shares its messages out among pull sockets. A send waits for a peer with room.
     */
    CPPSERVER_SP_PROTOCOL_PUSH = 80,
    /**
     * Takes its share.
     */
    CPPSERVER_SP_PROTOCOL_PULL = 81,
    /**
     * Asks all respondents, and takes answers until CPPSERVER_SP_OPTION_SURVEY_DEADLINE. A send
     * never waits.
     */
    CPPSERVER_SP_PROTOCOL_SURVEYOR = 98,
    /**
     * Answers the survey that it received last.
     */
    CPPSERVER_SP_PROTOCOL_RESPONDENT = 99,
    /**
     * Sends to all its neighbours, each of which is a bus too and does not pass it on. A send never
     * waits: who has no room misses the message.
     */
    CPPSERVER_SP_PROTOCOL_BUS = 112,
} cppserver_sp_protocol;

/**
 * Options of the sockets of scalability protocols. All values are int64_t, times in milliseconds.
 *
 * Options about connections count for those that are made after the change, the others at once.
 */
typedef enum cppserver_sp_option {
    /**
     * How long a close delivers what was sent before, default 1000.
     */
    CPPSERVER_SP_OPTION_LINGER = 1,
    /**
     * Bytes that may wait in one connection to be sent, default 131072; a message that passes the
     * limit is the last one.
     */
    CPPSERVER_SP_OPTION_SEND_BUFFER = 2,
    /**
     * Bytes that may wait in one connection to be received, default 131072; then its peer has to
     * wait.
     */
    CPPSERVER_SP_OPTION_RECEIVE_BUFFER = 3,
    /**
     * The same limit for sending in messages, default 0 = none.
     */
    CPPSERVER_SP_OPTION_SEND_MESSAGES = 4,
    /**
     * The same limit for receiving in messages, default 0 = none.
     */
    CPPSERVER_SP_OPTION_RECEIVE_MESSAGES = 5,
    /**
     * How long a send with the timeout -1 blocks; default -1 = for as long as it takes.
     */
    CPPSERVER_SP_OPTION_SEND_TIMEOUT = 6,
    /**
     * How long a receive with the timeout -1 blocks; default -1 = for as long as it takes.
     */
    CPPSERVER_SP_OPTION_RECEIVE_TIMEOUT = 7,
    /**
     * After how long a connection that failed or was lost is dialed again, default 100.
     */
    CPPSERVER_SP_OPTION_RECONNECT_INTERVAL = 8,
    /**
     * The interval doubles with each failure up to this one; default 0 = it stays the same.
     */
    CPPSERVER_SP_OPTION_RECONNECT_INTERVAL_MAX = 9,
    /**
     * 1 to 16, default 8, for the connections made from now on: who sends to one of many takes
     * those with the lowest number as long as they accept messages.
     */
    CPPSERVER_SP_OPTION_SEND_PRIORITY = 10,
    /**
     * 1 to 16, default 8, the same for receiving.
     */
    CPPSERVER_SP_OPTION_RECEIVE_PRIORITY = 11,
    /**
     * Bytes of the largest message that is received, with its header; one byte more, and the
     * connection is closed. Default 1048576, 0 = no limit.
     */
    CPPSERVER_SP_OPTION_MAX_MESSAGE_SIZE = 12,
    /**
     * Devices that a question may go through, 1 to 255, default 8; with more it is dropped.
     */
    CPPSERVER_SP_OPTION_MAX_HOPS = 13,
    /**
     * After how long a request without an answer is sent again, default 60000, 0 = never.
     */
    CPPSERVER_SP_OPTION_RESEND_INTERVAL = 14,
    /**
     * How long answers to a survey are taken, at least 1, default 1000.
     */
    CPPSERVER_SP_OPTION_SURVEY_DEADLINE = 15,
    /**
     * How long a new connection may take until its peer has said what it speaks, default 10000, 0 =
     * for as long as it likes.
     */
    CPPSERVER_SP_OPTION_HANDSHAKE_TIMEOUT = 16,
    /**
     * 0 or 1, default 1: small messages leave over TCP at once (TCP_NODELAY).
     */
    CPPSERVER_SP_OPTION_NO_DELAY = 17,
} cppserver_sp_option;

/**
 * Codes of the category "sp": those of cppserver_last_error_code() and of on_error.
 */
typedef enum cppserver_sp_failure {
    /**
     * A call with the timeout 0 would have to wait, or one with another timeout on an I/O thread.
     * The status is CPPSERVER_STATUS_TIMEOUT.
     */
    CPPSERVER_SP_FAILURE_WOULD_BLOCK = 3001,
    /**
     * The timeout of a call passed, or the deadline of a survey. The status is
     * CPPSERVER_STATUS_TIMEOUT.
     */
    CPPSERVER_SP_FAILURE_TIMED_OUT = 3002,
    /**
     * The pattern does not allow the call now, such as a reply without a request. The status is
     * CPPSERVER_STATUS_INVALID_STATE.
     */
    CPPSERVER_SP_FAILURE_WRONG_STATE = 3003,
    /**
     * The socket, or the part of it that was used, is closed. The status is
     * CPPSERVER_STATUS_NOT_CONNECTED.
     */
    CPPSERVER_SP_FAILURE_CLOSED = 3004,
    /**
     * cppserver_sp_terminate() was called. The status is CPPSERVER_STATUS_NOT_CONNECTED.
     */
    CPPSERVER_SP_FAILURE_TERMINATED = 3005,
    /**
     * The pattern never allows the call, such as a receive on a socket that publishes. The status
     * is CPPSERVER_STATUS_UNSUPPORTED.
     */
    CPPSERVER_SP_FAILURE_NOT_SUPPORTED = 3006,
    /**
     * An address cannot be read. The status is CPPSERVER_STATUS_INVALID_ARGUMENT.
     */
    CPPSERVER_SP_FAILURE_ADDRESS = 3007,
    /**
     * The transport of an address is none that this library has. The status is
     * CPPSERVER_STATUS_UNSUPPORTED.
     */
    CPPSERVER_SP_FAILURE_TRANSPORT = 3008,
    /**
     * Somebody listens on that address already. The status is CPPSERVER_STATUS_INVALID_STATE.
     */
    CPPSERVER_SP_FAILURE_ADDRESS_IN_USE = 3009,
    /**
     * The peer speaks something else, or a protocol that does not belong to this side's. The status
     * is CPPSERVER_STATUS_SP.
     */
    CPPSERVER_SP_FAILURE_PEER = 3010,
    /**
     * A message is larger than the limit. The status is CPPSERVER_STATUS_LIMIT.
     */
    CPPSERVER_SP_FAILURE_TOO_LARGE = 3011,
    /**
     * A message breaks the protocol, or a header is none. The status is CPPSERVER_STATUS_SP.
     */
    CPPSERVER_SP_FAILURE_MALFORMED = 3012,
} cppserver_sp_failure;

/**
 * Codes of the category "tls" that are no alerts.
 */
typedef enum cppserver_tls_failure {
    /**
     * The peer closed the connection without saying that its data ends there (RFC 8446 section
     * 6.1, close_notify): something may be missing.
     */
    CPPSERVER_TLS_FAILURE_TRUNCATED = 2001,
    /**
     * A file or buffer holds no certificate or key that can be read.
     */
    CPPSERVER_TLS_FAILURE_FORMAT = 2002,
    /**
     * The password of an encrypted key is missing or wrong.
     */
    CPPSERVER_TLS_FAILURE_PASSWORD = 2003,
    /**
     * A key does not belong to its certificate.
     */
    CPPSERVER_TLS_FAILURE_KEY_MISMATCH = 2004,
    /**
     * The settings contradict each other, or nothing implements them.
     */
    CPPSERVER_TLS_FAILURE_SETTINGS = 2005,
} cppserver_tls_failure;

/**
 * Settings of a TLS context. All values are int64_t. They count for connections that begin later.
 */
typedef enum cppserver_tls_option {
    /**
     * What is asked of the certificate of the peer: a cppserver_tls_verify. Default "peer" on
     * clients and "none" on servers.
     */
    CPPSERVER_TLS_OPTION_VERIFY = 1,
    /**
     * 0 or 1, default 1: a client verifies that the certificate of the server is for the name that
     * it connects to (RFC 9525). With 0, everybody who has a certificate of a trusted authority
     * can answer in the server's place.
     */
    CPPSERVER_TLS_OPTION_VERIFY_NAMES = 2,
    /**
     * Certificates between the peer's own and that of a trusted authority, at most; -1, the
     * default, leaves a limit of 6.
     */
    CPPSERVER_TLS_OPTION_VERIFY_DEPTH = 3,
    /**
     * The oldest version to speak: a cppserver_tls_version, default 1.2.
     */
    CPPSERVER_TLS_OPTION_MINIMUM_VERSION = 4,
    /**
     * The newest version to speak: a cppserver_tls_version, default 1.3.
     */
    CPPSERVER_TLS_OPTION_MAXIMUM_VERSION = 5,
    /**
     * 0 or 1, default 1: go on from earlier sessions, which makes handshakes cheaper (RFC 8446
     * section 2.2).
     */
    CPPSERVER_TLS_OPTION_RESUMPTION = 6,
    /**
     * 0 or 1, default 0: take certificates as they were made long ago, of X.509 version 1 and
     * without subjectAltName, so that the name is looked for in the subject, which RFC 9525 rules
     * out. Chain, signatures and times are verified nevertheless.
     */
    CPPSERVER_TLS_OPTION_DANGEROUS_ACCEPT_LEGACY_CERTIFICATES = 7,
    /**
     * 0 or 1: trust the authorities of the system, which are read when a connection needs them. By
     * default only clients do, and only while no others were added.
     */
    CPPSERVER_TLS_OPTION_SYSTEM_AUTHORITIES = 8,
} cppserver_tls_option;

/**
 * What cppserver_session_tls_text() tells of an encrypted session.
 */
typedef enum cppserver_tls_text {
    /**
     * "TLSv1.2" or "TLSv1.3".
     */
    CPPSERVER_TLS_TEXT_VERSION = 1,
    /**
     * The name in the registry of IANA, such as "TLS_AES_256_GCM_SHA384".
     */
    CPPSERVER_TLS_TEXT_CIPHER_SUITE = 2,
    /**
     * The protocol that both sides agreed on (ALPN, RFC 7301), or "".
     */
    CPPSERVER_TLS_TEXT_ALPN_PROTOCOL = 3,
    /**
     * The name of the server that the client asked for (SNI, RFC 6066 section 3), or "".
     */
    CPPSERVER_TLS_TEXT_SERVER_NAME = 4,
    /**
     * The subject of the peer's certificate (RFC 4514), such as "CN=client.example.com,O=Example",
     * or "" when the peer showed none.
     */
    CPPSERVER_TLS_TEXT_PEER_SUBJECT = 5,
} cppserver_tls_text;

/**
 * What is asked of the certificate of a peer.
 */
typedef enum cppserver_tls_verify {
    /**
     * Nothing: a client talks to anybody who answers, a server asks for no certificate.
     */
    CPPSERVER_TLS_VERIFY_NONE = 0,
    /**
     * Clients verify their server. Servers ask for a certificate, verify the one that comes, and
     * also take clients without one.
     */
    CPPSERVER_TLS_VERIFY_PEER = 1,
    /**
     * As CPPSERVER_TLS_VERIFY_PEER, but servers refuse clients without a certificate.
     */
    CPPSERVER_TLS_VERIFY_REQUIRE = 2,
} cppserver_tls_verify;

/**
 * Versions of TLS, by the numbers that they have on the wire.
 */
typedef enum cppserver_tls_version {
    /**
     * RFC 5246, with forward secrecy and authenticated encryption only.
     */
    CPPSERVER_TLS_VERSION_TLS12 = 771,
    /**
     * RFC 8446.
     */
    CPPSERVER_TLS_VERSION_TLS13 = 772,
} cppserver_tls_version;

/**
 * A connecting endpoint. Reference counted: _create and _retain add one, _release takes one.
 */
typedef struct cppserver_client cppserver_client;

/**
 * What a client asks a WebSocket server for, during the callback about it.
 */
typedef struct cppserver_http_request cppserver_http_request;

/**
 * The answer to a cppserver_http_request, for the callback to change.
 */
typedef struct cppserver_http_response cppserver_http_response;

/**
 * A listening endpoint. Reference counted: _create and _retain add one, _release takes one.
 */
typedef struct cppserver_server cppserver_server;

/**
 * Owner of the I/O threads. Reference counted: _create and _retain add one, _release takes one.
 */
typedef struct cppserver_service cppserver_service;

/**
 * One connection. Reference counted: callbacks lend it, _retain adds one, _release takes one.
 */
typedef struct cppserver_session cppserver_session;

/**
 * One of several exchanges over a cppserver_sp_socket that asks or answers. Reference counted:
 * _create and _retain add one, _release takes one, and the last one gives up what it has asked.
 */
typedef struct cppserver_sp_context cppserver_sp_context;

/**
 * Two raw sockets joined, which pass on what they receive. Reference counted: _create and _retain
 * add one, _release takes one, and the last one ends it.
 */
typedef struct cppserver_sp_device cppserver_sp_device;

/**
 * One listener or dialer of a cppserver_sp_socket. Reference counted: _listen, _dial and _retain
 * add one, _release takes one and closes nothing.
 */
typedef struct cppserver_sp_endpoint cppserver_sp_endpoint;

/**
 * Bytes that travel as a whole. Not reference counted: each _create and _clone is paired with one
 * _release. Clones share large bytes, so that a message is received, kept and sent again without a
 * copy. One thread at a time may use a message; different messages are independent, also clones.
 */
typedef struct cppserver_sp_message cppserver_sp_message;

/**
 * One end of a pattern of the scalability protocols, with any number of connections. Reference
 * counted: _create and _retain add one, _release takes one, and the last one closes it.
 */
typedef struct cppserver_sp_socket cppserver_sp_socket;

/**
 * A running timer. Reference counted: _create and _retain add one, _release takes one.
 */
typedef struct cppserver_timer cppserver_timer;

/**
 * Certificates, keys and rules for encrypted servers and clients. Reference counted: _create and
 * _retain add one, _release takes one.
 */
typedef struct cppserver_tls_context cppserver_tls_context;

/**
 * A sender and receiver of datagrams. Reference counted: _create and _retain add one, _release
 * takes one.
 */
typedef struct cppserver_udp cppserver_udp;

/**
 * What a service tells its owner. Each member may be NULL.
 *
 * Set size to sizeof(cppserver_service_handler) and every unused member to NULL. The struct is
 * copied by cppserver_service_start(): it need not outlive that call.
 *
 * The calls come from the service's own threads. With more than one thread on_thread_initialize,
 * on_thread_cleanup, on_idle and on_error may run at the same time on several of them.
 */
typedef struct cppserver_service_handler {
    /**
     * sizeof(cppserver_service_handler), as the program was compiled.
     */
    size_t size;
    /**
     * The first call on each thread of the service, before anything else happens there.
     */
    void (*on_thread_initialize)(void *user_data);
    /**
     * The last call on each thread of the service.
     */
    void (*on_thread_cleanup)(void *user_data);
    /**
     * The service runs, and what was posted before the start is done; once per start.
     */
    void (*on_started)(void *user_data);
    /**
     * The service has ended all its servers, clients and sessions; once per start.
     */
    void (*on_stopped)(void *user_data);
    /**
     * There was nothing to do. Called again and again, and only while polling. If it is NULL, the
     * thread yields to others instead.
     */
    void (*on_idle)(void *user_data);
    /**
     * Something failed that belongs to no server and no session, such as a posted callback.
     * The texts are UTF-8 and live until the callback returns.
     */
    void (*on_error)(void *user_data, int32_t code, const char *category, const char *message);
    /**
     * The very last call with this user_data, exactly once: free it here. It comes at the end of
     * the stop, or from within cppserver_service_start() when that fails. A restart keeps the
     * handler and does not call it.
     */
    void (*destroy)(void *user_data);
} cppserver_service_handler;

/**
 * A function that is called with the pointer that was given together with it.
 */
typedef void (*cppserver_callback)(void *user_data);

/**
 * Writes the password of an encrypted key to buffer, which has room for size bytes, and returns
 * how many bytes it wrote, without a NUL; a negative number for no password.
 */
typedef ptrdiff_t (*cppserver_tls_password_callback)(void *user_data, char *buffer, size_t size);

/**
 * Has the last word on the certificate of a peer, of so many bytes in DER, which are valid during
 * the call. error is NULL when the certificate passed what was asked for, else a sentence that
 * says why not. Returns whether to go on; accepting what failed is as dangerous as not verifying.
 */
typedef bool (*cppserver_tls_verify_callback)(void *user_data,
                                              const void *certificate,
                                              size_t size,
                                              const char *error);

/**
 * What a connection tells its owner, on the server's side and on the client's. Each member may be
 * NULL.
 *
 * A client's handler is given to cppserver_client_connect(); a session's is filled in by
 * on_session of cppserver_server_handler. Set size to sizeof(cppserver_session_handler) and every
 * unused member to NULL; the struct is copied.
 *
 * All calls of one connection come from one thread of the service, one at a time, in this order:
 * on_connected, on_handshaked (where there is a handshake), on_received, on_sent, on_empty and
 * on_error as things happen, on_disconnected, destroy. A connect that fails is on_error,
 * on_disconnected, destroy, without on_connected. Every function of this header may be called
 * inside.
 */
typedef struct cppserver_session_handler {
    /**
     * sizeof(cppserver_session_handler), as the program was compiled.
     */
    size_t size;
    /**
     * The connection is open and takes sends. Once per connection.
     */
    void (*on_connected)(void *user_data);
    /**
     * The handshake of an encrypted or WebSocket session is done. Plain TCP never calls it.
     */
    void (*on_handshaked)(void *user_data);
    /**
     * The connection is over; reason is a cppserver_reason. Once per connection and per failed
     * connect. A client may call cppserver_client_reconnect() or cppserver_client_connect() here.
     */
    void (*on_disconnected)(void *user_data, int32_t reason);
    /**
     * Data came in, on WebSocket sessions a whole message; kind is a cppserver_kind. The data is
     * valid until the callback returns.
     *
     * Returns how many bytes were handled; more than size counts as size. Messages always count as
     * handled. Of a byte stream the
     * rest is kept and comes again, in front of the next bytes; more than
     * CPPSERVER_OPTION_RECEIVE_LIMIT of it ends the session with CPPSERVER_REASON_LIMIT. A member
     * that is NULL counts as all handled.
     */
    size_t (*on_received)(void *user_data, int32_t kind, const void *data, size_t size);
    /**
     * The system took sent bytes over; pending bytes of this session still wait.
     */
    void (*on_sent)(void *user_data, size_t sent, size_t pending);
    /**
     * Nothing waits to be sent any more: the moment to go on after CPPSERVER_STATUS_LIMIT.
     */
    void (*on_empty)(void *user_data);
    /**
     * Something failed. If that ended the connection, on_disconnected follows. A peer that closes
     * in good order is no error. The texts are UTF-8 and live until the callback returns.
     */
    void (*on_error)(void *user_data, int32_t code, const char *category, const char *message);
    /**
     * The very last call with this user_data, exactly once: free it here. For a session it comes
     * after the server's on_disconnected, or at once when the system fails an accepted connection.
     * For a client it comes after on_disconnected, unless a
     * reconnect was asked for by then, or from within cppserver_client_connect() when that fails.
     */
    void (*destroy)(void *user_data);
    /**
     * A client asks a WebSocket server for a session, between on_connected and on_handshaked. The
     * response is to open it, unless this changes its status; it may choose a subprotocol and add
     * header fields. Not called for requests that break RFC 6455, which the library refuses. Both
     * pointers are valid until the callback returns.
     */
    void (*on_handshake)(void *user_data,
                         const struct cppserver_http_request *request,
                         struct cppserver_http_response *response);
    /**
     * A client asks a WebSocket server for something else by GET or HEAD, such as a page. The
     * response is 426 (Upgrade Required), unless this changes it; after it the session ends. Both
     * pointers are valid until the callback returns.
     */
    void (*on_request)(void *user_data,
                       const struct cppserver_http_request *request,
                       struct cppserver_http_response *response);
} cppserver_session_handler;

/**
 * What a server tells its owner. Each member may be NULL.
 *
 * Set size to sizeof(cppserver_server_handler) and every unused member to NULL. The struct is
 * copied by cppserver_server_start(): it need not outlive that call.
 *
 * The calls come from the service's threads. With more than one thread in the service, calls about
 * different sessions may run at the same time; all calls about one session come from its thread.
 */
typedef struct cppserver_server_handler {
    /**
     * sizeof(cppserver_server_handler), as the program was compiled.
     */
    size_t size;
    /**
     * The server accepts connections.
     */
    void (*on_started)(void *user_data);
    /**
     * The server accepts no more connections. The on_disconnected calls of its open sessions
     * follow, with CPPSERVER_REASON_SERVER_STOPPED or CPPSERVER_REASON_SERVICE_STOPPED.
     */
    void (*on_stopped)(void *user_data);
    /**
     * A connection was accepted. Fill in *handler and *session_user_data, and return true. Both
     * are zero before the call, but for handler->size, which is already right; the library owns
     * session_user_data from here on, until it calls handler->destroy.
     *
     * Return false to refuse the connection: it is closed, none of its callbacks is called, and
     * what was filled in is not used, so free it yourself.
     *
     * The session is lent: retain it to keep it longer than this call, and release it at the
     * latest in handler->destroy. It is not connected before on_connected. A server whose
     * on_session is NULL accepts connections and drops what they send.
     */
    bool (*on_session)(void *user_data,
                       struct cppserver_session *session,
                       struct cppserver_session_handler *handler,
                       void **session_user_data);
    /**
     * A session is connected; follows the session's own on_connected. The session is lent.
     */
    void (*on_connected)(void *user_data,
                         struct cppserver_session *session,
                         void *session_user_data);
    /**
     * A session is over; comes between the session's own on_disconnected and its destroy. The
     * reason is a cppserver_reason. The session is lent.
     */
    void (*on_disconnected)(void *user_data,
                            struct cppserver_session *session,
                            void *session_user_data,
                            int32_t reason);
    /**
     * Accepting failed, for example for want of file descriptors; the server tries again. The
     * texts are UTF-8 and live until the callback returns.
     */
    void (*on_error)(void *user_data, int32_t code, const char *category, const char *message);
    /**
     * The very last call with this user_data, exactly once: free it here. It comes when the server
     * was stopped and its last session is over, or from within cppserver_server_start() when that
     * fails. A restart keeps the handler and does not call it.
     */
    void (*destroy)(void *user_data);
} cppserver_server_handler;

/**
 * The address of one end of a UDP conversation: an IP address and a port.
 *
 * Zero the struct before its members are set one by one. Two addresses are equal when all their
 * bytes are.
 */
typedef struct cppserver_address {
    /**
     * The IP address in network order; of IPv4 the first 4 bytes, the others are 0.
     */
    uint8_t ip[16];
    /**
     * The index of the interface of a link-local IPv6 address (RFC 4007), else 0.
     */
    uint32_t scope;
    /**
     * In the byte order of the machine.
     */
    uint16_t port;
    /**
     * 4 or 6.
     */
    uint8_t version;
    /**
     * 0.
     */
    uint8_t reserved;
} cppserver_address;

/**
 * What an endpoint for datagrams tells its owner. Each member may be NULL.
 *
 * Set size to sizeof(cppserver_udp_handler) and every unused member to NULL. The struct is copied
 * by cppserver_udp_start(): it need not outlive that call.
 *
 * All calls of one endpoint come from one thread of the service, one at a time: on_started, the
 * others as things happen, on_stopped, destroy. A start that fails in the background is on_error,
 * on_stopped, destroy, without on_started. Every function of this header may be called inside.
 */
typedef struct cppserver_udp_handler {
    /**
     * sizeof(cppserver_udp_handler), as the program was compiled.
     */
    size_t size;
    /**
     * The socket is open and takes sends. Once per start.
     */
    void (*on_started)(void *user_data);
    /**
     * The socket is closed; reason is a cppserver_reason: LOCAL after cppserver_udp_stop() and
     * cppserver_udp_restart(), SERVICE_STOPPED, LIMIT with the send policy "disconnect", ERROR
     * when the socket could not be opened. Once per start. cppserver_udp_start() may be called
     * here.
     */
    void (*on_stopped)(void *user_data, int32_t reason);
    /**
     * A datagram came in; empty ones come too. truncated tells that it was longer than
     * CPPSERVER_OPTION_DATAGRAM_LIMIT. The address and the data are valid until the callback
     * returns.
     */
    void (*on_received)(void *user_data,
                        const struct cppserver_address *from,
                        const void *data,
                        size_t size,
                        bool truncated);
    /**
     * The system took a datagram of sent bytes over; pending bytes of others still wait. The
     * address is valid until the callback returns.
     */
    void (*on_sent)(void *user_data,
                    const struct cppserver_address *to,
                    size_t sent,
                    size_t pending);
    /**
     * Nothing waits to be sent any more: the moment to go on after CPPSERVER_STATUS_LIMIT.
     */
    void (*on_empty)(void *user_data);
    /**
     * Datagrams to a group are received from now on. The texts are the addresses of the group and
     * of its only source, or NULL for any source; they live until the callback returns.
     */
    void (*on_joined)(void *user_data, const char *group, const char *source);
    /**
     * Datagrams to a group are received no more; the texts as for on_joined.
     */
    void (*on_left)(void *user_data, const char *group, const char *source);
    /**
     * Something failed: a datagram could not be sent, or its receiver's machine has answered that
     * nobody takes it (ICMP), or a group was not joined or left. The endpoint goes on. The texts
     * are UTF-8 and live until the callback returns.
     */
    void (*on_error)(void *user_data, int32_t code, const char *category, const char *message);
    /**
     * The very last call with this user_data, exactly once: free it here. It comes after
     * on_stopped, or from within cppserver_udp_start() when that fails. A restart keeps the
     * handler and does not call it.
     */
    void (*destroy)(void *user_data);
} cppserver_udp_handler;

/**
 * Chooses sessions; it is called with the pointer that was given together with it.
 */
typedef bool (*cppserver_session_filter)(void *user_data, struct cppserver_session *session);

/**
 * What a socket of a scalability protocol tells its owner. Each member may be NULL.
 *
 * Set size to sizeof(cppserver_sp_handler) and every unused member to NULL. The struct is copied by
 * cppserver_sp_socket_set_handler(): it need not outlive that call.
 *
 * The calls come from an I/O thread of the socket's service, one at a time; the thread may change
 * from call to call. Every function of this header may be called inside, but none blocks there:
 * sends and receives that would have to wait fail with CPPSERVER_SP_FAILURE_WOULD_BLOCK.
 *
 * The socket is lent. A user_data that keeps a reference to its own socket keeps it open until
 * cppserver_sp_socket_close() or cppserver_sp_socket_clear_handler().
 */
typedef struct cppserver_sp_handler {
    /**
     * sizeof(cppserver_sp_handler), as the program was compiled.
     */
    size_t size;
    /**
     * A message came; it is lent, and its bytes are valid until the callback returns. To keep it,
     * use cppserver_sp_message_clone(), which copies no large bytes. It may be changed and sent. A
     * reply or respondent socket answers here. If the member is NULL, messages are dropped.
     */
    void (*on_received)(void *user_data,
                        struct cppserver_sp_socket *socket,
                        struct cppserver_sp_message *message);
    /**
     * Sending is possible again after a send was refused because it would have had to wait: with
     * the timeout 0, or on an I/O thread.
     */
    void (*on_writable)(void *user_data, struct cppserver_sp_socket *socket);
    /**
     * The deadline of a survey has passed, and all its answers were received.
     */
    void (*on_finished)(void *user_data, struct cppserver_sp_socket *socket);
    /**
     * A connection is there, or was there before the handler. endpoint is the
     * cppserver_sp_endpoint_id() that it belongs to, address where that listens or what it has
     * dialed, in UTF-8 and valid until the callback returns; dialed tells which of both.
     */
    void (*on_connected)(void *user_data,
                         struct cppserver_sp_socket *socket,
                         uint32_t endpoint,
                         const char *address,
                         bool dialed);
    /**
     * A connection is gone, after what it brought was received; the arguments as for on_connected.
     */
    void (*on_disconnected)(void *user_data,
                            struct cppserver_sp_socket *socket,
                            uint32_t endpoint,
                            const char *address,
                            bool dialed);
    /**
     * Something failed. The socket goes on, and dials again where it has dialed: of dials that fail
     * again and again only the first failure is told, and the next one after a connection. The
     * texts are UTF-8 and live until the callback returns.
     */
    void (*on_error)(void *user_data,
                     struct cppserver_sp_socket *socket,
                     int32_t code,
                     const char *category,
                     const char *message);
    /**
     * The very last call with this user_data, exactly once: free it here. It comes when the socket
     * is closed, when the handler is taken away or another one is set, or from within
     * cppserver_sp_socket_set_handler() when that fails; after the callback that runs.
     */
    void (*destroy)(void *user_data);
} cppserver_sp_handler;

/**
 * The counters of a cppserver_sp_socket since it was made. They stay when endpoints and connections
 * go, and can be read after the close.
 *
 * Messages and bytes count when a call of the program, or a callback, has succeeded: once for each
 * message, however many peers get it, and only the bytes of its body.
 */
typedef struct cppserver_sp_statistics {
    /**
     * sizeof(cppserver_sp_statistics), as the program was compiled.
     */
    size_t size;
    /**
     * Connections that this socket made by dialing.
     */
    uint64_t established_connections;
    /**
     * Connections that this socket accepted by listening.
     */
    uint64_t accepted_connections;
    /**
     * Connections that this side ended, by closing their endpoint or the socket, or because the
     * pattern has no place for them.
     */
    uint64_t dropped_connections;
    /**
     * Connections that the peer or the network ended.
     */
    uint64_t broken_connections;
    /**
     * Dials that failed; each is tried again.
     */
    uint64_t connect_errors;
    /**
     * Listens that failed.
     */
    uint64_t bind_errors;
    /**
     * Connections that could not be accepted.
     */
    uint64_t accept_errors;
    /**
     * Connections that there are now.
     */
    uint64_t current_connections;
    /**
     * Messages that were sent.
     */
    uint64_t messages_sent;
    /**
     * Messages that were received.
     */
    uint64_t messages_received;
    /**
     * Bytes of the messages that were sent.
     */
    uint64_t bytes_sent;
    /**
     * Bytes of the messages that were received.
     */
    uint64_t bytes_received;
    /**
     * Messages that went nowhere: a peer had no room for what is published, an answer came too late
     * or without a question, a header was none.
     */
    uint64_t messages_dropped;
    /**
     * Messages that were accepted and not delivered, because the connection broke or the linger
     * time of a close was over.
     */
    uint64_t messages_undelivered;
} cppserver_sp_statistics;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the library that runs, such as "1.0.0". The text lives as long as the library.
 *
 * The macros CPPSERVER_VERSION_... tell the version of the header that the program was compiled
 * with. Within one major version a newer library serves programs of an older header.
 */
const char *cppserver_version(void);

/**
 * The code of the last call that failed on this thread: errno (a WSA error number on Windows) in
 * the category "system", a number of the resolver in the category "resolver", an alert or a
 * cppserver_tls_failure in the category "tls", a close code or a status of HTTP in the category
 * "websocket", a cppserver_sp_failure in the category "sp", and a cppserver_status in all others.
 *
 * Calls that succeed leave it as it is, so read it only after a failure. 0 before the first one.
 */
int32_t cppserver_last_error_code(void);

/**
 * The category of the last call that failed on this thread: "system", "resolver", "argument",
 * "state", "limit", "timeout", "handler", "unsupported", "tls", "websocket" or "sp"; "" before the
 * first failure.
 *
 * The text lives as long as the library. Never NULL.
 */
const char *cppserver_last_error_category(void);

/**
 * A sentence about the last call that failed on this thread, in UTF-8: what failed, why, and what
 * to do. "" before the first failure.
 *
 * The text lives until the next call that fails on this thread; copy it to keep it. Never NULL.
 */
const char *cppserver_last_error_message(void);

/**
 * A few words of English for a cppserver_reason, such as "closed by the peer"; "unknown reason"
 * for any other number. The text lives as long as the library. Never NULL.
 */
const char *cppserver_reason_text(int32_t reason);

/**
 * Creates a service with so many I/O threads, at most 1024; 0 counts as 1. The threads begin with
 * cppserver_service_start().
 *
 * With one thread all callbacks of the service come one at a time. With more, each session lives
 * on one of the threads for good.
 *
 * Returns a service that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_service *cppserver_service_create(uint32_t threads);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_service *cppserver_service_retain(struct cppserver_service *service);

/**
 * Takes a reference back. Any thread, any callback. NULL is allowed.
 *
 * A service that runs goes on running without any handle; stop it first. The last handle of a
 * service that does not run takes with it what waits for a start: servers, clients, timers and
 * posted callbacks are destroyed without a call. Handles of servers, sessions, clients and timers
 * do not keep their service from that.
 */
void cppserver_service_release(struct cppserver_service *service);

/**
 * Starts the threads. What was started, connected or posted before runs then, and on_started
 * comes. Returns without waiting for that.
 *
 * With polling the threads never sleep: they ask for work again and again and call on_idle each
 * time there is none. That costs a full core per thread and saves the time of a wakeup.
 *
 * handler: copied; NULL for none, and then user_data has no destroy.
 * user_data: owned by the service from here on, until it calls handler->destroy; that comes before
 * this function returns if it fails.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when it is started already or still
 * stopping, CPPSERVER_STATUS_SYSTEM when the system gives no thread.
 */
int32_t cppserver_service_start(struct cppserver_service *service,
                                bool polling,
                                const struct cppserver_service_handler *handler,
                                void *user_data);

/**
 * Stops the service: its servers and clients end with all their callbacks, what was sent is
 * delivered within CPPSERVER_OPTION_CLOSE_TIMEOUT, timers are destroyed, then come on_stopped,
 * on_thread_cleanup and the handler's destroy.
 *
 * On a thread of the program it blocks until all of that is done. On an I/O thread of any service,
 * so in every callback, it asks for the stop and returns at once.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the service is not started.
 */
int32_t cppserver_service_stop(struct cppserver_service *service);

/**
 * Stops the service and starts it again with the same handler and polling mode.
 *
 * Its servers and clients are stopped by that and stay so: start and connect them again, in
 * on_started for example. It blocks as cppserver_service_stop() does.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the service is not started.
 */
int32_t cppserver_service_restart(struct cppserver_service *service);

/**
 * Whether the service runs: true from just before on_started until just before on_stopped. Any
 * thread. NULL gives false.
 */
bool cppserver_service_is_started(const struct cppserver_service *service);

/**
 * The number of I/O threads that the service was created with. Any thread. NULL gives 0.
 */
uint32_t cppserver_service_threads(const struct cppserver_service *service);

/**
 * Whether the calling thread is an I/O thread of this service. Any thread. NULL gives false.
 */
bool cppserver_service_is_loop_thread(const struct cppserver_service *service);

/**
 * Calls callback(user_data) on the first I/O thread of the service, soon and never inside this
 * function. Callbacks run in the order of the posts. Any thread.
 *
 * A service that is not started keeps the callback until it is.
 *
 * user_data: owned by the service from here on, until it calls destroy(user_data): once, after the
 * callback, or without it when the service ends first or this function fails. destroy may be NULL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when service or callback is NULL.
 */
int32_t cppserver_service_post(struct cppserver_service *service,
                               cppserver_callback callback,
                               void *user_data,
                               cppserver_callback destroy);

/**
 * As cppserver_service_post(), but on an I/O thread of this service the callback is called at
 * once, on that thread and before this function returns.
 */
int32_t cppserver_service_dispatch(struct cppserver_service *service,
                                   cppserver_callback callback,
                                   void *user_data,
                                   cppserver_callback destroy);

/**
 * Calls callback(user_data) on the first I/O thread of the service after a delay, and then, if the
 * interval is not 0, again and again with that interval. Both are milliseconds. Times that the
 * thread was too busy for are left out. Any thread.
 *
 * The timer does not need its handle: released, it goes on. It ends when it has fired (interval
 * 0), when it is cancelled, or with the stop of the service.
 *
 * user_data: owned by the timer from here on, until it calls destroy(user_data): once, after the
 * last callback, and also when this function fails. destroy may be NULL.
 *
 * Returns a timer that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_timer *cppserver_timer_create(struct cppserver_service *service,
                                               uint64_t delay_milliseconds,
                                               uint64_t interval_milliseconds,
                                               cppserver_callback callback,
                                               void *user_data,
                                               cppserver_callback destroy);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_timer *cppserver_timer_retain(struct cppserver_timer *timer);

/**
 * Ends the timer: its callback is not called any more. Any thread, also inside its own callback.
 * Called from another thread than the timer's, a callback that has begun may still be running.
 *
 * Returns true if it was still to fire, false if it has fired or was cancelled before, or for
 * NULL.
 */
bool cppserver_timer_cancel(struct cppserver_timer *timer);

/**
 * Takes a reference back. This does not cancel the timer. Any thread. NULL is allowed.
 */
void cppserver_timer_release(struct cppserver_timer *timer);

/**
 * Creates a context for encrypted servers and clients, without certificates.
 *
 * Without further settings a client trusts the authorities of the system and verifies the
 * certificate of its server and the name in it; a server asks its clients for no certificate; TLS
 * 1.2 and 1.3 are spoken; sessions are resumed. A context may serve any number of servers and
 * clients. All its functions may be called on any thread; changes count for connections that begin
 * later, so a certificate can be renewed while a server runs.
 *
 * Returns a context that the caller owns.
 */
struct cppserver_tls_context *cppserver_tls_context_create(void);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_tls_context *cppserver_tls_context_retain(struct cppserver_tls_context *context);

/**
 * Takes a reference back. Any thread, any callback. NULL is allowed. Servers and clients keep
 * references of their own.
 */
void cppserver_tls_context_release(struct cppserver_tls_context *context);

/**
 * Reads the certificate of this side and its key from files.
 *
 * chain_file: the certificate and, behind it, those of the authorities between it and the one that
 * the peer trusts; PEM with any text around, or DER.
 * key_file: may be the same file; PKCS#8, PKCS#1 or SEC 1, PEM or DER.
 * password: opens an encrypted key; NULL asks the password callback.
 *
 * Of several certificates, the one that is set here serves clients that ask for none of the names.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_SYSTEM when a file cannot be read, else
 * CPPSERVER_STATUS_TLS with a cppserver_tls_failure that tells whether the format, the password or
 * the match of key and certificate is wrong. Nothing has changed then.
 */
int32_t cppserver_tls_context_set_certificate_files(struct cppserver_tls_context *context,
                                                    const char *chain_file,
                                                    const char *key_file,
                                                    const char *password);

/**
 * Reads a further certificate, for clients that ask for one of its names (SNI); otherwise as
 * cppserver_tls_context_set_certificate_files().
 */
int32_t cppserver_tls_context_add_certificate_files(struct cppserver_tls_context *context,
                                                    const char *chain_file,
                                                    const char *key_file,
                                                    const char *password);

/**
 * As cppserver_tls_context_set_certificate_files(), for what is in memory; it is copied.
 */
int32_t cppserver_tls_context_set_certificate(struct cppserver_tls_context *context,
                                              const void *chain,
                                              size_t chain_size,
                                              const void *key,
                                              size_t key_size,
                                              const char *password);

/**
 * As cppserver_tls_context_add_certificate_files(), for what is in memory; it is copied.
 */
int32_t cppserver_tls_context_add_certificate(struct cppserver_tls_context *context,
                                              const void *chain,
                                              size_t chain_size,
                                              const void *key,
                                              size_t key_size,
                                              const char *password);

/**
 * Whom to ask for the password of an encrypted key that comes without one. Called by the functions
 * that read keys, on their thread.
 *
 * user_data: owned by the context from here on, until it calls destroy(user_data): when another
 * callback takes its place, when the context ends, and also when this function fails. destroy may
 * be NULL.
 *
 * Returns a cppserver_status.
 */
int32_t cppserver_tls_context_set_password_callback(struct cppserver_tls_context *context,
                                                    cppserver_tls_password_callback callback,
                                                    void *user_data,
                                                    cppserver_callback destroy);

/**
 * Reads all files again, of certificates, keys and authorities: the way to renew certificates at
 * run time. Open connections go on with what they began with.
 *
 * Returns a cppserver_status, as the functions that read the files first; nothing has changed when
 * it is not CPPSERVER_STATUS_OK.
 */
int32_t cppserver_tls_context_reload(struct cppserver_tls_context *context);

/**
 * Trusts the authorities whose certificates are in a file, PEM with any text around or DER. The
 * authorities of the system are not trusted then unless asked for.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_SYSTEM when the file cannot be read,
 * CPPSERVER_STATUS_TLS when there is no certificate in it.
 */
int32_t cppserver_tls_context_add_authority_file(struct cppserver_tls_context *context,
                                                 const char *file);

/**
 * As cppserver_tls_context_add_authority_file(), for what is in memory; it is copied.
 */
int32_t cppserver_tls_context_add_authority(struct cppserver_tls_context *context,
                                            const void *certificates,
                                            size_t size);

/**
 * Sets a cppserver_tls_option.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
 * out of its range.
 */
int32_t cppserver_tls_context_set_option(struct cppserver_tls_context *context,
                                         int32_t option,
                                         int64_t value);

/**
 * Sets the protocols to agree on inside TLS (ALPN, RFC 7301), the most wanted first. A server
 * refuses clients that offer protocols but none of these.
 *
 * protocols: so many C texts, such as "h2" and "http/1.1"; they are copied. NULL with a count of 0
 * for none, the default.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for a protocol of no or more than
 * 255 bytes.
 */
int32_t cppserver_tls_context_set_alpn_protocols(struct cppserver_tls_context *context,
                                                 const char *const *protocols,
                                                 size_t count);

/**
 * Appends the secrets of all further connections to a file, for programs such as Wireshark that
 * then can read the traffic. NULL, the default, writes none.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_SYSTEM when the file cannot be opened.
 */
int32_t cppserver_tls_context_set_key_log_file(struct cppserver_tls_context *context,
                                               const char *file);

/**
 * Whom to ask after the certificate of a peer was verified. Called on I/O threads, during
 * handshakes.
 *
 * user_data: owned by the context from here on, until it calls destroy(user_data): when another
 * callback takes its place, when the context and its connections end, and also when this function
 * fails. destroy may be NULL.
 *
 * Returns a cppserver_status.
 */
int32_t cppserver_tls_context_set_verify_callback(struct cppserver_tls_context *context,
                                                  cppserver_tls_verify_callback callback,
                                                  void *user_data,
                                                  cppserver_callback destroy);

/**
 * Stores the subject of a certificate in DER as text with its NUL in buffer (RFC 4514), such as
 * "CN=client.example.com,O=Example".
 *
 * buffer_size: 0 asks for the length alone.
 * length: where to store the bytes of the text, without the NUL; may be NULL. Also stored when
 * buffer is too small.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is no certificate, or
 * when buffer is NULL or too small.
 */
int32_t cppserver_tls_certificate_subject(const void *certificate,
                                          size_t size,
                                          char *buffer,
                                          size_t buffer_size,
                                          size_t *length);

/**
 * Whether a certificate in DER is for a DNS name or an IP address (RFC 9525), also by the common
 * name of its subject when it has no subjectAltName (RFC 2818 section 3.1). NULL gives false.
 */
bool cppserver_tls_certificate_is_for_name(const void *certificate,
                                           size_t size,
                                           const char *name);

/**
 * Creates a TCP server for a local address and port. Nothing is bound before
 * cppserver_server_start().
 *
 * address: an IP address as text, such as "127.0.0.1", "0.0.0.0" (all of IPv4) or "::" (all of
 * IPv6, and of IPv4 too unless CPPSERVER_OPTION_DUAL_STACK is 0), or the name of an interface's
 * address, such as "localhost", which is looked up by cppserver_server_start().
 * port: 0 lets the system choose one; cppserver_server_port() tells it after the start.
 *
 * The service may be released before the server; cppserver_service_release() says what that means.
 *
 * Returns a server that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_server *cppserver_server_create_tcp(struct cppserver_service *service,
                                                     const char *address,
                                                     uint16_t port);

/**
 * Creates a server as cppserver_server_create_tcp() does, whose connections are encrypted with
 * TLS. The sessions call on_handshaked once the peer is authenticated; what is sent before waits
 * for that.
 *
 * context: needs a certificate by the time of the start. The server keeps a reference of its own.
 */
struct cppserver_server *cppserver_server_create_tls(struct cppserver_service *service,
                                                     struct cppserver_tls_context *context,
                                                     const char *address,
                                                     uint16_t port);

/**
 * Creates a server on a Unix domain socket, for clients on this machine. Nothing touches the file
 * system before cppserver_server_start(), which makes the file; the stop removes it. A file that a
 * process left behind when it was killed is taken over; one that a process listens on is an error
 * of the start.
 *
 * Sessions are as those of TCP, but neither side has an address.
 *
 * path: up to 107 bytes, 103 on macOS and the BSDs, in the encoding of the file system.
 *
 * Returns a server that the caller owns, or NULL with the reason in cppserver_last_error_...:
 * CPPSERVER_STATUS_INVALID_ARGUMENT for a path that is empty or too long,
 * CPPSERVER_STATUS_UNSUPPORTED on Windows.
 */
struct cppserver_server *cppserver_server_create_unix(struct cppserver_service *service,
                                                      const char *path);

/**
 * Chooses the permissions of the file of a Unix domain socket, from the next start on. Who may
 * write to the file may connect. Without effect on other servers. Any thread.
 *
 * mode: such as 0660; -1, the default, leaves what the umask of the process leaves.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for a mode that is none.
 */
int32_t cppserver_server_set_mode(struct cppserver_server *server, int32_t mode);

/**
 * Writes the path of a server on a Unix domain socket, absolute and with a NUL behind it, to
 * buffer; "" for other servers. Any thread.
 *
 * length: receives the bytes of the path without the NUL, also when the room does not suffice; may
 * be NULL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the room does not suffice. The
 * size 0 asks for the length alone.
 */
int32_t cppserver_server_path(const struct cppserver_server *server,
                              char *buffer,
                              size_t size,
                              size_t *length);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_server *cppserver_server_retain(struct cppserver_server *server);

/**
 * Takes a reference back. Any thread, any callback. NULL is allowed.
 *
 * A server that is started goes on running without any handle, until its service is stopped.
 */
void cppserver_server_release(struct cppserver_server *server);

/**
 * Sets a cppserver_option. It counts from the next start on; the send limit, the send policy and
 * the receive limit count at once. Any thread.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
 * out of its range.
 */
int32_t cppserver_server_set_option(struct cppserver_server *server,
                                    int32_t option,
                                    int64_t value);

/**
 * Stores what a cppserver_option is set to in *value. Any thread.
 *
 * Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
 */
int32_t cppserver_server_get_option(const struct cppserver_server *server,
                                    int32_t option,
                                    int64_t *value);

/**
 * Binds the address, listens, and accepts connections from then on. Any thread.
 *
 * The address is bound when this function returns, also on a service that is not started yet: a
 * port in use fails here. Connections are accepted, and on_started comes, once the service runs.
 * A server that is just being stopped binds after that; a failure is then told by on_error.
 *
 * handler: copied, not NULL.
 * user_data: owned by the server from here on, until it calls handler->destroy; that comes before
 * this function returns if it fails, unless handler is NULL or its size is not set.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when it is started already or the
 * service is stopping, CPPSERVER_STATUS_SYSTEM with errno when the address cannot be bound,
 * CPPSERVER_STATUS_RESOLVER for an unknown name, CPPSERVER_STATUS_TLS when the context of an
 * encrypted server lacks something.
 */
int32_t cppserver_server_start(struct cppserver_server *server,
                               const struct cppserver_server_handler *handler,
                               void *user_data);

/**
 * Stops listening and ends all sessions as cppserver_session_disconnect() does: on_stopped, then
 * on_disconnected of each session with CPPSERVER_REASON_SERVER_STOPPED, then the handler's
 * destroy. Any thread, any callback; the callbacks may come after this function has returned.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started.
 */
int32_t cppserver_server_stop(struct cppserver_server *server);

/**
 * Stops the server and starts it again with the same handler on the same port, also on one that
 * the system chose. When the port is gone, on_error tells it and the server stays stopped. Any
 * thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started.
 */
int32_t cppserver_server_restart(struct cppserver_server *server);

/**
 * Whether the server listens: true from just before on_started until just before on_stopped. Any
 * thread. NULL gives false.
 */
bool cppserver_server_is_started(const struct cppserver_server *server);

/**
 * The port: the real one from a successful start until the stop, else the one that the server was
 * created with. Any thread. NULL gives 0.
 */
uint16_t cppserver_server_port(const struct cppserver_server *server);

/**
 * The listening socket (a file descriptor, a SOCKET on Windows), or -1 when the server is not
 * started or NULL. It stays the library's: do not close it. Any thread.
 */
int64_t cppserver_server_native_handle(const struct cppserver_server *server);

/**
 * The number of sessions, each from its accept until after its last callback. Any thread. NULL
 * gives 0.
 */
uint64_t cppserver_server_current_sessions(const struct cppserver_server *server);

/**
 * The bytes that all sessions of the server have sent since its start. Any thread. NULL gives 0.
 */
uint64_t cppserver_server_bytes_sent(const struct cppserver_server *server);

/**
 * The bytes that all sessions of the server have received since its start. Any thread. NULL gives
 * 0.
 */
uint64_t cppserver_server_bytes_received(const struct cppserver_server *server);

/**
 * Sends the same bytes to all sessions that are connected. The bytes are copied once for all of
 * them. Any thread, any callback.
 *
 * A session whose send limit is reached goes by its send policy; the others are not affected.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started,
 * CPPSERVER_STATUS_INVALID_ARGUMENT when data is NULL and size is not 0.
 */
int32_t cppserver_server_multicast(struct cppserver_server *server,
                                   const void *data,
                                   size_t size);

/**
 * Ends all sessions as cppserver_session_disconnect() does; the server goes on accepting new ones.
 * Any thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started.
 */
int32_t cppserver_server_disconnect_all(struct cppserver_server *server);

/**
 * Adds a reference and returns the same pointer: keeps a session that a callback lends. Any
 * thread. NULL gives NULL.
 *
 * A session that is over stays a valid handle: calls fail with CPPSERVER_STATUS_NOT_CONNECTED, and
 * its counters can still be read.
 */
struct cppserver_session *cppserver_session_retain(struct cppserver_session *session);

/**
 * Takes a reference back. This does not disconnect. Any thread, any callback. NULL is allowed.
 */
void cppserver_session_release(struct cppserver_session *session);

/**
 * A number that no other session of this process has, never 0. A client's session keeps its own
 * over all connections. Any thread. NULL gives 0.
 */
uint64_t cppserver_session_id(const struct cppserver_session *session);

/**
 * Queues bytes to be sent, in order, all of them or none. Never blocks. The bytes are copied
 * before it returns. Any thread, any callback: sends made inside a callback leave together after
 * it.
 *
 * pending: where to store the number of bytes that wait in this session now, these included; may
 * be NULL, and is left as it was when the send fails. on_sent and on_empty tell how the queue
 * drains.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED before on_connected and after
 * disconnect, CPPSERVER_STATUS_LIMIT when CPPSERVER_OPTION_SEND_LIMIT does not leave the room,
 * CPPSERVER_STATUS_INVALID_ARGUMENT when data is NULL and size is not 0. A size of 0 sends
 * nothing.
 */
int32_t cppserver_session_send(struct cppserver_session *session,
                               const void *data,
                               size_t size,
                               size_t *pending);

/**
 * Ends the session in good order: reading stops, what was sent is written out, then the socket
 * closes and on_disconnected comes with CPPSERVER_REASON_LOCAL. Writing out takes
 * CPPSERVER_OPTION_CLOSE_TIMEOUT at most; what the peer did not take by then is lost, and on_error
 * tells how much, in the category "timeout". Any thread, any callback.
 *
 * On a client that is still connecting it gives up: on_disconnected with CPPSERVER_REASON_LOCAL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when the session is over or about to
 * be.
 */
int32_t cppserver_session_disconnect(struct cppserver_session *session);

/**
 * Ends the session at once: what still waits to be sent is discarded. Also cuts short a disconnect
 * that is still writing. on_disconnected comes with CPPSERVER_REASON_LOCAL. Any thread, any
 * callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when the session is over.
 */
int32_t cppserver_session_disconnect_now(struct cppserver_session *session);

/**
 * Stops reading from the peer, until cppserver_session_resume_reading() or the end of the
 * connection: the way to let a peer that sends faster than this side works wait. No on_received
 * follows a pause inside a callback. What the system has received meanwhile, the end of the
 * connection included, is told after the resume. Handshakes, sending and timeouts go on. Any
 * thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no connection.
 */
int32_t cppserver_session_pause_reading(struct cppserver_session *session);

/**
 * Reads again after cppserver_session_pause_reading(); without a pause it does nothing. Any
 * thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no connection.
 */
int32_t cppserver_session_resume_reading(struct cppserver_session *session);

/**
 * Whether the session is connected: true from just before on_connected until just before
 * on_disconnected. Any thread. NULL gives false.
 */
bool cppserver_session_is_connected(const struct cppserver_session *session);

/**
 * The bytes that the system took over since the connection began. Any thread. NULL gives 0.
 */
uint64_t cppserver_session_bytes_sent(const struct cppserver_session *session);

/**
 * The bytes that came from the peer since the connection began. Any thread. NULL gives 0.
 */
uint64_t cppserver_session_bytes_received(const struct cppserver_session *session);

/**
 * The bytes that wait to be sent. Any thread. NULL gives 0.
 */
size_t cppserver_session_bytes_pending(const struct cppserver_session *session);

/**
 * Stores the peer's IP address as numeric text with its NUL in buffer, and its port in *port. They
 * can be read after the end of the connection too. Any thread.
 *
 * size: the bytes of buffer; 64 suffice for every address.
 * port: may be NULL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there was no connection,
 * CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small. On failure buffer holds an
 * empty text and *port is left as it was.
 */
int32_t cppserver_session_peer_address(const struct cppserver_session *session,
                                       char *buffer,
                                       size_t size,
                                       uint16_t *port);

/**
 * As cppserver_session_peer_address(), for this side of the connection, and only while it is open.
 */
int32_t cppserver_session_local_address(const struct cppserver_session *session,
                                        char *buffer,
                                        size_t size,
                                        uint16_t *port);

/**
 * The socket (a file descriptor, a SOCKET on Windows), or -1 when there is no connection or for
 * NULL. It stays the library's: do not read, write or close it. It is certain to be open only on
 * the session's own thread, so inside its callbacks.
 */
int64_t cppserver_session_native_handle(const struct cppserver_session *session);

/**
 * Changes a cppserver_option of the open socket: CPPSERVER_OPTION_NO_DELAY, KEEP_ALIVE and its
 * companions, SEND_BUFFER, RECEIVE_BUFFER or LINGER. Any thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for another option or a value out
 * of range, CPPSERVER_STATUS_NOT_CONNECTED when there is no connection, CPPSERVER_STATUS_SYSTEM
 * with errno when the system refuses.
 */
int32_t cppserver_session_set_option(struct cppserver_session *session,
                                     int32_t option,
                                     int64_t value);

/**
 * Whether the handshake of an encrypted session is done: true from just before on_handshaked until
 * just before on_disconnected. Never on plain sessions. Any thread. NULL gives false.
 */
bool cppserver_session_is_handshaked(const struct cppserver_session *session);

/**
 * Stores what the handshake of an encrypted session came to, as text with its NUL in buffer: the
 * cppserver_tls_text that is asked for. It can be read after the end of the connection too. Any
 * thread.
 *
 * size: the bytes of buffer; 0 asks for the length alone.
 * length: where to store the bytes of the text, without the NUL; may be NULL. Also stored when
 * buffer is too small.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED before on_handshaked and on plain
 * sessions, CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
 */
int32_t cppserver_session_tls_text(const struct cppserver_session *session,
                                   int32_t text,
                                   char *buffer,
                                   size_t size,
                                   size_t *length);

/**
 * Whether the handshake of an encrypted session went on from an earlier session. Any thread. NULL
 * gives false.
 */
bool cppserver_session_tls_is_resumed(const struct cppserver_session *session);

/**
 * Stores a certificate of the peer in DER in buffer. It can be read after the end of the
 * connection too. Any thread.
 *
 * index: 0 for the peer's own, then those of the authorities that it sent.
 * size: the bytes of buffer; 0 asks for the length alone.
 * length: where to store the bytes of the certificate; may be NULL. 0 when there is none of that
 * index. Also stored when buffer is too small.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED before on_handshaked and on plain
 * sessions, CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
 */
int32_t cppserver_session_tls_peer_certificate(const struct cppserver_session *session,
                                               size_t index,
                                               void *buffer,
                                               size_t size,
                                               size_t *length);

/**
 * Creates a TCP client for a host and a port. Nothing is resolved or connected before
 * cppserver_client_connect().
 *
 * host: a name or a numeric IP address.
 * port: not 0.
 *
 * The service may be released before the client; cppserver_service_release() says what that means.
 *
 * Returns a client that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_client *cppserver_client_create_tcp(struct cppserver_service *service,
                                                     const char *host,
                                                     uint16_t port);

/**
 * Creates a client as cppserver_client_create_tcp() does, whose connection is encrypted with TLS.
 * on_handshaked tells that the server is authenticated; what is sent before waits for that.
 *
 * context: the client keeps a reference of its own.
 * host: the certificate of the server has to be for it, unless cppserver_client_set_server_name()
 * sets another name.
 */
struct cppserver_client *cppserver_client_create_tls(struct cppserver_service *service,
                                                     struct cppserver_tls_context *context,
                                                     const char *host,
                                                     uint16_t port);

/**
 * Creates a client of the server on a Unix domain socket. No file need be there before
 * cppserver_client_connect().
 *
 * path: as for cppserver_server_create_unix().
 *
 * Returns a client that the caller owns, or NULL with the reason in cppserver_last_error_..., as
 * cppserver_server_create_unix() does.
 */
struct cppserver_client *cppserver_client_create_unix(struct cppserver_service *service,
                                                      const char *path);

/**
 * Writes the path that a client connects to, absolute and with a NUL behind it, to buffer; "" when
 * that is no Unix domain socket. Any thread.
 *
 * length, and what is returned: as for cppserver_server_path().
 */
int32_t cppserver_client_path(const struct cppserver_client *client,
                              char *buffer,
                              size_t size,
                              size_t *length);

/**
 * Chooses the name that the certificate of the server has to be for and that the server is asked
 * for (SNI), from the next connect on. Any thread.
 *
 * name: a DNS name or an IP address; NULL takes the host again.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is neither.
 */
int32_t cppserver_client_set_server_name(struct cppserver_client *client,
                                         const char *name);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_client *cppserver_client_retain(struct cppserver_client *client);

/**
 * Takes a reference back. Any thread, any callback. NULL is allowed.
 *
 * A connection that is open goes on without any handle, until it ends or its service is stopped.
 */
void cppserver_client_release(struct cppserver_client *client);

/**
 * Sets a cppserver_option. It counts from the next connect on; the send limit, the send policy
 * and the receive limit count at once. Any thread.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
 * out of its range.
 */
int32_t cppserver_client_set_option(struct cppserver_client *client,
                                    int32_t option,
                                    int64_t value);

/**
 * Stores what a cppserver_option is set to in *value. Any thread.
 *
 * Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
 */
int32_t cppserver_client_get_option(const struct cppserver_client *client,
                                    int32_t option,
                                    int64_t *value);

/**
 * Fixes the local address and port of the next connects. Any thread.
 *
 * address: an IP address of this machine as text; "0.0.0.0" or "::" fixes the port alone. NULL,
 * with port 0, leaves both to the system again.
 * port: 0 leaves the port to the system.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the address does not parse,
 * CPPSERVER_STATUS_INVALID_STATE while connected or connecting. An address that the system refuses
 * is told by on_error of the connect.
 */
int32_t cppserver_client_bind(struct cppserver_client *client,
                              const char *address,
                              uint16_t port);

/**
 * Resolves the host, tries its addresses in turn and connects, in the background and within
 * CPPSERVER_OPTION_CONNECT_TIMEOUT. Any thread, also inside on_disconnected.
 *
 * on_connected tells the success; a failure is on_error and on_disconnected. On a service that is
 * not started yet the client connects once it is.
 *
 * handler: copied, not NULL.
 * user_data: owned by the client from here on, until it calls handler->destroy; that comes before
 * this function returns if it fails, unless handler is NULL or its size is not set.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE while connected or connecting, or
 * when the service is stopping; CPPSERVER_STATUS_TLS when the context of an encrypted client lacks
 * something.
 */
int32_t cppserver_client_connect(struct cppserver_client *client,
                                 const struct cppserver_session_handler *handler,
                                 void *user_data);

/**
 * Ends the connection as cppserver_session_disconnect() does, waits, and connects again with the
 * same handler and user_data. Any thread, any callback.
 *
 * Inside on_disconnected, where the connection has ended already, it connects again after the
 * delay: the way to keep a client connected. destroy does not come in between.
 *
 * delay_milliseconds: the time between the end of the one connection and the next connect.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no handler to connect
 * with, because the client was not connected or destroy was called; CPPSERVER_STATUS_INVALID_STATE
 * while connecting.
 */
int32_t cppserver_client_reconnect(struct cppserver_client *client,
                                   uint64_t delay_milliseconds);

/**
 * The session of the client, for all that cppserver_session_... offers: send, disconnect,
 * counters, addresses. It is the same for all connections of the client.
 *
 * The session is lent and lives as long as the client; retain it to keep it longer. Any thread.
 * NULL gives NULL.
 */
struct cppserver_session *cppserver_client_session(struct cppserver_client *client);

/**
 * Stores the address that numeric text such as "127.0.0.1", "::1" or "fe80::1%2" and a port stand
 * for in *address. Names are not looked up. Any thread.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the text is no IP address;
 * *address is left as it was then.
 */
int32_t cppserver_address_parse(const char *text,
                                uint16_t port,
                                struct cppserver_address *address);

/**
 * Stores the IP address as numeric text with its NUL in buffer. Any thread.
 *
 * size: the bytes of buffer; 64 suffice for every address.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is too small or the
 * address has a version other than 4 and 6; buffer holds an empty text then if it has a byte.
 */
int32_t cppserver_address_text(const struct cppserver_address *address,
                               char *buffer,
                               size_t size);

/**
 * Creates a UDP server for a local address and port. Nothing is bound before
 * cppserver_udp_start().
 *
 * address: an IP address as text, such as "127.0.0.1", "0.0.0.0" (all of IPv4) or "::" (all of
 * IPv6, and of IPv4 too unless CPPSERVER_OPTION_DUAL_STACK is 0), or a name of this machine, which
 * is looked up by cppserver_udp_start().
 * port: 0 lets the system choose one; cppserver_udp_port() tells it after the start.
 *
 * The service may be released before the endpoint; cppserver_service_release() says what that
 * means.
 *
 * Returns an endpoint that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_udp *cppserver_udp_create_server(struct cppserver_service *service,
                                                  const char *address,
                                                  uint16_t port);

/**
 * Creates a UDP client of the server on a host and port, to which cppserver_udp_send() sends. It
 * hears that server alone, unless CPPSERVER_OPTION_ANY_PEER is 1. Nothing touches the network
 * before cppserver_udp_start().
 *
 * host: a name or a numeric IP address.
 * port: not 0.
 *
 * Returns an endpoint that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_udp *cppserver_udp_create_client(struct cppserver_service *service,
                                                  const char *host,
                                                  uint16_t port);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_udp *cppserver_udp_retain(struct cppserver_udp *udp);

/**
 * Takes a reference back. Any thread, any callback. NULL is allowed.
 *
 * An endpoint that is started goes on running without any handle, until its service is stopped.
 */
void cppserver_udp_release(struct cppserver_udp *udp);

/**
 * Sets a cppserver_option. Buffer sizes, broadcast, times to live, the multicast loop and the send
 * limit and policy count at once, the others from the next start on. Any thread.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option, one of
 * streams, or a value out of its range, CPPSERVER_STATUS_SYSTEM when the open socket refuses.
 */
int32_t cppserver_udp_set_option(struct cppserver_udp *udp,
                                 int32_t option,
                                 int64_t value);

/**
 * Stores what a cppserver_option is set to in *value. Any thread.
 *
 * Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
 */
int32_t cppserver_udp_get_option(const struct cppserver_udp *udp,
                                 int32_t option,
                                 int64_t *value);

/**
 * Chooses the interface on which multicasts leave, now and after the next starts. Any thread.
 *
 * network_interface: its name, its index, or one of its IPv4 addresses; NULL or "" leaves the
 * choice to the system. IPv6 takes no address, Windows no name.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when there is no such interface,
 * CPPSERVER_STATUS_SYSTEM when the open socket refuses.
 */
int32_t cppserver_udp_set_multicast_interface(struct cppserver_udp *udp,
                                              const char *network_interface);

/**
 * Chooses where cppserver_udp_send() sends, at once: for a server that sends to a multicast group.
 * Any thread.
 *
 * destination: NULL stands for the server of a client, and for nothing on a server.
 *
 * Returns a cppserver_status.
 */
int32_t cppserver_udp_set_destination(struct cppserver_udp *udp,
                                      const struct cppserver_address *destination);

/**
 * Fixes the local address and port of the next starts of a client. Any thread.
 *
 * address: an IP address of this machine as text; "0.0.0.0" or "::" fixes the port alone. NULL,
 * with port 0, leaves both to the system again.
 * port: 0 leaves the port to the system.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the address does not parse,
 * CPPSERVER_STATUS_INVALID_STATE while started or on a server. An address that the system refuses
 * is told by on_error and on_stopped.
 */
int32_t cppserver_udp_bind(struct cppserver_udp *udp,
                           const char *address,
                           uint16_t port);

/**
 * Opens the socket, and receives and sends from then on. Any thread, also inside on_stopped.
 *
 * A server is bound when this function returns, also on a service that is not started yet: a port
 * in use fails here. The host of a client is resolved in the background and within
 * CPPSERVER_OPTION_CONNECT_TIMEOUT; a failure is on_error and on_stopped. So is that of a server
 * which is just being stopped, since it is bound after that. on_started comes once the service
 * runs.
 *
 * handler: copied, not NULL.
 * user_data: owned by the endpoint from here on, until it calls handler->destroy; that comes
 * before this function returns if it fails, unless handler is NULL or its size is not set.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when it is started already or the
 * service is stopping, CPPSERVER_STATUS_SYSTEM with errno when the address cannot be bound,
 * CPPSERVER_STATUS_RESOLVER for an unknown name of a server's own address.
 */
int32_t cppserver_udp_start(struct cppserver_udp *udp,
                            const struct cppserver_udp_handler *handler,
                            void *user_data);

/**
 * Stops: on_received is not called any more, what was accepted is sent within
 * CPPSERVER_OPTION_CLOSE_TIMEOUT, then on_stopped and the handler's destroy are called. Any
 * thread, any callback; the callbacks may come after this function has returned.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the endpoint is not started.
 */
int32_t cppserver_udp_stop(struct cppserver_udp *udp);

/**
 * Stops the endpoint and starts it again with the same handler and user_data, a server on the same
 * port, also on one that the system chose. Groups have to be joined anew. Any thread, any
 * callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the endpoint is not started.
 */
int32_t cppserver_udp_restart(struct cppserver_udp *udp);

/**
 * Sends a datagram to the destination: the server of a client, or what
 * cppserver_udp_set_destination() chose. It is copied and queued. Any thread, any callback.
 *
 * data: NULL is allowed when size is 0.
 * size: 0 to 65507; an empty datagram is one too.
 * pending: receives the bytes that wait to be sent, those of this datagram included; may be NULL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when not started,
 * CPPSERVER_STATUS_INVALID_ARGUMENT for more than 65507 bytes or when there is no destination,
 * CPPSERVER_STATUS_LIMIT above the send limit.
 */
int32_t cppserver_udp_send(struct cppserver_udp *udp,
                           const void *data,
                           size_t size,
                           size_t *pending);

/**
 * Sends a datagram to an address, as cppserver_udp_send() does.
 *
 * to: not NULL.
 *
 * Returns a cppserver_status: as cppserver_udp_send(), and CPPSERVER_STATUS_INVALID_ARGUMENT for
 * an address that the socket can't reach: of the other version of IP, without a port, or of
 * somebody else than the server of a client without CPPSERVER_OPTION_ANY_PEER.
 */
int32_t cppserver_udp_send_to(struct cppserver_udp *udp,
                              const struct cppserver_address *to,
                              const void *data,
                              size_t size,
                              size_t *pending);

/**
 * Asks to receive the datagrams of a multicast group; on_joined or on_error tells how it went. It
 * ends with cppserver_udp_leave() or with the stop. Any thread, any callback.
 *
 * group: a multicast address as text, such as "239.255.0.1" or "ff02::4242".
 * source: the only sender that is heard, as text (RFC 4607), or NULL for any.
 * network_interface: as for cppserver_udp_set_multicast_interface().
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is no group, no source or
 * no interface, CPPSERVER_STATUS_NOT_CONNECTED when not started.
 */
int32_t cppserver_udp_join(struct cppserver_udp *udp,
                           const char *group,
                           const char *source,
                           const char *network_interface);

/**
 * Asks to receive the datagrams of a multicast group no more; on_left or on_error tells how it
 * went. The group, the source and the interface have to be those that were joined. Any thread, any
 * callback.
 *
 * Returns a cppserver_status: as cppserver_udp_join().
 */
int32_t cppserver_udp_leave(struct cppserver_udp *udp,
                            const char *group,
                            const char *source,
                            const char *network_interface);

/**
 * Whether the socket is open: true from just before on_started until just before on_stopped. Any
 * thread. NULL gives false.
 */
bool cppserver_udp_is_started(const struct cppserver_udp *udp);

/**
 * The own port while there is one: of a server from a successful start on, of a client while it is
 * started. Else that which a server was created with, and 0 for a client. Any thread. NULL gives
 * 0.
 */
uint16_t cppserver_udp_port(const struct cppserver_udp *udp);

/**
 * Stores the own address in *address, while started. Any thread.
 *
 * With "0.0.0.0" or "::" the system chooses the real one for each datagram.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when not started; *address is left as
 * it was then.
 */
int32_t cppserver_udp_local_address(const struct cppserver_udp *udp,
                                    struct cppserver_address *address);

/**
 * Stores where cppserver_udp_send() sends in *address. Any thread.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when there is no destination, as
 * before the start of a client; *address is left as it was then.
 */
int32_t cppserver_udp_destination(const struct cppserver_udp *udp,
                                  struct cppserver_address *address);

/**
 * The socket (a file descriptor, a SOCKET on Windows), or -1 when the endpoint is not started or
 * NULL. It stays the library's: do not close it. Any thread.
 */
int64_t cppserver_udp_native_handle(const struct cppserver_udp *udp);

/**
 * The datagrams that went to the system since the start. Any thread. NULL gives 0.
 */
uint64_t cppserver_udp_datagrams_sent(const struct cppserver_udp *udp);

/**
 * The datagrams received since the start. Any thread. NULL gives 0.
 */
uint64_t cppserver_udp_datagrams_received(const struct cppserver_udp *udp);

/**
 * The datagrams since the start that were to be sent and did not leave: refused or dropped for the
 * limit, or refused by the system. Any thread. NULL gives 0.
 */
uint64_t cppserver_udp_datagrams_dropped(const struct cppserver_udp *udp);

/**
 * The datagrams that the system received since the start and lost because its receive buffer was
 * full. Linux tells with the next datagram (SO_RXQ_OVFL), and counts those that came to it in one
 * piece (UDP_GRO) as one; other systems do not tell. Any thread. NULL gives 0.
 */
uint64_t cppserver_udp_datagrams_lost(const struct cppserver_udp *udp);

/**
 * The bytes of the datagrams that were sent. Any thread. NULL gives 0.
 */
uint64_t cppserver_udp_bytes_sent(const struct cppserver_udp *udp);

/**
 * The bytes of the datagrams that were received, as far as they were delivered. Any thread. NULL
 * gives 0.
 */
uint64_t cppserver_udp_bytes_received(const struct cppserver_udp *udp);

/**
 * The bytes that wait to be sent. Any thread. NULL gives 0.
 */
size_t cppserver_udp_bytes_pending(const struct cppserver_udp *udp);

/**
 * "GET" or "HEAD". The text is valid until the callback about the request returns. NULL gives "".
 */
const char *cppserver_http_request_method(const struct cppserver_http_request *request);

/**
 * The path and the query, such as "/chat?room=7", as the client has written them. The text is
 * valid until the callback about the request returns. NULL gives "".
 */
const char *cppserver_http_request_target(const struct cppserver_http_request *request);

/**
 * The path alone, such as "/chat". The text is valid until the callback about the request returns.
 * NULL gives "".
 */
const char *cppserver_http_request_path(const struct cppserver_http_request *request);

/**
 * What follows the question mark of the target, or NULL without one. The text is valid until the
 * callback about the request returns. NULL gives NULL.
 */
const char *cppserver_http_request_query(const struct cppserver_http_request *request);

/**
 * The value of the first header field of a name, in any case of letters, or NULL without one and
 * for a value that is not UTF-8. The text is valid until the callback about the request returns.
 * NULL gives NULL.
 *
 * "Origin" tells the page that a browser connects from, "Sec-WebSocket-Protocol" the subprotocols
 * that the client offers.
 */
const char *cppserver_http_request_header(const struct cppserver_http_request *request,
                                          const char *name);

/**
 * Stores a header field by its place. The texts are valid until the callback about the request
 * returns; the name is in small letters.
 *
 * index: from 0 on.
 * name, value: where to store the texts; each may be NULL.
 *
 * Returns false when there are no more, and for NULL; the texts are left as they were then.
 */
bool cppserver_http_request_header_at(const struct cppserver_http_request *request,
                                      size_t index,
                                      const char **name,
                                      const char **value);

/**
 * The status of an answer: 101 before a handshake that is accepted, 426 before another request,
 * unless it was changed. NULL gives 0.
 */
uint16_t cppserver_http_response_status(const struct cppserver_http_response *response);

/**
 * Chooses the status (RFC 9110 section 15), such as 200 for a page or 403 to refuse a handshake.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is not from 200 to 599.
 */
int32_t cppserver_http_response_set_status(struct cppserver_http_response *response,
                                           uint16_t status);

/**
 * Adds a header field, such as "Content-Type" or "Set-Cookie". Those about the connection, the
 * handshake and the length are written by the library.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for a name or a value that a
 * header cannot have, or that the library writes.
 */
int32_t cppserver_http_response_add_header(struct cppserver_http_response *response,
                                           const char *name,
                                           const char *value);

/**
 * Chooses the subprotocol of the session, one of those that the client offers.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is no token. Whether it
 * was
 * offered is looked at after the callback: if not, the session fails.
 */
int32_t cppserver_http_response_set_subprotocol(struct cppserver_http_response *response,
                                                const char *name);

/**
 * Sets what follows the head: a page, or a sentence on why the handshake is refused. It is copied.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when data is NULL and size is not
 * 0.
 */
int32_t cppserver_http_response_set_body(struct cppserver_http_response *response,
                                         const void *data,
                                         size_t size);

/**
 * Creates a WebSocket server (RFC 6455) as cppserver_server_create_tcp() creates one of TCP. Its
 * sessions are open for messages from on_handshaked on. on_handshake of cppserver_session_handler
 * decides whom they are opened for, on_request answers what else HTTP clients ask for.
 */
struct cppserver_server *cppserver_server_create_ws(struct cppserver_service *service,
                                                    const char *address,
                                                    uint16_t port);

/**
 * Creates a server as cppserver_server_create_ws() does, whose connections are encrypted
 * with TLS: what "wss://" addresses mean.
 *
 * context: needs a certificate by the time of the start. The server keeps a reference of its own.
 */
struct cppserver_server *cppserver_server_create_wss(struct cppserver_service *service,
                                                     struct cppserver_tls_context *context,
                                                     const char *address,
                                                     uint16_t port);

/**
 * Sends a message to every WebSocket session of the server that is open for messages, as
 * cppserver_server_multicast() sends bytes. It is made a frame once, and compressed once for those
 * that compress alike.
 *
 * kind: CPPSERVER_KIND_TEXT or CPPSERVER_KIND_BINARY; CPPSERVER_KIND_BYTES on servers of bytes.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE when the server is not started,
 * CPPSERVER_STATUS_INVALID_ARGUMENT for a text that is not UTF-8.
 */
int32_t cppserver_server_multicast_message(struct cppserver_server *server,
                                           int32_t kind,
                                           const void *data,
                                           size_t size);

/**
 * Sends a message as cppserver_server_multicast_message() does, to the sessions that a function
 * chooses. On servers of bytes the kind is CPPSERVER_KIND_BYTES.
 *
 * wanted: called with user_data and each session in turn, on this thread and before anything is
 * sent. The session is lent.
 */
int32_t cppserver_server_multicast_if(struct cppserver_server *server,
                                      int32_t kind,
                                      const void *data,
                                      size_t size,
                                      cppserver_session_filter wanted,
                                      void *user_data);

/**
 * Sends a message to the sessions that have subscribed to a topic, once to each, as
 * cppserver_server_multicast_message() sends to all. The topic itself is not sent. Any thread, any
 * callback.
 *
 * topic: a name without "*".
 * count: where to store how many subscribers there are; may be NULL.
 *
 * Returns a cppserver_status as cppserver_server_multicast_message().
 */
int32_t cppserver_server_publish(struct cppserver_server *server,
                                 const char *topic,
                                 int32_t kind,
                                 const void *data,
                                 size_t size,
                                 size_t *count);

/**
 * The messages that all sessions sent since the start. Any thread. NULL gives 0.
 */
uint64_t cppserver_server_messages_sent(const struct cppserver_server *server);

/**
 * The messages that all sessions received since the start; pings and pongs are none. Any thread.
 * NULL gives 0.
 */
uint64_t cppserver_server_messages_received(const struct cppserver_server *server);

/**
 * Queues a message of a WebSocket session, as cppserver_session_send() queues bytes. Before
 * on_handshaked messages wait for the handshake. Any thread, any callback.
 *
 * kind: a cppserver_kind. A text has to be UTF-8; a ping or a pong has up to 125 bytes;
 * CPPSERVER_KIND_BYTES counts as binary, and is the only one on sessions of bytes.
 * pending: as for cppserver_session_send().
 *
 * Returns a cppserver_status as cppserver_session_send(), and CPPSERVER_STATUS_INVALID_ARGUMENT
 * for data that the kind does not take.
 */
int32_t cppserver_session_send_message(struct cppserver_session *session,
                                       int32_t kind,
                                       const void *data,
                                       size_t size,
                                       size_t *pending);

/**
 * Queues a part of a message of a WebSocket session, so that it need not be in memory as a whole.
 * Other messages that are sent meanwhile wait for the last part; pings and pongs do not. Parts are
 * never compressed, and may cut a text anywhere. Any thread, any callback.
 *
 * kind: CPPSERVER_KIND_TEXT or CPPSERVER_KIND_BINARY; the first part decides.
 * last: whether the message ends with this part.
 * pending: as for cppserver_session_send().
 *
 * Returns a cppserver_status as cppserver_session_send_message().
 */
int32_t cppserver_session_send_part(struct cppserver_session *session,
                                    int32_t kind,
                                    const void *data,
                                    size_t size,
                                    bool last,
                                    size_t *pending);

/**
 * Ends a WebSocket session as cppserver_session_disconnect() does, with a code and a reason for
 * the peer instead of 1000 and none. Any thread, any callback.
 *
 * code: of RFC 6455 section 7.4, or 3000 to 4999; 1005 sends none.
 * reason: UTF-8, of which 123 bytes have room; NULL for none.
 *
 * Returns a cppserver_status as cppserver_session_disconnect(), and
 * CPPSERVER_STATUS_INVALID_ARGUMENT for a code that must not be sent, and on other sessions.
 */
int32_t cppserver_session_disconnect_with(struct cppserver_session *session,
                                          uint16_t code,
                                          const char *reason);

/**
 * The code with which the peer of a WebSocket session has ended it: known in on_disconnected and
 * after it, until a client connects again. 1005 when it gave none. 0 before, when the peer said
 * nothing, and for NULL. Any thread.
 */
uint16_t cppserver_session_close_code(const struct cppserver_session *session);

/**
 * Stores the reason that the peer gave together with cppserver_session_close_code(), as text with
 * its NUL in buffer; often empty. Any thread.
 *
 * size: the bytes of buffer; 0 asks for the length alone, 126 suffice for every reason.
 * length: where to store the bytes of the text, without the NUL; may be NULL. Also stored when
 * buffer is too small.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
 */
int32_t cppserver_session_close_reason(const struct cppserver_session *session,
                                       char *buffer,
                                       size_t size,
                                       size_t *length);

/**
 * Stores the subprotocol that a WebSocket session has agreed on, as text with its NUL in buffer;
 * "" for none. It can be read from on_handshaked on. Any thread.
 *
 * size, length: as for cppserver_session_close_reason().
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is NULL or too small.
 */
int32_t cppserver_session_subprotocol(const struct cppserver_session *session,
                                      char *buffer,
                                      size_t size,
                                      size_t *length);

/**
 * Whether a WebSocket session compresses what it sends: from on_handshaked on, if both sides want
 * it. Any thread. NULL gives false.
 */
bool cppserver_session_is_compressed(const struct cppserver_session *session);

/**
 * The messages that the system took over since the connection began. Any thread. NULL gives 0.
 */
uint64_t cppserver_session_messages_sent(const struct cppserver_session *session);

/**
 * The messages that came from the peer since the connection began; pings and pongs are none. Any
 * thread. NULL gives 0.
 */
uint64_t cppserver_session_messages_received(const struct cppserver_session *session);

/**
 * Lets a session of a server have what is published under a topic, until it ends. Twice counts
 * once. Any thread, any callback.
 *
 * topic: a name; a "*" at its end stands for anything, so that "news.*" means all topics that
 * begin with "news.".
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an empty topic or a "*" before
 * its end, CPPSERVER_STATUS_NOT_CONNECTED without a connection, CPPSERVER_STATUS_INVALID_STATE on
 * a client.
 */
int32_t cppserver_session_subscribe(struct cppserver_session *session,
                                    const char *topic);

/**
 * Ends a subscription, as it was written. Without one it does nothing. Any thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_STATE on a client.
 */
int32_t cppserver_session_unsubscribe(struct cppserver_session *session,
                                      const char *topic);

/**
 * Sends a message as cppserver_server_publish() does, to all subscribers but this session.
 */
int32_t cppserver_session_publish(struct cppserver_session *session,
                                  const char *topic,
                                  int32_t kind,
                                  const void *data,
                                  size_t size,
                                  size_t *count);

/**
 * Creates a WebSocket client as cppserver_client_create_tcp() creates one of TCP. Its session is
 * open for messages from on_handshaked on.
 *
 * address: such as "ws://host:port/path?query"; without a port 80 is meant.
 *
 * Returns a client that the caller owns, or NULL with the reason in cppserver_last_error_...
 */
struct cppserver_client *cppserver_client_create_ws(struct cppserver_service *service,
                                                    const char *address);

/**
 * Creates a client as cppserver_client_create_ws() does, whose connection is encrypted with
 * TLS, as cppserver_client_create_tls() says.
 *
 * context: the client keeps a reference of its own.
 * address: such as "wss://host:port/path?query"; without a port 443 is meant.
 */
struct cppserver_client *cppserver_client_create_wss(struct cppserver_service *service,
                                                     struct cppserver_tls_context *context,
                                                     const char *address);

/**
 * Adds a header field to the request of the opening handshake, from the next connect on, such as
 * "Origin", "Authorization" or "Cookie"; "Host" replaces the one made of the address. Any thread.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what cannot be in a header,
 * for fields that the library writes itself, and on other clients.
 */
int32_t cppserver_client_add_header(struct cppserver_client *client,
                                    const char *name,
                                    const char *value);

/**
 * Chooses the subprotocols that the server may choose from, from the next connect on;
 * cppserver_session_subprotocol() tells its choice. Any thread.
 *
 * names: separated by commas, the preferred one first, such as "chat.v2, chat"; NULL or "" for
 * none.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for names that are no tokens (RFC
 * 9110 section 5.6.2), and on other clients.
 */
int32_t cppserver_client_set_subprotocols(struct cppserver_client *client,
                                          const char *names);

/**
 * Creates a message.
 *
 * data: copied. NULL makes a message of size zero bytes, to be filled in through
 * cppserver_sp_message_mutable_data().
 *
 * Returns a message that the caller owns, or NULL with the reason in cppserver_last_error_... Any
 * thread.
 */
struct cppserver_sp_message *cppserver_sp_message_create(const void *data,
                                                         size_t size);

/**
 * Creates another message with the same bytes and header. Large bytes are shared and not copied,
 * until one of both is changed. Also for a message that a callback lends.
 *
 * Returns a message that the caller owns; NULL gives NULL. Any thread.
 */
struct cppserver_sp_message *cppserver_sp_message_clone(const struct cppserver_sp_message *message);

/**
 * Frees a message that the caller owns. NULL is allowed. Any thread.
 */
void cppserver_sp_message_release(struct cppserver_sp_message *message);

/**
 * The bytes of a message, valid until it is changed, filled by a receive, or released. Not NULL,
 * also without bytes; NULL gives NULL.
 */
const void *cppserver_sp_message_data(const struct cppserver_sp_message *message);

/**
 * The number of bytes of a message. NULL gives 0.
 */
size_t cppserver_sp_message_size(const struct cppserver_sp_message *message);

/**
 * The bytes of a message, to be changed; bytes that are shared with a clone, or that wait to be
 * sent, are copied first. Valid as for cppserver_sp_message_data(), and to be written to only until
 * the message is cloned or sent. NULL gives NULL.
 */
void *cppserver_sp_message_mutable_data(struct cppserver_sp_message *message);

/**
 * Gives a message other bytes, as cppserver_sp_message_create() does, and no header.
 *
 * Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, the message is left as it was.
 */
int32_t cppserver_sp_message_assign(struct cppserver_sp_message *message,
                                    const void *data,
                                    size_t size);

/**
 * Exchanges what is in two messages, bytes and headers, without a copy: also that of a message
 * which a callback lends, to keep it or to answer it.
 *
 * Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
 */
int32_t cppserver_sp_message_swap(struct cppserver_sp_message *message,
                                  struct cppserver_sp_message *other);

/**
 * The ids in front of a message, which only raw sockets show: where it came from, the hops that it
 * took, the question that it is or answers. A device passes them on as they are.
 *
 * count: receives the number of ids; may be NULL.
 *
 * Returns the ids, in the byte order of this machine and valid as long as the bytes of the message
 * are; not NULL, also without ids. NULL gives NULL and the number 0.
 */
const uint32_t *cppserver_sp_message_header(const struct cppserver_sp_message *message,
                                            size_t *count);

/**
 * Changes the ids in front of a message, for raw sockets to send.
 *
 * words: copied; NULL is allowed when count is 0.
 *
 * Returns a cppserver_status.
 */
int32_t cppserver_sp_message_set_header(struct cppserver_sp_message *message,
                                        const uint32_t *words,
                                        size_t count);

/**
 * Creates a socket of a scalability protocol, whose connections run on an I/O thread that all such
 * sockets of the process share. Any thread.
 *
 * protocol: a cppserver_sp_protocol.
 * raw: false for a socket that plays its role. true for one that keeps no state: messages have
 * headers that tell where they came from and where they go, see cppserver_sp_message_header(); made
 * to be joined by a cppserver_sp_device.
 *
 * Returns a socket that the caller owns, or NULL with the reason in cppserver_last_error_...:
 * CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown protocol, CPPSERVER_SP_FAILURE_TERMINATED after
 * cppserver_sp_terminate().
 */
struct cppserver_sp_socket *cppserver_sp_socket_create(int32_t protocol,
                                                       bool raw);

/**
 * Creates a socket as cppserver_sp_socket_create() does, whose connections and callbacks run on
 * this service. The program starts it, before or after, and stops it, which ends them.
 *
 * The service may be released before the socket.
 */
struct cppserver_sp_socket *cppserver_sp_socket_create_on(struct cppserver_service *service,
                                                          int32_t protocol,
                                                          bool raw);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_sp_socket *cppserver_sp_socket_retain(struct cppserver_sp_socket *socket);

/**
 * Takes a reference back. Any thread, any callback. NULL is allowed.
 *
 * The last one closes the socket as cppserver_sp_socket_close() does, without waiting: what was
 * sent before is delivered in the background. The end of the last socket on the shared I/O thread
 * waits for that.
 */
void cppserver_sp_socket_release(struct cppserver_sp_socket *socket);

/**
 * A number that no other socket of this process has or had. Any thread. NULL gives 0, which is
 * none.
 */
uint64_t cppserver_sp_socket_id(const struct cppserver_sp_socket *socket);

/**
 * The cppserver_sp_protocol that the socket was created with. Any thread. NULL gives 0, which is
 * none.
 */
int32_t cppserver_sp_socket_protocol(const struct cppserver_sp_socket *socket);

/**
 * Whether the socket was created raw. Any thread. NULL gives false.
 */
bool cppserver_sp_socket_is_raw(const struct cppserver_sp_socket *socket);

/**
 * Sets a cppserver_sp_option. Options about connections count for those that are made later, the
 * others at once. Any thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for an unknown option or a value
 * out of its range.
 */
int32_t cppserver_sp_socket_set_option(struct cppserver_sp_socket *socket,
                                       int32_t option,
                                       int64_t value);

/**
 * Stores what a cppserver_sp_option is set to in *value. Any thread, any callback.
 *
 * Returns a cppserver_status. When it is not CPPSERVER_STATUS_OK, *value is left as it was.
 */
int32_t cppserver_sp_socket_get_option(const struct cppserver_sp_socket *socket,
                                       int32_t option,
                                       int64_t *value);

/**
 * Gives the certificates for the addresses "tls+tcp://" and "wss://" that are listened on and
 * dialed from now on. Any thread, any callback.
 *
 * context: the socket keeps a reference of its own.
 *
 * Returns a cppserver_status.
 */
int32_t cppserver_sp_socket_set_tls(struct cppserver_sp_socket *socket,
                                    struct cppserver_tls_context *context);

/**
 * Lets callbacks do the receiving, from now on. What waits already is received by them too. Takes
 * the place of a handler that was set before. Any thread, any callback.
 *
 * handler: copied, not NULL.
 * user_data: owned by the socket from here on, until it calls handler->destroy; that comes before
 * this function returns if it fails, unless handler is NULL or its size is not set.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed,
 * CPPSERVER_STATUS_SYSTEM when the I/O thread can't be started.
 */
int32_t cppserver_sp_socket_set_handler(struct cppserver_sp_socket *socket,
                                        const struct cppserver_sp_handler *handler,
                                        void *user_data);

/**
 * Takes the handler away, and calls its destroy. Its callbacks are over when this returns, also
 * destroy, except when it is called by a callback, of whatever socket. Any thread, any callback.
 *
 * Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
 */
int32_t cppserver_sp_socket_clear_handler(struct cppserver_sp_socket *socket);

/**
 * Lets messages wait: no on_received follows, in a callback at once and else after the one that
 * runs. When CPPSERVER_SP_OPTION_RECEIVE_BUFFER is full, the peers have to wait. Any thread, any
 * callback.
 *
 * Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
 */
int32_t cppserver_sp_socket_pause_receiving(struct cppserver_sp_socket *socket);

/**
 * Goes on after cppserver_sp_socket_pause_receiving(). Any thread, any callback.
 *
 * Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
 */
int32_t cppserver_sp_socket_resume_receiving(struct cppserver_sp_socket *socket);

/**
 * Whether calls may block, which at first they may. With false, those that would have to wait fail
 * with CPPSERVER_SP_FAILURE_WOULD_BLOCK instead, and so do those that are blocked right now, also
 * in contexts: a program gets its threads back, and the socket goes on. Any thread, any callback.
 *
 * Returns a cppserver_status: not CPPSERVER_STATUS_OK only for NULL.
 */
int32_t cppserver_sp_socket_set_blocking(struct cppserver_sp_socket *socket,
                                         bool blocking);

/**
 * Subscribes to what begins with a topic, from now on; to everything with an empty one. A topic
 * that is subscribed to twice has to be unsubscribed from twice. Any thread, any callback.
 *
 * topic: copied; NULL is allowed when size is 0.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_UNSUPPORTED for sockets that are no subscribers,
 * CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed.
 */
int32_t cppserver_sp_socket_subscribe(struct cppserver_sp_socket *socket,
                                      const void *topic,
                                      size_t size);

/**
 * Takes a subscription back. What was received and is not wanted by another one is dropped. Any
 * thread, any callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when there is none, else as
 * cppserver_sp_socket_subscribe() does.
 */
int32_t cppserver_sp_socket_unsubscribe(struct cppserver_sp_socket *socket,
                                        const void *topic,
                                        size_t size);

/**
 * Stores the counters of a socket in *statistics, whose size is set to
 * sizeof(cppserver_sp_statistics): as many members as that has, all of the same moment. Any thread,
 * any callback, also after the close.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the size is not set.
 */
int32_t cppserver_sp_socket_statistics(const struct cppserver_sp_socket *socket,
                                       struct cppserver_sp_statistics *statistics);

/**
 * Closes the socket: endpoints and connections end, calls that are blocked in it fail with
 * CPPSERVER_SP_FAILURE_CLOSED, and the handler's destroy is called, after this function when a
 * callback runs meanwhile. Any thread, any callback.
 *
 * Returns when what was sent before is delivered, or CPPSERVER_SP_OPTION_LINGER is over, and what
 * was not is counted; in callbacks it returns at once.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when it is closed already.
 */
int32_t cppserver_sp_socket_close(struct cppserver_sp_socket *socket);

/**
 * Whether the socket was closed, by itself or by cppserver_sp_terminate(). Any thread. NULL gives
 * true.
 */
bool cppserver_sp_socket_is_closed(const struct cppserver_sp_socket *socket);

/**
 * Closes all sockets of scalability protocols of this process for good, without waiting: blocked
 * and later calls fail with CPPSERVER_SP_FAILURE_TERMINATED, and so does
 * cppserver_sp_socket_create(). For the end of a program that can't reach all of its sockets. Any
 * thread, any callback.
 */
void cppserver_sp_terminate(void);

/**
 * Listens on an address, any number of times. Any thread, any callback.
 *
 * Names are looked up, and the address is bound, before this returns.
 *
 * address: such as "tcp://127.0.0.1:5555", "ipc:///tmp/name", "inproc://name" for sockets of this
 * process, "ws://127.0.0.1:8080/path"; after cppserver_sp_socket_set_tls() also "tls+tcp://" and
 * "wss://". The host "*" stands for all addresses of the machine, the name of an interface
 * ("tcp://eth0:5555") for its first one, the port 0 for a free one, which
 * cppserver_sp_endpoint_port() tells.
 *
 * Returns an endpoint that the caller owns, which may be released at once, or NULL with the reason
 * in cppserver_last_error_...: CPPSERVER_SP_FAILURE_ADDRESS and CPPSERVER_SP_FAILURE_TRANSPORT for
 * what can't be read, CPPSERVER_SP_FAILURE_ADDRESS_IN_USE or an error of the system when the
 * address is not free, CPPSERVER_SP_FAILURE_CLOSED.
 */
struct cppserver_sp_endpoint *cppserver_sp_socket_listen(struct cppserver_sp_socket *socket,
                                                         const char *address);

/**
 * Connects to an address in the background, again and again until the endpoint is closed, any
 * number of times. Nobody has to be there yet; with "inproc://" whoever listens is connected when
 * this returns. Any thread, any callback.
 *
 * address: as for cppserver_sp_socket_listen(), with a host and a port; over TCP and
 * WebSocket an address or an interface of this machine to come from may stand in front,
 * "tcp://10.0.0.1;server:5555" or "tcp://eth0;server:5555".
 *
 * Returns an endpoint that the caller owns, which may be released at once, or NULL with the reason
 * in cppserver_last_error_..., as cppserver_sp_socket_listen() does. Attempts that fail are
 * counted, and the first one is told to on_error.
 */
struct cppserver_sp_endpoint *cppserver_sp_socket_dial(struct cppserver_sp_socket *socket,
                                                       const char *address);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_sp_endpoint *cppserver_sp_endpoint_retain(struct cppserver_sp_endpoint *endpoint);

/**
 * Takes a reference back, and closes nothing. Any thread, any callback. NULL is allowed.
 */
void cppserver_sp_endpoint_release(struct cppserver_sp_endpoint *endpoint);

/**
 * A number that no other endpoint of the socket has or had. Any thread. NULL gives 0, which is
 * none.
 */
uint32_t cppserver_sp_endpoint_id(const struct cppserver_sp_endpoint *endpoint);

/**
 * The port that a listener got, also when it asked for port 0; 0 for dialers and for transports
 * without ports. Any thread. NULL gives 0.
 */
uint16_t cppserver_sp_endpoint_port(const struct cppserver_sp_endpoint *endpoint);

/**
 * Writes the address as it was given, with a NUL behind it, to buffer. Any thread.
 *
 * length: receives the bytes of the address without the NUL, also when the room does not suffice;
 * may be NULL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the room does not suffice. The
 * size 0 asks for the length alone.
 */
int32_t cppserver_sp_endpoint_address(const struct cppserver_sp_endpoint *endpoint,
                                      char *buffer,
                                      size_t size,
                                      size_t *length);

/**
 * Whether the endpoint was closed, by itself or with its socket. Any thread. NULL gives true.
 */
bool cppserver_sp_endpoint_is_closed(const struct cppserver_sp_endpoint *endpoint);

/**
 * Ends the endpoint and its connections. What was sent before is delivered within
 * CPPSERVER_SP_OPTION_LINGER; the socket, its other endpoints and its counters stay. A listener's
 * address is free again when this returns, except in callbacks, where it is soon. Any thread, any
 * callback.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_NOT_CONNECTED when it is closed already.
 */
int32_t cppserver_sp_endpoint_close(struct cppserver_sp_endpoint *endpoint);

/**
 * Sends bytes as a message. Any thread, any callback.
 *
 * Pair and push sockets wait for a peer, and for room; all others never wait.
 *
 * data: copied; NULL is allowed when size is 0.
 * timeout: milliseconds that the call may block; 0 for never; -1 for as long as
 * CPPSERVER_SP_OPTION_SEND_TIMEOUT says, which by default is for as long as it takes.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_TIMEOUT with the code
 * CPPSERVER_SP_FAILURE_TIMED_OUT, or CPPSERVER_SP_FAILURE_WOULD_BLOCK with the timeout 0 and on I/O
 * threads (after which on_writable tells when to go on); CPPSERVER_STATUS_INVALID_STATE for an
 * answer without a question; CPPSERVER_STATUS_UNSUPPORTED for sockets that only receive;
 * CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed, also meanwhile.
 */
int32_t cppserver_sp_socket_send(struct cppserver_sp_socket *socket,
                                 const void *data,
                                 size_t size,
                                 int64_t timeout);

/**
 * Sends a message as cppserver_sp_socket_send() does. Large bytes are shared and not copied; the
 * message stays the caller's, and may be sent again, changed or released at once.
 *
 * Returns a cppserver_status, as cppserver_sp_socket_send() does; CPPSERVER_STATUS_SP when the
 * header is not what a raw socket needs.
 */
int32_t cppserver_sp_socket_send_message(struct cppserver_sp_socket *socket,
                                         const struct cppserver_sp_message *message,
                                         int64_t timeout);

/**
 * Receives a message. Any thread, any callback.
 *
 * message: filled with what comes, without a copy of large bytes; what was in it is gone. The same
 * one may be used again and again. Not NULL.
 * timeout: milliseconds that the call may block; 0 for never; -1 for as long as
 * CPPSERVER_SP_OPTION_RECEIVE_TIMEOUT says, which by default is for as long as it takes.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_TIMEOUT with the code
 * CPPSERVER_SP_FAILURE_TIMED_OUT, also once at the end of a survey, or
 * CPPSERVER_SP_FAILURE_WOULD_BLOCK with the timeout 0 and on I/O threads;
 * CPPSERVER_STATUS_INVALID_STATE when nothing was asked; CPPSERVER_STATUS_UNSUPPORTED for sockets
 * that only send; CPPSERVER_STATUS_NOT_CONNECTED when the socket is closed, also meanwhile. When it
 * is not CPPSERVER_STATUS_OK, the message is left as it was.
 */
int32_t cppserver_sp_socket_receive(struct cppserver_sp_socket *socket,
                                    struct cppserver_sp_message *message,
                                    int64_t timeout);

/**
 * Receives an answer to a survey as cppserver_sp_socket_receive() does, and tells the end of the
 * survey apart from the timeout of the call.
 *
 * finished: receives true when the deadline of the survey has passed; the status is
 * CPPSERVER_STATUS_OK then too, and the message is left as it was. Else false. Not NULL.
 *
 * Returns a cppserver_status, as cppserver_sp_socket_receive() does.
 */
int32_t cppserver_sp_socket_receive_answer(struct cppserver_sp_socket *socket,
                                           struct cppserver_sp_message *message,
                                           int64_t timeout,
                                           bool *finished);

/**
 * Calls callback(user_data) once, on an I/O thread of the socket's service, when there is something
 * to receive, the end of a survey and of the socket included; soon if that is so already. Any
 * thread, any callback.
 *
 * Made for event loops that are not of this library: receive with the timeout 0, and after
 * CPPSERVER_SP_FAILURE_WOULD_BLOCK be called and do it again. Another thread may have been faster
 * then, and the call may come for nothing. There is one such call at a time; the next one takes its
 * place.
 *
 * user_data: owned by the socket from here on, until it calls destroy(user_data): once, after the
 * callback, or without it when another one takes its place, the service ends first or this function
 * fails. destroy may be NULL.
 *
 * Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when callback is NULL,
 * CPPSERVER_STATUS_SYSTEM when the I/O thread can't be started.
 */
int32_t cppserver_sp_socket_when_receivable(struct cppserver_sp_socket *socket,
                                            cppserver_callback callback,
                                            void *user_data,
                                            cppserver_callback destroy);

/**
 * Calls callback(user_data) once when a message can be sent without waiting, or the socket is
 * closed; everything else as for cppserver_sp_socket_when_receivable(). Any thread, any callback.
 *
 * Returns a cppserver_status, as that does.
 */
int32_t cppserver_sp_socket_when_sendable(struct cppserver_sp_socket *socket,
                                          cppserver_callback callback,
                                          void *user_data,
                                          cppserver_callback destroy);

/**
 * Creates an exchange of its own over a socket that asks or answers: a request and its reply, a
 * survey and its answers, or a question that is being answered. Any thread, any callback.
 *
 * A socket has one exchange itself, and as many contexts as it likes. Each thread takes one; what
 * they ask goes over the same connections, and each gets its own answers. A context keeps its
 * socket open.
 *
 * Returns a context that the caller owns, or NULL with the reason in cppserver_last_error_...:
 * CPPSERVER_SP_FAILURE_NOT_SUPPORTED for patterns without questions, and for raw sockets.
 */
struct cppserver_sp_context *cppserver_sp_context_create(struct cppserver_sp_socket *socket);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_sp_context *cppserver_sp_context_retain(struct cppserver_sp_context *context);

/**
 * Takes a reference back. The last one gives up what the context has asked. Any thread, any
 * callback. NULL is allowed.
 */
void cppserver_sp_context_release(struct cppserver_sp_context *context);

/**
 * Sends a question, which gives up the one before, or an answer. Never waits. Any thread, any
 * callback.
 *
 * data: copied; NULL is allowed when size is 0.
 *
 * Returns a cppserver_status, as cppserver_sp_socket_send() does.
 */
int32_t cppserver_sp_context_send(struct cppserver_sp_context *context,
                                  const void *data,
                                  size_t size);

/**
 * Sends a message as cppserver_sp_context_send() does. Large bytes are shared and not copied; the
 * message stays the caller's.
 *
 * Returns a cppserver_status, as cppserver_sp_socket_send() does.
 */
int32_t cppserver_sp_context_send_message(struct cppserver_sp_context *context,
                                          const struct cppserver_sp_message *message);

/**
 * Receives an answer to the question of this context, or the next question. Any thread, any
 * callback.
 *
 * message, timeout: as for cppserver_sp_socket_receive().
 *
 * Returns a cppserver_status, as cppserver_sp_socket_receive() does.
 */
int32_t cppserver_sp_context_receive(struct cppserver_sp_context *context,
                                     struct cppserver_sp_message *message,
                                     int64_t timeout);

/**
 * Receives an answer to the survey of this context, and tells its end apart from the timeout of the
 * call. Any thread, any callback.
 *
 * message, timeout, finished: as for cppserver_sp_socket_receive_answer().
 *
 * Returns a cppserver_status, as cppserver_sp_socket_receive_answer() does.
 */
int32_t cppserver_sp_context_receive_answer(struct cppserver_sp_context *context,
                                            struct cppserver_sp_message *message,
                                            int64_t timeout,
                                            bool *finished);

/**
 * Calls callback(user_data) once when there is something to receive for this context; everything
 * else as for cppserver_sp_socket_when_receivable(). The last release of the context calls destroy
 * alone. Any thread, any callback.
 *
 * Returns a cppserver_status, as that does.
 */
int32_t cppserver_sp_context_when_receivable(struct cppserver_sp_context *context,
                                             cppserver_callback callback,
                                             void *user_data,
                                             cppserver_callback destroy);

/**
 * Sends a request and receives its reply: cppserver_sp_context_send() and
 * cppserver_sp_context_receive() in one. Any thread.
 *
 * Returns a cppserver_status, as those do.
 */
int32_t cppserver_sp_context_request(struct cppserver_sp_context *context,
                                     const void *data,
                                     size_t size,
                                     struct cppserver_sp_message *message,
                                     int64_t timeout);

/**
 * Joins two raw sockets of the two roles of a pattern, which then pass messages on, both ways and
 * without a thread of their own. Both may be the same one of a bus or a pair, which then sends back
 * what it receives. Any thread.
 *
 * What one socket can't take yet waits, and then the peers of the other one wait. Messages that
 * have gone through more than CPPSERVER_SP_OPTION_MAX_HOPS devices are dropped. The device takes
 * the place of the handlers of its sockets, and keeps a reference to both. It ends with its last
 * reference, and passes nothing on after one of the sockets was closed.
 *
 * Returns a device that the caller owns, or NULL with the reason in cppserver_last_error_...:
 * CPPSERVER_STATUS_INVALID_ARGUMENT when a socket is not raw or they do not belong together,
 * CPPSERVER_SP_FAILURE_CLOSED.
 */
struct cppserver_sp_device *cppserver_sp_device_create(struct cppserver_sp_socket *one,
                                                       struct cppserver_sp_socket *other);

/**
 * Adds a reference and returns the same pointer. Any thread. NULL gives NULL.
 */
struct cppserver_sp_device *cppserver_sp_device_retain(struct cppserver_sp_device *device);

/**
 * Takes a reference back. After the last one nothing is passed on any more; the sockets stay open
 * while there are references to them. Any thread, any callback. NULL is allowed.
 */
void cppserver_sp_device_release(struct cppserver_sp_device *device);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CPPSERVER_H */
