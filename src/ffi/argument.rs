//! Arguments that need a check before they become Rust values, and results that leave by pointer.

use std::ffi::{CStr, c_char, c_void};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::slice;

use crate::error::{Error, Result};
use crate::net::SocketOption;

/// Text of the program.
///
/// # Safety
///
/// `pointer` is NULL or points to text that ends with a NUL and lives as long as the result.
pub(super) unsafe fn text<'a>(pointer: *const c_char, name: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(Error::argument(format!("{name} is NULL")));
    }
    // SAFETY: not NULL, and the rest is the contract.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|_| Error::argument(format!("{name} is not UTF-8")))
}

/// Text of the program, or NULL for none.
///
/// # Safety
///
/// As for [`text`].
pub(super) unsafe fn optional_text<'a>(
    pointer: *const c_char,
    name: &str,
) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: the contract of this function is that of `text`.
    unsafe { text(pointer, name) }.map(Some)
}

/// A path of the program; on Unix any bytes, elsewhere UTF-8.
///
/// # Safety
///
/// As for [`text`].
pub(super) unsafe fn path<'a>(pointer: *const c_char, name: &str) -> Result<&'a Path> {
    #[cfg(unix)]
    if !pointer.is_null() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        // SAFETY: not NULL, and the rest is the contract.
        return Ok(Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(pointer) }.to_bytes())));
    }
    // SAFETY: the contract of this function is that of `text`.
    unsafe { text(pointer, name) }.map(Path::new)
}

/// Bytes of the program. NULL is fine when there are none of them.
///
/// # Safety
///
/// `data` is NULL or points to `size` bytes that live as long as the result.
#[inline(always)]
pub(super) unsafe fn bytes<'a>(data: *const c_void, size: usize) -> Result<&'a [u8]> {
    if size == 0 {
        return Ok(&[]);
    }
    if data.is_null() || size > isize::MAX as usize {
        return Err(no_bytes(data, size));
    }
    // SAFETY: not NULL, no larger than an object can be, and the rest is the contract.
    Ok(unsafe { slice::from_raw_parts(data.cast::<u8>(), size) })
}

#[cold]
#[inline(never)]
fn no_bytes(data: *const c_void, size: usize) -> Error {
    Error::argument(match data.is_null() {
        true => format!("data is NULL, but size is {size}"),
        false => format!("size {size} is more than memory can hold"),
    })
}

/// The option behind a number.
pub(super) fn option(number: i32) -> Result<SocketOption> {
    SocketOption::try_from(number)
}

/// Stores a result, unless the program does not want it.
///
/// # Safety
///
/// `target` is NULL or valid for a write.
pub(super) unsafe fn store<T>(target: *mut T, value: T) {
    if !target.is_null() {
        // SAFETY: not NULL, and the rest is the contract.
        unsafe { target.write(value) };
    }
}

/// Stores a result that is the whole point of the call, so that it must have a place.
///
/// # Safety
///
/// `target` is NULL or valid for a write.
pub(super) unsafe fn store_required<T>(
    target: *mut T,
    name: &str,
    value: impl FnOnce() -> Result<T>,
) -> Result<()> {
    if target.is_null() {
        return Err(Error::argument(format!("{name} is NULL")));
    }
    let value = value()?;
    // SAFETY: not NULL, and the rest is the contract.
    unsafe { target.write(value) };
    Ok(())
}

/// Writes bytes, and their number to `length`, which learns it also when the room does not suffice.
/// With a size of 0 nothing but the number is asked for.
///
/// # Safety
///
/// `buffer` is NULL or valid for writes of `size` bytes, `length` is NULL or valid for a write.
pub(super) unsafe fn store_bytes(
    bytes: &[u8],
    buffer: *mut c_void,
    size: usize,
    length: *mut usize,
) -> Result<()> {
    // SAFETY: the contract of this function.
    unsafe { store(length, bytes.len()) };
    if size == 0 {
        return Ok(());
    }
    if buffer.is_null() {
        return Err(Error::argument(format!("buffer is NULL, but its size is {size}")));
    }
    if bytes.len() > size {
        return Err(Error::argument(format!(
            "the buffer has {size} bytes, {} are needed",
            bytes.len()
        )));
    }
    // SAFETY: not NULL and with room for the bytes, which are of this library.
    unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    Ok(())
}

