//! The opening handshake (RFC 6455 section 4), on the parts of tungstenite that have no sockets.

use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::handshake::derive_accept_key;
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::{client, server};
use tungstenite::http::header::{self, HeaderMap, HeaderValue};
use tungstenite::http::{Method, StatusCode};

use super::super::{Event, Up, Wire};
use super::close;
use super::deflate::{self, Agreed};
use super::http::{self, Request, Response};
use super::{Config, Target};
use crate::error::Error;

/// The most bytes of a request or an answer, without a body.
const MOST_HEAD: usize = 16 * 1024;

/// A handshake that goes on.
pub(super) struct Handshake {
    head: Vec<u8>,
    /// What a client has asked with.
    key: Option<String>,
}

/// What a handshake came to.
pub(super) struct Opened {
    pub(super) subprotocol: Option<Box<str>>,
    pub(super) deflate: Option<Agreed>,
}

/// How far a handshake has come.
pub(super) enum Step {
    /// More bytes are needed.
    More,
    /// It is done, with so many of the bytes.
    Open(usize, Opened),
    /// Something else was answered, as it should be.
    Answered,
    /// It failed, and the peer was told if there is a way to.
    Failed(Error),
}

impl Handshake {
    pub(super) fn new() -> Handshake {
        Handshake { head: Vec::new(), key: None }
    }

