// The names of websocketpp that programs touch.

#include "websocket_support.h"

using namespace Test;

namespace {

// How an opcode prints: as a number.
std::string Printed(opcode::value value)
{
    std::ostringstream stream;
    stream << value;
    return stream.str();
}

} // namespace

TEST(websocketpp_types_are_what_programs_expect)
{
    static_assert(std::is_same<CppServer::Asio::WebSocketMessage, CppServer::Asio::WebSocketSSLMessage>::value, "one type of message");
    static_assert(std::is_same<websocketpp::connection_hdl, std::weak_ptr<void>>::value, "a weak pointer");
    static_assert(std::is_same<websocketpp::lib::error_code, std::error_code>::value, "the standard's");
    static_assert(std::is_same<status::value, std::uint16_t>::value, "two bytes");
    static_assert(std::is_same<CppServer::Asio::WebSocketServerCore, websocketpp::server<websocketpp::config::asio>>::value, "plain");
    static_assert(std::is_same<CppServer::Asio::WebSocketSSLClientCore, websocketpp::client<websocketpp::config::asio_tls>>::value, "encrypted");
    static_assert(std::is_same<CppServer::Asio::WebSocketConnection::message_ptr, WebSocketMessage>::value, "a pointer to a message");
    static_assert(std::is_same<CppServer::Asio::WebSocketSSLConnection, websocketpp::connection<websocketpp::config::asio_tls>>::value, "encrypted");
}

TEST(websocketpp_opcodes)
{
    CHECK_EQUAL(Printed(opcode::text) + Printed(opcode::BINARY) + Printed(opcode::pong) + Printed(opcode::CONTROL_RSVF), std::string("121015"));
    CHECK(opcode::reserved(opcode::rsv3) && opcode::reserved(opcode::control_rsvb) && !opcode::reserved(opcode::ping));
    CHECK(opcode::is_control(opcode::close) && !opcode::is_control(opcode::rsv7));
    CHECK(!opcode::invalid(opcode::control_rsvf) && !opcode::invalid(opcode::continuation));
}

TEST(websocketpp_close_codes)
{
    CHECK_EQUAL(status::normal + status::subprotocol_error, 4000);
    CHECK(status::reserved(1004) && status::reserved(1014) && status::reserved(1016) && status::reserved(2999) && !status::reserved(3000));
    CHECK(status::invalid(999) && status::invalid(1005) && status::invalid(1006) && status::invalid(1015) && status::invalid(5000) && !status::invalid(4999));
    for (int code = 0; code < 6000; ++code)
        CHECK_EQUAL(status::terminal(static_cast<status::value>(code)), (code == 1002) || ((code >= 1007) && (code <= 1009)) || (code == 1011));
    CHECK_EQUAL(status::get_string(status::going_away), std::string("Going away"));
    CHECK_EQUAL(status::get_string(4711), std::string("Unknown"));
}

TEST(websocketpp_messages)
{
    WebSocketMessage::element_type message(opcode::binary, "abc", 3);
    CHECK_EQUAL(message.get_payload(), std::string("abc"));
    message.append_payload("de");
    message.append_payload("f", 1);
    message.get_raw_payload() += "g";
    CHECK_EQUAL(message.get_payload(), std::string("abcdefg"));
    message.set_payload(std::string("new"));
    message.set_opcode(opcode::text);
    CHECK_EQUAL(Printed(message.get_opcode()) + message.get_payload(), std::string("1new"));
    CHECK(message.get_fin() && !message.get_prepared() && !message.get_compressed() && !message.get_terminal() && message.get_header().empty());
    message.set_fin(false);
    CHECK(!message.get_fin());
}

TEST(websocketpp_errors)
{
    CHECK_EQUAL(SocketError(websocketpp::error::invalid_state), std::string("(9, websocketpp, invalid state)"));
    CHECK_EQUAL(ProtocolError(websocketpp::processor::error::invalid_opcode), std::string("(7, websocketpp.processor, invalid opcode)"));
    const std::error_code ec = websocketpp::transport::error::timeout;
    CHECK_EQUAL(ErrorText(ec), std::string("(9, websocketpp.transport, Timer Expired)"));
    CHECK(ec == websocketpp::transport::error::make_error_code(websocketpp::transport::error::timeout));
    CHECK_EQUAL(websocketpp::exception(ec).what(), std::string("Timer Expired"));
}

