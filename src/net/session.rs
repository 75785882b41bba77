//! The handle of one connection.

use std::fmt;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::endpoint::{Counter, Endpoint, Role};
use super::frames::Sent;
use super::multicast::Multicast;
use super::outbox::{Close, Outbox, Phase};
use super::remote::Remote;
use super::{Client, Kind, Reason, SendPolicy, Server, Service, SocketOption, TlsDetails};
use crate::error::{Error, Result};
use crate::proto::GATHER;
use crate::reactor::slots::Key;
use crate::reactor::sockets;

/// Sends of at least this size try the socket first when they come from the session's own
/// callback, which spares a copy; smaller ones are joined with their neighbours.
const DIRECT: usize = 16 * 1024;

/// Parts of the gate: a close was asked for; reading is paused; it was, and goes on; the handshake
/// is done; the handler waits for on_empty.
const CLOSING: u8 = 1;
const PAUSED: u8 = 2;
const RESUMED: u8 = 4;
const READY: u8 = 8;
const AWAITS_EMPTY: u8 = 16;

/// What waits up to a limit is dropped in pieces of at least this part of it, so that many small
/// sends do not take much more memory than the limit.
const PIECES_OF_A_LIMIT: usize = 256;

/// One connection: of a [`Server`] to one of its peers, or of a [`Client`].
///
/// A handle is cheap to clone and may be used on every thread and in every callback; none of its
/// methods blocks. After the end of the connection they fail with
/// [`Status::NotConnected`](crate::Status::NotConnected).
#[derive(Clone)]
pub struct Session(pub(crate) Arc<SessionInner>);

pub(crate) struct SessionInner {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) id: u64,
    pub(super) loop_index: u16,
    pub(super) connected: AtomicBool,
    /// What the loop looks at without a lock, such as what keeps received bytes from the handler.
    gate: AtomicU8,
    /// The place in the server's list of sessions.
    pub(super) place: AtomicU32,
    pub(super) bytes_sent: Counter,
    pub(super) bytes_received: Counter,
    pub(super) messages_sent: Counter,
    pub(super) messages_received: Counter,
    /// Bytes accepted by `send` that the system has not taken yet, as they are to leave.
    pub(super) pending: AtomicUsize,
    outbox: Mutex<Outbox>,
}

