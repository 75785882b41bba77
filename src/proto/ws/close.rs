//! Close codes (RFC 6455 section 7.4), and why a connection has to be failed.

use std::borrow::Cow;

use tungstenite::protocol::frame::coding::CloseCode;

use crate::error::{Error, Result};

/// The purpose of the connection is fulfilled.
const NORMAL: u16 = 1000;

/// A server goes down, or a browser leaves the page.
const GOING_AWAY: u16 = 1001;

const PROTOCOL_ERROR: u16 = 1002;

/// What a Close frame without a code means; never sent.
pub(crate) const NO_STATUS: u16 = 1005;

/// What a connection that ends without a Close frame means; never sent.
pub(crate) const ABNORMAL: u16 = 1006;

const INVALID_PAYLOAD: u16 = 1007;
const TOO_BIG: u16 = 1009;

/// The most bytes of a reason: what a control frame has beside the code.
const MOST_REASON: usize = super::frame::MOST_CONTROL - 2;

/// The code and the reason of a Close frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseFrame {
    /// Why (RFC 6455 section 7.4): 1000 for a normal end, 1001 when a side goes away, 1002 and
    /// above for what went wrong, 3000 to 4999 for applications. 1005 when the peer gave none.
    pub code: u16,
    /// More about it, for people; often empty.
    pub reason: String,
}

impl CloseFrame {
    /// What may be sent: a code that RFC 6455 allows, and as much of the reason as has room. The
    /// code 1005 stands for none, which has no reason either.
    pub(crate) fn checked(code: u16, reason: &str) -> Result<CloseFrame> {
        if code == NO_STATUS {
            if reason.is_empty() {
                return Ok(CloseFrame { code, reason: String::new() });
            }
            return Err(Error::argument(
                "a Close frame without a code (1005) has no room for a reason",
            ));
        }
        if !may_be_sent(code) {
            return Err(Error::argument(format!(
                "the close code {code} must not be sent (RFC 6455 section 7.4); take 1000, 1001, one \
                 of the other registered ones, or 3000 to 4999"
            )));
        }
        let mut end = reason.len().min(MOST_REASON);
        while !reason.is_char_boundary(end) {
            end -= 1;
        }
        Ok(CloseFrame { code, reason: reason[..end].to_owned() })
    }

    pub(crate) fn normal() -> CloseFrame {
        CloseFrame { code: NORMAL, reason: String::new() }
    }

    pub(crate) fn going_away() -> CloseFrame {
        CloseFrame { code: GOING_AWAY, reason: String::new() }
    }

    /// The payload of the frame.
    pub(super) fn payload(&self) -> Vec<u8> {
        match self.code {
            NO_STATUS => Vec::new(),
            code => [&code.to_be_bytes(), self.reason.as_bytes()].concat(),
        }
    }
}

/// Whether a Close frame may carry the code. 1014 is registered (RFC 6455 section 11.7 and its
/// register), 1012 and 1013 too.
pub(super) fn may_be_sent(code: u16) -> bool {
    code == 1014 || CloseCode::from(code).is_allowed()
}

/// Why a connection is failed (RFC 6455 section 7.1.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: u16,
    pub(super) text: Cow<'static, str>,
}

impl Violation {
    pub(super) fn protocol(text: &'static str) -> Violation {
        Violation { code: PROTOCOL_ERROR, text: text.into() }
    }

    pub(super) fn payload(text: &'static str) -> Violation {
        Violation { code: INVALID_PAYLOAD, text: text.into() }
    }

    pub(super) fn too_big(text: impl Into<Cow<'static, str>>) -> Violation {
        Violation { code: TOO_BIG, text: text.into() }
    }

    /// What the user is told.
    pub(super) fn error(&self) -> Error {
        match self.code {
            TOO_BIG => {
                Error::web_socket_limit(i32::from(self.code), self.text.clone().into_owned())
            }
            code => Error::web_socket(
                i32::from(code),
                format!("the peer breaks the WebSocket protocol: {}", self.text),
            ),
        }
    }

    /// What the peer is told. The texts are short enough.
    pub(super) fn frame(&self) -> CloseFrame {
        let mut end = self.text.len().min(MOST_REASON);
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        CloseFrame { code: self.code, reason: self.text[..end].to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_must_not_be_sent_are_refused() {
        for code in [0, 999, 1004, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] {
            assert!(CloseFrame::checked(code, "").is_err(), "{code}");
            assert!(!may_be_sent(code), "{code}");
        }
        for code in
            [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]
        {
            assert_eq!(CloseFrame::checked(code, "why").unwrap().code, code);
            assert!(may_be_sent(code), "{code}");
        }
        assert!(CloseFrame::checked(NO_STATUS, "why").is_err());
        assert!(CloseFrame::checked(NO_STATUS, "").unwrap().payload().is_empty());
    }

    #[test]
    fn long_reasons_are_cut_between_characters() {
        let frame = CloseFrame::checked(NORMAL, &"ä".repeat(100)).unwrap();
        assert_eq!(frame.reason, "ä".repeat(61));
        assert_eq!(frame.payload().len(), 124);
    }
}
