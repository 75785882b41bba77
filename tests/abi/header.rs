//! The header as a compiler sees it.

use std::mem::size_of;

use cppserver::ffi::*;

use crate::support::text;

const HEADER: &str = include_str!("../../include/cppserver.h");

/// The value of a `#define` of the header.
fn defined(name: &str) -> &'static str {
    let line = HEADER.lines().find(|line| line.starts_with(&format!("#define {name} ")));
    line.unwrap().rsplit(' ').next().unwrap()
}

#[test]
fn its_version_is_that_of_the_library() {
    let version = ["MAJOR", "MINOR", "PATCH"]
        .map(|part| defined(&format!("CPPSERVER_VERSION_{part}")))
        .join(".");
    assert_eq!(version, text(cppserver_version()));
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn its_lines_are_short_enough_to_read() {
    for (index, line) in HEADER.lines().enumerate() {
        assert!(line.chars().count() <= 100, "line {} is too long: {line}", index + 1);
    }
}

/// windows.h defines these as macros; a program may include it first.
#[test]
fn its_names_are_free_on_windows() {
    for line in HEADER.lines().filter(|line| !line.trim_start().starts_with('*')) {
        let words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let taken = ["interface", "near", "far", "small", "min", "max"];
        let found = words.into_iter().find(|word| taken.contains(word));
        assert_eq!(found, None, "{line}");
    }
}

#[test]
fn its_handlers_have_the_size_of_the_librarys() {
    let word = size_of::<usize>();
    for (name, size) in [
        ("cppserver_service_handler", size_of::<cppserver_service_handler>()),
        ("cppserver_session_handler", size_of::<cppserver_session_handler>()),
        ("cppserver_server_handler", size_of::<cppserver_server_handler>()),
        ("cppserver_udp_handler", size_of::<cppserver_udp_handler>()),
        ("cppserver_sp_handler", size_of::<cppserver_sp_handler>()),
    ] {
        let start = HEADER.find(&format!("typedef struct {name} {{")).unwrap();
        let body = &HEADER[start..start + HEADER[start..].find(&format!("}} {name};")).unwrap()];
        let callbacks = body.lines().filter(|line| line.contains("(*")).count();
        assert_eq!((1 + callbacks) * word, size, "{name}");
    }
}

/// The echo server of the tour at the top of the header.
fn tour() -> String {
    let start = HEADER.find(" *     #include <cppserver.h>").unwrap();
    let lines = HEADER[start..].lines();
    let lines = lines.take_while(|line| *line == " *" || line.starts_with(" *     "));
    lines.map(|line| format!("{}\n", line.get(7..).unwrap_or(""))).collect()
}

#[test]
fn the_tour_is_a_whole_program() {
    let tour = tour();
    assert!(tour.contains("int main(void) {"));
    assert!(tour.trim_end().ends_with('}'));
}

/// Where the compilers are `cc` and `c++`.
#[cfg(unix)]
mod compilers {
    use std::io::Write;
    use std::path::Path;
    use std::process::{Command, Stdio};

    use super::tour;

    /// Compiles a program without linking it, every warning an error.
    fn compile(compiler: &str, standard: &str, language: &str, program: &str) {
        let mut child = Command::new(compiler)
            .args(["-x", language, standard, "-c", "-o", "/dev/null", "-Wall", "-Wextra"])
            .args(["-Wpedantic", "-Werror", "-I"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("include"))
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{compiler} is needed for this test: {error}"));
        child.stdin.take().unwrap().write_all(program.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{compiler} {standard}:\n{program}\n{messages}");
    }

    #[test]
    fn it_is_c99() {
        let program = "#include <cppserver.h>\n#include <cppserver.h>\nint unused;\n";
        compile("cc", "-std=c99", "c", program);
        compile("cc", "-std=c99", "c", &tour());
    }

    #[test]
    fn it_is_cpp14() {
        let program = "#include <cppserver.h>\n#include <cppserver.h>\nint unused;\n";
        compile("c++", "-std=c++14", "c++", program);
    }

    #[test]
    fn its_enums_have_the_numbers_of_the_library() {
        use cppserver::ffi::*;
        let mut program = String::from("#include <cppserver.h>\n");
        let mut check = |name: &str, number: i32| {
            let line =
                format!("typedef char check_{name}[CPPSERVER_{name} == {number} ? 1 : -1];\n");
            program.push_str(&line);
        };
        check("STATUS_OK", cppserver_status::Ok as i32);
        check("STATUS_INVALID_ARGUMENT", cppserver_status::InvalidArgument as i32);
        check("STATUS_UNSUPPORTED", cppserver_status::Unsupported as i32);
        check("STATUS_TLS", cppserver_status::Tls as i32);
        check("REASON_LOCAL", cppserver_reason::Local as i32);
        check("REASON_SERVICE_STOPPED", cppserver_reason::ServiceStopped as i32);
        check("REASON_TRUNCATED", cppserver_reason::Truncated as i32);
        check("KIND_BYTES", cppserver_kind::Bytes as i32);
        check("KIND_PONG", cppserver_kind::Pong as i32);
        check("OPTION_NO_DELAY", cppserver_option::NoDelay as i32);
        check("OPTION_KEEP_ALIVE_INTERVAL", cppserver_option::KeepAliveInterval as i32);
        check("OPTION_SESSION_LIMIT_PER_ADDRESS", 17);
        check("OPTION_RECEIVE_LIMIT", cppserver_option::ReceiveLimit as i32);
        check("OPTION_HANDSHAKE_TIMEOUT", cppserver_option::HandshakeTimeout as i32);
        check("SEND_POLICY_REFUSE", cppserver_send_policy::Refuse as i32);
        check("SEND_POLICY_DROP_OLDEST", cppserver_send_policy::DropOldest as i32);
        check("TLS_FAILURE_TRUNCATED", cppserver_tls_failure::Truncated as i32);
        check("TLS_FAILURE_SETTINGS", cppserver_tls_failure::Settings as i32);
        check("TLS_OPTION_VERIFY", cppserver_tls_option::Verify as i32);
        check("TLS_OPTION_DANGEROUS_ACCEPT_LEGACY_CERTIFICATES", 7);
        check("TLS_TEXT_VERSION", cppserver_tls_text::Version as i32);
        check("TLS_TEXT_PEER_SUBJECT", cppserver_tls_text::PeerSubject as i32);
        check("TLS_VERIFY_REQUIRE", cppserver_tls_verify::Require as i32);
        check("TLS_VERSION_TLS12", 0x303);
        check("TLS_VERSION_TLS13", 0x304);
        compile("cc", "-std=c99", "c", &program);
    }
}
