//! The opening handshake, what handlers make of it, and plain HTTP on the same port.

mod common;

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, SystemTime};

use common::*;
use cppserver::{
    Client, Error, Kind, Reason, Request, Response, Server, ServerHandler, Session, SessionHandler,
    SocketOption, Status,
};

/// Asks a function about requests, and tells the error if there is one.
#[derive(Clone)]
struct Doorman {
    answer: fn(&Session, &Request, &mut Response),
    errors: mpsc::Sender<Error>,
}

impl ServerHandler for Doorman {
    type Session = Doorman;

    fn on_session(&self, _session: &Session) -> Option<Doorman> {
        Some(self.clone())
    }
}

impl SessionHandler for Doorman {
    fn on_handshake(&mut self, session: &Session, request: &Request, response: &mut Response) {
        (self.answer)(session, request, response);
    }

    fn on_request(&mut self, session: &Session, request: &Request, response: &mut Response) {
        (self.answer)(session, request, response);
    }

    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        session.send_message(kind, data).unwrap();
        data.len()
    }

    fn on_error(&mut self, _session: &Session, error: &Error) {
        let _ = self.errors.send(error.clone());
    }
}

fn serve(
    world: &World,
    answer: fn(&Session, &Request, &mut Response),
) -> (Server, mpsc::Receiver<Error>) {
    let server = Server::websocket(&world.service, "127.0.0.1", 0).unwrap();
    let (errors, told) = mpsc::channel();
    server.start(Doorman { answer, errors }).unwrap();
    (server, told)
}

