// Whom encrypted connections trust: authorities, verify callbacks, names, certificates of clients.

#include "child.h"
#include "ssl_support.h"

#include <cstdlib>
#include <fstream>

#if !defined(_WIN32)
#include <sys/stat.h>
#endif

using namespace Test;

namespace {

const std::string Refused = "client.onError" + SslText(asio::error::certificate_verify_failed);

// The client refuses the server and the server learns it by this alert.
void CheckRefused(SharedContext server_context, SharedContext client_context, int alert)
{
    SecurePair pair(server_context, client_context);
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Events(), (std::vector<std::string>{ "client.onConnected", Refused, "client.onDisconnected" }));
    CHECK_EQUAL(pair.server->log.Events(), (std::vector<std::string>{ "server.onStarted", "session.onConnected", "server.onConnected",
        "session.onError" + AlertText(alert), "session.onDisconnected", "server.onDisconnected" }));
    CHECK(pair.client->disconnect_reason() == CppServer::Asio::DisconnectReason::Error);
    CHECK(!pair.client->IsHandshaked());
}

void CheckAccepted(SharedContext server_context, SharedContext client_context)
{
    SecurePair pair(server_context, client_context);
    pair.WaitForHandshake();
    CHECK(pair.client->IsHandshaked());
}

SharedContext Legacy()
{
    auto context = EmptyContext();
    context->set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 | asio::ssl::context::single_dh_use);
    context->set_password_callback([](std::size_t, asio::ssl::context::password_purpose) -> std::string { return "qwerty"; });
    return context;
}

SharedContext LegacyServer()
{
    auto context = Legacy();
    context->use_certificate_chain_file(Certificate("legacy/server.pem"));
    context->use_private_key_file(Certificate("legacy/server.pem"), asio::ssl::context::pem);
    context->use_tmp_dh_file(Certificate("legacy/dh4096.pem"));
    return context;
}

} // namespace

TEST(ssl_verify_errors_have_the_numbers_and_texts_of_openssl)
{
    CHECK_EQUAL(SslText(asio::error::certificate_verify_failed), std::string("(167772294, asio.ssl, certificate verify failed)"));
    CHECK_EQUAL(SslText(asio::error::wrong_version_number), std::string("(167772427, asio.ssl, wrong version number)"));
    CHECK_EQUAL(AlertText(48), std::string("(167773208, asio.ssl, tlsv1 alert unknown ca)"));
    CHECK_EQUAL(Truncated(), std::string("(1, asio.ssl.stream, stream truncated)"));
    CHECK_EQUAL(AlertText(33), std::string("(167773193, asio.ssl, asio.ssl error)"));
}

TEST(ssl_verify_fresh_context_verifies_nothing)
{
    for (const char* name : { "server", "expired", "not-yet-valid", "wrong-ca", "wrong-usage" })
        CheckAccepted(OwnContext(name), EmptyContext());
}

TEST(ssl_verify_peer_checks_the_chain_and_not_the_name)
{
    for (const char* name : { "server", "server-chain", "other-name" })
        CheckAccepted(OwnContext(name), VerifyingContext());
}

TEST(ssl_verify_refuses_what_is_wrong)
{
    CheckRefused(OwnContext("wrong-ca"), VerifyingContext(), 48);
    CheckRefused(OwnContext("expired"), VerifyingContext(), 45);
    CheckRefused(OwnContext("not-yet-valid"), VerifyingContext(), 45);
    auto forged = EmptyContext();
    forged->use_certificate_chain_file(Certificate("forged.pem"));
    forged->use_private_key_file(Certificate("server.key"), asio::ssl::context::pem);
    SecurePair pair(forged, VerifyingContext());
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Count(Refused), 1u);
}

TEST(ssl_verify_trusts_nobody_unless_told)
{
    auto context = EmptyContext();
    context->set_verify_mode(asio::ssl::verify_peer);
    CheckRefused(OwnContext("server"), context, 48);
    // An authority that is added later counts for the next connection.
    context->load_verify_file(Certificate("ca.pem"));
    CheckAccepted(OwnContext("server"), context);
}

