use super::super::super::random::Random;
use super::super::{Config, Target};
use super::*;

const LIMITS: Limits = Limits { message: 1 << 20, frame: usize::MAX, fragments: 100 };

fn codec(is_server: bool, limits: Limits) -> Codec {
    let target = (!is_server).then(Target::default);
    let config = Config { limits, deflate: None, tells_control: false, date: String::new, target };
    Codec::new(Arc::new(config))
}

/// What was told, in words.
fn run(codec: &mut Codec, pieces: Vec<Vec<u8>>) -> (Vec<String>, Result<(), Violation>) {
    let mut told = Vec::new();
    for mut piece in pieces {
        let result = codec.receive(&mut piece, &mut |item: Item<'_>| {
            told.push(match item {
                Item::Message(kind, data) => format!("{kind:?} {}", String::from_utf8_lossy(data)),
                Item::Ping(data) => format!("ping {}", String::from_utf8_lossy(data)),
                Item::Pong(data) => format!("pong {}", String::from_utf8_lossy(data)),
                Item::Close(code, reason) => format!("close {code} {reason}"),
                Item::Inflates => unreachable!("nothing is compressed"),
            });
            !told.last().unwrap().starts_with("close")
        });
        if let Err(violation) = result {
            return (told, Err(violation));
        }
    }
    (told, Ok(()))
}

fn frame(opcode: Opcode, fin: bool, payload: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    let header = Header { fin, mask: key, ..Header::new(opcode, payload.len()) };
    let (head, size) = header.write();
    let mut body = payload.to_vec();
    if let Some(key) = key {
        frame::mask(&mut body, key);
    }
    [&head[..size], &body].concat()
}

/// Frames of every kind, and what they come to.
fn conversation(random: &mut Random, key: Option<[u8; 4]>) -> (Vec<u8>, Vec<String>) {
    let (mut bytes, mut expected) = (Vec::new(), Vec::new());
    for number in 0..12 {
        let text: String = "aé€😀".chars().cycle().take(random.below(200)).collect();
        match random.below(5) {
            0 => {
                bytes.extend(frame(Opcode::Text, true, text.as_bytes(), key));
                expected.push(format!("Text {text}"));
            }
            1 => {
                bytes.extend(frame(Opcode::Binary, true, text.as_bytes(), key));
                expected.push(format!("Binary {text}"));
            }
            2 => {
                bytes.extend(frame(Opcode::Ping, true, &[b'0' + number; 3], key));
                expected.push(format!("ping {}", char::from(b'0' + number).to_string().repeat(3)));
            }
            3 => {
                bytes.extend(frame(Opcode::Pong, true, b"", key));
                expected.push("pong ".into());
            }
            _ => {
                // In fragments, cut within characters, with pings between.
                let data = text.as_bytes();
                let (first, second) = (random.below(data.len() + 1), random.below(data.len() + 1));
                let (first, second) = (first.min(second), first.max(second));
                bytes.extend(frame(Opcode::Text, false, &data[..first], key));
                bytes.extend(frame(Opcode::Ping, true, b"!", key));
                bytes.extend(frame(Opcode::Continuation, false, &data[first..second], key));
                bytes.extend(frame(Opcode::Continuation, true, &data[second..], key));
                expected.push("ping !".into());
                expected.push(format!("Text {text}"));
            }
        }
    }
    bytes.extend(frame(Opcode::Close, true, b"\x03\xe9bye", key));
    bytes.extend_from_slice(b"what follows does not count");
    expected.push("close 1001 bye".into());
    (bytes, expected)
}

#[test]
fn messages_are_the_same_however_they_are_cut() {
    let mut random = Random::new(7);
    for round in 0..300 {
        let is_server = round % 2 == 0;
        let key = is_server.then_some([1, 2, 3, round as u8]);
        let (bytes, expected) = conversation(&mut random, key);
        let mut codec = codec(is_server, LIMITS);
        let mut told = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() && told.last() != expected.last() {
            let most = [1, 5, 40, 1000][round % 4];
            let (piece, tail) = rest.split_at(random.up_to(rest.len().min(most)));
            let (more, result) = run(&mut codec, vec![piece.to_vec()]);
            assert_eq!(result, Ok(()));
            told.extend(more);
            rest = tail;
        }
        assert_eq!(told, expected, "{round}");
    }
}

/// The code with which these bytes are refused, with the last one and not before.
fn refused_at_the_end(is_server: bool, limits: Limits, bytes: &[u8]) -> u16 {
    let mut byte_by_byte = codec(is_server, limits);
    for (index, byte) in bytes.iter().enumerate() {
        let (_, result) = run(&mut byte_by_byte, vec![vec![*byte]]);
        if let Err(violation) = result {
            assert_eq!(index + 1, bytes.len(), "{bytes:x?} {violation:?}");
            let (_, at_once) = run(&mut codec(is_server, limits), vec![bytes.to_vec()]);
            assert_eq!(at_once, Err(violation.clone()), "{bytes:x?}");
            return violation.code;
        }
    }
    panic!("{bytes:x?} passed");
}

