//! Counts the system calls of another process: by a perf event on the kernel's own tracepoint,
//! which hardly disturbs the process, or else by a short `strace -c`, which slows it a lot.

use crate::process::wait;
use crate::procfs;
use crate::sys;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TRACEPOINT: &str = "/sys/kernel/tracing/events/raw_syscalls/sys_enter/id";

/// The way that works on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Perf events on this tracepoint.
    Perf(u64),
    /// `strace -c -f`.
    Strace,
    /// Neither: the column stays empty.
    None,
}

impl Method {
    /// Tries what this machine offers.
    pub fn find() -> Self {
        if let Some(id) = tracepoint()
            && Counter::open(id, std::process::id() as i32).is_ok()
        {
            return Method::Perf(id);
        }
        let strace =
            Command::new("strace").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if strace.is_ok_and(|status| status.success()) { Method::Strace } else { Method::None }
    }

    /// What the table says about it.
    pub fn description(self) -> &'static str {
        match self {
            Method::Perf(_) => "perf event raw_syscalls:sys_enter",
            Method::Strace => "strace -c -f, which slows the server",
            Method::None => "n/a: neither perf events nor strace can be used",
        }
    }
}

/// The tracepoint's number. Where tracefs is not mounted, root can look at it in a mount namespace
/// that ends with the command, so that nothing changes for the rest of the machine.
fn tracepoint() -> Option<u64> {
    if let Ok(text) = fs::read_to_string(TRACEPOINT) {
        return text.trim().parse().ok();
    }
    if !sys::is_root() {
        return None;
    }
    let script = format!("mount -t tracefs none /sys/kernel/tracing && cat {TRACEPOINT}");
    let output = Command::new("unshare")
        .args(["-m", "sh", "-c", &script])
        .stdin(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// The start of `struct perf_event_attr`, as far as its first published version goes (64 bytes).
#[repr(C)]
struct PerfAttributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

const PERF_TYPE_TRACEPOINT: u32 = 2;
/// Bit of `flags`: threads that the watched one starts are counted too.
const PERF_INHERIT: u64 = 1 << 1;

struct Counter(File);

impl Counter {
    fn open(tracepoint: u64, thread: i32) -> io::Result<Self> {
        let attributes = PerfAttributes {
            kind: PERF_TYPE_TRACEPOINT,
            size: size_of::<PerfAttributes>() as u32,
            config: tracepoint,
            sample_period: 0,
            sample_type: 0,
            read_format: 0,
            flags: PERF_INHERIT,
            wakeup: 0,
            breakpoint_type: 0,
            breakpoint_address: 0,
        };
        const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
        // SAFETY: the attributes are valid during the call; the new descriptor belongs to the File
        // alone.
        unsafe {
            let fd = libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                thread,
                -1,
                -1,
                PERF_FLAG_FD_CLOEXEC,
            );
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Counter(File::from_raw_fd(fd as i32)))
        }
    }

    fn read(&self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        (&self.0).read_exact(&mut bytes)?;
        Ok(u64::from_ne_bytes(bytes))
    }
}

/// A count that is going on.
pub enum Counting {
    #[doc(hidden)]
    Perf(Vec<PerfCount>),
    #[doc(hidden)]
    Strace { child: Child, report: PathBuf },
}

#[doc(hidden)]
pub struct PerfCount {
    counter: Counter,
    begin: u64,
}

impl Counting {
    /// Starts to count the system calls of all threads of `pid`. `None` when no method works.
    /// `directory` is for strace's report.
    pub fn start(method: Method, pid: u32, directory: &Path) -> io::Result<Option<Self>> {
        match method {
            Method::None => Ok(None),
            Method::Perf(tracepoint) => procfs::threads(pid)
                .into_iter()
                .map(|thread| {
                    let counter = Counter::open(tracepoint, thread)?;
                    Ok(PerfCount { begin: counter.read()?, counter })
                })
                .collect::<io::Result<_>>()
                .map(|counters| Some(Counting::Perf(counters))),
            Method::Strace => start_strace(pid, directory).map(Some),
        }
    }

