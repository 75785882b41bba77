//! N sockets, each with W datagrams of 32 bytes in flight: ping-pong and windows.

use super::{Load, SILENCE, Slice, Watch, pause};
use crate::histogram::Histogram;
use crate::mmsg::{Batch, connect};
use crate::sys::{self, Epoll};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

const SIZE: usize = 32;
/// From one look for lost datagrams to the next.
const LOOK: u64 = 5_000_000;
/// So much later datagrams of other sockets are never echoed first.
const OVERTAKING: u64 = 20_000_000;

/// A closed loop: every echo is answered by a new datagram at once.
///
/// A datagram carries its number. The server takes datagrams in the order in which they were sent:
/// the echo of one tells that earlier ones of the same socket are lost, and those of other sockets
/// if they are much older. Without any echo for some time all of them are. A lost datagram makes
/// room for a new one like an echo.
pub struct WindowLoad {
    epoll: Epoll,
    sockets: Vec<Socket>,
    window: usize,
    receive: Batch,
    send: Batch,
    latency: Histogram,
    received: u64,
    messages: u64,
    lost: u64,
    /// Datagrams in flight on all sockets.
    open: usize,
    draining: bool,
    next_look: u64,
    /// When the newest datagram that was echoed was sent.
    reached: u64,
    /// When the last echo came.
    moved: u64,
}

struct Socket {
    socket: UdpSocket,
    /// Number of the next datagram.
    next: u64,
    /// Datagrams in flight, oldest first: their number, and when they were sent.
    in_flight: VecDeque<(u64, u64)>,
}

impl WindowLoad {
    /// Opens the sockets; each will have `window` datagrams in flight.
    pub fn new(address: SocketAddrV4, sockets: usize, window: usize) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        let sockets = (0..sockets)
            .map(|token| {
                let socket = connect(address)?;
                epoll.add(&socket, token)?;
                let in_flight = VecDeque::with_capacity(window);
                Ok(Socket { socket, next: 0, in_flight })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(WindowLoad {
            epoll,
            sockets,
            window,
            // One more of both: a full window does not fill it, and a longer datagram shows.
            receive: Batch::new(window + 1, SIZE + 1),
            send: Batch::new(window, SIZE),
            latency: Histogram::new(),
            received: 0,
            messages: 0,
            lost: 0,
            open: 0,
            draining: false,
            next_look: 0,
            reached: 0,
            moved: 0,
        })
    }

    fn serve(&mut self, token: usize) -> io::Result<()> {
        let socket = &mut self.sockets[token];
        let before = socket.in_flight.len();
        let now = sys::now();
        loop {
            let count = self.receive.receive(&socket.socket)?;
            for index in 0..count {
                let number = number(self.receive.datagram(index))?;
                if number >= socket.next {
                    return Err(io::Error::other("the server sent what it was not given"));
                }
                while let Some(&(oldest, sent)) = socket.in_flight.front()
                    && oldest <= number
                {
                    socket.in_flight.pop_front();
                    if oldest == number {
                        self.latency.record(now - sent, 1);
                        self.messages += 1;
                        self.reached = self.reached.max(sent);
                    } else {
                        self.lost += 1;
                    }
                }
            }
            self.received += count as u64;
            if count > 0 {
                self.moved = now;
            }
            if count < self.receive.len() {
                break;
            }
        }
        let done = before - socket.in_flight.len();
        self.open -= done;
        self.refill(token, done, now)
    }

    fn refill(&mut self, token: usize, datagrams: usize, now: u64) -> io::Result<()> {
        if self.draining || datagrams == 0 {
            return Ok(());
        }
        let socket = &mut self.sockets[token];
        for index in 0..datagrams {
            self.send.buffer(index)[..8].copy_from_slice(&socket.next.to_be_bytes());
            socket.in_flight.push_back((socket.next, now));
            socket.next += 1;
        }
        self.open += datagrams;
        self.send.send(&socket.socket, datagrams)
    }

    /// Gives up what is in flight and will not be echoed any more.
    fn look_for_lost(&mut self, now: u64) -> io::Result<()> {
        self.next_look = now + LOOK;
        let all = now - self.moved > SILENCE;
        if all {
            self.moved = now;
        }
        for token in 0..self.sockets.len() {
            let in_flight = &mut self.sockets[token].in_flight;
            let is_lost = |sent: u64| all || sent + OVERTAKING < self.reached;
            let lost = in_flight.iter().take_while(|&&(_, sent)| is_lost(sent)).count();
            in_flight.drain(..lost);
            self.lost += lost as u64;
            self.open -= lost;
            self.refill(token, lost, now)?;
        }
        Ok(())
    }
}

impl Load for WindowLoad {
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice> {
        let mut watch = Watch::new(duration);
        (self.messages, self.lost, self.draining) = (0, 0, false);
        self.next_look = watch.begin + LOOK;
        self.moved = watch.begin;
        for token in 0..self.sockets.len() {
            self.refill(token, self.window, sys::now())?;
        }
        while self.open > 0 {
            // Something has to arrive, or the server counts as stuck.
            self.draining = watch.over(self.received)? && self.messages > 0;
            for index in 0..self.epoll.wait(pause())? {
                self.serve(self.epoll.token(index))?;
            }
            let now = sys::now();
            if now > self.next_look {
                self.look_for_lost(now)?;
            }
        }
        watch.over(self.received)?;
        Ok(watch.finish_datagrams(self.messages, self.lost))
    }

    fn latency(&mut self) -> &mut Histogram {
        &mut self.latency
    }
}

fn number(datagram: &[u8]) -> io::Result<u64> {
    match datagram.split_first_chunk() {
        Some((number, rest)) if datagram.len() == SIZE && rest.iter().all(|&byte| byte == b'x') => {
            Ok(u64::from_be_bytes(*number))
        }
        _ => Err(io::Error::other("the server changed a datagram")),
    }
}

/// Tries for one datagram of the check.
const TRIES: usize = 5;

/// Sends datagrams of many sizes one after the other, and compares what comes back byte by byte.
pub fn verify_datagrams(address: SocketAddrV4) -> io::Result<()> {
    let socket = connect(address)?;
    let mut buffer = vec![0; 65_536];
    for size in [1, 32, 1_200, 1_472, 1_473, 8_000] {
        let sent: Vec<u8> = (0..size).map(|at: usize| (at * 7 + size) as u8).collect();
        let mut tries = 0..TRIES;
        loop {
            if tries.next().is_none() {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("a datagram of {size} bytes did not come back"),
                ));
            }
            sys::check_interrupt()?;
            socket.send(&sent)?;
            if sys::wait_readable(socket.as_raw_fd(), Duration::from_millis(500))? {
                break;
            }
        }
        let received = socket.recv(&mut buffer)?;
        if buffer[..received] != sent {
            return Err(io::Error::other(format!("wrong echo of a datagram of {size} bytes")));
        }
    }
    Ok(())
}