impl SessionInner {
    pub(super) fn new(endpoint: Arc<Endpoint>, loop_index: usize, phase: Phase) -> SessionInner {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        SessionInner {
            endpoint,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            loop_index: loop_index as u16,
            connected: AtomicBool::new(false),
            gate: AtomicU8::new(0),
            place: AtomicU32::new(0),
            bytes_sent: Counter::default(),
            bytes_received: Counter::default(),
            messages_sent: Counter::default(),
            messages_received: Counter::default(),
            pending: AtomicUsize::new(0),
            outbox: Mutex::new(Outbox::new(phase)),
        }
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn remote(&self) -> &Remote {
        self.endpoint.core.remote(self.loop_index as usize)
    }

    /// A close was asked for.
    pub(super) fn is_closing(&self) -> bool {
        self.gate.load(Ordering::Acquire) & CLOSING != 0
    }

    /// The handler wants no more for now.
    pub(super) fn is_paused(&self) -> bool {
        self.gate.load(Ordering::Acquire) & PAUSED != 0
    }

    /// Whether reading goes on after a pause; tells it once.
    pub(super) fn take_resumed(&self) -> bool {
        self.gate.load(Ordering::Acquire) & RESUMED != 0
            && self.gate.fetch_and(!RESUMED, Ordering::AcqRel) & RESUMED != 0
    }

    /// The handshake is done.
    pub(super) fn is_ready(&self) -> bool {
        self.gate.load(Ordering::Acquire) & READY != 0
    }

    pub(super) fn set_ready(&self) {
        self.gate.fetch_or(READY, Ordering::AcqRel);
    }

    /// The handler is to be told when nothing waits any more, whatever leaves last.
    pub(super) fn await_empty(&self) {
        self.gate.fetch_or(AWAITS_EMPTY, Ordering::AcqRel);
    }

    /// Whether the handler waits for that.
    pub(super) fn awaits_empty(&self) -> bool {
        self.gate.load(Ordering::Acquire) & AWAITS_EMPTY != 0
    }

    /// It is told.
    pub(super) fn await_no_empty(&self) {
        self.gate.fetch_and(!AWAITS_EMPTY, Ordering::AcqRel);
    }

    /// Only on the loop of the session.
    #[inline(always)]
    pub(super) fn count_sent(&self, sent: Sent) {
        self.bytes_sent.add(sent.bytes);
        if sent.messages > 0 {
            self.messages_sent.add(sent.messages as usize);
        }
        if let Role::Server(server) = &self.endpoint.role {
            let share = server.share(self);
            share.bytes_sent.add(sent.bytes);
            if sent.messages > 0 {
                share.messages_sent.add(sent.messages as usize);
            }
        }
    }

    /// Only on the loop of the session.
    #[inline(always)]
    pub(super) fn count_received(&self, kind: Kind, count: usize) {
        if matches!(kind, Kind::Ping | Kind::Pong) {
            return;
        }
        let is_message = kind != Kind::Bytes;
        self.bytes_received.add(count);
        if is_message {
            self.messages_received.add(1);
        }
        if let Role::Server(server) = &self.endpoint.role {
            let share = server.share(self);
            share.bytes_received.add(count);
            if is_message {
                share.messages_received.add(1);
            }
        }
    }

    fn send(&self, data: &[u8]) -> Result<usize> {
        let mut outbox = self.outbox();
        if !matches!(outbox.phase, Phase::Open | Phase::Handshaking) {
            return Err(Error::not_connected());
        }
        if !self.endpoint.protocol.is_bytes() {
            return self.send_binary(outbox, data);
        }
        let dropped_by = self.admit(&mut outbox, data.len())?;
        let mut rest = data;
        // What is to be dropped as a whole has to be queued as a whole.
        if data.len() >= DIRECT && dropped_by.is_none() && self.remote().is_current() {
            let sent = outbox.send_direct(&[IoSlice::new(data)]);
            outbox.add_sent_direct(sent);
            self.count_sent(Sent { bytes: sent, messages: 0 });
            rest = &data[sent..];
        }
        if !rest.is_empty() {
            outbox.push(rest, dropped_by.unwrap_or(GATHER));
        }
        Ok(self.queued(outbox, rest.len()).max(data.len()))
    }

    /// Bytes that wait to be sent.
    pub(super) fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// So many bytes more wait. Returns how many they are in all.
    #[inline(always)]
    pub(super) fn add_pending(&self, count: usize) -> usize {
        self.pending.fetch_add(count, Ordering::Relaxed) + count
    }

    /// So many bytes more are in the queue. Tells the loop, and returns how many wait in all.
    #[inline(always)]
    pub(super) fn queued(&self, mut outbox: MutexGuard<'_, Outbox>, count: usize) -> usize {
        let pending = self.add_pending(count);
        let key = outbox.schedule();
        drop(outbox);
        if let Some(key) = key {
            self.remote().schedule(key);
        }
        pending
    }

    /// Queues what other sessions get too. Returns the key of a stream that its loop has to be told
    /// of.
    pub(super) fn send_shared(&self, multicast: &mut Multicast<'_>) -> Option<Key> {
        let mut outbox = self.outbox();
        if outbox.phase != Phase::Open {
            return None;
        }
        let dropped_by = match self.admit(&mut outbox, multicast.size()) {
            Ok(dropped_by) => dropped_by,
            // A close for the limit is noticed like a send.
            Err(_) if outbox.close.is_some() => return outbox.schedule(),
            Err(_) => return None,
        };
        let count = multicast.push(&mut outbox, dropped_by.unwrap_or(GATHER));
        self.pending.fetch_add(count, Ordering::Relaxed);
        outbox.schedule()
    }

    /// The most bytes of the pieces that sends are queued in, or one send each, where the policy may
    /// drop them again: large enough that their own memory is little beside the limit.
    #[inline(always)]
    pub(super) fn dropped_by(&self) -> Option<usize> {
        let options = &self.endpoint.options;
        if options.send_policy() != SendPolicy::DropOldest {
            return None;
        }
        let limit = options.limit(SocketOption::SendLimit).unwrap_or(usize::MAX);
        Some((limit / PIECES_OF_A_LIMIT).min(GATHER))
    }

    /// Makes room for `count` bytes as the policy says, or fails. Returns what
    /// [`SessionInner::dropped_by`] does.
    #[inline(always)]
    pub(super) fn admit(&self, outbox: &mut Outbox, count: usize) -> Result<Option<usize>> {
        let limit = self.endpoint.options.limit(SocketOption::SendLimit).unwrap_or(usize::MAX);
        let dropped_by = self.dropped_by();
        let mut behind = 0;
        if let Some(frames) = outbox.frames() {
            behind = frames.behind();
            if dropped_by.is_some() {
                frames.stand_alone();
            }
        }
        let pending = self.pending.load(Ordering::Relaxed);
        if pending.saturating_add(behind).saturating_add(count) <= limit {
            return Ok(dropped_by);
        }
        self.make_room(outbox, count, limit, behind).map(|()| dropped_by)
    }

    /// What happens above the limit.
    #[cold]
    #[inline(never)]
    fn make_room(
        &self,
        outbox: &mut Outbox,
        count: usize,
        limit: usize,
        behind: usize,
    ) -> Result<()> {
        let pending = self.pending.load(Ordering::Relaxed);
        match self.endpoint.options.send_policy() {
            SendPolicy::Refuse => {}
            SendPolicy::Disconnect => {
                let close = Close { reason: Reason::Limit, discard: true };
                self.close_locked(outbox, close);
            }
            SendPolicy::DropOldest if count <= limit => {
                let dropped = outbox.drop_oldest(pending + count - limit);
                if let Some(frames) = outbox.frames() {
                    frames.take(dropped, pending);
                }
                self.pending.fetch_sub(dropped, Ordering::Relaxed);
                // The loop may be writing what else waits: it is gone then, or can be dropped again.
                if (pending - dropped).min(outbox.queued()) + count <= limit {
                    return Ok(());
                }
            }
            SendPolicy::DropOldest => {}
        }
        if pending > 0 {
            self.await_empty();
        }
        Err(Error::limit(format!(
            "{} bytes wait to be sent and {count} more would pass the send limit of \
             {limit}; go on after on_empty, or raise the limit",
            pending + behind
        )))
    }

    /// Nothing is connected or connecting, and nothing is asked for.
    pub(super) fn rest(&self, outbox: &mut Outbox) {
        outbox.key = Key::NONE;
        outbox.phase = Phase::Idle;
        outbox.close = None;
        self.gate.store(0, Ordering::Release);
    }

    /// Asks for the end of the connection. `false` when there is none, or it is ending already
    /// and `close` adds nothing.
    pub(super) fn close(&self, close: Close) -> bool {
        self.close_locked(&mut self.outbox(), close)
    }

    pub(super) fn close_locked(&self, outbox: &mut Outbox, close: Close) -> bool {
        match (outbox.phase, outbox.close) {
            (Phase::Idle, _) => return false,
            (_, None) => outbox.close = Some(close),
            (_, Some(earlier)) if close.discard && !earlier.discard => {
                outbox.close = Some(Close { discard: true, ..earlier });
            }
            _ => return false,
        }
        self.gate.fetch_or(CLOSING, Ordering::AcqRel);
        if let Some(frames) = outbox.frames() {
            frames.drop_behind();
        }
        if matches!(outbox.phase, Phase::Open | Phase::Handshaking) {
            outbox.phase = Phase::Closing;
        }
        // Told even while a flush is scheduled: that one may be waiting for the socket.
        if outbox.key != Key::NONE {
            self.remote().schedule(outbox.key);
        }
        true
    }
}

impl Session {
    /// A number that no other session of this process has. A client keeps its own for life.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The service that runs the session.
    pub fn service(&self) -> Service {
        self.0.endpoint.core.service()
    }

