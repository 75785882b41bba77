//! One library under one load: the programs that run, and slices of time.

use super::process::{Credits, Program};
use super::{Load, Transport};
use crate::histogram::Histogram;
use crate::process::Launch;
use crate::procfs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// Load before the measurement.
const WARM_UP: Duration = Duration::from_millis(100);

/// The kernel adds up the time of a thread when it goes to sleep; all threads do so within this
/// time after the last message.
const SETTLE: Duration = Duration::from_micros(500);

/// Ports for the beginning sides, below those that the system gives away itself.
const PORTS: std::ops::Range<u16> = 21_000..31_000;

/// The beginning program, the answering ones, and what they have shown so far.
pub struct Contestant {
    beginning: Program,
    answering: Vec<Program>,
    latencies: Histogram,
}

/// What one slice of time showed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Slice {
    /// Messages per second; of questions the answers.
    pub rate: f64,
    /// Time on a core per message, in nanoseconds: of the beginning program, and of the answering
    /// ones where those are others.
    pub cpu: Option<(f64, Option<f64>)>,
    /// The same for the whole slice and all programs.
    pub used: u64,
}

impl Contestant {
    /// Starts the programs, lets them check that messages arrive unharmed, and warms up.
    /// `directory` is for sockets and logs; a name of the library makes them its own.
    pub fn start(
        launch: &Launch,
        load: Load,
        transport: Transport,
        cores: &[usize],
        directory: &Path,
        name: &str,
    ) -> io::Result<Self> {
        let credits = Credits::new()?;
        let address = match transport {
            Transport::Inproc => "inproc://bench".to_owned(),
            Transport::Tcp => format!("tcp://127.0.0.1:{}", free_port()?),
            Transport::Ipc => {
                format!("ipc://{}", directory.join(format!("{name}.ipc")).display())
            }
        };
        let job = load.job(address);
        let cores = &cores[..cores.len().min(load.cores())];
        let start = |part: &str, number: usize, cores: &[usize]| {
            let job = if part == "both" { job.clone().within_a_process() } else { job.clone() };
            let log = directory.join(format!("{name}.{part}{number}.log"));
            Program::start(launch, &job.arguments(part), &credits, cores.to_vec(), log)
        };
        let (beginning, answering) = match (transport, cores) {
            (Transport::Inproc, _) => (start("both", 0, cores)?, Vec::new()),
            (_, cores) => {
                // The beginning side has the last core, the answering one the first.
                let (own, other) = (cores.last(), cores.first());
                let beginning = start("begin", 0, own.map_or(&[], std::slice::from_ref))?;
                let other = other.map_or(&[][..], std::slice::from_ref);
                let answering = (0..job.processes)
                    .map(|number| start("answer", number, other))
                    .collect::<io::Result<_>>()?;
                (beginning, answering)
            }
        };
        let mut contestant = Contestant { beginning, answering, latencies: Histogram::new() };
        match contestant.tell("check")?.as_str() {
            "checked" => {}
            line => return Err(io::Error::other(format!("the program said `{line}`"))),
        }
        contestant.slice(WARM_UP)?;
        contestant.latencies.clear();
        Ok(contestant)
    }

    /// Lets the load go on for `duration`.
    pub fn slice(&mut self, duration: Duration) -> io::Result<Slice> {
        sleep(SETTLE);
        let before = self.run_times();
        let line = self.tell(&format!("run {}", duration.as_nanos()))?;
        sleep(SETTLE);
        let after = self.run_times();
        let numbers: Vec<u64> = line.split(' ').map_while(|word| word.parse().ok()).collect();
        let (messages, elapsed, latencies) = match &numbers[..] {
            [messages, elapsed, latencies @ ..] if *messages > 0 && *elapsed > 0 => {
                (*messages as f64, *elapsed as f64, latencies)
            }
            _ => return Err(io::Error::other(format!("the program said `{line}`"))),
        };
        for pair in latencies.chunks_exact(2) {
            self.latencies.record(pair[0], pair[1]);
        }
        let used = before.zip(after).map(|(before, after)| {
            let differences = before.iter().zip(after).map(|(before, after)| after - before);
            differences.collect::<Vec<_>>()
        });
        Ok(Slice {
            rate: messages / elapsed * 1e9,
            cpu: used.as_ref().map(|used| {
                let others = used[1..].iter().sum::<u64>() as f64 / messages;
                (used[0] as f64 / messages, (used.len() > 1).then_some(others))
            }),
            used: used.map_or(0, |used| used.iter().sum()),
        })
    }

    /// 50th, 99th and 99.9th percentile of the time from a question until all have answered it, in
    /// nanoseconds.
    pub fn latency(&self) -> Option<[u64; 3]> {
        let quantile = |quantile| self.latencies.quantile(quantile);
        Some([quantile(0.5)?, quantile(0.99)?, quantile(0.999)?])
    }

    /// Ends the programs.
    pub fn stop(self) -> io::Result<()> {
        let Contestant { beginning, answering, .. } = self;
        beginning.stop()?;
        answering.into_iter().try_for_each(Program::stop)
    }

    fn tell(&mut self, line: &str) -> io::Result<String> {
        self.beginning.tell(line, &mut self.answering)
    }

    /// Time on a core of each program.
    fn run_times(&self) -> Option<Vec<u64>> {
        let programs = [&self.beginning].into_iter().chain(&self.answering);
        programs.map(|program| procfs::cpu_time(program.pid())).collect()
    }
}

/// Not all libraries can tell which port the system has chosen.
fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in PORTS {
        let port = PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("there is no free port"))
}
