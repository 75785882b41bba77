//! The layer in memory: two of them, with the wire between them cut at random.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::super::random::Random;
use super::config::provider;
use super::identity::Identities;
use super::verify::{Policy, server_verifier};
use super::*;

mod hostile;

const SERVER: &[u8] = include_bytes!("../../../certs/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("../../../certs/server.key");
const AUTHORITY: &[u8] = include_bytes!("../../../certs/ca.pem");

/// One side and what it was told.
struct End<L> {
    layer: L,
    down: Wire,
    received: Vec<u8>,
    details: Option<TlsDetails>,
    ended: bool,
    result: Result<()>,
}

impl<L: Layer> End<L> {
    fn new(layer: L) -> End<L> {
        let mut end = End {
            layer,
            down: Wire::new(),
            received: Vec::new(),
            details: None,
            ended: false,
            result: Ok(()),
        };
        end.call(|layer, down, up| layer.start(down, up));
        end
    }

    fn call(&mut self, call: impl FnOnce(&mut L, &mut Wire, &mut dyn Up) -> Result<()>) {
        let End { layer, down, received, details, ended, .. } = self;
        self.result = call(layer, down, &mut |event: Event<'_>| match event {
            Event::Secured(told) => {
                assert!(received.is_empty() && details.is_none(), "told once, before any data");
                *details = Some(told);
            }
            Event::Ready(_) => assert!(received.is_empty() && details.is_some()),
            Event::Data(kind, bytes) => {
                assert_eq!(kind, Kind::Bytes);
                assert!(details.is_some() && !*ended && !bytes.is_empty());
                received.extend_from_slice(bytes);
            }
            Event::End => {
                assert!(!*ended, "told once");
                *ended = true;
            }
            _ => panic!("TLS tells nothing else"),
        });
    }

    fn receive(&mut self, bytes: &mut [u8]) {
        if self.result.is_ok() {
            self.call(|layer, down, up| layer.receive(bytes, down, up));
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let mut data = Wire::new();
        data.join(bytes, super::super::GATHER);
        while !data.is_empty() {
            let taken = self.layer.send(&mut data, &mut self.down).unwrap();
            assert!(taken > 0, "a layer that is ready takes something");
        }
    }

    fn take(&mut self) -> Vec<u8> {
        let bytes = self.down.to_vec();
        self.down.clear();
        bytes
    }

    fn code(&self) -> i32 {
        self.result.as_ref().unwrap_err().code()
    }
}

type Server = End<Tls<UnbufferedServerConnection>>;
type Client = End<Tls<UnbufferedClientConnection>>;

fn server_settings() -> Settings {
    let identity = Identity::new(SERVER, SERVER_KEY, &mut || None).unwrap();
    Settings { identities: vec![Arc::new(identity)], ..Settings::default() }
}

fn client_settings() -> Settings {
    Settings { roots: certificates(AUTHORITY).unwrap(), ..Settings::default() }
}

fn acceptor(settings: &Settings) -> Acceptor {
    settings.acceptor(&Tickets::new().unwrap()).unwrap()
}

fn pair(server: &Settings, client: &Settings) -> (Server, Client) {
    let client = client.connector().unwrap().layer("localhost").unwrap();
    (End::new(acceptor(server).layer().unwrap()), End::new(client))
}

fn both_versions() -> [Settings; 2] {
    let base = client_settings();
    [
        Settings { maximum: TlsVersion::Tls12, ..base.clone() },
        Settings { minimum: TlsVersion::Tls13, ..base },
    ]
}

/// Carries bytes both ways until both are silent, in pieces of up to `most` bytes.
fn carry<A: Layer, B: Layer>(
    one: &mut End<A>,
    other: &mut End<B>,
    random: &mut Random,
    most: usize,
) {
    loop {
        let (mut there, mut back) = (one.take(), other.take());
        if there.is_empty() && back.is_empty() {
            return;
        }
        cut(&mut there, random, most, |piece| other.receive(piece));
        cut(&mut back, random, most, |piece| one.receive(piece));
    }
}

fn cut(bytes: &mut [u8], random: &mut Random, most: usize, mut take: impl FnMut(&mut [u8])) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = random.up_to(rest.len().min(most));
        let (head, tail) = rest.split_at_mut(count);
        take(head);
        rest = tail;
    }
}

