//! `cargo xtask autobahn`: the Autobahn conformance suite of WebSocket, against a server and against
//! a client on this library.
//!
//! The server gets an address such as `127.0.0.1:0`, and a certificate and a key where it is to be
//! encrypted. It prints a line that ends in the number of its port, sends every message back with its
//! kind, and ends at the end of its input. The client gets an address such as `ws://127.0.0.1:9001`
//! and a name; it reads the number of cases at `/getCaseCount`, connects to
//! `/runCase?case=N&agent=NAME` for each of 1, 2, ... and sends every message back with its kind until
//! the connection ends, then waits at `/updateReports?agent=NAME` for the end. The certificate of the
//! suite is `certs/server.pem`. Both programs run in the repository's top directory.

mod verdict;
mod wstest;

use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::chat::{self, Program, free_port};
use crate::process::{self, Finished};
use crate::report::{self, Body, Counts, Suite};
use crate::setup;
use crate::workspace::{self, Result, System};

use verdict::Verdict;
use wstest::Wstest;

/// How long one process of the suite may take with its share of the cases. By itself the suite gives
/// some of them eight minutes.
fn limit(cases: &[String]) -> Duration {
    Duration::from_secs(10 * 60) + Duration::from_secs(15) * cases.len() as u32
}

/// The package with the two programs.
const PROGRAMS: &str = "cppserver-autobahn";

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Server,
    Client,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Side::Server => "server",
            Side::Client => "client",
        }
    }
}

/// What to run, from the command line.
#[derive(Debug, PartialEq)]
struct Plan {
    /// Names of sides and protocols; all of them where none is named.
    names: Vec<String>,
    patterns: Vec<String>,
    /// At most so many messages in each case about compression.
    messages: usize,
    /// Programs in the place of ours.
    server: Option<PathBuf>,
    client: Option<PathBuf>,
}

impl Plan {
    fn from_arguments(arguments: &[String]) -> Result<Plan> {
        let mut plan = Plan {
            names: Vec::new(),
            patterns: Vec::new(),
            messages: wstest::MESSAGES,
            server: None,
            client: None,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("`{argument}` needs a value."));
            match argument.as_str() {
                "server" | "client" | "ws" | "wss" => plan.names.push(argument.clone()),
                "--messages" => plan.messages = number(value()?)?,
                "--server" => plan.server = Some(program(value()?)?),
                "--client" => plan.client = Some(program(value()?)?),
                case if case.starts_with(|first: char| first.is_ascii_digit() || first == '*') => {
                    plan.patterns.push(case.to_string());
                }
                _ => return Err(format!("`autobahn` does not know `{argument}`.")),
            }
        }
        if plan.patterns.is_empty() {
            plan.patterns.push("*".to_string());
        }
        Ok(plan)
    }

    fn chosen<'a>(&self, all: [&'a str; 2]) -> Vec<&'a str> {
        let named = |name: &&str| self.names.iter().any(|each| each == name);
        let chosen: Vec<&str> = all.into_iter().filter(named).collect();
        if chosen.is_empty() { all.to_vec() } else { chosen }
    }

    /// Each chosen side with each chosen protocol.
    fn runs(&self) -> Vec<(Side, &'static str)> {
        let protocols = self.chosen(["ws", "wss"]);
        let sides = self.chosen(["server", "client"]);
        let sides = [Side::Server, Side::Client].into_iter().filter(|s| sides.contains(&s.name()));
        sides.flat_map(|side| protocols.iter().map(move |&protocol| (side, protocol))).collect()
    }

    /// The program of one side: the one that was named, or ours, which is built here.
    fn program(&self, side: Side) -> Result<PathBuf> {
        let named = match side {
            Side::Server => &self.server,
            Side::Client => &self.client,
        };
        if let Some(named) = named {
            return Ok(named.clone());
        }
        let name = format!("autobahn_{}", side.name());
        let mut build = workspace::cargo();
        build.args(["build", "--quiet", "--release", "--package", PROGRAMS, "--bin", &name]);
        workspace::run(&mut build)?;
        Ok(workspace::target().join("release").join(System::host().program(&name)))
    }
}

fn number(text: &str) -> Result<usize> {
    let positive = text.parse().ok().filter(|&number| number > 0);
    positive.ok_or(format!("`{text}` is no number of messages."))
}

fn program(path: &str) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| format!("{path}: {error}"))
}

