//! Command line of the benchmarks: see `benches/README.md`.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    cppserver_bench::cli::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("cppserver-bench measures with epoll, /proc and perf events: it runs on Linux only");
    std::process::ExitCode::FAILURE
}
