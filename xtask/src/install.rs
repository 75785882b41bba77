//! `cargo xtask install`: the release build where C, C++ and CMake look for libraries.

use std::fs;
use std::path::{Path, PathBuf};

use crate::compiler;
use crate::workspace::{self, PACKAGE, Result, System, copy, make_directory};

/// Where to install to.
pub struct Place {
    /// Where the files will be used.
    pub prefix: PathBuf,
    /// Put in front of the prefix while copying, for those who make packages.
    pub destination: Option<PathBuf>,
}

impl Place {
    pub fn from_arguments(arguments: &[String]) -> Result<Place> {
        let (mut prefix, mut destination) = (None, None);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (word.as_str(), words.next().cloned()),
            };
            let value = value.filter(|value| !value.is_empty());
            let value = value.ok_or_else(|| format!("`{name}` needs a directory."))?;
            match name {
                "--prefix" => prefix = Some(absolute(&value)?),
                "--destdir" => destination = Some(absolute(&value)?),
                _ => return Err(format!("`install` does not know `{name}`.")),
            }
        }
        let prefix =
            prefix.ok_or("`install` needs --prefix DIRECTORY, for example --prefix /usr/local.")?;
        Ok(Place { prefix, destination })
    }

    /// The directory that a path below the prefix has while copying.
    fn at(&self, path: &str) -> Result<PathBuf> {
        let prefix = match &self.destination {
            // A destination takes the prefix as a relative path: DESTINATION/usr/local.
            Some(destination) => {
                destination.join(self.prefix.strip_prefix("/").unwrap_or(&self.prefix))
            }
            None => self.prefix.clone(),
        };
        let directory = prefix.join(path);
        make_directory(&directory)?;
        Ok(directory)
    }
}

fn absolute(path: &str) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| format!("{path}: {error}"))
}

/// Builds and installs.
pub fn install(place: &Place) -> Result<()> {
    let private = private_libraries()?;
    workspace::run(&mut compiler::build("release"))?;
    let root = workspace::root();
    let system = System::host();
    let version = workspace::version()?;
    let built = workspace::target().join("release");

    let libraries = place.at("lib")?;
    install_dynamic(place, &built, system, &version)?;
    copy(&built.join(system.static_library()), &libraries.join(system.static_library()))?;

    let include = place.at("include")?;
    copy(&root.join("include/cppserver.h"), &include.join("cppserver.h"))?;
    copy_tree(&root.join("bindings/cpp/include"), &place.at("include/cppserver")?)?;

    let templates = root.join("bindings/cpp");
    let prefix = place.prefix.to_string_lossy().into_owned();
    let values =
        [("@PREFIX@", prefix.as_str()), ("@VERSION@", &version), ("@LIBS_PRIVATE@", &private)];
    fill_in(&templates.join("pkgconfig"), &place.at("lib/pkgconfig")?, &values)?;
    fill_in(&templates.join("cmake"), &place.at("lib/cmake/cppserver")?, &values)?;
    Ok(())
}

/// The dynamic library under its full name, and links with the names that linkers and loaders ask for.
fn install_dynamic(place: &Place, built: &Path, system: System, version: &str) -> Result<()> {
    let from = built.join(system.dynamic_library());
    let names = compiler::dynamic_names(system, version);
    if let Some(import) = system.import_library() {
        copy(&built.join(import), &place.at("lib")?.join(import))?;
        // Windows looks for DLLs where programs are.
        return copy(&from, &place.at("bin")?.join(&names[0]));
    }
    let directory = place.at("lib")?;
    copy(&from, &directory.join(&names[0]))?;
    for name in &names[1..] {
        link(&names[0], &directory.join(name))?;
    }
    Ok(())
}

#[cfg(unix)]
fn link(to: &str, name: &Path) -> Result<()> {
    if name.symlink_metadata().is_ok() {
        fs::remove_file(name).map_err(|error| format!("{}: {error}", name.display()))?;
    }
    std::os::unix::fs::symlink(to, name).map_err(|error| format!("{}: {error}", name.display()))
}

