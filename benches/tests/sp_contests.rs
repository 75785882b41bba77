//! The driver of the scalability protocols with programs that are shell scripts.
#![cfg(target_os = "linux")]

use cppserver_bench::process::Launch;
use cppserver_bench::sp::{Contestant, Load, Transport};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Obeys as a program does. The part that it plays is the second argument.
const OBEDIENT: &str = "
    echo ready
    while read -r command argument; do
        case $command in
            check) echo checked ;;
            run) echo 100 50000000 1000 90 2000 10 ;;
        esac
    done";

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("cppserver-bench-test-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).expect("directory");
        Directory(directory)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn start(name: &str, script: &str, load: Load, over: Transport) -> io::Result<Contestant> {
    let directory = Directory::new(name);
    let before = vec!["-c".to_owned(), script.to_owned(), "callbacks".to_owned()];
    let launch = Launch { program: "/bin/sh".into(), before, ..Launch::default() };
    Contestant::start(&launch, load, over, &[], &directory.0, name)
}

#[test]
fn a_slice_tells_rate_and_latencies() {
    let mut contestant =
        start("slice", OBEDIENT, Load::PublishMany, Transport::Tcp).expect("three programs");
    assert_eq!(contestant.latency(), None, "what was before the measurement does not count");
    let slice = contestant.slice(Duration::from_millis(1)).expect("slice");
    assert_eq!(slice.rate, 2000.0);
    let (_, others) = slice.cpu.expect("time on a core");
    assert!(others.is_some());
    let [median, p99, _] = contestant.latency().expect("latencies");
    assert!((1000..1020).contains(&median) && (2000..2020).contains(&p99), "{median}, {p99}");
    contestant.stop().expect("all ended");
}

#[test]
fn both_sides_in_one_process_are_not_told_apart() {
    let mut contestant =
        start("inproc", OBEDIENT, Load::Survey, Transport::Inproc).expect("one program");
    let slice = contestant.slice(Duration::from_millis(1)).expect("slice");
    assert_eq!(slice.cpu.expect("time on a core").1, None);
    contestant.stop().expect("ended");
}

#[test]
fn what_an_answering_program_finds_is_told_at_once() {
    let script = "
        echo ready
        if [ $2 = answer ]; then sleep 0.1; echo messages were lost >&2; exit 1; fi
        cat >/dev/null";
    let error = start("lost", script, Load::Push, Transport::Ipc).err().expect("must fail");
    assert!(error.to_string().contains("messages were lost"), "{error}");
}

#[test]
fn a_program_that_does_not_start_is_an_error() {
    let error = start("start", "echo no such luck >&2; exit 3", Load::Push, Transport::Tcp).err();
    assert!(error.expect("must fail").to_string().contains("no such luck"));
    let error = start("word", "echo hello; cat >/dev/null", Load::Push, Transport::Tcp).err();
    assert!(error.expect("must fail").to_string().contains("hello"));
}
