//! Roles that do not belong together: both sides close the connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, Sender};

use cppserver::nano::{Peer as Other, Protocol, Socket, SocketHandler};
use cppserver::{Category, Error, SpFailure};

use crate::link::{Link, free_address, join, socket, words};
use crate::peer::{Kind, Peer, Program, Running};
use crate::{DEADLINE, Outcome, nanocat};

/// A role, and one that is not its peer's.
pub const PAIRS: [(Protocol, Protocol); 2] =
    [(Protocol::Request, Protocol::Publisher), (Protocol::Bus, Protocol::Pair)];

/// Ours refuses the peer.
pub fn refuse(program: &Program, (role, theirs): (Protocol, Protocol), link: Link) -> Outcome {
    let ours = socket(role)?;
    let (sender, events) = mpsc::channel();
    ours.set_handler(Events(sender)).map_err(words)?;
    let _peer = connect(&ours, program, theirs, link)?;
    // Those that nobody listens for yet are told, too.
    loop {
        match events.recv_timeout(DEADLINE).map_err(|_| "the peer was not refused")? {
            Event::Refused => break,
            Event::Failed => {}
            Event::Connected => return Err("the peer was taken".to_owned()),
        }
    }
    let counted = ours.statistics();
    let connections = counted.accepted_connections + counted.established_connections;
    if connections > 0 { Err(format!("{connections} connections")) } else { Ok(()) }
}

/// The process of a peer, for as long as it is wanted.
#[expect(dead_code, reason = "they end when they are dropped")]
enum Guard {
    Nanocat(Running),
    Peer(Peer),
}

fn connect(ours: &Socket, program: &Program, role: Protocol, link: Link) -> Outcome<Guard> {
    if program.kind == Kind::Nanocat {
        return nanocat::join(ours, &program.path, role, link).map(Guard::Nanocat);
    }
    let mut peer = program.start(role)?;
    join(ours, &mut peer, link)?;
    Ok(Guard::Peer(peer))
}

enum Event {
    Refused,
    Failed,
    Connected,
}

struct Events(Sender<Event>);

impl SocketHandler for Events {
    fn on_connected(&mut self, _socket: &Socket, _peer: &Other) {
        let _ = self.0.send(Event::Connected);
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        let by_us = error.category() == Category::Sp && error.code() == SpFailure::Peer as i32;
        // A listener of WebSocket answers in HTTP, before anything of ours is said.
        let refused = by_us || error.category() == Category::WebSocket;
        let _ = self.0.send(if refused { Event::Refused } else { Event::Failed });
    }
}

/// The peer refuses what ours would say.
pub fn be_refused(program: &Program, (role, theirs): (Protocol, Protocol)) -> Outcome {
    let mut peer = program.start(theirs)?;
    let address = free_address("tcp")?;
    peer.listen(&address)?;
    let place = address.trim_start_matches("tcp://");
    let mut stream = TcpStream::connect(place).map_err(words)?;
    stream.set_read_timeout(Some(DEADLINE)).map_err(words)?;
    let greeting = |role: Protocol| [0, b'S', b'P', 0, 0, role.number() as u8, 0, 0];
    stream.write_all(&greeting(role)).map_err(words)?;
    let mut said = Vec::new();
    match stream.read_to_end(&mut said) {
        Ok(_) if said == greeting(theirs) => Ok(()),
        Ok(_) => Err(format!("greeted with {said:?}")),
        Err(error) => Err(format!("after {said:?}: {error}")),
    }
}
