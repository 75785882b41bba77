/// @file websocket.h
/// The compatible websocketpp names, and those of CppServer::Asio for them.

#ifndef CPPSERVER_SERVER_ASIO_WEBSOCKET_H
#define CPPSERVER_SERVER_ASIO_WEBSOCKET_H

#include "compat/websocketpp.h"
#include "server/asio/asio.h"

namespace CppServer {
namespace Asio {

typedef Compat::websocketpp::client<Compat::websocketpp::config::asio> WebSocketClientCore;
typedef Compat::websocketpp::server<Compat::websocketpp::config::asio> WebSocketServerCore;
typedef Compat::websocketpp::connection<Compat::websocketpp::config::asio> WebSocketConnection;
/// A whole message: a std::shared_ptr that may be kept and passed on.
typedef WebSocketConnection::message_ptr WebSocketMessage;

typedef Compat::websocketpp::client<Compat::websocketpp::config::asio_tls> WebSocketSSLClientCore;
typedef Compat::websocketpp::server<Compat::websocketpp::config::asio_tls> WebSocketSSLServerCore;
typedef Compat::websocketpp::connection<Compat::websocketpp::config::asio_tls> WebSocketSSLConnection;
typedef WebSocketSSLConnection::message_ptr WebSocketSSLMessage;

} // namespace Asio
} // namespace CppServer

#endif // CPPSERVER_SERVER_ASIO_WEBSOCKET_H
