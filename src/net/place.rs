//! Where an endpoint is to be found.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::reactor::sys;

/// Where to listen or to connect, as the user gave it.
pub(super) enum Place {
    /// A name or an address, and a port.
    Internet { host: String, port: u16 },
    /// The path of a Unix domain socket.
    Unix(Box<Path>),
}

impl Place {
    /// A host as it is used, without the brackets that IPv6 addresses may come with, and a port.
    pub(super) fn internet(host: &str, port: u16) -> Result<Place> {
        Ok(Place::Internet { host: checked_host(host)?.to_owned(), port })
    }

    pub(super) fn unix(path: &Path) -> Result<Place> {
        sys::check_unix_path(path)?;
        // What the path means must not change with the folder that the program works in.
        let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
        sys::check_unix_path(&path)?;
        Ok(Place::Unix(path.into()))
    }

    /// The host, empty where there is none.
    pub(super) fn host(&self) -> &str {
        match self {
            Place::Internet { host, .. } => host,
            Place::Unix(_) => "",
        }
    }

    /// The port, 0 where there is none.
    pub(super) fn port(&self) -> u16 {
        match self {
            Place::Internet { port, .. } => *port,
            Place::Unix(_) => 0,
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Place::Internet { .. } => None,
            Place::Unix(path) => Some(path),
        }
    }

    /// The same place with the port that is in use.
    pub(super) fn with_port(&self, port: u16) -> impl fmt::Display {
        WithPort(self, port)
    }
}

/// For messages, such as `[::1]:80`.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        WithPort(self, self.port()).fmt(formatter)
    }
}

struct WithPort<'a>(&'a Place, u16);

impl fmt::Display for WithPort<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Place::Internet { host, .. }, port) if host.contains(':') => {
                write!(formatter, "[{host}]:{port}")
            }
            (Place::Internet { host, .. }, port) => write!(formatter, "{host}:{port}"),
            (Place::Unix(path), _) => path.display().fmt(formatter),
        }
    }
}

/// A host as it is used, without the brackets that IPv6 addresses may come with.
pub(super) fn checked_host(host: &str) -> Result<&str> {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() || host.contains('\0') {
        return Err(Error::argument(
            "the address is empty or has a zero byte; give a name, an IPv4 or an IPv6 address",
        ));
    }
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_as_people_write_them() {
        let place = |host| Place::internet(host, 80).unwrap().to_string();
        assert_eq!(place("localhost"), "localhost:80");
        assert_eq!(place(" [::1] "), "[::1]:80");
        assert_eq!(Place::internet("::1", 0).unwrap().with_port(7).to_string(), "[::1]:7");
        assert!(Place::internet("[]", 80).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn paths_that_cannot_be_are_refused() {
        use std::os::unix::ffi::OsStrExt;

        assert_eq!(Place::unix(Path::new("/tmp/x")).unwrap().to_string(), "/tmp/x");
        let relative = Place::unix(Path::new("x")).unwrap();
        assert!(relative.path().unwrap().is_absolute());
        let long = format!("/{}", "x".repeat(107));
        for path in ["", "a\0b", long.as_str()] {
            let error = Place::unix(Path::new(path)).err().expect("it is refused");
            assert_eq!(error.status(), crate::Status::InvalidArgument, "{path:?}");
        }
        let bytes = std::ffi::OsStr::from_bytes(b"/tmp/\xff");
        assert!(Place::unix(Path::new(bytes)).is_ok(), "a path need not be UTF-8");
    }
}
