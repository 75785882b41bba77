//! What a client asks for, and what a server answers: HTTP/1.1 (RFC 9112) as far as the opening
//! handshake and a plain page need it.

use std::str;

use tungstenite::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use tungstenite::http::{self, StatusCode, Version};

use crate::error::{Error, Result};

/// Header fields that the library writes itself.
const OWN: [HeaderName; 8] = [
    header::CONNECTION,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::SEC_WEBSOCKET_ACCEPT,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_VERSION,
];

/// The request of a client, during the callback about it.
#[derive(Debug)]
pub struct Request(pub(super) http::Request<()>);

impl Request {
    /// `GET` or `HEAD`; the library itself refuses others.
    pub fn method(&self) -> &str {
        self.0.method().as_str()
    }

    /// The path and the query, such as `/chat?room=7`.
    pub fn target(&self) -> &str {
        self.0.uri().path_and_query().map_or("/", |target| target.as_str())
    }

    /// The path alone, such as `/chat`, as the client has written it.
    pub fn path(&self) -> &str {
        self.0.uri().path()
    }

    /// What follows the question mark.
    pub fn query(&self) -> Option<&str> {
        self.0.uri().query()
    }

    /// The first header field of that name, in any case of letters. `None` without one, and for a
    /// value that is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).and_then(text)
    }

    /// All header fields in the order of their first names, in small letters; values that are not
    /// UTF-8 are left out.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.headers().iter().filter_map(|(name, value)| Some((name.as_str(), text(value)?)))
    }

    /// The page that a browser connects from (RFC 6455 section 10.2). Programs need not tell it,
    /// and may tell what they like.
    pub fn origin(&self) -> Option<&str> {
        self.header(header::ORIGIN.as_str())
    }

    /// The subprotocols that the client offers, the preferred one first (RFC 6455 section 1.9).
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        items(self.0.headers(), &header::SEC_WEBSOCKET_PROTOCOL)
    }
}

/// The answer to a request, for the callback to change.
///
/// Before [`SessionHandler::on_handshake`](crate::SessionHandler::on_handshake) the status is 101:
/// the session is opened if it stays so. Before
/// [`SessionHandler::on_request`](crate::SessionHandler::on_request) it is 426: nothing but
/// WebSocket is served here.
#[derive(Debug)]
pub struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) subprotocol: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Response {
    pub(super) fn new(status: StatusCode) -> Response {
        Response { status, headers: HeaderMap::new(), subprotocol: None, body: Vec::new() }
    }

    /// The handler cannot answer.
    pub(crate) fn fail(&mut self) {
        *self = Response::new(StatusCode::INTERNAL_SERVER_ERROR);
    }

    /// The status as a number.
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// Chooses the status (RFC 9110 section 15), such as 200 for a page or 403 to refuse a
    /// handshake.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for what is not from 200 to 599;
    /// 101 is what the library sets.
    pub fn set_status(&mut self, status: u16) -> Result<()> {
        if status == self.status.as_u16() {
            return Ok(());
        }
        let known = StatusCode::from_u16(status).ok().filter(|_| (200..600).contains(&status));
        self.status = known.ok_or_else(|| {
            Error::argument(format!("the status of an answer is from 200 to 599, not {status}"))
        })?;
        Ok(())
    }

    /// Adds a header field. The library writes those about the connection, the handshake and the
    /// length itself, and a `Date` when there is none.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for a name or a value that a
    /// header cannot have, or that the library writes.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        let (name, value) = checked(name, value)?;
        self.headers.append(name, value);
        Ok(())
    }

    /// Chooses the subprotocol of the session, one of those that the client offers.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for what is no token. Whether it
    /// was offered is looked at after the callback: if not, the session fails.
    pub fn set_subprotocol(&mut self, name: &str) -> Result<()> {
        self.subprotocol = Some(checked_token(name)?.to_owned());
        Ok(())
    }

    /// What follows the head: a page, or a sentence on why the handshake is refused. Name what it
    /// is by the header `Content-Type`.
    pub fn set_body(&mut self, body: impl Into<Vec<u8>>) {
        self.body = body.into();
    }
}

/// A header field that a user may add.
pub(super) fn checked(name: &str, value: &str) -> Result<(HeaderName, HeaderValue)> {
    let field = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Error::argument(format!("{name:?} cannot be the name of a header field")))?;
    if OWN.contains(&field) {
        return Err(Error::argument(format!("the header field {name} is written by the library")));
    }
    // Line breaks in there could begin another field.
    let value = HeaderValue::from_str(value)
        .ok()
        .filter(|value| value.to_str().is_ok())
        .ok_or_else(|| {
            Error::argument(format!("the header field {name} takes visible ASCII, not {value:?}"))
        })?;
    Ok((field, value))
}

/// A token (RFC 9110 section 5.6.2), which the names of subprotocols are.
pub(super) fn checked_token(name: &str) -> Result<&str> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match !name.is_empty() && name.bytes().all(is_token) {
        true => Ok(name),
        false => Err(Error::argument(format!("{name:?} cannot be the name of a subprotocol"))),
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    str::from_utf8(value.as_bytes()).ok()
}

/// The items of a list that may be spread over several header fields.
pub(super) fn items<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(text);
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

/// Whether a list has an item, in any case of letters.
pub(super) fn has_item(headers: &HeaderMap, name: &HeaderName, item: &str) -> bool {
    items(headers, name).any(|own| own.eq_ignore_ascii_case(item))
}

/// The bytes of an answer that ends the connection.
pub(super) fn last_answer(response: &Response, is_head: bool, date: fn() -> String) -> Vec<u8> {
    let mut answer = http::Response::new(());
    *answer.version_mut() = Version::HTTP_11;
    *answer.status_mut() = response.status;
    let headers = answer.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    if response.status == StatusCode::UPGRADE_REQUIRED {
        // RFC 9110 section 15.5.22 and RFC 6455 section 4.4.
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade, close"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    }
    // RFC 9110 sections 8.6, 15.3.5 and 15.4.5.
    let has_body = !matches!(response.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_body {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(response.body.len()));
    }
    // RFC 9110 section 6.6.1; a handler may know a better one.
    if !response.headers.contains_key(header::DATE) {
        headers.extend(HeaderValue::try_from(date()).map(|date| (header::DATE, date)));
    }
    headers.extend(response.headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    let mut bytes = Vec::new();
    // Every value was checked to be one that can be written.
    let _ = tungstenite::handshake::server::write_response(&mut bytes, &answer);
    if has_body && !is_head {
        bytes.extend_from_slice(&response.body);
    }
    bytes
}
