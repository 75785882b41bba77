//! `cargo xtask windows`: the library for 64-bit Windows, and its Rust, C and C++ tests under Wine.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::compiler::Toolchain;
use crate::report::{self, Body, Suite, cargo_results};
use crate::setup;
use crate::suites::native;
use crate::workspace::{self, PACKAGE, Result, System};

const TARGET: &str = "x86_64-pc-windows-gnu";

const RUST: &str = "windows-rust";
const C: &str = "windows-c";
const CPP: &str = "windows-cpp";

/// The compilers with posix threads, which C++11's threads need.
const C_COMPILER: &str = "x86_64-w64-mingw32-gcc-posix";
const CPP_COMPILER: &str = "x86_64-w64-mingw32-g++-posix";

/// A test that Wine cannot run though Windows could.
struct Cannot {
    suite: &'static str,
    /// The name as the test has it.
    test: &'static str,
    reason: &'static str,
}

const RESET: &str =
    "Wine 8 tells of a connection that was reset as of one that was closed in good order";

const STORM: &str = "Wine 8 made 0 to 100 connections in 20 seconds while eight threads start and stop \
                     everything, and the tests want 100";

const CROWD: &str = "Wine 8 keeps its server busy for milliseconds with each call, once hundreds of sockets \
                     wait for something: 250 connections take 30 seconds, and the test wants 20";

const PROBES: &str = "Wine 8 knows no TCP_KEEPCNT, which Windows has had since version 1703 of 10";

const UNREACHABLE: &str = "Wine 8 tells nobody of an ICMP error, and wakes nobody for what comes after it to a \
                           connected socket of datagrams";

const GROUPS: &str =
    "Wine 8 leaves it to Linux who hears a group, which lets all sockets of the port hear it";

const GROUPS_V6: &str =
    "Wine 8 runs on the loopback interface of Linux, which carries no multicasts of IPv6";

const ELSEWHERE: &str = "Wine 8 binds a socket of datagrams to an address of another machine, too";

const CANNOT: [Cannot; 27] = [
    Cannot { suite: RUST, test: "contract_08_error_of_the_system", reason: RESET },
    Cannot { suite: C, test: "a_peer_that_resets_is_an_error", reason: RESET },
    // One of the callbacks is that of an error, which comes by a reset.
    Cannot { suite: C, test: "everything_may_be_done_in_every_callback", reason: RESET },
    Cannot { suite: C, test: "eight_threads_at_once", reason: STORM },
    Cannot { suite: C, test: "eight_threads_at_once_with_the_service", reason: STORM },
    Cannot { suite: C, test: "eight_threads_at_once_on_two_loops", reason: STORM },
    Cannot {
        suite: C,
        test: "an_endpoint_that_disappears_is_an_error_and_comes_back",
        reason: UNREACHABLE,
    },
    Cannot { suite: C, test: "a_single_stack_takes_its_own_version_alone", reason: UNREACHABLE },
    Cannot {
        suite: RUST,
        test: "an_endpoint_that_disappears_is_an_error_and_nothing_more",
        reason: UNREACHABLE,
    },
    Cannot { suite: RUST, test: "members_of_an_ipv4_group", reason: GROUPS },
    Cannot { suite: RUST, test: "a_thousand_idle_sockets_turn_no_loop", reason: CROWD },
    Cannot { suite: C, test: "every_member_hears_and_nobody_else", reason: GROUPS },
    Cannot { suite: C, test: "who_left_hears_no_more", reason: GROUPS },
    Cannot { suite: C, test: "a_restart_ends_memberships", reason: GROUPS },
    Cannot { suite: C, test: "a_machine_need_not_hear_itself", reason: GROUPS_V6 },
    Cannot { suite: C, test: "members_of_an_ipv6_group_hear", reason: GROUPS_V6 },
    Cannot { suite: C, test: "udp_binds_to_own_addresses_only", reason: ELSEWHERE },
    Cannot { suite: CPP, test: "lifecycle_from_eight_threads", reason: STORM },
    Cannot { suite: CPP, test: "lifecycle_from_eight_threads_with_the_service", reason: STORM },
    Cannot { suite: CPP, test: "lifecycle_from_eight_threads_on_two_io_threads", reason: STORM },
    Cannot { suite: CPP, test: "multicast_reaches_all_members_and_nobody_else", reason: GROUPS },
    Cannot { suite: CPP, test: "multicast_join_and_leave_while_sending", reason: GROUPS },
    Cannot { suite: CPP, test: "multicast_membership_ends_with_the_connection", reason: GROUPS },
    Cannot { suite: CPP, test: "multicast_with_options_of_the_socket", reason: GROUPS },
    Cannot { suite: CPP, test: "session_reset_by_the_peer_is_an_error", reason: RESET },
    Cannot { suite: CPP, test: "client_learns_of_a_reset", reason: RESET },
    Cannot { suite: CPP, test: "options_count_of_keep_alive_probes", reason: PROBES },
];

