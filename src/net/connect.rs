//! Clients: from the name to the connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::endpoint::Endpoint;
use super::handler::{SessionHandler, drop_guarded, guard};
use super::outbox::Phase;
use super::place::Place;
use super::remote::Operation;
use super::stream::Stream;
use super::timer::later;
use super::worker::{Due, Source, Worker};
use super::{Reason, Session, SocketOption};
use crate::error::Error;
use crate::reactor::event_loop::Readiness;
use crate::reactor::resolver;
use crate::reactor::slots::Key;
use crate::reactor::sockets::{self, StreamSocket};
use crate::reactor::timers::TimerKey;

/// How long a client of a Unix domain socket waits when the server's backlog is full: no event tells
/// when there is room again.
const BACKLOG_RETRY: Duration = Duration::from_millis(10);

/// A client that wants a connection.
pub(super) struct ConnectRequest {
    pub(super) session: Session,
    pub(super) handler: Box<dyn SessionHandler>,
    pub(super) not_before: Instant,
}

impl ConnectRequest {
    /// Drops a connect that never begins.
    pub(super) fn give_up(self) {
        self.session.0.rest(&mut self.session.0.outbox());
        drop_guarded(self.handler);
    }
}

/// A client on its way to a connection.
pub(super) struct Connecting {
    pub(super) session: Session,
    handler: Box<dyn SessionHandler>,
    progress: Progress,
    /// Addresses that were not tried yet.
    targets: std::vec::IntoIter<Target>,
    /// The failure of the last address.
    failure: Option<Error>,
    /// When to give up; none leaves that to the system.
    deadline: Option<Instant>,
    /// For the deadline, or for the part of the time that one address may take.
    timer: Option<TimerKey>,
}

/// What a socket can be connected to.
#[derive(Clone, Copy)]
enum Target {
    Internet(SocketAddr),
    /// The file at the path of the endpoint.
    File,
}

impl Target {
    fn address(self) -> Option<SocketAddr> {
        match self {
            Target::Internet(address) => Some(address),
            Target::File => None,
        }
    }

    /// For messages: where the endpoint wants to connect to.
    fn name(self, endpoint: &Endpoint) -> String {
        match self {
            Target::Internet(address) => address.to_string(),
            Target::File => endpoint.place.to_string(),
        }
    }
}

enum Progress {
    /// Until the time of a delayed reconnect, or of another attempt.
    Waiting,
    /// Until the answer to the question that this one asks. A key can come again when the service
    /// is restarted; an asker never does.
    Resolving(Arc<()>),
    /// Between two addresses.
    Next,
    Trying {
        socket: StreamSocket,
        target: Target,
    },
}

impl Connecting {
    fn is(&self, asker: &Weak<()>) -> bool {
        matches!(&self.progress, Progress::Resolving(own) if Arc::as_ptr(own) == asker.as_ptr())
    }
}

impl Worker {
    /// Takes a connect in.
    pub(super) fn connect(&mut self, request: ConnectRequest) {
        let ConnectRequest { session, handler, not_before } = request;
        let key = self.slots.reserve();
        let mut connecting = Box::new(Connecting {
            session,
            handler,
            progress: Progress::Waiting,
            targets: Vec::new().into_iter(),
            failure: None,
            deadline: None,
            timer: None,
        });
        let close = {
            let mut outbox = connecting.session.0.outbox();
            outbox.key = key;
            outbox.close
        };
        if let Some(close) = close {
            self.give_up(key, *connecting, close.reason);
        } else if self.is_stopping() {
            self.give_up(key, *connecting, Reason::ServiceStopped);
        } else if not_before > self.now {
            connecting.timer = Some(self.timers.insert(not_before, Due::Source(key)));
            self.slots.restore(key, Source::Connecting(connecting));
        } else {
            self.resolve(key, connecting);
        }
    }

