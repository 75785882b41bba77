//! `cppserver_http_...`: what a client asks a WebSocket server for, and the answer.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use super::types::{cppserver_http_request, cppserver_http_response};
use super::{argument, guard};
use crate::error::{Error, Result};
use crate::net::{Request, Response};

/// A request as C reads it, during the callback about it.
pub(super) struct RequestTexts {
    method: CString,
    target: CString,
    path: CString,
    query: Option<CString>,
    headers: Vec<(CString, CString)>,
}

impl RequestTexts {
    pub(super) fn new(request: &Request) -> RequestTexts {
        // No part of a request that was parsed has a NUL.
        let text = |text: &str| CString::new(text).unwrap_or_default();
        RequestTexts {
            method: text(request.method()),
            target: text(request.target()),
            path: text(request.path()),
            query: request.query().map(text),
            headers: request.headers().map(|(name, value)| (text(name), text(value))).collect(),
        }
    }

    pub(super) fn as_ptr(&self) -> *const cppserver_http_request {
        ptr::from_ref(self).cast()
    }
}

/// # Safety
///
/// `request` is NULL or what [`RequestTexts::as_ptr`] gave, and is used during the callback alone.
unsafe fn request<'a>(request: *const cppserver_http_request) -> Result<&'a RequestTexts> {
    // SAFETY: the contract of this function.
    unsafe { request.cast::<RequestTexts>().as_ref() }
        .ok_or_else(|| Error::argument("request is NULL"))
}

/// # Safety
///
/// `response` is NULL or points to the `Response` of the running callback, which alone uses it.
unsafe fn response<'a>(response: *mut cppserver_http_response) -> Result<&'a mut Response> {
    // SAFETY: the contract of this function.
    unsafe { response.cast::<Response>().as_mut() }
        .ok_or_else(|| Error::argument("response is NULL"))
}

/// "GET" or "HEAD". The text is valid until the callback about the request returns. NULL gives "".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_request_method(
    request: *const cppserver_http_request,
) -> *const c_char {
    guard::value(c"".as_ptr(), || {
        // SAFETY: NULL or a request of the running callback, as the header asks.
        Ok(unsafe { self::request(request) }?.method.as_ptr())
    })
}

/// The path and the query, such as "/chat?room=7", as the client has written them. The text is
/// valid until the callback about the request returns. NULL gives "".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_request_target(
    request: *const cppserver_http_request,
) -> *const c_char {
    guard::value(c"".as_ptr(), || {
        // SAFETY: NULL or a request of the running callback, as the header asks.
        Ok(unsafe { self::request(request) }?.target.as_ptr())
    })
}

/// The path alone, such as "/chat". The text is valid until the callback about the request returns.
/// NULL gives "".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_request_path(
    request: *const cppserver_http_request,
) -> *const c_char {
    guard::value(c"".as_ptr(), || {
        // SAFETY: NULL or a request of the running callback, as the header asks.
        Ok(unsafe { self::request(request) }?.path.as_ptr())
    })
}

/// What follows the question mark of the target, or NULL without one. The text is valid until the
/// callback about the request returns. NULL gives NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_request_query(
    request: *const cppserver_http_request,
) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: NULL or a request of the running callback, as the header asks.
        let query = unsafe { self::request(request) }?.query.as_deref();
        Ok(query.map_or(ptr::null(), CStr::as_ptr))
    })
}

/// The value of the first header field of a name, in any case of letters, or NULL without one and
/// for a value that is not UTF-8. The text is valid until the callback about the request returns.
/// NULL gives NULL.
///
/// "Origin" tells the page that a browser connects from, "Sec-WebSocket-Protocol" the subprotocols
/// that the client offers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_request_header(
    request: *const cppserver_http_request,
    name: *const c_char,
) -> *const c_char {
    guard::value(ptr::null(), || {
        // SAFETY: NULL or a request of the running callback, as the header asks.
        let request = unsafe { self::request(request) }?;
        // SAFETY: NULL or C text that outlives this call.
        let name = unsafe { argument::text(name, "name") }?.as_bytes();
        let mut headers = request.headers.iter();
        let found = headers.find(|(own, _)| own.as_bytes().eq_ignore_ascii_case(name));
        Ok(found.map_or(ptr::null(), |(_, value)| value.as_ptr()))
    })
}

/// Stores a header field by its place. The texts are valid until the callback about the request
/// returns; the name is in small letters.
///
/// index: from 0 on.
/// name, value: where to store the texts; each may be NULL.
///
/// Returns false when there are no more, and for NULL; the texts are left as they were then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_request_header_at(
    request: *const cppserver_http_request,
    index: usize,
    name: *mut *const c_char,
    value: *mut *const c_char,
) -> bool {
    guard::value(false, || {
        // SAFETY: NULL or a request of the running callback, as the header asks.
        let request = unsafe { self::request(request) }?;
        let Some(header) = request.headers.get(index) else { return Ok(false) };
        // SAFETY: each NULL or valid for a write, as the header asks.
        unsafe {
            argument::store(name, header.0.as_ptr());
            argument::store(value, header.1.as_ptr());
        }
        Ok(true)
    })
}

/// The status of an answer: 101 before a handshake that is accepted, 426 before another request,
/// unless it was changed. NULL gives 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_response_status(
    response: *const cppserver_http_response,
) -> u16 {
    guard::value(0, || {
        // SAFETY: NULL or the response of the running callback, as the header asks.
        Ok(unsafe { self::response(response.cast_mut()) }?.status())
    })
}

/// Chooses the status (RFC 9110 section 15), such as 200 for a page or 403 to refuse a handshake.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is not from 200 to 599.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_response_set_status(
    response: *mut cppserver_http_response,
    status: u16,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or the response of the running callback, as the header asks.
        unsafe { self::response(response) }?.set_status(status)
    })
}

/// Adds a header field, such as "Content-Type" or "Set-Cookie". Those about the connection, the
/// handshake and the length are written by the library.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for a name or a value that a
/// header cannot have, or that the library writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_response_add_header(
    response: *mut cppserver_http_response,
    name: *const c_char,
    value: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or the response of the running callback, as the header asks.
        let response = unsafe { self::response(response) }?;
        // SAFETY: NULL or C text that outlives this call.
        let name = unsafe { argument::text(name, "name") }?;
        // SAFETY: NULL or C text that outlives this call.
        response.add_header(name, unsafe { argument::text(value, "value") }?)
    })
}

/// Chooses the subprotocol of the session, one of those that the client offers.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT for what is no token. Whether it
/// was
/// offered is looked at after the callback: if not, the session fails.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_response_set_subprotocol(
    response: *mut cppserver_http_response,
    name: *const c_char,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or the response of the running callback, as the header asks.
        let response = unsafe { self::response(response) }?;
        // SAFETY: NULL or C text that outlives this call.
        response.set_subprotocol(unsafe { argument::text(name, "name") }?)
    })
}

/// Sets what follows the head: a page, or a sentence on why the handshake is refused. It is copied.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when data is NULL and size is not
/// 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_http_response_set_body(
    response: *mut cppserver_http_response,
    data: *const c_void,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or the response of the running callback, as the header asks.
        let response = unsafe { self::response(response) }?;
        // SAFETY: NULL or so many bytes, which outlive this call.
        response.set_body(unsafe { argument::bytes(data, size) }?);
        Ok(())
    })
}
