//! Addresses of WebSocket servers (RFC 6455 section 3).

use tungstenite::http::Uri;

use crate::error::{Error, Result};

/// What an address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) secure: bool,
    /// Without the brackets of IPv6 addresses.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The path and the query.
    pub(crate) target: String,
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Address> {
        let wrong = |why: &str| {
            Error::argument(format!(
                "{text:?} is no address of a WebSocket server: {why}; write it like \
                 ws://host:port/path"
            ))
        };
        let (text, fragment) = match text.split_once('#') {
            Some((text, _)) => (text, true),
            None => (text, false),
        };
        if fragment {
            return Err(wrong("it has a fragment (#)"));
        }
        let uri: Uri = text.trim().parse().map_err(|_| wrong("it cannot be parsed"))?;
        let scheme = uri.scheme_str().unwrap_or_default().to_ascii_lowercase();
        let secure = match scheme.as_str() {
            "ws" => false,
            "wss" => true,
            _ => return Err(wrong("it does not begin with ws:// or wss://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("it has a user name, which nothing transmits"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let port = match authority.port_u16() {
            Some(0) => return Err(wrong("its port is 0")),
            Some(port) => port,
            None if authority.as_str().ends_with(authority.host()) && secure => 443,
            None if authority.as_str().ends_with(authority.host()) => 80,
            None => return Err(wrong("its port is no number up to 65535")),
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let target = match target.starts_with('/') {
            true => target.to_owned(),
            false => format!("/{target}"),
        };
        Ok(Address { secure, host, port, target })
    }

    /// The value of the header field Host.
    pub(crate) fn host_field(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match (self.secure, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (text, secure, host, port, target, field) in [
            ("ws://localhost", false, "localhost", 80, "/", "localhost"),
            ("wss://example.com", true, "example.com", 443, "/", "example.com"),
            ("ws://127.0.0.1:4444", false, "127.0.0.1", 4444, "/", "127.0.0.1:4444"),
            ("ws://h:8080/a/b?c=d", false, "h", 8080, "/a/b?c=d", "h:8080"),
            ("wss://[::1]:5555/x", true, "::1", 5555, "/x", "[::1]:5555"),
            ("WS://Host?q", false, "Host", 80, "/?q", "Host"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.secure, address.port), (secure, port), "{text}");
            assert_eq!((address.host.as_str(), address.target.as_str()), (host, target), "{text}");
            assert_eq!(address.host_field(), field);
        }
    }

    #[test]
    fn others_are_refused_with_a_reason() {
        for text in [
            "",
            "localhost:80",
            "http://localhost",
            "ws://",
            "ws:///path",
            "ws://h:0",
            "ws://h:65536",
            "ws://h:x",
            "ws://user@h",
            "ws://h/#part",
            "ws://h h",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert!(error.message().contains("ws://host:port/path"), "{text}: {error}");
        }
    }
}