TEST_BOTH(send_errors_come_on_the_calling_thread)
{
    SocketPair<T> pair(nullptr, [](SocketClient<T>& client)
    {
        client.error = [](SocketClient<T>& self) { self.log.Add(self.error_details().empty() ? "no details" : "details"); };
    });
    const std::string invalid_payload = "client.onError(5, websocketpp.processor, A payload contained invalid data)";
    const std::string invalid_opcode = "client.onError(7, websocketpp.processor, invalid opcode)";
    CHECK_EQUAL(pair.client->Send("\xc3"), 0u);
    // It is told when the call returns.
    CHECK_EQUAL(pair.client->log.Count(invalid_payload), 1u);
    CHECK_EQUAL(pair.client->log.Count("details"), 1u);
    CHECK(pair.client->error_thread.load() == std::this_thread::get_id());
    size_t count = 0;
    for (const auto code : { opcode::close, opcode::ping, opcode::pong, opcode::rsv3, opcode::control_rsvf, opcode::continuation })
    {
        CHECK_EQUAL(pair.client->Send("x", 1, code), 0u);
        CHECK_EQUAL(pair.client->log.Count(invalid_opcode), ++count);
    }
    // The same bytes are a good binary message, and the connection is as it was.
    CHECK_EQUAL(pair.client->Send("\xc3", 1), 1u);
    pair.server->log.Wait("session: binary \xc3");
    auto session = pair.server->Last();
    CHECK_EQUAL(session->Send("\xc3"), 0u);
    CHECK_EQUAL(pair.server->log.Count("session.onError(5, websocketpp.processor, A payload contained invalid data)"), 1u);
    CHECK(!session->details.empty());
}

TEST_BOTH(core_knows_the_connections)
{
    SocketHost<T> host([](SocketServer<T>& server)
    {
        server.session_connected = [](SocketSession<T>& session)
        {
            auto connection = session.Owner().core().get_con_from_hdl(session.connection());
            session.Owner().log.Add(connection->get_resource() + " " + connection->get_request_header("X-Who") + " " + connection->get_origin());
        };
    });
    auto client = host.ConnectedClient("/path?q=1", [](SocketClient<T>& self)
    {
        self.AddHeader("X-Who", "me");
        self.AddHeader("Origin", "http://page");
    });
    host.server->log.Wait("/path?q=1 me http://page");
    auto session = host.server->Last();
    auto& core = host.server->core();
    auto connection = core.get_con_from_hdl(session->connection());
    CHECK_EQUAL(connection->get_remote_endpoint(), "127.0.0.1:" + std::to_string(session->socket().remote_endpoint().port()));
    CHECK_EQUAL(connection->get_host(), std::string("127.0.0.1"));
    CHECK_EQUAL(connection->get_subprotocol(), std::string(""));
    CHECK(connection->get_state() == websocketpp::session::state::open);
    CHECK(!connection->get_ec());
    CHECK_EQUAL(connection->get_buffered_amount(), 0u);
    CHECK_EQUAL(connection->get_remote_close_code(), 0);
    connection->ping("pinged");
    host.server->log.Wait("session.onPong(pinged)");
    client->log.Wait("client.onPing(pinged)");
    CHECK_THROWS(connection->ping(std::string(200, 'x')), websocketpp::exception);
    websocketpp::lib::error_code ec;
    connection->pong("pong", ec);
    CHECK(!ec);
    client->log.Wait("client.onPong(pong)");
    CHECK(!connection->send("by the connection"));
    client->log.Wait("client: by the connection");
    core.send(session->connection(), "by the core", opcode::binary);
    client->log.Wait("client: binary by the core");
    CHECK(ErrorText(connection->send("\xff")) == ProtocolError(websocketpp::processor::error::invalid_payload));
    client->Disconnect(4001, "good night");
    host.server->log.Wait("server.onDisconnected");
    CHECK(connection->get_state() == websocketpp::session::state::closed);
    CHECK_EQUAL(connection->get_remote_close_code(), 4001);
    CHECK_EQUAL(connection->get_remote_close_reason(), std::string("good night"));
    CHECK_EQUAL(connection->get_local_close_code(), 1006);
    CHECK(!connection->get_ec());
    CHECK_THROWS(connection->ping("late"), websocketpp::exception);
    // The handle keeps nothing alive.
    websocketpp::connection_hdl handle = session->connection();
    session.reset();
    connection.reset();
    UNTIL(handle.expired());
    CHECK(!core.get_con_from_hdl(handle, ec));
    CHECK(ec == websocketpp::error::bad_connection);
    CHECK_THROWS(core.get_con_from_hdl(handle), websocketpp::exception);
    CHECK(!client->core().get_con_from_hdl(handle, ec));
}

