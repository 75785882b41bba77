//! permessage-deflate (RFC 7692): what is agreed on, and the compression itself.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::close::Violation;

/// The name of the extension (RFC 7692 section 7).
pub(super) const NAME: &str = "permessage-deflate";

/// The largest window (RFC 7692 section 7.1.2), and the one where nothing is agreed on.
pub(crate) const MOST_BITS: u8 = 15;

/// The smallest window that zlib compresses with. Where 8 is agreed on, nothing is compressed.
pub(crate) const LEAST_BITS: u8 = 9;

/// What ends every compressed message, and is left out (RFC 7692 section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Room that a thread keeps for what it compresses and inflates.
const KEPT_ROOM: usize = 64 * 1024;

/// How one side wants to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether messages may refer to earlier ones, which costs hundreds of kilobytes per session.
    pub(crate) takeover: bool,
    /// The largest window of both sides, 9 to 15.
    pub(crate) window_bits: u8,
    /// 1, the fastest, to 9, the smallest.
    pub(crate) level: u8,
    /// Messages below this size are sent as they are.
    pub(crate) threshold: usize,
}

/// What the two sides have agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) server_takeover: bool,
    pub(super) client_takeover: bool,
    pub(super) server_bits: u8,
    pub(super) client_bits: u8,
    /// The client has said that it can keep to a smaller window.
    client_bits_offered: bool,
}

impl Agreed {
    /// Reads the parameters of an offer or an answer. `None` when one is unknown, comes twice, or
    /// has a value that it must not have.
    fn parse(parameters: &str, is_answer: bool) -> Option<Agreed> {
        let mut agreed = Agreed {
            server_takeover: true,
            client_takeover: true,
            server_bits: MOST_BITS,
            client_bits: MOST_BITS,
            client_bits_offered: false,
        };
        let mut seen = Vec::new();
        for parameter in parameters.split(';').map(str::trim).filter(|text| !text.is_empty()) {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
                None => (parameter, None),
            };
            if seen.contains(&name) {
                return None;
            }
            seen.push(name);
            match (name, value) {
                ("server_no_context_takeover", None) => agreed.server_takeover = false,
                ("client_no_context_takeover", None) => agreed.client_takeover = false,
                ("server_max_window_bits", Some(value)) => agreed.server_bits = bits(value)?,
                ("client_max_window_bits", Some(value)) => {
                    agreed.client_bits = bits(value)?;
                    agreed.client_bits_offered = true;
                }
                ("client_max_window_bits", None) if !is_answer => agreed.client_bits_offered = true,
                _ => return None,
            }
        }
        Some(agreed)
    }
}

fn bits(value: &str) -> Option<u8> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit()) && !value.starts_with('0');
    value.parse().ok().filter(|bits| digits && (8..=MOST_BITS).contains(bits))
}

/// The extensions of a header field (RFC 6455 section 9.1): names with their parameters.
fn extensions(field: &str) -> impl Iterator<Item = (&str, &str)> {
    field.split(',').map(str::trim).filter(|extension| !extension.is_empty()).map(|extension| {
        match extension.split_once(';') {
            Some((name, parameters)) => (name.trim(), parameters),
            None => (extension, ""),
        }
    })
}

/// What a server agrees to of a client's offers, the first that it can, and its answer.
pub(super) fn answer(offers: &str, settings: Settings) -> Option<(Agreed, String)> {
    let offer = extensions(offers)
        .filter(|(name, _)| *name == NAME)
        .find_map(|(_, parameters)| Agreed::parse(parameters, false))?;
    let agreed = Agreed {
        server_takeover: offer.server_takeover && settings.takeover,
        client_takeover: offer.client_takeover && settings.takeover,
        server_bits: offer.server_bits.min(settings.window_bits),
        client_bits: match offer.client_bits_offered {
            true => offer.client_bits.min(settings.window_bits),
            false => MOST_BITS,
        },
        ..offer
    };
    let mut text = String::from(NAME);
    if !agreed.server_takeover {
        text.push_str("; server_no_context_takeover");
    }
    if !agreed.client_takeover {
        text.push_str("; client_no_context_takeover");
    }
    if agreed.server_bits < MOST_BITS {
        text.push_str(&format!("; server_max_window_bits={}", agreed.server_bits));
    }
    if agreed.client_bits < MOST_BITS {
        text.push_str(&format!("; client_max_window_bits={}", agreed.client_bits));
    }
    Some((agreed, text))
}

