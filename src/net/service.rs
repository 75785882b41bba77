//! The handle of a service, and its life.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::context;
use super::handler::{ServiceHandler, drop_guarded, guard};
use super::remote::{Operation, Remote};
use super::timer::{Callback, Timer};
use super::worker::{self, Engine};
use crate::error::{Error, Result};
use crate::reactor::event_loop::EventLoop;

/// More loops than this serve nobody.
const MAX_THREADS: usize = 1024;

/// Runs servers and clients on one or more I/O threads.
///
/// With one thread, the default, no two callbacks of the service ever run at the same time. With
/// several, each session lives on one of them, and that holds for the callbacks of each session.
///
/// A handle is cheap to clone and may be used on every thread and in every callback. Dropping a
/// handle stops nothing.
#[derive(Clone)]
pub struct Service(pub(crate) Arc<ServiceInner>);

pub(crate) struct ServiceInner {
    remotes: Box<[Remote]>,
    next_loop: AtomicUsize,
    started: AtomicBool,
    stopping: AtomicBool,
    /// Loops that still have something to end during a stop.
    busy_loops: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Stopped,
    Running,
    Stopping,
}

struct State {
    life: Life,
    /// Counts starts, so that a waiting stop knows its own run from the next.
    run: u64,
    polling: bool,
    restart: bool,
    handler: Option<Arc<dyn ServiceHandler>>,
    /// The loops that no thread is running.
    engines: Vec<Engine>,
    threads: Vec<JoinHandle<()>>,
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
        let mut remotes = Vec::with_capacity(threads);
        let mut engines = Vec::with_capacity(threads);
        for index in 0..threads {
            let (event_loop, registrar, waker) = EventLoop::new()
                .map_err(|error| Error::system("cannot create an event loop", &error))?;
            remotes.push(Remote::new(waker));
            engines.push(Engine { index, event_loop, registrar });
        }
        Ok(Service(Arc::new(ServiceInner {
            remotes: remotes.into(),
            next_loop: AtomicUsize::new(0),
            started: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            busy_loops: AtomicUsize::new(0),
            state: Mutex::new(State {
                life: Life::Stopped,
                run: 0,
                polling: false,
                restart: false,
                handler: None,
                engines,
                threads: Vec::new(),
            }),
            changed: Condvar::new(),
        })))
    }

    /// How many I/O threads the service has.
    pub fn threads(&self) -> usize {
        self.0.remotes.len()
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
        self.start_with(Arc::new(handler), false)
    }

    /// Like [`Service::start`], but the threads never sleep: whenever there is nothing to do,
    /// `on_idle` is called. Costs one core per thread.
    ///
    /// # Errors
    ///
    /// As [`Service::start`].
    pub fn start_polling(&self, handler: impl ServiceHandler) -> Result<()> {
        self.start_with(Arc::new(handler), true)
    }

    fn start_with(&self, handler: Arc<dyn ServiceHandler>, polling: bool) -> Result<()> {
        let mut state = self.state();
        match state.life {
            Life::Running => return Err(Error::state("the service is started already")),
            Life::Stopping => {
                return Err(Error::state(
                    "the service is still stopping; start it after stop returned, or use restart",
                ));
            }
            Life::Stopped => {}
        }
        state.handler = Some(handler);
        state.polling = polling;
        state.threads.clear();
        self.spawn(&mut state)
    }

    /// Starts a thread for each loop.
    fn spawn(&self, state: &mut State) -> Result<()> {
        let handler = state.handler.clone().expect("a start sets it");
        state.life = Life::Running;
        state.run += 1;
        state.restart = false;
        self.0.busy_loops.store(self.threads(), Ordering::Release);
        let mut failure = None;
        for engine in std::mem::take(&mut state.engines) {
            let start = Arc::new(Mutex::new(Some(engine)));
            let (service, handler, polling) = (self.clone(), Arc::clone(&handler), state.polling);
            let body_start = Arc::clone(&start);
            let builder = std::thread::Builder::new().name("cppserver-loop".into());
            let spawned = builder.spawn(move || {
                let engine = body_start.lock().unwrap_or_else(PoisonError::into_inner).take();
                let Some(engine) = engine else { return };
                context::enter(service.remote(engine.index).id());
                let engine = worker::run(engine, &service, handler, polling);
                service.thread_ended(engine);
                context::leave();
            });
            match spawned {
                Ok(thread) => state.threads.push(thread),
                Err(error) => {
                    // The closure is gone, but not the engine.
                    let engine = start.lock().unwrap_or_else(PoisonError::into_inner).take();
                    state.engines.extend(engine);
                    failure.get_or_insert(error);
                }
            }
        }
        let Some(error) = failure else {
            self.remote(0).post(Operation::Started);
            return Ok(());
        };
        // Some threads run and some do not: end those that do, without a stop that calls back.
        self.0.stopping.store(true, Ordering::Release);
        state.life = Life::Stopping;
        let idle: Vec<usize> = state.engines.iter().map(|engine| engine.index).collect();
        for index in (0..self.threads()).filter(|index| !idle.contains(index)) {
            self.remote(index).post(Operation::Exit);
        }
        if state.threads.is_empty() {
            self.settle(state);
        }
        Err(Error::system("cannot start an I/O thread", &error))
    }

    /// A loop thread gives its engine back. The last one settles the stop, or starts anew.
    fn thread_ended(&self, engine: Engine) {
        let mut state = self.state();
        state.engines.push(engine);
        if state.engines.len() < self.threads() {
            return;
        }
        state.engines.sort_by_key(|engine| engine.index);
        if state.restart {
            self.0.stopping.store(false, Ordering::Release);
            // The threads of the former run end by themselves. This one is no loop any more: the
            // next one may sleep already, and has to be woken by whoever asks for something.
            state.threads.clear();
            context::leave();
            let handler = state.handler.clone();
            if let Err(error) = self.spawn(&mut state) {
                drop(state);
                if let Some(handler) = handler {
                    let _ = guard("on_error", || handler.on_error(&error));
                }
            }
            self.0.changed.notify_all();
            return;
        }
        let handler = state.handler.take();
        drop(state);
        drop_guarded(handler);
        self.settle(&mut self.state());
    }

    fn settle(&self, state: &mut State) {
        state.life = Life::Stopped;
        state.handler = None;
        self.0.stopping.store(false, Ordering::Release);
        self.0.changed.notify_all();
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
        let mut state = self.state();
        state.restart = false;
        self.begin_stop(&mut state)?;
        self.wait_for_end(state);
        Ok(())
    }

    /// Stops and starts again, with the same handler and polling mode. Waits like
    /// [`Service::stop`], and on loop threads returns at once like that.
    ///
    /// # Errors
    ///
    /// [`Status::InvalidState`](crate::Status::InvalidState) when not started.
    pub fn restart(&self) -> Result<()> {
        let mut state = self.state();
        self.begin_stop(&mut state)?;
        if state.handler.is_none() {
            // Only in the destructor of the handler, which is too late to be kept.
            return Err(Error::state("the service has just stopped; start it with a new handler"));
        }
        state.restart = true;
        self.wait_for_end(state);
        Ok(())
    }

    fn begin_stop(&self, state: &mut State) -> Result<()> {
        match state.life {
            Life::Stopped => return Err(Error::state("the service is not started")),
            Life::Stopping => return Ok(()),
            Life::Running => {}
        }
        state.life = Life::Stopping;
        self.0.stopping.store(true, Ordering::Release);
        for remote in &self.0.remotes {
            remote.post(Operation::Stop);
        }
        Ok(())
    }

    fn wait_for_end(&self, mut state: MutexGuard<'_, State>) {
        if context::loop_id() != 0 {
            return;
        }
        let run = state.run;
        while state.run == run && state.life != Life::Stopped {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.life == Life::Stopped {
            let threads = std::mem::take(&mut state.threads);
            drop(state);
            for thread in threads {
                let _ = thread.join();
            }
        }
    }

    /// Whether the service runs: true from just before `on_started` until just before
    /// `on_stopped`.
    pub fn is_started(&self) -> bool {
        self.0.started.load(Ordering::Acquire)
    }

    /// Whether the caller is on an I/O thread of this service.
    pub fn is_loop_thread(&self) -> bool {
        let current = context::loop_id();
        current != 0 && self.0.remotes.iter().any(|remote| remote.id() == current)
    }

    /// Queues a closure for the first I/O thread. Closures run in the order they were posted;
    /// those posted before the start run then.
    pub fn post(&self, call: impl FnOnce() + Send + 'static) {
        self.remote(0).post(Operation::Run(Box::new(call)));
    }

    /// Runs a closure at once when the caller is on an I/O thread of this service, else
    /// [posts](Service::post) it.
    pub fn dispatch(&self, call: impl FnOnce() + Send + 'static) {
        if self.is_loop_thread() { call() } else { self.post(call) }
    }

    /// Runs a closure once on the first I/O thread, after `delay`.
    pub fn timer(&self, delay: Duration, call: impl FnOnce() + Send + 'static) -> Timer {
        Timer::start(self, delay, Callback::Once(Box::new(call)))
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
        Timer::start(self, delay, Callback::Repeating { interval, call: Box::new(call) })
    }

    pub(super) fn remote(&self, index: usize) -> &Remote {
        &self.0.remotes[index]
    }

    /// The loop for the next server or client.
    pub(super) fn next_loop(&self) -> usize {
        self.0.next_loop.fetch_add(1, Ordering::Relaxed) % self.threads()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::Acquire)
    }

    pub(super) fn set_started(&self, started: bool) {
        self.0.started.store(started, Ordering::Release);
    }

    /// A loop has ended all it had. Whether it was the last one.
    pub(super) fn loop_drained(&self) -> bool {
        self.0.busy_loops.fetch_sub(1, Ordering::AcqRel) == 1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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