pub fn run(arguments: &[String]) -> Result<bool> {
    let plan = Plan::from_arguments(arguments)?;
    let runs = plan.runs();
    let Some(python) = setup::python_2()? else {
        println!(
            "The Autobahn suite needs Python 2.7, and there is none: install one (pyenv install 2.7), \
             or name it in PYTHON27."
        );
        println!("{}", Counts { skipped: runs.len(), ..Counts::default() }.line());
        return Ok(true);
    };
    setup::ensure(&[setup::PS])?;
    let wstest = Wstest::new(setup::autobahn(&python)?, plan.messages);
    let cases = wstest.cases(&plan.patterns)?;
    let mut suites: Vec<(String, Body)> = Vec::new();
    for (side, protocol) in runs {
        let name = format!("autobahn-{}-{protocol}", side.name());
        let program = plan.program(side)?;
        let folder = workspace::target().join("autobahn").join(&name);
        let (wstest, cases) = (&wstest, &cases);
        let body = move |suite: &mut Suite| {
            let reports = clean(&folder).and_then(|()| match side {
                Side::Server => server(suite, wstest, protocol, &program, &folder, cases),
                Side::Client => Ok(client(wstest, protocol, &program, &folder, cases)),
            })?;
            judge(suite, &reports)
        };
        suites.push((name, Box::new(body)));
    }
    report::run(suites)
}

/// Removes what an earlier run has left, so that nobody takes it for a result.
fn clean(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if folder.exists() => Err(format!("{}: {error}", folder.display())),
        _ => workspace::make_directory(folder),
    }
}

/// What came of one share of the cases.
struct Report {
    cases: Vec<String>,
    verdicts: Result<Vec<Verdict>>,
}

/// Tests one server by several processes of the suite at once.
fn server(
    suite: &mut Suite,
    wstest: &Wstest,
    protocol: &str,
    program: &Path,
    folder: &Path,
    cases: &[String],
) -> Result<Vec<Report>> {
    let mut command = Command::new(program);
    command.arg("127.0.0.1:0").current_dir(workspace::root());
    if protocol == "wss" {
        command.args(["certs/server.pem", "certs/server.key"]);
    }
    let mut server = Program::start(&mut command)?;
    server.ear.wait_until(|text| port(text).is_some())?;
    let url = format!("{protocol}://127.0.0.1:{}", port(&server.ear.text()).unwrap_or_default());
    let reports = shared(cases, folder, |cases, folder| {
        let log = folder.join("wstest.log");
        let finished =
            process::capture(&mut wstest.server(&url, folder, cases), limit(cases), &log);
        well(&finished)?;
        wstest.verdicts(folder).map_err(|why| format!("{why}\n{}", finished.text))
    });
    let ended = server.end();
    suite.check("the server ends", ended.map_err(|why| format!("{why}\n{}", server.ear.text())));
    Ok(reports)
}

/// The number at the end of the first line that has one there.
fn port(text: &str) -> Option<u16> {
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(|line| line.split_whitespace().next_back()?.parse().ok()).next()
}

/// Tests one client by several pairs of it and of the suite at once.
fn client(
    wstest: &Wstest,
    protocol: &str,
    program: &Path,
    folder: &Path,
    cases: &[String],
) -> Vec<Report> {
    shared(cases, folder, |cases, folder| {
        let port = free_port(0)?;
        let url = format!("{protocol}://127.0.0.1:{port}");
        // Ends when it goes out of scope: by itself it would serve for ever.
        let suite = Program::start(&mut wstest.client(&url, folder, cases))?;
        let described = |why: String| format!("{why}\nThe suite printed:\n{}", suite.ear.text());
        wait_for_listener(&suite, port).map_err(described)?;
        let mut command = Command::new(program);
        command.args([&url, wstest::AGENT]).current_dir(workspace::root());
        let finished = process::capture(&mut command, limit(cases), &folder.join("client.log"));
        // Writing it takes longer than the client may have waited.
        let asked = finished.success && suite.ear.hears("Updating reports", chat::LIMIT);
        let _ = asked && suite.ear.hears("Report generation complete", limit(cases));
        workspace::write(&folder.join("wstest.log"), &suite.ear.text())?;
        well(&finished).and_then(|()| wstest.verdicts(folder)).map_err(described)
    })
}

