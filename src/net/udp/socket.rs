//! What a loop does with a socket of datagrams.
//!
//! What runs for each datagram is inlined, as in `receiving`.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use super::super::endpoint::Life;
use super::super::handler::{drop_guarded, guard};
use super::super::remote::Operation;
use super::super::worker::{Due, READ_BUDGET, Source, Worker};
use super::super::{Reason, SocketOption, context};
use super::state::{GroupChange, Open, Role, Stop};
use super::{Group, Udp, UdpHandler};
use crate::error::Error;
use crate::reactor::datagrams::{
    self, DatagramQueue, ReceiveBatch, SendBatch, UdpSocket, Version, any, canonical,
};
use crate::reactor::event_loop::Readiness;
use crate::reactor::resolver;
use crate::reactor::slots::Key;
use crate::reactor::sockets::SockRef;
use crate::reactor::sys::{self, LentSocket};
use crate::reactor::timers::TimerKey;

/// Batches that one endpoint receives before others get their turn.
const BATCHES_PER_TURN: usize = 4;

/// Calls that send from one endpoint before others get their turn.
const SENDS_PER_TURN: usize = 16;

/// Reports about lost datagrams that are told before others get their turn.
const REPORTS_PER_TURN: usize = 64;

/// An endpoint that is to begin.
pub(crate) struct UdpStart {
    pub(super) udp: Udp,
    pub(super) run: u64,
    pub(super) handler: Box<dyn UdpHandler>,
    /// Where a server is bound.
    pub(super) addresses: Vec<SocketAddr>,
    /// Bound already.
    pub(super) socket: Option<UdpSocket>,
}

impl UdpStart {
    /// Drops a start that no loop comes to any more.
    pub(in super::super) fn give_up(self) {
        let UdpStart { udp, run, handler, socket, .. } = self;
        drop(socket);
        udp.rest(run);
        drop_guarded(handler);
    }
}

/// An endpoint in its loop.
pub(crate) struct Datagrams {
    udp: Udp,
    run: u64,
    handler: Box<dyn UdpHandler>,
    addresses: Vec<SocketAddr>,
    stage: Stage,
    /// The system knows the peer, and datagrams need no address.
    connected: bool,
    /// Many datagrams may go to the system as one.
    segments: bool,
    /// The socket takes no more for now.
    blocked: bool,
    watches_writes: bool,
    /// There may be more reports than were taken.
    has_reports: bool,
    /// What the loop has taken out of the queue.
    sending: DatagramQueue,
    /// What the socket has told of lost datagrams.
    lost: u32,
    /// For the name, or for what is still to be sent at the end.
    timer: Option<TimerKey>,
    closing: Option<Stop>,
    /// The start after this run.
    next: Option<Box<UdpStart>>,
}

enum Stage {
    /// Until the answer to the question that this one asks.
    Resolving(Arc<()>),
    Open(UdpSocket),
}

/// Room that all endpoints of a loop share.
pub(crate) struct Batches {
    receive: ReceiveBatch,
    send: SendBatch,
    /// What a call has sent.
    sent: Vec<(SocketAddr, usize)>,
}

impl Batches {
    fn new() -> Batches {
        Batches { receive: ReceiveBatch::new(), send: SendBatch::new(), sent: Vec::new() }
    }
}

impl Udp {
    /// Nothing is started any more, unless another start came since.
    fn rest(&self, run: u64) {
        let mut state = self.0.state();
        if state.run == run {
            state.life = Life::Stopped;
            state.stop = None;
            if self.0.role == Role::Client {
                self.0.local_port.store(0, Ordering::Relaxed);
            } else {
                self.0.local_port.store(self.0.port, Ordering::Relaxed);
            }
        }
    }
}

impl Datagrams {
    /// Runs a callback. A panic there is told to `on_error`.
    #[inline(always)]
    fn call(&mut self, what: &str, call: impl FnOnce(&mut dyn UdpHandler, &Udp)) {
        let Datagrams { handler, udp, .. } = self;
        if let Err(error) = guard(what, || call(&mut **handler, udp)) {
            self.on_error(&error);
        }
    }

    #[inline(never)]
    fn on_error(&mut self, error: &Error) {
        let Datagrams { handler, udp, .. } = self;
        let _ = guard("on_error", || handler.on_error(udp, error));
    }