fn ask(port: u16, request: &str) -> String {
    let mut socket = connect(port);
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_page_is_served_on_the_same_port() {
    let world = World::new();
    let (server, told) = serve(&world, |session, request, response| match request.path() {
        "/" => {
            response.set_status(200).unwrap();
            response.add_header("Content-Type", "text/html").unwrap();
            // More than the system takes at once.
            response.set_body("<p>hello</p>".repeat(500_000));
        }
        "/panic" => panic!("on purpose"),
        "/away" => session.disconnect_now().unwrap(),
        "/path" => assert_eq!(response.status(), 101),
        _ => response.set_status(404).unwrap(),
    });
    let before = SystemTime::now();
    let page = ask(server.port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(
        page.contains("content-length: 6000000\r\n") && page.contains("content-type: text/html")
    );
    let date = page.lines().find_map(|line| line.strip_prefix("date: ")).expect("a date");
    assert!(httpdate::parse_http_date(date).unwrap() >= before - Duration::from_secs(1));
    assert!(page.ends_with(&"<p>hello</p>".repeat(10)));
    assert_eq!(page.split_once("\r\n\r\n").unwrap().1.len(), 6_000_000);
    assert!(ask(server.port(), "GET /no HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(told.try_recv().is_err(), "none of this is an error");
    let mut socket = connect(server.port());
    socket.write_all(b"GET /away HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    read_until_gone(&mut socket);
    let mut socket = connect(server.port());
    socket.write_all(b"GET /panic HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    read_until_gone(&mut socket);
    assert_eq!(told.recv().unwrap().status(), Status::Handler);
    // A session on the same port goes on as if nothing had been.
    let mut peer = WsPeer::connect(server.port());
    peer.send(TEXT, b"hello");
    assert_eq!(peer.read(), (TEXT, b"hello".to_vec()));
    drop(peer);
    world.finish();
}

#[test]
fn handlers_see_the_request_and_choose() {
    let world = World::new();
    let (server, _told) = serve(&world, |_, request, response| {
        if request.header("authorization") != Some("Bearer 42") {
            response.set_status(401).unwrap();
            response.add_header("WWW-Authenticate", "Bearer").unwrap();
            return;
        }
        assert_eq!((request.path(), request.query()), ("/room", Some("a=b")));
        if request.subprotocols().any(|name| name == "chat.v2") {
            response.set_subprotocol("chat.v2").unwrap();
        }
    });
    let address = format!("ws://localhost:{}/room?a=b", server.port());
    let client = Client::websocket(&world.service, &address).unwrap();
    client.connect(world.probe("stranger")).unwrap();
    world.log.wait_event("stranger", Event::Disconnected(Reason::Error));
    let error = world.log.errors("stranger").pop().unwrap();
    assert_eq!(error.code(), 401, "{error}");
    client.add_header("Authorization", "Bearer 42").unwrap();
    client.set_subprotocols(&["chat.v3", "chat.v2"]).unwrap();
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Handshaked);
    assert_eq!(client.subprotocol().as_deref(), Some("chat.v2"));
    assert!(client.send_text("hello").unwrap() >= 5);
    world.log.wait_messages("client", 1);
    world.finish();
}

#[test]
fn a_subprotocol_that_was_not_offered_fails_the_session() {
    let world = World::new();
    let (server, told) = serve(&world, |_, _, response| response.set_subprotocol("other").unwrap());
    assert!(ask(server.port(), REQUEST).starts_with("HTTP/1.1 500 "));
    assert!(told.recv().unwrap().message().contains("did not offer"));
    world.finish();
}

#[test]
fn wrong_requests_are_answered_and_told() {
    let world = World::new();
    let (server, told) = serve(&world, |_, _, _| ());
    for (request, status) in [
        ("BREW / HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 405),
        (REQUEST.replace("13", "12"), 426),
        (REQUEST.replace("Host: localhost\r\n", ""), 400),
        (format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "b".repeat(20_000)), 431),
        ("hello\r\n".to_owned(), 400),
    ] {
        let answer = ask(server.port(), &request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(told.recv().unwrap().code(), status);
    }
    assert!(ask(server.port(), "GET / HTTP/1.1\r\nHost: h\r\n\r\n").starts_with("HTTP/1.1 426 "));
    assert!(told.try_recv().is_err());
    world.finish();
}

#[test]
fn contract_12_a_handshake_that_takes_too_long_ends() {
    let world = World::new();
    let options = [(SocketOption::HandshakeTimeout, 50)];
    let server = world.serve_ws_with(&options, world.server_probe());
    let mut slow = connect(server.port());
    slow.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    world.log.wait_event("session", Event::Disconnected(Reason::Timeout));
    read_until_gone(&mut slow);
    // And one that ends in the middle.
    let mut gone = connect(server.port());
    gone.write_all(b"GET / HTTP/1.1\r\nHo").unwrap();
    drop(gone);
    world.log.wait_count("session", 2, |event| *event == Event::Dropped);
    world.finish();
}

#[test]
fn frames_that_come_with_the_request_are_not_lost() {
    let world = World::new();
    let server = world.serve_ws(world.server_probe().echo());
    let mut socket = connect(server.port());
    let early = [REQUEST.as_bytes(), b"\x81\x85\0\0\0\0early"].concat();
    socket.write_all(&early).unwrap();
    let head = read_head(&mut socket);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(read_some(&mut socket, 7), b"\x81\x05early");
    drop(socket);
    world.finish();
}

#[test]
fn a_client_tells_what_is_wrong_with_the_server() {
    let world = World::new();
    let answers = [
        ("HTTP/1.1 200 OK\r\n\r\n", "answered 200"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "cannot be parsed"),
        ("\u{15}\u{3}\u{3}\0\u{2}", "does not answer in HTTP"),
        ("", "closed the connection during the opening handshake"),
    ];
    for (answer, why) in answers {
        let (listener, port) = listener();
        world.connect_ws(port, world.probe("client"));
        let mut peer = accept(&listener);
        read_head(&mut peer);
        peer.write_all(answer.as_bytes()).unwrap();
        drop(peer);
        world.log.wait("the error is told", |entries| {
            entries.iter().any(|entry| {
                matches!(&entry.event, Event::Error(error) if error.message().contains(why))
            })
        });
    }
    let address = |text: &str| Client::websocket(&world.service, text).unwrap_err();
    assert!(address("wss://localhost").message().contains("TLS"));
    assert!(address("http://localhost").message().contains("ws://"));
    let refused = Client::websocket_tls(&world.service, &client_context(), "ws://localhost");
    assert!(refused.unwrap_err().message().contains("plain"));
    world.finish();
}
