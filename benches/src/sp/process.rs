//! One program that the driver has started: it obeys lines on its standard input, and answers with
//! lines.

use crate::process::{Launch, read_line, wait};
use crate::sys;
use std::fs::{self, File};
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A program that takes longer than this for anything is stuck.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where the answering side tells the beginning one that it has had something.
pub(super) struct Credits {
    reader: PipeReader,
    writer: PipeWriter,
}

impl Credits {
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Credits { reader, writer })
    }
}

/// A running program. Dropping it ends the process.
pub(super) struct Program {
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it on these cores and waits until it is ready. What it writes to standard error goes
    /// to the file `log`.
    pub(super) fn start(
        launch: &Launch,
        arguments: &[String],
        credits: &Credits,
        cores: Vec<usize>,
        log: PathBuf,
    ) -> io::Result<Self> {
        let mut command = Command::new(&launch.program);
        let descriptors = [credits.reader.as_raw_fd(), credits.writer.as_raw_fd()];
        command.args(&launch.before).args(&launch.after).args(arguments);
        command.args(descriptors.map(|descriptor| descriptor.to_string()));
        command.envs(launch.environment.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(&log)?);
        // Ctrl-C reaches the driver only, which then ends its programs itself.
        command.process_group(0);
        // SAFETY: between fork and exec only system calls are made that are safe there.
        unsafe {
            command.pre_exec(move || {
                sys::end_with_parent()?;
                descriptors.into_iter().try_for_each(sys::pass_on)?;
                if cores.is_empty() { Ok(()) } else { sys::pin_to_any(&cores) }
            });
        }
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", launch.program.display()))
        })?;
        let mut program = Program { child, log };
        match program.read(&mut [])?.as_str() {
            "ready" => Ok(program),
            line => Err(io::Error::other(format!("the program said `{line}` and not `ready`"))),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Says a line and waits for the answer, while the `others` have to go on running.
    pub(super) fn tell(&mut self, line: &str, others: &mut [Program]) -> io::Result<String> {
        let Some(input) = &mut self.child.stdin else { return Err(io::Error::other("no input")) };
        match writeln!(input, "{line}") {
            Ok(()) => self.read(others),
            Err(error) => Err(self.explain(error)),
        }
    }

    fn read(&mut self, others: &mut [Program]) -> io::Result<String> {
        let Some(output) = &mut self.child.stdout else {
            return Err(io::Error::other("no output"));
        };
        let watch = || {
            sys::check_interrupt()?;
            others.iter_mut().try_for_each(Program::check)
        };
        read_line(output, PATIENCE, watch).map_err(|error| self.explain(error))
    }

    /// Adds what the program said last to an error.
    fn explain(&self, error: io::Error) -> io::Error {
        match said(&self.log) {
            Some(line) => io::Error::new(error.kind(), format!("{error} ({line})")),
            None => error,
        }
    }

    /// An error when it has ended, as it does when it finds that something is wrong.
    fn check(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                Err(self.explain(io::Error::other(format!("the program ended with {status}"))))
            }
        }
    }

    /// Ends it by closing its standard input.
    pub(super) fn stop(mut self) -> io::Result<()> {
        drop(self.child.stdin.take());
        match wait(&mut self.child, PATIENCE)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => {
                Err(self.explain(io::Error::other(format!("the program ended with {status}"))))
            }
            None => Err(io::Error::other("the program did not end when its standard input did")),
        }
    }
}

fn said(log: &Path) -> Option<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().rev().find(|line| !line.trim().is_empty()).map(|line| line.trim().to_owned())
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
