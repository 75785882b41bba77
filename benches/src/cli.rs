//! The command line.

use crate::driver::{self, Cores, Options, SLICE};
use crate::link::Link;
use crate::mailbox;
use crate::measure::{Measurement, measure_idle};
use crate::peers::{IDLE_CONNECTIONS, SUITES, Suite, TCP, Workload};
use crate::sp;
use crate::sys;
use crate::syscalls::Method;
use crate::table::{Sample, median};
use std::env;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::{Command, ExitCode};
use std::time::Duration;

const USAGE: &str = "\
usage: cppserver-bench tcp [options]     build the servers, compare them, print a table
       cppserver-bench tls [options]     the same, encrypted
       cppserver-bench udp [options]     datagrams
       cppserver-bench ws [options]      WebSocket
       cppserver-bench wss [options]     WebSocket, encrypted
       cppserver-bench sp [options]      the scalability protocols
       cppserver-bench mailbox [options] compare ways to hand operations to a loop
       cppserver-bench load [options]    one load against a server that runs already, on 127.0.0.1

options of these six:
  --rounds N          how often the servers are started anew (default 3)
  --seconds S         measured time per server, load and round, in slices of 0.1 s (default 1)
  --only a,b          these servers only; `ours` and `peers` are groups
  --workload a,b      these loads only
  --limit SECONDS     begin no measurement after this time (default 540, without the time to build)
  --no-install        do not try to install what is missing
  --over a,b          of sp: these of tcp, ipc and inproc only
options of mailbox:
  --rounds N          how often each is measured (default 3)
  --seconds S         measured time per round (default 1)
options of load:
  --port N            where the server listens
  --pid N             its process id, for CPU time, memory and system calls
  --tls               it is encrypted, with certs/server.pem
  --udp               it takes datagrams
  --ws                it speaks WebSocket, with --tls encrypted
  --workload a        a load of tcp, tls, udp, ws or wss
  --seconds S         measured time (default 1)
";

/// Parses the arguments and runs; the whole program.
pub fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let command = match parse(&arguments) {
        Ok(command) => command,
        Err(text) => {
            eprintln!("{text}\n");
            eprintln!("{USAGE}");
            eprintln!("{}", sp::names());
            for suite in SUITES {
                let (servers, loads) = (server_keys(suite), workload_keys(suite));
                eprintln!("{}: servers {servers}; loads {loads}", suite.key);
            }
            return ExitCode::from(2);
        }
    };
    sys::catch_interrupts();
    let result = optimized(&arguments).and_then(|done| match (done, command) {
        (Some(code), _) => Ok(code),
        (None, Parsed::Compare(options)) => driver::run(&options),
        (None, Parsed::Sp(options)) => sp::run(&options),
        (None, Parsed::Mailbox { rounds, seconds }) => mailbox::run(rounds, seconds),
        (None, Parsed::Load { link, port, pid, workload, slices }) => {
            load(link, port, pid, workload, slices)
        }
    });
    result.unwrap_or_else(|error| {
        eprintln!("cppserver-bench: {error}");
        ExitCode::FAILURE
    })
}

enum Parsed {
    Compare(Options),
    Sp(sp::Options),
    Mailbox { rounds: usize, seconds: f64 },
    Load { link: Link, port: u16, pid: u32, workload: Workload, slices: usize },
}

