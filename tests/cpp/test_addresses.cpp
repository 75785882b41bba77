// Addresses, endpoints, errors and buffers under their asio names.

#include "support.h"

#include <map>

using namespace Test;
using asio::ip::address;
using asio::ip::address_v4;
using asio::ip::address_v6;

TEST(address_text_goes_both_ways)
{
    const std::vector<std::pair<std::string, std::string>> texts = {
        { "0.0.0.0", "0.0.0.0" }, { "127.0.0.1", "127.0.0.1" }, { "255.255.255.255", "255.255.255.255" }, { "1.20.255.0", "1.20.255.0" },
        { "::", "::" }, { "::1", "::1" }, { "1::", "1::" }, { "0:0:0:0:0:0:0:1", "::1" }, { "2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a" },
        { "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1" }, { "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, { "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8" },
        { "::ffff:1.2.3.4", "::ffff:1.2.3.4" }, { "::FFFF:0102:0304", "::ffff:1.2.3.4" }, { "64:ff9b::192.0.2.33", "64:ff9b::c000:221" },
        { "1:0:0:2:0:0:0:3", "1:0:0:2::3" }, { "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304" }, { "fe80::1%7", "fe80::1%7" }, { "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0" },
        { "::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8" },
    };
    for (const auto& text : texts)
    {
        asio::error_code ec;
        const address parsed = address::from_string(text.first, ec);
        CHECK_EQUAL(ec ? text.first + " is refused" : parsed.to_string(), text.second);
        CHECK_EQUAL(address::from_string(parsed.to_string()), parsed);
        CHECK_EQUAL(parsed.is_v6(), text.first.find(':') != std::string::npos);
    }
}

TEST(address_refuses_what_is_none)
{
    for (const std::string text : { "", "localhost", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "1.2.3.-4", "1..2.3", "1.2.3.4 ", " 1.2.3.4", "0x7f.1.1.1", "1.2.3.",
        ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::", "::1.2.3", "1.2.3.4::", "::1%", "1:", ":1", "::ffff:1.2.3.256", "1:2:3:4:5:6:7:1.2.3.4" })
    {
        asio::error_code ec;
        address::from_string(text, ec);
        CHECK_EQUAL(ec ? "refused" : text + " is taken", std::string("refused"));
        CHECK(ec == asio::error::invalid_argument);
    }
    try
    {
        asio::ip::make_address("nonsense");
        throw Failure("nonsense is an address");
    }
    catch (const asio::system_error& error)
    {
        CHECK_EQUAL(error.code().message(), std::string("Invalid argument"));
        CHECK_EQUAL(std::string(error.code().category().name()), std::string("asio.system"));
    }
}

TEST(address_kinds_are_told_apart)
{
    CHECK(address().is_v4());
    CHECK(address().is_unspecified());
    CHECK(address_v4::loopback().is_loopback());
    CHECK(address_v4::from_string("127.255.0.9").is_loopback());
    CHECK(address_v4::any().is_unspecified());
    CHECK(address_v4::from_string("224.0.0.1").is_multicast());
    CHECK(!address_v4::broadcast().is_multicast());
    CHECK_EQUAL(address_v4::broadcast().to_ulong(), 0xFFFFFFFFul);
    CHECK_EQUAL(address_v4(0x01020304u).to_string(), std::string("1.2.3.4"));
    CHECK_EQUAL(address_v4::from_string("1.2.3.4").to_uint(), 0x01020304u);
    CHECK(address_v6::loopback().is_loopback());
    CHECK(address_v6::any().is_unspecified());
    CHECK(address_v6::from_string("ff02::1").is_multicast());
    CHECK(address_v6::from_string("fe80::1").is_link_local());
    CHECK(address_v6::v4_mapped(address_v4::loopback()).is_v4_mapped());
    CHECK_EQUAL(address_v6::v4_mapped(address_v4::loopback()).to_v4(), address_v4::loopback());
    CHECK(address(address_v6::loopback()).is_loopback());
    CHECK_THROWS(address(address_v6::loopback()).to_v4(), std::bad_cast);
    CHECK_THROWS(address(address_v4::loopback()).to_v6(), std::bad_cast);
    CHECK_THROWS(address_v6::loopback().to_v4(), std::bad_cast);
    address_v6 scoped = address_v6::from_string("fe80::1");
    scoped.scope_id(3);
    CHECK_EQUAL(scoped.scope_id(), 3ul);
    CHECK(address_v6::from_string("fe80::1") < scoped);
}

TEST(address_order_is_total)
{
    const std::vector<std::string> ascending = { "0.0.0.0", "1.2.3.4", "1.2.4.0", "200.0.0.1", "::", "::1", "1::", "ff02::1" };
    for (size_t i = 0; i < ascending.size(); ++i)
    {
        for (size_t j = 0; j < ascending.size(); ++j)
        {
            const address a = address::from_string(ascending[i]);
            const address b = address::from_string(ascending[j]);
            CHECK_EQUAL(a < b, i < j);
            CHECK_EQUAL(a > b, i > j);
            CHECK_EQUAL(a <= b, i <= j);
            CHECK_EQUAL(a >= b, i >= j);
            CHECK_EQUAL(a == b, i == j);
            CHECK_EQUAL(a != b, i != j);
        }
    }
}

template <typename TProtocol>
static void CheckEndpoints()
{
    typedef typename TProtocol::endpoint endpoint;
    CHECK_EQUAL(Show(endpoint()), std::string("0.0.0.0:0"));
    CHECK_EQUAL(Show(endpoint(TProtocol::v4(), 80)), std::string("0.0.0.0:80"));
    CHECK_EQUAL(Show(endpoint(TProtocol::v6(), 80)), std::string("[::]:80"));
    endpoint point(address::from_string("1.2.3.4"), 65535);
    CHECK_EQUAL(Show(point), std::string("1.2.3.4:65535"));
    CHECK(point.protocol() == TProtocol::v4());
    CHECK_EQUAL(point.size(), sizeof(sockaddr_in));
    CHECK_EQUAL(static_cast<int>(point.data()->sa_family), AF_INET);
    point.port(1);
    point.address(address::from_string("::1"));
    CHECK_EQUAL(Show(point), std::string("[::1]:1"));
    CHECK(point.protocol() == TProtocol::v6());
    CHECK_EQUAL(point.size(), sizeof(sockaddr_in6));
    CHECK(point.capacity() >= point.size());
    point.resize(point.size());
    CHECK_THROWS(point.resize(point.capacity() + 1), asio::system_error);
    const endpoint copy(point);
    CHECK_EQUAL(copy, point);
    std::map<endpoint, int> map;
    map[endpoint(address::from_string("1.2.3.4"), 5)] = 1;
    map[endpoint(address::from_string("1.2.3.4"), 6)] = 2;
    map[endpoint(address::from_string("1.2.3.3"), 7)] = 3;
    map[endpoint(address::from_string("1.2.3.4"), 5)] = 4;
    CHECK_EQUAL(map.size(), 3u);
    CHECK_EQUAL(map.begin()->second, 3);
    CHECK_EQUAL(map.rbegin()->second, 2);
    CHECK(endpoint(TProtocol::v4(), 1) < endpoint(TProtocol::v4(), 2));
    CHECK(endpoint(TProtocol::v4(), 2) > endpoint(TProtocol::v4(), 1));
    CHECK(endpoint(TProtocol::v4(), 2) <= endpoint(TProtocol::v4(), 2));
    CHECK(endpoint(TProtocol::v4(), 2) >= endpoint(TProtocol::v4(), 2));
    CHECK(endpoint(TProtocol::v4(), 2) != endpoint(TProtocol::v6(), 2));
}

TEST(endpoint_of_tcp_has_all_members) { CheckEndpoints<asio::ip::tcp>(); }

TEST(endpoint_of_udp_is_a_type_of_its_own)
{
    CheckEndpoints<asio::ip::udp>();
    CHECK(!(std::is_same<asio::ip::tcp::endpoint, asio::ip::udp::endpoint>::value));
    CHECK(!(std::is_convertible<asio::ip::tcp::endpoint, asio::ip::udp::endpoint>::value));
}

TEST(endpoint_of_another_library_is_taken)
{
    struct Address
    {
        std::string to_string() const { return "::2"; }
    };
    struct Endpoint
    {
        Address address() const { return Address(); }
        unsigned short port() const { return 9; }
    };
    const asio::ip::tcp::endpoint endpoint = Endpoint();
    CHECK_EQUAL(Show(endpoint), std::string("[::2]:9"));
}

TEST(error_codes_have_the_known_categories_and_texts)
{
    CHECK_EQUAL(ErrorText(asio::error::eof), std::string("(2, asio.misc, End of file)"));
    CHECK_EQUAL(ErrorText(asio::error::already_open), std::string("(1, asio.misc, Already open)"));
    CHECK_EQUAL(ErrorText(asio::error::not_found), std::string("(3, asio.misc, Element not found)"));
    CHECK_EQUAL(ErrorText(asio::error::host_not_found), std::string("(1, asio.netdb, Host not found (authoritative))"));
    CHECK_EQUAL(ErrorText(asio::error::service_not_found).find("asio.addrinfo, Service not found") != std::string::npos, true);
    CHECK_EQUAL(asio::error_code(asio::error::operation_aborted).message(), std::string("Operation aborted."));
#if defined(__linux__)
    CHECK_EQUAL(ErrorText(asio::error::operation_aborted), std::string("(125, asio.system, Operation aborted.)"));
    CHECK_EQUAL(ErrorText(asio::error::connection_refused), std::string("(111, asio.system, Connection refused)"));
    CHECK_EQUAL(ErrorText(asio::error::connection_reset), std::string("(104, asio.system, Connection reset by peer)"));
    CHECK_EQUAL(ErrorText(asio::error::broken_pipe), std::string("(32, asio.system, Broken pipe)"));
    CHECK_EQUAL(ErrorText(asio::error::message_size), std::string("(90, asio.system, Message too long)"));
    CHECK_EQUAL(ErrorText(asio::error::address_in_use), std::string("(98, asio.system, Address already in use)"));
    CHECK(asio::error_code(asio::error::connection_refused) == std::errc::connection_refused);
#endif
    CHECK(std::string(asio::system_category().name()) == "asio.system");
    CHECK(&asio::system_category() == &asio::error::get_system_category());
    CHECK(asio::error_code(asio::error::eof) != asio::error_code(asio::error::connection_reset));
    const std::system_error& error = asio::system_error(asio::error::eof, "read");
    CHECK(error.code() == asio::error::eof);
}

TEST(buffers_show_memory)
{
    char raw[8] = { 1, 2, 3 };
    const std::string constant = "constant";
    std::string text = "text";
    std::vector<int> numbers(3);
    std::array<short, 4> shorts = {};
    CHECK_EQUAL(asio::buffer(raw).size(), 8u);
    CHECK_EQUAL(asio::buffer(raw, 3).size(), 3u);
    CHECK_EQUAL(asio::buffer(constant).size(), 8u);
    CHECK(asio::buffer(constant).data() == constant.data());
    CHECK_EQUAL(asio::buffer(numbers).size(), 3 * sizeof(int));
    CHECK_EQUAL(asio::buffer_size(asio::buffer(shorts)), 4 * sizeof(short));
    *asio::buffer_cast<char*>(asio::buffer(text)) = 'T';
    CHECK_EQUAL(text, std::string("Text"));
    const asio::const_buffer view = asio::buffer(text);
    CHECK_EQUAL((view + 1).size(), 3u);
    CHECK_EQUAL(*asio::buffer_cast<const char*>(view + 1), 'e');
    CHECK_EQUAL((view + 9).size(), 0u);
    CHECK_EQUAL(asio::const_buffer(constant.data(), 2).size(), 2u);
}

TEST(socket_options_carry_values)
{
    asio::ip::tcp::no_delay on(true);
    CHECK(on.value() && on && !!on);
    on = false;
    CHECK(!on.value() && !on);
    asio::socket_base::send_buffer_size size(5);
    CHECK_EQUAL(size.value(), 5);
    asio::socket_base::linger linger(true, 7);
    CHECK(linger.enabled());
    CHECK_EQUAL(linger.timeout(), 7);
    CHECK_EQUAL(on.size(asio::ip::tcp::v4()), sizeof(int));
    CHECK_THROWS(size.resize(asio::ip::tcp::v4(), 1), std::length_error);
}
