//! Tests that change something for their whole process, such as its limits, and so run in one of
//! their own.

use std::env;
use std::path::PathBuf;
use std::process::Command;

const VARIABLE: &str = "CPPSERVER_TEST_CHILD";

/// Whether this process was started by [`run_child`] for this test.
pub fn is_child(test: &str) -> bool {
    env::var(VARIABLE).is_ok_and(|name| name == test)
}

/// Runs one test of this program again, in a process where [`is_child`] holds for it.
#[track_caller]
pub fn run_child(test: &str) {
    run(Command::new(test_program()), test);
}

/// Runs one test of this program again, as [`run_child`] does, in a network namespace of its own
/// where the interface `v0` carries multicasts of both versions of IP. Where this user may make
/// none, it says so and runs nothing.
#[track_caller]
pub fn run_child_in_namespace(test: &str) {
    // The address needs no time to find out that nobody else has it.
    const SET_UP: &str = "ip link set lo up && ip link add v0 type veth peer name v1 && \
        ip link set v1 up && ip link set v0 up && ip -6 addr add fd00::1/64 dev v0 nodad && \
        ip addr add 192.0.2.1/24 dev v0";
    let namespace = || {
        let mut command = Command::new("unshare");
        command.args(["--net", "--map-root-user", "sh", "-c"]);
        command
    };
    let set_up = namespace().arg(SET_UP).output();
    if !set_up.is_ok_and(|output| output.status.success()) {
        eprintln!("{test} needs unshare, ip, and the right to make a network namespace: left out");
        return;
    }
    let mut command = namespace();
    command.arg(format!("{SET_UP} && exec \"$0\" \"$@\"")).arg(test_program());
    run(command, test);
}

fn test_program() -> PathBuf {
    env::current_exe().expect("the test program has a name")
}

#[track_caller]
fn run(mut program: Command, test: &str) {
    let output = program
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(VARIABLE, test)
        .output()
        .expect("the test program can be started again");
    let (out, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{errors}", output.status);
    assert!(out.contains("1 passed"), "no test was run:\n{out}");
}
