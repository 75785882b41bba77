//! A protocol over TLS: the one layer on top of the other.

use std::cell::Cell;

use super::{CloseFrame, Event, Layer, Up, Wire};
use crate::error::Result;

/// Room for decrypted bytes that a thread keeps.
const KEPT_ROOM: usize = 64 * 1024;

thread_local! {
    /// Layers may change their bytes in place, and TLS lends its own to be read alone.
    static ROOM: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A connection of some protocol inside an encrypted one.
pub(crate) struct Secure<T, U> {
    tls: T,
    upper: U,
    /// TLS has ended, behind bytes that wait.
    ended: bool,
}

impl<T: Layer, U: Layer> Secure<T, U> {
    pub(crate) fn new(tls: T, upper: U) -> Secure<T, U> {
        Secure { tls, upper, ended: false }
    }

    /// Lets TLS have something to do, and passes on what comes of it.
    fn advance(
        &mut self,
        down: &mut Wire,
        up: &mut dyn Up,
        call: impl FnOnce(&mut T, &mut Wire, &mut dyn Up) -> Result<()>,
    ) -> Result<()> {
        let Secure { tls, upper, ended } = self;
        let mut own = Wire::new();
        let mut failure = Ok(());
        let result = call(tls, down, &mut |event: Event<'_>| {
            if failure.is_err() {
                return;
            }
            match event {
                Event::Ready(_) => failure = upper.start(&mut own, up),
                Event::Data(_, data) => {
                    let mut room = ROOM.take();
                    room.clear();
                    room.extend_from_slice(data);
                    failure = upper.receive(&mut room, &mut own, up);
                    if room.capacity() <= KEPT_ROOM {
                        ROOM.set(room);
                    }
                }
                Event::End if upper.waits() => *ended = true,
                Event::End => end(upper, up),
                other => up.tell(other),
            }
        });
        self.encrypt(own, down)?;
        failure.and(result)
    }

    /// Encrypts what the protocol has to say.
    fn encrypt(&mut self, mut own: Wire, down: &mut Wire) -> Result<()> {
        while !own.is_empty() && self.tls.send(&mut own, down)? > 0 {}
        Ok(())
    }
}

/// TLS has ended, and the protocol with it.
fn end(upper: &mut impl Layer, up: &mut dyn Up) {
    match upper.end() {
        Ok(()) => up.tell(Event::End),
        Err(error) => up.tell(Event::Failed(error)),
    }
}

impl<T: Layer, U: Layer> Layer for Secure<T, U> {
    fn start(&mut self, down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        self.advance(down, up, |tls, down, up| tls.start(down, up))
    }

    fn receive(&mut self, bytes: &mut [u8], down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        self.advance(down, up, |tls, down, up| tls.receive(bytes, down, up))
    }

    fn go_on(&mut self, down: &mut Wire, up: &mut dyn Up) -> Result<()> {
        let mut own = Wire::new();
        self.upper.go_on(&mut own, up)?;
        if self.ended && !self.upper.waits() {
            self.ended = false;
            end(&mut self.upper, up);
        }
        self.encrypt(own, down)
    }

    fn send(&mut self, data: &mut Wire, down: &mut Wire) -> Result<usize> {
        self.tls.send(data, down)
    }

    fn close(&mut self, goodbye: &CloseFrame, down: &mut Wire) -> bool {
        let mut own = Wire::new();
        let done = self.upper.close(goodbye, &mut own);
        // An error means that nothing can be said any more.
        let done = self.encrypt(own, down).is_err() || done;
        if done {
            self.tls.close(goodbye, down);
        }
        done
    }

    fn listens(&self) -> bool {
        self.upper.listens()
    }

    fn waits(&self) -> bool {
        self.upper.waits()
    }

    fn has_goodbyes(&self) -> bool {
        self.upper.has_goodbyes()
    }

    /// A goodbye of the protocol tells the end better than the end of the stream.
    fn end(&mut self) -> Result<()> {
        match self.upper.has_goodbyes() {
            true => self.upper.end(),
            false => self.tls.end().and_then(|()| self.upper.end()),
        }
    }

    fn is_ready(&self) -> bool {
        self.upper.is_ready()
    }
}
