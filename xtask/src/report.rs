//! What a suite did: its log file, its counts, and what to show when something failed.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{self, Finished};
use crate::workspace::{self, Result};

/// How long one command of a suite may take, compiling included.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// How long a test program that is compiled already may take: it hangs when it takes longer.
const PROGRAM_LIMIT: Duration = Duration::from_secs(5 * 60);

/// How many of the last lines of a failed command are shown; the log has all of them.
const SHOWN_LINES: usize = 120;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Counts {
    pub fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// The closing line that people and tools look for.
    pub fn line(self) -> String {
        let line = format!("{} passed, {} failed", self.passed, self.failed);
        if self.skipped > 0 { format!("{line}, {} skipped", self.skipped) } else { line }
    }
}

/// What a suite does; an error means that it could not go on.
pub type Body<'a> = Box<dyn FnOnce(&mut Suite) -> Result<()> + 'a>;

/// Runs suites, all of them whatever fails, and prints the closing line. Tells whether all is well.
pub fn run(suites: Vec<(String, Body)>) -> Result<bool> {
    let mut sum = Counts::default();
    for (name, body) in suites {
        let mut suite = Suite::start(&name)?;
        if let Err(why) = body(&mut suite) {
            suite.fail("the suite could not go on", &why);
        }
        sum.add(suite.finish());
    }
    println!("{}", sum.line());
    Ok(sum.failed == 0 && sum.passed > 0)
}

/// One suite while it runs.
pub struct Suite {
    name: String,
    directory: PathBuf,
    log: File,
    counts: Counts,
    failures: Vec<String>,
    started: Instant,
}

