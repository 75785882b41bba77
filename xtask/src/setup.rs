//! Sees to what a machine lacks: compilers, tools, Rust components, the Python environment.
//!
//! Every command asks for the parts it needs, so a machine that has them is left as it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::workspace::{self, Result, run};

/// The one version of cbindgen that writes `include/cppserver.h`.
const CBINDGEN: &str = "0.29.4";

/// Something that comes from the system's package manager.
pub struct Part {
    name: &'static str,
    present: fn() -> bool,
    packages: &'static [&'static str],
}

pub const C: Part =
    Part { name: "a C compiler", present: || has(&c_compiler()), packages: &["gcc", "libc6-dev"] };
pub const CPP: Part =
    Part { name: "a C++ compiler", present: || has(&cpp_compiler()), packages: &["g++"] };
pub const NM: Part = Part { name: "nm", present: || has("nm"), packages: &["binutils"] };
pub const PS: Part = Part { name: "ps", present: || has("ps"), packages: &["procps"] };
pub const PKG_CONFIG: Part =
    Part { name: "pkg-config", present: || has("pkg-config"), packages: &["pkg-config"] };
pub const OPENSSL: Part =
    Part { name: "the openssl program", present: || has("openssl"), packages: &["openssl"] };
pub const CURL: Part = Part { name: "curl", present: || has("curl"), packages: &["curl"] };
pub const CMAKE: Part = Part {
    name: "CMake",
    present: || has("cmake") && (cfg!(windows) || has("make") || has("ninja")),
    packages: &["cmake", "make"],
};
pub const NANOCAT: Part =
    Part { name: "nanocat", present: || has("nanocat"), packages: &["nanomsg-utils"] };
pub const NANOMSG: Part = Part {
    name: "libnanomsg with its headers",
    present: || {
        let source = ["-fsyntax-only", "-x", "c", "-include", "nanomsg/nn.h", "/dev/null"];
        quiet(Command::new(c_compiler()).args(source))
    },
    packages: &["libnanomsg-dev"],
};
pub const PYTHON: Part = Part {
    name: "Python 3.11 or newer with venv",
    present: || {
        let question = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
        quiet(Command::new(python()).args(["-c", question]))
    },
    packages: &["python3", "python3-venv"],
};
pub const NODE: Part = Part {
    name: "Node.js 18 or newer",
    present: || {
        let question = "process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)";
        quiet(Command::new("node").args(["-e", question]))
    },
    packages: &["nodejs"],
};
pub const NPM: Part = Part { name: "npm", present: || has(npm()), packages: &["npm"] };
pub const CHROMIUM: Part = Part {
    name: "Chromium",
    present: || chromium().is_some(),
    packages: &["chromium", "fonts-dejavu-core"],
};
pub const CLANG: Part = Part { name: "clang", present: || has("clang"), packages: &["clang"] };
pub const MINGW: Part = Part {
    name: "the MinGW-w64 compilers (posix threads)",
    present: || has("x86_64-w64-mingw32-gcc-posix") && has("x86_64-w64-mingw32-g++-posix"),
    packages: &["g++-mingw-w64-x86-64-posix"],
};
pub const WINE: Part =
    Part { name: "64-bit Wine", present: || wine().is_some(), packages: &["wine64"] };

