//! The scalability protocols of this library against other implementations of them: every role with
//! its counterpart, over each transport, with either side as the listener; long streams; and roles
//! that do not belong together.
//!
//! `interop NAME=PROGRAM...` takes the peers that are there: `nanocat`, the tool of nanomsg;
//! `libnanomsg` and `nng` with programs that are made from `peers` and `src/bin`; `pynng` with a
//! Python interpreter that has this package. Prints a line for each case, a table, and how many
//! passed.

mod exchange;
mod link;
mod nanocat;
mod peer;
mod plan;
mod strangers;
mod stream;
mod table;

use std::process::ExitCode;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use std::{fs, panic};

use peer::Program;
use plan::Case;
use table::Table;

/// What a case, or a part of it, ends with; an error is a sentence.
type Outcome<T = ()> = Result<T, String>;

/// Far more than anything here takes, even on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(20);

/// Cases that run at the same time. They wait more than they work.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("interop: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all passed.
fn run(arguments: &[String]) -> Outcome<bool> {
    let programs: Vec<Program> =
        arguments.iter().map(|argument| Program::parse(argument)).collect::<Outcome<_>>()?;
    let directory = link::directory();
    fs::create_dir_all(&directory).map_err(link::words)?;
    let cases: Vec<Case> = programs.iter().flat_map(plan::cases).collect();
    let next = AtomicUsize::new(0);
    let outcomes: Vec<OnceLock<bool>> = cases.iter().map(|_| OnceLock::new()).collect();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(number) = take(&next, cases.len()) {
                    let passed = attempt(&cases[number]);
                    outcomes[number].set(passed).expect("each case is taken once");
                }
            });
        }
    });
    // Peers may have left files in it.
    let _ = fs::remove_dir_all(&directory);
    let passed = outcomes.iter().map(|outcome| *outcome.get().expect("each case was run"));
    let table = Table(cases.iter().zip(passed).collect());
    print!("{table}");
    Ok(table.is_good())
}

fn take(next: &AtomicUsize, count: usize) -> Option<usize> {
    let number = next.fetch_add(1, Ordering::Relaxed);
    (number < count).then_some(number)
}

fn attempt(case: &Case) -> bool {
    let outcome = panic::catch_unwind(|| case.run()).unwrap_or(Err("a panic".to_owned()));
    match &outcome {
        Ok(()) => println!("ok {}", case.name()),
        Err(why) => println!("FAILED {}: {why}", case.name()),
    }
    outcome.is_ok()
}
