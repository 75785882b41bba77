//! Child processes that end: with their output in a file, by a deadline, and with their own children.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::workspace::Result;

/// A child process that does not outlive this value.
pub struct Running(Child);

impl Running {
    pub fn start(command: &mut Command) -> Result<Running> {
        let shown = format!("{command:?}");
        command.spawn().map(Running).map_err(|error| format!("{shown}: {error}"))
    }

    pub fn child(&mut self) -> &mut Child {
        &mut self.0
    }

    /// Waits for the end of the process; `None` when the time is up first.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let end = Instant::now() + limit;
        let mut pause = Duration::from_millis(1);
        loop {
            match self.0.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < end => thread::sleep(pause),
                _ => return None,
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            for process in descendants(self.0.id()) {
                // Already gone is as good as ended.
                let _ = Command::new("kill").args(["-KILL", &process.to_string()]).output();
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// The processes below one process. Empty where there is no `ps`.
fn descendants(ancestor: u32) -> Vec<u32> {
    let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=", "-o", "ppid="]).output() else {
        return Vec::new();
    };
    below(ancestor, &String::from_utf8_lossy(&output.stdout))
}

/// The same, from lines of "process parent".
fn below(ancestor: u32, table: &str) -> Vec<u32> {
    let pairs: Vec<(u32, u32)> = table
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    let mut known = HashSet::from([ancestor]);
    let mut found = Vec::new();
    // A child may stand before its parent in the table, so look until nothing new turns up.
    loop {
        let before = found.len();
        for &(process, parent) in &pairs {
            if known.contains(&parent) && known.insert(process) {
                found.push(process);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// How a captured command ended.
pub struct Finished {
    pub success: bool,
    /// "exit status: 1", or that the deadline passed.
    pub ending: String,
    /// Standard output and standard error, in the order in which they were written.
    pub text: String,
}

/// Runs a command without input, its output in `file`, and ends it with its children at the deadline.
pub fn capture(command: &mut Command, limit: Duration, file: &Path) -> Finished {
    let ending = attempt(command, limit, file);
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
    match ending {
        Ok(status) => Finished { success: status.success(), ending: status.to_string(), text },
        Err(ending) => Finished { success: false, ending, text },
    }
}

fn attempt(command: &mut Command, limit: Duration, file: &Path) -> Result<ExitStatus> {
    let describe = |error: std::io::Error| format!("{}: {error}", file.display());
    fs::write(file, "").map_err(describe)?;
    // Both streams append to one file, so neither overwrites the other.
    let output = File::options().append(true).open(file).map_err(describe)?;
    let errors = output.try_clone().map_err(describe)?;
    command.stdin(Stdio::null()).stdout(output).stderr(errors);
    let mut running = Running::start(command)?;
    // A child's streams live in the command too; give them back, so that the file is closed in time.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    match running.wait(limit) {
        Some(status) => Ok(status),
        None => Err(format!("no end within {} s", limit.as_secs())),
    }
}

/// A command as a line that can be typed in a shell.
pub fn line(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            words.push(format!("{}={}", name.to_string_lossy(), quoted(&value.to_string_lossy())));
        }
    }
    words.push(quoted(&command.get_program().to_string_lossy()));
    words.extend(command.get_args().map(|word| quoted(&word.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_=+./:,@%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_all_generations_whatever_the_order() {
        let table = "  40 30\n 30 20\n 20 1\n 50 1\n 41 30\n";
        let mut found = below(20, table);
        found.sort_unstable();
        assert_eq!(found, [30, 40, 41]);
        assert!(below(50, table).is_empty());
    }

    #[test]
    fn shows_commands_as_shell_lines() {
        let mut command = Command::new("cc");
        command.env("A", "b c").args(["-o", "it's", "plain.c"]);
        assert_eq!(line(&command), "A='b c' cc -o 'it'\\''s' plain.c");
    }

    #[cfg(unix)]
    #[test]
    fn ends_a_command_and_its_children_at_the_deadline() {
        let file = std::env::temp_dir().join(format!("xtask-capture-{}", std::process::id()));
        let mut command = Command::new("sh");
        command.args(["-c", "echo before; sleep 600 & echo $!; wait"]);
        let finished = capture(&mut command, Duration::from_millis(500), &file);
        fs::remove_file(&file).expect("the output file is there");
        assert!(!finished.success);
        assert!(finished.text.starts_with("before\n"));
        let grandchild = finished.text.lines().nth(1).expect("the shell prints the process id");
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let listed = Command::new("ps").args(["-o", "stat=", "-p", grandchild]).output();
            let state = listed.expect("ps runs").stdout;
            // A dead process may stay listed, as `Z`, until its new parent has noticed.
            if state.is_empty() || state.starts_with(b"Z") {
                break;
            }
            assert!(Instant::now() < end, "process {grandchild} goes on");
            thread::sleep(Duration::from_millis(10));
        }
    }
}