/// What a client offers.
pub(super) fn offer(settings: Settings) -> String {
    let mut text = String::from(NAME);
    if !settings.takeover {
        text.push_str("; server_no_context_takeover; client_no_context_takeover");
    }
    if settings.window_bits < MOST_BITS {
        text.push_str(&format!("; server_max_window_bits={}", settings.window_bits));
        text.push_str(&format!("; client_max_window_bits={}", settings.window_bits));
    } else {
        text.push_str("; client_max_window_bits");
    }
    text
}

/// What a server's answer means, or why a client cannot take it.
pub(super) fn accept(
    answer: &str,
    offered: Option<Settings>,
) -> Result<Option<Agreed>, &'static str> {
    let mut agreed = None;
    for (name, parameters) in extensions(answer) {
        let Some(settings) = offered.filter(|_| name == NAME && agreed.is_none()) else {
            return Err("an extension that was not offered");
        };
        let Some(answer) = Agreed::parse(parameters, true) else {
            return Err("parameters of permessage-deflate that are wrong");
        };
        if !settings.takeover && answer.server_takeover {
            return Err(
                "permessage-deflate without the server_no_context_takeover that was asked for",
            );
        }
        if answer.server_bits > settings.window_bits || answer.client_bits > MOST_BITS {
            return Err("permessage-deflate with a larger window than was asked for");
        }
        agreed = Some(Agreed {
            client_takeover: answer.client_takeover && settings.takeover,
            client_bits: answer.client_bits.min(settings.window_bits),
            ..answer
        });
    }
    Ok(agreed)
}

/// One side's compression of what it sends.
pub(crate) struct Deflate {
    level: u8,
    bits: u8,
    threshold: usize,
    /// The context of earlier messages, where they may be referred to.
    own: Option<Box<Compress>>,
}

impl Deflate {
    /// `None` where the window that was agreed on is too small for this side.
    pub(super) fn new(settings: Settings, takeover: bool, bits: u8) -> Option<Deflate> {
        if bits < LEAST_BITS {
            return None;
        }
        let Settings { level, threshold, .. } = settings;
        let own = takeover.then(|| Box::new(compressor(level, bits)));
        Some(Deflate { level, bits, threshold, own })
    }

    /// Whether others with the same window make the same of a message.
    pub(crate) fn shares(&self) -> Option<u8> {
        self.own.is_none().then_some(self.bits)
    }

    /// The next message must not refer to earlier ones, which may not arrive.
    pub(crate) fn forget(&mut self) {
        if let Some(own) = self.own.as_mut().filter(|own| own.total_in() > 0) {
            own.reset();
        }
    }

    /// Compresses a message, if that makes it smaller, and hands it on.
    pub(crate) fn compress<R>(
        &mut self,
        message: &[u8],
        call: impl FnOnce(Option<&[u8]>) -> R,
    ) -> R {
        if message.len() < self.threshold.max(1) {
            return call(None);
        }
        SHARED.with(|shared| {
            let mut shared = shared.borrow_mut();
            let mut room = std::mem::take(&mut shared.room);
            room.clear();
            let done = match &mut self.own {
                Some(own) => deflate(own, message, &mut room),
                None => {
                    let compressor = shared.compressor(self.level, self.bits);
                    compressor.reset();
                    deflate(compressor, message, &mut room)
                }
            };
            // Where a context goes on, what it has seen has to be sent.
            let useful = done && (room.len() < message.len() || self.own.is_some());
            drop(shared);
            let result = call(useful.then_some(&room));
            SHARED.with(|shared| shared.borrow_mut().keep(room));
            result
        })
    }
}

