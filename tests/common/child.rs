//! Tests that change something for their whole process, such as its limits, and so run in one of
//! their own.

use std::env;
use std::process::Command;

const VARIABLE: &str = "CPPSERVER_TEST_CHILD";

/// Whether this process was started by [`run_child`] for this test.
pub fn is_child(test: &str) -> bool {
    env::var(VARIABLE).is_ok_and(|name| name == test)
}

/// Runs one test of this program again, in a process where [`is_child`] holds for it.
#[track_caller]
pub fn run_child(test: &str) {
    let program = env::current_exe().expect("the test program has a name");
    let output = Command::new(program)
        .args(["--exact", test, "--nocapture", "--test-threads", "1"])
        .env(VARIABLE, test)
        .output()
        .expect("the test program can be started again");
    let (out, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{errors}", output.status);
    assert!(out.contains("1 passed"), "no test was run:\n{out}");
}
