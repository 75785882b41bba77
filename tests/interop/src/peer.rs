//! Programs on other implementations, driven by lines.
//!
//! Such a program has the name of a role as its argument. It reads commands, one a line, and answers
//! each with a line: `done`, `received BYTES` or `failed WHY`. Bytes are hexadecimal.
//!
//! - `listen ADDRESS`, `dial ADDRESS` (in the background), `subscribe BYTES`, `send BYTES`
//! - `receive MILLISECONDS`: a message, or why there is none after this time
//! - `produce COUNT`, `consume COUNT`: sends or expects the messages of [`stream`](crate::stream)

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use cppserver::nano::Protocol;

use crate::{DEADLINE, Outcome};

/// What another implementation has for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A command line tool, which knows no commands as above.
    Nanocat,
    Libnanomsg,
    Nng,
    Pynng,
}

/// Another implementation, and the program that speaks for it.
#[derive(Clone)]
pub struct Program {
    pub kind: Kind,
    pub path: PathBuf,
}

impl Program {
    /// Reads `NAME=PATH`.
    pub fn parse(argument: &str) -> Outcome<Program> {
        let (name, path) = argument.split_once('=').unwrap_or((argument, ""));
        let kinds = [Kind::Nanocat, Kind::Libnanomsg, Kind::Nng, Kind::Pynng];
        let kind = kinds.into_iter().find(|kind| kind.name() == name && !path.is_empty());
        let kind = kind.ok_or_else(|| format!("`{argument}` is no peer with its program"))?;
        Ok(Program { kind, path: path.into() })
    }

    pub fn start(&self, role: Protocol) -> Outcome<Peer> {
        let mut command = Command::new(&self.path);
        if self.kind == Kind::Pynng {
            command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/peers/pynng_peer.py"));
        }
        Peer::start(command.arg(role.name()))
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Nanocat => "nanocat",
            Kind::Libnanomsg => "libnanomsg",
            Kind::Nng => "nng",
            Kind::Pynng => "pynng",
        }
    }
}

/// A program that runs, and ends with this value.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    pub fn start(command: &mut Command) -> Outcome<Running> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let lines = lines(child.stdout.take().expect("it is piped"));
        Ok(Running { child, lines })
    }

    /// The next line that the program prints.
    pub fn line(&self) -> Outcome<String> {
        self.lines.recv_timeout(DEADLINE).map_err(|error| format!("no line of the peer: {error}"))
    }

    /// Reads lines until this one comes.
    pub fn wait_for(&self, wanted: &str) -> Outcome {
        let mut before = String::new();
        loop {
            match self.line() {
                Ok(line) if line == wanted => return Ok(()),
                Ok(line) => before = line,
                Err(why) => return Err(format!("`{wanted}` is missing after `{before}`: {why}")),
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines() {
            if !line.is_ok_and(|line| sender.send(line).is_ok()) {
                break;
            }
        }
    });
    receiver
}

/// A peer that obeys commands.
pub struct Peer {
    running: Running,
    input: ChildStdin,
}

impl Peer {
    fn start(command: &mut Command) -> Outcome<Peer> {
        let mut running = Running::start(command)?;
        let input = running.child.stdin.take().expect("it is piped");
        Ok(Peer { running, input })
    }

    pub fn listen(&mut self, address: &str) -> Outcome {
        self.done(&format!("listen {address}"))
    }

    pub fn dial(&mut self, address: &str) -> Outcome {
        self.done(&format!("dial {address}"))
    }

    pub fn subscribe(&mut self, topic: &[u8]) -> Outcome {
        self.done(&format!("subscribe {}", hexadecimal(topic)))
    }

    pub fn send(&mut self, message: &[u8]) -> Outcome {
        self.done(&format!("send {}", hexadecimal(message)))
    }

    /// Receives a message, and checks that it is this one.
    pub fn expect(&mut self, message: &[u8]) -> Outcome {
        self.expect_within(message, DEADLINE)
    }

    pub fn expect_within(&mut self, message: &[u8], limit: Duration) -> Outcome {
        let answer = self.ask(&format!("receive {}", limit.as_millis()))?;
        if answer == format!("received {}", hexadecimal(message)) {
            return Ok(());
        }
        let shown: String = answer.chars().take(60).collect();
        Err(format!("the peer's receive of {} bytes: {shown}", message.len()))
    }

    /// Says what takes long; its end is awaited by [`Peer::finish`].
    pub fn begin(&mut self, command: &str) -> Outcome {
        writeln!(self.input, "{command}").map_err(|error| format!("{command:.20}: {error}"))
    }

    pub fn finish(&mut self, command: &str) -> Outcome {
        match self.running.line()?.as_str() {
            "done" => Ok(()),
            answer => Err(format!("{command:.60}: {answer}")),
        }
    }

    fn done(&mut self, command: &str) -> Outcome {
        self.begin(command)?;
        self.finish(command)
    }

    fn ask(&mut self, command: &str) -> Outcome<String> {
        self.begin(command)?;
        self.running.line()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