TEST(ssl_verify_trusts_an_authority_from_memory)
{
    std::ifstream file(Certificate("ca.pem"));
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    auto context = EmptyContext();
    context->set_verify_mode(asio::ssl::verify_peer);
    context->add_certificate_authority(asio::buffer(text));
    CheckAccepted(OwnContext("server"), context);
}

TEST(ssl_verify_depth_limits_the_chain)
{
    auto context = VerifyingContext();
    context->set_verify_depth(0);
    CheckAccepted(OwnContext("server"), context);
    SecurePair pair(OwnContext("server-chain"), context);
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Count(Refused), 1u);
    context->set_verify_depth(1);
    CheckAccepted(OwnContext("server-chain"), context);
}

TEST(ssl_verify_takes_the_certificates_of_the_old_recipe)
{
    for (const char* name : { "legacy/server.pem", "legacy/server-3des.pem" })
    {
        auto context = Legacy();
        context->use_private_key_file(Certificate(name), asio::ssl::context::pem);
        context->use_certificate_chain_file(Certificate(name));
        CheckAccepted(context, VerifyingContext("legacy/ca.pem"));
    }
    CheckRefused(LegacyServer(), VerifyingContext(), 48);
    CheckRefused(OwnContext("server"), VerifyingContext("legacy/ca.pem"), 48);
    auto named = VerifyingContext("legacy/ca.pem");
    named->set_verify_callback(asio::ssl::rfc2818_verification("server.example.com"));
    CheckAccepted(LegacyServer(), named);
}

TEST(ssl_verify_takes_clients_of_the_old_recipe)
{
    auto server_context = LegacyServer();
    server_context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    server_context->load_verify_file(Certificate("legacy/ca.pem"));
    auto client_context = Legacy();
    client_context->use_certificate_chain_file(Certificate("legacy/client.pem"));
    client_context->use_private_key_file(Certificate("legacy/client.pem"), asio::ssl::context::pem);
    SecurePair pair(server_context, client_context);
    pair.WaitForHandshake();
    CHECK(pair.server->Last()->peer_subject().find("CN=client.example.com") != std::string::npos);
}

TEST(ssl_verify_rfc2818_switches_name_checks_on)
{
    for (const char* name : { "localhost", "server.example.com", "127.0.0.1", "::1" })
    {
        auto context = VerifyingContext();
        context->set_verify_callback(asio::ssl::rfc2818_verification(name));
        CheckAccepted(OwnContext("server"), context);
    }
    auto context = VerifyingContext();
    context->set_verify_callback(asio::ssl::host_name_verification("server.example.com"));
    SecurePair pair(OwnContext("other-name"), context);
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Count(Refused), 1u);
    // The right name makes a bad chain no better.
    CheckRefused(OwnContext("wrong-ca"), context, 48);
}

TEST(ssl_verify_callback_has_the_last_word)
{
    struct Seen { int calls = 0; bool preverified = false; std::string subject, error; std::size_t size = 0; };
    Seen seen;
    bool answer = true;
    auto context = VerifyingContext();
    context->set_verify_callback([&](bool preverified, asio::ssl::verify_context& ctx)
    {
        CHECK(ctx.native_handle() == nullptr);
        ++seen.calls;
        seen.preverified = preverified;
        seen.subject = ctx.subject();
        seen.error = ctx.error();
        seen.size = ctx.is_for_name("server.example.com") ? ctx.certificate_size() : 0;
        return answer;
    });
    {
        SecurePair pair(OwnContext("server"), context);
        pair.WaitForHandshake();
        CHECK_EQUAL(seen.calls, 1);
        CHECK(seen.preverified && seen.error.empty());
        CHECK(seen.subject.find("CN=server.example.com") != std::string::npos);
        CHECK_EQUAL(seen.subject, pair.client->peer_subject());
        CHECK_EQUAL(seen.size, pair.client->peer_certificate().size());
    }
    CheckAccepted(OwnContext("expired"), context);
    CHECK(!seen.preverified && (seen.error.find("expired") != std::string::npos));
    answer = false;
    SecurePair pair(OwnContext("server"), context);
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Count(Refused), 1u);
    CHECK_EQUAL(seen.calls, 3);
}

