//! The handle of a service.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use super::handler::ServiceHandler;
use super::remote::Operation;
use super::timer::{Callback, Timer};
use crate::error::{Error, Result};

/// More loops than this serve nobody.
const MAX_THREADS: usize = 1024;

/// Runs servers and clients on one or more I/O threads.
///
/// With one thread, the default, no two callbacks of the service ever run at the same time. With
/// several, each session lives on one of them, and that holds for the callbacks of each session.
///
/// A handle is cheap to clone and may be used on every thread and in every callback. Dropping a
/// handle stops nothing: a service that runs goes on without one. Of a service that does not run,
/// the last handle takes with it what waits for a start: it is dropped, and nothing is called.
#[derive(Clone)]
pub struct Service(pub(crate) Arc<ServiceInner>);

/// The handles of a service share this; its servers, clients and timers share the core.
pub(crate) struct ServiceInner {
    pub(super) core: Arc<Core>,
}

impl Drop for ServiceInner {
    fn drop(&mut self) {
        self.core.disowned();
    }
}

impl Service {
    /// A service with one I/O thread, not started yet.
    ///
    /// # Errors
    ///
    /// [`Status::System`](crate::Status::System) when the system gives no poll object.
    pub fn new() -> Result<Service> {
        Service::with_threads(1)
    }

    /// A service with that many I/O threads, not started yet.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidArgument`](crate::Status::InvalidArgument) for no threads or more than
    /// 1024, [`Status::System`](crate::Status::System) when the system gives no poll object.
    pub fn with_threads(threads: usize) -> Result<Service> {
        if !(1..=MAX_THREADS).contains(&threads) {
            return Err(Error::argument(format!(
                "a service has 1 to {MAX_THREADS} threads, not {threads}"
            )));
        }
        Ok(Core::new(threads)?.service())
    }

    /// How many I/O threads the service has.
    pub fn threads(&self) -> usize {
        self.0.core.threads()
    }

    /// Starts the I/O threads, which sleep until there is work. Returns without waiting: what was
    /// posted before runs first, then `on_started`.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when started already,
    /// [`Status::System`](crate::Status::System) when the system gives no thread. The handler is
    /// dropped then.
    pub fn start(&self, handler: impl ServiceHandler) -> Result<()> {
        self.0.core.start(Arc::new(handler), false)
    }

    /// Like [`Service::start`], but the threads never sleep: whenever there is nothing to do,
    /// `on_idle` is called. Costs one core per thread.
    ///
    /// # Errors
    ///
    /// As [`Service::start`].
    pub fn start_polling(&self, handler: impl ServiceHandler) -> Result<()> {
        self.0.core.start(Arc::new(handler), true)
    }

    /// Stops: all servers and clients end with all their callbacks, what was accepted for sending
    /// is delivered within [`SocketOption::CloseTimeout`](super::SocketOption::CloseTimeout),
    /// then `on_stopped` is called and the threads end. Timers are dropped.
    ///
    /// Waits for all that and for the threads, so that nothing is called back after it returned.
    /// On a loop thread, of this or any other service, it can't wait: it returns at once and the
    /// stop goes on.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn stop(&self) -> Result<()> {
        self.0.core.stop()
    }

    /// Stops and starts again, with the same handler and polling mode. Waits like
    /// [`Service::stop`], and on loop threads returns at once like that.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn restart(&self) -> Result<()> {
        self.0.core.restart()
    }

    /// Whether the service runs: true from just before `on_started` until just before
    /// `on_stopped`.
    pub fn is_started(&self) -> bool {
        self.0.core.is_started()
    }

    /// Whether the caller is on an I/O thread of this service.
    pub fn is_loop_thread(&self) -> bool {
        self.0.core.is_loop_thread()
    }

    /// How often the first loop came round since it was made.
    #[cfg(test)]
    pub(crate) fn turns(&self) -> u64 {
        self.0.core.remote(0).turns.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Queues a closure for the first I/O thread. Closures run in the order they were posted;
    /// those posted before the start run then.
    pub fn post(&self, call: impl FnOnce() + Send + 'static) {
        self.0.core.remote(0).post(Operation::Run(Box::new(call)));
    }

    /// Runs a closure at once when the caller is on an I/O thread of this service, else
    /// [posts](Service::post) it.
    pub fn dispatch(&self, call: impl FnOnce() + Send + 'static) {
        if self.is_loop_thread() { call() } else { self.post(call) }
    }

    /// Runs a closure once on the first I/O thread, after `delay`.
    pub fn timer(&self, delay: Duration, call: impl FnOnce() + Send + 'static) -> Timer {
        Timer::start(&self.0.core, delay, Callback::Once(Box::new(call)))
    }

    /// Runs a closure on the first I/O thread after `delay` and then every `interval`, until it
    /// is cancelled or the service stops. Times that the thread was too busy for are left out; an
    /// interval of zero fires once in each turn of the loop.
    pub fn timer_repeating(
        &self,
        delay: Duration,
        interval: Duration,
        call: impl FnMut() + Send + 'static,
    ) -> Timer {
        Timer::start(&self.0.core, delay, Callback::Repeating { interval, call: Box::new(call) })
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Service")
            .field("threads", &self.threads())
            .field("started", &self.is_started())
            .finish()
    }
}