TEST_BOTH(core_tells_how_connections_end)
{
    SocketHost<T> host;
    auto client = host.ConnectedClient();
    auto session = host.server->Last();
    auto connection = host.server->core().get_con_from_hdl(session->connection());
    CHECK(session->Disconnect(status::going_away, "closing time"));
    CHECK_EQUAL(connection->get_local_close_code(), 1001);
    CHECK_EQUAL(connection->get_local_close_reason(), std::string("closing time"));
    host.server->log.Wait("server.onDisconnected");
    client->log.Wait("client.onDisconnected");
    CHECK_EQUAL(client->close_reason(), std::string("closing time"));
    CHECK_EQUAL(connection->get_remote_close_code(), 1001);
    // A connection that is lost.
    auto lost = host.ConnectedClient();
    session = host.server->Last();
    connection = host.server->core().get_con_from_hdl(session->connection());
    host.service->Post([&]() { lost->socket().close(); });
    host.server->log.Wait("server.onDisconnected", 2);
    CHECK_EQUAL(connection->get_remote_close_code(), 1006);
    CHECK(static_cast<bool>(connection->get_ec()));
    // One that the core closes.
    auto third = host.ConnectedClient();
    session = host.server->Last();
    host.server->core().close(session->connection(), 4002, "by the core");
    third->log.Wait("client.onDisconnected");
    CHECK_EQUAL(third->close_code(), 4002);
}

TEST(websocketpp_core_decides_about_the_reuse_of_addresses)
{
    SocketHost<PlainSockets> host;
    host.server->core().set_reuse_addr(true);
    auto client = host.ConnectedClient();
    CHECK(host.server->Last()->Disconnect());
    client->log.Wait("client.onDisconnected");
    CHECK(host.server->Restart());
    host.server->log.Wait("server.onStarted", 2);
}

TEST_BOTH(details_of_errors_are_those_of_the_call)
{
    Log details;
    SocketPair<T> pair(nullptr, [&](SocketClient<T>& client)
    {
        client.error = [&](SocketClient<T>& self) { details.Add(self.error_details()); };
    });
    // The last failure of the library on this thread is another one.
    CHECK(!pair.client->SetupDeflateLevel(100));
    CHECK_EQUAL(pair.client->Send("x", 1, opcode::ping), 0u);
    CHECK(details.Events().back().find("Ping()") != std::string::npos);
    CHECK_EQUAL(pair.client->Send("\xff"), 0u);
    CHECK(details.Events().back().find("UTF-8") != std::string::npos);
    CHECK(pair.client->Disconnect(1006));
    pair.client->log.Wait("client.onError" + ProtocolError(websocketpp::processor::error::invalid_close_code));
    pair.Settle();
    CHECK(details.Events().back().find("RFC 6455") != std::string::npos);
    CHECK(pair.client->Disconnect(1005, "why"));
    pair.client->log.Wait("client.onError" + ProtocolError(websocketpp::processor::error::reason_requires_code));
    pair.Settle();
    CHECK(details.Events().back().find("1005") != std::string::npos);
}
