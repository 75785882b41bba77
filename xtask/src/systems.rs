//! Commands that hand over to cargo: the load generator, and the check for macOS.

use std::process::Command;

use crate::compiler;
use crate::setup;
use crate::workspace::{self, PACKAGE, Result};

/// `cargo xtask bench`: the load generator with these arguments, over the release build.
pub fn bench(arguments: &[String]) -> Result<()> {
    workspace::run(&mut compiler::build("release"))?;
    let mut command = workspace::cargo();
    command
        .args(["run", "--quiet", "--release", "--package", "cppserver-bench", "--"])
        .args(arguments);
    workspace::run(&mut command)
}

/// `cargo xtask macos`: everything compiles for macOS. Running it takes a Mac.
pub fn macos() -> Result<()> {
    const TARGET: &str = "aarch64-apple-darwin";
    setup::rust_target(TARGET)?;
    // The cryptography is C.
    let programs = setup::zig()?;
    let mut command = Command::new(programs.join("cargo-zigbuild"));
    // It asks the Python that it finds there for the compiler.
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([programs].into_iter().chain(std::env::split_paths(&path)))
        .map_err(|error| format!("The search path cannot be extended: {error}."))?;
    command.env("PATH", path);
    command.current_dir(workspace::root()).args([
        "check",
        "--target",
        TARGET,
        "--package",
        PACKAGE,
        "--lib",
        "--tests",
        "--examples",
    ]);
    workspace::run(command.env("RUSTFLAGS", "-D warnings"))?;
    println!("The library, its tests and its examples compile for {TARGET}.");
    Ok(())
}