    fn resolve(&mut self, key: Key, mut connecting: Box<Connecting>) {
        let endpoint = Arc::clone(&connecting.session.0.endpoint);
        let timeout = endpoint.options.milliseconds(SocketOption::ConnectTimeout);
        let deadline = timeout.map(|timeout| self.now + timeout);
        connecting.deadline = connecting.deadline.or(deadline);
        connecting.timer = connecting.deadline.map(|at| self.timers.insert(at, Due::Source(key)));
        let (host, port) = match &endpoint.place {
            Place::Internet { host, port } => (host, *port),
            Place::Unix(_) => {
                connecting.targets = vec![Target::File].into_iter();
                return self.try_next(key, connecting);
            }
        };
        if let Ok(address) = host.parse::<IpAddr>() {
            let target = Target::Internet(SocketAddr::new(address, port));
            connecting.targets = vec![target].into_iter();
            return self.try_next(key, connecting);
        }
        let asker = Arc::new(());
        let (core, index, asked) = (Arc::clone(&self.core), self.index, Arc::downgrade(&asker));
        let answer = Box::new(move |addresses| {
            core.remote(index).post(Operation::Resolved { key, asker: asked, addresses });
        });
        resolver::resolve(host.clone(), port, Arc::downgrade(&asker), answer);
        connecting.progress = Progress::Resolving(asker);
        self.slots.restore(key, Source::Connecting(connecting));
    }

    /// The resolver has answered.
    pub(super) fn resolved(
        &mut self,
        key: Key,
        asker: &Weak<()>,
        addresses: io::Result<Vec<SocketAddr>>,
    ) {
        let connecting = match self.slots.take(key) {
            Some(Source::Connecting(connecting)) if connecting.is(asker) => connecting,
            Some(Source::Udp(source)) if source.asks(asker) => {
                return self.udp_resolved(key, source, addresses);
            }
            Some(other) => return self.slots.restore(key, other),
            None => return,
        };
        let Some(mut connecting) = self.still_wanted(key, connecting) else { return };
        match addresses {
            Ok(addresses) => {
                let targets: Vec<_> = addresses.into_iter().map(Target::Internet).collect();
                connecting.targets = targets.into_iter();
                self.try_next(key, connecting);
            }
            Err(error) => {
                let host = connecting.session.0.endpoint.place.host();
                let text = format!("cannot resolve the host {host:?}: {error}");
                self.fail(key, *connecting, Error::resolver(text), Reason::Error);
            }
        }
    }

    /// Begins to connect to the next address, or fails with the last failure.
    fn try_next(&mut self, key: Key, mut connecting: Box<Connecting>) {
        let endpoint = Arc::clone(&connecting.session.0.endpoint);
        let local = *endpoint.as_client().local();
        for target in connecting.targets.by_ref() {
            let options = endpoint.options.stream();
            let begun = match (target, endpoint.place.path()) {
                (Target::Internet(address), _) => sockets::connect(address, local, &options),
                (Target::File, path) => {
                    sockets::connect_unix(path.expect("it is a path"), &options)
                }
            };
            let begun = begun.and_then(|mut socket| {
                self.registrar.register_connecting(&mut socket, key)?;
                Ok(socket)
            });
            match begun {
                Ok(socket) => {
                    connecting.progress = Progress::Trying { socket, target };
                    self.share_time(key, &mut connecting);
                    return self.slots.restore(key, Source::Connecting(connecting));
                }
                Err(error) => {
                    connecting.failure = Some(connect_error(target, &endpoint, local, &error));
                    if matches!(target, Target::File) && error.kind() == io::ErrorKind::WouldBlock {
                        return self.try_later(key, connecting);
                    }
                }
            }
        }
        let error = connecting.failure.take().unwrap_or_else(|| {
            Error::resolver(format!("the host {:?} has no address", endpoint.place.host()))
        });
        self.fail(key, *connecting, error, Reason::Error);
    }

    /// Tries again in a while, if there is time for that.
    fn try_later(&mut self, key: Key, mut connecting: Box<Connecting>) {
        let again = self.now + BACKLOG_RETRY;
        if connecting.deadline.is_some_and(|deadline| deadline <= again)
            && let Some(error) = connecting.failure.take()
        {
            return self.fail(key, *connecting, error, Reason::Timeout);
        }
        connecting.timer.take().map(|timer| self.timers.cancel(timer));
        connecting.timer = Some(self.timers.insert(again, Due::Source(key)));
        connecting.progress = Progress::Waiting;
        self.slots.restore(key, Source::Connecting(connecting));
    }

    /// One address that does not answer leaves the others as much time as it took.
    fn share_time(&mut self, key: Key, connecting: &mut Connecting) {
        let Some(deadline) = connecting.deadline else { return };
        let rest = deadline.saturating_duration_since(self.now);
        let share = rest / u32::try_from(connecting.targets.len() + 1).unwrap_or(u32::MAX);
        connecting.timer.take().map(|timer| self.timers.cancel(timer));
        connecting.timer = Some(self.timers.insert(self.now + share, Due::Source(key)));
    }

