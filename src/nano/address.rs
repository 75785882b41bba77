//! Addresses of endpoints.

use crate::error::{Error, Result, SpFailure};

/// Where an endpoint listens, or what it dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// Sockets of this process, by a name.
    Inproc(String),
    /// Sockets of this machine, by the path of a file.
    Ipc(String),
    /// TCP, or TLS over it.
    Tcp {
        host: String,
        port: u16,
        /// Where a dial comes from: an address or an interface of this machine.
        local: Option<String>,
        tls: bool,
    },
    /// WebSocket, or WebSocket over TLS.
    WebSocket { host: String, port: u16, path: String, local: Option<String>, tls: bool },
}

/// The longest name of nanomsg, which other implementations keep to.
const LONGEST: usize = 127;

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Address> {
        let Some((transport, rest)) = text.split_once("://") else {
            return Err(refused(text, "it does not begin with a transport such as tcp://"));
        };
        if rest.is_empty() || text.contains('\0') {
            return Err(refused(text, "nothing follows the transport, or a zero byte does"));
        }
        match transport {
            "inproc" if text.len() <= LONGEST => Ok(Address::Inproc(rest.to_owned())),
            "inproc" => Err(refused(text, "it is longer than 127 bytes")),
            "ipc" => Ok(Address::Ipc(rest.to_owned())),
            "tcp" | "tls+tcp" => tcp(text, rest, transport != "tcp"),
            "ws" | "wss" => web_socket(text, rest, transport == "wss"),
            _ => Err(Error::sp(
                SpFailure::Transport,
                format!(
                    "{transport:?} is no transport of this library; use inproc, ipc, tcp, tls+tcp, \
                     ws or wss"
                ),
            )),
        }
    }

    /// Whether there is an address to dial, and not only one to listen on.
    pub(crate) fn check_dial(&self, text: &str) -> Result<()> {
        match self {
            Address::Tcp { host, .. } | Address::WebSocket { host, .. } if host == "*" => {
                Err(refused(text, "a dial needs a host, and not every address of this machine"))
            }
            Address::Tcp { port: 0, .. } | Address::WebSocket { port: 0, .. } => {
                Err(refused(text, "a dial needs the port of a listener, not 0"))
            }
            _ => Ok(()),
        }
    }
}

fn tcp(text: &str, rest: &str, tls: bool) -> Result<Address> {
    let (local, rest) = split_local(text, rest)?;
    let (host, port) = host_and_port(text, rest, None)?;
    Ok(Address::Tcp { host, port, local, tls })
}

fn web_socket(text: &str, rest: &str, tls: bool) -> Result<Address> {
    let (authority, path) = match rest.find('/') {
        Some(slash) => (&rest[..slash], &rest[slash..]),
        None => (rest, "/"),
    };
    let (local, authority) = split_local(text, authority)?;
    let (host, port) = host_and_port(text, authority, Some(if tls { 443 } else { 80 }))?;
    Ok(Address::WebSocket { host, port, path: path.to_owned(), local, tls })
}

/// What is in front of a semicolon, and the rest.
fn split_local<'a>(text: &str, rest: &'a str) -> Result<(Option<String>, &'a str)> {
    match rest.split_once(';') {
        Some((local, rest)) if !local.is_empty() => Ok((Some(local.to_owned()), rest)),
        Some(_) => Err(refused(text, "nothing is in front of the semicolon")),
        None => Ok((None, rest)),
    }
}

fn host_and_port(text: &str, rest: &str, default: Option<u16>) -> Result<(String, u16)> {
    let (host, port) = match rest.strip_prefix('[') {
        Some(rest) => {
            let Some((host, port)) = rest.split_once(']') else {
                return Err(refused(text, "a bracket is not closed"));
            };
            (host, port.strip_prefix(':'))
        }
        None => match rest.rsplit_once(':') {
            Some((host, _)) if host.contains(':') => {
                return Err(refused(text, "an IPv6 address needs brackets around it"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (rest, None),
        },
    };
    let port = match (port, default) {
        (Some(port), _) if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok(),
        (None, default) => default,
        _ => None,
    };
    let Some(port) = port else {
        return Err(refused(text, "it needs a port from 0 to 65535 behind a colon"));
    };
    if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "[]/".contains(c)) {
        return Err(refused(text, "it needs the name or the address of a host"));
    }
    Ok((host.to_owned(), port))
}

fn refused(text: &str, why: &str) -> Error {
    let text = text.escape_debug();
    Error::sp(SpFailure::Address, format!("the address \"{text}\" can't be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_tcp(host: &str, port: u16) -> Address {
        Address::Tcp { host: host.into(), port, local: None, tls: false }
    }

    #[test]
    fn addresses_of_each_transport() {
        let web = |host: &str, port, path: &str, tls| Address::WebSocket {
            host: host.into(),
            port,
            path: path.into(),
            local: None,
            tls,
        };
        for (text, address) in [
            ("inproc://a b/c", Address::Inproc("a b/c".into())),
            ("ipc:///tmp/socket", Address::Ipc("/tmp/socket".into())),
            ("tcp://127.0.0.1:5555", of_tcp("127.0.0.1", 5555)),
            ("tcp://*:0", of_tcp("*", 0)),
            ("tcp://[::1]:80", of_tcp("::1", 80)),
            ("tcp://some.host:65535", of_tcp("some.host", 65535)),
            (
                "tcp://eth0;10.0.0.1:80",
                Address::Tcp {
                    host: "10.0.0.1".into(),
                    port: 80,
                    local: Some("eth0".into()),
                    tls: false,
                },
            ),
            (
                "tls+tcp://host:1",
                Address::Tcp { host: "host".into(), port: 1, local: None, tls: true },
            ),
            ("ws://host:8080/a/b?c", web("host", 8080, "/a/b?c", false)),
            ("ws://host", web("host", 80, "/", false)),
            ("wss://host/x", web("host", 443, "/x", true)),
            ("wss://[::]:4/", web("::", 4, "/", true)),
            (
                "ws://lo;host:5/a;b",
                Address::WebSocket {
                    host: "host".into(),
                    port: 5,
                    path: "/a;b".into(),
                    local: Some("lo".into()),
                    tls: false,
                },
            ),
        ] {
            assert_eq!(Address::parse(text).unwrap(), address, "{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_refused() {
        for text in [
            "",
            "tcp",
            "tcp:/",
            "tcp://",
            "tcp://host",
            "tcp://:1",
            "tcp://host:",
            "tcp://host:x",
            "tcp://host:65536",
            "tcp://host:-1",
            "tcp://host:+1",
            "tcp://::1:80",
            "tcp://[::1:80",
            "tcp://[::1]80",
            "tcp://;host:1",
            "ws://;host:1/",
            "tcp://a b:1",
            "ws://host:x/",
            "ws:///path",
            "inproc://",
            "ipc://",
            "ipc://a\0b",
            "1",
        ] {
            let error = Address::parse(text).unwrap_err();
            assert_eq!(error.code(), SpFailure::Address as i32, "{text:?}: {error}");
        }
        let long = format!("inproc://{}", "x".repeat(128));
        assert_eq!(Address::parse(&long).unwrap_err().code(), SpFailure::Address as i32);
        let error = Address::parse("udp://host:1").unwrap_err();
        assert_eq!(error.code(), SpFailure::Transport as i32);
        for text in ["tcp://*:1", "tcp://host:0", "ws://*:1"] {
            assert!(Address::parse(text).unwrap().check_dial(text).is_err(), "{text}");
        }
    }
}
