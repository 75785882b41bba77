//! The HTTP exchange with which a WebSocket begins.

use std::io;

/// The key of the example in RFC 6455, and the answer to it: no server tells it from a random one.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Longer answers than this are none.
const LONGEST: usize = 4096;

/// The request of a client. With `compressed` it offers permessage-deflate by which no message
/// depends on an earlier one.
pub fn request(compressed: bool) -> Vec<u8> {
    let extension = if compressed {
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; \
         client_no_context_takeover\r\n"
    } else {
        ""
    };
    format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n{extension}\r\n"
    )
    .into_bytes()
}

/// The size of the server's answer, or `None` when some of it is missing. An error when the server
/// did not agree to what was offered.
pub fn answer(bytes: &[u8], compressed: bool) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return if bytes.len() < LONGEST { Ok(None) } else { refused("a very long answer") };
    };
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap_or_default();
    if !status.starts_with("HTTP/1.1 101 ") {
        return refused(status);
    }
    let (mut accepted, mut extensions) = (false, String::new());
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "sec-websocket-accept" => accepted = value.trim() == ACCEPT,
            "sec-websocket-extensions" => extensions += value.trim(),
            _ => {}
        }
    }
    if !accepted {
        return refused("a wrong Sec-WebSocket-Accept");
    }
    let agreed = |part| extensions.split([';', ',']).any(|one| one.trim() == part);
    match compressed {
        true if !agreed("permessage-deflate") => refused("no permessage-deflate"),
        true if !agreed("server_no_context_takeover") => refused("a context that is kept"),
        false if !extensions.is_empty() => refused("an extension that was not offered"),
        _ => Ok(Some(end + 4)),
    }
}

fn refused<T>(what: &str) -> io::Result<T> {
    Err(io::Error::other(format!("the server answered the WebSocket handshake with: {what}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(more: &str) -> Vec<u8> {
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             SEC-WEBSOCKET-ACCEPT: {ACCEPT}\r\n{more}\r\n"
        )
        .into_bytes()
    }

    #[test]
    fn an_answer_in_pieces() {
        let whole = text("");
        for size in 0..whole.len() {
            assert!(matches!(answer(&whole[..size], false), Ok(None)));
        }
        let mut more = whole.clone();
        more.extend(b"\x82\x00");
        assert_eq!(answer(&more, false).expect("accepted"), Some(whole.len()));
    }

    #[test]
    fn what_was_agreed_counts() {
        let full = text(
            "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; \
             server_no_context_takeover\r\n",
        );
        assert!(answer(&full, true).is_ok_and(|size| size.is_some()));
        assert!(answer(&full, false).is_err());
        assert!(answer(&text(""), true).is_err());
        assert!(
            answer(&text("Sec-WebSocket-Extensions: permessage-deflate\r\n"), true).is_err(),
            "the context of the server would be kept"
        );
    }

    #[test]
    fn other_answers_are_refused() {
        assert!(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).is_err());
        let wrong = String::from_utf8_lossy(&text("")).replace(ACCEPT, "x");
        assert!(answer(wrong.as_bytes(), false).is_err());
        assert!(answer(&vec![b'x'; LONGEST], false).is_err());
    }
}
