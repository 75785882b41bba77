//! Echo or multicast on bare mio: `bench-peer-mio echo|multicast`. Prints "port N"; ends when
//! standard input does.
//!
//! Registered once, one receive buffer, writes at once, keeps only what the kernel refuses.
//! Multicast gathers what one batch of events brought and sends it with one write per connection.

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
    use mio::net::{TcpListener, TcpStream};
    use mio::unix::pipe::Receiver;
    use mio::{Events, Interest, Poll, Token};
    use std::io::{self, ErrorKind, Read, Write};
    use std::net::{Ipv4Addr, SocketAddr};
    use std::os::fd::{FromRawFd, OwnedFd};
    use std::time::Duration;

    const LISTENER: Token = Token(usize::MAX);
    const INPUT: Token = Token(usize::MAX - 1);
    const READ_BUDGET: usize = 4;

    struct Connection {
        stream: TcpStream,
        unsent: Vec<u8>,
    }

    impl Connection {
        fn send(&mut self, data: &[u8]) -> io::Result<()> {
            let mut sent = 0;
            while self.unsent.is_empty() && sent < data.len() {
                match self.stream.write(&data[sent..]) {
                    Ok(size) => sent += size,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
            self.unsent.extend_from_slice(&data[sent..]);
            Ok(())
        }

        fn send_kept(&mut self) -> io::Result<()> {
            let data = std::mem::take(&mut self.unsent);
            self.send(&data)
        }
    }

    struct Server {
        poll: Poll,
        connections: Vec<Option<Box<Connection>>>,
        free: Vec<usize>,
        /// Connections that used up their reads and go on in the next turn.
        again: Vec<usize>,
        buffer: Box<[u8]>,
        multicast: bool,
        gathered: Vec<u8>,
    }

    pub fn main() -> io::Result<()> {
        let multicast = std::env::args().nth(1).as_deref() == Some("multicast");
        let poll = Poll::new()?;
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        // SAFETY: descriptor 0 is open and nothing else in this program uses it.
        let mut input = Receiver::from(unsafe { OwnedFd::from_raw_fd(0) });
        input.set_nonblocking(true)?;
        poll.registry().register(&mut input, INPUT, Interest::READABLE)?;
        println!("port {}", listener.local_addr()?.port());

        let buffer = vec![0; 64 * 1024].into_boxed_slice();
        let mut server = Server {
            poll,
            connections: Vec::new(),
            free: Vec::new(),
            again: Vec::new(),
            buffer,
            multicast,
            gathered: Vec::new(),
        };
        let mut events = Events::with_capacity(1024);
        loop {
            let timeout = if server.again.is_empty() { None } else { Some(Duration::ZERO) };
            match server.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &events {
                match event.token() {
                    LISTENER => server.accept(&listener)?,
                    INPUT => {
                        if matches!(input.read(&mut [0; 64]), Ok(0)) {
                            return Ok(());
                        }
                    }
                    Token(index) => server.serve(index),
                }
            }
            for index in std::mem::take(&mut server.again) {
                server.serve(index);
            }
            server.multicast_gathered();
        }
    }

    impl Server {
        fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
            loop {
                let mut stream = match listener.accept() {
                    Ok((stream, _)) => stream,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                };
                stream.set_nodelay(true)?;
                let index = self.free.pop().unwrap_or_else(|| {
                    self.connections.push(None);
                    self.connections.len() - 1
                });
                self.poll.registry().register(
                    &mut stream,
                    Token(index),
                    Interest::READABLE | Interest::WRITABLE,
                )?;
                self.connections[index] = Some(Box::new(Connection { stream, unsent: Vec::new() }));
            }
        }

        fn serve(&mut self, index: usize) {
            if self.read(index).is_err() {
                self.connections[index] = None;
                self.free.push(index);
            }
        }

        fn multicast_gathered(&mut self) {
            if self.gathered.is_empty() {
                return;
            }
            for receiver in self.connections.iter_mut().flatten() {
                // A broken one is closed when its own event comes.
                let _ = receiver.send(&self.gathered);
            }
            self.gathered.clear();
        }

        fn read(&mut self, index: usize) -> io::Result<()> {
            let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
                return Ok(());
            };
            if !connection.unsent.is_empty() {
                connection.send_kept()?;
            }
            for _ in 0..READ_BUDGET {
                let Some(connection) = &mut self.connections[index] else { return Ok(()) };
                if !connection.unsent.is_empty() && !self.multicast {
                    return Ok(());
                }
                let size = match connection.stream.read(&mut self.buffer) {
                    Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                    Ok(size) => size,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                    Err(error) => return Err(error),
                };
                if self.multicast {
                    self.gathered.extend_from_slice(&self.buffer[..size]);
                } else {
                    connection.send(&self.buffer[..size])?;
                }
                if size < self.buffer.len() {
                    return Ok(());
                }
            }
            self.again.push(index);
            Ok(())
        }
    }
}
