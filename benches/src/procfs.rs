//! What the kernel tells about a process and the machine under `/proc`.

use std::fs;

/// What the scheduler gave to a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// Time on a core, in nanoseconds.
    pub run: u64,
    /// Time ready to run while something else had the core, in nanoseconds.
    pub wait: u64,
}

/// Sums over all threads of the process: the first two fields of `/proc/PID/task/*/schedstat`.
/// `None` when the kernel does not count them or the process has ended.
pub fn scheduling(pid: u32) -> Option<Scheduling> {
    let mut sum = Scheduling::default();
    for task in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        // A thread may end between the listing and the reading; its time is then not counted.
        let Ok(text) = fs::read_to_string(task.ok()?.path().join("schedstat")) else { continue };
        let mut fields = text.split_whitespace();
        sum.run += fields.next()?.parse::<u64>().ok()?;
        sum.wait += fields.next()?.parse::<u64>().ok()?;
    }
    (sum.run > 0).then_some(sum)
}

/// CPU time that all threads of the process have used so far, in nanoseconds.
pub fn cpu_time(pid: u32) -> Option<u64> {
    scheduling(pid).map(|sum| sum.run)
}

/// Time that these cores were not idle, in nanoseconds, as far as a clock that ticks a hundred times
/// a second can tell. `None` when there are none.
pub fn busy(cores: &[usize]) -> Option<u64> {
    const TICK: u64 = 10_000_000;
    let text = fs::read_to_string("/proc/stat").ok()?;
    let ticks = cores.iter().map(|core| busy_ticks(&text, *core));
    ticks.reduce(|sum, ticks| Some(sum? + ticks?))?.map(|ticks| ticks * TICK)
}

/// All but the times that a core was idle, or idle until a disk was done.
fn busy_ticks(text: &str, core: usize) -> Option<u64> {
    let name = format!("cpu{core} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name))?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let &[user, nice, system, _idle, _wait, interrupts, soft, stolen, ..] = &fields[..] else {
        return None;
    };
    Some(user + nice + system + interrupts + soft + stolen)
}

/// Memory that only this process has and has written to, in bytes: `Private_Dirty` of
/// `/proc/PID/smaps_rollup`. Program text that happened to be paged in is not in it, kernel memory
/// of the sockets neither.
pub fn private_memory(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    field(&text, "Private_Dirty:").map(|kibibytes| kibibytes * 1024)
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Threads of the process, by id.
pub fn threads(pid: u32) -> Vec<i32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks.filter_map(|task| task.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// One line about the machine: processor, kernel, number of cores.
pub fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors
        .lines()
        .find_map(|line| {
            line.strip_prefix("model name")?.split_once(':').map(|(_, name)| name.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, Linux {}, {cores} cores", kernel.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_this_process() {
        let pid = std::process::id();
        assert!(private_memory(pid).expect("smaps_rollup") > 0);
        assert!(threads(pid).contains(&(pid as i32)));
        assert!(machine().contains("Linux"));
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let pid = std::process::id();
        let before = cpu_time(pid).expect("schedstat");
        let begin = std::time::Instant::now();
        while begin.elapsed() < std::time::Duration::from_millis(100) {
            std::hint::spin_loop();
        }
        assert!(cpu_time(pid).expect("schedstat") > before);
    }

    #[test]
    fn tells_how_busy_cores_are() {
        let text =
            "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 400 500 6 7 8 9 0\ncpu10 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(busy_ticks(text, 0), Some(27));
        assert_eq!(busy_ticks(text, 10), Some(6));
        assert_eq!(busy_ticks(text, 1), None);
        assert_eq!(busy(&[]), None);
        assert!(busy(&[0]).is_some());
    }

    #[test]
    fn finds_fields() {
        assert_eq!(field("Rss:  12 kB\nPrivate_Dirty:   345 kB\n", "Private_Dirty:"), Some(345));
        assert_eq!(field("Rss: 12 kB\n", "Private_Dirty:"), None);
    }
}
