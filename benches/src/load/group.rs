//! One datagram goes to a multicast group: fan-out by the system, on behalf of a server.

use super::{Load, SILENCE, Slice, Watch, pause};
use crate::histogram::Histogram;
use crate::mmsg::{Batch, connect, join};
use crate::sys::{self, Epoll};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

const SIZE: usize = 32;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);

/// Rounds: a datagram that begins with the port of the group goes to the server, which sends it on
/// to 239.255.0.1 and that port on the loopback interface. The next round begins when every member
/// has it, or when nothing came for some time: the rest is lost. A datagram counts once per member
/// that received it.
pub struct GroupLoad {
    epoll: Epoll,
    socket: UdpSocket,
    members: Vec<Member>,
    receive: Batch,
    command: Batch,
    round: u64,
    latency: Histogram,
    received: u64,
    lost: u64,
}

struct Member {
    socket: UdpSocket,
    /// The last round that it took part in.
    round: u64,
}

impl GroupLoad {
    /// Joins the members and reaches all of them once.
    pub fn new(address: SocketAddrV4, members: usize) -> io::Result<Self> {
        let socket = connect(address)?;
        let epoll = Epoll::new()?;
        let mut port = 0;
        let members = (0..members)
            .map(|token| {
                let socket = join(GROUP, port)?;
                port = socket.local_addr()?.port();
                epoll.add(&socket, token)?;
                Ok(Member { socket, round: 0 })
            })
            .collect::<io::Result<Vec<_>>>()?;
        let mut command = Batch::new(1, SIZE);
        command.buffer(0)[..2].copy_from_slice(&port.to_be_bytes());
        let mut load = GroupLoad {
            epoll,
            socket,
            members,
            receive: Batch::new(2, SIZE + 1),
            command,
            round: 0,
            latency: Histogram::new(),
            received: 0,
            lost: 0,
        };
        load.round(&mut Watch::new(Duration::ZERO))?;
        if load.lost > 0 {
            let text = format!("{} of the members received nothing", load.lost);
            return Err(io::Error::other(text));
        }
        Ok(load)
    }

    /// One round; true when the time is over.
    fn round(&mut self, watch: &mut Watch) -> io::Result<bool> {
        self.round += 1;
        self.command.buffer(0)[2..10].copy_from_slice(&self.round.to_be_bytes());
        let begin = sys::now();
        self.command.send(&self.socket, 1)?;
        let (mut missing, mut moved) = (self.members.len() as u64, begin);
        let mut over = false;
        while missing > 0 {
            over = watch.over(self.received)?;
            let ready = self.epoll.wait(pause())?;
            for index in 0..ready {
                let taken = self.receive(self.epoll.token(index))?;
                missing -= taken;
                self.received += taken;
            }
            if ready > 0 {
                moved = sys::now();
            } else if sys::now() - moved > SILENCE {
                break;
            }
        }
        self.lost += missing;
        self.latency.record(moved - begin, self.members.len() as u64 - missing);
        watch.over(self.received).map(|now| over || now)
    }

    /// Drains a member's socket; 1 when the datagram of this round was there.
    fn receive(&mut self, token: usize) -> io::Result<u64> {
        let member = &mut self.members[token];
        let mut taken = 0;
        loop {
            let count = self.receive.receive(&member.socket)?;
            for index in 0..count {
                let datagram = self.receive.datagram(index);
                let own = self.command.buffer(0);
                if datagram.len() != SIZE || datagram[..2] != own[..2] {
                    return Err(io::Error::other("a member received a wrong datagram"));
                }
                // One of an earlier round was taken for lost.
                if datagram != own {
                    continue;
                }
                if member.round == self.round {
                    return Err(io::Error::other("a member received a datagram twice"));
                }
                member.round = self.round;
                taken = 1;
            }
            if count < self.receive.len() {
                return Ok(taken);
            }
        }
    }
}

impl Load for GroupLoad {
    fn run_for(&mut self, duration: Duration) -> io::Result<Slice> {
        let mut watch = Watch::new(duration);
        let before = self.received;
        self.lost = 0;
        // Something has to arrive, or the server counts as stuck.
        while !self.round(&mut watch)? || self.received == before {}
        Ok(watch.finish_datagrams(self.received - before, self.lost))
    }

    fn latency(&mut self) -> &mut Histogram {
        &mut self.latency
    }
}
