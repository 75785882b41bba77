// The other one of two translation units with all headers.

#include "time/timestamp.h"
#include "threads/thread.h"
#include "system/uuid.h"
#include "server/version.h"
#include "server/asio/udp_server.h"
#include "server/asio/udp_client.h"
#include "server/asio/types.h"
#include "server/asio/timer.h"
#include "server/asio/tcp_session.h"
#include "server/asio/tcp_server.h"
#include "server/asio/tcp_client.h"
#include "server/asio/ssl_session.h"
#include "server/asio/ssl_server.h"
#include "server/asio/ssl_client.h"
#include "server/asio/service.h"
#include "server/asio/asio.h"
#include "errors/exceptions.h"
#include "compat/common.h"
#include "compat/asio.h"
#include "asio/ssl.hpp"
#include "asio.hpp"

#include "two_units.h"

UnitFacts SecondUnit() { return Facts(); }
