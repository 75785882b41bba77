use super::super::{Address, DeflateSettings, Limits};
use super::*;

const REQUEST: &str = "GET /chat?room=7 HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
                       Sec-WebSocket-Version: 13\r\n";

const DEFLATE: DeflateSettings =
    DeflateSettings { takeover: false, window_bits: 15, level: 1, threshold: 0 };

const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

fn date() -> String {
    NOW.to_owned()
}

fn server() -> Config {
    let limits = Limits { message: 1000, frame: 1000, fragments: 10 };
    Config { limits, deflate: Some(DEFLATE), tells_control: false, date, target: None }
}

fn client(address: &str) -> (Config, Target) {
    let target = Target::new(&Address::parse(address).unwrap());
    (Config { target: Some(target.clone()), ..server() }, target)
}

fn text(down: &Wire) -> String {
    String::from_utf8(down.to_vec()).unwrap()
}

/// What a server makes of a request, with a handler that answers.
fn serve(request: &str, answer: impl Fn(&Request, &mut Response)) -> (Step, String) {
    let (mut handshake, mut down) = (Handshake::new(), Wire::new());
    let step =
        handshake.receive(request.as_bytes(), &server(), &mut down, &mut |event: Event<'_>| {
            let Event::Request(request, response) = event else { panic!("nothing else is told") };
            answer(request, response);
        });
    (step, text(&down))
}

fn failed(step: Step) -> Error {
    match step {
        Step::Failed(error) => error,
        _ => panic!("it did not fail"),
    }
}

fn opened(step: Step) -> (usize, Opened) {
    match step {
        Step::Open(used, opened) => (used, opened),
        Step::Failed(error) => panic!("{error}"),
        _ => panic!("it was not opened"),
    }
}

