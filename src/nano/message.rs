//! Messages, and what is sent as one.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use super::header::Header;
use crate::net::Body;

/// Bodies up to this size are in the message itself; copying them costs less than memory of their
/// own.
const SMALL: usize = 47;

/// A message: bytes that travel as a whole.
///
/// It dereferences to its bytes. Clones share large ones, and a message that is received, kept and
/// sent again is never copied; [changing](Message::to_mut) bytes that are shared copies them.
///
/// ```
/// use cppserver::nano::Message;
///
/// let message = Message::from("hello");
/// assert_eq!(message.len(), 5);
/// assert_eq!(&message[..2], b"he");
/// assert_eq!(message.as_str(), Some("hello"));
/// ```
#[derive(Clone)]
pub struct Message {
    header: Header,
    body: Bytes,
}

/// Either of the two; see [`Header`] for why it is no enum.
#[derive(Clone)]
struct Bytes {
    small: [u8; SMALL],
    count: u8,
    shared: Option<Arc<[u8]>>,
}

impl Message {
    /// An empty message.
    pub fn new() -> Message {
        Message::from(&b""[..])
    }

    /// The message as text, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self).ok()
    }

    /// The message as text, whatever it is: bytes that are no UTF-8 are replaced.
    pub fn to_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self)
    }

    /// The bytes, to be changed. Copies them if a clone shares them.
    pub fn to_mut(&mut self) -> &mut [u8] {
        let Bytes { small, count, shared } = &mut self.body;
        match shared {
            None => &mut small[..usize::from(*count)],
            Some(shared) => Arc::make_mut(shared),
        }
    }

    /// The ids in front of the message, which only [raw](super::Socket::raw) sockets show: where
    /// it came from, the hops that it took, the question that it is or answers. A device passes
    /// them on as they are.
    pub fn header(&self) -> &[u32] {
        self.header.as_slice()
    }

    /// Changes the ids in front of the message, for raw sockets to send.
    pub fn set_header(&mut self, words: &[u32]) {
        self.header = Header::from(words);
    }

    #[inline(always)]
    pub(crate) fn with_header(header: Header, body: Body<'_>) -> Message {
        let body = match body {
            Body::Shared(shared) if shared.len() > SMALL => Bytes::shared(Arc::clone(shared)),
            body => Bytes::copied(body.bytes()),
        };
        Message { header, body }
    }

    pub(crate) fn take_header(&mut self) -> Header {
        std::mem::replace(&mut self.header, Header::new())
    }

    pub(crate) fn body(&self) -> Body<'_> {
        match &self.body.shared {
            None => Body::Copied(self),
            Some(shared) => Body::Shared(shared),
        }
    }
}

impl Bytes {
    #[inline(always)]
    fn copied(bytes: &[u8]) -> Bytes {
        if bytes.len() > SMALL {
            return Bytes::shared(Arc::from(bytes));
        }
        let mut small = [0; SMALL];
        small[..bytes.len()].copy_from_slice(bytes);
        Bytes { small, count: bytes.len() as u8, shared: None }
    }

    fn shared(bytes: Arc<[u8]>) -> Bytes {
        Bytes { small: [0; SMALL], count: 0, shared: Some(bytes) }
    }
}

/// What can be sent as a message: a [`Message`], or bytes or text that become one.
pub struct Payload<'a>(Source<'a>);

enum Source<'a> {
    Bytes(&'a [u8]),
    Borrowed(&'a Message),
    Owned(Message),
}

impl Payload<'_> {
    pub(crate) fn header(&self) -> &[u32] {
        match &self.0 {
            Source::Bytes(_) => &[],
            Source::Borrowed(message) => message.header(),
            Source::Owned(message) => message.header(),
        }
    }

    pub(crate) fn body(&self) -> Body<'_> {
        match &self.0 {
            Source::Bytes(bytes) => Body::Copied(bytes),
            Source::Borrowed(message) => message.body(),
            Source::Owned(message) => message.body(),
        }
    }
}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Payload<'a> {
        Payload(Source::Bytes(bytes))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Payload<'a> {
    fn from(bytes: &'a [u8; N]) -> Payload<'a> {
        Payload(Source::Bytes(bytes))
    }
}