/// Installs what is missing of these parts; one sentence that names it all where that is impossible.
pub fn ensure(parts: &[Part]) -> Result<()> {
    let missing: Vec<&Part> = parts.iter().filter(|part| !(part.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|part| part.packages).copied().collect();
    let names: Vec<&str> = missing.iter().map(|part| part.name).collect();
    let names = names.join(", ");
    let Some(administrator) = administrator() else {
        let packages = packages.join(" ");
        return Err(format!(
            "Missing: {names}. Please install it (on Debian: apt-get install {packages}) and try again."
        ));
    };
    eprintln!("xtask: installing {names}");
    run(apt(administrator).arg("update"))?;
    run(apt(administrator).args(["install", "-y", "--no-install-recommends"]).args(&packages))?;
    match missing.iter().find(|part| !(part.present)()) {
        None => Ok(()),
        Some(part) => {
            Err(format!("Missing: {}, even after {packages:?} were installed.", part.name))
        }
    }
}

/// How long to wait for another package manager that is at work, in seconds.
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=300";

/// How to become the one who may install packages: empty for root, `None` when there is no way.
fn administrator() -> Option<&'static [&'static str]> {
    if !has("apt-get") {
        return None;
    }
    let user = Command::new("id").arg("-u").output();
    if user.is_ok_and(|output| output.stdout.trim_ascii() == b"0") {
        return Some(&[]);
    }
    quiet(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

fn apt(administrator: &[&str]) -> Command {
    let mut words =
        administrator.iter().chain(&["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]);
    let mut command = Command::new(words.next().expect("there is always a word"));
    command.args(words).args(["-o", LOCK_TIMEOUT]).stdin(Stdio::null());
    command
}

/// Whether a program of this name is in the path (or is the path of a program).
pub fn has(program: &str) -> bool {
    find(program).is_some()
}

fn find(program: &str) -> Option<PathBuf> {
    let name = match Path::new(program).extension() {
        // A script of Windows, such as `npm.cmd`.
        Some(_) => program.to_string(),
        None => workspace::System::host().program(program),
    };
    let paths = env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> =
        env::split_paths(&paths).map(|directory| directory.join(&name)).collect();
    places.push(program.into());
    places.into_iter().find(|place| place.is_file())
}

/// Whether a command succeeds; what it prints is of no interest.
fn quiet(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

pub fn c_compiler() -> String {
    compiler("CC", &["cc", "gcc", "clang"])
}

pub fn cpp_compiler() -> String {
    compiler("CXX", &["c++", "g++", "clang++"])
}

fn compiler(variable: &str, names: &[&str]) -> String {
    let chosen = env::var(variable).ok().filter(|name| !name.is_empty());
    let found = || names.iter().find(|name| has(name)).map(|name| name.to_string());
    chosen.or_else(found).unwrap_or_else(|| names[0].to_string())
}

fn python() -> &'static str {
    if cfg!(windows) { "python" } else { "python3" }
}

/// Wine's loader; Debian keeps it out of the path.
pub fn wine() -> Option<PathBuf> {
    let debian = PathBuf::from("/usr/lib/wine/wine64");
    let named = ["wine64", "wine"].into_iter().find(|name| has(name)).map(PathBuf::from);
    if debian.is_file() { Some(debian) } else { named }
}

/// A browser of the Chromium family; `CHROMIUM` names another one.
pub fn chromium() -> Option<PathBuf> {
    let named = env::var("CHROMIUM").ok().filter(|name| !name.is_empty());
    let known = ["chromium", "chromium-browser", "google-chrome", "chrome"].map(str::to_string);
    let names = named.map_or(known.to_vec(), |named| vec![named]);
    names.iter().find_map(|name| find(name))
}

fn npm() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

/// A component of the toolchain in use, such as `clippy`, tried by its cargo command.
pub fn component(command: &str, component: &str) -> Result<()> {
    if quiet(workspace::cargo().args([command, "--version"])) {
        return Ok(());
    }
    rustup(&["component", "add", component], &format!("the Rust component {component}"))
}

/// Components of the nightly toolchain, and that toolchain itself.
pub fn nightly(components: &[&str]) -> Result<()> {
    if !quiet(Command::new("cargo").args(["+nightly", "--version"])) {
        rustup(
            &["toolchain", "install", "nightly", "--profile", "minimal"],
            "the nightly Rust toolchain",
        )?;
    }
    let list = Command::new("rustup")
        .args(["component", "list", "--installed", "--toolchain", "nightly"])
        .output();
    let installed =
        list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    for component in components {
        if !installed.lines().any(|line| line.starts_with(component)) {
            let add = ["component", "add", "--toolchain", "nightly", component];
            rustup(&add, &format!("the nightly Rust component {component}"))?;
        }
    }
    Ok(())
}

/// The standard library for another system.
pub fn rust_target(triple: &str) -> Result<()> {
    let list = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let installed =
        list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    if installed.lines().any(|line| line == triple) {
        return Ok(());
    }
    rustup(&["target", "add", triple], &format!("the Rust standard library for {triple}"))
}

fn rustup(arguments: &[&str], what: &str) -> Result<()> {
    let asked = run(Command::new("rustup").args(arguments).stdin(Stdio::null()));
    asked.map_err(|error| format!("Missing: {what}, and rustup did not install it ({error})."))
}

/// The Python interpreter of an environment with the pinned development packages.
pub fn virtual_environment() -> Result<PathBuf> {
    environment("venv", &workspace::root().join("bindings/python/requirements-dev.txt"))
}

/// A C compiler for macOS: the programs of an environment with a pinned Zig, and what puts it in
/// cargo's hands.
pub fn zig() -> Result<PathBuf> {
    let interpreter = environment("zig", &workspace::root().join("xtask/zig/requirements.txt"))?;
    Ok(interpreter.with_file_name(""))
}

/// The Python 2.7 interpreter of an environment with the Autobahn suite. What it is made from is a
/// Python 2.7 that is there: systems of today have no package of it.
pub fn autobahn(python: &Path) -> Result<PathBuf> {
    ensure(&[C])?;
    let lists = workspace::root().join("xtask/autobahn");
    let maker = environment("virtualenv", &lists.join("virtualenv.txt"))?;
    environment_by("autobahn/python", &lists.join("requirements.txt"), |directory| {
        let mut command = Command::new(maker);
        command.args(["-m", "virtualenv", "--quiet", "--clear", "--python"]);
        run(command.arg(python).arg(directory).stdin(Stdio::null()))
    })
}

/// A Python 2.7 with what the Autobahn suite needs: the one that `PYTHON27` names, or else one in the
/// path or of pyenv. `None` when there is none.
pub fn python_2() -> Result<Option<PathBuf>> {
    let question = "import ctypes, ssl, sys, zlib; sys.exit(sys.version_info[:2] != (2, 7))";
    let good = |python: &PathBuf| quiet(Command::new(python).args(["-c", question]));
    if let Some(named) = env::var_os("PYTHON27").filter(|named| !named.is_empty()) {
        let named = PathBuf::from(named);
        return match good(&named) {
            true => Ok(Some(named)),
            false => Err(format!("PYTHON27 names {}, which is no Python 2.7.", named.display())),
        };
    }
    let home = || env::home_dir().map(|home| home.join(".pyenv"));
    let pyenv = env::var_os("PYENV_ROOT").map(PathBuf::from).or_else(home).unwrap_or_default();
    let versions = fs::read_dir(pyenv.join("versions")).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> =
        versions.map(|version| version.path().join("bin/python2.7")).collect();
    found.sort();
    // The name in the path may be pyenv's, which starts a Python 2.7 only where one is chosen.
    found.insert(0, "python2.7".into());
    Ok(found.into_iter().find(good))
}

/// The Python interpreter of an environment with the packages of a list.
fn environment(name: &str, pins: &Path) -> Result<PathBuf> {
    environment_by(name, pins, |directory| {
        run(Command::new(python()).args(["-m", "venv", "--clear"]).arg(directory))
    })
}

/// The same for an environment that is made in another way.
fn environment_by(
    name: &str,
    pins: &Path,
    make: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    ensure(&[PYTHON])?;
    let directory = workspace::target().join(name);
    let interpreter = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let interpreter = directory.join(interpreter);
    let wanted = workspace::read(pins)?;
    // Written last, so an environment that was left half made is made again.
    let stamp = directory.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) && interpreter.is_file() {
        return Ok(interpreter);
    }
    eprintln!("xtask: making the Python environment {}", directory.display());
    make(&directory)?;
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    // Whoever asks for an old Python knows that it is old.
    pip.env("PIP_NO_PYTHON_VERSION_WARNING", "1");
    run(pip.arg(pins).stdin(Stdio::null()))?;
    workspace::write(&stamp, &wanted)?;
    Ok(interpreter)
}

/// A directory with the packages of a `package.json`, for `NODE_PATH`.
pub fn node_modules(name: &str, list: &Path) -> Result<PathBuf> {
    ensure(&[NODE, NPM])?;
    let directory = workspace::target().join(name);
    let modules = directory.join("node_modules");
    let wanted = workspace::read(list)?;
    // Written last, so that half of the packages do not count.
    let stamp = directory.join("installed.json");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) && modules.is_dir() {
        return Ok(modules);
    }
    eprintln!("xtask: installing the Node.js packages of {}", list.display());
    workspace::make_directory(&directory)?;
    workspace::write(&directory.join("package.json"), &wanted)?;
    let mut install = Command::new(npm());
    install.args(["install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]);
    // Nothing is to be fetched but the packages themselves.
    install.arg("--ignore-scripts").current_dir(&directory);
    run(install.stdin(Stdio::null()))?;
    workspace::write(&stamp, &wanted)?;
    Ok(modules)
}

/// The pinned cbindgen, built once.
pub fn cbindgen() -> Result<PathBuf> {
    let tools = workspace::target().join("tools");
    let program = tools.join("bin").join(workspace::System::host().program("cbindgen"));
    let version = Command::new(&program).arg("--version").output();
    if version.is_ok_and(|output| {
        String::from_utf8_lossy(&output.stdout).trim() == format!("cbindgen {CBINDGEN}")
    }) {
        return Ok(program);
    }
    eprintln!("xtask: installing cbindgen {CBINDGEN} in {}", tools.display());
    let mut install = workspace::cargo();
    install.args(["install", "--quiet", "--locked", "--force", "--root"]).arg(&tools);
    run(install.arg(format!("cbindgen@{CBINDGEN}")).stdin(Stdio::null()))?;
    Ok(program)
}

/// `cargo xtask setup`: everything that `test` and `demo` need.
pub fn all() -> Result<()> {
    ensure(&[C, CPP, NM, PS, PKG_CONFIG, OPENSSL, CURL, CMAKE, PYTHON])?;
    component("fmt", "rustfmt")?;
    component("clippy", "clippy")?;
    cbindgen()?;
    virtual_environment()?;
    // The tests do without them where they cannot be had.
    for peer in [ensure(&[NANOCAT]), ensure(&[NANOMSG])] {
        if let Err(why) = peer {
            eprintln!("xtask: {why}");
        }
    }
    println!("Everything that the tests and the demo need is here.");
    Ok(())
}