fn shake_hands(server: &mut Server, client: &mut Client) {
    carry(server, client, &mut Random::new(7), 1 << 20);
    assert_eq!((&server.result, &client.result), (&Ok(()), &Ok(())));
    assert!(server.layer.is_ready() && client.layer.is_ready());
}

#[test]
fn messages_pass_in_both_directions_under_random_cuts() {
    let mut random = Random::new(3);
    for settings in both_versions() {
        for most in [1, 7, 100, 5000, 1 << 20] {
            let (mut server, mut client) = pair(&server_settings(), &settings);
            let (mut sent, mut answered) = (Vec::new(), Vec::new());
            let rounds = if most == 1 { 3 } else { 12 };
            carry(&mut server, &mut client, &mut random, most);
            for round in 0..rounds {
                for (from_client, all) in [(true, &mut sent), (false, &mut answered)] {
                    let size = random.up_to([30, 3000, 70_000][round % 3]);
                    let message = random.bytes(size);
                    if from_client {
                        client.send(&message)
                    } else {
                        server.send(&message)
                    }
                    all.extend_from_slice(&message);
                }
                carry(&mut server, &mut client, &mut random, most);
            }
            assert_eq!((&server.result, &client.result), (&Ok(()), &Ok(())), "{most}");
            assert!(server.received == sent && client.received == answered, "{most}");
            assert!(server.layer.kept.is_empty() && client.layer.kept.is_empty());
            assert_eq!(server.layer.kept.capacity(), 0, "nothing is kept when nothing is cut");
        }
    }
}

#[test]
fn the_handshake_is_told_with_its_details() {
    let both = [b"h2".to_vec(), b"http/1.1".to_vec()];
    let server = Settings { alpn: both.to_vec(), ..server_settings() };
    let versions = both_versions().into_iter().zip(["TLSv1.2", "TLSv1.3"]);
    for (client, version) in versions {
        let client = Settings { alpn: both[1..].to_vec(), ..client };
        let (mut server, mut client) = pair(&server, &client);
        shake_hands(&mut server, &mut client);
        for details in [server.details.unwrap(), client.details.clone().unwrap()] {
            assert_eq!(details.version(), version);
            assert!(details.cipher_suite().starts_with("TLS_"), "{details:?}");
            assert_eq!(details.alpn_protocol(), Some(&b"http/1.1"[..]));
            assert_eq!(details.server_name(), Some("localhost"));
            assert!(!details.is_resumed());
        }
        let details = client.details.unwrap();
        assert_eq!(details.peer_certificates().len(), 1);
        assert!(details.peer_subject().unwrap().contains("server.example.com"));
    }
}

#[test]
fn sessions_are_resumed_unless_that_is_off() {
    for settings in both_versions() {
        for resumption in [true, false] {
            let acceptor = acceptor(&Settings { resumption, ..server_settings() });
            let connector = settings.connector().unwrap();
            let resumed = [(); 2].map(|()| {
                let mut server = End::new(acceptor.layer().unwrap());
                let mut client = End::new(connector.layer("localhost").unwrap());
                shake_hands(&mut server, &mut client);
                assert_eq!(server.details.clone().unwrap().server_name(), Some("localhost"));
                client.details.unwrap().is_resumed()
            });
            assert_eq!(resumed, [false, resumption]);
        }
    }
}

#[test]
fn nothing_is_taken_before_the_handshake_and_everything_after_it() {
    let (mut server, mut client) = pair(&server_settings(), &client_settings());
    let mut data = Wire::new();
    data.join(b"early", super::super::GATHER);
    assert_eq!(client.layer.send(&mut data, &mut client.down), Ok(0));
    assert_eq!(server.layer.send(&mut data, &mut server.down), Ok(0));
    assert_eq!(data.len(), 5);
    shake_hands(&mut server, &mut client);
    assert_eq!(client.layer.send(&mut data, &mut client.down), Ok(5));
    carry(&mut server, &mut client, &mut Random::new(1), 1);
    assert_eq!(server.received, b"early");
}

#[test]
fn what_comes_together_with_the_end_of_the_handshake_is_delivered_after_it() {
    for settings in both_versions() {
        let (mut server, mut client) = pair(&server_settings(), &settings);
        // Everything but the last flight of the client.
        while !client.layer.is_ready() {
            let mut there = client.take();
            server.receive(&mut there);
            let mut back = server.take();
            client.receive(&mut back);
        }
        client.send(b"hello");
        let mut last = client.take();
        server.receive(&mut last);
        assert_eq!(server.received, b"hello");
    }
}

