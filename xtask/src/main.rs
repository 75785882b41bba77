//! One door for set-up, tests, demo, benches and packaging: `cargo xtask COMMAND`.

mod autobahn;
mod browser;
mod chat;
mod compiler;
mod demo;
mod install;
mod process;
mod report;
mod sanitize;
mod setup;
mod suites;
mod systems;
mod windows;
mod workspace;

use std::process::ExitCode;

use workspace::Result;

const HELP: &str = "\
cargo xtask COMMAND

  setup                     install what the tests and the demo need
  test [SUITE...]           run all suites, or these; logs in target/test-logs
  demo                      a chat in front of your eyes, then a server for you
  bench tcp|tls|udp|ws|wss|sp [ARGUMENT...]
                            measure; the arguments go to the load generator
  install --prefix DIR [--destdir DIR]
                            install the release build for C, C++ and CMake
  header                    write include/cppserver.h anew from the sources
  symbols                   write tests/symbols.txt anew from the library
  sanitize [address|thread|miri|loom]
                            run the tests under these tools (all without an argument)
  autobahn [server|client] [ws|wss] [CASE...] [--messages N] [--server PROGRAM] [--client PROGRAM]
                            the conformance suite of WebSocket; CASE as in 9.*
  browser [ws|wss] [--picture FILE] [-- PROGRAM [ARGUMENT...]]
                            the WebSocket chat of every language, or of this program, in Chromium
  windows                   build for Windows and run the tests under Wine
  macos                     check that everything compiles for macOS
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (command, arguments) = match words.split_first() {
        Some((command, arguments)) => (command.as_str(), arguments),
        None => ("help", &[][..]),
    };
    match dispatch(command, arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well; false where the details are on the screen already.
fn dispatch(command: &str, arguments: &[String]) -> Result<bool> {
    let done = |()| true;
    match command {
        "setup" => setup::all().map(done),
        "test" => suites::run(arguments),
        "demo" => demo::demo().map(done),
        "bench" => systems::bench(arguments).map(done),
        "install" => install::install(&install::Place::from_arguments(arguments)?).map(done),
        "header" => suites::native::write_header().map(done),
        "symbols" => suites::native::write_symbols().map(done),
        "sanitize" => sanitize::run(arguments),
        "autobahn" => autobahn::run(arguments),
        "browser" => browser::run(arguments),
        "windows" => windows::run(),
        "macos" => systems::macos().map(done),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            println!("\nSuites: {}", suites::names().join(", "));
            Ok(true)
        }
        _ => Err(format!("There is no command `{command}`.\n\n{HELP}")),
    }
}
