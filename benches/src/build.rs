//! Builds the servers. What is missing on the machine makes a server unavailable, and its row says
//! what to install.

mod scalability;
mod websocket;

use crate::peers::Recipe;
use crate::process::{Launch, run_tool};
use crate::sys;
use std::collections::HashMap;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a server cannot be measured.
#[derive(Clone, Debug)]
pub enum Unavailable {
    /// Something it needs is not installed; says what to do.
    Skipped(String),
    /// It should have worked; says what went wrong.
    Failed(String),
}

impl std::fmt::Display for Unavailable {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unavailable::Skipped(reason) => write!(formatter, "skipped: {reason}"),
            Unavailable::Failed(reason) => write!(formatter, "failed: {reason}"),
        }
    }
}

impl From<io::Error> for Unavailable {
    fn from(error: io::Error) -> Self {
        Unavailable::Failed(error.to_string())
    }
}

type Result<T> = std::result::Result<T, Unavailable>;

/// Knows where sources are and where results go.
pub struct Builder {
    root: PathBuf,
    target: PathBuf,
    out: PathBuf,
    install: bool,
    installed: HashMap<&'static str, bool>,
}

impl Builder {
    /// Finds the workspace and cargo's target directory. With `install`, packages of Debian that
    /// are missing are installed when the user is root; packages of PyPI go into a virtual
    /// environment and those of npm into a directory of their own below the target directory.
    pub fn new(install: bool) -> io::Result<Self> {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default();
        if !root.join("benches/peers").is_dir() {
            return Err(io::Error::other(format!(
                "the sources are no longer in {}",
                root.display()
            )));
        }
        let target = target_directory(&root)?;
        let out = target.join("bench");
        fs::create_dir_all(&out)?;
        Ok(Builder { root, target, out, install, installed: HashMap::new() })
    }

