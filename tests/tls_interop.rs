//! Encrypted servers and clients with peers that others wrote: openssl and curl. `cargo xtask setup`
//! installs them. Python's own ssl is met in the Python suite.

#![cfg(unix)]

mod common;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Output, Stdio};

use common::*;
use cppserver::{Client, Reason, Session, TlsContext, TlsVerify, TlsVersion};

/// A program that is ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn program(name: &str) -> Command {
    Command::new(name)
}

fn start(command: &mut Command) -> Program {
    let name = command.get_program().to_owned();
    match command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => Program(child),
        Err(error) => panic!("{name:?} cannot be run ({error}); `cargo xtask setup` installs it"),
    }
}

/// Runs openssl s_client, gives it a line, and returns what it printed.
fn s_client<A: AsRef<OsStr>>(port: u16, arguments: &[A], line: &str) -> Output {
    let mut command = program("openssl");
    command.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-CAfile"]);
    command.arg(certificate("ca.pem")).args(["-verify_return_error", "-ign_eof"]).args(arguments);
    let mut program = start(&mut command);
    let mut input = program.0.stdin.take().unwrap();
    // Refused when the handshake failed before.
    let _ = input.write_all(line.as_bytes());
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    program.0.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    program.0.stderr.take().unwrap().read_to_end(&mut errors).unwrap();
    let status = program.0.wait().unwrap();
    Output { status, stdout: output, stderr: errors }
}

/// Answers a line with the same line, and closes.
fn answer(session: &Session, event: &Event) {
    if let Event::Received(bytes) = event {
        session.send(bytes).unwrap();
        session.disconnect().unwrap();
    }
}

#[test]
fn openssl_s_client_talks_in_both_versions() {
    let world = World::new();
    let context = server_context();
    context.set_alpn_protocols(&["echo"]).unwrap();
    let server = world.serve_tls(&context, world.server_probe().sessions(answer));
    for (argument, version) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let arguments = [argument, "-alpn", "echo", "-servername", "server.example.com"];
        let output = s_client(server.port(), &arguments, "an old friend\n");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{output:?}");
        assert!(text.contains("an old friend"), "{text}");
        assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
        assert!(text.contains("ALPN protocol: echo"), "{text}");
        assert!(text.contains(version), "{text}");
        // s_client says so when the peer ends without close_notify.
        assert!(!String::from_utf8_lossy(&output.stderr).contains("unexpected eof"), "{output:?}");
    }
    assert_eq!(world.log.errors("session"), []);
    world.finish();
}

#[test]
fn openssl_s_client_resumes_its_session() {
    for version in ["-tls1_2", "-tls1_3"] {
        let world = World::new();
        let server = world.serve_tls(&server_context(), world.server_probe().sessions(answer));
        let file = std::env::temp_dir().join(format!("cppserver{version}-{}", std::process::id()));
        let out = [version.as_ref(), "-sess_out".as_ref(), file.as_os_str()];
        let first = s_client(server.port(), &out, "first\n");
        assert!(first.status.success(), "{first:?}");
        let again = [version.as_ref(), "-sess_in".as_ref(), file.as_os_str()];
        let second = s_client(server.port(), &again, "second\n");
        std::fs::remove_file(&file).unwrap();
        let text = String::from_utf8_lossy(&second.stdout);
        assert!(text.contains("Reused, TLSv1."), "{version}: {text}");
        world.finish();
    }
}

#[test]
fn openssl_s_client_shows_its_certificate_or_is_refused() {
    let world = World::new();
    let context = server_context();
    context.add_authority_file(certificate("ca.pem")).unwrap();
    context.set_verify(TlsVerify::Require);
    let probe = world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Received(_)) {
            let subject = session.tls().unwrap().peer_subject().unwrap();
            session.send(subject.as_bytes()).unwrap();
            session.disconnect().unwrap();
        }
    });
    let server = world.serve_tls(&context, probe);
    let (chain, key) = (certificate("client.pem"), certificate("client.key"));
    let shows = ["-cert".as_ref(), chain.as_os_str(), "-key".as_ref(), key.as_os_str()];
    let output = s_client(server.port(), &shows, "who am I?\n");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("CN=client.example.com"), "{text}");
    let output = s_client::<&str>(server.port(), &[], "who am I?\n");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("certificate required"), "{errors}");
    world.finish();
}

#[test]
fn a_renegotiation_and_a_key_update_of_openssl_disturb_nobody() {
    // s_client takes "R" at the beginning of a line as the wish to renegotiate, "K" to update keys.
    for (version, wish, word) in
        [("-tls1_2", "R\n", "RENEGOTIATING"), ("-tls1_3", "K\n", "KEYUPDATE")]
    {
        let world = World::new();
        let probe = world.server_probe().echo();
        let server = world.serve_tls(&server_context(), probe);
        let mut bystander = tls_connect(server.port());
        let mut command = program("openssl");
        command.args(["s_client", "-connect", &format!("127.0.0.1:{}", server.port()), version]);
        let mut client = start(&mut command);
        let mut input = client.0.stdin.take().unwrap();
        input.write_all(b"before\n").unwrap();
        world.log.wait_received("session", 7);
        input.write_all(wish.as_bytes()).unwrap();
        // It takes what follows in the same read as a part of the wish.
        wait_for_line(client.0.stderr.take().unwrap(), word);
        if version == "-tls1_3" {
            input.write_all(b"after\n").unwrap();
            world.log.wait_received("session", 13);
        }
        bystander.write_all(b"undisturbed").unwrap();
        let mut bytes = [0; 11];
        bystander.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"undisturbed");
        drop((input, client));
        world.finish();
    }
}

