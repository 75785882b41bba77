//! `cargo xtask sanitize`: the tests under tools that see what tests alone do not.

use std::path::PathBuf;
use std::process::Command;

use crate::compiler::Toolchain;
use crate::report::{self, Body, Suite, cargo_results};
use crate::setup;
use crate::suites::{self, native};
use crate::workspace::{self, PACKAGE, Result, System};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What Miri can run: the parts that need no socket, and no cryptography, which is not Rust.
const FOR_MIRI: [&str; 8] = [
    "error::",
    "ffi::",
    "proto::raw",
    "proto::wire",
    "reactor::datagrams",
    "reactor::mailbox",
    "reactor::slots",
    "reactor::timers",
];

/// Leaks the payload of a panic on purpose, which Miri takes for a defect.
const NOT_FOR_MIRI: &str = "a_payload_whose_destructor_panics_is_contained";

const TOOLS: [&str; 4] = ["address", "thread", "miri", "loom"];

pub fn run(arguments: &[String]) -> Result<bool> {
    if let Some(unknown) = arguments.iter().find(|name| !TOOLS.contains(&name.as_str())) {
        return Err(format!(
            "`sanitize` does not know `{unknown}`; it knows {}.",
            TOOLS.join(", ")
        ));
    }
    let chosen = |tool: &str| arguments.is_empty() || arguments.iter().any(|name| name == tool);
    let suite = |tool: &'static str| -> (String, Body) {
        match tool {
            "miri" => (tool.to_string(), Box::new(miri)),
            "loom" => (tool.to_string(), Box::new(suites::rust::loom)),
            _ => (format!("{tool}-sanitizer"), Box::new(move |suite| sanitizer(suite, tool))),
        }
    };
    report::run(TOOLS.into_iter().filter(|tool| chosen(tool)).map(suite).collect())
}

fn miri(suite: &mut Suite) -> Result<()> {
    setup::nightly(&["miri", "rust-src"])?;
    let mut command = workspace::cargo();
    command
        .args(["+nightly", "miri", "test", "--package", PACKAGE, "--lib", "--"])
        .args(FOR_MIRI)
        .args(["--skip", NOT_FOR_MIRI]);
    command.env("MIRIFLAGS", "-Zmiri-disable-isolation");
    command.env("CARGO_TARGET_DIR", workspace::target().join("miri"));
    suite.tests("miri", &mut command, cargo_results);
    Ok(())
}

/// The Rust, C and C++ tests with one of the compilers' sanitizers in everything, the standard library too.
fn sanitizer(suite: &mut Suite, sanitizer: &str) -> Result<()> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(format!("The {sanitizer} sanitizer is set up for Linux on x86-64 only."));
    }
    setup::ensure(&[setup::CLANG, setup::PS])?;
    setup::nightly(&["rust-src"])?;
    let target = workspace::target().join(format!("sanitize-{sanitizer}"));
    let leaks = workspace::root().join("xtask/sanitizers/leaks.txt");
    let cargo = |name: &str| {
        let mut command = workspace::cargo();
        command.args(["+nightly", name, "-Zbuild-std", "--target", TARGET, "--package", PACKAGE]);
        command
            .env("RUSTFLAGS", format!("-Zsanitizer={sanitizer}"))
            .env("CARGO_TARGET_DIR", &target)
            // Without it the tests are too slow for their own deadlines.
            .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
            .env("LSAN_OPTIONS", format!("suppressions={}:print_suppressions=0", leaks.display()));
        command
    };
    let mut tests = cargo("test");
    suite.tests("cargo test", tests.args(["--no-fail-fast", "--lib", "--tests"]), cargo_results);

    if !suite.step("build the library", cargo("build").args(["--quiet", "--lib"])) {
        return Ok(());
    }
    let library = target.join(TARGET).join("debug").join(System::Linux.static_library());
    let toolchain = Toolchain {
        system: System::Linux,
        c_compiler: "clang".to_string(),
        cpp_compiler: "clang++".to_string(),
        // Past the driver, which would link its own runtime: it has to be the one of the Rust compiler.
        options: vec![
            "-Xclang".into(),
            format!("-fsanitize={sanitizer}").into(),
            "-fno-omit-frame-pointer".into(),
        ],
        link: vec![
            library.into(),
            "-Wl,--whole-archive".into(),
            runtime(sanitizer)?.into(),
            "-Wl,--no-whole-archive".into(),
            "-Wl,--export-dynamic".into(),
            "-lpthread".into(),
            "-ldl".into(),
            "-lrt".into(),
            "-lm".into(),
        ],
        runner: None,
        environment: Vec::new(),
        skipped: Vec::new(),
        output: workspace::scratch(&format!("sanitize-{sanitizer}"))?,
    };
    native::c(suite, &toolchain)?;
    native::cpp(suite, &toolchain)
}

fn runtime(sanitizer: &str) -> Result<PathBuf> {
    let sysroot =
        workspace::output_of(Command::new("rustc").args(["+nightly", "--print", "sysroot"]))?;
    let name = if sanitizer == "thread" { "rt.tsan" } else { "rt.asan" };
    let directory = PathBuf::from(sysroot.trim()).join("lib/rustlib").join(TARGET).join("lib");
    let found = workspace::files(&directory, "a")
        .into_iter()
        .find(|file| workspace::stem(file).ends_with(name));
    found.ok_or_else(|| format!("The nightly toolchain has no {sanitizer} sanitizer runtime."))
}