impl Suite {
    pub fn start(name: &str) -> Result<Suite> {
        let directory = workspace::target().join("test-logs");
        workspace::make_directory(&directory)?;
        let path = directory.join(format!("{name}.log"));
        let log = File::create(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let (counts, failures) = (Counts::default(), Vec::new());
        let name = name.to_string();
        Ok(Suite { name, directory, log, counts, failures, started: Instant::now() })
    }

    /// Writes a paragraph to the log.
    pub fn note(&mut self, text: &str) {
        // A log that cannot be written (disk full) must not hide the results themselves.
        let _ = writeln!(self.log, "{}\n", text.trim_end());
    }

    /// Counts one check.
    pub fn check(&mut self, what: &str, outcome: Result<()>) -> bool {
        match outcome {
            Ok(()) => {
                self.counts.passed += 1;
                self.note(&format!("ok: {what}"));
                true
            }
            Err(why) => {
                self.fail(what, &why);
                false
            }
        }
    }

    pub fn fail(&mut self, what: &str, why: &str) {
        self.counts.failed += 1;
        self.note(&format!("FAILED: {what}\n{why}"));
        self.failures.push(format!("{what}\n{}", why.trim_end()));
    }

    /// Counts one test that is left out here.
    pub fn skip(&mut self, what: &str) {
        self.counts.skipped += 1;
        self.note(&format!("skipped: {what}"));
    }

    /// Runs a command whose success is one passed check.
    pub fn step(&mut self, what: &str, command: &mut Command) -> bool {
        let finished = self.capture(command, LIMIT);
        self.check(what, judged(&finished))
    }

    /// Runs commands that are independent of each other, as many at once as there are processors;
    /// the success of each is one passed check. Tells whether all succeeded.
    pub fn steps(&mut self, commands: Vec<(String, Command)>) -> bool {
        let lines: Vec<String> = commands.iter().map(|(_, each)| process::line(each)).collect();
        let names: Vec<String> = commands.iter().map(|(name, _)| name.clone()).collect();
        let next = AtomicUsize::new(0);
        let work: Vec<Mutex<Command>> = commands.into_iter().map(|(_, each)| each.into()).collect();
        let results: Vec<Mutex<Option<Finished>>> = work.iter().map(|_| Mutex::default()).collect();
        let part = |number: usize| self.directory.join(format!("{}.part{number}", self.name));
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from).min(work.len()) {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(command) = work.get(number) else {
                            break;
                        };
                        let mut command = command.lock().expect("no worker panics");
                        let finished = process::capture(&mut command, LIMIT, &part(number));
                        // The text is in `finished`; the file has done its work.
                        let _ = fs::remove_file(part(number));
                        *results[number].lock().expect("no worker panics") = Some(finished);
                    }
                });
            }
        });
        let mut good = true;
        for ((name, line), result) in names.iter().zip(&lines).zip(results) {
            let finished = result.into_inner().expect("no worker panics");
            let finished = finished.expect("every command was run");
            self.note(&format!("$ {line}\n{}", finished.text));
            good &= self.check(name, judged(&finished));
        }
        good
    }

    /// Runs a command that prints how many tests passed and failed; `counts` finds it in the text.
    pub fn tests(&mut self, what: &str, command: &mut Command, counts: fn(&str) -> Option<Counts>) {
        let finished = self.capture(command, LIMIT);
        self.judge(what, &finished, counts);
    }

    /// The same for a program of ours, with "N passed, N failed" as its last line.
    pub fn program(&mut self, what: &str, command: &mut Command) {
        let finished = self.capture(command, PROGRAM_LIMIT);
        self.judge(what, &finished, closing_line);
    }

    fn judge(&mut self, what: &str, finished: &Finished, counts: fn(&str) -> Option<Counts>) {
        let Some(mut found) = counts(&finished.text) else {
            let why =
                format!("printed no test result ({})\n{}", finished.ending, tail(&finished.text));
            return self.fail(what, &why);
        };
        if found == Counts::default() {
            self.fail(what, "ran no test");
        } else if found.failed > 0 || !finished.success {
            // A program that failed without a failed test crashed or hung after its tests.
            found.failed = found.failed.max(1);
            let why = format!("{}, {}\n{}", found.line(), finished.ending, excerpt(&finished.text));
            self.note(&format!("FAILED: {what}: {}", finished.ending));
            self.failures.push(format!("{what}\n{}", why.trim_end()));
        }
        self.counts.add(found);
    }

    /// Runs a command with its output in the log, without counting anything.
    fn capture(&mut self, command: &mut Command, limit: Duration) -> Finished {
        self.note(&format!("$ {}", process::line(command)));
        let part = self.directory.join(format!("{}.part", self.name));
        let finished = process::capture(command, limit, &part);
        // The text is in `finished`; the file has done its work.
        let _ = fs::remove_file(part);
        self.note(&finished.text);
        finished
    }

    /// Prints the suite's line and what failed.
    pub fn finish(self) -> Counts {
        let seconds = self.started.elapsed().as_secs_f64();
        println!("{:<10} {:<40} {seconds:7.1} s", self.name, self.counts.line());
        for failure in &self.failures {
            println!("    FAILED: {}", failure.replace('\n', "\n    | "));
        }
        if !self.failures.is_empty() {
            println!(
                "    all of it: {}",
                self.directory.join(format!("{}.log", self.name)).display()
            );
        }
        self.counts
    }
}

fn judged(finished: &Finished) -> Result<()> {
    if finished.success {
        Ok(())
    } else {
        Err(format!("{}\n{}", finished.ending, tail(&finished.text)))
    }
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n")
}

/// What matters of a failed test program's output: of cargo's tests the sections about those that
/// failed, of other programs all but the lines about tests that passed.
fn excerpt(text: &str) -> String {
    let of_cargo = text.lines().any(|line| line == "failures:");
    let mut shown = Vec::new();
    let mut in_section = !of_cargo;
    for line in text.lines() {
        if of_cargo {
            in_section = (in_section || line == "failures:") && !line.starts_with("test result:");
        }
        if in_section && !line.starts_with("ok ") && !line.trim().is_empty() {
            shown.push(line);
        }
    }
    shown.truncate(2 * SHOWN_LINES);
    shown.join("\n")
}

