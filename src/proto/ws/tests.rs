//! The layer as a whole: two of them talk through random cuts, plain and inside another layer.

use super::super::random::Random;
use super::super::{GATHER, Raw, Secure};
use super::*;

/// One end of a connection, with what it has told.
struct End<L> {
    layer: L,
    down: Wire,
    masks: bool,
    deflate: Option<Box<Deflate>>,
    told: Vec<String>,
    /// The first failure, and whether the end was told.
    failure: Option<Error>,
    closed: Option<CloseFrame>,
}

fn config(target: Option<Target>, deflate: Option<DeflateSettings>) -> Arc<Config> {
    let limits = Limits { message: 1 << 20, frame: usize::MAX, fragments: 1000 };
    Arc::new(Config { limits, deflate, tells_control: true, date: String::new, target })
}

fn target() -> Option<Target> {
    Some(Target::new(&Address::parse("ws://localhost/path").unwrap()))
}

impl<L: Layer> End<L> {
    fn new(layer: L, masks: bool) -> End<L> {
        let mut end = End {
            layer,
            down: Wire::new(),
            masks,
            deflate: None,
            told: Vec::new(),
            failure: None,
            closed: None,
        };
        end.call(|layer, down, up| layer.start(down, up));
        end
    }

    fn call(&mut self, call: impl FnOnce(&mut L, &mut Wire, &mut dyn Up) -> Result<()>) {
        let End { layer, down, deflate, told, failure, closed, .. } = self;
        let mut replies = Wire::new();
        call(layer, down, &mut |event: Event<'_>| match event {
            Event::Request(request, _) => told.push(format!("request {}", request.target())),
            Event::Ready(agreement) => {
                *deflate = agreement.deflate;
                told.push("ready".into());
            }
            Event::Data(kind, data) => {
                told.push(format!("{kind:?} {}", String::from_utf8_lossy(data)));
            }
            Event::Inflates(_) => {}
            Event::Reply(bytes) => replies.join(bytes, GATHER),
            Event::Closed(frame) => *closed = Some(frame),
            Event::Failed(error) => *failure = Some(error),
            Event::Done => told.push("done".into()),
            Event::End | Event::Secured(_) => {}
        })
        .unwrap();
        while !replies.is_empty() {
            layer.send(&mut replies, down).unwrap();
        }
    }

    fn send(&mut self, kind: Kind, data: &[u8]) {
        let mut frames = Wire::new();
        let mut sender = Sender { masks: self.masks, deflate: self.deflate.as_deref_mut() };
        sender.message(kind, data, &mut frames, GATHER);
        while !frames.is_empty() {
            self.layer.send(&mut frames, &mut self.down).unwrap();
        }
    }

    fn close(&mut self, code: u16, reason: &str) -> bool {
        let frame = CloseFrame::checked(code, reason).unwrap();
        self.layer.close(&frame, &mut self.down)
    }
}

/// Carries what the one has to say to the other, in random pieces.
fn carry<A: Layer, B: Layer>(from: &mut End<A>, to: &mut End<B>, random: &mut Random) {
    let mut bytes = from.down.to_vec();
    from.down.clear();
    let mut rest = bytes.as_mut_slice();
    while !rest.is_empty() {
        let count = random.up_to(rest.len().min(700));
        let (piece, tail) = rest.split_at_mut(count);
        to.call(|layer, down, up| layer.receive(piece, down, up));
        rest = tail;
    }
}

fn pair(deflate: Option<DeflateSettings>) -> (End<Ws>, End<Ws>) {
    let server = End::new(Ws::new(config(None, deflate)), false);
    (server, End::new(Ws::new(config(target(), deflate)), true))
}

