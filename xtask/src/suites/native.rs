//! The C ABI and the programs over it: header, exported names, C and C++ tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::compiler::{self, Toolchain};
use crate::report::Suite;
use crate::setup;
use crate::workspace::{self, PACKAGE, Result, System, files, files_below, stem};

fn header_file() -> PathBuf {
    workspace::root().join("include/cppserver.h")
}

fn symbols_file() -> PathBuf {
    workspace::root().join("tests/symbols.txt")
}

/// The header as the sources would have it now.
fn generated_header() -> Result<String> {
    let file = workspace::scratch("header")?.join("cppserver.h");
    let mut command = Command::new(setup::cbindgen()?);
    command.current_dir(workspace::root()).args([
        "--quiet",
        "--config",
        "cbindgen.toml",
        "--crate",
        PACKAGE,
    ]);
    workspace::output_of(command.arg("--output").arg(&file))?;
    workspace::read(&file)
}

/// `cargo xtask header`: writes the header anew.
pub fn write_header() -> Result<()> {
    let text = generated_header()?;
    workspace::make_directory(header_file().parent().unwrap_or(Path::new(".")))?;
    workspace::write(&header_file(), &text)
}

/// The names that the header declares as functions.
fn declared(header: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut in_comment = false;
    for line in header.lines() {
        let text = line.trim_start();
        in_comment |= text.starts_with("/*");
        if !in_comment && !text.starts_with("//") && !text.starts_with("typedef") {
            let mut rest = line;
            while let Some(start) = rest.find("cppserver_") {
                let letters = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let name: String =
                    rest[start..].chars().take_while(|&letter| letters(letter)).collect();
                rest = &rest[start + name.len()..];
                if rest.starts_with('(') {
                    names.insert(name);
                }
            }
        }
        in_comment &= !text.contains("*/");
    }
    names
}

/// What the dynamic library exports for others to link against.
fn exported() -> Result<BTreeSet<String>> {
    setup::ensure(&[setup::NM])?;
    workspace::run(&mut compiler::build("debug"))?;
    let library = workspace::target().join("debug").join(System::host().dynamic_library());
    let mut command = Command::new("nm");
    match System::host() {
        System::Linux => command.args(["-D", "--defined-only"]),
        System::MacOs => command.args(["-g", "-U"]),
        _ => return Err("The exported names are compared on Linux and macOS.".to_string()),
    };
    let text = workspace::output_of(command.arg(library))?;
    let last_words = text.lines().filter_map(|line| line.split_whitespace().last());
    let prefix = if cfg!(target_os = "macos") { "_" } else { "" };
    Ok(last_words.map(|name| name.strip_prefix(prefix).unwrap_or(name).to_string()).collect())
}

/// `cargo xtask symbols`: writes the list of exported names anew.
pub fn write_symbols() -> Result<()> {
    let names: Vec<String> = exported()?.into_iter().collect();
    workspace::write(&symbols_file(), &(names.join("\n") + "\n"))
}

/// The committed header is the one that the sources make, and compiles by itself.
pub fn header(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C, setup::CPP])?;
    let fresh = generated_header()?;
    let committed = workspace::read(&header_file())?;
    suite.check("include/cppserver.h is fresh", same_header(&committed, &fresh));
    let toolchain = Toolchain::native("header")?;
    suite.step("the header compiles as C11", &mut toolchain.c_header(&header_file()));
    for standard in ["c++14", "c++20"] {
        let mut command = toolchain.cpp_header(standard, &header_file());
        suite.step(&format!("the header compiles as {standard}"), &mut command);
    }
    Ok(())
}

fn same_header(committed: &str, fresh: &str) -> Result<()> {
    if committed == fresh {
        return Ok(());
    }
    let differs = committed.lines().zip(fresh.lines()).position(|(old, new)| old != new);
    let number = differs.unwrap_or(committed.lines().count().min(fresh.lines().count()));
    let line = |text: &str| text.lines().nth(number).unwrap_or("(end of file)").to_string();
    Err(format!(
        "line {}: committed: {}\nline {}: generated: {}\nrun `cargo xtask header`",
        number + 1,
        line(committed),
        number + 1,
        line(fresh)
    ))
}