    /// The server that accepted the session.
    pub fn server(&self) -> Option<Server> {
        match self.0.endpoint.role {
            Role::Server(_) => Some(Server(Arc::clone(&self.0.endpoint))),
            Role::Client(_) => None,
        }
    }

    /// The client whose connection this is.
    pub fn client(&self) -> Option<Client> {
        match self.0.endpoint.role {
            Role::Server(_) => None,
            Role::Client(_) => Some(Client(self.clone())),
        }
    }

    /// Sends bytes, on WebSocket sessions as a binary message. Returns how many wait to be sent
    /// now, never less than `data.len()`.
    ///
    /// Before the handshake of an encrypted session is done they wait for it. The bytes are copied
    /// and leave after the running callback, joined with others in one write;
    /// large ones from the session's own callback leave at once. Sends of one thread keep their
    /// order.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) before `on_connected` and after
    /// [`disconnect`](Session::disconnect); [`Status::Limit`](crate::Status::Limit) above
    /// [`SocketOption::SendLimit`]. Nothing was sent then.
    pub fn send(&self, data: &[u8]) -> Result<usize> {
        self.0.send(data)
    }

    /// Ends the connection and loses nothing: reading stops, what `send` accepted is delivered
    /// within [`SocketOption::CloseTimeout`], then the connection closes and `on_disconnected`
    /// comes. A client that still connects gives up.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when there is no connection or it
    /// is ending already.
    pub fn disconnect(&self) -> Result<()> {
        let close = Close { reason: Reason::Local, discard: false };
        if self.0.close(close) { Ok(()) } else { Err(Error::not_connected()) }
    }

