//! The frame of Rust programs: what each of them adds is a [`Library`].

use super::exchange::{CHECK, HELLO, WORK, compose, fail, publish_window};
use super::{Job, Pattern, Pushes, Questions, Receiver};
use crate::sys;
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const USAGE: &str = "the driver knows the arguments; see benches/README.md";

/// Windows of a publisher that are on their way at the same time.
const WINDOWS: usize = 2;

/// How long a greeting is waited for before it is said again.
const PATIENCE: Duration = Duration::from_millis(10);

/// Sizes of the messages that are checked.
const SIZES: [usize; 15] =
    [1, 2, 31, 32, 33, 54, 55, 127, 128, 1000, 4096, 65_535, 65_536, 65_537, 200_000];

/// What a library does.
pub trait Library {
    /// The socket that sends first.
    type Beginning: Beginning;

    /// Opens it; it listens.
    fn listen(job: &Job, callbacks: bool) -> Self::Beginning;

    /// Opens the answering sockets, which dial, and lets them be answered from now on.
    fn answer(answers: &Arc<Answers>, callbacks: bool);
}

/// The socket that sends first. Whatever fails ends the program.
pub trait Beginning {
    /// Sends, and blocks as long as it has to.
    fn send(&mut self, message: &[u8]);

    /// Asks until the time is over.
    fn ask(&mut self, questions: Questions) -> Questions;

    /// Pushes until the time is over.
    fn push(&mut self, pushes: Pushes) -> Pushes;
}

/// The answering sockets of a process.
pub struct Answers {
    /// What they do.
    pub job: Job,
    credits: File,
    had: AtomicUsize,
}

impl Answers {
    /// A message came to one of them. Whether it is to be sent back.
    pub fn arrived(&self, receiver: &mut Receiver, message: &[u8]) -> bool {
        receiver.arrived(&self.job, message, || {
            let had = self.had.fetch_add(1, Ordering::Relaxed) + 1;
            if had.is_multiple_of(self.job.sockets)
                && let Err(error) = (&self.credits).write_all(&[0])
            {
                fail(error);
            }
        })
    }
}

/// Runs a thread that answers. Where both sides are in one process, each has a core of its own.
pub fn answer_on_a_thread(serve: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        pin(0);
        serve();
    });
}

fn pin(index: usize) {
    if let cores @ [_, _, ..] = &sys::allowed_cores()[..]
        && let Err(error) = sys::pin_to(cores[index])
    {
        fail(error);
    }
}

/// The whole program: `callbacks|blocking PATTERN begin|answer|both ADDRESS SIZE SOCKETS PROCESSES
/// WINDOW READ WRITE`. The last two are the ends of a pipe, by which the answering sides tell that
/// all their sockets have had something.
pub fn main<L: Library>() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [mode, job @ .., read, write] = &arguments[..] else { fail(USAGE) };
    let Some((part, job)) = Job::parse(job) else { fail(USAGE) };
    let callbacks = mode == "callbacks";
    let beginning = (part != "answer").then(|| L::listen(&job, callbacks));
    if part != "begin" {
        let credits = open(write, File::options().write(true));
        let answers = Answers { job: job.clone(), credits, had: AtomicUsize::new(0) };
        L::answer(&Arc::new(answers), callbacks);
    }
    if part == "both" {
        pin(1);
    }
    say("ready");
    match beginning {
        Some(beginning) => {
            let credits = open(read, File::options().read(true));
            Commander { job, beginning, credits, sent: 0 }.obey();
        }
        None => drop(io::stdin().read_to_end(&mut Vec::new())),
    }
    // Nothing is left to be delivered.
    std::process::exit(0);
}

fn open(descriptor: &str, options: &OpenOptions) -> File {
    let opened = options.open(format!("/proc/self/fd/{descriptor}"));
    opened.unwrap_or_else(|error| fail(error))
}

fn say(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err() {
        fail("nobody listens");
    }
}

/// The beginning side.
struct Commander<B> {
    job: Job,
    beginning: B,
    credits: File,
    /// Messages that have counted so far.
    sent: u64,
}

impl<B: Beginning> Commander<B> {
    fn obey(&mut self) {
        for line in io::stdin().lines() {
            let line = line.unwrap_or_else(|error| fail(error));
            match (line.as_str(), line.strip_prefix("run ").map(str::parse)) {
                ("check", _) => self.check(),
                (_, Some(Ok(duration))) => self.run(duration),
                _ => fail("no such command"),
            }
        }
    }

    /// Messages of many sizes come as they were sent, and go back where they are answered.
    fn check(&mut self) {
        if self.job.pattern.sends_to_all() {
            self.greet();
        }
        for size in SIZES {
            let message = compose(CHECK, size);
            if self.job.pattern.asks() {
                self.ask(message, 0);
            } else {
                self.beginning.send(&message);
                self.await_window();
            }
        }
        say("checked");
    }

    /// Who publishes or asks all does not know whether they are there yet.
    fn greet(&mut self) {
        let mut missing = self.job.processes;
        while missing > 0 {
            self.beginning.send(&compose(HELLO, 1));
            match sys::wait_readable(self.credits.as_raw_fd(), PATIENCE) {
                Ok(true) => {
                    self.await_credits(1);
                    missing -= 1;
                }
                Ok(false) => {}
                Err(error) => fail(error),
            }
        }
    }

    fn await_window(&mut self) {
        self.await_credits(self.job.processes);
    }

    fn await_credits(&mut self, count: usize) {
        let mut credits = vec![0; count];
        self.credits.read_exact(&mut credits).unwrap_or_else(|error| fail(error));
    }

    fn ask(&mut self, question: Vec<u8>, until: u64) -> Questions {
        self.beginning.ask(Questions::new(question, self.job.receivers(), until))
    }

    fn run(&mut self, duration: u64) {
        let message = compose(WORK, self.job.size);
        let begin = sys::now();
        let until = begin + duration;
        let mut latencies = None;
        let messages = match self.job.pattern {
            Pattern::Push => self.push(message, until),
            Pattern::Publish => self.publish(message, until),
            Pattern::Request | Pattern::Survey => {
                let questions = self.ask(message, until);
                latencies = Some(questions.latencies);
                questions.done
            }
        };
        let mut line = format!("{messages} {}", sys::now() - begin);
        for (nanoseconds, count) in latencies.iter().flat_map(|latencies| latencies.counts()) {
            line += &format!(" {nanoseconds} {count}");
        }
        say(&line);
    }

    fn push(&mut self, message: Vec<u8>, until: u64) -> u64 {
        let before = self.sent;
        self.sent = self.beginning.push(Pushes::new(message, before, until)).sent;
        self.await_window();
        self.sent - before
    }

    fn publish(&mut self, mut message: Vec<u8>, until: u64) -> u64 {
        let (before, mut waiting) = (self.sent, 0);
        while sys::now() < until {
            let mut send = |message: &[u8]| self.beginning.send(message);
            publish_window(&mut message, self.job.window, &mut self.sent, &mut send);
            waiting += 1;
            if waiting == WINDOWS {
                self.await_window();
                waiting -= 1;
            }
        }
        for _ in 0..waiting {
            self.await_window();
        }
        (self.sent - before) * self.job.receivers() as u64
    }
}
