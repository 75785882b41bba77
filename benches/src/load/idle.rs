//! Opens many connections, proves that each is served, holds them, and looks at the server's
//! memory.

use super::transport::{Transport, is_later};
use super::{TICK, closed};
use crate::procfs;
use crate::sys::{self, Epoll};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

const MESSAGE: [u8; 32] = [b'x'; 32];
/// Connections whose echo is outstanding at a time: fewer than a listen backlog of 4,096 holds.
const IN_PROGRESS: usize = 2_000;
const DEADLINE: u64 = 60_000_000_000;
/// A server that used no CPU time for this long has finished what the connections gave it to do.
const QUIET: Duration = Duration::from_millis(60);

/// What holding the connections showed.
pub struct IdleReport {
    /// Connections held.
    pub connections: usize,
    /// From the first connect until the last connection had its first message echoed, in
    /// nanoseconds.
    pub open_time: u64,
    /// The server's CPU time for it, in nanoseconds.
    pub cpu_time: Option<u64>,
    /// Growth of the server's private memory per connection, in bytes.
    pub bytes_per_connection: Option<f64>,
}

/// Holds `count` connections to the server with process id `pid`. One more connection is opened
/// first and kept, so that what a server allocates once is not charged to the connections.
pub fn hold_idle(
    transport: &impl Transport,
    address: SocketAddrV4,
    pid: u32,
    count: usize,
) -> io::Result<IdleReport> {
    let first = open(transport, address, 1, sys::now())?;
    wait_until_quiet(pid)?;
    let memory = procfs::private_memory(pid);
    let cpu = procfs::cpu_time(pid);

    let begin = sys::now();
    let held = open(transport, address, count, begin)?;
    let open_time = sys::now() - begin;

    wait_until_quiet(pid)?;
    let cpu_time =
        cpu.zip(procfs::cpu_time(pid)).map(|(before, after)| after.saturating_sub(before));
    let bytes_per_connection = memory
        .zip(procfs::private_memory(pid))
        .map(|(before, after)| (after as f64 - before as f64) / count as f64);
    let report = IdleReport { connections: held.len(), open_time, cpu_time, bytes_per_connection };
    drop((first, held));
    Ok(report)
}

fn open<T: Transport>(
    transport: &T,
    address: SocketAddrV4,
    count: usize,
    begin: u64,
) -> io::Result<Vec<T::Stream>> {
    let mut epoll = Epoll::new()?;
    let mut held: Vec<T::Stream> = Vec::with_capacity(count);
    let mut sent = vec![false; count];
    let mut received = vec![0; count];
    let mut done = 0;
    while done < count {
        sys::check_interrupt()?;
        if sys::now() - begin > DEADLINE {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("only {done} of {count} connections were served"),
            ));
        }
        // A few at a time, so that the echoes are read while the next connections are made.
        let batch = (held.len() + 64).min(count).min(done + IN_PROGRESS);
        while held.len() < batch {
            let socket = sys::connect_from(Ipv4Addr::LOCALHOST, address)?;
            let mut stream = transport.begin(socket, MESSAGE.len())?;
            epoll.add(&stream, held.len())?;
            sent[held.len()] = try_send(&mut stream)?;
            held.push(stream);
        }
        let timeout =
            if held.len() < count.min(done + IN_PROGRESS) { Duration::ZERO } else { TICK };
        for index in 0..epoll.wait(timeout)? {
            let token = epoll.token(index);
            if !sent[token] {
                sent[token] = try_send(&mut held[token])?;
            }
            let mut buffer = [0; 64];
            match held[token].read(&mut buffer) {
                Ok(0) => return Err(closed()),
                Ok(size) => {
                    received[token] += size;
                    done += usize::from(received[token] == MESSAGE.len());
                }
                Err(error) if is_later(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(held)
}

fn try_send(stream: &mut impl Write) -> io::Result<bool> {
    match stream.write(&MESSAGE) {
        Ok(size) => Ok(size == MESSAGE.len()),
        Err(error) if is_later(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Waits until the server has used no CPU time for a while, for at most two seconds.
fn wait_until_quiet(pid: u32) -> io::Result<()> {
    let begin = sys::now();
    let mut last = procfs::cpu_time(pid);
    while sys::now() - begin < 2_000_000_000 {
        std::thread::sleep(QUIET);
        sys::check_interrupt()?;
        let cpu = procfs::cpu_time(pid);
        if cpu == last {
            break;
        }
        last = cpu;
    }
    Ok(())
}