    /// The socket tells how its connect went.
    pub(super) fn connect_ready(
        &mut self,
        key: Key,
        connecting: Box<Connecting>,
        readiness: Readiness,
    ) {
        let Some(mut connecting) = self.still_wanted(key, connecting) else { return };
        let Progress::Trying { socket, target } = &connecting.progress else {
            return self.slots.restore(key, Source::Connecting(connecting));
        };
        let outcome = match socket.take_error() {
            Ok(Some(error)) | Err(error) => Err(error),
            Ok(None) => match sockets::check_connected(socket) {
                Ok(()) => Ok(()),
                // An event for something else: still on its way.
                Err(_) if !readiness.writable && !readiness.closed => {
                    return self.slots.restore(key, Source::Connecting(connecting));
                }
                // No error and no connection: the event may be a late one of the address before.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                    return self.slots.restore(key, Source::Connecting(connecting));
                }
                Err(error) => Err(error),
            },
        };
        if let Err(error) = outcome {
            let endpoint = &connecting.session.0.endpoint;
            let local = *endpoint.as_client().local();
            connecting.failure = Some(connect_error(*target, endpoint, local, &error));
            connecting.progress = Progress::Next;
            return self.try_next(key, connecting);
        }
        let layer = match connecting.session.0.endpoint.layer() {
            Ok(layer) => layer,
            Err(error) => return self.fail(key, *connecting, error, Reason::Error),
        };
        let Connecting { session, handler, progress, timer, .. } = *connecting;
        timer.map(|timer| self.timers.cancel(timer));
        let Progress::Trying { socket, target } = progress else { return };
        session.0.outbox().peer = target.address().into();
        let stream = Stream::new(socket, layer, session, handler, None);
        let mut stream = Box::new(stream);
        // The server may have spoken, and even closed, by the time this side hears of the
        // connection: then this event tells that too, and no other one follows.
        stream.read_closed = readiness.closed;
        if readiness.readable {
            self.unfinished.push(key);
        }
        self.open_stream(key, stream);
    }

    /// The delay of a reconnect is over, or the time to connect is.
    pub(super) fn connect_expired(&mut self, key: Key, mut connecting: Box<Connecting>) {
        connecting.timer = None;
        let Some(mut connecting) = self.still_wanted(key, connecting) else { return };
        if matches!(connecting.progress, Progress::Waiting) {
            return self.resolve(key, connecting);
        }
        let endpoint = &connecting.session.0.endpoint;
        let what = match &connecting.progress {
            Progress::Trying { target, .. } => {
                format!("cannot connect to {}", target.name(endpoint))
            }
            _ => format!("cannot resolve the host {:?}", endpoint.place.host()),
        };
        let limit = endpoint.options.get(SocketOption::ConnectTimeout);
        let error = Error::timeout(format!("{what} within {limit} milliseconds"));
        if connecting.targets.len() > 0 {
            connecting.failure = Some(error);
            connecting.progress = Progress::Next;
            return self.try_next(key, connecting);
        }
        self.fail(key, *connecting, error, Reason::Timeout);
    }

    /// Somebody wants the connect to end.
    pub(super) fn connect_flush(&mut self, key: Key, connecting: Box<Connecting>) {
        if let Some(connecting) = self.still_wanted(key, connecting) {
            self.slots.restore(key, Source::Connecting(connecting));
        }
    }

    /// Gives a connect up that somebody wants to end.
    fn still_wanted(&mut self, key: Key, connecting: Box<Connecting>) -> Option<Box<Connecting>> {
        let close = connecting.session.0.outbox().close;
        let Some(close) = close else { return Some(connecting) };
        self.give_up(key, *connecting, close.reason);
        None
    }

    fn fail(&mut self, key: Key, mut connecting: Connecting, error: Error, reason: Reason) {
        let Connecting { session, handler, .. } = &mut connecting;
        self.report(guard("on_error", || handler.on_error(session, &error)));
        self.give_up(key, connecting, reason);
    }

    fn give_up(&mut self, key: Key, connecting: Connecting, reason: Reason) {
        let Connecting { session, handler, timer, progress, .. } = connecting;
        timer.map(|timer| self.timers.cancel(timer));
        drop(progress);
        self.slots.remove(key);
        self.disconnected(session, handler, reason);
    }

    /// Tells a client that its connection is gone or did not come, and connects again if that is
    /// wanted.
    pub(super) fn disconnected(
        &mut self,
        session: Session,
        mut handler: Box<dyn SessionHandler>,
        reason: Reason,
    ) {
        let client = session.0.endpoint.as_client();
        {
            let mut outbox = session.0.outbox();
            session.0.rest(&mut outbox);
            outbox.ending = true;
        }
        self.report(guard("on_disconnected", || handler.on_disconnected(&session, reason)));
        let again = {
            let mut outbox = session.0.outbox();
            outbox.ending = false;
            match client.reconnect().take() {
                Some(delay) if !self.is_stopping() => {
                    outbox.phase = Phase::Connecting;
                    Some(delay)
                }
                // A service that stops connects nobody again.
                Some(_) => {
                    session.0.rest(&mut outbox);
                    None
                }
                None => None,
            }
        };
        match again {
            Some(delay) => {
                // In the next turn: a handler that never tires must not keep the loop here.
                let not_before = later(Instant::now(), delay);
                let request = Box::new(ConnectRequest { session, handler, not_before });
                self.core.remote(self.index).post(Operation::Connect(request));
            }
            None => drop_guarded(handler),
        }
    }
}

