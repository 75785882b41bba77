//! Handlers that write everything into a log and then do what the test wants.

use std::sync::Arc;

use cppserver::{
    Error, Kind, Reason, Server, ServerHandler, ServiceHandler, Session, SessionHandler,
};

use super::log::{Event, Lane, Log};

struct Scribe {
    log: Arc<Log>,
    name: &'static str,
    number: u64,
    lane: Lane,
}

impl Scribe {
    fn new(log: &Arc<Log>, name: &'static str) -> Scribe {
        Scribe { log: Arc::clone(log), name, number: log.number(), lane: Lane::default() }
    }

    /// Writes an event and runs the reaction to it, and watches that nobody else is in the lane.
    fn tell<R>(&self, event: Event, reaction: impl FnOnce(&Event) -> R) -> R {
        let _turn = self.lane.enter(&self.log);
        self.log.tell(self.name, self.number, event.clone());
        reaction(&event)
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.log.tell(self.name, self.number, Event::Dropped);
    }
}

type SessionReaction = Box<dyn FnMut(&Session, &Event) + Send>;

/// A handler of a session or a client.
pub struct Probe {
    // First, so that what the reaction owns is dropped before the log says so.
    reaction: Option<SessionReaction>,
    scribe: Scribe,
}

impl Probe {
    pub fn new(log: &Arc<Log>, name: &'static str) -> Probe {
        Probe { reaction: None, scribe: Scribe::new(log, name) }
    }

    /// Reacts to each event after it was logged.
    pub fn on(mut self, reaction: impl FnMut(&Session, &Event) + Send + 'static) -> Probe {
        self.reaction = Some(Box::new(reaction));
        self
    }

    /// Sends everything back.
    pub fn echo(self) -> Probe {
        self.on(|session, event| match event {
            Event::Received(bytes) => drop(session.send(bytes).expect("the session is open")),
            Event::Message(kind, data) => {
                session.send_message(*kind, data).expect("the session is open");
            }
            _ => {}
        })
    }

    /// Shares a lane with other handlers: no two of them may run at the same time.
    pub fn lane(mut self, lane: &Lane) -> Probe {
        self.scribe.lane = lane.clone();
        self
    }

    fn tell(&mut self, session: &Session, event: Event) {
        let Probe { reaction, scribe } = self;
        scribe.tell(event, |event| {
            if let Some(reaction) = reaction {
                reaction(session, event);
            }
        });
    }
}

impl SessionHandler for Probe {
    fn on_connected(&mut self, session: &Session) {
        self.scribe.log.expect(session.is_connected(), "not connected in on_connected");
        self.scribe.log.expect(!session.is_handshaked(), "handshaked in on_connected");
        self.tell(session, Event::Connected);
    }

    fn on_handshaked(&mut self, session: &Session) {
        self.scribe.log.expect(session.is_handshaked(), "not handshaked in on_handshaked");
        self.tell(session, Event::Handshaked);
    }

    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        if kind != Kind::Bytes {
            self.tell(session, Event::Message(kind, data.to_vec()));
            // It counts as handled nevertheless.
            return 0;
        }
        self.scribe.log.expect(!data.is_empty(), "on_received without data");
        self.tell(session, Event::Received(data.to_vec()));
        data.len()
    }

    fn on_sent(&mut self, session: &Session, sent: usize, pending: usize) {
        self.tell(session, Event::Sent { sent, pending });
    }

    fn on_empty(&mut self, session: &Session) {
        self.tell(session, Event::Empty);
    }

    fn on_error(&mut self, session: &Session, error: &Error) {
        self.tell(session, Event::Error(error.clone()));
    }

    fn on_disconnected(&mut self, session: &Session, reason: Reason) {
        self.scribe.log.expect(!session.is_connected(), "still connected in on_disconnected");
        self.scribe.log.expect(!session.is_handshaked(), "still handshaked in on_disconnected");
        self.tell(session, Event::Disconnected(reason));
    }
}

type ServerReaction = Box<dyn Fn(&Server, &Event) + Send + Sync>;
type SessionMaker = Box<dyn Fn(&Session) -> Option<Probe> + Send + Sync>;

/// A handler of a server. Its sessions are named `session` and do nothing unless told.
pub struct ServerProbe {
    reaction: Option<ServerReaction>,
    make: SessionMaker,
    scribe: Scribe,
}

impl ServerProbe {
    /// Goes by another name in the log.
    pub fn renamed(mut self, name: &'static str) -> ServerProbe {
        self.scribe.name = name;
        self
    }

    pub fn new(log: &Arc<Log>) -> ServerProbe {
        let for_sessions = Arc::clone(log);
        ServerProbe {
            reaction: None,
            make: Box::new(move |_| Some(Probe::new(&for_sessions, "session"))),
            scribe: Scribe::new(log, "server"),
        }
    }

