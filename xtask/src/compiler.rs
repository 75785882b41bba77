//! C and C++ programs against the library: how to compile, link and run them for one system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup;
use crate::workspace::{self, PACKAGE, Result, System};

/// Warnings are errors in everything that we compile.
const C_FLAGS: [&str; 6] = ["-std=c11", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror"];
const CPP_FLAGS: [&str; 4] = ["-g", "-Wall", "-Wextra", "-Werror"];

/// A source without a line, for headers that are compiled by themselves.
const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// A C and a C++ compiler, the library for them, and a way to run what they make.
pub struct Toolchain {
    pub system: System,
    pub c_compiler: String,
    pub cpp_compiler: String,
    /// Options of every compiler call, such as the one that chooses a sanitizer.
    pub options: Vec<OsString>,
    /// What follows the sources, so that the program finds the library.
    pub link: Vec<OsString>,
    /// The program that runs programs; none where they run by themselves.
    pub runner: Option<PathBuf>,
    /// The environment in which they run.
    pub environment: Vec<(&'static str, OsString)>,
    /// Tests that cannot be run there; the test programs take their names as arguments.
    pub skipped: Vec<&'static str>,
    /// Where the programs go.
    pub output: PathBuf,
}

impl Toolchain {
    /// This machine's compilers and the debug build of the dynamic library.
    pub fn native(name: &str) -> Result<Toolchain> {
        let library = native_library("debug")?;
        let mut link: Vec<OsString> =
            vec!["-L".into(), library.clone().into(), "-lcppserver".into()];
        if !cfg!(windows) {
            link.push(option("-Wl,-rpath,", &library));
            link.push("-pthread".into());
        }
        Ok(Toolchain {
            system: System::host(),
            c_compiler: setup::c_compiler(),
            cpp_compiler: setup::cpp_compiler(),
            options: Vec::new(),
            link,
            runner: None,
            environment: Vec::new(),
            skipped: Vec::new(),
            output: workspace::scratch(name)?,
        })
    }

    pub fn program(&self, name: &str) -> PathBuf {
        self.output.join(self.system.program(name))
    }

    /// Compiles C sources into one program.
    pub fn c(&self, sources: &[PathBuf], name: &str) -> Command {
        let mut command = self.compile(&self.c_compiler, &C_FLAGS);
        command.arg("-I").arg(workspace::root().join("tests/c"));
        self.linked(command, sources, name)
    }

    /// Compiles C++ sources into one program.
    pub fn cpp(&self, standard: &str, sources: &[PathBuf], name: &str) -> Command {
        let mut command = self.compile(&self.cpp_compiler, &CPP_FLAGS);
        command.arg(format!("-std={standard}"));
        self.linked(command, sources, name)
    }

    /// Compiles a header that nothing else comes before, as C11.
    pub fn c_header(&self, header: &Path) -> Command {
        let mut command = self.compile(&self.c_compiler, &C_FLAGS);
        command.args(["-fsyntax-only", "-x", "c", "-include"]).arg(header).arg(NOTHING);
        command
    }

    /// The same as C++.
    pub fn cpp_header(&self, standard: &str, header: &Path) -> Command {
        let mut command = self.compile(&self.cpp_compiler, &CPP_FLAGS);
        command.arg(format!("-std={standard}"));
        command.args(["-fsyntax-only", "-x", "c++", "-include"]).arg(header).arg(NOTHING);
        command
    }

    /// Runs one of the programs.
    pub fn run(&self, name: &str) -> Command {
        let program = self.program(name);
        let mut command = match &self.runner {
            Some(runner) => Command::new(runner),
            None => Command::new(&program),
        };
        if self.runner.is_some() {
            command.arg(&program);
        }
        command.current_dir(workspace::root()).envs(self.environment.iter().cloned());
        command
    }

    fn compile(&self, compiler: &str, flags: &[&str]) -> Command {
        let root = workspace::root();
        let mut command = Command::new(compiler);
        command.current_dir(root).args(flags).args(&self.options);
        command.arg("-I").arg(root.join("include"));
        command.arg("-I").arg(root.join("bindings/cpp/include"));
        command
    }

    fn linked(&self, mut command: Command, sources: &[PathBuf], name: &str) -> Command {
        command.args(sources).arg("-o").arg(self.program(name)).args(&self.link);
        command
    }
}

/// An option and its value in one word.
pub fn option(name: &str, value: &Path) -> OsString {
    let mut word = OsString::from(name);
    word.push(value);
    word
}

/// `cargo build` of the library for this machine.
pub fn build(profile: &str) -> Command {
    let mut command = workspace::cargo();
    command.args(["build", "--quiet", "--package", PACKAGE, "--lib"]);
    if profile == "release" {
        command.arg("--release");
    }
    command
}

/// Builds the dynamic library and gives the directory where it lies under all of its names, as if installed.
pub fn native_library(profile: &str) -> Result<PathBuf> {
    workspace::run(&mut build(profile))?;
    let library = workspace::target().join(profile).join(System::host().dynamic_library());
    let stage = workspace::scratch(&format!("lib-{profile}"))?;
    let version = workspace::version()?;
    for name in dynamic_names(System::host(), &version) {
        workspace::copy(&library, &stage.join(name))?;
    }
    if let Some(import) = System::host().import_library() {
        let built = workspace::target().join(profile).join(import);
        workspace::copy(&built, &stage.join(import))?;
    }
    Ok(stage)
}

/// All names of the dynamic library: the file itself first, then those that point to it.
pub fn dynamic_names(system: System, version: &str) -> Vec<String> {
    let major = version.split('.').next().unwrap_or(version);
    match system {
        System::Linux => vec![
            format!("libcppserver.so.{version}"),
            format!("libcppserver.so.{major}"),
            "libcppserver.so".to_string(),
        ],
        System::MacOs => vec![
            format!("libcppserver.{version}.dylib"),
            format!("libcppserver.{major}.dylib"),
            "libcppserver.dylib".to_string(),
        ],
        System::WindowsGnu | System::WindowsMsvc => vec!["cppserver.dll".to_string()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_version() {
        let names = dynamic_names(System::Linux, "1.2.3");
        assert_eq!(names, ["libcppserver.so.1.2.3", "libcppserver.so.1", "libcppserver.so"]);
        assert_eq!(dynamic_names(System::WindowsGnu, "1.2.3"), ["cppserver.dll"]);
    }
}
