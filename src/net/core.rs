//! The life of a service: its threads, and what its servers and clients use of it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread::JoinHandle;

use super::context;
use super::handler::{ServiceHandler, drop_guarded, guard};
use super::remote::{Operation, Remote};
use super::service::{Service, ServiceInner};
use super::worker::{self, Engine};
use crate::error::{Error, Result};
use crate::reactor::event_loop::EventLoop;

pub(crate) struct Core {
    remotes: Box<[Remote]>,
    next_loop: AtomicUsize,
    started: AtomicBool,
    stopping: AtomicBool,
    /// Loops that still have something to end during a stop.
    busy_loops: AtomicUsize,
    state: Mutex<State>,
    changed: Condvar,
    /// What the program's handles share, while there are some.
    owner: Mutex<Weak<ServiceInner>>,
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

impl Core {
    pub(super) fn new(threads: usize) -> Result<Arc<Core>> {
        let mut remotes = Vec::with_capacity(threads);
        let mut engines = Vec::with_capacity(threads);
        for index in 0..threads {
            let (event_loop, registrar, waker) = EventLoop::new()
                .map_err(|error| Error::system("cannot create an event loop", &error))?;
            remotes.push(Remote::new(waker));
            engines.push(Engine { index, event_loop, registrar });
        }
        Ok(Arc::new(Core {
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
            owner: Mutex::new(Weak::new()),
        }))
    }

    /// A handle, one more of those that there are or the first of new ones.
    pub(super) fn service(self: &Arc<Core>) -> Service {
        let mut owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inner) = owner.upgrade() {
            return Service(inner);
        }
        let inner = Arc::new(ServiceInner { core: Arc::clone(self) });
        *owner = Arc::downgrade(&inner);
        Service(inner)
    }

    /// Gives up what waits for a start when nobody is left who could start the service. Otherwise
    /// the service and its queue would keep each other.
    pub(super) fn disowned(&self) {
        let mut waiting = Vec::new();
        {
            // Held until the queues are empty: a handle made meanwhile begins with empty ones.
            let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner);
            if owner.strong_count() > 0 || self.state().life != Life::Stopped {
                return;
            }
            let mut batch = Vec::new();
            for remote in &self.remotes {
                remote.take(&mut batch);
                waiting.append(&mut batch);
            }
        }
        waiting.into_iter().for_each(Operation::give_up);
    }

    pub(super) fn start(
        self: &Arc<Core>,
        handler: Arc<dyn ServiceHandler>,
        polling: bool,
    ) -> Result<()> {
        // Both outlive the lock: the destructor of a handler is user code.
        let _handler = Arc::clone(&handler);
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
        let result = self.spawn(&mut state);
        if result.is_err() {
            state.handler = None;
        }
        result
    }

    /// Starts a thread for each loop, or none.
    fn spawn(self: &Arc<Core>, state: &mut State) -> Result<()> {
        let handler = state.handler.clone().expect("a start sets it");
        let mut threads = Vec::with_capacity(self.threads());
        let mut launches = Vec::with_capacity(self.threads());
        for _ in 0..self.threads() {
            let (core, handler, polling) = (Arc::clone(self), Arc::clone(&handler), state.polling);
            let (launch, launched) = mpsc::channel();
            let body = move || {
                // Not when another thread could not be started.
                let Ok(engine) = launched.recv() else { return };
                core.run_loop(engine, handler, polling);
            };
            let builder = std::thread::Builder::new().name("cppserver-loop".into());
            let thread = builder
                .spawn(body)
                .map_err(|error| Error::system("cannot start an I/O thread", &error))?;
            threads.push(thread);
            launches.push(launch);
        }
        state.life = Life::Running;
        state.run += 1;
        state.restart = false;
        state.threads = threads;
        self.busy_loops.store(self.threads(), Ordering::Release);
        for (launch, engine) in launches.into_iter().zip(std::mem::take(&mut state.engines)) {
            launch.send(engine).expect("the thread waits for it");
        }
        self.remote(0).post(Operation::Started);
        Ok(())
    }

    fn run_loop(self: &Arc<Core>, engine: Engine, handler: Arc<dyn ServiceHandler>, polling: bool) {
        context::enter(self.remote(engine.index).id());
        let engine = worker::run(engine, self, handler, polling);
        self.thread_ended(engine);
        context::leave();
    }

    /// A loop thread gives its engine back. The last one settles the stop, or starts anew.
    fn thread_ended(self: &Arc<Core>, engine: Engine) {
        let mut state = self.state();
        state.engines.push(engine);
        if state.engines.len() < self.threads() {
            return;
        }
        state.engines.sort_by_key(|engine| engine.index);
        let mut failure = None;
        if state.restart {
            self.stopping.store(false, Ordering::Release);
            // This thread is no loop any more: the next one may sleep already, and has to be woken
            // by whoever asks for something. The threads of the former run end by themselves.
            context::leave();
            match self.spawn(&mut state) {
                Ok(()) => {
                    self.changed.notify_all();
                    return;
                }
                Err(error) => failure = Some(error),
            }
        }
        let handler = state.handler.take();
        drop(state);
        if let (Some(handler), Some(error)) = (&handler, &failure) {
            let _ = guard("on_error", || handler.on_error(error));
        }
        drop_guarded(handler);
        {
            let mut state = self.state();
            state.life = Life::Stopped;
            self.stopping.store(false, Ordering::Release);
            self.changed.notify_all();
        }
        self.disowned();
    }

    pub(super) fn stop(&self) -> Result<()> {
        let mut state = self.state();
        state.restart = false;
        self.begin_stop(&mut state)?;
        self.wait_for_end(state);
        Ok(())
    }

    pub(super) fn restart(&self) -> Result<()> {
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
        self.stopping.store(true, Ordering::Release);
        for remote in &self.remotes {
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
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.life == Life::Stopped {
            let threads = std::mem::take(&mut state.threads);
            drop(state);
            for thread in threads {
                let _ = thread.join();
            }
        }
    }

    pub(super) fn is_loop_thread(&self) -> bool {
        let current = context::loop_id();
        current != 0 && self.remotes.iter().any(|remote| remote.id() == current)
    }

    pub(super) fn threads(&self) -> usize {
        self.remotes.len()
    }

    pub(super) fn remote(&self, index: usize) -> &Remote {
        &self.remotes[index]
    }

    /// The loop for the next server or client.
    pub(super) fn next_loop(&self) -> usize {
        self.next_loop.fetch_add(1, Ordering::Relaxed) % self.threads()
    }

    pub(super) fn is_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(super) fn set_started(&self, started: bool) {
        self.started.store(started, Ordering::Release);
    }

    /// A loop has ended all it had. Whether it was the last one.
    pub(super) fn loop_drained(&self) -> bool {
        self.busy_loops.fetch_sub(1, Ordering::AcqRel) == 1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
