//! The layer in memory, with bytes cut at random.

use super::super::random::Random;
use super::*;
use crate::error::{Category, Status};

const LIMIT: usize = 100_000;

fn config(mapping: Mapping) -> Arc<Config> {
    Arc::new(Config { mapping, protocol: 48, peer: 49, limit: LIMIT })
}

/// What a layer made of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    ready: usize,
    messages: Vec<Vec<u8>>,
}

/// Gives bytes to a layer, cut by `cut`, until one piece is refused.
fn feed(layer: &mut Sp, bytes: &[u8], mut cut: impl FnMut(usize) -> usize) -> (Told, Result<()>) {
    let (mut told, mut down) = (Told::default(), Wire::new());
    let mut copy = bytes.to_vec();
    let mut rest = copy.as_mut_slice();
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at_mut(cut(rest.len()));
        let result = layer.receive(piece, &mut down, &mut |event: Event<'_>| match event {
            Event::Ready(_) => told.ready += 1,
            Event::Data(Kind::Binary, data) => told.messages.push(data.to_vec()),
            _ => panic!("the layer told something else"),
        });
        assert!(down.is_empty(), "there is nothing to answer");
        if result.is_err() {
            return (told, result);
        }
        rest = tail;
    }
    (told, Ok(()))
}

fn frame(mapping: Mapping, message: &[u8]) -> Vec<u8> {
    let (head, size) = mapping.head(message.len());
    [&head[..size], message].concat()
}

/// A layer whose peer has greeted.
fn greeted(mapping: Mapping) -> Sp {
    let mut layer = Sp::new(config(mapping));
    feed(&mut layer, &greeting(49), |left| left).1.unwrap();
    layer
}

#[test]
fn greetings_and_heads_byte_by_byte() {
    let mut layer = Sp::new(config(Mapping::Tcp));
    let mut down = Wire::new();
    layer.start(&mut down, &mut |_: Event<'_>| panic!("nothing is known yet")).unwrap();
    assert_eq!(down.to_vec(), b"\0SP\0\0\x30\0\0");
    assert_eq!(frame(Mapping::Tcp, b"hello"), b"\0\0\0\0\0\0\0\x05hello");
    assert_eq!(frame(Mapping::Ipc, b"hello"), b"\x01\0\0\0\0\0\0\0\x05hello");
    assert_eq!(Mapping::Tcp.head(0x0102_0304).0[..8], [0, 0, 0, 0, 1, 2, 3, 4]);
    assert!(!layer.is_ready() && !layer.is_transparent());
    let (told, result) = feed(&mut layer, b"\0SP\0\0\x31\0\0", |_| 1);
    assert_eq!((told.ready, result), (1, Ok(())));
    assert!(layer.is_ready() && layer.is_transparent());
}

#[test]
fn messages_pass_unchanged_under_random_cuts() {
    let mut random = Random::new(7);
    for mapping in [Mapping::Tcp, Mapping::Ipc] {
        for round in 0..300 {
            let most = [2, 40, 3_000, LIMIT][round % 4];
            let messages: Vec<Vec<u8>> = (0..random.up_to(30))
                .map(|number| {
                    let length = if number == 1 { most } else { random.up_to(most + 1) - 1 };
                    (0..length).map(|place| (place * 7 + number) as u8).collect()
                })
                .collect();
            let mut bytes = greeting(49).to_vec();
            messages.iter().for_each(|message| bytes.extend(frame(mapping, message)));
            let mut layer = Sp::new(config(mapping));
            let piece = [1, 9, 70, 20_000, bytes.len()][round % 5];
            let (told, result) = feed(&mut layer, &bytes, |left| random.up_to(piece.min(left)));
            assert_eq!((told, result), (Told { ready: 1, messages }, Ok(())), "round {round}");
            assert_eq!(layer.end(), Ok(()));
        }
    }
}

#[test]
fn whole_messages_are_handed_up_from_where_they_were_received() {
    let mut layer = greeted(Mapping::Tcp);
    let mut bytes: Vec<u8> = (0..100u8).flat_map(|byte| frame(Mapping::Tcp, &[byte; 32])).collect();
    let range = bytes.as_ptr_range();
    let mut count = 0;
    layer
        .receive(&mut bytes, &mut Wire::new(), &mut |event: Event<'_>| match event {
            Event::Data(_, data) => {
                assert!(range.contains(&data.as_ptr()), "message {count} was copied");
                count += 1;
            }
            _ => panic!("the layer told something else"),
        })
        .unwrap();
    assert_eq!(count, 100);
    assert!(layer.codec.partial_room().is_none());
}

#[test]
fn an_announced_length_takes_no_memory() {
    let mut layer = Sp::new(Arc::new(Config { limit: usize::MAX, ..*config(Mapping::Tcp) }));
    feed(&mut layer, &greeting(49), |left| left).1.unwrap();
    let (head, size) = Mapping::Tcp.head(usize::MAX / 2);
    let bytes = [&head[..size], &[1; 1000]].concat();
    assert_eq!(feed(&mut layer, &bytes, |left| left), (Told::default(), Ok(())));
    assert!(layer.codec.partial_room().is_some_and(|room| room <= 2000));
    feed(&mut layer, &[1; 100], |_| 1).1.unwrap();
    assert!(layer.codec.partial_room().is_some_and(|room| room <= 4000));
}