impl<'a> From<&'a Vec<u8>> for Payload<'a> {
    fn from(bytes: &'a Vec<u8>) -> Payload<'a> {
        Payload(Source::Bytes(bytes))
    }
}

impl<'a> From<&'a str> for Payload<'a> {
    fn from(text: &'a str) -> Payload<'a> {
        Payload(Source::Bytes(text.as_bytes()))
    }
}

impl<'a> From<&'a String> for Payload<'a> {
    fn from(text: &'a String) -> Payload<'a> {
        Payload(Source::Bytes(text.as_bytes()))
    }
}

impl<'a> From<&'a Message> for Payload<'a> {
    fn from(message: &'a Message) -> Payload<'a> {
        Payload(Source::Borrowed(message))
    }
}

impl From<Message> for Payload<'_> {
    fn from(message: Message) -> Self {
        Payload(Source::Owned(message))
    }
}

impl From<Vec<u8>> for Payload<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Payload::from(Message::from(bytes))
    }
}

impl From<String> for Payload<'_> {
    fn from(text: String) -> Self {
        Payload::from(Message::from(text))
    }
}

impl From<Arc<[u8]>> for Payload<'_> {
    fn from(bytes: Arc<[u8]>) -> Self {
        Payload::from(Message::from(bytes))
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Message {
        Message { header: Header::new(), body: Bytes::copied(bytes) }
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(bytes: &[u8; N]) -> Message {
        Message::from(&bytes[..])
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::from(Arc::<[u8]>::from(bytes))
    }
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::from(text.into_bytes())
    }
}

impl From<Arc<[u8]>> for Message {
    fn from(bytes: Arc<[u8]>) -> Message {
        Message::with_header(Header::new(), Body::Shared(&bytes))
    }
}

impl Default for Message {
    fn default() -> Message {
        Message::new()
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let Bytes { small, count, shared } = &self.body;
        match shared {
            None => &small[..usize::from(*count)],
            Some(shared) => shared,
        }
    }
}

impl DerefMut for Message {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.to_mut()
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Message) -> bool {
        self.header == other.header && **self == **other
    }
}

impl Eq for Message {}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = formatter.debug_struct("Message");
        if !self.header().is_empty() {
            message.field("header", &self.header);
        }
        message.field("bytes", &self.len()).field("text", &self.to_text()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_bodies() {
        for size in [0, 1, SMALL, SMALL + 1, 100_000] {
            let bytes: Vec<_> = (0..size).map(|place| place as u8).collect();
            let message = Message::from(bytes.clone());
            assert_eq!(*message, *bytes);
            assert_eq!(message, Message::from(&bytes[..]));
            assert_eq!(matches!(message.body(), Body::Shared(_)), size > SMALL);
        }
    }

    #[test]
    fn clones_share_large_bodies_until_one_of_them_changes() {
        let one = Message::from(vec![1; 1000]);
        let mut other = one.clone();
        assert_eq!(one.as_ptr(), other.as_ptr());
        other.to_mut()[0] = 2;
        assert_eq!((one[0], other[0]), (1, 2));
        let mut small = Message::from("hello");
        let copy = small.clone();
        small[0] = b'j';
        assert_eq!((small.as_str(), copy.as_str()), (Some("jello"), Some("hello")));
    }

    #[test]
    fn what_can_be_sent() {
        let message = Message::from("text");
        let bytes = b"text".to_vec();
        let text = "text".to_owned();
        let payloads = [
            Payload::from(&message),
            Payload::from("text"),
            Payload::from(&text),
            Payload::from(b"text"),
            Payload::from(&bytes),
            Payload::from(&bytes[..]),
            Payload::from(bytes.clone()),
            Payload::from(text.clone()),
            Payload::from(message.clone()),
            Payload::from(Arc::<[u8]>::from(&b"text"[..])),
        ];
        for payload in payloads {
            assert_eq!(payload.body().bytes(), b"text");
            assert_eq!(payload.header(), [0_u32; 0]);
        }
    }

    #[test]
    fn a_message_fits_into_few_cache_lines() {
        assert!(size_of::<Message>() <= 96, "{}", size_of::<Message>());
    }
}