    /// A client asks.
    pub(super) fn ask(
        &mut self,
        config: &Config,
        target: &Target,
        down: &mut Wire,
    ) -> Result<(), Error> {
        let wrong = |error| Error::argument(format!("the request cannot be written: {error}"));
        let key = client::generate_key();
        let mut request = tungstenite::http::Request::get(target.target.as_str())
            .header(header::HOST, target.host.as_str())
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, key.as_str());
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        if !target.subprotocols.is_empty() {
            request =
                request.header(header::SEC_WEBSOCKET_PROTOCOL, target.subprotocols.join(", "));
        }
        if let Some(settings) = config.deflate {
            request = request.header(header::SEC_WEBSOCKET_EXTENSIONS, deflate::offer(settings));
        }
        let request = request.body(()).map_err(|error| wrong(error.to_string()))?;
        let (bytes, _) =
            client::generate_request(request).map_err(|error| wrong(error.to_string()))?;
        self.key = Some(key);
        down.join(&bytes, crate::proto::GATHER);
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        config: &Config,
        down: &mut Wire,
        up: &mut dyn Up,
    ) -> Step {
        let mut used = 0;
        while let Some(first) = self.head.first().or(bytes.get(used)) {
            // Requests begin with a method, answers with "HTTP".
            if !first.is_ascii_uppercase() {
                return self.not_http(config, down);
            }
            let Some(more) = self.take_head(&bytes[used..]) else {
                if self.head.len() > MOST_HEAD {
                    return self.too_long(config, down);
                }
                return Step::More;
            };
            used += more;
            let Some(target) = &config.target else {
                return self.answer(config, used, down, up);
            };
            match self.verify(config, target) {
                Ok(Some(opened)) => return Step::Open(used, opened),
                // Another answer follows.
                Ok(None) => self.head.clear(),
                Err(error) => return Step::Failed(error),
            }
        }
        Step::More
    }

    /// Takes the bytes of the head. Returns how many, if it is all there now.
    fn take_head(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.head.len();
        let from = before.saturating_sub(3);
        let room = (MOST_HEAD + 1).saturating_sub(before).min(bytes.len());
        self.head.extend_from_slice(&bytes[..room]);
        let ends_at = |index: usize| {
            let head = &self.head[..=index];
            head.ends_with(b"\n\r\n") || head.ends_with(b"\n\n")
        };
        let end = (from..self.head.len()).find(|index| ends_at(*index))? + 1;
        self.head.truncate(end);
        Some(end - before)
    }

    fn not_http(&self, config: &Config, down: &mut Wire) -> Step {
        if config.target.is_some() {
            return Step::Failed(failure(
                0,
                "the server does not answer in HTTP; is it a WebSocket server?",
            ));
        }
        let text = "the client does not speak HTTP; does it speak TLS?";
        refuse(StatusCode::BAD_REQUEST, text, config, false, down)
    }

    fn too_long(&self, config: &Config, down: &mut Wire) -> Step {
        if config.target.is_some() {
            return Step::Failed(failure(
                0,
                "the answer of the server has more than 16 KiB of headers",
            ));
        }
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let text = "the request has more than 16 KiB of headers";
        refuse(status, text, config, is_head(&self.head), down)
    }

    /// A server answers.
    fn answer(&self, config: &Config, used: usize, down: &mut Wire, up: &mut dyn Up) -> Step {
        let is_head = is_head(&self.head);
        let refuse =
            |status, text: &str, down: &mut Wire| refuse(status, text, config, is_head, down);
        let mut request = match parse(&self.head) {
            Ok(request) => request,
            Err((status, text)) => return refuse(status, &text, down),
        };
        let headers = request.0.headers();
        if headers.get_all(header::HOST).iter().count() != 1 {
            return refuse(StatusCode::BAD_REQUEST, "the request has not one Host", down);
        }
        if !http::has_item(headers, &header::UPGRADE, "websocket") {
            let mut response = Response::new(StatusCode::UPGRADE_REQUIRED);
            up.tell(Event::Request(&request, &mut response));
            write(&http::last_answer(&response, is_head, config.date), down);
            return Step::Answered;
        }
        if is_head {
            let text = "a handshake begins with GET, not with HEAD";
            return refuse(StatusCode::METHOD_NOT_ALLOWED, text, down);
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            let text = "the client speaks another version of WebSocket than 13";
            return refuse(StatusCode::UPGRADE_REQUIRED, text, down);
        }
        let has_upgrade = http::has_item(headers, &header::CONNECTION, "upgrade");
        let offers: Vec<&str> = http::items(headers, &header::SEC_WEBSOCKET_EXTENSIONS).collect();
        let offers = offers.join(", ");
        if has_upgrade {
            // Lists may be spread over several fields, of which the check below sees the first.
            let headers = request.0.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        }
        let mut accepted = match server::create_response(&request.0) {
            Ok(accepted) => accepted,
            Err(error) => {
                let text = format!("the handshake of the client is wrong: {error}");
                return refuse(StatusCode::BAD_REQUEST, &text, down);
            }
        };
        let mut response = Response::new(StatusCode::SWITCHING_PROTOCOLS);
        up.tell(Event::Request(&request, &mut response));
        if response.status != StatusCode::SWITCHING_PROTOCOLS {
            write(&http::last_answer(&response, false, config.date), down);
            return Step::Answered;
        }
        let headers = accepted.headers_mut();
        if let Some(name) = &response.subprotocol {
            if !request.subprotocols().any(|offered| offered == name) {
                let text = format!(
                    "the handler chose the subprotocol {name}, which the client did not offer"
                );
                return refuse(StatusCode::INTERNAL_SERVER_ERROR, &text, down);
            }
            // A token, as was checked.
            headers.extend(
                HeaderValue::from_str(name).ok().map(|name| (header::SEC_WEBSOCKET_PROTOCOL, name)),
            );
        }
        let agreed = config.deflate.and_then(|settings| deflate::answer(&offers, settings));
        if let Some((_, text)) = &agreed {
            headers.extend(
                HeaderValue::from_str(text)
                    .ok()
                    .map(|text| (header::SEC_WEBSOCKET_EXTENSIONS, text)),
            );
        }
        headers.extend(response.headers);
        let mut bytes = Vec::new();
        if let Err(error) = server::write_response(&mut bytes, &accepted) {
            return Step::Failed(failure(500, format!("the answer cannot be written: {error}")));
        }
        write(&bytes, down);
        let subprotocol = response.subprotocol.map(String::into_boxed_str);
        Step::Open(used, Opened { subprotocol, deflate: agreed.map(|(agreed, _)| agreed) })
    }

    /// A client looks at the answer (RFC 6455 section 4.1). `None` for one that announces another
    /// (RFC 9110 section 15.2).
    fn verify(&self, config: &Config, target: &Target) -> Result<Option<Opened>, Error> {
        let response = match client::Response::try_parse(&self.head) {
            Ok(Some((_, response))) => response,
            Ok(None) => return Err(failure(0, "the answer of the server cannot be parsed")),
            Err(error) => {
                return Err(failure(
                    0,
                    format!("the answer of the server cannot be parsed: {error}"),
                ));
            }
        };
        let (status, headers) = (response.status(), response.headers());
        if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(None);
        }
        if status != StatusCode::SWITCHING_PROTOCOLS {
            let place = match headers.get(header::LOCATION).and_then(|place| place.to_str().ok()) {
                Some(place) => format!("; it points to {place}"),
                None => String::new(),
            };
            let text = format!(
                "the server answered {status} instead of opening a WebSocket session{place}"
            );
            return Err(failure(i32::from(status.as_u16()), text));
        }
        let wrong = |what: &str| Err(failure(101, format!("the answer of the server has {what}")));
        if !http::has_item(headers, &header::UPGRADE, "websocket") {
            return wrong("no Upgrade to websocket");
        }
        if !http::has_item(headers, &header::CONNECTION, "upgrade") {
            return wrong("no Connection with Upgrade");
        }
        let accept = self.key.as_ref().map(|key| derive_accept_key(key.as_bytes()));
        let same = |value: &HeaderValue| accept.as_deref().is_some_and(|accept| value == accept);
        if !headers.get(header::SEC_WEBSOCKET_ACCEPT).is_some_and(same) {
            return wrong("a wrong Sec-WebSocket-Accept");
        }
        let extensions = joined(headers, &header::SEC_WEBSOCKET_EXTENSIONS);
        let deflate = match deflate::accept(&extensions, config.deflate) {
            Ok(deflate) => deflate,
            Err(what) => return wrong(what),
        };
        let chosen = headers
            .contains_key(header::SEC_WEBSOCKET_PROTOCOL)
            .then(|| joined(headers, &header::SEC_WEBSOCKET_PROTOCOL));
        if let Some(chosen) = &chosen
            && !target.subprotocols.contains(chosen)
        {
            return wrong("a subprotocol that was not offered");
        }
        Ok(Some(Opened { subprotocol: chosen.map(String::into_boxed_str), deflate }))
    }
}