fn parse(arguments: &[String]) -> Result<Parsed, String> {
    let mut rest = arguments.iter();
    let command = rest.next().ok_or("which benchmark?")?;
    if command == "sp" {
        return sp::parse(rest.as_slice()).map(Parsed::Sp);
    }
    let given = |option: &str| command == "load" && arguments.iter().any(|one| one == option);
    let name = match (given("--tls"), given("--udp"), given("--ws")) {
        (false, false, false) => command,
        (true, false, false) => "tls",
        (false, true, false) => "udp",
        (tls, false, true) => {
            if tls {
                "wss"
            } else {
                "ws"
            }
        }
        (_, true, _) => return Err("--udp goes with neither --tls nor --ws".to_owned()),
    };
    let mut options = Options {
        suite: SUITES.into_iter().find(|suite| suite.key == name).unwrap_or(&TCP),
        only: Vec::new(),
        workloads: Vec::new(),
        rounds: 3,
        slices: 10,
        limit: Duration::from_secs(540),
        install: true,
    };
    let (mut port, mut pid) = (0, 0);
    let suite = options.suite;
    let kind = if suite.key == command { "compare" } else { command };
    while let Some(name) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{name} needs a value"));
        match (kind, name.as_str()) {
            ("compare" | "mailbox", "--rounds") => {
                options.rounds = number(name, value()?, 1.0, 1e3)? as usize
            }
            ("compare" | "load" | "mailbox", "--seconds") => {
                let seconds = number(name, value()?, SLICE.as_secs_f64(), 600.0)?;
                options.slices = (seconds / SLICE.as_secs_f64()).round() as usize;
            }
            ("compare", "--limit") => {
                options.limit = Duration::from_secs_f64(number(name, value()?, 1.0, 86_400.0)?)
            }
            ("compare", "--only") => options.only = servers(suite, value()?)?,
            ("compare" | "load", "--workload") => options.workloads = workloads(suite, value()?)?,
            ("load", "--tls" | "--udp" | "--ws") => {}
            ("compare", "--no-install") => options.install = false,
            ("load", "--port") => port = number(name, value()?, 1.0, 65_535.0)? as u16,
            ("load", "--pid") => pid = number(name, value()?, 1.0, f64::from(i32::MAX))? as u32,
            _ => return Err(format!("`{command}` has no option {name}")),
        }
    }
    match (kind, &options.workloads[..]) {
        ("compare", _) => Ok(Parsed::Compare(options)),
        ("mailbox", _) => Ok(Parsed::Mailbox {
            rounds: options.rounds,
            seconds: options.slices as f64 * SLICE.as_secs_f64(),
        }),
        ("load", &[workload]) if port != 0 && pid != 0 => {
            Ok(Parsed::Load { link: suite.link, port, pid, workload, slices: options.slices })
        }
        ("load", _) => Err("load needs --port, --pid and one --workload".to_owned()),
        _ => Err(format!("there is no benchmark `{command}`")),
    }
}

pub(crate) fn number(name: &str, text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        _ => Err(format!("{name} takes a number from {least} to {most}, not `{text}`")),
    }
}

fn servers(suite: &Suite, text: &str) -> Result<Vec<String>, String> {
    let known = |key: &str| {
        matches!(key, "ours" | "peers") || suite.peers.iter().any(|peer| peer.key == key)
    };
    match text.split(',').find(|key| !known(key)) {
        Some(key) => Err(format!("there is no server `{key}`")),
        None => Ok(text.split(',').map(str::to_owned).collect()),
    }
}

fn workloads(suite: &Suite, text: &str) -> Result<Vec<Workload>, String> {
    let find = |key: &str| {
        suite
            .workloads
            .iter()
            .copied()
            .find(|one| one.key() == key)
            .ok_or(format!("there is no load `{key}`"))
    };
    text.split(',').map(find).collect()
}

fn server_keys(suite: &Suite) -> String {
    suite.peers.iter().map(|peer| peer.key).collect::<Vec<_>>().join(", ")
}

fn workload_keys(suite: &Suite) -> String {
    suite.workloads.iter().map(|workload| workload.key()).collect::<Vec<_>>().join(", ")
}

/// A generator without optimization would be the bottleneck itself: such a build hands over to an
/// optimized one.
fn optimized(arguments: &[String]) -> io::Result<Option<ExitCode>> {
    if !cfg!(debug_assertions) {
        return Ok(None);
    }
    eprintln!("building the optimized generator");
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args([
        "run",
        "--release",
        "--quiet",
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ]);
    command.args(["--bin", "cppserver-bench", "--"]).args(arguments);
    // The same process goes on as the optimized program, so that interrupts and the exit status are
    // its own.
    Err(std::os::unix::process::CommandExt::exec(&mut command))
}

fn load(
    link: Link,
    port: u16,
    pid: u32,
    workload: Workload,
    slices: usize,
) -> io::Result<ExitCode> {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let files = sys::raise_open_files();
    Cores::choose().pin_generator()?;
    if workload == Workload::Idle {
        let connections = IDLE_CONNECTIONS.min(files.saturating_sub(200));
        let sample = measure_idle(link, address, pid, connections)?;
        println!("all connections opened and served in s: {}", number_or_none(sample.open_time));
        println!("connections opened and served per second: {}", number_or_none(sample.rate));
        println!("server CPU ns per connection: {}", number_or_none(sample.cpu));
        println!("private memory per connection, bytes: {}", number_or_none(sample.idle_bytes));
        return Ok(ExitCode::SUCCESS);
    }
    let mut measurement = Measurement::begin(link, address, pid, workload)?;
    let samples = (0..slices).map(|_| measurement.slice(SLICE)).collect::<io::Result<Vec<_>>>()?;
    let of = |value: fn(&Sample) -> Option<f64>| {
        number_or_none(median(samples.iter().filter_map(value).collect()))
    };
    if let Some(cipher) = measurement.cipher() {
        println!("cipher: {cipher}");
    }
    println!("messages per second: {}", of(|sample| sample.rate));
    println!("server CPU ns per message: {}", of(|sample| sample.cpu));
    let latency = measurement.latency();
    for (name, index) in [("p50", 0), ("p99", 1), ("p99.9", 2)] {
        println!(
            "{name} us: {}",
            number_or_none(latency.map(|latency| latency[index] as f64 / 1e3))
        );
    }
    let syscalls = measurement.syscalls(Method::find(), &env::temp_dir())?;
    println!(
        "system calls per message: {}",
        syscalls.map_or("n/a".to_owned(), |calls| format!("{calls:.3}"))
    );
    if link == Link::Datagrams {
        println!("lost, %: {}", of(|sample| sample.lost.map(|share| share * 100.0)));
    }
    println!(
        "disturbed by other programs, %: {}",
        of(|sample| sample.disturbance.map(|share| share * 100.0))
    );
    Ok(ExitCode::SUCCESS)
}