/// Writes text and a NUL behind it, and its length without the NUL to `length`, as
/// [`store_bytes`] does.
///
/// # Safety
///
/// As for [`store_bytes`].
pub(super) unsafe fn store_text(
    text: &str,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> Result<()> {
    let mut bytes = text.replace('\0', " ").into_bytes();
    bytes.push(0);
    // SAFETY: the contract of this function is that of `store_bytes`.
    let stored = unsafe { store_bytes(&bytes, buffer.cast(), size, length) };
    // SAFETY: as above.
    unsafe { store(length, text.len()) };
    stored
}

/// Writes a path, empty for none, and a NUL behind it, as [`store_text`] does.
///
/// # Safety
///
/// As for [`store_bytes`].
pub(super) unsafe fn store_path(
    path: Option<&Path>,
    buffer: *mut c_char,
    size: usize,
    length: *mut usize,
) -> Result<()> {
    let mut bytes = path.map_or(&b""[..], |path| path.as_os_str().as_encoded_bytes()).to_vec();
    let count = bytes.len();
    bytes.push(0);
    // SAFETY: the contract of this function is that of `store_bytes`.
    let stored = unsafe { store_bytes(&bytes, buffer.cast(), size, length) };
    // SAFETY: as above.
    unsafe { store(length, count) };
    stored
}

/// A local address and port; NULL leaves the choice to the system.
///
/// # Safety
///
/// As for [`text`].
pub(super) unsafe fn local_address(
    address: *const c_char,
    port: u16,
) -> Result<Option<SocketAddr>> {
    if address.is_null() {
        if port != 0 {
            return Err(Error::argument(
                "a port without an address: use 0.0.0.0 or :: to fix the port alone",
            ));
        }
        return Ok(None);
    }
    // SAFETY: the contract of this function is that of `text`.
    let text = unsafe { text(address, "address") }?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Some(SocketAddr::new(address, port)));
    }
    // Only the notation with brackets knows the %scope of link-local addresses.
    match format!("[{text}]:{port}").parse::<SocketAddrV6>() {
        Ok(address) => Ok(Some(address.into())),
        Err(_) => Err(Error::argument(format!(
            "{text:?} is no IP address; write it as in 127.0.0.1 or ::1"
        ))),
    }
}

/// Writes the numeric text of an address and its port.
///
/// When this fails the buffer holds an empty text and the port is left as it is.
///
/// # Safety
///
/// `buffer` is NULL or valid for writes of `size` bytes, `port` is NULL or valid for a write.
pub(super) unsafe fn store_address(
    address: impl FnOnce() -> Option<SocketAddr>,
    buffer: *mut c_char,
    size: usize,
    port: *mut u16,
) -> Result<()> {
    if buffer.is_null() || size == 0 {
        return Err(Error::argument("buffer is NULL or its size is 0; 64 bytes suffice"));
    }
    // SAFETY: the buffer has room for one byte at least.
    unsafe { buffer.write(0) };
    let address = address().ok_or_else(Error::not_connected)?;
    let text = numeric(&address);
    if text.len() >= size {
        return Err(Error::argument(format!(
            "the buffer has {size} bytes, {text} needs {}",
            text.len() + 1
        )));
    }
    // SAFETY: the text and the NUL behind it fit, by the check above; the text is a String of this
    // function and overlaps nothing.
    unsafe {
        buffer.copy_from_nonoverlapping(text.as_ptr().cast(), text.len());
        buffer.add(text.len()).write(0);
        store(port, address.port());
    }
    Ok(())
}