    /// Ends the count and returns the number of system calls.
    pub fn finish(self) -> io::Result<u64> {
        match self {
            Counting::Perf(counters) => counters
                .iter()
                .try_fold(0, |sum, count| Ok(sum + count.counter.read()? - count.begin)),
            Counting::Strace { mut child, report } => {
                sys::interrupt_child(&child);
                if wait(&mut child, Duration::from_secs(5))?.is_none() {
                    child.kill()?;
                    child.wait()?;
                    return Err(io::Error::other("strace did not end"));
                }
                let text = fs::read_to_string(&report)?;
                fs::remove_file(&report)?;
                parse_strace(&text).ok_or_else(|| io::Error::other("strace reported no total"))
            }
        }
    }
}

fn start_strace(pid: u32, directory: &Path) -> io::Result<Counting> {
    let report = directory.join(format!("strace-{pid}.txt"));
    let mut child = Command::new("strace")
        .args(["-c", "-f", "-o"])
        .arg(&report)
        .args(["-p", &pid.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let Some(mut output) = child.stderr.take() else {
        return Err(io::Error::other("no output of strace"));
    };
    let begin = Instant::now();
    let mut said = String::new();
    while !said.contains("attached") {
        let mut buffer = [0; 256];
        let ready = sys::wait_readable(output.as_raw_fd(), Duration::from_millis(100));
        let size = match ready {
            Ok(true) => output.read(&mut buffer)?,
            Ok(false) if begin.elapsed() < Duration::from_secs(5) => continue,
            _ => 0,
        };
        if size == 0 {
            child.kill()?;
            child.wait()?;
            return Err(io::Error::other(format!("strace did not attach: {}", said.trim())));
        }
        said.push_str(&String::from_utf8_lossy(&buffer[..size]));
    }
    child.stderr = Some(output);
    Ok(Counting::Strace { child, report })
}

/// The calls column of the line "100.00  0.001234  1  4711  12 total".
fn parse_strace(text: &str) -> Option<u64> {
    let line = text.lines().rev().find(|line| line.trim_end().ends_with("total"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn reads_straces_total() {
        let text = "% time     seconds  usecs/call     calls    errors syscall\n\
                    ------ ----------- ----------- --------- --------- ----------------\n \
                    60.00    0.000600           1       600           recvfrom\n\
                    ------ ----------- ----------- --------- --------- ----------------\n\
                    100.00    0.001000           1      1000        20 total\n";
        assert_eq!(parse_strace(text), Some(1000));
        assert_eq!(parse_strace("nothing"), None);
    }

    /// Fifty reads and fifty writes of `cat`, counted with this method.
    fn count_cat(method: Method) -> io::Result<Option<u64>> {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(mut input), Some(mut output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let mut exchange = |times: usize| {
            (0..times).try_for_each(|_| {
                input.write_all(b"x")?;
                output.read_exact(&mut [0; 1])
            })
        };
        // After one exchange the program has been loaded and waits in its loop.
        exchange(1)?;
        let calls = match Counting::start(method, child.id(), &std::env::temp_dir()) {
            Ok(Some(counting)) => exchange(50).and_then(|()| counting.finish()).map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        drop(input);
        child.wait()?;
        calls
    }

    #[test]
    fn counts_calls_with_the_method_that_was_found() {
        let method = Method::find();
        match count_cat(method).expect("the method that was found works") {
            Some(calls) => {
                assert!((98..=102).contains(&calls), "{calls} calls for 50 reads and 50 writes")
            }
            None => assert_eq!(method, Method::None),
        }
    }

    #[test]
    fn strace_counts_the_same_where_it_may_be_used() {
        // Without strace, or where tracing is forbidden, this is the error that the driver reports.
        match count_cat(Method::Strace) {
            Ok(calls) => assert!(
                (98..=104).contains(&calls.expect("a count")),
                "{calls:?} calls for 50 reads and 50 writes"
            ),
            Err(error) => {
                assert!(Method::find() != Method::Strace, "strace was found but failed: {error}")
            }
        }
    }
}
