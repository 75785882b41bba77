//! Datagrams on bare mio: `bench-peer-mio-udp echo|burst|multicast`. Prints "port N"; ends when
//! standard input does. `c/datagrams.h` tells what it does.
//!
//! Registered once, one datagram per call, sent at once. While the kernel takes no more, nothing is
//! received.

#[cfg(unix)]
fn main() -> std::io::Result<()> {
    unix::main()
}

#[cfg(not(unix))]
fn main() {
    eprintln!("the benchmarks run on Linux only");
}

#[cfg(unix)]
mod unix {
    use cppserver_bench_peers::{Job, Mode, socket};
    use mio::net::UdpSocket;
    use mio::unix::pipe::Receiver;
    use mio::{Events, Interest, Poll, Token};
    use std::io::{self, ErrorKind, Read};
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::time::Duration;

    const SOCKET: Token = Token(0);
    const INPUT: Token = Token(1);
    const BUDGET: usize = 256;

    pub fn main() -> io::Result<()> {
        let mode = Mode::from_arguments();
        let mut poll = Poll::new()?;
        let mut socket = UdpSocket::from_std(socket()?);
        poll.registry().register(&mut socket, SOCKET, Interest::READABLE | Interest::WRITABLE)?;
        // SAFETY: descriptor 0 is open and nothing else in this program uses it.
        let mut input = Receiver::from(unsafe { OwnedFd::from_raw_fd(0) });
        input.set_nonblocking(true)?;
        poll.registry().register(&mut input, INPUT, Interest::READABLE)?;
        println!("port {}", socket.local_addr()?.port());

        let mut server =
            Server { mode, socket, buffer: vec![0; 65_536].into_boxed_slice(), job: None };
        let mut events = Events::with_capacity(16);
        let mut again = false;
        loop {
            match poll.poll(&mut events, again.then_some(Duration::ZERO)) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            let mut serve = again;
            for event in &events {
                match event.token() {
                    SOCKET => serve = true,
                    _ if matches!(input.read(&mut [0; 64]), Ok(0)) => return Ok(()),
                    _ => {}
                }
            }
            again = serve && server.serve()?;
        }
    }

    struct Server {
        mode: Mode,
        socket: UdpSocket,
        buffer: Box<[u8]>,
        /// What the kernel has not taken yet.
        job: Option<Job>,
    }

    impl Server {
        /// True when there may be more to receive.
        fn serve(&mut self) -> io::Result<bool> {
            for _ in 0..BUDGET {
                if let Some(job) = &mut self.job {
                    while job.left > 0 {
                        match self.socket.send_to(&job.data, job.to) {
                            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                                return Ok(false);
                            }
                            // What could not be sent is lost, as datagrams are.
                            _ => job.left -= 1,
                        }
                    }
                    self.job = None;
                }
                let (size, from) = match self.socket.recv_from(&mut self.buffer) {
                    Ok(received) => received,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                    Err(_) => continue,
                };
                let data = &self.buffer[..size];
                if self.mode == Mode::Echo {
                    match self.socket.send_to(data, from) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        _ => continue,
                    }
                }
                self.job = self.mode.job(data, from);
            }
            Ok(true)
        }
    }
}
