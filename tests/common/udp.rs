//! Handlers of endpoints for datagrams that tell a test everything, and react as it wants.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, ThreadId};

use cppserver::{Error, Group, Reason, Service, SocketOption, Udp, UdpHandler};

use super::wait::DEADLINE;

/// One callback, with what it was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    Started,
    Received(SocketAddr, Vec<u8>, bool),
    Sent(SocketAddr, usize),
    Empty,
    Joined(Group),
    Left(Group),
    Error(Error),
    Stopped(Reason),
    Dropped,
}

type Reaction = Box<dyn FnMut(&Udp, &Heard) + Send>;

/// A handler.
pub struct UdpProbe {
    reaction: Option<Reaction>,
    told: Sender<(ThreadId, Heard)>,
}

/// What its handler was told, in order.
pub struct Told {
    news: Receiver<(ThreadId, Heard)>,
    /// Heard while something else was waited for.
    passed: VecDeque<Heard>,
    thread: Option<ThreadId>,
}

pub fn udp_probe() -> (UdpProbe, Told) {
    let (told, news) = mpsc::channel();
    (UdpProbe { reaction: None, told }, Told { news, passed: VecDeque::new(), thread: None })
}

impl UdpProbe {
    /// Reacts to each event after it was told.
    pub fn on(mut self, reaction: impl FnMut(&Udp, &Heard) + Send + 'static) -> UdpProbe {
        self.reaction = Some(Box::new(reaction));
        self
    }

    /// Sends everything back.
    pub fn echo(self) -> UdpProbe {
        self.on(|udp, heard| {
            if let Heard::Received(from, data, _) = heard {
                udp.send_to(*from, data).expect("the endpoint is open in its on_received");
            }
        })
    }

    fn tell(&mut self, udp: &Udp, heard: Heard) {
        // The test may have heard enough.
        let _ = self.told.send((thread::current().id(), heard.clone()));
        if let Some(reaction) = &mut self.reaction {
            reaction(udp, &heard);
        }
    }
}

impl UdpHandler for UdpProbe {
    fn on_started(&mut self, udp: &Udp) {
        assert!(udp.is_started(), "not started in on_started");
        self.tell(udp, Heard::Started);
    }

    fn on_received(&mut self, udp: &Udp, from: SocketAddr, data: &[u8], truncated: bool) {
        self.tell(udp, Heard::Received(from, data.to_vec(), truncated));
    }

    fn on_sent(&mut self, udp: &Udp, to: SocketAddr, sent: usize, _pending: usize) {
        self.tell(udp, Heard::Sent(to, sent));
    }

    fn on_empty(&mut self, udp: &Udp) {
        self.tell(udp, Heard::Empty);
    }

    fn on_joined(&mut self, udp: &Udp, group: &Group) {
        self.tell(udp, Heard::Joined(*group));
    }

    fn on_left(&mut self, udp: &Udp, group: &Group) {
        self.tell(udp, Heard::Left(*group));
    }

    fn on_error(&mut self, udp: &Udp, error: &Error) {
        self.tell(udp, Heard::Error(error.clone()));
    }

    fn on_stopped(&mut self, udp: &Udp, reason: Reason) {
        assert!(!udp.is_started(), "started in on_stopped");
        self.tell(udp, Heard::Stopped(reason));
    }
}

impl Drop for UdpProbe {
    fn drop(&mut self) {
        self.reaction = None;
        let _ = self.told.send((thread::current().id(), Heard::Dropped));
    }
}

impl Told {
    /// The next event. All but the last have to come from one thread.
    #[track_caller]
    pub fn next(&mut self) -> Heard {
        let (thread, heard) = self.news.recv_timeout(DEADLINE).expect("something is told in time");
        if heard != Heard::Dropped {
            let first = *self.thread.get_or_insert(thread);
            assert_eq!(thread, first, "{heard:?} came from another thread");
        }
        heard
    }

    /// The next event that matters here; those before it are kept for [`Told::passed`].
    #[track_caller]
    pub fn wait<R>(&mut self, mut choose: impl FnMut(&Heard) -> Option<R>) -> R {
        loop {
            let heard = self.next();
            if let Some(chosen) = choose(&heard) {
                return chosen;
            }
            self.passed.push_back(heard);
        }
    }

    #[track_caller]
    pub fn expect(&mut self, wanted: &Heard) {
        self.wait(|heard| (heard == wanted).then_some(()));
    }

    /// The next datagram, with its sender.
    #[track_caller]
    pub fn datagram(&mut self) -> (SocketAddr, Vec<u8>) {
        self.wait(|heard| match heard {
            Heard::Received(from, data, false) => Some((*from, data.clone())),
            _ => None,
        })
    }

    #[track_caller]
    pub fn error(&mut self) -> Error {
        self.wait(|heard| match heard {
            Heard::Error(error) => Some(error.clone()),
            _ => None,
        })
    }

    #[track_caller]
    pub fn stopped(&mut self) -> Reason {
        self.wait(|heard| match heard {
            Heard::Stopped(reason) => Some(*reason),
            _ => None,
        })
    }

    /// What came before the events that were waited for.
    pub fn passed(&mut self) -> Vec<Heard> {
        self.passed.drain(..).collect()
    }

    /// Everything until the handler is dropped.
    #[track_caller]
    pub fn rest(&mut self) -> Vec<Heard> {
        self.expect(&Heard::Dropped);
        self.passed()
    }
}

/// A started server on 127.0.0.1, on a port that the system chose.
#[track_caller]
pub fn udp_server(service: &Service, probe: UdpProbe) -> Udp {
    let udp = Udp::server(service, "127.0.0.1", 0).expect("the address is good");
    udp.start(probe).expect("there is a free port");
    udp
}

/// A started client of a port on 127.0.0.1.
#[track_caller]
pub fn udp_client(service: &Service, port: u16, probe: UdpProbe) -> Udp {
    let udp = Udp::client(service, "127.0.0.1", port).expect("the address is good");
    udp.start(probe).expect("the service runs");
    udp
}

/// A plain socket on 127.0.0.1 that does not wait for ever.
pub fn plain_udp() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    socket.set_read_timeout(Some(DEADLINE)).expect("it is not zero");
    socket
}

/// Room for that many bytes in the socket, as far as the system allows it.
pub fn with_receive_buffer(udp: Udp, bytes: i64) -> Udp {
    udp.set_option(SocketOption::ReceiveBuffer, bytes).expect("it is in range");
    udp
}