#[cfg(not(unix))]
fn link(to: &str, name: &Path) -> Result<()> {
    copy(&name.with_file_name(to), name)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    make_directory(to)?;
    let entries = fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else {
            copy(&path, &target)?;
        }
    }
    Ok(())
}

/// Writes every template of a directory, without its ending `.in`, with the values in their places.
fn fill_in(templates: &Path, to: &Path, values: &[(&str, &str)]) -> Result<()> {
    let files = workspace::files(templates, "in");
    if files.is_empty() {
        return Err(format!("{}: no template", templates.display()));
    }
    for file in files {
        let text = filled(&workspace::read(&file)?, values);
        let text = text.map_err(|error| format!("{}: {error}", file.display()))?;
        workspace::write(&to.join(workspace::stem(&file)), &text)?;
    }
    Ok(())
}

fn filled(template: &str, values: &[(&str, &str)]) -> Result<String> {
    let mut text = template.to_string();
    for (name, value) in values {
        text = text.replace(name, value);
    }
    // A name that nobody knows would be found by the user's compiler, much later.
    let name = |word: &&&str| {
        !word.is_empty() && word.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_')
    };
    let words: Vec<&str> = text.split('@').collect();
    match words[1..].iter().rev().skip(1).find(name) {
        Some(word) => Err(format!("unknown value @{word}@")),
        None => Ok(text),
    }
}

/// The system libraries that a program needs beside the static library, as linker options.
///
/// Only the compiler knows, and it tells while it compiles: its answer is kept until the
/// dependencies or the compiler change.
fn private_libraries() -> Result<String> {
    let rustc = workspace::output_of(std::process::Command::new("rustc").arg("-vV"))?;
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).unwrap_or_default();
    let key = format!("{rustc}{lock}");
    let directory = workspace::scratch("native-libraries")?;
    let (known, answer) = (directory.join("key"), directory.join("libraries"));
    if fs::read_to_string(&known).is_ok_and(|text| text == key) && answer.is_file() {
        return workspace::read(&answer);
    }
    let raw = directory.join("raw");
    let mut command = workspace::cargo();
    command.args(["rustc", "--quiet", "--package", PACKAGE, "--lib", "--"]);
    workspace::output_of(command.arg(format!("--print=native-static-libs={}", raw.display())))?;
    let libraries = unique(&workspace::read(&raw)?);
    workspace::write(&answer, &libraries)?;
    workspace::write(&known, &key)?;
    Ok(libraries)
}

/// Every option once: the compiler repeats them for every crate that asks.
fn unique(options: &str) -> String {
    let mut seen: Vec<String> = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        // The one option of two words.
        let option = match word {
            "-framework" => format!("-framework {}", words.next().unwrap_or_default()),
            _ => word.to_string(),
        };
        if !seen.contains(&option) {
            seen.push(option);
        }
    }
    seen.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_templates() {
        let values = [("@PREFIX@", "/opt/x"), ("@VERSION@", "1.2.3")];
        assert_eq!(filled("p=@PREFIX@ v=@VERSION@ a@b", &values).unwrap(), "p=/opt/x v=1.2.3 a@b");
        assert!(filled("me@VERSION and @a b@", &values).is_ok());
        assert!(filled("@PREFIX@ @WRONG@", &values).is_err_and(|text| text.contains("@WRONG@")));
    }

    #[test]
    fn a_destination_comes_before_the_prefix() {
        let words = ["--prefix=/usr", "--destdir", "/nowhere"].map(str::to_string);
        let place = Place::from_arguments(&words).unwrap();
        assert_eq!(
            (place.prefix.as_path(), place.destination.as_deref()),
            (Path::new("/usr"), Some(Path::new("/nowhere")))
        );
        assert!(Place::from_arguments(&[]).is_err());
        assert!(Place::from_arguments(&["--prefix".to_string()]).is_err());
    }

    #[test]
    fn names_each_library_once() {
        assert_eq!(unique("-lc -lm -lc\n-lgcc_s -lc\n"), "-lc -lm -lgcc_s");
        assert_eq!(
            unique("-framework A -lc -framework B -framework A"),
            "-framework A -lc -framework B"
        );
    }
}
