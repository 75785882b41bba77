//! Peers of a chat server: programs with their input and output, and plain sockets.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::Running;
use crate::workspace::Result;

/// How long anything that must happen may take on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Heard {
    text: String,
    /// How many sources may still say something.
    open: usize,
}

/// What one peer has said so far, and a way to wait for more.
#[derive(Clone, Default)]
pub struct Ear(Arc<(Mutex<Heard>, Condvar)>);

impl Ear {
    /// Listens to a source on a thread of its own until the source ends.
    pub fn follow(&self, mut source: impl Read + Send + 'static) {
        let ear = self.clone();
        ear.change(|heard| heard.open += 1);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(size @ 1..) = source.read(&mut buffer) {
                ear.change(|heard| heard.text += &String::from_utf8_lossy(&buffer[..size]));
            }
            ear.change(|heard| heard.open -= 1);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.0.0.lock().expect("no listener panics"));
        self.0.1.notify_all();
    }

    pub fn text(&self) -> String {
        self.0.0.lock().expect("no listener panics").text.clone()
    }

    /// Waits until this text has been heard.
    pub fn wait_for(&self, text: &str) -> Result<()> {
        self.wait(LIMIT, |heard| heard.text.contains(text))
            .map_err(|why| format!("`{text}` did not come: {why}"))
    }

    /// Whether this text has been heard before the time is up.
    pub fn hears(&self, text: &str, limit: Duration) -> bool {
        self.wait(limit, |heard| heard.text.contains(text)).is_ok()
    }

    /// Waits for a condition on all that was heard.
    pub fn wait_until(&self, condition: impl Fn(&str) -> bool) -> Result<()> {
        self.wait(LIMIT, |heard| condition(&heard.text))
    }

    /// Waits until the peer has nothing more to say.
    pub fn wait_for_end(&self) -> Result<()> {
        self.wait(LIMIT, |heard| heard.open == 0)
    }

    /// Whether the peer has nothing more to say.
    pub fn has_ended(&self) -> bool {
        self.0.0.lock().expect("no listener panics").open == 0
    }

    /// Waits, without a deadline, until more than `size` bytes were heard; false at the end.
    pub fn wait_for_more(&self, size: usize) -> bool {
        let heard = self.0.0.lock().expect("no listener panics");
        let nothing = |heard: &mut Heard| heard.text.len() == size && heard.open > 0;
        let heard = self.0.1.wait_while(heard, nothing).expect("no listener panics");
        heard.text.len() > size
    }

    fn wait(&self, limit: Duration, condition: impl Fn(&Heard) -> bool) -> Result<()> {
        let end = Instant::now() + limit;
        let mut heard = self.0.0.lock().expect("no listener panics");
        while !condition(&heard) {
            let left = end.saturating_duration_since(Instant::now());
            if heard.open == 0 || left.is_zero() {
                let why = if heard.open == 0 { "it ended" } else { "the time is up" };
                return Err(format!("{why}; heard so far:\n{}", heard.text));
            }
            heard = self.0.1.wait_timeout(heard, left).expect("no listener panics").0;
        }
        Ok(())
    }
}

/// A program with a conversation on its input and output.
pub struct Program {
    running: Running,
    input: Option<ChildStdin>,
    pub ear: Ear,
}

impl Program {
    pub fn start(command: &mut Command) -> Result<Program> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = Running::start(command)?;
        let ear = Ear::default();
        let child = running.child();
        let input = child.stdin.take();
        if let Some(output) = child.stdout.take() {
            ear.follow(output);
        }
        if let Some(errors) = child.stderr.take() {
            ear.follow(errors);
        }
        Ok(Program { running, input, ear })
    }

    /// Gives the program a line of input.
    pub fn say(&mut self, line: &str) -> Result<()> {
        self.write(&format!("{line}\n"))
    }

    /// Gives the program input that is no whole line.
    pub fn write(&mut self, text: &str) -> Result<()> {
        let input = self.input.as_mut().ok_or("the input is closed already")?;
        let written = input.write_all(text.as_bytes()).and_then(|()| input.flush());
        written.map_err(|error| format!("the program reads no more: {error}"))
    }

    /// Ends the program by an empty line, as a person would, and waits for a good exit status.
    pub fn end(&mut self) -> Result<()> {
        self.say("")?;
        self.input = None;
        match self.running.wait(LIMIT) {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("{status}; it printed:\n{}", self.ear.text())),
            None => Err(format!("it goes on; it printed:\n{}", self.ear.text())),
        }
    }
}

/// A plain socket in a chat.
pub struct Guest {
    pub name: String,
    stream: TcpStream,
    pub ear: Ear,
    pub sent: usize,
}

impl Guest {
    /// Connects, trying again until the server is there.
    pub fn connect(name: &str, port: u16) -> Result<Guest> {
        let end = Instant::now() + LIMIT;
        let stream = loop {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(stream) => break stream,
                Err(_) if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(format!("nobody listens on port {port}: {error}")),
            }
        };
        let ear = Ear::default();
        let reader = stream.try_clone().map_err(|error| error.to_string())?;
        ear.follow(reader);
        Ok(Guest { name: name.to_string(), stream, ear, sent: 0 })
    }

    pub fn say(&mut self, text: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        self.sent += text.len();
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // The listening thread holds a second handle: only this ends its read.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

/// A port that nobody uses: the wanted one if that is free, else one of the system's choice.
pub fn free_port(wanted: u16) -> Result<u16> {
    let wildcard = Ipv4Addr::UNSPECIFIED;
    let listener =
        TcpListener::bind((wildcard, wanted)).or_else(|_| TcpListener::bind((wildcard, 0)));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ear_hears_until_the_end() {
        let ear = Ear::default();
        ear.follow(&b"one two"[..]);
        ear.wait_for("two").expect("it was said");
        let error = ear.wait_for("three").expect_err("it was not said");
        assert!(error.contains("it ended") && error.contains("one two"), "{error}");
        ear.wait_for_end().expect("it ended");
    }

    #[cfg(unix)]
    #[test]
    fn a_program_talks_and_ends() {
        let script = "while read line && [ -n \"$line\" ]; do echo \"heard $line\"; done";
        let mut program =
            Program::start(Command::new("sh").args(["-c", script])).expect("sh starts");
        program.say("a word").expect("sh reads");
        program.ear.wait_for("heard a word").expect("sh answers");
        program.end().expect("sh ends well");
    }
}