    fn socket(&mut self) -> Option<&mut UdpSocket> {
        match &mut self.stage {
            Stage::Open(socket) => Some(socket),
            Stage::Resolving(_) => None,
        }
    }

    pub(in super::super) fn asks(&self, asker: &Weak<()>) -> bool {
        matches!(&self.stage, Stage::Resolving(own) if Arc::as_ptr(own) == asker.as_ptr())
    }

    /// Whether the handler hears what comes.
    #[inline(always)]
    fn is_delivering(&self) -> bool {
        self.closing.is_none() && !self.udp.0.quiet.load(Ordering::Acquire)
    }

    /// Takes a wish to end this run.
    fn take_stop(&mut self) {
        let mut state = self.udp.0.state();
        if let Some(stop) = state.stop.filter(|stop| stop.run == self.run) {
            state.stop = None;
            self.closing = Some(stop);
        }
    }

    /// A datagram does not leave.
    fn give_up(&mut self, index: usize) -> SocketAddr {
        let entry = self.sending.mark_gone(index);
        self.sending.sweep();
        let inner = &self.udp.0;
        inner.dropped.fetch_add(1, Ordering::Relaxed);
        inner.waiting.fetch_sub(1, Ordering::Relaxed);
        inner.pending.fetch_sub(usize::from(entry.size), Ordering::Relaxed);
        canonical(entry.to)
    }

    /// Tells what became of datagrams that were sent before.
    #[inline(never)]
    fn take_reports(&mut self) {
        self.has_reports = false;
        for _ in 0..REPORTS_PER_TURN {
            let report = match &self.stage {
                Stage::Open(socket) => sys::next_report(socket),
                Stage::Resolving(_) => None,
            };
            let Some((to, error)) = report else { return };
            self.on_error(&undelivered(to.map(canonical), &error));
        }
        self.has_reports = true;
    }
}

fn undelivered(to: Option<SocketAddr>, error: &io::Error) -> Error {
    match to {
        Some(to) => Error::system(format!("a datagram to {to} was not delivered"), error),
        None => Error::system("a datagram that was sent before was not delivered", error),
    }
}

impl Worker {
    /// Takes a start in.
    pub(in super::super) fn start_udp(&mut self, start: Box<UdpStart>) {
        let earlier = start.udp.0.state().key;
        match self.slots.take(earlier) {
            // It has still something to send.
            Some(Source::Udp(mut source)) => {
                let stop = Stop { run: source.run, reason: Reason::Local, restart: false };
                let closing = source.closing.get_or_insert(stop);
                closing.restart = false;
                source.next = Some(start);
                context::mark_dirty(earlier);
                return self.slots.restore(earlier, Source::Udp(source));
            }
            Some(other) => self.slots.restore(earlier, other),
            None => {}
        }
        let UdpStart { udp, run, handler, addresses, socket } = *start;
        let key = self.slots.reserve();
        let stage = match socket {
            Some(socket) => Stage::Open(socket),
            None => Stage::Resolving(Arc::new(())),
        };
        let mut source = Box::new(Datagrams {
            udp,
            run,
            handler,
            addresses,
            stage,
            connected: false,
            segments: true,
            blocked: false,
            watches_writes: false,
            has_reports: false,
            sending: DatagramQueue::default(),
            lost: 0,
            timer: None,
            closing: None,
            next: None,
        });
        let interface = {
            let mut state = source.udp.0.state();
            state.key = key;
            state.interface
        };
        if self.is_stopping() {
            let error = Error::state("the service stopped before the endpoint could start");
            source.on_error(&error);
            return self.end_udp(key, source, Reason::ServiceStopped);
        }
        if matches!(source.stage, Stage::Open(_)) {
            return self.open_udp(key, source, None);
        }
        if source.udp.0.role == Role::Client {
            return self.resolve_udp(key, source);
        }
        let addresses: Vec<_> = {
            let port = source.udp.0.local_port.load(Ordering::Relaxed);
            let with_port = |address: &SocketAddr| {
                let mut address = *address;
                address.set_port(port);
                address
            };
            source.addresses.iter().map(with_port).collect()
        };
        match source.udp.0.bind(&addresses, interface) {
            Ok((socket, local)) => {
                source.udp.0.local_port.store(local.port(), Ordering::Relaxed);
                source.stage = Stage::Open(socket);
                self.open_udp(key, source, None);
            }
            Err(error) => self.fail_udp(key, source, &error),
        }
    }

