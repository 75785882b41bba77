//! `cppserver_address_...`

use std::ffi::c_char;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use super::{argument, guard};
use crate::error::{Error, Result};

/// The address of one end of a UDP conversation: an IP address and a port.
///
/// Zero the struct before its members are set one by one. Two addresses are equal when all their
/// bytes are.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct cppserver_address {
    /// The IP address in network order; of IPv4 the first 4 bytes, the others are 0.
    pub ip: [u8; 16],
    /// The index of the interface of a link-local IPv6 address (RFC 4007), else 0.
    pub scope: u32,
    /// In the byte order of the machine.
    pub port: u16,
    /// 4 or 6.
    pub version: u8,
    /// 0.
    pub reserved: u8,
}

impl From<SocketAddr> for cppserver_address {
    fn from(address: SocketAddr) -> cppserver_address {
        let mut ip = [0; 16];
        let (scope, version) = match address {
            SocketAddr::V4(address) => {
                ip[..4].copy_from_slice(&address.ip().octets());
                (0, 4)
            }
            SocketAddr::V6(address) => {
                ip = address.ip().octets();
                (address.scope_id(), 6)
            }
        };
        cppserver_address { ip, scope, port: address.port(), version, reserved: 0 }
    }
}

impl cppserver_address {
    fn to_rust(self) -> Result<SocketAddr> {
        match self.version {
            4 => {
                let [a, b, c, d, ..] = self.ip;
                Ok(SocketAddr::new(Ipv4Addr::new(a, b, c, d).into(), self.port))
            }
            6 => {
                let ip = Ipv6Addr::from(self.ip);
                Ok(SocketAddrV6::new(ip, self.port, 0, self.scope).into())
            }
            other => {
                Err(Error::argument(format!("the version of the address is {other}; it is 4 or 6")))
            }
        }
    }
}

/// The address behind a pointer that must not be NULL.
///
/// # Safety
///
/// `address` is NULL or valid for a read.
pub(super) unsafe fn required(address: *const cppserver_address) -> Result<SocketAddr> {
    // SAFETY: the contract of this function.
    unsafe { optional(address) }?.ok_or_else(|| Error::argument("address is NULL"))
}

/// The address behind a pointer, if it is not NULL.
///
/// # Safety
///
/// `address` is NULL or valid for a read.
pub(super) unsafe fn optional(address: *const cppserver_address) -> Result<Option<SocketAddr>> {
    // SAFETY: the contract of this function.
    match unsafe { address.as_ref() } {
        Some(address) => address.to_rust().map(Some),
        None => Ok(None),
    }
}

/// An IP address as text; `what` names the argument.
pub(super) fn parse_ip(text: &str, what: &str) -> Result<IpAddr> {
    text.trim().parse().map_err(|_| {
        Error::argument(format!(
            "{what} {text:?} is no IP address; write it as in 127.0.0.1 or ::1"
        ))
    })
}

/// Stores the address that numeric text such as "127.0.0.1", "::1" or "fe80::1%2" and a port stand
/// for in *address. Names are not looked up. Any thread.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when the text is no IP address;
/// *address is left as it was then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_address_parse(
    text: *const c_char,
    port: u16,
    address: *mut cppserver_address,
) -> i32 {
    guard::status(|| {
        let parse = || {
            if text.is_null() {
                return Err(Error::argument("text is NULL"));
            }
            // SAFETY: C text that outlives this call, as the header asks.
            let parsed = unsafe { argument::local_address(text, port) }?;
            parsed.map(cppserver_address::from).ok_or_else(|| Error::argument("text is NULL"))
        };
        // SAFETY: NULL or valid for a write, as the header asks.
        unsafe { argument::store_required(address, "address", parse) }
    })
}

/// Stores the IP address as numeric text with its NUL in buffer. Any thread.
///
/// size: the bytes of buffer; 64 suffice for every address.
///
/// Returns a cppserver_status: CPPSERVER_STATUS_INVALID_ARGUMENT when buffer is too small or the
/// address has a version other than 4 and 6; buffer holds an empty text then if it has a byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cppserver_address_text(
    address: *const cppserver_address,
    buffer: *mut c_char,
    size: usize,
) -> i32 {
    guard::status(|| {
        // SAFETY: NULL or valid for a read, as the header asks.
        let parsed = unsafe { required(address) };
        let known = parsed.as_ref().ok().copied();
        // SAFETY: NULL or valid for writes of `size` bytes, as the header asks.
        let stored =
            unsafe { argument::store_address(|| known, buffer, size, std::ptr::null_mut()) };
        parsed.and(stored)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_survive_the_border() {
        for text in ["127.0.0.1:80", "[::1]:65535", "[fe80::1%7]:1", "0.0.0.0:0"] {
            let address: SocketAddr = text.parse().unwrap();
            let crossed = cppserver_address::from(address).to_rust().unwrap();
            assert_eq!(crossed, address);
        }
    }

    #[test]
    fn a_version_that_was_not_set_is_an_error() {
        let mut address = cppserver_address::from("1.2.3.4:5".parse::<SocketAddr>().unwrap());
        address.version = 0;
        assert!(address.to_rust().unwrap_err().message().contains("4 or 6"));
    }

    #[test]
    fn the_struct_has_no_padding() {
        assert_eq!(size_of::<cppserver_address>(), 24);
    }
}