TEST(ssl_verify_callback_alone_is_enough_to_pin_a_certificate)
{
    auto context = EmptyContext();
    context->set_verify_mode(asio::ssl::verify_peer);
    context->set_verify_callback([](bool preverified, asio::ssl::verify_context& ctx) { return !preverified && ctx.is_for_name("other.example.com"); });
    CheckAccepted(OwnContext("other-name"), context);
    CheckRefused(OwnContext("server"), context, 48);
    // The same on the side of a server.
    auto server_context = OwnContext("server");
    server_context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    server_context->set_verify_callback([](bool, asio::ssl::verify_context& ctx) { return ctx.subject().find("CN=client.example.com") != std::string::npos; });
    CheckAccepted(server_context, OwnContext("client"));
    SecurePair pair(server_context, OwnContext("server-chain"));
    pair.WaitForEnd();
    CHECK_EQUAL(pair.server->log.Count("session.onError" + SslText(asio::error::certificate_verify_failed)), 1u);
}

TEST(ssl_verify_callback_that_throws_refuses)
{
    auto context = VerifyingContext();
    context->set_verify_callback([](bool, asio::ssl::verify_context&) -> bool { throw std::runtime_error("no idea"); });
    SecurePair pair(OwnContext("server"), context);
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Count(Refused), 1u);
}

TEST(ssl_verify_none_does_not_listen_to_the_callback)
{
    auto context = EmptyContext();
    context->set_verify_callback([](bool, asio::ssl::verify_context&) { return false; });
    CheckAccepted(OwnContext("wrong-ca"), context);
    // As in OpenSSL, where this flag alone means nothing.
    context->set_verify_mode(asio::ssl::verify_fail_if_no_peer_cert);
    CheckAccepted(OwnContext("wrong-ca"), context);
}

TEST(ssl_verify_stream_of_a_client_has_rules_of_its_own)
{
    auto context = VerifyingContext();
    SecurePair pair(OwnContext("server"), context, nullptr, [](SecureClient& client)
    {
        client.stream().set_verify_callback(asio::ssl::rfc2818_verification("other.example.com"));
        client.stream().set_verify_depth(2);
    });
    pair.WaitForEnd();
    CHECK_EQUAL(pair.client->log.Count(Refused), 1u);
    CheckAccepted(OwnContext("server"), context);
    pair.client->stream().set_verify_callback(asio::ssl::rfc2818_verification("localhost"));
    CHECK(pair.client->Connect());
    pair.WaitForHandshake();
    // What the context gets later counts too.
    pair.client->stream().set_verify_mode(asio::ssl::verify_none);
    context->use_certificate_chain_file(Certificate("client.pem"));
    context->use_private_key_file(Certificate("client.key"), asio::ssl::context::pem);
    pair.server->context()->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    pair.server->context()->load_verify_file(Certificate("ca.pem"));
    CHECK(pair.client->Reconnect());
    pair.WaitForHandshake(2);
    CHECK(pair.server->Last()->peer_subject().find("CN=client.example.com") != std::string::npos);
}

TEST(ssl_verify_stream_of_a_session_has_the_rules_of_its_context)
{
    SecureConnected connected;
    auto session = connected.server->Last();
    asio::error_code ec;
    CHECK_EQUAL(session->stream().set_verify_mode(asio::ssl::verify_peer, ec), asio::error_code(asio::error::operation_not_supported));
    CHECK_THROWS(session->stream().set_verify_depth(1), asio::system_error);
    CHECK_THROWS(session->stream().set_verify_callback(asio::ssl::rfc2818_verification("x")), asio::system_error);
    CHECK(session->stream().native_handle() == nullptr);
}

