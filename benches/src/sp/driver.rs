//! Runs the libraries interleaved, slice by slice, and prints the table.

use super::libraries::Library;
use super::table::Results;
use super::{Contestant, Load, Options, Transport};
use crate::build::{Builder, Unavailable};
use crate::driver::SLICE;
use crate::process::Launch;
use crate::procfs;
use crate::sys;
use crate::table::median;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Builds, measures and prints. Fails when any library failed; what is not installed is only noted.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let machine = procfs::machine();
    sys::raise_open_files();
    let mut builder = Builder::new(options.install)?;
    // The names of the sockets must be short.
    let sockets = std::env::temp_dir().join(format!("cppserver-bench-{}", std::process::id()));
    fs::create_dir_all(&sockets)?;
    let cores = match sys::allowed_cores()[..] {
        [first, second, ..] => vec![first, second],
        _ => Vec::new(),
    };
    let mut run = Run {
        options,
        cores,
        directory: sockets,
        launches: HashMap::new(),
        results: Results::default(),
        disturbances: Vec::new(),
        failed: false,
        deadline: Instant::now(),
    };
    let rounds = run.build(&mut builder).map(|()| run.measure());
    fs::remove_dir_all(&run.directory)?;
    let rounds = rounds?;
    print!("{}", run.results.markdown());
    println!("\nmachine: {machine}");
    println!("run: {}", run.summary(rounds));
    Ok(if run.failed || sys::interrupted() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Run<'a> {
    options: &'a Options,
    cores: Vec<usize>,
    /// For sockets and logs.
    directory: PathBuf,
    launches: HashMap<&'static str, Launch>,
    results: Results,
    /// Shares of the time in which other programs had the cores.
    disturbances: Vec<f64>,
    failed: bool,
    deadline: Instant,
}

impl Run<'_> {
    fn build(&mut self, builder: &mut Builder) -> io::Result<()> {
        let matches = self.options.matches();
        for library in self.options.libraries() {
            let Some(&first) = matches.iter().find(|(load, over)| library.takes_part(*load, *over))
            else {
                continue;
            };
            eprintln!("building {}", library.key);
            let prepared = builder.prepare(library.recipe);
            sys::check_interrupt()?;
            match prepared {
                Ok(mut launch) => {
                    launch.after.push(library.mode.to_owned());
                    self.launches.insert(library.key, launch);
                }
                Err(reason) => {
                    eprintln!("{}: {reason}", library.key);
                    self.failed |= matches!(reason, Unavailable::Failed(_));
                    self.results.note(first, library, reason.to_string());
                }
            }
        }
        Ok(())
    }

    /// Returns the number of rounds that were begun.
    fn measure(&mut self) -> usize {
        self.deadline = Instant::now() + self.options.limit;
        for round in 0..self.options.rounds {
            for (load, transport) in self.options.matches() {
                if self.over() {
                    let reason = if sys::interrupted() { "interrupted" } else { "time limit" };
                    eprintln!("stopped in round {}: {reason}", round + 1);
                    return round + 1;
                }
                eprintln!(
                    "round {} of {}: {}, {}",
                    round + 1,
                    self.options.rounds,
                    load.title(),
                    transport.key()
                );
                self.measure_slices(round, load, transport);
            }
        }
        self.options.rounds
    }

    fn over(&self) -> bool {
        sys::interrupted() || Instant::now() > self.deadline
    }

    fn ready(&self, load: Load, transport: Transport) -> Vec<&'static Library> {
        let mut libraries = self.options.libraries();
        libraries.retain(|library| {
            library.takes_part(load, transport)
                && self.launches.contains_key(library.key)
                && !self.results.noted((load, transport), library)
        });
        libraries
    }

    /// The programs of all libraries run at the same time, but only those of one have something to
    /// do: each has a slice in turn. So all of them see the same good and bad moments of the
    /// machine.
    fn measure_slices(&mut self, round: usize, load: Load, transport: Transport) {
        let mut contestants = Vec::new();
        for library in self.ready(load, transport) {
            if self.over() {
                return;
            }
            let launch = &self.launches[library.key];
            let name = library.key;
            match Contestant::start(launch, load, transport, &self.cores, &self.directory, name) {
                Ok(contestant) => contestants.push((library, contestant)),
                Err(error) => self.fail((load, transport), library, &error),
            }
        }
        let (begin, busy) = (Instant::now(), procfs::busy(&self.cores));
        let own = || procfs::cpu_time(std::process::id()).unwrap_or(0);
        let mut used = 0;
        let own_before = own();
        for slice in 0..self.options.slices {
            // Another one begins in each turn, so that none always follows the same neighbour at
            // the same distance.
            let count = contestants.len().max(1);
            contestants.rotate_left(1 % count);
            contestants.retain_mut(|(library, contestant)| {
                if self.over() {
                    return true;
                }
                match contestant.slice(SLICE) {
                    Ok(found) => {
                        used += found.used;
                        let turn = round * self.options.slices + slice;
                        self.results.add_slice((load, transport), library, turn, found);
                        true
                    }
                    Err(error) => {
                        self.fail((load, transport), library, &error);
                        false
                    }
                }
            });
        }
        if let Some((before, after)) = busy.zip(procfs::busy(&self.cores)) {
            let others = (after - before).saturating_sub(used + own() - own_before) as f64;
            let time = begin.elapsed().as_nanos() as f64 * self.cores.len() as f64;
            self.disturbances.push(others / time);
        }
        for (library, contestant) in contestants {
            self.results.add_latency((load, transport), library, contestant.latency());
            if let Err(error) = contestant.stop() {
                self.fail((load, transport), library, &error);
            }
        }
    }

    fn fail(&mut self, of: (Load, Transport), library: &Library, error: &io::Error) {
        // What fails after an interrupt is no fault of the library.
        if !sys::interrupted() {
            let (load, transport) = of;
            eprintln!("{}, {}, {}: failed: {error}", load.key(), transport.key(), library.key);
            self.results.note(of, library, format!("failed: {error}"));
            self.failed = true;
        }
    }

    fn summary(&self, rounds: usize) -> String {
        let pinned = match self.cores[..] {
            [first, second] => {
                format!(
                    "sending side on core {second}, answering side on core {first}, requests on \
                     core {first} alone"
                )
            }
            _ => "nothing pinned (one core)".to_owned(),
        };
        let disturbance = match median(self.disturbances.clone()) {
            Some(median) => {
                let most = self.disturbances.iter().copied().fold(0.0, f64::max);
                format!(
                    "other programs held the two cores for {:.1} % of the time (at worst {:.1} %)",
                    median * 100.0,
                    most * 100.0
                )
            }
            None => "disturbance n/a".to_owned(),
        };
        format!(
            "medians of {rounds} rounds of {} slices of {} ms; {pinned}; {disturbance}",
            self.options.slices,
            SLICE.as_millis()
        )
    }
}
