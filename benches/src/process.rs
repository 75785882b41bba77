//! A server under measurement: a child process that prints its port and ends when its standard
//! input does.

use crate::sys;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const START_DEADLINE: Duration = Duration::from_secs(15);
const STOP_DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// How to start one server.
#[derive(Clone, Default)]
pub struct Launch {
    /// Program to run.
    pub program: PathBuf,
    /// Arguments before `echo` or `multicast`.
    pub before: Vec<String>,
    /// Arguments after it.
    pub after: Vec<String>,
    /// Environment to add.
    pub environment: Vec<(String, String)>,
}

/// A running server. Dropping it ends the process.
pub struct Server {
    child: Child,
    address: SocketAddrV4,
    log: PathBuf,
}

impl Server {
    /// Starts the server pinned to `core` and waits until it says `port N`. What it writes to
    /// standard error goes to the file `log`.
    pub fn start(launch: &Launch, mode: &str, core: Option<usize>, log: &Path) -> io::Result<Self> {
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.before)
            .arg(mode)
            .args(&launch.after)
            .envs(launch.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        // Ctrl-C reaches the driver only, which then ends its servers itself.
        command.process_group(0);
        // SAFETY: between fork and exec only system calls are made that are safe there.
        unsafe {
            command.pre_exec(move || {
                sys::end_with_parent()?;
                core.map_or(Ok(()), sys::pin_to)
            });
        }
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", launch.program.display()))
        })?;
        let mut server = Server {
            child,
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0),
            log: log.to_owned(),
        };
        let port = server.read_port().map_err(|error| server.explain(error))?;
        server.address.set_port(port);
        Ok(server)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Adds what the server said last to an error.
    pub fn explain(&self, error: io::Error) -> io::Error {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        match said.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => {
                io::Error::new(error.kind(), format!("{error} (server: {})", line.trim()))
            }
            None => error,
        }
    }

    /// Ends the server by closing its standard input; one that does not end within ten seconds is
    /// killed and reported as an error.
    pub fn stop(mut self) -> io::Result<()> {
        drop(self.child.stdin.take());
        match wait(&mut self.child, STOP_DEADLINE)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(self.explain(io::Error::other(format!("the server ended with {status}"))))
            }
            None => Err(io::Error::other("the server did not end when its standard input did")),
        }
    }

    fn read_port(&mut self) -> io::Result<u16> {
        let Some(output) = &mut self.child.stdout else {
            return Err(io::Error::other("no output"));
        };
        // The output is kept open: a server that prints something later must not die of it.
        let line = read_line(output, START_DEADLINE, sys::check_interrupt)?;
        parse_port(&line)
            .ok_or_else(|| io::Error::other(format!("the server said `{line}` and not its port")))
    }
}

/// Reads a line that is all that a program has to say for now. An error of `watch`, which is asked
/// while nothing comes, ends it.
pub fn read_line(
    output: &mut ChildStdout,
    deadline: Duration,
    mut watch: impl FnMut() -> io::Result<()>,
) -> io::Result<String> {
    let begin = Instant::now();
    let mut line = Vec::new();
    while !line.contains(&b'\n') {
        watch()?;
        if begin.elapsed() > deadline {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("the program said nothing within {} s", deadline.as_secs()),
            ));
        }
        if sys::wait_readable(output.as_raw_fd(), Duration::from_millis(100))? {
            let mut buffer = [0; 4096];
            match output.read(&mut buffer)? {
                0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the program ended before it said anything",
                    ));
                }
                size => line.extend_from_slice(&buffer[..size]),
            }
        }
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn parse_port(text: &str) -> Option<u16> {
    text.lines().next()?.strip_prefix("port ")?.trim().parse().ok().filter(|port| *port != 0)
}

/// Waits for the child for at most `deadline`.
pub fn wait(child: &mut Child, deadline: Duration) -> io::Result<Option<ExitStatus>> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begin.elapsed() > deadline {
            return Ok(None);
        }
        std::thread::sleep(POLL);
    }
}

/// Runs a tool to its end, its output going to the file `log`; an interrupt ends it. False when it
/// failed.
pub fn run_tool(
    program: impl AsRef<OsStr>,
    configure: impl FnOnce(&mut Command),
    log: &Path,
) -> io::Result<bool> {
    let output = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    configure(&mut command);
    let mut child = command.spawn()?;
    loop {
        if let Some(status) = wait(&mut child, Duration::from_millis(200))? {
            return Ok(status.success());
        }
        if let Err(error) = sys::check_interrupt() {
            sys::interrupt_child(&child);
            if wait(&mut child, STOP_DEADLINE)?.is_none() {
                child.kill()?;
                child.wait()?;
            }
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_port_line() {
        assert_eq!(parse_port("port 4711\n"), Some(4711));
        assert_eq!(parse_port("port 4711\nmore\n"), Some(4711));
        assert_eq!(parse_port("port 0\n"), None);
        assert_eq!(parse_port("listening on 4711\n"), None);
        assert_eq!(parse_port(""), None);
    }

    fn shell(script: &str) -> Launch {
        Launch {
            program: "/bin/sh".into(),
            before: vec!["-c".into(), script.into()],
            ..Launch::default()
        }
    }

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("cppserver-bench-test-{}-{name}", std::process::id()))
    }

    #[test]
    fn starts_and_stops_by_standard_input() {
        let log = log("good");
        let server = Server::start(&shell("echo port 1234; cat >/dev/null"), "echo", None, &log)
            .expect("started");
        assert_eq!(server.address().port(), 1234);
        server.stop().expect("stopped");
        fs::remove_file(log).expect("log was written");
    }

    #[test]
    fn a_server_that_fails_is_explained() {
        let log = log("bad");
        let error = Server::start(&shell("echo no such luck >&2; exit 3"), "echo", None, &log)
            .err()
            .expect("must fail");
        assert!(error.to_string().contains("no such luck"), "{error}");
        fs::remove_file(log).expect("log was written");
    }

    #[test]
    fn the_exit_status_counts() {
        let log = log("status");
        let server =
            Server::start(&shell("echo port 1; cat >/dev/null; exit 4"), "echo", None, &log)
                .expect("started");
        assert!(server.stop().is_err());
        fs::remove_file(log).expect("log was written");
    }
}
