//! What the servers in Rust have in common: those of datagrams here, those on tokio in [`streams`].
//! `c/datagrams.h` tells what the servers of datagrams do.

pub mod streams;

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

const COMMAND: usize = 12;
const LARGEST: usize = 65_507;
const RECEIVE_BUFFER: usize = 2 * 1024 * 1024;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);

/// What a datagram asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The datagram itself.
    Echo,
    /// Many datagrams.
    Burst,
    /// A datagram to a group.
    Multicast,
}

/// Datagrams to be sent, all with the same bytes.
pub struct Job {
    /// Where to.
    pub to: SocketAddr,
    /// The bytes.
    pub data: Vec<u8>,
    /// How many.
    pub left: u32,
}

impl Mode {
    /// The first argument of the program.
    pub fn from_arguments() -> Mode {
        match std::env::args().nth(1).as_deref() {
            Some("burst") => Mode::Burst,
            Some("multicast") => Mode::Multicast,
            _ => Mode::Echo,
        }
    }

    /// The answer to a datagram; `None` when it asks for nothing.
    pub fn job(self, data: &[u8], from: SocketAddr) -> Option<Job> {
        match self {
            Mode::Echo => Some(Job { to: from, data: data.to_vec(), left: 1 }),
            Mode::Burst => {
                let [_, _, _, _, numbers @ ..] = data.first_chunk::<COMMAND>()?;
                let [a, b, c, d, w, x, y, z] = *numbers;
                let size = u32::from_be_bytes([w, x, y, z]) as usize;
                let mut answer = data.to_vec();
                answer.resize(size.min(LARGEST), 0);
                Some(Job { to: from, data: answer, left: u32::from_be_bytes([a, b, c, d]) })
            }
            Mode::Multicast => {
                let port = u16::from_be_bytes(*data.first_chunk()?);
                Some(Job { to: (GROUP, port).into(), data: data.to_vec(), left: 1 })
            }
        }
    }
}

/// A socket on a free port of 127.0.0.1 that never blocks.
pub fn socket() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    Ok(socket.into())
}