#[test]
fn what_breaks_the_protocol_is_refused_with_its_first_wrong_byte() {
    let client = |bytes: &[u8]| refused_at_the_end(false, LIMITS, bytes);
    // Reserved opcodes and bits, masks, control frames.
    for wrong in
        [&b"\x83"[..], b"\x8f", b"\xc1", b"\xa2", b"\x81\x80", b"\x09", b"\x89\x7e", b"\x08"]
    {
        assert_eq!(client(wrong), 1002, "{wrong:x?}");
    }
    assert_eq!(refused_at_the_end(true, LIMITS, b"\x81\x01"), 1002, "not masked");
    // A continuation of nothing, a message within another one.
    assert_eq!(client(b"\x80\x00"), 1002);
    assert_eq!(client(b"\x01\x00\x81\x00"), 1002);
    // Lengths that are too long, or written as they must not be.
    assert_eq!(client(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 1002);
    assert_eq!(client(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"), 1009);
    assert_eq!(client(b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01"), 1009);
    assert_eq!(client(b"\x82\x7e\x00\x01"), 1002);
    // Close frames.
    assert_eq!(client(b"\x88\x01\x03"), 1002);
    assert_eq!(client(b"\x88\x02\x03\xed"), 1002);
    assert_eq!(client(b"\x88\x03\x03\xe8\xff"), 1007);
    // Text that is none: with the byte that shows it, long before the end of the message.
    assert_eq!(client(b"\x81\x7e\x10\x00ab\xff"), 1007);
    assert_eq!(client(b"\x01\x02\xe2\x82\x00\x05a"), 1007);
    assert_eq!(client(b"\x01\x02\xe2\x82\x80\x00"), 1007, "cut within a character");
}

#[test]
fn limits_end_what_would_have_no_end() {
    let small = Limits { message: 10, frame: 6, fragments: 3 };
    assert_eq!(refused_at_the_end(false, small, b"\x82\x07"), 1009);
    assert_eq!(refused_at_the_end(false, small, b"\x02\x06123456\x00\x05"), 1009);
    assert_eq!(refused_at_the_end(false, small, b"\x02\x00\x00\x00\x00\x00\x00\x00"), 1009);
    let (told, result) =
        run(&mut codec(false, small), vec![b"\x02\x06123456\x80\x04789a".to_vec()]);
    assert_eq!((told, result), (vec!["Binary 123456789a".into()], Ok(())));
    // They are limits of messages, and an end has a reason.
    let control = b"\x89\x0bhello world\x88\x0c\x03\xe8as planned";
    for cut in 0..control.len() {
        let pieces = vec![control[..cut].to_vec(), control[cut..].to_vec()];
        let (told, result) = run(&mut codec(false, small), pieces);
        assert_eq!(told, ["ping hello world", "close 1000 as planned"]);
        assert_eq!(result, Ok(()));
    }
}

#[test]
fn a_header_takes_no_memory_for_what_it_announces() {
    let mut codec = codec(false, Limits { message: usize::MAX, ..LIMITS });
    let (told, result) =
        run(&mut codec, vec![b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff0123".to_vec()]);
    assert_eq!((told.len(), result), (0, Ok(())));
    let partial = codec.partial.as_ref().unwrap();
    assert!(partial.message.as_ref().unwrap().data.capacity() < 100);
}

#[test]
fn what_was_kept_is_given_back() {
    let mut codec = codec(false, Limits { message: 16 << 20, ..LIMITS });
    let message = frame(Opcode::Binary, true, &vec![7; 8 << 20], None);
    let pieces: Vec<Vec<u8>> = message.chunks(100_000).map(<[u8]>::to_vec).collect();
    let (told, result) = run(&mut codec, pieces);
    assert_eq!((told.len(), result), (1, Ok(())));
    assert!(codec.partial.is_none());
}

#[test]
fn no_bytes_panic() {
    let mut random = Random::new(3);
    let (good, _) = conversation(&mut random, None);
    for _ in 0..3000 {
        let mut codec = codec(false, LIMITS);
        let damaged = random.damage(&good);
        let cut = random.below(damaged.len());
        let _ = run(&mut codec, vec![damaged[..cut].to_vec(), damaged[cut..].to_vec()]);
        let length = random.below(40);
        let _ = run(&mut codec, vec![random.bytes(length)]);
    }
}

/// Many messages in few bytes, each of which was cut: they must not nest.
#[test]
fn a_storm_of_tiny_fragments_needs_no_stack() {
    let storm = b"\x02\x00\x80\x00".repeat(200_000);
    let mut count = 0;
    let mut bytes = storm.clone();
    codec(false, LIMITS)
        .receive(&mut bytes, &mut |_: Item<'_>| {
            count += 1;
            true
        })
        .unwrap();
    assert_eq!(count, 200_000);
}