fn number_or_none(value: Option<f64>) -> String {
    value.map_or("n/a".to_owned(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Parsed, String> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_of_tcp() {
        let Ok(Parsed::Compare(options)) = parsed(
            "tcp --rounds 5 --seconds 0.5 --only mio,ours --workload large,idle --no-install",
        ) else {
            panic!("must be accepted")
        };
        assert_eq!((options.rounds, options.slices), (5, 5));
        assert_eq!(options.only, ["mio", "ours"]);
        assert_eq!(options.workloads, [Workload::Large, Workload::Idle]);
        assert!(!options.install);
    }

    #[test]
    fn options_of_load() {
        let text = "load --port 4711 --pid 12 --workload ping-pong";
        assert!(matches!(
            parsed(text),
            Ok(Parsed::Load { port: 4711, pid: 12, workload: Workload::PingPong, .. })
        ));
        assert!(parsed("load --port 4711 --workload ping-pong").is_err());
    }

    #[test]
    fn loads_of_tls() {
        let Ok(Parsed::Compare(options)) = parsed("tls --only raw-openssl --workload handshake")
        else {
            panic!("must be accepted")
        };
        assert_eq!(options.suite.key, "tls");
        assert_eq!(options.workloads, [Workload::Handshake]);
        let text = "load --workload resumption --port 4711 --pid 12";
        assert!(parsed(text).is_err());
        assert!(matches!(
            parsed(&format!("{text} --tls")),
            Ok(Parsed::Load { link: Link::Tls, workload: Workload::Resumption, .. })
        ));
    }

    #[test]
    fn loads_of_udp() {
        let Ok(Parsed::Compare(options)) = parsed("udp --only raw-mmsg --workload many-windows")
        else {
            panic!("must be accepted")
        };
        assert_eq!(options.suite.key, "udp");
        assert_eq!(options.workloads, [Workload::ManyWindows]);
        assert!(matches!(
            parsed("load --udp --workload ping-pong --port 4711 --pid 12"),
            Ok(Parsed::Load { link: Link::Datagrams, workload: Workload::DatagramPingPong, .. })
        ));
    }

    #[test]
    fn loads_of_websocket() {
        let Ok(Parsed::Compare(options)) = parsed("wss --only peers --workload single,deflate")
        else {
            panic!("must be accepted")
        };
        assert_eq!(options.suite.key, "wss");
        assert_eq!(options.workloads, [Workload::SinglePingPong, Workload::Deflate]);
        for (text, expected) in
            [("--ws", Link::WebSocket), ("--ws --tls", Link::SecureWebSocket), ("", Link::Plain)]
        {
            let text = format!("load {text} --workload pipelined --port 4711 --pid 12");
            assert!(matches!(parsed(&text), Ok(Parsed::Load { link, .. }) if link == expected));
        }
    }

    #[test]
    fn scalability_protocols_have_their_own_options() {
        assert!(matches!(parsed("sp --over tcp,ipc --workload survey"), Ok(Parsed::Sp(_))));
        assert!(parsed("tcp --over tcp").is_err());
    }

    #[test]
    fn wrong_arguments_are_named() {
        let wrong = [
            "",
            "sctp",
            "sp --only raw-mmsg",
            "udp --udp",
            "udp --workload idle",
            "load --ws --udp --workload ping-pong --port 4711 --pid 12",
            "ws --workload connect",
            "wss --ws",
            "load --tls --udp --workload ping-pong --port 4711 --pid 12",
            "tcp --rounds",
            "tcp --rounds 0",
            "tcp --only nobody",
            "tcp --workload none",
            "tcp --port 1",
            "tcp --workload handshake",
            "tls --only libuv",
            "tls --tls",
        ];
        for text in wrong {
            assert!(parsed(text).is_err(), "`{text}` must be refused");
        }
        assert!(parsed("tcp --only nobody").err().is_some_and(|text| text.contains("nobody")));
    }
}
