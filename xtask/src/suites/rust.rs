//! The suites of the crate itself.

use crate::report::{Suite, cargo_results};
use crate::setup;
use crate::workspace::{self, PACKAGE, Result};

pub fn format(suite: &mut Suite) -> Result<()> {
    setup::component("fmt", "rustfmt")?;
    suite.step("cargo fmt --check", workspace::cargo().args(["fmt", "--all", "--check"]));
    Ok(())
}

pub fn clippy(suite: &mut Suite) -> Result<()> {
    setup::component("clippy", "clippy")?;
    setup::ensure(&[setup::C])?;
    let mut command = workspace::cargo();
    command.args(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    suite.step("cargo clippy", &mut command);
    Ok(())
}

pub fn documentation(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C])?;
    let mut command = workspace::cargo();
    command.env("RUSTDOCFLAGS", "-D warnings").args([
        "doc",
        "--quiet",
        "--no-deps",
        "--package",
        PACKAGE,
    ]);
    suite.step("cargo doc", &mut command);
    Ok(())
}

/// Unit tests, integration tests, and those of xtask and the load generator.
pub fn tests(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C, setup::OPENSSL, setup::CURL])?;
    let mut command = workspace::cargo();
    command.args([
        "test",
        "--workspace",
        "--no-fail-fast",
        "--lib",
        "--bins",
        "--tests",
        "--examples",
    ]);
    suite.tests("cargo test", &mut command, cargo_results);
    Ok(())
}

pub fn doctests(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C])?;
    let mut command = workspace::cargo();
    command.args(["test", "--package", PACKAGE, "--doc"]);
    suite.tests("cargo test --doc", &mut command, cargo_results);
    Ok(())
}

/// The parts that hand work from thread to thread, under every order of events that loom can think of.
pub fn loom(suite: &mut Suite) -> Result<()> {
    let mut command = workspace::cargo();
    command
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", workspace::target().join("loom"));
    command.args(["test", "--release", "--package", "cppserver-loom", "--lib", "--", "loom"]);
    suite.tests("loom", &mut command, cargo_results);
    Ok(())
}