/// Reads lines until one begins with this word.
fn wait_for_line(output: impl Read, word: &str) {
    let mut lines = BufReader::new(output).lines();
    assert!(lines.any(|line| line.unwrap().starts_with(word)), "{word} did not come");
}

/// Starts openssl s_server on a free port and waits until it listens.
fn s_server(arguments: &[&str]) -> (Program, u16) {
    let port = free_port();
    let mut command = program("openssl");
    command.args(["s_server", "-accept", &format!("127.0.0.1:{port}"), "-cert"]);
    command.arg(certificate("server.pem")).arg("-key").arg(certificate("server.key"));
    let mut server = start(command.args(arguments));
    // What it prints later is not read; its pipe holds more than that.
    let output = server.0.stdout.as_mut().unwrap();
    wait_for_line(output, "ACCEPT");
    (server, port)
}

#[test]
fn a_client_talks_to_openssl_s_server() {
    for (argument, version) in [("-tls1_2", TlsVersion::Tls12), ("-tls1_3", TlsVersion::Tls13)] {
        // -rev sends every line back to front.
        let (_server, port) = s_server(&[argument, "-rev"]);
        let world = World::new();
        let context = client_context();
        context.set_maximum_version(version);
        let client = world.connect_tls(&context, port, world.probe("client"));
        world.log.wait_event("client", Event::Handshaked);
        client.send(b"live on time\n").unwrap();
        world.log.wait_received("client", 13);
        assert_eq!(world.log.received("client"), b"emit no evil\n");
        client.disconnect().unwrap();
        world.log.wait_event("client", Event::Disconnected(Reason::Local));
        assert_eq!(world.log.errors("client"), []);
        world.finish();
    }
}

#[test]
fn a_client_shows_its_certificate_to_openssl_s_server() {
    let authority = certificate("ca.pem");
    let (_server, port) =
        s_server(&["-rev", "-Verify", "1", "-CAfile", authority.to_str().unwrap()]);
    let world = World::new();
    let context = client_context();
    let (chain, key) = (certificate("client.pem"), certificate("client.key"));
    context.set_certificate_files(chain, key, None).unwrap();
    let client = world.connect_tls(&context, port, world.probe("client"));
    world.log.wait_event("client", Event::Handshaked);
    client.send(b"abc\n").unwrap();
    world.log.wait_received("client", 4);
    world.finish();
}

#[test]
fn legacy_certificates_are_taken_only_when_that_is_dangerous_enough() {
    let password = || {
        let context = TlsContext::new();
        context.set_password_callback(|| Some("qwerty".to_owned()));
        context
    };
    let server = password();
    server
        .set_certificate_files(
            certificate("legacy/server.pem"),
            certificate("legacy/server.pem"),
            None,
        )
        .unwrap();
    let world = World::new();
    let server = world.serve_tls(&server, world.server_probe().sessions(answer));
    let client = TlsContext::new();
    client.add_authority_file(certificate("legacy/ca.pem")).unwrap();
    let connect = |name| {
        let host = "server.example.com";
        let connecting = Client::tls(&world.service, &client, "127.0.0.1", server.port()).unwrap();
        connecting.set_server_name(Some(host)).unwrap();
        connecting.connect(world.probe(name)).unwrap();
        connecting
    };
    connect("strict");
    world.log.wait_event("strict", Event::Dropped);
    let error = world.log.errors("strict").remove(0);
    assert!(error.message().contains("dangerous_accept_legacy_certificates"), "{error}");
    client.dangerous_accept_legacy_certificates(true);
    connect("tolerant");
    world.log.wait_event("tolerant", Event::Handshaked);
    // openssl takes them too.
    let authority = certificate("legacy/ca.pem");
    let arguments = ["-CAfile".as_ref(), authority.as_os_str()];
    let output = s_client(server.port(), &arguments, "hello\n");
    assert!(String::from_utf8_lossy(&output.stdout).contains("hello"), "{output:?}");
    world.finish();
}

#[test]
fn curl_gets_an_answer() {
    let world = World::new();
    let probe = world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Received(_)) {
            session.send(b"HTTP/1.0 200 OK\r\n\r\nhello curl\n").unwrap();
            session.disconnect().unwrap();
        }
    });
    let server = world.serve_tls(&server_context(), probe);
    let mut command = program("curl");
    command.args(["--silent", "--show-error", "--noproxy", "*", "--cacert"]);
    command.arg(certificate("ca.pem")).arg(format!("https://localhost:{}/", server.port()));
    let mut curl = start(&mut command);
    let (mut text, mut errors) = (String::new(), String::new());
    curl.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    curl.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((text.as_str(), errors.as_str()), ("hello curl\n", ""));
    world.finish();
}