#[test]
fn the_example_of_the_rfc_is_accepted() {
    let (step, answer) = serve(&format!("{REQUEST}\r\n"), |request, response| {
        assert_eq!((request.method(), request.target()), ("GET", "/chat?room=7"));
        assert_eq!((request.path(), request.query()), ("/chat", Some("room=7")));
        assert_eq!(request.origin(), Some("http://example.com"));
        assert_eq!(request.header("HOST"), Some("server.example.com"));
        assert_eq!(request.subprotocols().collect::<Vec<_>>(), ["chat", "superchat"]);
        assert_eq!(response.status(), 101);
        response.set_subprotocol("superchat").unwrap();
        response.add_header("Set-Cookie", "a=b").unwrap();
    });
    let (used, opened) = opened(step);
    assert_eq!((used, opened.subprotocol.as_deref()), (REQUEST.len() + 2, Some("superchat")));
    assert!(answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: superchat\r\n"), "{answer}");
    assert!(answer.contains("set-cookie: a=b\r\n") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(!answer.contains("extensions"), "nothing was offered");
}

#[test]
fn requests_come_byte_by_byte_with_frames_behind_them() {
    let request = format!("{REQUEST}Connection: keep-alive\r\n\r\n");
    let (mut handshake, mut down) = (Handshake::new(), Wire::new());
    let config = server();
    let mut asked = 0;
    for byte in &request.as_bytes()[..request.len() - 1] {
        let step = handshake.receive(&[*byte], &config, &mut down, &mut |_: Event<'_>| asked += 1);
        assert!(matches!(step, Step::More));
    }
    let (used, _) =
        opened(handshake.receive(b"\nframes", &config, &mut down, &mut |_: Event<'_>| asked += 1));
    assert_eq!((used, asked), (1, 1));
    assert!(text(&down).starts_with("HTTP/1.1 101 "));
}

#[test]
fn lists_may_be_spread_over_several_fields() {
    let request = REQUEST
        .replace("Connection: Upgrade", "Connection: keep-alive\r\nConnection: x, UPGRADE")
        + "Sec-WebSocket-Extensions: foo; bar\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\
           Sec-WebSocket-Protocol: third\r\n\r\n";
    let (step, answer) = serve(&request, |request, response| {
        assert_eq!(request.subprotocols().last(), Some("third"));
        response.set_subprotocol("third").unwrap();
    });
    assert!(opened(step).1.deflate.is_some());
    assert!(answer.contains("permessage-deflate; server_no_context_takeover"), "{answer}");
}

#[test]
fn wrong_requests_are_answered_and_told() {
    let plain = |from: &str, to: &str| format!("{}\r\n", REQUEST.replace(from, to));
    let wrong = [
        ("POST", plain("GET", "POST"), 405),
        ("version of HTTP", plain("HTTP/1.1", "HTTP/1.0"), 505),
        ("no Host", plain("Host: server.example.com\r\n", ""), 400),
        ("two Hosts", plain("Host: ", "Host: other.example.com\r\nHost: "), 400),
        ("no Connection", plain("Connection: Upgrade\r\n", ""), 400),
        ("version", plain("Version: 13", "Version: 8"), 426),
        ("no version", plain("Sec-WebSocket-Version: 13\r\n", ""), 426),
        ("no key", plain("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), 400),
        ("short key", plain("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), 400),
        ("no line", "GET\r\n\r\n".into(), 400),
        ("TLS", "\u{16}\u{3}\u{1}".into(), 400),
        ("headers", format!("{REQUEST}{}\r\n", "A: b\r\n".repeat(200)), 431),
        ("long", format!("{REQUEST}A: {}", "b".repeat(20_000)), 431),
        ("HEAD", plain("GET", "HEAD"), 405),
    ];
    for (what, request, status) in wrong {
        let (step, answer) = serve(&request, |_, _| panic!("{what} is not for the handler"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        assert!(answer.contains("connection: ") && answer.contains("content-length: "), "{answer}");
        let error = failed(step);
        assert_eq!(error.code(), status, "{what}: {error}");
        assert_eq!(answer.contains("sec-websocket-version: 13"), status == 426, "{what}");
    }
}

#[test]
fn endless_heads_end_at_the_limit() {
    let (mut handshake, mut down, config) = (Handshake::new(), Wire::new(), server());
    let mut step =
        handshake.receive(REQUEST.as_bytes(), &config, &mut down, &mut |_: Event<'_>| ());
    let mut sent = REQUEST.len();
    while matches!(step, Step::More) {
        step = handshake.receive(b"A: bcdefg\r\n", &config, &mut down, &mut |_: Event<'_>| ());
        sent += 11;
        assert!(sent <= MOST_HEAD + 20);
    }
    assert_eq!(failed(step).code(), 431);
}

#[test]
fn handlers_refuse_and_serve() {
    let request = format!("{REQUEST}\r\n");
    let (step, answer) = serve(&request, |_, response| {
        response.set_status(403).unwrap();
        response.add_header("Content-Type", "text/plain").unwrap();
        response.set_body("not you");
    });
    assert!(matches!(step, Step::Answered));
    assert!(
        answer.starts_with("HTTP/1.1 403 Forbidden\r\n") && answer.ends_with("\r\n\r\nnot you")
    );
    assert!(answer.contains("content-length: 7\r\n"), "{answer}");

    let (step, _) = serve(&request, |_, response| response.set_subprotocol("other").unwrap());
    assert_eq!(failed(step).code(), 500);

    for (method, body) in [("GET", "page"), ("HEAD", "")] {
        let page = format!("{method} /page HTTP/1.1\r\nHost: h\r\n\r\n");
        let (step, answer) = serve(&page, |request, response| {
            assert_eq!((request.method(), response.status()), (method, 426));
            response.set_status(200).unwrap();
            response.set_body("page");
        });
        assert!(matches!(step, Step::Answered));
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("content-length: 4\r\n"), "{answer}");
        assert_eq!(answer.split("\r\n\r\n").nth(1), Some(body));
    }
    for status in [204, 304] {
        let (_, answer) = serve("GET / HTTP/1.1\r\nHost: h\r\n\r\n", |_, response| {
            response.set_status(status).unwrap();
            response.set_body("ignored");
        });
        assert!(answer.ends_with("\r\n\r\n") && !answer.contains("content-length"), "{answer}");
    }
    let (_, answer) = serve("GET / HTTP/1.1\r\nHost: h\r\n\r\n", |_, _| ());
    assert!(
        answer.starts_with("HTTP/1.1 426 ") && answer.contains("upgrade: websocket"),
        "{answer}"
    );
}

#[test]
fn answers_are_dated_once() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    let dates = |answer: &str| -> Vec<String> {
        let dates = answer.lines().filter_map(|line| line.strip_prefix("date: "));
        dates.map(str::to_owned).collect()
    };
    for wrong in [request, "GET / HTTP/1.1\r\n\r\n"] {
        let (_, answer) = serve(wrong, |_, _| ());
        assert_eq!(dates(&answer), [NOW]);
    }
    let own = "Tue, 15 Nov 1994 08:12:31 GMT";
    let (_, answer) = serve(request, |_, response| response.add_header("Date", own).unwrap());
    assert_eq!(dates(&answer), [own]);
}

#[test]
fn a_refused_head_gets_a_head_alone() {
    for rest in ["Host: h\r\nUpgrade: websocket\r\n\r\n".to_owned(), "\r\n".to_owned()]
        .into_iter()
        .chain([format!("A: {}\r\n", "a".repeat(MOST_HEAD))])
    {
        let (step, answer) = serve(&format!("HEAD / HTTP/1.1\r\n{rest}"), |_, _| ());
        failed(step);
        assert!(answer.contains("content-length: ") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
}

#[test]
fn answers_take_only_what_headers_can_have() {
    let mut response = Response::new(StatusCode::SWITCHING_PROTOCOLS);
    for (name, value) in [
        ("A\r\nB", "c"),
        ("A", "b\r\nSet-Cookie: c"),
        ("A", "é"),
        ("", "b"),
        ("Connection", "close"),
        ("content-length", "5"),
        ("Sec-WebSocket-Accept", "x"),
    ] {
        assert!(response.add_header(name, value).is_err(), "{name}: {value}");
    }
    for status in [0, 100, 102, 199, 600, 1000] {
        assert!(response.set_status(status).is_err(), "{status}");
    }
    for name in ["", "a b", "a,b", "é"] {
        assert!(response.set_subprotocol(name).is_err(), "{name}");
    }
    assert_eq!((response.status(), response.headers.len()), (101, 0));
}

/// A server's answer to the request of a client.
fn answered(config: &Config, target: &Target, change: impl Fn(String) -> String) -> Step {
    let (mut handshake, mut down) = (Handshake::new(), Wire::new());
    handshake.ask(config, target, &mut down).unwrap();
    let (_, answer) = serve(&text(&down), |request, response| {
        if let Some(first) = request.subprotocols().next() {
            response.set_subprotocol(first).unwrap();
        }
    });
    handshake.receive(change(answer).as_bytes(), config, &mut Wire::new(), &mut |_: Event<'_>| ())
}

#[test]
fn clients_ask_and_look_at_the_answer() {
    let (config, mut target) = client("ws://host.example:8080/path?query");
    target.set_subprotocols(&["one", "two"]).unwrap();
    target.add_header("Authorization", "Basic abc").unwrap();
    let config = Config { target: Some(target.clone()), ..config };
    let (mut handshake, mut down) = (Handshake::new(), Wire::new());
    handshake.ask(&config, &target, &mut down).unwrap();
    let asked = text(&down);
    for part in [
        "GET /path?query HTTP/1.1\r\n",
        "Host: host.example:8080\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Protocol: one, two\r\n",
        "authorization: Basic abc\r\n",
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    let (_, both) = opened(answered(&config, &target, |answer| answer + "frame"));
    assert!(both.deflate.is_some() && both.subprotocol.as_deref() == Some("one"));

    let early = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    let (used, _) = opened(answered(&config, &target, |answer| format!("{early}{answer}frame")));
    let (plain, _) = opened(answered(&config, &target, |answer| answer + "frame"));
    assert_eq!(used, early.len() + plain);
    let only_early = answered(&config, &target, |_| early.into());
    assert!(matches!(only_early, Step::More));

    let wrong: [(&str, &str, &str); 9] = [
        ("101 Switching Protocols", "200 OK", "answered 200"),
        ("101 Switching Protocols", "302 Found\r\nLocation: /other", "points to /other"),
        ("upgrade: websocket\r\n", "", "Upgrade"),
        ("connection: Upgrade\r\n", "", "Connection"),
        ("sec-websocket-accept: ", "sec-websocket-accept: x", "Accept"),
        ("sec-websocket-protocol: one", "sec-websocket-protocol: three", "subprotocol"),
        (
            "sec-websocket-protocol: one",
            "sec-websocket-protocol: one\r\nsec-websocket-protocol: two",
            "subprotocol",
        ),
        ("permessage-deflate", "permessage-other", "extension"),
        ("HTTP/1.1", "ICY", "HTTP"),
    ];
    for (from, to, why) in wrong {
        let error = failed(answered(&config, &target, |answer| {
            assert!(answer.contains(from), "{from}: {answer}");
            answer.replacen(from, to, 1)
        }));
        assert!(error.message().contains(why), "{why}: {error}");
    }
    let long =
        |answer: String| answer.replacen("\r\n", &format!("\r\nA: {}\r\n", "b".repeat(20_000)), 1);
    assert!(failed(answered(&config, &target, long)).message().contains("16 KiB"));
}

#[test]
fn keys_are_never_the_same() {
    let (config, target) = client("ws://host");
    let ask = || {
        let (mut handshake, mut down) = (Handshake::new(), Wire::new());
        handshake.ask(&config, &target, &mut down).unwrap();
        handshake.key.unwrap()
    };
    assert_ne!(ask(), ask());
}

#[test]
fn clients_add_only_what_headers_can_have() {
    let (_, mut target) = client("ws://host");
    for (name, value) in [("Sec-WebSocket-Key", "x"), ("Upgrade", "x"), ("A", "b\nc"), ("A B", "c")]
    {
        assert!(target.add_header(name, value).is_err(), "{name}");
    }
    target.add_header("host", "other").unwrap();
    assert_eq!((target.host.as_str(), target.headers.len()), ("other", 0));
    assert!(target.set_subprotocols(&["a", "b c"]).is_err());
}