TEST(ssl_verify_clients_show_certificates_when_they_are_required)
{
    auto server_context = OwnContext("server");
    server_context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
    server_context->load_verify_file(Certificate("ca.pem"));
    auto client_context = OwnContext("client");
    client_context->set_verify_mode(asio::ssl::verify_peer);
    client_context->load_verify_file(Certificate("ca.pem"));
    {
        SecurePair pair(server_context, client_context);
        pair.WaitForHandshake();
        auto session = pair.server->Last();
        CHECK(session->peer_subject().find("CN=client.example.com") != std::string::npos);
        CHECK(!session->peer_certificate().empty());
        CHECK(session->peer_certificate(7).empty());
    }
    {
        SecurePair pair(server_context, VerifyingContext());
        pair.WaitForEnd();
        CHECK_EQUAL(pair.server->log.Count("session.onError" + SslText(asio::error::peer_did_not_return_a_certificate)), 1u);
        CHECK_EQUAL(pair.client->log.Count("client.onError" + AlertText(116)), 1u);
    }
    {
        SecurePair pair(server_context, OwnContext("wrong-ca"));
        pair.WaitForEnd();
        CHECK_EQUAL(pair.server->log.Count("session.onError" + SslText(asio::error::certificate_verify_failed)), 1u);
        const std::vector<std::string> events = pair.client->log.Events();
        // Among what is wrong with it, that it is a server's counts first.
        CHECK_EQUAL(events[events.size() - 2], "client.onError" + AlertText(43));
    }
}

TEST(ssl_verify_clients_may_come_without_certificates_when_they_are_only_asked)
{
    auto server_context = OwnContext("server");
    server_context->set_verify_mode(asio::ssl::verify_peer);
    server_context->load_verify_file(Certificate("ca.pem"));
    SecurePair pair(server_context, VerifyingContext());
    pair.WaitForHandshake();
    CHECK(pair.server->Last()->peer_subject().empty());
    CHECK(pair.server->Last()->peer_certificate().empty());
    SecurePair other(server_context, OwnContext("wrong-ca"));
    other.WaitForEnd();
    CHECK_EQUAL(other.server->log.Count("session.onHandshaked"), 0u);
}

TEST(ssl_verify_error_has_details)
{
    std::string details;
    SecurePair pair(OwnContext("wrong-ca"), VerifyingContext(), nullptr, [&](SecureClient& client)
    {
        client.error = [&](SecureClient& self) { details = self.error_details(); };
    });
    pair.WaitForEnd();
    CHECK(details.find("the peer's certificate is refused") == 0);
    CHECK(pair.client->error_details().empty());
}

#if !defined(_WIN32)

CHILD(trust_the_system)
{
    ::setenv("SSL_CERT_FILE", Certificate("ca.pem").c_str(), 1);
    auto context = EmptyContext();
    context->set_verify_mode(asio::ssl::verify_peer);
    context->set_default_verify_paths();
    CheckAccepted(OwnContext("server"), context);
    CheckRefused(OwnContext("wrong-ca"), context, 48);
    std::printf("trusted\n");
}

TEST(ssl_verify_trusts_the_authorities_of_the_system)
{
    const ChildResult result = RunChild("trust_the_system");
    CHECK_EQUAL(result.output, std::string("trusted\n"));
    CHECK_EQUAL(result.status, 0);
}

TEST(ssl_verify_trusts_a_folder_of_authorities)
{
    const std::string folder = TemporaryName();
    CHECK_EQUAL(::mkdir(folder.c_str(), 0700), 0);
    const auto copy = [&](const std::string& from, const std::string& to)
    {
        std::ifstream source(Certificate(from), std::ios::binary);
        std::ofstream(folder + "/" + to, std::ios::binary) << source.rdbuf();
    };
    copy("ca.pem", "0123abcd.0");
    copy("server.key", "89abcdef.1");
    // Not a name that `openssl rehash` gives.
    copy("other-ca.pem", "other-ca.pem");
    auto context = EmptyContext();
    context->set_verify_mode(asio::ssl::verify_peer);
    context->add_verify_path(folder);
    for (const char* name : { "0123abcd.0", "89abcdef.1", "other-ca.pem" })
        CHECK_EQUAL(std::remove((folder + "/" + name).c_str()), 0);
    CHECK_EQUAL(std::remove(folder.c_str()), 0);
    CheckAccepted(OwnContext("server"), context);
    CheckRefused(OwnContext("wrong-ca"), context, 48);
    asio::error_code ec = asio::error::eof;
    CHECK(!context->add_verify_path("there/is/none", ec));
}

#endif
