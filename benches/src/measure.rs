//! One running server under one load.

use crate::link::Link;
use crate::load::Load;
use crate::peers::Workload;
use crate::procfs;
use crate::syscalls::{Counting, Method};
use crate::table::Sample;
use std::io;
use std::net::SocketAddrV4;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Load before the measurement, so that caches, buffers and processor clocks have settled.
const WARM_UP: Duration = Duration::from_millis(100);
/// Length of the separate slice in which system calls are counted.
const SYSCALL_SLICE: Duration = Duration::from_millis(200);
/// The kernel adds up the time of a thread when it goes to sleep; all threads of the server do so
/// within this time after the last echo.
const SETTLE: Duration = Duration::from_micros(300);

/// A load that is connected to a server and may be applied slice by slice.
pub struct Measurement {
    load: Box<dyn Load>,
    pid: u32,
    cipher: Option<String>,
}

impl Measurement {
    /// Checks that the server returns what it gets, connects the load, and warms up. The check is
    /// made before each measurement, not only once, as it also brings the server's allocator into
    /// the state of a server that has seen large messages: asyncio costs half as much after it.
    pub fn begin(
        link: Link,
        address: SocketAddrV4,
        pid: u32,
        workload: Workload,
    ) -> io::Result<Self> {
        let cipher = link.verify(workload, address)?;
        let Some(mut load) = link.begin(workload, address)? else {
            return Err(io::Error::other("the idle load is not measured in slices"));
        };
        load.run_for(WARM_UP)?;
        load.latency().clear();
        Ok(Measurement { load, pid, cipher })
    }

    /// What an encrypted server agreed on.
    pub fn cipher(&self) -> Option<&str> {
        self.cipher.as_deref()
    }

    /// Applies the load for `duration`: CPU time per message, rate, and disturbance.
    pub fn slice(&mut self, duration: Duration) -> io::Result<Sample> {
        let scheduling = || {
            sleep(SETTLE);
            procfs::scheduling(self.pid).zip(procfs::scheduling(std::process::id()))
        };
        let before = scheduling();
        let slice = self.load.run_for(duration)?;
        let after = scheduling();
        let (messages, elapsed) = (slice.messages as f64, slice.elapsed as f64);
        let used =
            before.zip(after).map(|((server, generator), (server_after, generator_after))| {
                let run = server_after.run.saturating_sub(server.run) as f64;
                let server_wait = server_after.wait.saturating_sub(server.wait);
                let generator_wait = generator_after.wait.saturating_sub(generator.wait);
                (run / messages, (server_wait.max(generator_wait) as f64 / elapsed).min(1.0))
            });
        Ok(Sample {
            cpu: used.map(|(cpu, _)| cpu),
            rate: Some(messages / elapsed * 1e9),
            lost: Some(slice.lost as f64 / (messages + slice.lost as f64)),
            disturbance: used.map(|(_, disturbance)| disturbance),
            ..Sample::default()
        })
    }

    /// 50th, 99th and 99.9th percentile over all slices so far, in nanoseconds.
    pub fn latency(&mut self) -> Option<[u64; 3]> {
        let latency = self.load.latency();
        Some([latency.quantile(0.5)?, latency.quantile(0.99)?, latency.quantile(0.999)?])
    }

    /// System calls per message, counted in a further slice. `directory` is for files of the
    /// counting tool.
    pub fn syscalls(&mut self, method: Method, directory: &Path) -> io::Result<Option<f64>> {
        let Some(counting) = Counting::start(method, self.pid, directory)? else { return Ok(None) };
        // Strace needs a longer look, as hardly any messages get through.
        let duration = if method == Method::Strace { SYSCALL_SLICE * 4 } else { SYSCALL_SLICE };
        let messages = self.load.run_for(duration)?.messages;
        Ok(Some(counting.finish()? as f64 / messages as f64))
    }
}

/// Holds idle connections: memory and the effort to open them.
pub fn measure_idle(
    link: Link,
    address: SocketAddrV4,
    pid: u32,
    connections: usize,
) -> io::Result<Sample> {
    let report = link.hold_idle(address, pid, connections)?;
    let held = report.connections as f64;
    let open_time = report.open_time as f64 / 1e9;
    Ok(Sample {
        cpu: report.cpu_time.map(|time| time as f64 / held),
        rate: Some(held / open_time),
        idle_bytes: report.bytes_per_connection,
        open_time: Some(open_time),
        ..Sample::default()
    })
}