#[test]
fn a_message_of_the_limit_is_taken_and_one_byte_more_is_not() {
    for mapping in [Mapping::Tcp, Mapping::Ipc] {
        for cut in [1, usize::MAX] {
            let mut layer = greeted(mapping);
            let (told, result) =
                feed(&mut layer, &frame(mapping, &[5; LIMIT]), |left| left.min(cut));
            assert_eq!((told.messages.len(), result), (1, Ok(())));
            let bytes = [frame(mapping, b"before"), frame(mapping, &[5; LIMIT + 1])].concat();
            let (told, result) = feed(&mut layer, &bytes, |left| left.min(cut));
            assert_eq!(told.messages, [b"before"], "what came before it counts");
            let error = result.unwrap_err();
            assert_eq!((error.status(), error.category()), (Status::Limit, Category::Sp));
            assert_eq!(error.code(), SpFailure::TooLarge as i32);
            assert!(error.message().contains("100001"), "{error}");
        }
    }
}

#[test]
fn lengths_beyond_all_memory_are_refused_with_their_last_byte() {
    for length in [u64::MAX, u64::MAX - 7, 1 << 63, (LIMIT + 1) as u64] {
        let mut layer = greeted(Mapping::Tcp);
        let head = length.to_be_bytes();
        assert_eq!(feed(&mut layer, &head[..7], |left| left).1, Ok(()));
        let (_, result) = feed(&mut layer, &head[7..], |left| left);
        assert_eq!(result.unwrap_err().status(), Status::Limit, "length {length}");
    }
}

#[test]
fn what_is_no_greeting_is_refused_with_its_first_wrong_byte() {
    for (bytes, place, words) in [
        (&b"GET / HTTP/1.1\r\n"[..], 0, "something else"),
        (b"\x16\x03\x01\x02", 0, "something else"),
        (b"\0sp\0\0\x31\0\0", 1, "something else"),
        (b"\0SP\x01\0\x31\0\0", 3, "something else"),
        (b"\0SP\0\0\x31\0\x01", 7, "version"),
        (b"\0SP\0\0\x31\x01\0", 6, "version"),
        (b"\0SP\0\x01\x31\0\0", 4, "protocol"),
    ] {
        for cut in [1, usize::MAX] {
            let mut layer = Sp::new(config(Mapping::Tcp));
            assert_eq!(feed(&mut layer, &bytes[..place], |left| left.min(cut)).1, Ok(()));
            let (told, result) = feed(&mut layer, &bytes[place..], |left| left.min(cut));
            let error = result.unwrap_err();
            assert!(error.message().contains(words), "{bytes:?}: {error}");
            assert_eq!((error.category(), error.status()), (Category::Sp, Status::Sp));
            assert_eq!(told, Told::default());
        }
    }
}

#[test]
fn a_protocol_that_does_not_belong_is_called_by_its_name() {
    for number in 0..=u16::MAX {
        if number == 49 {
            continue;
        }
        let mut layer = Sp::new(config(Mapping::Tcp));
        let (_, result) = feed(&mut layer, &greeting(number), |left| left);
        let error = result.unwrap_err();
        assert!(error.message().contains(&name_of(number)), "{number}: {error}");
        assert!(error.message().contains("connect req to rep"), "{error}");
    }
}

#[test]
fn a_message_that_comes_in_an_unknown_way_is_refused() {
    for cut in [1, usize::MAX] {
        let mut layer = greeted(Mapping::Ipc);
        let bytes = [0x02, 0, 0, 0, 0, 0, 0, 0, 1, b'x'];
        let (told, result) = feed(&mut layer, &bytes, |left| left.min(cut));
        assert!(result.unwrap_err().message().contains("byte 2"));
        assert_eq!(told, Told::default());
    }
}

#[test]
fn an_end_in_the_middle_is_told() {
    let cut_at = |bytes: &[u8]| {
        let mut layer = Sp::new(config(Mapping::Tcp));
        feed(&mut layer, bytes, |left| left).1.unwrap();
        layer.end().err().map(|error| error.message().to_owned())
    };
    let whole = [&greeting(49)[..], &frame(Mapping::Tcp, b"abc")].concat();
    for length in 0..=whole.len() {
        let error = cut_at(&whole[..length]);
        match length {
            0..8 => assert!(error.unwrap().contains("without the greeting")),
            8 | 19 => assert_eq!(error, None),
            _ => assert!(error.unwrap().contains("in the middle of a message")),
        }
    }
}

#[test]
fn messages_leave_as_they_are() {
    let mut layer = greeted(Mapping::Tcp);
    let (mut data, mut down) = (Wire::new(), Wire::new());
    data.join(b"frames", 100);
    assert_eq!(layer.send(&mut data, &mut down), Ok(6));
    assert_eq!((down.to_vec().as_slice(), data.len()), (&b"frames"[..], 0));
}
