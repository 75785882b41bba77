// What two translation units of one program must agree about. The headers under test are included before this one.

#ifndef CPPSERVER_TESTS_TWO_UNITS_H
#define CPPSERVER_TESTS_TWO_UNITS_H

struct UnitFacts
{
    const void* system_category;
    const void* misc_category;
    const void* ssl_category;
    const void* stream_category;
    const void* loop_thread_flag;
    const void* uuid_seed;
    size_t service_size;
    size_t client_size;
    size_t ssl_client_size;
    size_t context_size;
    size_t timer_size;
    size_t socket_size;
    size_t udp_server_size;
    size_t udp_client_size;
    size_t udp_socket_size;
    const void* websocket_category;
    size_t websocket_client_size;
    size_t websocket_connection_size;
    const void* nanomsg_details;
    size_t nanomsg_socket_size;
    size_t nanomsg_message_size;
    size_t nanomsg_client_size;
};

inline UnitFacts Facts()
{
    CppCommon::UUID::Generate();
    return { &asio::system_category(), &asio::error::get_misc_category(), &asio::error::get_ssl_category(),
        &asio::ssl::error::get_stream_category(), &CppServer::Asio::Detail::OnLoopThread(),
        CppServer::Compat::common::detail::current_uuid_seed().load(), sizeof(CppServer::Asio::Service), sizeof(CppServer::Asio::TCPClient),
        sizeof(CppServer::Asio::SSLClient), sizeof(asio::ssl::context),
        sizeof(CppServer::Asio::Timer), sizeof(asio::ip::tcp::socket), sizeof(CppServer::Asio::UDPServer), sizeof(CppServer::Asio::UDPClient),
        sizeof(asio::ip::udp::socket), &websocketpp::error::get_category(), sizeof(CppServer::Asio::WebSocketSSLClient),
        sizeof(CppServer::Asio::WebSocketConnection), &CppServer::Nanomsg::Detail::CurrentDetails(), sizeof(CppServer::Nanomsg::Socket),
        sizeof(CppServer::Nanomsg::Message), sizeof(CppServer::Nanomsg::RequestClient) };
}

UnitFacts FirstUnit();
UnitFacts SecondUnit();

#endif // CPPSERVER_TESTS_TWO_UNITS_H
