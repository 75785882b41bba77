//! One datagram asks for many: how fast a server sends.

use super::{Load, SILENCE, Slice, Watch, pause};
use crate::histogram::Histogram;
use crate::mmsg::{Batch, connect, enlarge};
use crate::sys::{self, Epoll};
use std::io;
use std::net::{SocketAddrV4, UdpSocket};
use std::time::Duration;

const BATCH: usize = 64;
/// Number of the burst, how many datagrams, of which size.
const COMMAND: usize = 12;

/// Bursts one after the other. The server answers each command, three 32-bit numbers, by that many
/// datagrams of that size, which begin with the command. A burst is over when all of it has
/// arrived, or when nothing came for some time: the rest is lost.
pub struct BurstLoad {
    epoll: Epoll,
    socket: UdpSocket,
    receive: Batch,
    command: Batch,
    count: u32,
    size: u32,
    number: u32,
    latency: Histogram,
    received: u64,
    lost: u64,
}

impl BurstLoad {
    /// Opens the socket and receives one burst whole.
    pub fn new(address: SocketAddrV4, count: u32, size: u32) -> io::Result<Self> {
        let socket = connect(address)?;
        enlarge(&socket)?;
        let epoll = Epoll::new()?;
        epoll.add(&socket, 0)?;
        let mut load = BurstLoad {
            epoll,
            socket,
            receive: Batch::new(BATCH, size as usize + 1),
            command: Batch::new(1, COMMAND),
            count,
            size,
            number: 0,
            latency: Histogram::new(),
            received: 0,
            lost: 0,
        };
        load.burst(&mut Watch::new(Duration::ZERO))?;
        if load.received == 0 {
            return Err(io::Error::other("the server sent no datagrams"));
        }
        Ok(load)
    }

    /// One burst; true when the time is over.
    fn burst(&mut self, watch: &mut Watch) -> io::Result<bool> {
        self.number = self.number.wrapping_add(1);
        let command = self.command.buffer(0);
        command[..4].copy_from_slice(&self.number.to_be_bytes());
        command[4..8].copy_from_slice(&self.count.to_be_bytes());
        command[8..].copy_from_slice(&self.size.to_be_bytes());
        let begin = sys::now();
        self.command.send(&self.socket, 1)?;
        let (mut missing, mut moved) = (u64::from(self.count), begin);
        let mut over = false;
        while missing > 0 {
            over = watch.over(self.received)?;
            if self.epoll.wait(pause())? > 0 {
                let taken = self.receive()?;
                if taken > missing {
                    return Err(io::Error::other("the server sent more than it was asked for"));
                }
                missing -= taken;
                self.received += taken;
                moved = sys::now();
            } else if sys::now() - moved > SILENCE {
                break;
            }
        }
        self.lost += missing;
        self.latency.record(moved - begin, u64::from(self.count) - missing);
        watch.over(self.received).map(|now| over || now)
    }

    /// Drains the socket; tells how many datagrams belong to this burst.
    fn receive(&mut self) -> io::Result<u64> {
        let mut taken = 0;
        loop {
            let count = self.receive.receive(&self.socket)?;
            let command = self.command.buffer(0);
            for index in 0..count {
                let datagram = self.receive.datagram(index);
                if datagram.len() != self.size as usize || datagram[4..COMMAND] != command[4..] {
                    return Err(io::Error::other("the server sent a wrong datagram"));
                }
                // One of an earlier burst was taken for lost.
                taken += u64::from(datagram[..4] == command[..4]);
            }
            if count < self.receive.len() {
                return Ok(taken);
            }
        }
    }
}

impl Load for BurstLoad {
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice> {
        let mut watch = Watch::new(duration);
        let before = self.received;
        self.lost = 0;
        // Something has to arrive, or the server counts as stuck.
        while !self.burst(&mut watch)? || self.received == before {}
        Ok(watch.finish_datagrams(self.received - before, self.lost))
    }

    fn latency(&mut self) -> &mut Histogram {
        &mut self.latency
    }
}