/// What to leave out of one suite.
fn skipped(suite: &str) -> Vec<&'static str> {
    CANNOT.iter().filter(|each| each.suite == suite).map(|each| each.test).collect()
}

pub fn run() -> Result<bool> {
    setup::ensure(&[setup::MINGW, setup::WINE, setup::PS])?;
    setup::rust_target(TARGET)?;
    let wine = Wine::prepare()?;
    for cannot in &CANNOT {
        println!("Wine cannot run {} of {}: {}", cannot.test, cannot.suite, cannot.reason);
    }
    let suites: Vec<(String, Body)> = vec![
        (RUST.to_string(), Box::new(|suite| rust(suite, &wine))),
        (C.to_string(), Box::new(|suite| native::c(suite, &wine.toolchain(C)?))),
        (CPP.to_string(), Box::new(|suite| native::cpp(suite, &wine.toolchain(CPP)?))),
    ];
    report::run(suites)
}

fn rust(suite: &mut Suite, wine: &Wine) -> Result<()> {
    let mut command = wine.cargo("test");
    command.args(["--no-fail-fast", "--lib", "--tests", "--"]);
    for test in skipped(RUST) {
        command.args(["--skip", test]);
        // Cargo's tests do not count what they are told to leave out.
        suite.skip(test);
    }
    suite.tests("cargo test", &mut command, cargo_results);
    Ok(())
}

/// A Wine of our own: its files below the target directory, no window, no words.
struct Wine {
    loader: PathBuf,
    prefix: PathBuf,
}

impl Wine {
    fn prepare() -> Result<Wine> {
        let loader = setup::wine().ok_or("Missing: 64-bit Wine.")?;
        let wine = Wine { loader, prefix: workspace::target().join("xtask/wine-prefix") };
        let system = wine.prefix.join("drive_c/windows/system32");
        if !system.join("kernel32.dll").is_file() {
            workspace::make_directory(&wine.prefix)?;
            wine.run(&["wineboot", "--init"])?;
        }
        let mut library = Command::new(C_COMPILER);
        library.arg("-shared").arg("-o").arg(system.join("bcryptprimitives.dll"));
        library.arg(workspace::root().join("xtask/wine/bcryptprimitives.c")).arg("-ladvapi32");
        workspace::run(&mut library)?;
        Ok(wine)
    }

    fn environment(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("WINEPREFIX", self.prefix.clone().into()),
            ("WINEDEBUG", "-all".into()),
            // Neither a screen nor offers to install what programs of ours never need.
            ("DISPLAY", "".into()),
            ("WINEDLLOVERRIDES", "mscoree=;mshtml=;winemenubuilder.exe=".into()),
        ]
    }

    fn run(&self, words: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.loader);
        command.args(words).envs(self.environment()).stdin(Stdio::null());
        workspace::run(command.stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// A cargo command about the library for Windows.
    fn cargo(&self, name: &str) -> Command {
        let mut command = workspace::cargo();
        command.args([name, "--target", TARGET, "--package", PACKAGE]);
        command.env("RUSTFLAGS", "-D warnings");
        command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", C_COMPILER);
        command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", &self.loader);
        command
            .env("CC_x86_64_pc_windows_gnu", C_COMPILER)
            .env("CXX_x86_64_pc_windows_gnu", CPP_COMPILER);
        command.envs(self.environment());
        command
    }

    /// Compilers for programs beside which the DLL lies.
    fn toolchain(&self, name: &str) -> Result<Toolchain> {
        let system = System::WindowsGnu;
        workspace::run(self.cargo("build").args(["--quiet", "--lib"]))?;
        let built = workspace::target().join(TARGET).join("debug");
        let output = workspace::scratch(name)?;
        workspace::copy(
            &built.join(system.dynamic_library()),
            &output.join(system.dynamic_library()),
        )?;
        let import = system.import_library().expect("Windows has import libraries");
        Ok(Toolchain {
            system,
            c_compiler: C_COMPILER.to_string(),
            cpp_compiler: CPP_COMPILER.to_string(),
            options: Vec::new(),
            // Sockets of the tests' own; the compiler's own libraries go into the program.
            link: vec![built.join(import).into(), "-lws2_32".into(), "-static".into()],
            runner: Some(self.loader.clone()),
            environment: self.environment(),
            skipped: skipped(name),
            output,
        })
    }
}

impl Drop for Wine {
    /// Ends the server of this prefix, which would stay for some seconds.
    fn drop(&mut self) {
        let server = self.loader.with_file_name("wineserver");
        // Without a running server there is nothing to end, and it says so by an error.
        let _ = Command::new(server).arg("-k").envs(self.environment()).output();
    }
}
