//! How endpoints begin and end in their loop.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::super::endpoint::Life;
use super::super::handler::drop_guarded;
use super::super::remote::Operation;
use super::super::worker::{Due, Source, Worker};
use super::super::{Reason, SocketOption, context};
use super::socket::{Datagrams, Lending, Stage, UdpStart};
use super::state::{Open, Role, Stop};
use crate::error::Error;
use crate::reactor::datagrams::{self, DatagramQueue, Version, any, canonical};
use crate::reactor::resolver;
use crate::reactor::slots::Key;
use crate::reactor::sys::{self, LentSocket};

impl Worker {
    /// Takes a start in.
    pub(in super::super) fn start_udp(&mut self, start: UdpStart) {
        let earlier = start.udp.0.state().key;
        match self.slots.take(earlier) {
            // It has still something to send.
            Some(Source::Udp(mut source)) => {
                let stop = Stop { run: source.run, reason: Reason::Local, restart: false };
                let closing = source.closing.get_or_insert(stop);
                closing.restart = false;
                source.next.push(start);
                context::mark_dirty(earlier);
                return self.slots.restore(earlier, Source::Udp(source));
            }
            Some(other) => self.slots.restore(earlier, other),
            None => {}
        }
        let UdpStart { udp, run, handler, addresses, socket } = start;
        let key = self.slots.reserve();
        let stage = match socket {
            Some(socket) => Stage::Open(socket),
            None => Stage::Resolving(Arc::new(())),
        };
        let mut source = Box::new(Datagrams {
            lending: Lending { udp: udp.clone(), run, key },
            udp,
            run,
            handler,
            addresses,
            stage,
            peer: None,
            segments: true,
            blocked: false,
            has_reports: false,
            sending: DatagramQueue::default(),
            has_waited: false,
            lost: 0,
            timer: None,
            closing: None,
            next: Vec::new(),
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
            if own.is_ipv4() && peer.is_ipv6() {
                failure = Some(Error::argument(format!(
                    "a client on {own} can't reach {peer}; bind it to an IPv6 address"
                )));
                continue;
            }
            let peer = datagrams::for_version(*peer, Version::of(own));
            let opened = inner.bind(&[own], interface).and_then(|(socket, _)| {
                let heard = match connected {
                    true => socket.connect(peer).and_then(|()| socket.peer_addr()).map(Some),
                    false => Ok(None),
                };
                let heard = heard
                    .map_err(|error| Error::system(format!("cannot send to {peer}"), &error))?;
                Ok((socket, heard))
            });
            match opened {
                Ok((socket, heard)) => {
                    source.stage = Stage::Open(socket);
                    source.peer = heard;
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

    pub(super) fn fail_udp(&mut self, key: Key, mut source: Box<Datagrams>, error: &Error) {
        source.on_error(error);
        self.end_udp(key, source, Reason::Error);
    }

    /// Announces an endpoint whose socket is there.
    pub(super) fn open_udp(
        &mut self,
        key: Key,
        mut source: Box<Datagrams>,
        peer: Option<SocketAddr>,
    ) {
        let connected = source.peer.is_some();
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
                _ if state.run == source.run => {
                    inner.quiet.store(false, Ordering::Release);
                    state.life = Life::Started;
                }
                // It was stopped, and the next start is on its way.
                _ => {}
            }
        }
        inner.started.store(true, Ordering::Release);
        source.call("on_started", |handler, udp| handler.on_started(udp));
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

    /// Closes the socket and tells the end, then begins anew if that is wanted.
    pub(super) fn end_udp(&mut self, key: Key, source: Box<Datagrams>, reason: Reason) {
        let mut source = source;
        source.timer.take().map(|timer| self.timers.cancel(timer));
        let inner = Arc::clone(&source.udp.0);
        let undelivered = source.lending.end().unwrap_or(0);
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
            source.on_error(&match reason {
                Reason::Limit => Error::limit(format!(
                    "{undelivered} accepted datagrams were not sent, because the endpoint stopped \
                     for its send limit"
                )),
                _ => Error::timeout(format!(
                    "{undelivered} accepted datagrams were not sent within {timeout} milliseconds; \
                     raise the option CloseTimeout, or wait for on_empty before the stop"
                )),
            });
        }
        source.call("on_stopped", |handler, udp| handler.on_stopped(udp, reason));
        let Datagrams { udp, run, handler, addresses, mut next, .. } = *source;
        if restart {
            // Under the lock, so that a start on another thread is queued behind.
            let state = inner.state();
            // Else a stop and a start came meanwhile, and that start is queued already.
            if state.run == run {
                // In the next turn: a handler that never tires must not keep the loop here.
                let start = Box::new(UdpStart { udp, run, handler, addresses, socket: None });
                return self.core.remote(self.index).post(Operation::StartUdp(start));
            }
        }
        drop_guarded(handler);
        let last = next.pop();
        next.into_iter().for_each(|start| start.skip());
        if let Some(last) = last {
            self.start_udp(last);
        }
    }
}
