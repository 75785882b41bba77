//! Where things are: the repository, the target directory, the library's file names.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Errors are sentences for the person at the keyboard.
pub type Result<T, E = String> = std::result::Result<T, E>;

/// The name of the package that everything here is about.
pub const PACKAGE: &str = "cppserver";

/// The repository's top directory.
pub fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Cargo's target directory; `CARGO_TARGET_DIR` counts here as it does for cargo itself.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => root().join("target"),
    }
}

/// A directory of ours below the target directory, made when it is missing.
pub fn scratch(name: &str) -> Result<PathBuf> {
    let directory = target().join("xtask").join(name);
    make_directory(&directory)?;
    Ok(directory)
}

/// `cargo`, run in the repository's top directory.
///
/// The name is looked up in the path, where rustup's own cargo understands `+nightly`.
pub fn cargo() -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root());
    command
}

/// The version of the library, as cargo knows it.
pub fn version() -> Result<String> {
    let text = output_of(cargo().args(["pkgid", "--package", PACKAGE]))?;
    let version = text.trim().rsplit(['#', '@']).next().unwrap_or_default();
    if version.split('.').count() == 3 {
        Ok(version.to_string())
    } else {
        Err(format!("`cargo pkgid` names no version: {}", text.trim()))
    }
}

/// Standard output of a command that must succeed.
pub fn output_of(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{shown}: {}\n{}", output.status, text.trim()))
    }
}

/// Runs a command on this terminal; an error when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = format!("{command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

/// The files of a directory with one extension, in order; none when the directory is missing.
pub fn files(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

/// The same over a whole tree of directories.
pub fn files_below(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = files(directory, extension);
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|path| path.is_dir()) {
        found.extend(files_below(&path, extension));
    }
    found.sort();
    found
}

/// A path's file name without its extension, for messages and output names.
pub fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

pub fn make_directory(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

pub fn copy(from: &Path, to: &Path) -> Result<()> {
    // A file that is in use must not be overwritten in place: programs may have it mapped.
    if to.symlink_metadata().is_ok() {
        fs::remove_file(to).map_err(|error| format!("{}: {error}", to.display()))?;
    }
    match fs::copy(from, to) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{} to {}: {error}", from.display(), to.display())),
    }
}

/// The system that a library or program is built for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum System {
    Linux,
    MacOs,
    WindowsGnu,
    WindowsMsvc,
}

impl System {
    /// The system that xtask itself runs on. Other Unixes name their libraries as Linux does.
    pub fn host() -> System {
        if cfg!(target_os = "macos") {
            System::MacOs
        } else if cfg!(all(windows, target_env = "msvc")) {
            System::WindowsMsvc
        } else if cfg!(windows) {
            System::WindowsGnu
        } else {
            System::Linux
        }
    }

    /// What cargo calls the dynamic library.
    pub fn dynamic_library(self) -> &'static str {
        match self {
            System::Linux => "libcppserver.so",
            System::MacOs => "libcppserver.dylib",
            System::WindowsGnu | System::WindowsMsvc => "cppserver.dll",
        }
    }

    /// What cargo calls the static library.
    pub fn static_library(self) -> &'static str {
        match self {
            System::WindowsMsvc => "cppserver.lib",
            _ => "libcppserver.a",
        }
    }

    /// The library through which Windows programs link against the DLL.
    pub fn import_library(self) -> Option<&'static str> {
        match self {
            System::WindowsGnu => Some("libcppserver.dll.a"),
            System::WindowsMsvc => Some("cppserver.dll.lib"),
            _ => None,
        }
    }

    pub fn program(self, name: &str) -> String {
        match self {
            System::WindowsGnu | System::WindowsMsvc => format!("{name}.exe"),
            _ => name.to_string(),
        }
    }
}