/// The library exports what the committed list says, no more and no less, and so does the header.
pub fn symbols(suite: &mut Suite) -> Result<()> {
    let exported = exported()?;
    let list = workspace::read(&symbols_file())?;
    let listed: BTreeSet<String> = list.lines().map(str::to_string).collect();
    let declared = declared(&workspace::read(&header_file())?);
    suite.check(
        "the library exports tests/symbols.txt",
        same_names(&exported, &listed, "run `cargo xtask symbols`"),
    );
    suite.check(
        "the header declares tests/symbols.txt",
        same_names(&declared, &listed, "the header differs"),
    );
    Ok(())
}

fn same_names(found: &BTreeSet<String>, listed: &BTreeSet<String>, advice: &str) -> Result<()> {
    let more: Vec<_> = found.difference(listed).cloned().collect();
    let less: Vec<_> = listed.difference(found).cloned().collect();
    if more.is_empty() && less.is_empty() && !found.is_empty() {
        return Ok(());
    }
    Err(format!("not listed: {}\nmissing: {}\n{advice}", more.join(" "), less.join(" ")))
}

/// The C tests and examples: every file is a program of its own.
pub fn c(suite: &mut Suite, toolchain: &Toolchain) -> Result<()> {
    let tests = files(&workspace::root().join("tests/c"), "c");
    let examples = files(&workspace::root().join("examples-c"), "c");
    if tests.is_empty() || examples.is_empty() {
        return Err("There are no C tests or no C examples.".to_string());
    }
    let all = tests.iter().chain(&examples);
    let compile = |file: &PathBuf| toolchain.c(std::slice::from_ref(file), &stem(file));
    suite.steps(all.map(|file| (format!("compile {}", stem(file)), compile(file))).collect());
    for file in &tests {
        let mut command = toolchain.run(&stem(file));
        suite.program(&stem(file), command.args(&toolchain.skipped));
    }
    Ok(())
}

/// The C++ layer: each header by itself, the examples, and all tests as one program.
pub fn cpp(suite: &mut Suite, toolchain: &Toolchain) -> Result<()> {
    let layer = workspace::root().join("bindings/cpp");
    let tests = files(&workspace::root().join("tests/cpp"), "cpp");
    let examples = files(&layer.join("examples"), "cpp");
    let headers = files_below(&layer.join("include"), "h");
    if tests.is_empty() || examples.is_empty() || headers.is_empty() {
        return Err("There are no C++ tests, no C++ examples or no C++ headers.".to_string());
    }
    let mut compile = Vec::new();
    for header in &headers {
        let name = header.strip_prefix(&layer).unwrap_or(header).display();
        for standard in ["c++14", "c++20"] {
            compile.push((format!("{name} as {standard}"), toolchain.cpp_header(standard, header)));
        }
    }
    for file in &examples {
        let command = toolchain.cpp("c++14", std::slice::from_ref(file), &stem(file));
        compile.push((format!("compile the example {}", stem(file)), command));
    }
    compile.push(("compile the tests".to_string(), toolchain.cpp("c++14", &tests, "cpp_tests")));
    suite.steps(compile);
    let mut command = toolchain.run("cpp_tests");
    suite.program("cpp_tests", command.args(&toolchain.skipped));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_functions_of_a_header() {
        let header = "/* Not cppserver_comment() at all.\n * Nor cppserver_more(). */\n\
                      typedef void (*cppserver_callback)(void *user_data);\n\
                      struct cppserver_timer *cppserver_timer_create(struct cppserver_service *service,\n\
                      cppserver_callback callback);\nconst char *cppserver_version(void);\n";
        let names: Vec<String> = declared(header).into_iter().collect();
        assert_eq!(names, ["cppserver_timer_create", "cppserver_version"]);
    }

    #[test]
    fn tells_where_headers_differ() {
        assert!(same_header("a\nb\n", "a\nb\n").is_ok());
        assert!(same_header("a\nb\n", "a\nc\n").is_err_and(|text| text.contains("line 2")));
        assert!(same_header("a\n", "a\nb\n").is_err_and(|text| text.contains("(end of file)")));
    }
}
