// One of two translation units with all headers: each in this order, the other one in the opposite order.

#include "asio.hpp"
#include "asio/ssl.hpp"
#include "compat/asio.h"
#include "compat/common.h"
#include "errors/exceptions.h"
#include "server/asio/asio.h"
#include "server/asio/service.h"
#include "server/asio/ssl_client.h"
#include "server/asio/ssl_server.h"
#include "server/asio/ssl_session.h"
#include "server/asio/tcp_client.h"
#include "server/asio/tcp_server.h"
#include "server/asio/tcp_session.h"
#include "server/asio/timer.h"
#include "server/asio/types.h"
#include "server/asio/udp_client.h"
#include "server/asio/udp_server.h"
#include "server/version.h"
#include "system/uuid.h"
#include "threads/thread.h"
#include "time/timestamp.h"

#include "two_units.h"

UnitFacts FirstUnit() { return Facts(); }