fn talk<A: Layer, B: Layer>(server: &mut End<A>, client: &mut End<B>, random: &mut Random) {
    let long = "größer ".repeat(30_000);
    carry(client, server, random);
    carry(server, client, random);
    assert_eq!(server.told, ["request /path", "ready"]);
    assert_eq!(client.told, ["ready"]);
    for text in ["hello", "", &long, "end"] {
        client.send(Kind::Text, text.as_bytes());
        server.send(Kind::Binary, text.as_bytes());
    }
    client.send(Kind::Ping, b"are you there?");
    carry(client, server, random);
    carry(server, client, random);
    let told = |kind: &str| ["hello", "", &long, "end"].map(|text| format!("{kind} {text}"));
    assert_eq!(server.told[2..6], told("Text"));
    assert_eq!(server.told[6..], ["Ping are you there?"]);
    assert_eq!(client.told[1..5], told("Binary"));
    assert_eq!(client.told[5..], ["Pong are you there?"]);
    // The end: the peer hears it, answers with the same code, and the server is done first.
    assert!(!client.close(3000, "enough"), "the answer is to come");
    carry(client, server, random);
    assert_eq!(server.closed, Some(CloseFrame { code: 3000, reason: "enough".into() }));
    assert!(server.close(1000, ""), "nothing more is expected");
    assert!(!server.layer.listens());
    carry(server, client, random);
    assert_eq!(client.closed, Some(CloseFrame { code: 3000, reason: String::new() }));
    assert!(client.layer.listens(), "the server closes the connection first");
    assert_eq!(client.layer.end(), Ok(()));
    assert!(client.close(1000, "") && client.down.is_empty());
    assert!(server.failure.is_none() && client.failure.is_none());
}

#[test]
#[cfg_attr(miri, ignore = "calls the cryptographic library, which is not Rust")]
fn two_layers_talk_however_they_are_cut() {
    let deflate = DeflateSettings { takeover: false, window_bits: 15, level: 1, threshold: 0 };
    let takeover = DeflateSettings { takeover: true, window_bits: 10, ..deflate };
    let mut random = Random::new(11);
    for settings in [None, Some(deflate), Some(takeover)] {
        for _ in 0..10 {
            let (mut server, mut client) = pair(settings);
            talk(&mut server, &mut client, &mut random);
        }
    }
}

/// A layer below that is there at once, so that what is on top of it is all that is tested.
struct Below(Raw);

impl Layer for Below {
    fn start(&mut self, _down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        up.tell(Event::Ready(Agreement::default()));
        Ok(())
    }

    fn receive(&mut self, bytes: &mut [u8], down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        self.0.receive(bytes, down, up)
    }

    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize> {
        self.0.send(data, down)
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls the cryptographic library, which is not Rust")]
fn the_same_inside_another_layer() {
    let mut random = Random::new(12);
    for _ in 0..10 {
        let server = Secure::new(Below(Raw), Ws::new(config(None, None)));
        let client = Secure::new(Below(Raw), Ws::new(config(target(), None)));
        talk(&mut End::new(server, false), &mut End::new(client, true), &mut random);
    }
}

#[test]
#[cfg_attr(miri, ignore = "calls the cryptographic library, which is not Rust")]
fn a_violation_is_told_to_both_and_nothing_follows() {
    let mut random = Random::new(13);
    let (mut server, mut client) = pair(None);
    carry(&mut client, &mut server, &mut random);
    carry(&mut server, &mut client, &mut random);
    client.send(Kind::Text, b"before");
    client.down.join(b"\x83", GATHER);
    carry(&mut client, &mut server, &mut random);
    client.send(Kind::Text, b"behind");
    carry(&mut client, &mut server, &mut random);
    assert_eq!(server.told.last().map(String::as_str), Some("Text before"));
    let error = server.failure.take().unwrap();
    assert_eq!((error.code(), error.category()), (1002, crate::error::Category::WebSocket));
    assert!(server.close(1000, ""), "the peer is not waited for");
    carry(&mut server, &mut client, &mut random);
    let closed = client.closed.take().unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (1002, "a frame has a reserved opcode"));
}

#[test]
#[cfg_attr(miri, ignore = "calls the cryptographic library, which is not Rust")]
fn an_end_without_a_close_frame_is_an_error() {
    let mut random = Random::new(14);
    let (mut server, mut client) = pair(None);
    for peer in [&mut server, &mut client] {
        let error = peer.layer.end().unwrap_err();
        assert!(error.message().contains("during the opening handshake"), "{error}");
        assert_eq!(error.code(), 1006);
    }
    let (mut server2, _) = pair(None);
    carry(&mut client, &mut server2, &mut random);
    carry(&mut server2, &mut client, &mut random);
    assert_eq!(client.layer.end().unwrap_err().code(), 1006);
    // Not after this side has said the end itself.
    assert!(!server2.close(1000, ""));
    assert_eq!(server2.layer.end(), Ok(()));
    assert!(server2.close(1000, ""));
}

/// Together with its sending side and the session, this makes the memory of an idle session.
#[test]
fn an_idle_layer_is_small() {
    assert!(size_of::<Ws>() <= 40, "{}", size_of::<Ws>());
}