    /// Directory for programs and logs of the benchmarks.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Builds one server and tells how to start it.
    pub fn prepare(&mut self, recipe: Recipe) -> Result<Launch> {
        match recipe {
            Recipe::RawEpoll(buffer) => {
                let program =
                    self.compile("cc", "peers/c/raw_epoll.c", &["-O2", "-Wall", "-Wextra"], &[])?;
                Ok(Launch { program, after: vec![buffer.to_owned()], ..Launch::default() })
            }
            Recipe::RawOpenssl => {
                self.need_header("cc", "c", "openssl/ssl.h", "libssl-dev")?;
                let program = self.compile(
                    "cc",
                    "peers/c/raw_openssl.c",
                    &["-O2", "-Wall", "-Wextra"],
                    &["-lssl", "-lcrypto"],
                )?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::RawMmsg => {
                let program =
                    self.compile("cc", "peers/c/raw_mmsg.c", &["-O2", "-Wall", "-Wextra"], &[])?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::RustPeer(name) => {
                self.cargo(&["-p", "cppserver-bench-peers"])?;
                Ok(Launch { program: self.target.join("release").join(name), ..Launch::default() })
            }
            Recipe::Asio(source) => {
                self.need_header("g++", "c++", "asio.hpp", "libasio-dev")?;
                let program = self.compile(
                    "g++",
                    &format!("peers/cpp/{source}"),
                    &["-O2", "-std=c++14"],
                    &["-pthread"],
                )?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::AsioSsl => {
                self.need_header("g++", "c++", "asio.hpp", "libasio-dev")?;
                self.need_header("g++", "c++", "openssl/ssl.h", "libssl-dev")?;
                let program = self.compile(
                    "g++",
                    "peers/cpp/asio_ssl_echo.cpp",
                    &["-O2", "-std=c++14"],
                    &["-pthread", "-lssl", "-lcrypto"],
                )?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::Libuv(source) => {
                self.need_header("cc", "c", "uv.h", "libuv1-dev")?;
                let program = self.compile(
                    "cc",
                    &format!("peers/c/{source}"),
                    &["-O2", "-Wall", "-Wextra"],
                    &["-luv"],
                )?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::Usockets => self.usockets(),
            Recipe::Uwebsockets => self.uwebsockets(),
            Recipe::Beast => self.beast(),
            Recipe::Websocketpp => self.websocketpp(),
            Recipe::Libwebsockets => self.libwebsockets(),
            Recipe::NodeWs => self.node_ws(),
            Recipe::RawSp => self.scalability("raw_sp.c", "-pthread"),
            Recipe::Nanomsg => self.nanomsg(),
            Recipe::Nng => self.nng(),
            Recipe::Zeromq => self.zeromq(),
            Recipe::NngCrate => self.nng_crate(),
            Recipe::Asyncio(source) => {
                let source = format!("peers/python/{source}");
                Ok(self.script(self.python()?, &source, &[], &[]))
            }
            Recipe::Uvloop(source) => {
                let source = format!("peers/python/{source}");
                let python = self.python_with(&["uvloop"])?;
                Ok(self.script(python, &source, &[], &["uvloop"]))
            }
            Recipe::PythonWith(packages, source) => {
                let source = format!("peers/python/{source}");
                Ok(self.script(self.python_with(packages)?, &source, &[], &[]))
            }
            Recipe::Crate(name) => {
                self.cargo(&["-p", "cppserver", "-p", "cppserver-bench-servers"])?;
                Ok(Launch { program: self.target.join("release").join(name), ..Launch::default() })
            }
            Recipe::C(source) => {
                let library = self.library()?;
                let header = self.include("include");
                let flags = ["-O2", "-Wall", "-Wextra", &header];
                let source = format!("servers/c/{source}");
                let program = self.compile("cc", &source, &flags, &as_text(&library.link_flags))?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::Cpp(source) => {
                let library = self.library()?;
                let headers = [self.include("bindings/cpp/include"), self.include("include")];
                let flags = ["-O2", "-std=c++14", &headers[0], &headers[1]];
                let mut link = library.link_flags;
                link.push("-pthread".to_owned());
                let source = format!("servers/cpp/{source}");
                let program = self.compile("g++", &source, &flags, &as_text(&link))?;
                Ok(Launch { program, ..Launch::default() })
            }
            Recipe::Python(source) => {
                let library = self.library()?.file.display().to_string();
                let package = self.root.join("bindings/python").display().to_string();
                let environment =
                    [("CPPSERVER_LIBRARY", library.as_str()), ("PYTHONPATH", package.as_str())];
                let source = format!("servers/python/{source}");
                Ok(self.script(self.python()?, &source, &environment, &[]))
            }
        }
    }

    /// Runs `cargo build --release` with these arguments in the workspace.
    pub fn cargo(&self, arguments: &[&str]) -> Result<()> {
        let log = self.out.join("cargo.log");
        let done = run_tool(
            cargo(),
            |command| {
                command
                    .current_dir(&self.root)
                    .args(["build", "--release", "--quiet"])
                    .args(arguments);
            },
            &log,
        )?;
        let what = || {
            format!("`cargo build --release {}` failed, see {}", arguments.join(" "), log.display())
        };
        if done { Ok(()) } else { Err(Unavailable::Failed(what())) }
    }

    /// uSockets as uWebSockets carries it; a crate on top of that has the sources of both.
    fn usockets(&self) -> Result<Launch> {
        let sources = self.sources_of("libuwebsockets-sys", "0.0.10")?;
        let sources = sources.join("uWebSockets/uSockets/src");
        let include = format!("-I{}", sources.display());
        let flags =
            ["-O3", "-Wall", "-Wextra", "-Wno-unused-parameter", "-DLIBUS_NO_SSL", &include];
        let files =
            ["bsd.c", "context.c", "loop.c", "socket.c", "udp.c", "eventing/epoll_kqueue.c"];
        let mut files: Vec<_> =
            files.iter().map(|file| sources.join(file).display().to_string()).collect();
        files.push("-pthread".to_owned());
        let program = self.compile("cc", "peers/c/usockets_echo.c", &flags, &as_text(&files))?;
        Ok(Launch { program, ..Launch::default() })
    }

    /// Where cargo keeps the sources of a crate, which it fetches if need be and does not build.
    fn sources_of(&self, name: &str, version: &str) -> Result<PathBuf> {
        let package = self.out.join(format!("sources-of-{name}"));
        fs::create_dir_all(package.join("src"))?;
        fs::write(package.join("src/lib.rs"), "")?;
        let manifest = package.join("Cargo.toml");
        let text = format!(
            "[package]\nname = \"sources\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n\
             [workspace]\n\n[dependencies]\n{name} = \"={version}\"\n"
        );
        fs::write(&manifest, text)?;
        let output = Command::new(cargo())
            .args(["metadata", "--format-version", "1", "--quiet", "--manifest-path"])
            .arg(&manifest)
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        let file = format!("{name}-{version}/Cargo.toml");
        let path = text
            .split("\"manifest_path\":\"")
            .filter_map(|rest| rest.split('"').next())
            .find(|path| path.ends_with(&file));
        match path {
            Some(path) => Ok(PathBuf::from(path.trim_end_matches("Cargo.toml"))),
            None => Err(Unavailable::Skipped(format!("cargo could not fetch the crate {name}"))),
        }
    }

    fn include(&self, directory: &str) -> String {
        format!("-I{}", self.root.join(directory).display())
    }

    fn script(
        &self,
        python: PathBuf,
        source: &str,
        environment: &[(&str, &str)],
        after: &[&str],
    ) -> Launch {
        Launch {
            program: python,
            before: vec![self.root.join("benches").join(source).display().to_string()],
            after: after.iter().map(|&text| text.to_owned()).collect(),
            environment: environment
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        }
    }

    fn compile(
        &self,
        compiler: &str,
        source: &str,
        flags: &[&str],
        libraries: &[&str],
    ) -> Result<PathBuf> {
        if !works(compiler, &["--version"]) {
            let package = if compiler == "cc" { "gcc" } else { compiler };
            return Err(Unavailable::Skipped(format!("install {package}")));
        }
        let log = self.out.join(format!("{}.log", source.replace('/', "-")));
        let program = self.out.join(source.replace(['/', '.'], "-"));
        let done = run_tool(
            compiler,
            |command| {
                command
                    .args(flags)
                    .arg(self.root.join("benches").join(source))
                    .arg("-o")
                    .arg(&program)
                    .args(libraries);
            },
            &log,
        )?;
        if done {
            Ok(program)
        } else {
            Err(Unavailable::Failed(format!(
                "{compiler} could not build {source}, see {}",
                log.display()
            )))
        }
    }

    fn need_header(
        &mut self,
        compiler: &str,
        language: &str,
        header: &str,
        package: &'static str,
    ) -> Result<()> {
        let found =
            || works(compiler, &["-fsyntax-only", "-include", header, "-x", language, "/dev/null"]);
        if !found() {
            self.install(package)?;
            if !found() {
                return Err(Unavailable::Skipped(format!("install {package}")));
            }
        }
        Ok(())
    }

    /// Tries `apt-get install` once per package, when that is allowed and possible.
    fn install(&mut self, package: &'static str) -> Result<()> {
        if !self.install
            || !sys::is_root()
            || !works("apt-get", &["--version"])
            || self.installed.contains_key(package)
        {
            return Ok(());
        }
        eprintln!("installing {package}");
        let log = self.out.join("apt-get.log");
        let install = |command: &mut Command| {
            command.env("DEBIAN_FRONTEND", "noninteractive").args(["install", "-y", package]);
        };
        let mut done = run_tool("apt-get", install, &log)?;
        if !done {
            let update = |command: &mut Command| {
                command.arg("update");
            };
            done = run_tool("apt-get", update, &log)? && run_tool("apt-get", install, &log)?;
        }
        self.installed.insert(package, done);
        Ok(())
    }

    /// The interpreter itself, not a launcher script that would be measured in its place.
    fn python(&self) -> Result<PathBuf> {
        let found =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
        match found {
            Ok(output) if output.status.success() => {
                Ok(String::from_utf8_lossy(&output.stdout).trim().into())
            }
            _ => Err(Unavailable::Skipped("install python3".to_owned())),
        }
    }

    /// An interpreter that has these packages of PyPI, whose modules have the same names.
    fn python_with(&self, packages: &[&str]) -> Result<PathBuf> {
        let python = self.python()?;
        let import = format!("import {}", packages.join(", "));
        let has_them = |python: &Path| works(python.as_os_str(), &["-c", &import]);
        if has_them(&python) {
            return Ok(python);
        }
        let environment = self.out.join("venv");
        let own = environment.join("bin/python");
        if has_them(&own) {
            return Ok(own);
        }
        let names = packages.join(" ");
        if self.install {
            let log = self.out.join("pip.log");
            eprintln!("installing {names} into {}", environment.display());
            let make = |command: &mut Command| {
                command.args(["-m", "venv"]).arg(&environment);
            };
            let install = |command: &mut Command| {
                command.args(["-m", "pip", "install"]).args(packages);
            };
            if run_tool(&python, make, &log)? && run_tool(&own, install, &log)? {
                return Ok(own);
            }
        }
        Err(Unavailable::Skipped(format!("install {names} (pip install {names})")))
    }

    fn library(&self) -> Result<Library> {
        self.cargo(&["-p", "cppserver"])?;
        let file = self.target.join("release/libcppserver.so");
        if !file.is_file() {
            return Err(Unavailable::Failed(format!("{} was not built", file.display())));
        }
        // The library is known at run time by its SONAME, which is no file name in cargo's
        // directory.
        let directory = self.out.join("lib");
        fs::create_dir_all(&directory)?;
        for name in [Some("libcppserver.so".to_owned()), soname(&file)].into_iter().flatten() {
            let link = directory.join(name);
            match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
                _ => symlink(&file, &link)?,
            }
        }
        let directory = directory.display();
        let link_flags = vec![
            format!("-L{directory}"),
            "-lcppserver".to_owned(),
            format!("-Wl,-rpath,{directory}"),
        ];
        Ok(Library { file, link_flags })
    }
}

struct Library {
    file: PathBuf,
    link_flags: Vec<String>,
}

fn as_text(strings: &[String]) -> Vec<&str> {
    strings.iter().map(String::as_str).collect()
}

fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from)
}

/// True when the program exists and ends well with these arguments.
fn works(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn target_directory(root: &Path) -> io::Result<PathBuf> {
    let output = Command::new(cargo())
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_once("\"target_directory\":\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(path, _)| path.into())
        .ok_or_else(|| io::Error::other("cargo metadata does not tell the target directory"))
}

/// The name that programs linked with the library will look for.
fn soname(library: &Path) -> Option<String> {
    let output = Command::new("readelf").arg("-d").arg(library).output().ok()?;
    parse_soname(&String::from_utf8_lossy(&output.stdout))
}

fn parse_soname(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("(SONAME)"))?;
    Some(line.split_once('[')?.1.split_once(']')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_soname() {
        let text = " 0x0000000000000001 (NEEDED)             Shared library: [libc.so.6]\n \
                    0x000000000000000e (SONAME)             Library soname: [libcppserver.so.1]\n";
        assert_eq!(parse_soname(text).as_deref(), Some("libcppserver.so.1"));
        assert_eq!(parse_soname("no dynamic section"), None);
    }

    #[test]
    fn tells_what_works() {
        assert!(works("true", &[]));
        assert!(!works("false", &[]));
        assert!(!works("/nonexistent/program", &[]));
    }
}