fn connect_error(
    target: Target,
    endpoint: &Endpoint,
    local: Option<SocketAddr>,
    error: &io::Error,
) -> Error {
    let name = target.name(endpoint);
    match (target, local) {
        (Target::File, _) => Error::file(format!("cannot connect to {name}"), error),
        (_, Some(local)) => Error::system(format!("cannot connect from {local} to {name}"), error),
        (_, None) => Error::system(format!("cannot connect to {name}"), error),
    }
}

/// Linux lets a connect wait when the backlog is full, as if nobody were there.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc;

    use super::super::{Client, Server, ServerHandler, Service};
    use super::*;

    struct Told(mpsc::Sender<(Option<SocketAddr>, Option<Error>)>);

    impl SessionHandler for Told {
        fn on_connected(&mut self, session: &Session) {
            self.0.send((session.peer_address(), None)).unwrap();
        }

        fn on_error(&mut self, _session: &Session, error: &Error) {
            self.0.send((None, Some(error.clone()))).unwrap();
        }
    }

    struct Nobody;

    impl ServerHandler for Nobody {
        type Session = Told;

        fn on_session(&self, _session: &Session) -> Option<Told> {
            None
        }
    }

    fn silent_server(service: &Service) -> Server {
        let server = Server::tcp(service, "127.0.0.1", 0).unwrap();
        server.set_option(SocketOption::Backlog, 1).unwrap();
        server.start(Nobody).unwrap();
        server
    }

    #[test]
    #[cfg_attr(miri, ignore = "needs sockets")]
    fn an_address_that_does_not_answer_leaves_time_for_the_next_one() {
        let never_started = Service::new().unwrap();
        let silent = silent_server(&never_started);
        let service = Service::new().unwrap();
        service.start(()).unwrap();
        let connect = |host: &str, timeout| {
            let (sender, told) = mpsc::channel();
            let client = Client::tcp(&service, host, silent.port()).unwrap();
            client.set_option(SocketOption::ConnectTimeout, timeout).unwrap();
            client.connect(Told(sender)).unwrap();
            told
        };
        // Two have room in a backlog of one.
        for _ in 0..2 {
            assert_eq!(connect("127.0.0.1", 0).recv().unwrap().1, None);
        }
        let answering = silent_server(&never_started);
        let (silent, answering) = (silent.port(), answering.port());
        let both = format!("127.0.0.1:{silent},127.0.0.1:{answering}");
        let (address, error) = connect(&both, 1000).recv().unwrap();
        assert_eq!(error, None);
        assert_eq!(address.unwrap().port(), answering);
        let twice = format!("127.0.0.1:{silent},127.0.0.1:{silent}");
        let (_, error) = connect(&twice, 200).recv().unwrap();
        let error = error.unwrap();
        assert_eq!(error.status(), crate::error::Status::Timeout);
        assert!(error.message().contains("within 200 milliseconds"), "{error}");
        service.stop().unwrap();
    }
}
