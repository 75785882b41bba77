//! The scalability protocols against other implementations of them, as far as they can be had here.

use std::path::PathBuf;
use std::process::Command;

use crate::compiler::option;
use crate::report::Suite;
use crate::setup;
use crate::workspace::{self, Result, System};

/// The package with the tests and the peers.
const PROGRAMS: &str = "cppserver-interop";

/// How many cases there are at least with each peer: ten roles, two transports, two who listen.
const CASES: usize = 40;

pub fn interop(suite: &mut Suite) -> Result<()> {
    let mut peers = Vec::new();
    let nanocat = setup::ensure(&[setup::NANOCAT]).map(|()| PathBuf::from("nanocat"));
    peers.extend(found(suite, "nanocat", nanocat));
    let headers = setup::ensure(&[setup::C, setup::NANOMSG]);
    if found(suite, "libnanomsg", headers).is_some() {
        peers.push(("libnanomsg", libnanomsg(suite)?));
    }
    peers.extend(found(suite, "pynng", setup::virtual_environment()));
    // Cargo compiles NNG's own C code.
    let tools = setup::ensure(&[setup::C, setup::CMAKE]);
    let with_nng = found(suite, "nng", tools).is_some();
    if with_nng {
        peers.push(("nng", program("nng_peer")));
    }
    if peers.is_empty() || !build(suite, with_nng) {
        return Ok(());
    }
    let mut tests = Command::new(program("interop"));
    for (name, path) in peers {
        tests.arg(option(&format!("{name}="), &path));
    }
    suite.program("interop", &mut tests);
    Ok(())
}

/// Counts the cases of a peer that cannot be had as skipped.
fn found<T>(suite: &mut Suite, name: &'static str, what: Result<T>) -> Option<(&'static str, T)> {
    match what {
        Ok(what) => Some((name, what)),
        Err(why) => {
            eprintln!("xtask: nothing is tried against {name}. {why}");
            for number in 1..=CASES {
                suite.skip(&format!("case {number} against {name}: {why}"));
            }
            None
        }
    }
}

/// Compiles the peer on libnanomsg.
fn libnanomsg(suite: &mut Suite) -> Result<PathBuf> {
    let output = workspace::scratch("interop")?.join(System::host().program("nanomsg_peer"));
    let mut command = Command::new(setup::c_compiler());
    command.args(["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
    command.arg(workspace::root().join("tests/interop/peers/nanomsg_peer.c"));
    command.arg("-o").arg(&output).arg("-lnanomsg");
    suite.step("compile nanomsg_peer.c", &mut command);
    Ok(output)
}

/// Builds the Rust programs. With the features of the whole workspace, so that the library is the
/// one that the other suites have built.
fn build(suite: &mut Suite, with_nng: bool) -> bool {
    let mut programs = vec!["--bin", "interop"];
    let feature = format!("{PROGRAMS}/nng");
    if with_nng {
        programs.extend(["--bin", "nng_peer", "--features", &feature]);
        let mut clippy = workspace::cargo();
        clippy.args(["clippy", "--quiet", "--workspace"]).args(&programs);
        suite.step("cargo clippy", clippy.args(["--", "-D", "warnings"]));
    }
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--workspace"]).args(&programs);
    suite.step("build the programs", &mut build)
}

fn program(name: &str) -> PathBuf {
    workspace::target().join("debug").join(System::host().program(name))
}
