//! Runs the servers interleaved, slice by slice, and prints the table.

use crate::build::{Builder, Unavailable};
use crate::link::{self, Link};
use crate::load::set_spinning;
use crate::measure::{Measurement, measure_idle};
use crate::peers::{IDLE_CONNECTIONS, Peer, Suite, Workload};
use crate::process::{Launch, Server};
use crate::procfs;
use crate::sys;
use crate::syscalls::Method;
use crate::table::{Results, Sample};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Time for which one server is measured before the next one has its turn.
pub const SLICE: Duration = Duration::from_millis(100);
/// Open files that are not idle connections.
const OTHER_FILES: usize = 200;

/// What to measure, and for how long.
pub struct Options {
    /// The comparison.
    pub suite: &'static Suite,
    /// Keys of the servers; empty for all.
    pub only: Vec<String>,
    /// Loads; empty for all.
    pub workloads: Vec<Workload>,
    /// How often the servers are started anew.
    pub rounds: usize,
    /// Slices per server, load and round.
    pub slices: usize,
    /// After this time no further measurement is begun; building is not counted.
    pub limit: Duration,
    /// Whether missing packages may be installed.
    pub install: bool,
}

impl Options {
    fn workloads(&self) -> Vec<Workload> {
        self.suite
            .workloads
            .iter()
            .copied()
            .filter(|one| self.workloads.is_empty() || self.workloads.contains(one))
            .collect()
    }

    fn peers(&self) -> Vec<&'static Peer> {
        let wanted = |peer: &&Peer| {
            let group = if peer.ours() { "ours" } else { "peers" };
            self.only.is_empty() || self.only.iter().any(|key| key == peer.key || key == group)
        };
        self.suite.peers.iter().filter(wanted).collect()
    }
}

/// Cores for server and generator.
#[derive(Clone, Copy)]
pub struct Cores {
    server: Option<usize>,
    generator: Option<usize>,
}

impl Cores {
    /// The first two cores that this process may use; none when there is only one, as pinning would
    /// not help there.
    pub fn choose() -> Self {
        match sys::allowed_cores()[..] {
            [server, generator, ..] => Cores { server: Some(server), generator: Some(generator) },
            _ => Cores { server: None, generator: None },
        }
    }

    /// Pins the calling thread, which is the generator. With a core of its own it never sleeps.
    pub fn pin_generator(self) -> io::Result<()> {
        set_spinning(self.generator.is_some());
        self.generator.map_or(Ok(()), sys::pin_to)
    }
}

/// Builds, measures and prints. Fails when any server failed; what is not installed is only noted.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let machine = procfs::machine();
    let files = sys::raise_open_files();
    let mut builder = Builder::new(options.install)?;
    let mut run = Run {
        options,
        cores: Cores::choose(),
        method: Method::find(),
        idle_connections: IDLE_CONNECTIONS.min(files.saturating_sub(OTHER_FILES)),
        out: builder.out().to_owned(),
        launches: HashMap::new(),
        results: Results::new(options.suite),
        ciphers: BTreeMap::new(),
        failed: false,
        deadline: Instant::now(),
    };
    run.build(&mut builder)?;
    run.cores.pin_generator()?;
    let rounds = run.measure();
    print!("{}", run.results.markdown());
    println!("\nmachine: {machine}");
    println!("run: {}", run.summary(rounds));
    for (cipher, servers) in &run.ciphers {
        println!("{cipher}: {}", servers.iter().copied().collect::<Vec<_>>().join(", "));
    }
    Ok(if run.failed || sys::interrupted() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Run<'a> {
    options: &'a Options,
    cores: Cores,
    method: Method,
    idle_connections: usize,
    out: PathBuf,
    launches: HashMap<&'static str, Launch>,
    results: Results,
    /// What the servers agreed on, and which of them.
    ciphers: BTreeMap<String, BTreeSet<&'static str>>,
    failed: bool,
    deadline: Instant,
}

/// A server that runs, and the load that is connected to it.
struct Contestant {
    peer: &'static Peer,
    measurement: Measurement,
    server: Server,
}

