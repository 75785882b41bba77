//! What `cargo xtask install` lays out is usable: by pkg-config, statically, and by CMake.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::install::{self, Place};
use crate::report::Suite;
use crate::setup;
use crate::workspace::{self, Result, System};

/// What names the library that a program asks for when it starts.
const LIBRARY_PATH: &str =
    if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };

pub fn install(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C, setup::CPP, setup::NM, setup::PKG_CONFIG, setup::CMAKE])?;
    let directory = workspace::target().join("xtask/install");
    if directory.exists() {
        fs::remove_dir_all(&directory).map_err(|error| error.to_string())?;
    }
    workspace::make_directory(&directory)?;
    let user = User { prefix: directory.join("prefix"), directory };

    let place = Place { prefix: user.prefix.clone(), destination: None };
    if suite.check("install", install::install(&place)) {
        suite.check("the layout", user.layout());
        user.pkg_config(suite, "consumer.c", "cppserver");
        user.pkg_config(suite, "consumer.cpp", "cppserver-cpp");
        user.cmake(suite);
    }
    // A package maker's install: other files in another place, the same prefix inside them.
    let destination = user.directory.join("destination");
    let place =
        Place { prefix: PathBuf::from("/opt/example"), destination: Some(destination.clone()) };
    if suite.check("install with a destination", install::install(&place)) {
        suite.check("the prefix in the package's files", packaged(&destination));
    }
    Ok(())
}

/// Someone who has the installed files and nothing else of ours.
struct User {
    directory: PathBuf,
    prefix: PathBuf,
}

impl User {
    fn source(&self, name: &str) -> PathBuf {
        workspace::root().join("xtask/consumer").join(name)
    }

    fn libraries(&self) -> PathBuf {
        self.prefix.join("lib")
    }

    fn layout(&self) -> Result<()> {
        let version = workspace::version()?;
        let mut wanted = vec![
            "include/cppserver.h".to_string(),
            "include/cppserver/server/asio/tcp_server.h".to_string(),
            "include/cppserver/server/asio/ssl_server.h".to_string(),
            "include/cppserver/server/asio/udp_server.h".to_string(),
            "include/cppserver/server/asio/unix_server.h".to_string(),
            "include/cppserver/server/asio/websocket_ssl_server.h".to_string(),
            "include/cppserver/server/nanomsg/request_server.h".to_string(),
            "include/cppserver/asio/ssl.hpp".to_string(),
            "lib/pkgconfig/cppserver.pc".to_string(),
            "lib/pkgconfig/cppserver-cpp.pc".to_string(),
            format!("lib/{}", System::host().static_library()),
        ];
        if !cfg!(windows) {
            let names = crate::compiler::dynamic_names(System::host(), &version);
            wanted.extend(names.iter().map(|name| format!("lib/{name}")));
        }
        let missing: Vec<_> =
            wanted.iter().filter(|path| !self.prefix.join(path).is_file()).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("missing: {missing:?}")) }
    }

    fn options(&self, arguments: &[&str], package: &str) -> Result<Vec<String>> {
        let mut command = Command::new("pkg-config");
        command.env("PKG_CONFIG_PATH", self.libraries().join("pkgconfig")).args(arguments);
        let text = workspace::output_of(command.arg(package))?;
        Ok(text.split_whitespace().map(str::to_string).collect())
    }

    /// Compiles with what pkg-config says, against the dynamic and against the static library.
    fn pkg_config(&self, suite: &mut Suite, source: &str, package: &str) {
        for linking in ["dynamic", "static"] {
            let what = format!("{source}, {linking}, by pkg-config");
            let mut words = vec!["--cflags", "--libs"];
            if linking == "static" {
                words.push("--static");
            }
            let options = match self.options(&words, package) {
                Ok(options) => options,
                Err(why) => {
                    suite.fail(&what, &why);
                    continue;
                }
            };
            let options = if linking == "static" { self.statically(options) } else { options };
            let program = self.directory.join(format!("{}-{linking}", source.replace('.', "-")));
            let mut compile = if source.ends_with(".cpp") {
                let mut command = Command::new(setup::cpp_compiler());
                command.arg("-std=c++14");
                command
            } else {
                let mut command = Command::new(setup::c_compiler());
                command.arg("-std=c11");
                command
            };
            compile.args(["-Wall", "-Wextra", "-Werror"]).arg(self.source(source));
            if suite.step(&format!("compile {what}"), compile.args(options).arg("-o").arg(&program))
            {
                self.run(suite, &what, &program, linking);
            }
        }
    }

    /// Linkers prefer the dynamic library of a directory that has both: the static one by its path.
    fn statically(&self, options: Vec<String>) -> Vec<String> {
        let library = self.libraries().join(System::host().static_library());
        let library = library.to_string_lossy().into_owned();
        options
            .into_iter()
            .map(|word| if word == "-lcppserver" { library.clone() } else { word })
            .collect()
    }

    fn run(&self, suite: &mut Suite, what: &str, program: &Path, linking: &str) {
        let mut command = Command::new(program);
        if linking == "dynamic" {
            command.env(LIBRARY_PATH, self.libraries());
        }
        suite.step(&format!("run {what}"), &mut command);
        if System::host() == System::Linux {
            suite.check(&format!("what {what} asks the loader for"), needed(program, linking));
        }
    }

    fn cmake(&self, suite: &mut Suite) {
        let build = self.directory.join("cmake");
        let mut configure = Command::new("cmake");
        configure.arg("-S").arg(self.source("")).arg("-B").arg(&build);
        configure.arg(crate::compiler::option("-DCMAKE_PREFIX_PATH=", &self.prefix));
        let mut compile = Command::new("cmake");
        let processors = thread::available_parallelism().map_or(1, usize::from);
        compile.arg("--build").arg(&build).arg("--parallel").arg(processors.to_string());
        if suite.step("CMake finds the package", &mut configure)
            && suite.step("CMake builds", &mut compile)
        {
            for name in ["consumer_c", "consumer_static", "consumer_cpp"] {
                let program = build.join(System::host().program(name));
                suite.step(&format!("run {name} of CMake"), &mut Command::new(program));
            }
        }
    }
}

/// The dynamic library is asked for by its SONAME; a static program does not ask for it.
fn needed(program: &Path, linking: &str) -> Result<()> {
    let text = workspace::output_of(Command::new("readelf").arg("-d").arg(program))?;
    let asked: Vec<&str> =
        text.lines().filter(|line| line.contains("NEEDED") && line.contains("cppserver")).collect();
    let version = workspace::version()?;
    let major = version.split('.').next().unwrap_or_default();
    let soname = format!("[libcppserver.so.{major}]");
    match (linking, asked.as_slice()) {
        ("dynamic", [line]) if line.contains(&soname) => Ok(()),
        ("static", []) => Ok(()),
        _ => Err(format!("it asks for {asked:?}")),
    }
}

fn packaged(destination: &Path) -> Result<()> {
    let prefix = destination.join("opt/example");
    let text = workspace::read(&prefix.join("lib/pkgconfig/cppserver.pc"))?;
    if !text.contains("/opt/example") || text.contains(&*destination.to_string_lossy()) {
        return Err(format!("cppserver.pc does not say where it will be:\n{text}"));
    }
    if prefix.join("include/cppserver.h").is_file() { Ok(()) } else { Err("no header".to_string()) }
}