    /// Reacts to each event after it was logged.
    pub fn on(mut self, reaction: impl Fn(&Server, &Event) + Send + Sync + 'static) -> ServerProbe {
        self.reaction = Some(Box::new(reaction));
        self
    }

    /// Makes the handlers of the sessions.
    pub fn make(
        mut self,
        make: impl Fn(&Session) -> Option<Probe> + Send + Sync + 'static,
    ) -> ServerProbe {
        self.make = Box::new(make);
        self
    }

    /// Gives every session the same reaction.
    pub fn sessions(
        self,
        reaction: impl Fn(&Session, &Event) + Send + Sync + 'static,
    ) -> ServerProbe {
        let (log, reaction) = (Arc::clone(&self.scribe.log), Arc::new(reaction));
        self.make(move |_| {
            let reaction = Arc::clone(&reaction);
            Some(Probe::new(&log, "session").on(move |session, event| reaction(session, event)))
        })
    }

    /// Sessions send back what they receive.
    pub fn echo(self) -> ServerProbe {
        let log = Arc::clone(&self.scribe.log);
        self.make(move |_| Some(Probe::new(&log, "session").echo()))
    }

    /// Shares a lane with other handlers. Only for services with one loop.
    pub fn lane(mut self, lane: &Lane) -> ServerProbe {
        self.scribe.lane = lane.clone();
        self
    }

    /// Callbacks about sessions run on the loops of the sessions, so each in a lane of its own.
    fn tell(&self, server: &Server, event: Event) {
        self.scribe.log.tell(self.scribe.name, self.scribe.number, event.clone());
        if let Some(reaction) = &self.reaction {
            reaction(server, &event);
        }
    }
}

fn server_of(session: &Session) -> Server {
    session.server().expect("the session of a server knows it")
}

impl ServerHandler for ServerProbe {
    type Session = Probe;

    fn on_session(&self, session: &Session) -> Option<Probe> {
        self.scribe.log.expect(!session.is_connected(), "connected before on_connected");
        self.tell(&server_of(session), Event::Accepted(session.id()));
        (self.make)(session)
    }

    fn on_started(&self, server: &Server) {
        self.scribe.log.expect(server.is_started(), "not started in on_started");
        self.tell(server, Event::Started);
    }

    fn on_stopped(&self, server: &Server) {
        self.scribe.log.expect(!server.is_started(), "still started in on_stopped");
        self.tell(server, Event::Stopped);
    }

    fn on_connected(&self, session: &Session, _handler: &mut Probe) {
        self.tell(&server_of(session), Event::SessionConnected(session.id()));
    }

    fn on_disconnected(&self, session: &Session, _handler: &mut Probe, reason: Reason) {
        self.tell(&server_of(session), Event::SessionDisconnected(session.id(), reason));
    }

    fn on_error(&self, server: &Server, error: &Error) {
        self.tell(server, Event::Error(error.clone()));
    }
}

type ServiceReaction = Box<dyn Fn(&Event) + Send + Sync>;

/// A handler of a service, named `service`. `on_idle` is logged only once.
pub struct ServiceProbe {
    reaction: Option<ServiceReaction>,
    idle: std::sync::atomic::AtomicBool,
    scribe: Scribe,
}

impl ServiceProbe {
    /// Goes by another name in the log.
    pub fn renamed(mut self, name: &'static str) -> ServiceProbe {
        self.scribe.name = name;
        self
    }

    pub fn new(log: &Arc<Log>) -> ServiceProbe {
        ServiceProbe { reaction: None, idle: false.into(), scribe: Scribe::new(log, "service") }
    }

    /// Reacts to each event after it was logged.
    pub fn on(mut self, reaction: impl Fn(&Event) + Send + Sync + 'static) -> ServiceProbe {
        self.reaction = Some(Box::new(reaction));
        self
    }

    fn tell(&self, event: Event) {
        self.scribe.log.tell(self.scribe.name, self.scribe.number, event.clone());
        if let Some(reaction) = &self.reaction {
            reaction(&event);
        }
    }
}

impl ServiceHandler for ServiceProbe {
    fn on_thread_initialize(&self) {
        self.tell(Event::ThreadInitialized);
    }

    fn on_thread_cleanup(&self) {
        self.tell(Event::ThreadCleaned);
    }

    fn on_started(&self) {
        self.tell(Event::Started);
    }

    fn on_stopped(&self) {
        self.tell(Event::Stopped);
    }

    fn on_idle(&self) {
        if !self.idle.swap(true, std::sync::atomic::Ordering::Relaxed) {
            self.tell(Event::Idle);
        }
        std::thread::yield_now();
    }

    fn on_error(&self, error: &Error) {
        self.tell(Event::Error(error.clone()));
    }
}