    fn resolve_udp(&mut self, key: Key, mut source: Box<Datagrams>) {
        let inner = Arc::clone(&source.udp.0);
        if let Ok(address) = inner.host.parse::<IpAddr>() {
            return self.reach(key, source, &[SocketAddr::new(address, inner.port)]);
        }
        let Stage::Resolving(asker) = &source.stage else { return };
        let (core, index, asked) = (Arc::clone(&self.core), self.index, Arc::downgrade(asker));
        let weak = Arc::downgrade(asker);
        let answer = Box::new(move |addresses| {
            core.remote(index).post(Operation::Resolved { key, asker: asked, addresses });
        });
        resolver::resolve(inner.host.clone(), inner.port, weak, answer);
        let timeout = inner.options.milliseconds(SocketOption::ConnectTimeout);
        source.timer =
            timeout.map(|timeout| self.timers.insert(self.now + timeout, Due::Source(key)));
        self.udp_flush(key, source);
    }

    /// The resolver has answered.
    pub(in super::super) fn udp_resolved(
        &mut self,
        key: Key,
        mut source: Box<Datagrams>,
        addresses: io::Result<Vec<SocketAddr>>,
    ) {
        source.timer.take().map(|timer| self.timers.cancel(timer));
        match addresses {
            Ok(addresses) => self.reach(key, source, &addresses),
            Err(error) => {
                let host = &source.udp.0.host;
                let text = format!("cannot resolve the host {host:?}: {error}");
                self.fail_udp(key, source, &Error::resolver(text));
            }
        }
    }

    /// Opens the socket of a client for the first address that it can reach.
    fn reach(&mut self, key: Key, mut source: Box<Datagrams>, addresses: &[SocketAddr]) {
        source.take_stop();
        if let Some(stop) = source.closing {
            return self.end_udp(key, source, stop.reason);
        }
        let inner = Arc::clone(&source.udp.0);
        let (local, interface) = {
            let state = inner.state();
            (state.local, state.interface)
        };
        let connected = !inner.options.is_on(SocketOption::AnyPeer);
        let mut failure = None;
        for peer in addresses {
            let own = local.unwrap_or_else(|| any(Version::of(*peer)));
            let peer = datagrams::for_version(*peer, Version::of(own));
            let opened = inner.bind(&[own], interface).and_then(|(socket, _)| {
                if connected {
                    socket
                        .connect(peer)
                        .map_err(|error| Error::system(format!("cannot send to {peer}"), &error))?;
                }
                Ok(socket)
            });
            match opened {
                Ok(socket) => {
                    source.stage = Stage::Open(socket);
                    source.connected = connected;
                    return self.open_udp(key, source, Some(canonical(peer)));
                }
                Err(error) => failure = Some(error),
            }
        }
        let error = failure.unwrap_or_else(|| {
            Error::resolver(format!("the host {:?} has no address", inner.host))
        });
        self.fail_udp(key, source, &error);
    }

    fn fail_udp(&mut self, key: Key, mut source: Box<Datagrams>, error: &Error) {
        source.on_error(error);
        self.end_udp(key, source, Reason::Error);
    }

    /// Announces an endpoint whose socket is there.
    fn open_udp(&mut self, key: Key, mut source: Box<Datagrams>, peer: Option<SocketAddr>) {
        let connected = source.connected;
        let Stage::Open(socket) = &mut source.stage else { return };
        let registered = self
            .registrar
            .register_stream(socket, key)
            .and_then(|()| Ok((socket.local_addr()?, sys::native_handle(socket))));
        let (local, handle) = match registered {
            Ok(registered) => registered,
            Err(error) => {
                let error = Error::system("cannot watch the socket", &error);
                return self.fail_udp(key, source, &error);
            }
        };
        let inner = Arc::clone(&source.udp.0);
        inner.reset_counters();
        {
            let mut state = inner.state();
            state.open = Some(Open {
                socket: LentSocket::new(handle),
                version: Version::of(local),
                local: canonical(local),
                peer,
                connected,
            });
            inner.local_port.store(local.port(), Ordering::Relaxed);
            match state.stop {
                // It is noticed in the next flush.
                Some(stop) if stop.run == source.run => context::mark_dirty(key),
                _ => {
                    inner.quiet.store(false, Ordering::Release);
                    if state.run == source.run {
                        state.life = Life::Started;
                    }
                }
            }
        }
        inner.started.store(true, Ordering::Release);
        source.call("on_started", |handler, udp| handler.on_started(udp));
        self.slots.restore(key, Source::Udp(source));
    }

