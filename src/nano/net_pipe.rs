//! Connections over the network.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::core::Core;
use super::message::Message;
use super::pattern;
use super::pipe::Pipe;
use super::pipes::PipeKey;
use super::{Protocol, SpOption};
use crate::error::{Category, Error};
use crate::net::{
    Backoff, Body, Flushes, Kind, Offer, Reason, Session, SessionHandler, SocketOption,
};

/// Received messages that are handed to the socket together.
const BATCH: usize = 256;

/// Words of a header that are made into bytes without memory of their own.
const FEW: usize = 8;

/// A connection over the network.
struct NetPipe {
    session: Session,
    send_bytes: usize,
    send_messages: u64,
    /// The socket was told that there is enough for now.
    full: AtomicBool,
}

impl NetPipe {
    fn has_enough(&self) -> bool {
        let backlog = self.session.backlog();
        backlog.bytes >= self.send_bytes || backlog.messages >= self.send_messages
    }

    /// Whether so little waits that the socket may go on.
    fn has_room(&self) -> bool {
        let backlog = self.session.backlog();
        backlog.bytes <= self.send_bytes / 2 && backlog.messages <= self.send_messages / 2
    }
}

impl Pipe for NetPipe {
    #[inline(always)]
    fn send(&self, header: &[u32], body: Body<'_>, flushes: &mut Flushes) -> Option<bool> {
        let mut few = [0; FEW * 4];
        let many: Vec<u8>;
        let header = if header.len() <= FEW {
            for (bytes, word) in few.chunks_exact_mut(4).zip(header) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
            &few[..header.len() * 4]
        } else {
            many = header.iter().flat_map(|word| word.to_be_bytes()).collect();
            &many
        };
        let Offer::Accepted(backlog) = self.session.offer_sp(header, body, flushes) else {
            return None;
        };
        if backlog.bytes < self.send_bytes && backlog.messages < self.send_messages {
            return Some(true);
        }
        self.full.store(true, Ordering::SeqCst);
        // The loop may have sent it all before it could see that; then nobody tells any more.
        let goes_on = !self.has_enough() && self.full.swap(false, Ordering::SeqCst);
        Some(goes_on)
    }

    fn pause(&self) {
        // Refused only at the end, when nothing comes any more.
        let _ = self.session.pause_reading();
    }

    fn resume(&self) {
        let _ = self.session.resume_reading();
    }

    fn close(&self, linger: Duration) -> bool {
        // What the peer still says is not waited for, and a pause must not hide its end.
        let _ = self.session.resume_reading();
        let timeout = linger.as_millis() as i64;
        let is_set = match (self.session.server(), self.session.client()) {
            (Some(server), _) => server.set_option(SocketOption::CloseTimeout, timeout).is_ok(),
            (None, Some(client)) => client.set_option(SocketOption::CloseTimeout, timeout).is_ok(),
            (None, None) => false,
        };
        // Refused when the connection ends already, which is as good.
        let _ = match timeout > 0 && is_set {
            true => self.session.disconnect(),
            false => self.session.disconnect_now(),
        };
        true
    }
}

/// Tells the socket what happens to one connection, or to those of a dialer one after the other.
pub(super) struct NetHandler {
    core: Weak<Core>,
    protocol: Protocol,
    most_hops: usize,
    endpoint: u32,
    pipe: Option<(PipeKey, Arc<NetPipe>)>,
    /// For dialers.
    backoff: Option<Backoff>,
    batch: Vec<Message>,
    malformed: u64,
    /// How dials have failed since the last connection, as far as the user knows.
    told: Vec<(Category, i32)>,
}

impl NetHandler {
    pub(super) fn new(core: &Arc<Core>, endpoint: u32, backoff: Option<Backoff>) -> NetHandler {
        NetHandler {
            core: Arc::downgrade(core),
            protocol: core.protocol,
            most_hops: core.lock().options.get(SpOption::MaxHops) as usize,
            endpoint,
            pipe: None,
            backoff,
            batch: Vec::new(),
            malformed: 0,
            told: Vec::new(),
        }
    }

    fn hand_over(&mut self) {
        let Some((key, _)) = &self.pipe else { return };
        if let Some(core) = self.core.upgrade() {
            core.received(*key, &mut self.batch, std::mem::take(&mut self.malformed));
        }
        self.batch.clear();
    }
}

impl SessionHandler for NetHandler {
    fn on_handshaked(&mut self, session: &Session) {
        let Some(core) = self.core.upgrade() else {
            let _ = session.disconnect_now();
            return;
        };
        let (send_bytes, send_messages) = {
            let options = &core.lock().options;
            (options.limit(SpOption::SendBuffer), options.limit(SpOption::SendMessages) as u64)
        };
        let session = session.clone();
        let full = AtomicBool::new(false);
        let pipe = Arc::new(NetPipe { session, send_bytes, send_messages, full });
        match core.attach(self.endpoint, Arc::clone(&pipe) as Arc<dyn Pipe>) {
            Some(key) => {
                self.pipe = Some((key, pipe));
                self.told.clear();
                if let Some(backoff) = &mut self.backoff {
                    backoff.reset();
                }
                core.run_callbacks();
            }
            None => drop(pipe.session.disconnect_now()),
        }
    }

    #[inline(always)]
    fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
        match pattern::read(self.protocol, data, self.most_hops) {
            Some(message) => self.batch.push(message),
            None => self.malformed += 1,
        }
        if self.batch.len() >= BATCH {
            self.hand_over();
        }
        data.len()
    }

    fn on_batch(&mut self, _session: &Session) {
        if !self.batch.is_empty() || self.malformed > 0 {
            self.hand_over();
        }
        if self.batch.capacity() > BATCH / 4 {
            self.batch = Vec::new();
        }
    }

    fn on_sent(&mut self, _session: &Session, _sent: usize, _pending: usize) {
        if let Some((key, pipe)) = &self.pipe
            && pipe.full.load(Ordering::SeqCst)
            && pipe.has_room()
            && pipe.full.swap(false, Ordering::SeqCst)
            && let Some(core) = self.core.upgrade()
        {
            core.writable(*key);
            core.run_callbacks();
        }
    }

    fn on_error(&mut self, _session: &Session, error: &Error) {
        let Some(core) = self.core.upgrade() else { return };
        if self.pipe.is_none() && self.backoff.is_some() {
            let failure = (error.category(), error.code());
            let is_news = !self.told.contains(&failure);
            if is_news {
                self.told.push(failure);
            }
            core.connect_failed(is_news.then(|| error.clone()));
        } else {
            core.failed(error.clone());
        }
        core.run_callbacks();
    }

    fn on_disconnected(&mut self, session: &Session, _reason: Reason) {
        let Some(core) = self.core.upgrade() else { return };
        if let Some((key, _)) = self.pipe.take() {
            core.ended(key, session.backlog().messages);
            core.run_callbacks();
        }
        if let Some(backoff) = &mut self.backoff
            && let Some(client) = session.client()
            && core.has_endpoint(self.endpoint)
        {
            let _ = client.reconnect(backoff.next_delay());
            // Closed meanwhile, when there was nothing to be ended.
            if !core.has_endpoint(self.endpoint) {
                let _ = client.disconnect_now();
            }
        }
    }
}
