// Two translation units that include all headers, in opposite orders, make one program and share what there must be one of.

#include "support.h"

#include "server/asio/ssl_client.h"
#include "server/asio/timer.h"
#include "server/asio/udp_client.h"
#include "server/asio/udp_server.h"
#include "server/asio/websocket_ssl_client.h"
#include "server/nanomsg/request_client.h"
#include "two_units.h"

TEST(two_translation_units_share_everything)
{
    const UnitFacts first = FirstUnit();
    const UnitFacts second = SecondUnit();
    CHECK(first.system_category == second.system_category);
    CHECK(first.misc_category == second.misc_category);
    CHECK(first.ssl_category == second.ssl_category);
    CHECK(first.stream_category == second.stream_category);
    CHECK(first.loop_thread_flag == second.loop_thread_flag);
    CHECK((first.uuid_seed != nullptr) && (first.uuid_seed == second.uuid_seed));
    CHECK_EQUAL(first.service_size, second.service_size);
    CHECK_EQUAL(first.client_size, second.client_size);
    CHECK_EQUAL(first.ssl_client_size, second.ssl_client_size);
    CHECK_EQUAL(first.context_size, second.context_size);
    CHECK_EQUAL(first.timer_size, second.timer_size);
    CHECK_EQUAL(first.socket_size, second.socket_size);
    CHECK_EQUAL(first.udp_server_size, second.udp_server_size);
    CHECK_EQUAL(first.udp_client_size, second.udp_client_size);
    CHECK_EQUAL(first.udp_socket_size, second.udp_socket_size);
    CHECK(first.websocket_category == second.websocket_category);
    CHECK_EQUAL(first.websocket_client_size, second.websocket_client_size);
    CHECK_EQUAL(first.websocket_connection_size, second.websocket_connection_size);
    CHECK(first.nanomsg_details == second.nanomsg_details);
    CHECK_EQUAL(first.nanomsg_socket_size, second.nanomsg_socket_size);
    CHECK_EQUAL(first.nanomsg_message_size, second.nanomsg_message_size);
    CHECK_EQUAL(first.nanomsg_client_size, second.nanomsg_client_size);
}