#[test]
fn small_sends_share_a_record_and_large_ones_leave_in_batches() {
    let (mut server, mut client) = pair(&server_settings(), &client_settings());
    shake_hands(&mut server, &mut client);
    let shared: Arc<[u8]> = Arc::from(&[5_u8; 2000][..]);
    let mut data = Wire::new();
    for _ in 0..7 {
        data.join_shared(&shared, 1);
    }
    assert_eq!(client.layer.send(&mut data, &mut client.down), Ok(14_000));
    let bytes = client.take();
    assert_eq!(whole_records(&bytes), bytes.len());
    assert_eq!(bytes.len(), 14_000 + 22, "one record");
    let mut data = Wire::new();
    for _ in 0..20 {
        data.join(&[6; 1000], super::super::GATHER);
    }
    assert_eq!(client.layer.send(&mut data, &mut client.down), Ok(20_000));
    let bytes = client.take();
    assert_eq!(bytes.len(), 20_000 + 2 * 22);
    assert_eq!(bytes[3..5], (16_000_u16 + 17).to_be_bytes(), "encrypted where they are");
    let mut data = Wire::new();
    data.join(&[7; 3 * BATCH], super::super::GATHER);
    assert_eq!(client.layer.send(&mut data, &mut client.down), Ok(BATCH));
    assert_eq!(client.down.len(), BATCH + 4 * 22);
    assert_eq!(data.len(), 2 * BATCH);
}

#[test]
fn close_notify_ends_the_stream_and_its_lack_is_a_truncation() {
    let goodbye = CloseFrame::normal();
    for settings in both_versions() {
        let (mut server, mut client) = pair(&server_settings(), &settings);
        shake_hands(&mut server, &mut client);
        client.send(b"bye");
        client.layer.close(&goodbye, &mut client.down);
        let mut bytes = client.take();
        server.receive(&mut bytes);
        assert!(server.ended && server.received == b"bye");
        assert_eq!(server.layer.end(), Ok(()));
        server.receive(&mut b"what follows does not count".to_vec());
        assert_eq!(server.result, Ok(()));
        server.send(b"last words");
        server.layer.close(&goodbye, &mut server.down);
        let mut bytes = server.take();
        client.receive(&mut bytes);
        assert!(client.ended && client.received == b"last words");

        let (mut server, mut client) = pair(&server_settings(), &settings);
        assert_eq!(server.layer.end().unwrap_err().code(), TlsFailure::Truncated as i32);
        shake_hands(&mut server, &mut client);
        client.send(b"cut off");
        let mut bytes = client.take();
        let count = bytes.len() - 1;
        server.receive(&mut bytes[..count]);
        assert!(server.received.is_empty());
        assert_eq!(server.layer.end().unwrap_err().code(), TlsFailure::Truncated as i32);
    }
}

#[test]
fn every_cipher_talks_to_every_other_of_its_suite() {
    let connect = |ours, theirs| {
        let with = |suite| {
            let provider = CryptoProvider { cipher_suites: vec![suite], ..(*provider()).clone() };
            Arc::new(provider)
        };
        let config = rustls::ServerConfig::builder_with_provider(with(ours))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Identities(server_settings().identities)));
        let server = UnbufferedServerConnection::new(Arc::new(config)).unwrap();
        let policy = Policy {
            mode: VerifyMode::None,
            names: false,
            legacy: false,
            depth: None,
            callback: None,
        };
        let config = rustls::ClientConfig::builder_with_provider(with(theirs))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(server_verifier(&policy, &[], &provider()).unwrap())
            .with_no_client_auth();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let client = UnbufferedClientConnection::new(Arc::new(config), name).unwrap();
        let mut server = End::new(Tls::new(server, None));
        let mut client = End::new(Tls::new(client, None));
        shake_hands(&mut server, &mut client);
        let message = Random::new(8).bytes(50_000);
        client.send(&message);
        server.send(&message);
        carry(&mut server, &mut client, &mut Random::new(8), 3000);
        assert!(server.received == message && client.received == message);
        // A changed byte is noticed, and so is a record that is too short for a tag.
        client.send(b"changed");
        let mut bytes = client.take();
        *bytes.last_mut().unwrap() ^= 1;
        server.receive(&mut bytes);
        assert!(server.result.is_err() && server.received == message);
        client.receive(&mut [23, 3, 3, 0, 4, 1, 2, 3, 4]);
        assert!(client.result.is_err());
    };
    let suites = ciphers::tests::all_of_tls13();
    assert!(suites.len() >= 3);
    for ours in &suites {
        for theirs in suites.iter().filter(|suite| suite.suite() == ours.suite()) {
            connect(*ours, *theirs);
        }
    }
}

