//! `cargo xtask test`: every suite of every language, and one closing line.

mod certs;
pub mod examples;
mod install;
mod interop;
pub mod native;
mod python;
pub mod rust;

use crate::compiler::Toolchain;
use crate::report::{self, Suite};
use crate::setup;
use crate::workspace::Result;

type Body = fn(&mut Suite) -> Result<()>;

/// The suites in the order in which they run: what fails fastest and explains most comes first.
const SUITES: [(&str, Body); 15] = [
    ("fmt", rust::format),
    ("clippy", rust::clippy),
    ("doc", rust::documentation),
    ("certs", certs::certs),
    ("rust", rust::tests),
    ("doctests", rust::doctests),
    ("loom", rust::loom),
    ("header", native::header),
    ("symbols", native::symbols),
    ("c", c),
    ("cpp", cpp),
    ("python", python::python),
    ("interop", interop::interop),
    ("install", install::install),
    ("examples", examples::examples),
];

pub fn names() -> Vec<&'static str> {
    SUITES.iter().map(|(name, _)| *name).collect()
}

/// Runs the named suites, or all; prints the closing line and tells whether everything passed.
pub fn run(wanted: &[String]) -> Result<bool> {
    if let Some(unknown) = wanted.iter().find(|name| !names().contains(&name.as_str())) {
        return Err(format!("There is no suite `{unknown}`; there are: {}.", names().join(", ")));
    }
    let chosen = |name: &str| wanted.is_empty() || wanted.iter().any(|each| each == name);
    let suites = SUITES.into_iter().filter(|(name, _)| chosen(name));
    report::run(
        suites.map(|(name, body)| (name.to_string(), Box::new(body) as report::Body)).collect(),
    )
}

fn c(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C])?;
    native::c(suite, &Toolchain::native("c")?)
}

fn cpp(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::CPP])?;
    native::cpp(suite, &Toolchain::native("cpp")?)
}