fn wait_for_listener(suite: &Program, port: u16) -> Result<()> {
    let end = Instant::now() + chat::LIMIT;
    while let Err(error) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
        if suite.ear.has_ended() || Instant::now() > end {
            return Err(format!("nobody listens on port {port}: {error}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn well(finished: &Finished) -> Result<()> {
    match finished.success {
        true => Ok(()),
        false => Err(format!("{}\n{}", finished.ending, finished.text)),
    }
}

/// Deals the cases out to as many threads as there are processors, each with a folder of its own.
fn shared(
    cases: &[String],
    folder: &Path,
    work: impl Fn(&[String], &Path) -> Result<Vec<Verdict>> + Sync,
) -> Vec<Report> {
    let shares = deal(cases, thread::available_parallelism().map_or(1, usize::from));
    let work = |number: usize, cases: &[String]| {
        let folder = folder.join(number.to_string());
        workspace::make_directory(&folder)?;
        work(cases, &folder)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = shares
            .iter()
            .enumerate()
            .map(|(number, cases)| scope.spawn(move || work(number, cases)))
            .collect();
        let verdicts = threads.into_iter().map(|thread| thread.join().expect("no panic"));
        verdicts
            .zip(&shares)
            .map(|(verdicts, cases)| Report { cases: cases.clone(), verdicts })
            .collect()
    })
}

/// Back and forth, as the cases of one group get heavier with their numbers.
fn deal(cases: &[String], shares: usize) -> Vec<Vec<String>> {
    let shares = shares.min(cases.len());
    let mut dealt = vec![Vec::new(); shares];
    for (number, case) in cases.iter().enumerate() {
        let (round, place) = (number / shares, number % shares);
        let place = if round % 2 == 0 { place } else { shares - 1 - place };
        dealt[place].push(case.clone());
    }
    dealt
}

/// Counts one check for each case, and prints how many were of which kind.
fn judge(suite: &mut Suite, reports: &[Report]) -> Result<()> {
    let mut all: Vec<&Verdict> = Vec::new();
    for report in reports {
        let verdicts = match &report.verdicts {
            Ok(verdicts) => verdicts,
            Err(why) => {
                suite.fail(&format!("{} of the cases: no report", report.cases.len()), why);
                continue;
            }
        };
        let mut lost = Vec::new();
        for case in &report.cases {
            match verdicts.iter().find(|verdict| verdict.case == *case) {
                Some(verdict) => {
                    suite.check(&format!("case {case}"), verdict.judge());
                    all.push(verdict);
                }
                None => lost.push(case.as_str()),
            }
        }
        if !lost.is_empty() {
            suite.fail(&format!("{} cases are not in the report", lost.len()), &lost.join(" "));
        }
    }
    all.sort_by_key(|verdict| verdict.place());
    let summary = verdict::summary(&all);
    suite.note(&summary);
    println!("{summary}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> Result<Plan> {
        let words: Vec<String> = words.split_whitespace().map(str::to_string).collect();
        Plan::from_arguments(&words)
    }

    #[test]
    fn without_arguments_everything_is_run() {
        let plan = plan("").expect("a plan");
        assert_eq!((plan.patterns.clone(), plan.messages), (vec!["*".to_string()], 1000));
        assert_eq!(plan.runs().len(), 4);
    }

    #[test]
    fn arguments_choose() {
        let chosen = plan("client 9.* wss 1.1.1 --messages 20").expect("a plan");
        assert!(chosen.runs() == [(Side::Client, "wss")]);
        assert_eq!((chosen.patterns.len(), chosen.messages), (2, 20));
        for wrong in ["--messages", "--messages 0", "--messages x", "servers"] {
            plan(wrong).expect_err(wrong);
        }
    }

    #[test]
    fn a_port_counts_when_its_line_is_whole() {
        assert_eq!(port("hello\nWebSocket server port: 123"), None);
        assert_eq!(port("hello\nWebSocket server port: 1234\r\nmore"), Some(1234));
        assert_eq!(port("1234\n"), Some(1234));
    }

    #[test]
    fn every_case_is_dealt_once() {
        let cases: Vec<String> = (0..7).map(|number| number.to_string()).collect();
        assert_eq!(deal(&cases, 2), [vec!["0", "3", "4"], vec!["1", "2", "5", "6"]]);
        assert_eq!(deal(&cases[..1], 2), [["0"]]);
    }
}