    /// Ends the connection at once and drops what was not sent, also while
    /// [`disconnect`](Session::disconnect) is still delivering.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when there is no connection.
    pub fn disconnect_now(&self) -> Result<()> {
        let close = Close { reason: Reason::Local, discard: true };
        if self.0.close(close) { Ok(()) } else { Err(Error::not_connected()) }
    }

    /// Stops reading from the peer, until [`resume_reading`](Session::resume_reading) or the end of
    /// the connection: the way to let a peer that sends faster than this side works wait. No
    /// `on_received` follows a pause on the session's own thread. What the system has received
    /// meanwhile, the end of the connection included, is told after the resume. Handshakes,
    /// sending and timeouts go on.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when there is no connection.
    pub fn pause_reading(&self) -> Result<()> {
        let outbox = self.0.outbox();
        if !matches!(outbox.phase, Phase::Handshaking | Phase::Open) {
            return Err(Error::not_connected());
        }
        self.0.gate.fetch_or(PAUSED, Ordering::AcqRel);
        Ok(())
    }

    /// Reads again after [`pause_reading`](Session::pause_reading). Without a pause it does
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Status::NotConnected`](crate::Status::NotConnected) when there is no connection.
    pub fn resume_reading(&self) -> Result<()> {
        let outbox = self.0.outbox();
        if !matches!(outbox.phase, Phase::Handshaking | Phase::Open) {
            return Err(Error::not_connected());
        }
        if self.0.is_paused() {
            // In one step: the loop must not take the one while it still sees the other.
            let resumed = |gate: u8| Some((gate & !PAUSED) | RESUMED);
            let _ = self.0.gate.fetch_update(Ordering::AcqRel, Ordering::Acquire, resumed);
            // Told even while a flush is scheduled: that one may be waiting for the socket.
            self.0.remote().schedule(outbox.key);
        }
        Ok(())
    }

    /// Whether there is a connection: true from just before `on_connected` until just before
    /// `on_disconnected`.
    pub fn is_connected(&self) -> bool {
        self.0.connected.load(Ordering::Acquire)
    }

    /// Whether the handshake of an encrypted or WebSocket session is done: true from just before
    /// `on_handshaked` until just before `on_disconnected`. Never on plain TCP sessions.
    pub fn is_handshaked(&self) -> bool {
        self.is_connected() && self.0.is_ready()
    }

    /// What the handshake of an encrypted session came to, also after its end. `None` before
    /// `on_handshaked` and on plain sessions.
    pub fn tls(&self) -> Option<Arc<TlsDetails>> {
        self.0.outbox().peer.tls().cloned()
    }

    /// Application bytes that the system took, since the connection began.
    pub fn bytes_sent(&self) -> u64 {
        self.0.bytes_sent.get()
    }

    /// Application bytes that came from the peer, since the connection began.
    pub fn bytes_received(&self) -> u64 {
        self.0.bytes_received.get()
    }

    /// Bytes that wait to be sent: of the application, and on WebSocket sessions the heads of their
    /// frames too, compressed as they are to leave.
    pub fn bytes_pending(&self) -> usize {
        self.0.pending.load(Ordering::Relaxed)
    }

    /// The peer's address, also after the end. `None` for a client that never was connected, and on
    /// Unix domain sockets.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.0.outbox().peer.address()
    }

    /// This side's address while connected. `None` on Unix domain sockets.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.0.outbox().with_socket(|socket| sockets::local_address(&socket))?.ok()
    }

    /// The socket as the system's own calls take it, while connected. It stays the library's:
    /// do not close it, and do not keep it beyond `on_disconnected`.
    pub fn native_handle(&self) -> Option<i64> {
        let mut outbox = self.0.outbox();
        // Options may be set with it.
        outbox.may_linger = true;
        outbox.native_handle()
    }

    /// Changes an option of the open connection.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for options that only count at
    /// the start, [`Status::NotConnected`](crate::Status::NotConnected) without a connection,
    /// [`Status::System`](crate::Status::System) when the system refuses.
    pub fn set_option(&self, option: SocketOption, value: i64) -> Result<()> {
        let change = option.change(value)?;
        let mut outbox = self.0.outbox();
        outbox.may_linger |= option == SocketOption::Linger;
        match outbox.with_socket(|socket| sockets::change(&socket, change)) {
            None => Err(Error::not_connected()),
            Some(result) => result
                .map_err(|error| Error::system(format!("cannot set {option:?} = {value}"), &error)),
        }
    }
}

impl PartialEq for Session {
    fn eq(&self, other: &Session) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Session {}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Session")
            .field("id", &self.0.id)
            .field("connected", &self.is_connected())
            .field("peer", &self.peer_address())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::super::place::Place;
    use super::super::protocol::Protocol;
    use super::*;

    /// A loop that saw one half of it would take the resume, find the pause, and read nothing.
    #[test]
    #[cfg_attr(miri, ignore = "needs a poller of the system")]
    fn a_resume_is_one_step() {
        let service = Service::new().unwrap();
        let place = Place::internet("localhost", 1).unwrap();
        let endpoint = Endpoint::client(&service.0.core, None, Protocol::Bytes, place).unwrap();
        let session = Session(Arc::new(SessionInner::new(Arc::new(endpoint), 0, Phase::Open)));
        let gate = &session.0.gate;
        let (half, done) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    if gate.load(Ordering::Acquire) == PAUSED | RESUMED {
                        half.store(true, Ordering::Release);
                    }
                    session.0.take_resumed();
                }
            });
            for _ in 0..5_000 {
                session.pause_reading().unwrap();
                session.resume_reading().unwrap();
                while gate.load(Ordering::Acquire) != 0 {
                    thread::yield_now();
                }
            }
            done.store(true, Ordering::Release);
        });
        assert!(!half.into_inner());
    }
}
