//! The names that the shared library exports: these, no fewer and no others.

/// What `tests/symbols.txt` lists. A name that is there stays for the whole major version.
fn committed() -> Vec<&'static str> {
    include_str!("../symbols.txt").lines().collect()
}

#[test]
fn the_list_is_sorted() {
    assert!(committed().is_sorted());
    assert!(committed().len() > 50);
}

#[test]
fn the_header_declares_what_the_list_says() {
    let header = include_str!("../../include/cppserver.h");
    let code = header.split_once("#ifdef __cplusplus").unwrap().1;
    let mut declared: Vec<_> = code
        .lines()
        .filter(|line| !line.starts_with(" *"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("cppserver_"))
        .collect();
    declared.sort_unstable();
    assert_eq!(declared, committed());
}

#[cfg(target_os = "linux")]
mod library {
    use std::path::PathBuf;
    use std::process::Command;

    /// The shared library that cargo built together with this test.
    fn path() -> PathBuf {
        let path = std::env::current_exe().unwrap().with_file_name("libcppserver.so");
        assert!(path.exists(), "{} does not exist", path.display());
        path
    }

    fn output(command: &mut Command) -> String {
        let output = command.output().expect("binutils are installed with every linker");
        assert!(output.status.success(), "{command:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn it_exports_what_the_list_says() {
        let listing = output(Command::new("nm").args(["-D", "--defined-only"]).arg(path()));
        let mut exported: Vec<_> =
            listing.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
        exported.sort_unstable();
        assert_eq!(exported, super::committed());
    }

    #[test]
    fn it_has_a_name_that_programs_can_rely_on() {
        let dynamic = output(Command::new("readelf").arg("-d").arg(path()));
        let name = format!("[libcppserver.so.{}]", env!("CARGO_PKG_VERSION_MAJOR"));
        let line = dynamic.lines().find(|line| line.contains("(SONAME)")).unwrap();
        assert!(line.contains(&name), "{line}");
    }
}
