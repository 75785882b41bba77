// asio::ssl::context: what it reads, what it refuses and how it tells it.

#include "ssl_support.h"

#include <fstream>
#include <iterator>

using namespace Test;

namespace {

typedef asio::ssl::context Context;

std::string Read(const std::string& name)
{
    std::ifstream file(Certificate(name), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// Both forms of a function that fails: what() of the one, the error of the other.
template <class TThrows, class TReports>
void CheckFails(TThrows throws, TReports reports, const std::string& what, int value)
{
    std::string caught;
    int code = 0;
    std::string category;
    try
    {
        throws();
    }
    catch (const asio::system_error& error)
    {
        caught = error.what();
        code = error.code().value();
        category = error.code().category().name();
    }
    CHECK_EQUAL(caught, what);
    CHECK_EQUAL(category, std::string("asio.ssl"));
    CHECK_EQUAL(code, value);
    asio::error_code ec;
    reports(ec);
    CHECK_EQUAL(ec.value(), value);
}

SharedContext WithPassword(const std::string& password)
{
    auto context = EmptyContext();
    context->set_password_callback([password](std::size_t, Context::password_purpose) { return password; });
    return context;
}

// The subject of the server's certificate, as a new client sees it.
std::string SubjectOf(SharedContext server_context)
{
    std::string subject;
    SecurePair pair(server_context, EmptyContext());
    pair.WaitForHandshake();
    return pair.client->peer_subject();
}

} // namespace

TEST(ssl_context_constants_are_those_of_asio)
{
    CHECK_EQUAL(int(Context::sslv2), 0);
    CHECK_EQUAL(int(Context::sslv23), 9);
    CHECK_EQUAL(int(Context::tlsv12_server), 17);
    CHECK_EQUAL(int(Context::asn1), 0);
    CHECK_EQUAL(int(Context::pem), 1);
    CHECK_EQUAL(int(Context::for_reading), 0);
    CHECK_EQUAL(asio::ssl::verify_none + 0, 0);
    CHECK_EQUAL(asio::ssl::verify_peer + 0, 1);
    CHECK_EQUAL(asio::ssl::verify_fail_if_no_peer_cert + 0, 2);
    CHECK_EQUAL(asio::ssl::verify_client_once + 0, 4);
    CHECK_EQUAL(Context::verify_peer + 0, 1);
    const Context::options options = Context::default_workarounds | Context::single_dh_use | Context::no_sslv2 | Context::no_sslv3 | Context::no_tlsv1
        | Context::no_tlsv1_1 | Context::no_compression;
    Context context(Context::sslv23);
    context.set_options(options);
    context.clear_options(options);
    asio::error_code ec = asio::error::eof;
    CHECK(!context.set_options(options, ec));
    ec = asio::error::eof;
    CHECK(!context.clear_options(options, ec));
    CHECK(context.native_handle() == nullptr);
    Context moved(std::move(context));
    moved.set_verify_depth(3);
    CHECK(!moved.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_client_once, ec));
}

TEST(ssl_context_missing_file_is_told)
{
    Context context(Context::sslv23);
    const int missing = static_cast<int>(0x80000000u | ENOENT);
    const std::string name = "certs/there-is-none.pem";
    const std::string text = ": " + std::generic_category().message(ENOENT);
    CheckFails([&]() { context.use_certificate_chain_file(name); }, [&](asio::error_code& ec) { context.use_certificate_chain_file(name, ec); },
        "use_certificate_chain_file" + text, missing);
    CheckFails([&]() { context.use_certificate_file(name, Context::pem); },
        [&](asio::error_code& ec) { context.use_certificate_file(name, Context::pem, ec); }, "use_certificate_file" + text, missing);
    CheckFails([&]() { context.use_private_key_file(name, Context::pem); },
        [&](asio::error_code& ec) { context.use_private_key_file(name, Context::pem, ec); }, "use_private_key_file" + text, missing);
    CheckFails([&]() { context.use_rsa_private_key_file(name, Context::pem); },
        [&](asio::error_code& ec) { context.use_rsa_private_key_file(name, Context::pem, ec); }, "use_rsa_private_key_file" + text, missing);
    CheckFails([&]() { context.load_verify_file(name); }, [&](asio::error_code& ec) { context.load_verify_file(name, ec); }, "load_verify_file" + text, missing);
    CheckFails([&]() { context.use_tmp_dh_file(name); }, [&](asio::error_code& ec) { context.use_tmp_dh_file(name, ec); }, "use_tmp_dh_file" + text, missing);
    CHECK_THROWS(context.use_tmp_dh_file("certs"), asio::system_error);
}

TEST(ssl_context_garbage_is_told)
{
    Context context(Context::sslv23);
    const asio::const_buffer garbage = asio::buffer("neither PEM nor anything", 24);
    CheckFails([&]() { context.use_certificate_chain(garbage); }, [&](asio::error_code& ec) { context.use_certificate_chain(garbage, ec); },
        "use_certificate_chain: no start line", asio::error::no_start_line);
    CheckFails([&]() { context.use_certificate(garbage, Context::pem); }, [&](asio::error_code& ec) { context.use_certificate(garbage, Context::pem, ec); },
        "use_certificate: no start line", asio::error::no_start_line);
    CheckFails([&]() { context.use_certificate(garbage, Context::asn1); }, [&](asio::error_code& ec) { context.use_certificate(garbage, Context::asn1, ec); },
        "use_certificate: wrong tag", asio::error::wrong_tag);
    CheckFails([&]() { context.use_private_key(garbage, Context::pem); }, [&](asio::error_code& ec) { context.use_private_key(garbage, Context::pem, ec); },
        "use_private_key: no start line", asio::error::no_start_line);
    CheckFails([&]() { context.use_rsa_private_key(garbage, Context::asn1); },
        [&](asio::error_code& ec) { context.use_rsa_private_key(garbage, Context::asn1, ec); }, "use_rsa_private_key: wrong tag", asio::error::wrong_tag);
    CheckFails([&]() { context.add_certificate_authority(garbage); }, [&](asio::error_code& ec) { context.add_certificate_authority(garbage, ec); },
        "add_certificate_authority: no start line", asio::error::no_start_line);
    CheckFails([&]() { context.use_tmp_dh(garbage); }, [&](asio::error_code& ec) { context.use_tmp_dh(garbage, ec); }, "use_tmp_dh: no start line",
        asio::error::no_start_line);
    const std::string damaged = "-----BEGIN CERTIFICATE-----\nMIIBHzCB\n-----END CERTIFICATE-----\n";
    CheckFails([&]() { context.use_certificate_chain(asio::buffer(damaged)); },
        [&](asio::error_code& ec) { context.use_certificate_chain(asio::buffer(damaged), ec); }, "use_certificate_chain: wrong tag", asio::error::wrong_tag);
    const std::string key = "-----BEGIN PRIVATE KEY-----\nMIIBHzCB\n-----END PRIVATE KEY-----\n";
    CheckFails([&]() { context.use_private_key(asio::buffer(key), Context::pem); },
        [&](asio::error_code& ec) { context.use_private_key(asio::buffer(key), Context::pem, ec); }, "use_private_key: unsupported",
        asio::error::unsupported_encoding);
}

TEST(ssl_context_key_that_does_not_belong_to_the_certificate_is_told_in_both_orders)
{
    Context context(Context::sslv23);
    context.use_certificate_chain_file(Certificate("server.pem"));
    const std::string key = Certificate("client.key");
    CheckFails([&]() { context.use_private_key_file(key, Context::pem); }, [&](asio::error_code& ec) { context.use_private_key_file(key, Context::pem, ec); },
        "use_private_key_file: key values mismatch", asio::error::key_values_mismatch);
    // What failed has changed nothing.
    context.use_private_key_file(Certificate("server.key"), Context::pem);
    Context other(Context::sslv23);
    other.use_private_key_file(key, Context::pem);
    const std::string chain = Certificate("server.pem");
    CheckFails([&]() { other.use_certificate_chain_file(chain); }, [&](asio::error_code& ec) { other.use_certificate_chain_file(chain, ec); },
        "use_certificate_chain_file: key values mismatch", asio::error::key_values_mismatch);
    other.use_certificate_chain_file(Certificate("client.pem"));
}

TEST(ssl_context_takes_certificate_and_key_in_either_order)
{
    auto first = EmptyContext();
    first->use_private_key_file(Certificate("server.key"), Context::pem);
    first->use_certificate_chain_file(Certificate("server.pem"));
    CHECK_EQUAL(SubjectOf(first), SubjectOf(OwnContext("server")));
}

TEST(ssl_context_takes_all_formats)
{
    const std::string subject = SubjectOf(OwnContext("server"));
    CHECK(subject.find("CN=server.example.com") != std::string::npos);
    auto der = EmptyContext();
    der->use_certificate_file(Certificate("server.der"), Context::asn1);
    der->use_private_key_file(Certificate("server-key.der"), Context::asn1);
    CHECK_EQUAL(SubjectOf(der), subject);
    auto memory = EmptyContext();
    const std::string certificate = Read("server.pem");
    const std::string key = Read("ec-sec1.key");
    memory->use_certificate(asio::buffer(certificate), Context::pem);
    memory->use_private_key(asio::buffer(key), Context::pem);
    CHECK_EQUAL(SubjectOf(memory), subject);
    for (const char* name : { "rsa-pkcs1.key", "rsa-pkcs8.key" })
    {
        auto rsa = EmptyContext();
        rsa->use_certificate_chain_file(Certificate("rsa.pem"));
        rsa->use_rsa_private_key_file(Certificate(name), Context::pem);
        CHECK_EQUAL(SubjectOf(rsa), subject);
    }
}

TEST(ssl_context_use_certificate_takes_the_first_of_a_file_only)
{
    const auto sent = [](SharedContext context)
    {
        context->use_private_key_file(Certificate("server-chain.key"), Context::pem);
        SecurePair pair(context, EmptyContext());
        pair.WaitForHandshake();
        CHECK(!pair.client->peer_certificate(0).empty());
        return !pair.client->peer_certificate(1).empty();
    };
    auto one = EmptyContext();
    one->use_certificate_file(Certificate("server-chain.pem"), Context::pem);
    CHECK(!sent(one));
    auto all = EmptyContext();
    all->use_certificate_chain_file(Certificate("server-chain.pem"));
    CHECK(sent(all));
}

TEST(ssl_context_asks_for_the_password_once)
{
    for (const bool key_first : { false, true })
    {
        int asked = 0;
        std::size_t length = 0;
        auto purpose = Context::for_writing;
        auto context = EmptyContext();
        context->set_password_callback([&](std::size_t max_length, Context::password_purpose why) -> std::string
        {
            ++asked;
            length = max_length;
            purpose = why;
            return "qwerty";
        });
        if (!key_first)
            context->use_certificate_chain_file(Certificate("server.pem"));
        context->use_private_key_file(Certificate("encrypted-aes.key"), Context::pem);
        if (key_first)
            context->use_certificate_chain_file(Certificate("server.pem"));
        CHECK_EQUAL(asked, 1);
        CHECK_EQUAL(length, 1024u);
        CHECK(purpose == Context::for_reading);
        CHECK(SubjectOf(context).find("CN=server.example.com") != std::string::npos);
    }
}

TEST(ssl_context_opens_every_kind_of_encrypted_key)
{
    const char* pairs[][2] = { { "server.pem", "encrypted-aes.key" }, { "server.pem", "encrypted-3des.key" }, { "rsa.pem", "encrypted-legacy-rsa.key" },
        { "server.pem", "encrypted-legacy-ec.key" }, { "legacy/server.pem", "legacy/server.pem" }, { "legacy/server-3des.pem", "legacy/server-3des.pem" } };
    for (const auto& pair : pairs)
    {
        auto context = WithPassword("qwerty");
        context->use_certificate_chain_file(Certificate(pair[0]));
        context->use_private_key_file(Certificate(pair[1]), Context::pem);
        CHECK(SubjectOf(context).find("CN=server.example.com") != std::string::npos);
    }
}

TEST(ssl_context_wrong_password_is_told)
{
    const std::string key = Certificate("encrypted-aes.key");
    for (const bool with_chain : { false, true })
    {
        auto context = WithPassword("wrong");
        if (with_chain)
            context->use_certificate_chain_file(Certificate("server.pem"));
        CheckFails([&]() { context->use_private_key_file(key, Context::pem); },
            [&](asio::error_code& ec) { context->use_private_key_file(key, Context::pem, ec); }, "use_private_key_file: bad decrypt", asio::error::bad_decrypt);
    }
    Context silent(Context::sslv23);
    CheckFails([&]() { silent.use_private_key_file(key, Context::pem); }, [&](asio::error_code& ec) { silent.use_private_key_file(key, Context::pem, ec); },
        "use_private_key_file: bad password read", asio::error::bad_password_read);
}

TEST(ssl_context_lets_through_what_the_password_callback_throws)
{
    Context context(Context::sslv23);
    context.set_password_callback([](std::size_t, Context::password_purpose) -> std::string { throw std::logic_error("nobody is at home"); });
    CHECK_THROWS(context.use_private_key_file(Certificate("encrypted-aes.key"), Context::pem), std::logic_error);
    context.set_password_callback([](std::size_t, Context::password_purpose) -> std::string { return "qwerty"; });
    context.use_private_key_file(Certificate("encrypted-aes.key"), Context::pem);
}

TEST(ssl_context_checks_diffie_hellman_parameters)
{
    Context context(Context::sslv23);
    context.use_tmp_dh_file(Certificate("legacy/dh4096.pem"));
    const std::string good = Read("legacy/dh4096.pem");
    context.use_tmp_dh(asio::buffer(good));
    const std::string begin = "-----BEGIN DH PARAMETERS-----\n";
    const std::string end = "\n-----END DH PARAMETERS-----\n";
    asio::error_code ec;
    const auto check = [&](const std::string& base64)
    {
        const std::string text = begin + base64 + end;
        return context.use_tmp_dh(asio::buffer(text), ec);
    };
    // 3006 020117 020105: the sequence of 23 and 5; then with the length of a private value.
    CHECK(!check("MAYCARcCAQU="));
    CHECK(!check("MAkCARcCAQUCAQg="));
    // A third number that is cut, one number only, a sequence that is cut, no sequence, bytes behind it, a negative prime.
    for (const char* bad : { "MAgCARcCAQUCAQ==", "MAMCARc=", "MAcCARcCAQU=", "AgEXAgEF", "MAYCARcCAQUA", "MAYCAZcCAQU=" })
        CHECK_EQUAL(check(bad), asio::error_code(asio::error::wrong_tag));
    for (const char* bad : { "M!YCARcCAQU=", "MAYCARcCAQ", "", "=A==" })
        CHECK_EQUAL(check(bad), asio::error_code(asio::error::bad_base64_decode));
    CHECK_EQUAL(context.use_tmp_dh_file(Certificate("server.pem"), ec), asio::error_code(asio::error::no_start_line));
}

TEST(ssl_context_can_be_renewed_while_a_server_runs)
{
    auto context = OwnContext("server");
    auto client_context = EmptyContext();
    // A session that goes on from an earlier one keeps the certificate of that.
    client_context->set_resumption(false);
    SecurePair pair(context, client_context);
    pair.WaitForHandshake();
    const std::string before = pair.client->peer_subject();
    context->use_certificate_chain_file(Certificate("client.pem"));
    context->use_private_key_file(Certificate("client.key"), Context::pem);
    CHECK(pair.client->Reconnect());
    pair.WaitForHandshake(2);
    CHECK(before.find("CN=server.example.com") != std::string::npos);
    CHECK(pair.client->peer_subject().find("CN=client.example.com") != std::string::npos);
}

TEST(ssl_context_of_a_server_without_a_certificate_is_told_at_the_start)
{
    Running running;
    auto server = std::make_shared<SecureServer>(running.service, EmptyContext(), "127.0.0.1", 0);
    CHECK(server->Start());
    server->log.Wait("server.onStopped");
    CHECK_EQUAL(server->log.Count("server.onStarted"), 0u);
    CHECK(server->log.Events()[0].find("server.onError(2005, tls, a TLS server needs a certificate and its key") == 0);
    server->context() = OwnContext("server");
    CHECK(server->Start());
    server->log.Wait("server.onStarted");
}

TEST(ssl_context_is_needed)
{
    Running running;
    CHECK_THROWS(std::make_shared<SecureServer>(running.service, SharedContext(), "127.0.0.1", 0), asio::system_error);
    CHECK_THROWS(std::make_shared<SecureClient>(running.service, SharedContext(), "127.0.0.1", 1), asio::system_error);
}

TEST(ssl_context_bounds_the_versions)
{
    const auto spoken = [](SharedContext server_context)
    {
        SecurePair pair(server_context, EmptyContext());
        pair.WaitForHandshake();
        CHECK_EQUAL(pair.client->tls_version(), pair.server->Last()->tls_version());
        return pair.client->tls_version();
    };
    CHECK_EQUAL(spoken(OwnContext("server")), std::string("TLSv1.3"));
    CHECK_EQUAL(spoken(OwnContext("server", Context::tlsv12)), std::string("TLSv1.2"));
    CHECK_EQUAL(spoken(OwnContext("server", Context::tlsv1)), std::string("TLSv1.3"));
    auto without = OwnContext("server");
    without->set_options(Context::no_tlsv1_3);
    CHECK_EQUAL(spoken(without), std::string("TLSv1.2"));
    without->clear_options(Context::no_tlsv1_3);
    CHECK_EQUAL(spoken(without), std::string("TLSv1.3"));
}

TEST(ssl_context_versions_that_do_not_meet_are_told_to_both_sides)
{
    auto server_context = OwnContext("server");
    server_context->set_options(Context::no_tlsv1_2);
    SecurePair pair(server_context, EmptyContext(Context::tlsv12));
    pair.WaitForEnd();
    CHECK_EQUAL(pair.server->log.Count("session.onError" + SslText(asio::error::unsupported_protocol)), 1u);
    CHECK_EQUAL(pair.client->log.Count("client.onError" + AlertText(70)), 1u);
    CHECK_EQUAL(AlertText(70), std::string("(167773230, asio.ssl, tlsv1 alert protocol version)"));
}

TEST(ssl_context_agrees_on_a_protocol)
{
    auto server_context = OwnContext("server");
    server_context->set_alpn_protocols({ "h2", "chat" });
    auto client_context = VerifyingContext();
    client_context->set_alpn_protocols({ "chat", "other" });
    SecurePair pair(server_context, client_context);
    pair.WaitForHandshake();
    CHECK_EQUAL(pair.client->alpn_protocol(), std::string("chat"));
    CHECK_EQUAL(pair.server->Last()->alpn_protocol(), std::string("chat"));
    client_context->set_alpn_protocols({ "none of these" });
    CHECK(pair.client->Reconnect());
    pair.client->log.Wait("client.onDisconnected", 2);
    CHECK_EQUAL(pair.client->log.Count("client.onError" + AlertText(120)), 1u);
    pair.server->log.Wait("session.onError" + SslText(asio::error::no_application_protocol));
    asio::error_code ec;
    CHECK_EQUAL(client_context->set_alpn_protocols({ "" }, ec), asio::error_code(asio::error::invalid_argument));
}

TEST(ssl_context_resumes_sessions_unless_told_not_to)
{
    auto client_context = VerifyingContext();
    SecurePair pair(OwnContext("server"), client_context, [](SecureServer& server)
    {
        // The ticket comes in front of this.
        server.session_handshaked = [](SecureSession& session) { session.Send("hello"); };
    });
    pair.client->log.Wait("client.onReceived");
    CHECK(!pair.client->IsResumed());
    CHECK(pair.client->Reconnect());
    pair.client->log.Wait("client.onReceived", 2);
    CHECK(pair.client->IsResumed());
    CHECK(pair.server->Last()->IsResumed());
    client_context->set_resumption(false);
    CHECK(pair.client->Reconnect());
    pair.client->log.Wait("client.onReceived", 3);
    CHECK(!pair.client->IsResumed());
}

TEST(ssl_context_chooses_a_certificate_by_the_name_that_is_asked_for)
{
    auto server_context = OwnContext("server");
    server_context->add_certificate_files(Certificate("other-name.pem"), Certificate("other-name.key"));
    SecurePair pair(server_context, VerifyingContext(), nullptr, [](SecureClient& client) { CHECK(client.SetupServerName("other.example.com")); });
    pair.WaitForHandshake();
    CHECK_EQUAL(pair.client->server_name(), std::string("other.example.com"));
    CHECK_EQUAL(pair.server->Last()->server_name(), std::string("other.example.com"));
    const auto certificate = pair.client->peer_certificate();
    CHECK(cppserver_tls_certificate_is_for_name(certificate.data(), certificate.size(), "other.example.com"));
    // As the original, which never asked for a name.
    CHECK(pair.client->SetupServerName(""));
    CHECK(pair.client->Reconnect());
    pair.WaitForHandshake(2);
    CHECK_EQUAL(pair.server->Last()->server_name(), std::string());
    CHECK(!pair.client->SetupServerName("no name at all"));
    CHECK_THROWS(server_context->add_certificate_files(Certificate("server.pem"), Certificate("client.key")), asio::system_error);
}

TEST(ssl_context_writes_a_key_log)
{
    const std::string name = TemporaryName();
    auto client_context = VerifyingContext();
    client_context->set_key_log_file(name);
    {
        SecurePair pair(OwnContext("server"), client_context);
        pair.WaitForHandshake();
    }
    std::ifstream file(name);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    file.close();
    CHECK_EQUAL(std::remove(name.c_str()), 0);
    CHECK(text.find("CLIENT_TRAFFIC_SECRET_0 ") != std::string::npos);
    CHECK_THROWS(client_context->set_key_log_file("there/is/no/such/folder"), asio::system_error);
}