impl Run<'_> {
    fn build(&mut self, builder: &mut Builder) -> io::Result<()> {
        for peer in self.options.peers() {
            let Some(first) =
                self.options.workloads().into_iter().find(|&one| peer.takes_part(one))
            else {
                continue;
            };
            eprintln!("building {}", peer.key);
            let prepared = builder.prepare(peer.recipe);
            sys::check_interrupt()?;
            match prepared {
                Ok(mut launch) => {
                    if self.link(peer).is_encrypted() {
                        launch.after.push("--tls".to_owned());
                        launch.after.push(link::certificate().display().to_string());
                        launch.after.push(link::key().display().to_string());
                    }
                    self.launches.insert(peer.key, launch);
                }
                Err(reason) => {
                    eprintln!("{}: {reason}", peer.key);
                    self.failed |= matches!(reason, Unavailable::Failed(_));
                    self.results.note(first, peer, reason.to_string());
                }
            }
        }
        Ok(())
    }

    /// Returns the number of rounds that were begun.
    fn measure(&mut self) -> usize {
        self.deadline = Instant::now() + self.options.limit;
        for round in 0..self.options.rounds {
            for workload in self.options.workloads() {
                if self.over() {
                    let reason = if sys::interrupted() { "interrupted" } else { "time limit" };
                    eprintln!("stopped in round {}: {reason}", round + 1);
                    return round + 1;
                }
                eprintln!("round {} of {}: {}", round + 1, self.options.rounds, workload.title());
                if workload == Workload::Idle {
                    self.measure_idle(round);
                } else {
                    self.measure_slices(round, workload);
                }
            }
        }
        self.options.rounds
    }

    fn over(&self) -> bool {
        sys::interrupted() || Instant::now() > self.deadline
    }

    /// The servers that can be measured under this load.
    fn ready(&self, workload: Workload) -> Vec<&'static Peer> {
        let mut peers = self.options.peers();
        peers.retain(|peer| {
            peer.takes_part(workload)
                && self.launches.contains_key(peer.key)
                && !self.results.noted(workload, peer)
        });
        peers
    }

    fn link(&self, peer: &Peer) -> Link {
        peer.link.unwrap_or(self.options.suite.link)
    }

    fn start(&self, workload: Workload, peer: &Peer) -> io::Result<Server> {
        let log = self.out.join(format!("{}.server.log", peer.key));
        Server::start(&self.launches[peer.key], workload.mode(), self.cores.server, &log)
    }

    /// All servers run at the same time, but only one of them has something to do: each has a slice
    /// in turn. So all of them see the same good and bad moments of the machine.
    fn measure_slices(&mut self, round: usize, workload: Workload) {
        let mut contestants = Vec::new();
        for peer in self.ready(workload) {
            let link = self.link(peer);
            let contestant =
                self.start(workload, peer).and_then(|server| {
                    match Measurement::begin(link, server.address(), server.pid(), workload) {
                        Ok(measurement) => Ok(Contestant { peer, measurement, server }),
                        Err(error) => Err(server.explain(error)),
                    }
                });
            match contestant {
                Ok(contestant) => {
                    if let Some(cipher) = contestant.measurement.cipher() {
                        self.ciphers.entry(cipher.to_owned()).or_default().insert(peer.key);
                    }
                    contestants.push(contestant);
                }
                Err(error) => self.fail(workload, peer, &error),
            }
        }
        for slice in 0..self.options.slices {
            if self.over() {
                break;
            }
            // Another one begins in each turn, so that none always follows the same neighbour at
            // the same distance.
            let count = contestants.len().max(1);
            contestants.rotate_left(1 % count);
            contestants.retain_mut(|contestant| match contestant.measurement.slice(SLICE) {
                Ok(mut sample) => {
                    sample.turn = round * self.options.slices + slice;
                    self.results.add(workload, contestant.peer, sample);
                    true
                }
                Err(error) => {
                    self.fail(workload, contestant.peer, &contestant.server.explain(error));
                    false
                }
            });
        }
        for contestant in contestants {
            self.finish(round, workload, contestant);
        }
    }

    fn finish(&mut self, round: usize, workload: Workload, mut contestant: Contestant) {
        let latency = contestant.measurement.latency();
        let counted = if round == 0 && !self.over() {
            contestant.measurement.syscalls(self.method, &self.out)
        } else {
            Ok(None)
        };
        // The connections go first: a server that is stopped has none to close.
        drop(contestant.measurement);
        match counted.and_then(|syscalls| contestant.server.stop().map(|()| syscalls)) {
            Ok(syscalls) => self.results.add(
                workload,
                contestant.peer,
                Sample { latency, syscalls, ..Sample::default() },
            ),
            Err(error) => self.fail(workload, contestant.peer, &error),
        }
    }

    fn measure_idle(&mut self, round: usize) {
        let mut peers = self.ready(Workload::Idle);
        let count = peers.len().max(1);
        peers.rotate_left(round % count);
        for peer in peers {
            if self.over() {
                return;
            }
            let sample = self.start(Workload::Idle, peer).and_then(|server| {
                let sample = measure_idle(
                    self.link(peer),
                    server.address(),
                    server.pid(),
                    self.idle_connections,
                )
                .map_err(|error| server.explain(error))?;
                server.stop()?;
                Ok(Sample { turn: round, ..sample })
            });
            match sample {
                Ok(sample) => self.results.add(Workload::Idle, peer, sample),
                Err(error) => self.fail(Workload::Idle, peer, &error),
            }
        }
    }

    fn fail(&mut self, workload: Workload, peer: &Peer, error: &io::Error) {
        // What fails after an interrupt is no fault of the server.
        if !sys::interrupted() {
            eprintln!("{}, {}: failed: {error}", workload.key(), peer.key);
            self.results.note(workload, peer, format!("failed: {error}"));
            self.failed = true;
        }
    }

    fn summary(&self, rounds: usize) -> String {
        let pinned = match (self.cores.server, self.cores.generator) {
            (Some(server), Some(generator)) => {
                format!("server on core {server}, generator on core {generator}")
            }
            _ => "nothing pinned (one core)".to_owned(),
        };
        let disturbance = match self.results.disturbance() {
            Some((median, most)) => {
                format!(
                    "other programs held the two cores for {:.1} % of a slice (at worst {:.1} %)",
                    median * 100.0,
                    most * 100.0
                )
            }
            None => "disturbance n/a".to_owned(),
        };
        let idle = match self.options.suite.workloads.contains(&Workload::Idle) {
            true => format!("{} idle connections; ", self.idle_connections),
            false => String::new(),
        };
        format!(
            "medians of {rounds} rounds of {} slices of {} ms; {pinned}; {idle}{disturbance}; \
             system calls by {}",
            self.options.slices,
            SLICE.as_millis(),
            self.method.description()
        )
    }
}