#[test]
fn a_server_says_the_end_as_soon_as_it_has_its_keys() {
    let goodbye = CloseFrame::normal();
    let (mut server, mut client) = pair(&server_settings(), &client_settings());
    server.layer.close(&goodbye, &mut server.down);
    assert!(server.down.is_empty(), "nothing can be said yet");
    let mut hello = client.take();
    server.receive(&mut hello);
    assert!(!server.layer.is_ready());
    server.layer.close(&goodbye, &mut server.down);
    let mut flight = server.take();
    client.receive(&mut flight);
    assert_eq!(client.result, Ok(()));
    assert!(client.layer.is_ready() && client.ended);
}

#[test]
fn other_protocols_are_refused_at_once_and_told_so() {
    for greeting in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"\x16\x03\x01\xff\xff", b"\0\0\0\0\0\0"]
    {
        for most in [1, 100] {
            let (mut server, _) = pair(&server_settings(), &client_settings());
            let mut bytes = greeting.to_vec();
            let mut given = 0;
            cut(&mut bytes, &mut Random::new(5), most, |piece| {
                if server.result.is_ok() {
                    given += piece.len();
                    server.receive(piece);
                }
            });
            assert!(server.result.is_err(), "{greeting:?}");
            assert!(most > 1 || given <= HEADER, "{given}: refused at the header");
        }
    }
}

#[test]
fn an_error_leaves_an_alert_that_the_peer_understands() {
    // Nothing in common.
    let server = Settings { maximum: TlsVersion::Tls12, ..server_settings() };
    let client = Settings { minimum: TlsVersion::Tls13, ..client_settings() };
    let (mut server, mut client) = pair(&server, &client);
    carry(&mut server, &mut client, &mut Random::new(2), 100);
    assert_eq!((server.code(), client.code()), (70, 1070), "protocol_version");

    let server = Settings { alpn: vec![b"h2".to_vec()], ..server_settings() };
    let client = Settings { alpn: vec![b"smtp".to_vec()], ..client_settings() };
    let (mut server, mut client) = pair(&server, &client);
    carry(&mut server, &mut client, &mut Random::new(2), 100);
    assert_eq!((server.code(), client.code()), (120, 1120), "no_application_protocol");
}

#[test]
fn changed_records_are_refused() {
    for position in [0, 3, 5, 20] {
        let (mut server, mut client) = pair(&server_settings(), &client_settings());
        shake_hands(&mut server, &mut client);
        client.send(b"a message of some length");
        let mut bytes = client.take();
        bytes[position] ^= 0x40;
        bytes.extend_from_slice(&[0; 20_000]);
        server.receive(&mut bytes);
        assert!(server.result.is_err() && server.received.is_empty(), "{position}");
    }
}

#[test]
fn random_bytes_are_refused_without_harm() {
    let mut random = Random::new(11);
    for round in 0..500 {
        let (mut server, mut client) = pair(&server_settings(), &client_settings());
        if round % 2 == 0 {
            shake_hands(&mut server, &mut client);
        }
        let mut bytes = random.bytes(300);
        // Most should get past the header.
        bytes[..5].copy_from_slice(&[20 + (random.next() % 4) as u8, 3, 3, 0, 100]);
        cut(&mut bytes, &mut random, 50, |piece| server.receive(piece));
        assert!(server.received.is_empty() && !server.ended);
    }
}

#[test]
fn a_handshake_in_tiny_records_is_put_together() {
    // Each byte of the ClientHello in a record of its own (RFC 8446 section 5.1 allows it).
    let (mut server, mut client) = pair(&server_settings(), &client_settings());
    let hello = client.take();
    let mut tiny = Vec::new();
    for byte in &hello[HEADER..] {
        tiny.extend_from_slice(&[22, 3, 1, 0, 1, *byte]);
    }
    cut(&mut tiny, &mut Random::new(9), 4, |piece| server.receive(piece));
    carry(&mut server, &mut client, &mut Random::new(9), 1000);
    assert_eq!((server.result, client.result), (Ok(()), Ok(())));
    assert!(client.details.is_some());
}