    pub(in super::super) fn udp_ready(
        &mut self,
        key: Key,
        mut source: Box<Datagrams>,
        ready: Readiness,
    ) {
        if ready.writable && source.blocked {
            source.blocked = false;
            context::mark_dirty(key);
        }
        if ready.closed || source.has_reports {
            source.take_reports();
        }
        if ready.readable {
            self.udp_receive(key, &mut source);
        }
        if source.has_reports {
            self.unfinished.push(key);
        }
        self.slots.restore(key, Source::Udp(source));
    }

    /// Receives until the socket is empty or the share of this turn is used up, and sends the
    /// answers of each batch at once.
    #[inline(always)]
    fn udp_receive(&mut self, key: Key, source: &mut Datagrams) {
        let mut batches = self.batches.take().unwrap_or_else(|| Box::new(Batches::new()));
        let mut budget = READ_BUDGET;
        for _ in 0..BATCHES_PER_TURN {
            let Stage::Open(socket) = &source.stage else { break };
            if !source.is_delivering() {
                break;
            }
            match batches.receive.receive(socket) {
                Ok(drained) => {
                    // What the callbacks ask for is done right after them, without a flush.
                    source.udp.0.state().scheduled = true;
                    budget = budget.saturating_sub(deliver(source, &batches.receive));
                    self.udp_send(key, source, &mut batches);
                    if drained {
                        self.batches = Some(batches);
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.batches = Some(batches);
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if sys::is_report(&error) && sys::REPORTS => source.take_reports(),
                Err(error) if sys::is_report(&error) => {
                    source.on_error(&undelivered(None, &error));
                }
                // It may last: the next datagram that comes is an event of its own.
                Err(error) => {
                    source.on_error(&Error::system("cannot receive", &error));
                    self.batches = Some(batches);
                    return;
                }
            }
            if budget == 0 {
                break;
            }
        }
        self.batches = Some(batches);
        if source.is_delivering() {
            self.unfinished.push(key);
        }
    }

    /// Somebody wants something: datagrams to be sent, groups to be joined, an end.
    pub(in super::super) fn udp_flush(&mut self, key: Key, mut source: Box<Datagrams>) {
        source.take_stop();
        if matches!(source.stage, Stage::Resolving(_)) {
            return match source.closing {
                Some(stop) => self.end_udp(key, source, stop.reason),
                None => self.slots.restore(key, Source::Udp(source)),
            };
        }
        let mut batches = self.batches.take().unwrap_or_else(|| Box::new(Batches::new()));
        self.udp_send(key, &mut source, &mut batches);
        self.batches = Some(batches);
        // A callback may have asked for the end.
        source.take_stop();
        let Some(stop) = source.closing else {
            return self.slots.restore(key, Source::Udp(source));
        };
        if stop.reason == Reason::Limit {
            let error = Error::limit("the send limit was reached, and the policy is to stop then");
            source.on_error(&error);
            return self.end_udp(key, source, Reason::Limit);
        }
        if source.udp.0.waiting.load(Ordering::Relaxed) == 0 {
            return self.end_udp(key, source, stop.reason);
        }
        if source.timer.is_none() {
            let at = self.now + source.udp.0.options.close_timeout();
            source.timer = Some(self.timers.insert(at, Due::Source(key)));
        }
        self.slots.restore(key, Source::Udp(source));
    }

    /// The name was not found in time, or the last datagrams did not leave.
    pub(in super::super) fn udp_expired(&mut self, key: Key, mut source: Box<Datagrams>) {
        source.timer = None;
        source.take_stop();
        match source.closing {
            Some(stop) => self.end_udp(key, source, stop.reason),
            None => {
                let inner = &source.udp.0;
                let limit = inner.options.get(SocketOption::ConnectTimeout);
                let text =
                    format!("cannot resolve the host {:?} within {limit} milliseconds", inner.host);
                self.fail_udp(key, source, &Error::timeout(text));
            }
        }
    }

    /// The service stops.
    pub(in super::super) fn stop_udp(&mut self, key: Key, mut source: Box<Datagrams>) {
        source.closing =
            Some(Stop { run: source.run, reason: Reason::ServiceStopped, restart: false });
        source.udp.0.quiet.store(true, Ordering::Release);
        {
            let mut state = source.udp.0.state();
            if state.run == source.run {
                state.life = Life::Stopping;
            }
        }
        context::mark_dirty(key);
        self.slots.restore(key, Source::Udp(source));
    }

    /// Changes groups and sends what waits, as far as the socket takes it.
    #[inline(always)]
    fn udp_send(&mut self, key: Key, source: &mut Datagrams, batches: &mut Batches) {
        let mut sent_some = false;
        for _ in 0..SENDS_PER_TURN {
            let changes = {
                let mut state = source.udp.0.state();
                // The end of the run is a matter of the flush.
                state.scheduled = state.stop.is_some_and(|stop| stop.run == source.run);
                if state.scheduled {
                    context::mark_dirty(key);
                }
                if source.sending.is_empty() && !source.blocked {
                    std::mem::swap(&mut source.sending, &mut state.queue);
                }
                std::mem::take(&mut state.changes)
            };
            for change in changes {
                source.change_group(&change);
            }
            if source.blocked || source.sending.is_empty() {
                return;
            }
            sent_some |= self.send_batch(key, source, batches);
            if source.udp.0.waiting.load(Ordering::Relaxed) == 0 {
                if sent_some {
                    source.call("on_empty", |handler, udp| handler.on_empty(udp));
                }
                return;
            }
        }
        // Others have their turn; it stays marked.
        source.udp.0.state().scheduled = true;
        context::mark_dirty(key);
    }

    /// Hands one batch to the system. Whether something left.
    #[inline(always)]
    fn send_batch(&mut self, key: Key, source: &mut Datagrams, batches: &mut Batches) -> bool {
        let Stage::Open(socket) = &source.stage else { return false };
        let Batches { send, sent, .. } = batches;
        sent.clear();
        let queue = &mut source.sending;
        let mut attempt = || {
            let tell = |to, size| sent.push((to, size));
            send.send(socket, source.connected, &mut source.segments, queue, tell)
        };
        // The first call may have told what became of an earlier datagram, and sent nothing.
        let outcome = match attempt() {
            Err((_, error)) if sys::is_report(&error) => attempt(),
            other => other,
        };
        let left = !sent.is_empty();
        if left {
            source.tell_sent(sent);
        }
        match outcome {
            Ok(()) => {}
            Err((_, error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err((_, error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.udp_blocked(key, source);
            }
            Err((index, error)) => {
                let to = source.give_up(index);
                let refused = error.kind() == io::ErrorKind::PermissionDenied;
                let error = Error::system(format!("cannot send a datagram to {to}"), &error);
                let broadcast = source.udp.0.options.is_on(SocketOption::Broadcast);
                source.on_error(&match refused && !broadcast {
                    true => error.and("for a broadcast address switch the option Broadcast on"),
                    false => error,
                });
            }
        }
        left
    }

    /// The socket takes no more: what is left waits in the queue, and an event tells when to go on.
    #[inline(never)]
    fn udp_blocked(&mut self, key: Key, source: &mut Datagrams) {
        source.blocked = true;
        {
            let mut state = source.udp.0.state();
            source.sending.append(&mut state.queue);
            std::mem::swap(&mut source.sending, &mut state.queue);
        }
        if source.watches_writes {
            return;
        }
        let Stage::Open(socket) = &mut source.stage else { return };
        match self.registrar.watch_writes(socket, key) {
            Ok(()) => source.watches_writes = true,
            Err(error) => source.on_error(&Error::system("cannot watch the socket", &error)),
        }
    }

    /// Closes the socket and tells the end, then begins anew if that is wanted.
    fn end_udp(&mut self, key: Key, source: Box<Datagrams>, reason: Reason) {
        let mut source = source;
        source.timer.take().map(|timer| self.timers.cancel(timer));
        let inner = Arc::clone(&source.udp.0);
        let undelivered = {
            let mut state = inner.state();
            state.key = Key::NONE;
            state.open = None;
            state.scheduled = false;
            state.queue.clear();
            state.changes.clear();
            inner.pending.store(0, Ordering::Relaxed);
            inner.waiting.swap(0, Ordering::Relaxed)
        };
        self.slots.remove(key);
        let stage = std::mem::replace(&mut source.stage, Stage::Resolving(Arc::new(())));
        drop(stage);
        let restart = {
            let mut state = inner.state();
            let later = state.stop.filter(|stop| stop.run == source.run);
            let stop = later.or(source.closing);
            if later.is_some() {
                state.stop = None;
            }
            let wanted = stop.is_some_and(|stop| stop.restart) && reason == Reason::Local;
            wanted && !self.is_stopping() && state.run == source.run
        };
        if !restart {
            source.udp.rest(source.run);
        }
        inner.started.store(false, Ordering::Release);
        if undelivered > 0 {
            inner.dropped.fetch_add(undelivered as u64, Ordering::Relaxed);
            let timeout = inner.options.close_timeout().as_millis();
            source.on_error(&Error::timeout(format!(
                "{undelivered} accepted datagrams were not sent: the system took none within \
                 {timeout} milliseconds"
            )));
        }
        source.call("on_stopped", |handler, udp| handler.on_stopped(udp, reason));
        let Datagrams { udp, run, handler, addresses, next, .. } = *source;
        match (restart, next) {
            // In the next turn: a handler that never tires must not keep the loop here.
            (true, _) => {
                let start = Box::new(UdpStart { udp, run, handler, addresses, socket: None });
                self.core.remote(self.index).post(Operation::StartUdp(start));
            }
            (false, next) => {
                drop_guarded(handler);
                if let Some(next) = next {
                    self.start_udp(next);
                }
            }
        }
    }
}

/// Hands a batch to the handler. Returns how many bytes it had.
#[inline(always)]
fn deliver(source: &mut Datagrams, batch: &ReceiveBatch) -> usize {
    let inner = Arc::clone(&source.udp.0);
    let limit = inner.options.get(SocketOption::DatagramLimit) as usize;
    let (mut count, mut bytes) = (0, 0);
    for datagram in batch.datagrams() {
        if !source.is_delivering() {
            break;
        }
        let from = canonical(datagram.from);
        let data = &datagram.data[..datagram.data.len().min(limit)];
        let truncated = datagram.truncated || data.len() < datagram.data.len();
        count += 1;
        bytes += data.len();
        source.call("on_received", |handler, udp| handler.on_received(udp, from, data, truncated));
    }
    inner.datagrams_received.add(count);
    inner.bytes_received.add(bytes);
    if let Some(lost) = batch.lost() {
        inner.lost.add(lost.wrapping_sub(source.lost) as usize);
        source.lost = lost;
    }
    bytes
}

impl Datagrams {
    #[inline(always)]
    fn tell_sent(&mut self, sent: &[(SocketAddr, usize)]) {
        let inner = Arc::clone(&self.udp.0);
        let bytes = sent.iter().map(|(_, size)| size).sum();
        inner.datagrams_sent.add(sent.len());
        inner.bytes_sent.add(bytes);
        inner.waiting.fetch_sub(sent.len(), Ordering::Relaxed);
        let pending = inner.pending.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        for (to, size) in sent {
            let to = canonical(*to);
            self.call("on_sent", |handler, udp| handler.on_sent(udp, to, *size, pending));
        }
    }

    #[inline(never)]
    fn change_group(&mut self, change: &GroupChange) {
        let GroupChange { group, join } = change;
        let Some(socket) = self.socket() else { return };
        let changed =
            datagrams::change_membership(&SockRef::from(&*socket), group.membership(), *join);
        match (changed, join) {
            (Ok(()), true) => self.call("on_joined", |handler, udp| handler.on_joined(udp, group)),
            (Ok(()), false) => self.call("on_left", |handler, udp| handler.on_left(udp, group)),
            (Err(error), _) => self.on_error(&group_error(group, *join, &error)),
        }
    }
}

fn group_error(group: &Group, join: bool, error: &io::Error) -> Error {
    match (error.kind(), join) {
        (io::ErrorKind::AddrInUse, true) => {
            Error::system_meaning(format!("the group {group} is joined already"), error)
        }
        (io::ErrorKind::AddrNotAvailable, false) => Error::system_meaning(
            format!("the group {group} is not joined, or was on another interface"),
            error,
        ),
        (_, true) => Error::system(format!("cannot join the group {group}"), error),
        (_, false) => Error::system(format!("cannot leave the group {group}"), error),
    }
}