/// The peer closed the connection before the handshake was done.
pub(super) fn end(config: &Config) -> Error {
    let code = i32::from(close::ABNORMAL);
    match config.target {
        None => failure(code, "the client closed the connection during the opening handshake"),
        Some(_) => failure(
            code,
            "the server closed the connection during the opening handshake; is it a WebSocket \
             server, and does it want TLS?",
        ),
    }
}

/// Whether only the head of an answer is asked for (RFC 9110 section 9.3.2).
fn is_head(head: &[u8]) -> bool {
    head.starts_with(b"HEAD ")
}

/// Reads a request, or tells with which status it is refused.
fn parse(head: &[u8]) -> Result<Request, (StatusCode, String)> {
    // The parser of handshakes takes GET alone, and a page may be asked for by HEAD.
    let is_head = is_head(head);
    let as_get = is_head.then(|| [b"GET", &head[4..]].concat());
    match server::Request::try_parse(as_get.as_deref().unwrap_or(head)) {
        Ok(Some((_, mut request))) => {
            if is_head {
                *request.method_mut() = Method::HEAD;
            }
            Ok(Request(request))
        }
        Ok(None) => Err((StatusCode::BAD_REQUEST, "the request cannot be parsed".into())),
        Err(error) => Err((status_of(&error), format!("the request is refused: {error}"))),
    }
}

fn status_of(error: &tungstenite::Error) -> StatusCode {
    match error {
        tungstenite::Error::Protocol(ProtocolError::WrongHttpMethod) => {
            StatusCode::METHOD_NOT_ALLOWED
        }
        tungstenite::Error::Protocol(ProtocolError::WrongHttpVersion) => {
            StatusCode::HTTP_VERSION_NOT_SUPPORTED
        }
        tungstenite::Error::Capacity(CapacityError::TooManyHeaders) => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

/// Tells the client and the user why a request is refused.
fn refuse(status: StatusCode, text: &str, config: &Config, is_head: bool, down: &mut Wire) -> Step {
    let mut response = Response::new(status);
    response.body = format!("{text}\n").into_bytes();
    response
        .headers
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    write(&http::last_answer(&response, is_head, config.date), down);
    Step::Failed(failure(i32::from(status.as_u16()), text))
}

fn write(bytes: &[u8], down: &mut Wire) {
    down.join(bytes, crate::proto::GATHER);
}

fn joined(headers: &HeaderMap, name: &header::HeaderName) -> String {
    http::items(headers, name).collect::<Vec<_>>().join(", ")
}

/// The code is the status of HTTP, 0 where there is none.
fn failure(code: i32, text: impl Into<String>) -> Error {
    Error::web_socket(code, text.into())
}

#[cfg(test)]
#[path = "handshake_tests.rs"]
mod tests;