/// One side's inflation of what it receives.
pub(super) struct Inflate {
    /// The context of earlier messages, where they may be referred to.
    own: Option<Box<Decompress>>,
}

impl Inflate {
    pub(super) fn new(takeover: bool) -> Inflate {
        Inflate {
            own: takeover.then(|| Box::new(Decompress::new_with_window_bits(false, MOST_BITS))),
        }
    }

    /// Inflates a message of up to `most` bytes and hands it on. `bytes` is what came of it.
    pub(super) fn inflate<R>(
        &mut self,
        bytes: &[u8],
        most: usize,
        call: impl FnOnce(&[u8]) -> R,
    ) -> Result<R, Violation> {
        let (mut room, inflated) = SHARED.with(|shared| {
            let mut shared = shared.borrow_mut();
            let mut room = std::mem::take(&mut shared.room);
            room.clear();
            let inflated = match &mut self.own {
                Some(own) => inflate(own, bytes, most, &mut room),
                None => {
                    let own = shared.inflater();
                    own.reset(false);
                    inflate(own, bytes, most, &mut room)
                }
            };
            (room, inflated)
        });
        let result = inflated.map(|()| call(&room));
        SHARED.with(|shared| shared.borrow_mut().keep(std::mem::take(&mut room)));
        result
    }
}

/// What the sessions of a thread share: their messages come one after the other.
struct Shared {
    compressors: Vec<(u8, u8, Compress)>,
    inflater: Option<Decompress>,
    room: Vec<u8>,
}

thread_local! {
    static SHARED: RefCell<Shared> = const {
        RefCell::new(Shared { compressors: Vec::new(), inflater: None, room: Vec::new() })
    };
}

impl Shared {
    fn compressor(&mut self, level: u8, bits: u8) -> &mut Compress {
        let fits = |(own_level, own_bits, _): &(u8, u8, Compress)| {
            (*own_level, *own_bits) == (level, bits)
        };
        let place = match self.compressors.iter().position(fits) {
            Some(place) => place,
            None => {
                self.compressors.push((level, bits, compressor(level, bits)));
                self.compressors.len() - 1
            }
        };
        &mut self.compressors[place].2
    }

    fn inflater(&mut self) -> &mut Decompress {
        self.inflater.get_or_insert_with(|| Decompress::new_with_window_bits(false, MOST_BITS))
    }

    fn keep(&mut self, room: Vec<u8>) {
        if room.capacity() <= KEPT_ROOM && room.capacity() > self.room.capacity() {
            self.room = room;
        }
    }
}

fn compressor(level: u8, bits: u8) -> Compress {
    Compress::new_with_window_bits(Compression::new(u32::from(level)), false, bits)
}

/// Compresses a whole message. `false` if the compressor cannot, which does not happen.
fn deflate(compressor: &mut Compress, message: &[u8], room: &mut Vec<u8>) -> bool {
    let before = compressor.total_in();
    room.reserve(message.len() / 2 + 64);
    loop {
        let taken = (compressor.total_in() - before) as usize;
        let status = compressor.compress_vec(&message[taken..], room, FlushCompress::Sync);
        let taken = (compressor.total_in() - before) as usize;
        match status {
            // Room that is left means that all is out.
            Ok(Status::Ok | Status::BufError)
                if taken == message.len() && room.len() < room.capacity() =>
            {
                break;
            }
            Ok(Status::Ok | Status::BufError) => room.reserve(room.capacity().max(64)),
            Ok(Status::StreamEnd) | Err(_) => return false,
        }
    }
    if room.ends_with(&TAIL) {
        room.truncate(room.len() - TAIL.len());
        return true;
    }
    false
}