/// The address without its port; a link-local one with its %scope.
fn numeric(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => {
            format!("{}%{}", address.ip(), address.scope_id())
        }
        _ => address.ip().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    fn stored(address: Option<&str>, size: usize) -> (Result<()>, [u8; 64], u16) {
        let mut buffer = [0xff_u8; 64];
        let mut port = 9;
        let address = address.map(|address| address.parse().unwrap());
        assert!(size <= buffer.len());
        // SAFETY: the buffer has at least `size` bytes.
        let result =
            unsafe { store_address(|| address, buffer.as_mut_ptr().cast(), size, &mut port) };
        (result, buffer, port)
    }

    #[test]
    fn addresses_are_written_with_their_nul_and_nothing_behind_it() {
        let (result, buffer, port) = stored(Some("127.0.0.1:80"), 10);
        assert_eq!((result, port), (Ok(()), 80));
        assert_eq!(&buffer[..11], b"127.0.0.1\0\xff");
        let (result, buffer, _) = stored(Some("[fe80::1%7]:1"), 64);
        assert_eq!(result, Ok(()));
        assert_eq!(&buffer[..10], b"fe80::1%7\0");
    }

    #[test]
    fn a_failure_leaves_an_empty_text_and_the_port_alone() {
        let (result, buffer, port) = stored(Some("127.0.0.1:80"), 9);
        assert!(result.unwrap_err().message().contains("needs 10"));
        assert_eq!((&buffer[..2], port), (&b"\0\xff"[..], 9));
        let (result, buffer, port) = stored(None, 64);
        assert_eq!(result, Err(Error::not_connected()));
        assert_eq!((&buffer[..2], port), (&b"\0\xff"[..], 9));
    }

    #[test]
    fn every_address_fits_in_64_bytes() {
        let longest = "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255%4294967295]:65535";
        let (result, buffer, _) = stored(Some(longest), 64);
        assert_eq!(result, Ok(()));
        assert!(buffer.contains(&0));
    }

    #[test]
    fn local_addresses_read_back_what_was_written() {
        for (written, port) in [("127.0.0.1", 80), ("::1", 0), ("fe80::1%7", 443)] {
            let c_text = std::ffi::CString::new(written).unwrap();
            // SAFETY: the text lives until the end of the statement.
            let address = unsafe { local_address(c_text.as_ptr(), port) }.unwrap().unwrap();
            assert_eq!((numeric(&address).as_str(), address.port()), (written, port));
        }
        for wrong in [c"", c"localhost", c"1.2.3", c"::1]:1", c"\xff"] {
            // SAFETY: the text lives for ever.
            assert!(unsafe { local_address(wrong.as_ptr(), 1) }.is_err(), "{wrong:?}");
        }
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { local_address(ptr::null(), 0) }, Ok(None));
        // SAFETY: NULL is allowed.
        assert!(unsafe { local_address(ptr::null(), 1) }.is_err());
    }

    #[test]
    fn texts_are_written_whole_or_not_at_all() {
        let mut buffer = [0x7f_u8; 8];
        let mut length = 99;
        let mut store = |text, size| {
            // SAFETY: the sizes below are those of the buffer or smaller.
            let stored =
                unsafe { store_text(text, buffer.as_mut_ptr().cast(), size, &raw mut length) };
            (stored.is_ok(), length, buffer)
        };
        assert_eq!(store("1234567", 8), (true, 7, *b"1234567\0"));
        assert_eq!(store("abcdefgh", 8), (false, 8, *b"1234567\0"));
        assert_eq!(store("abc", 0), (true, 3, *b"1234567\0"));
        assert_eq!(store("", 8), (true, 0, *b"\x00234567\0"));
    }

    #[test]
    fn bytes_may_be_null_only_when_there_are_none() {
        // SAFETY: NULL is allowed.
        unsafe {
            assert_eq!(bytes(ptr::null(), 0), Ok(&[][..]));
            assert!(bytes(ptr::null(), 1).is_err());
        }
        // SAFETY: the size is refused before the pointer is used.
        assert!(unsafe { bytes(b"x".as_ptr().cast(), usize::MAX) }.is_err());
    }
}