/// The counts of a program whose last line is "N passed, N failed", with or without skipped ones.
fn closing_line(text: &str) -> Option<Counts> {
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let counts = listed(line, ", ")?;
    line.contains("passed").then_some(counts)
}

/// The sum of the `test result:` lines of `cargo test`.
pub fn cargo_results(text: &str) -> Option<Counts> {
    let mut sum: Option<Counts> = None;
    for line in text.lines() {
        let Some((_, result)) = line.split_once("test result: ") else {
            continue;
        };
        let (_, numbers) = result.split_once(". ")?;
        sum.get_or_insert_default().add(listed(numbers, "; ")?);
    }
    sum
}

/// The counts of pytest's closing line, such as `3 failed, 10 passed, 1 skipped in 0.50s`.
pub fn pytest_results(text: &str) -> Option<Counts> {
    let mut lines = text.lines().rev().map(|line| line.trim_matches(['=', ' ']));
    let starts = |line: &str| line.starts_with(|letter: char| letter.is_ascii_digit());
    let line = lines.find(|line| starts(line) || line.starts_with("no tests ran"))?;
    let (numbers, _) = line.split_once(" in ")?;
    listed(numbers, ", ")
}

/// Reads "3 passed, 1 failed"; kinds that say nothing about success are passed over.
fn listed(text: &str, separator: &str) -> Option<Counts> {
    let mut counts = Counts::default();
    for part in text.split(separator) {
        let (number, kind) = part.trim().split_once(' ')?;
        if kind.starts_with("finished") {
            continue;
        }
        let Ok(number) = number.parse::<usize>() else {
            continue;
        };
        match kind {
            "passed" => counts.passed += number,
            "failed" | "error" | "errors" => counts.failed += number,
            "skipped" | "ignored" | "xfailed" => counts.skipped += number,
            _ => {}
        }
    }
    Some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: usize, failed: usize, skipped: usize) -> Option<Counts> {
        Some(Counts { passed, failed, skipped })
    }

    #[test]
    fn reads_closing_lines() {
        assert_eq!(closing_line("ok a\nFAILED b\n1 passed, 1 failed\n"), counts(1, 1, 0));
        assert_eq!(closing_line("7 passed, 0 failed, 2 skipped\r\n\n"), counts(7, 0, 2));
        assert_eq!(closing_line("3 passed, 0 failed\nSegmentation fault\n"), None);
        assert_eq!(closing_line(""), None);
    }

    #[test]
    fn adds_up_the_results_of_cargo() {
        let text = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1s\n";
        assert_eq!(cargo_results(text), counts(4, 2, 1));
        assert_eq!(cargo_results("error: could not compile\n"), None);
    }

    #[test]
    fn reads_the_end_of_pytest() {
        assert_eq!(pytest_results("....\n12 passed in 1.20s\n"), counts(12, 0, 0));
        let text = "=== 1 failed, 10 passed, 2 skipped, 1 error in 65.00s (0:01:05) ===\n";
        assert_eq!(pytest_results(text), counts(10, 2, 2));
        assert_eq!(pytest_results("no tests ran in 0.00s\n"), counts(0, 0, 0));
        assert_eq!(pytest_results("ModuleNotFoundError\n"), None);
    }

    #[test]
    fn shows_the_failed_tests_of_cargo() {
        let text = "test a ... ok\n\nfailures:\n\n---- b stdout ----\nboom\n\ntest result: FAILED.\nmore\n";
        let shown = excerpt(text);
        assert!(shown.contains("boom") && !shown.contains("test a") && !shown.contains("more"));
        let program = "ok one\n  file.c:7: what is wrong\nFAILED two\n1 passed, 1 failed\n";
        let shown = "  file.c:7: what is wrong\nFAILED two\n1 passed, 1 failed";
        assert_eq!(excerpt(program), shown);
    }
}