/// Inflates a whole message.
fn inflate(
    inflater: &mut Decompress,
    bytes: &[u8],
    most: usize,
    room: &mut Vec<u8>,
) -> Result<(), Violation> {
    let wrong = || Violation::payload("a compressed message cannot be inflated");
    room.reserve(bytes.len().saturating_mul(2).min(most) + 64);
    for mut input in [bytes, &TAIL] {
        loop {
            let (seen, made) = (inflater.total_in(), room.len());
            let status =
                inflater.decompress_vec(input, room, FlushDecompress::Sync).map_err(|_| wrong())?;
            let taken = (inflater.total_in() - seen) as usize;
            input = &input[taken..];
            if room.len() > most {
                return Err(too_big(most));
            }
            if status == Status::StreamEnd {
                // The last block of a stream (RFC 7692 section 7.2.3.4): another one may follow.
                inflater.reset(false);
            } else if room.len() == room.capacity() {
                // Never much more than is allowed, whatever the message becomes.
                room.reserve(room.capacity().min(most - room.len() + 64));
                continue;
            } else if taken == 0 && room.len() == made && !input.is_empty() {
                return Err(wrong());
            }
            if input.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

pub(super) fn too_big(most: usize) -> Violation {
    Violation::too_big(format!(
        "a message passes the message limit of {most} bytes; raise the limit if that is as it should be"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Settings = Settings { takeover: false, window_bits: 15, level: 3, threshold: 0 };

    fn text(size: usize) -> Vec<u8> {
        b"{\"name\":\"value\",\"number\":12345},".iter().copied().cycle().take(size).collect()
    }

    fn noise(size: usize) -> Vec<u8> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..size).map(|_| next()).collect()
    }

    #[test]
    fn messages_come_back_with_and_without_contexts_and_in_all_windows() {
        for takeover in [false, true] {
            for bits in LEAST_BITS..=MOST_BITS {
                let mut deflate = Deflate::new(OWN, takeover, bits).unwrap();
                let mut inflate = Inflate::new(takeover);
                for message in
                    [text(1), text(100), noise(5_000), text(40_000), noise(40_000), text(7)]
                {
                    deflate.compress(&message, |compressed| {
                        let Some(compressed) = compressed else {
                            assert!(!takeover);
                            return;
                        };
                        let same =
                            inflate.inflate(compressed, message.len(), |bytes| bytes == message);
                        assert_eq!(same, Ok(true), "{takeover} {bits} {}", message.len());
                    });
                }
            }
        }
    }

    #[test]
    fn a_context_makes_the_second_message_smaller() {
        let mut deflate = Deflate::new(OWN, true, 15).unwrap();
        let message = noise(1000);
        let first = deflate.compress(&message, |bytes| bytes.unwrap().len());
        let second = deflate.compress(&message, |bytes| bytes.unwrap().len());
        assert!(first > 900 && second < 50, "{first} {second}");
    }

    #[test]
    fn small_messages_and_those_that_grow_are_sent_as_they_are() {
        let settings = Settings { threshold: 100, ..OWN };
        let mut deflate = Deflate::new(settings, false, 15).unwrap();
        assert!(deflate.compress(&text(99), |bytes| bytes.is_none()));
        assert!(deflate.compress(&text(100), |bytes| bytes.is_some()));
        assert!(deflate.compress(&noise(100), |bytes| bytes.is_none()));
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        let mut deflate = Deflate::new(OWN, false, 15).unwrap();
        let mut inflate = Inflate::new(false);
        let zeros = vec![0; 8 << 20];
        deflate.compress(&zeros, |bomb| {
            let bomb = bomb.unwrap();
            assert!(bomb.len() < 1 << 17);
            let refused = inflate.inflate(bomb, 1 << 16, |_| ()).unwrap_err();
            assert_eq!(refused.code, 1009);
            SHARED.with(|shared| assert!(shared.borrow().room.capacity() <= KEPT_ROOM));
            assert_eq!(inflate.inflate(bomb, 8 << 20, |bytes| bytes.len()), Ok(8 << 20));
        });
    }

    #[test]
    fn what_is_no_deflate_is_refused() {
        for wrong in [&b"\xff\xff\xff\xff"[..], b"\x07"] {
            assert_eq!(Inflate::new(false).inflate(wrong, 1000, |_| ()).unwrap_err().code, 1007);
        }
        // An empty message, as RFC 7692 section 7.2.3.6 writes it.
        assert_eq!(Inflate::new(false).inflate(b"\x00", 1000, |bytes| bytes.len()), Ok(0));
        // A last block (section 7.2.3.4).
        let last = b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
        assert_eq!(Inflate::new(false).inflate(last, 1000, |bytes| bytes == b"Hello"), Ok(true));
    }

    #[test]
    fn servers_agree_to_the_first_offer_that_they_can_keep() {
        let takeover = Settings { takeover: true, ..OWN };
        let answered = |offers: &str, settings| answer(offers, settings).map(|(_, text)| text);
        let plain = Some(NAME.to_owned());
        assert_eq!(answered("permessage-deflate", takeover), plain);
        assert_eq!(answered("foo, permessage-deflate; client_max_window_bits", takeover), plain);
        assert_eq!(
            answered("permessage-deflate; client_max_window_bits", OWN).unwrap(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        );
        assert_eq!(
            answered(
                "permessage-deflate; unknown, permessage-deflate; server_max_window_bits=\"10\"",
                takeover
            )
            .unwrap(),
            "permessage-deflate; server_max_window_bits=10"
        );
        let small = Settings { window_bits: 11, ..takeover };
        assert_eq!(
            answered("permessage-deflate; client_max_window_bits=9", small).unwrap(),
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=9"
        );
        assert_eq!(
            answered("permessage-deflate", small).unwrap(),
            "permessage-deflate; server_max_window_bits=11",
            "a client that has not said so need not keep to a window"
        );
        for wrong in [
            "",
            "permessage-bzip2",
            "permessage-deflate; server_max_window_bits",
            "permessage-deflate; server_max_window_bits=7",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=08",
            "permessage-deflate; client_max_window_bits=1000",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        ] {
            assert_eq!(answered(wrong, takeover), None, "{wrong}");
        }
        let (agreed, _) = answer("permessage-deflate; server_max_window_bits=8", takeover).unwrap();
        assert!(Deflate::new(takeover, agreed.server_takeover, agreed.server_bits).is_none());
    }

    #[test]
    fn clients_take_only_what_they_offered() {
        let takeover = Settings { takeover: true, ..OWN };
        assert_eq!(accept("", None), Ok(None));
        assert!(accept("permessage-deflate", None).is_err());
        assert!(accept("permessage-deflate", Some(OWN)).is_err(), "the context is not given up");
        assert!(accept("permessage-deflate, permessage-deflate", Some(takeover)).is_err());
        assert!(accept("permessage-deflate; client_max_window_bits", Some(takeover)).is_err());
        assert!(accept("x-other", Some(takeover)).is_err());
        let small = Settings { window_bits: 10, ..takeover };
        assert!(accept("permessage-deflate; server_max_window_bits=11", Some(small)).is_err());
        let answer = "permessage-deflate; server_no_context_takeover; client_max_window_bits=9";
        let agreed = accept(answer, Some(OWN)).unwrap().unwrap();
        assert_eq!((agreed.client_bits, agreed.client_takeover), (9, false));
        let both = [OWN, takeover, Settings { window_bits: 10, ..OWN }];
        for settings in both {
            let (ours, text) = super::answer(&offer(settings), settings).unwrap();
            assert_eq!(
                accept(&text, Some(settings)).unwrap().unwrap().server_bits,
                ours.server_bits
            );
        }
    }
}
