//! Medians and the table.

use crate::peers::{Peer, Suite, Workload};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What one slice, or one whole round, of one server under one load showed.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Turn it belongs to: all servers have one slice per turn, one right after the other, and
    /// ratios are taken within a turn.
    pub turn: usize,
    /// Server CPU time per message, in nanoseconds.
    pub cpu: Option<f64>,
    /// Messages per second.
    pub rate: Option<f64>,
    /// 50th, 99th and 99.9th percentile of the latency, in nanoseconds.
    pub latency: Option<[u64; 3]>,
    /// System calls per message.
    pub syscalls: Option<f64>,
    /// Private memory per idle connection, in bytes.
    pub idle_bytes: Option<f64>,
    /// Time until all idle connections were open and served, in seconds.
    pub open_time: Option<f64>,
    /// Share of the datagrams that did not arrive.
    pub lost: Option<f64>,
    /// Share of the time in which server or generator were ready to run but something else had
    /// their core.
    pub disturbance: Option<f64>,
}

/// A column that only some comparisons have.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// [`Sample::idle_bytes`].
    IdleBytes,
    /// [`Sample::open_time`].
    OpenTime,
    /// [`Sample::lost`].
    Lost,
}

impl Column {
    fn title(self) -> &'static str {
        match self {
            Column::IdleBytes => "idle bytes per connection",
            Column::OpenTime => "all opened in s",
            Column::Lost => "lost %",
        }
    }

    fn value(self, sample: &Sample) -> Option<f64> {
        match self {
            Column::IdleBytes => sample.idle_bytes,
            Column::OpenTime => sample.open_time,
            Column::Lost => sample.lost.map(|share| share * 100.0),
        }
    }

    fn places(self) -> usize {
        match self {
            Column::IdleBytes => 0,
            Column::OpenTime | Column::Lost => 2,
        }
    }

    /// One figure out of those of all slices: the median, but of losses, which are rare and come
    /// many at a time, the mean.
    fn summary(self, values: Vec<f64>) -> Option<f64> {
        match self {
            Column::Lost if values.is_empty() => None,
            Column::Lost => Some(values.iter().sum::<f64>() / values.len() as f64),
            _ => median(values),
        }
    }
}

/// All results, by load and server key.
pub struct Results {
    suite: &'static Suite,
    samples: BTreeMap<(Workload, &'static str), Vec<Sample>>,
    notes: BTreeMap<(Workload, &'static str), String>,
}

impl Results {
    /// Nothing yet.
    pub fn new(suite: &'static Suite) -> Self {
        Results { suite, samples: BTreeMap::new(), notes: BTreeMap::new() }
    }

    /// Adds a slice or a round.
    pub fn add(&mut self, workload: Workload, peer: &Peer, sample: Sample) {
        self.samples.entry((workload, peer.key)).or_default().push(sample);
    }

    /// Says why a server has no (further) figures under a load.
    pub fn note(&mut self, workload: Workload, peer: &Peer, note: String) {
        self.notes.insert((workload, peer.key), note);
    }

    /// True when the server is not worth another try under this load.
    pub fn noted(&self, workload: Workload, peer: &Peer) -> bool {
        self.notes.contains_key(&(workload, peer.key))
    }

    /// The table in Markdown: one row per load and server, medians.
    pub fn markdown(&self) -> String {
        let Suite { unit, yardstick, columns, .. } = self.suite;
        let mut text = format!(
            "| workload | server | server CPU ns per {unit} | ratio to {yardstick} | {unit}s/s | p50 us | p99 us \
             | p99.9 us | syscalls per {unit} |"
        );
        let last = columns.iter().map(|column| format!(" {} |", column.title()));
        text.extend(last);
        text += "\n|---|---|---:|---:|---:|---:|---:|---:|---:|";
        text += &"---:|".repeat(columns.len());
        text.push('\n');
        for &workload in self.suite.workloads {
            for peer in self.suite.peers {
                self.row(&mut text, workload, peer);
            }
        }
        text
    }

    /// Median and maximum of the disturbance over all slices.
    pub fn disturbance(&self) -> Option<(f64, f64)> {
        let all: Vec<f64> =
            self.samples.values().flatten().filter_map(|sample| sample.disturbance).collect();
        let most = all.iter().copied().fold(0.0, f64::max);
        median(all).map(|median| (median, most))
    }

    fn row(&self, text: &mut String, workload: Workload, peer: &Peer) {
        let key = (workload, peer.key);
        let samples = self.samples.get(&key).map_or(&[][..], Vec::as_slice);
        let note = self.notes.get(&key);
        if samples.is_empty() && note.is_none() {
            return;
        }
        let note =
            note.map(|note| format!(" ({})", note.replace(['|', '\n'], " "))).unwrap_or_default();
        let cells = if samples.is_empty() {
            vec![String::new(); 7 + self.suite.columns.len()]
        } else {
            let of = |value: &dyn Fn(&Sample) -> Option<f64>| {
                median(samples.iter().filter_map(value).collect())
            };
            let latency = |index: usize| {
                of(&|sample| sample.latency.map(|values| values[index] as f64 / 1e3))
            };
            let mut cells = vec![
                decimal(of(&|sample| sample.cpu), 0),
                decimal(self.ratio(workload, samples), 2),
                decimal(of(&|sample| sample.rate), 0),
                decimal(latency(0), 1),
                decimal(latency(1), 1),
                decimal(latency(2), 1),
                decimal(of(&|sample| sample.syscalls), 3),
            ];
            cells.extend(self.suite.columns.iter().map(|column| {
                let values = samples.iter().filter_map(|sample| column.value(sample));
                decimal(column.summary(values.collect()), column.places())
            }));
            cells
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {}{note} | {} |",
            workload.title(),
            peer.label,
            cells.join(" | ")
        );
    }

    /// Median of the ratios within each turn, so that a machine which gets slower over time does
    /// not distort them.
    fn ratio(&self, workload: Workload, samples: &[Sample]) -> Option<f64> {
        let yardstick = self.samples.get(&(workload, self.suite.peers[0].key))?;
        let ratios = samples.iter().filter_map(|sample| {
            let base = yardstick.iter().find(|base| base.turn == sample.turn)?;
            Some(sample.cpu? / base.cpu?)
        });
        median(ratios.collect())
    }
}

/// The middle value, or the mean of the two middle ones; `None` without values.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// A number with thousands separated by commas; "n/a" for `None`.
pub(crate) fn decimal(value: Option<f64>, places: usize) -> String {
    let Some(value) = value else { return "n/a".to_owned() };
    let text = format!("{value:.places$}");
    let end = text.find('.').unwrap_or(text.len());
    let begin = usize::from(text.starts_with('-'));
    let mut out = text[..begin].to_owned();
    for (index, digit) in text[begin..end].chars().enumerate() {
        if index > 0 && (end - begin - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out + &text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peers::{TCP, UDP};

    fn find(key: &str) -> &'static Peer {
        TCP.peers.iter().find(|peer| peer.key == key).expect("a peer")
    }

    fn sample(turn: usize, cpu: f64) -> Sample {
        Sample {
            turn,
            cpu: Some(cpu),
            rate: Some(1_234_567.0),
            latency: Some([1_500, 2_000, 3_000]),
            ..Sample::default()
        }
    }

    #[test]
    fn medians() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
    }

    #[test]
    fn decimals() {
        assert_eq!(decimal(Some(1_234_567.891), 0), "1,234,568");
        assert_eq!(decimal(Some(0.0649), 3), "0.065");
        assert_eq!(decimal(Some(-1_234.5), 1), "-1,234.5");
        assert_eq!(decimal(Some(999.0), 0), "999");
        assert_eq!(decimal(None, 0), "n/a");
    }

    #[test]
    fn ratios_are_paired_by_turn() {
        let mut results = Results::new(&TCP);
        for (turn, drift) in [1.0, 2.0, 4.0].into_iter().enumerate() {
            results.add(Workload::PingPong, find("raw-epoll"), sample(turn, 100.0 * drift));
            results.add(Workload::PingPong, find("mio"), sample(turn, 150.0 * drift));
        }
        let text = results.markdown();
        let row = text.lines().find(|line| line.contains("mio")).expect("a row");
        assert_eq!(
            row,
            "| ping-pong 100, 32 B | mio (Rust) | 300 | 1.50 | 1,234,567 | 1.5 | 2.0 | 3.0 | n/a | n/a | n/a |"
        );
    }

    #[test]
    fn losses_are_averaged() {
        let mut results = Results::new(&UDP);
        let peer = &UDP.peers[0];
        for lost in [0.0, 0.0, 0.003] {
            let sample = Sample { lost: Some(lost), ..sample(0, 1.0) };
            results.add(Workload::Windows, peer, sample);
        }
        let text = results.markdown();
        assert!(text.lines().next().is_some_and(|line| line.ends_with("| lost % |")), "{text}");
        assert!(text.ends_with("| 0.10 |\n"), "{text}");
    }

    #[test]
    fn disturbance_over_all_runs() {
        let mut results = Results::new(&TCP);
        assert_eq!(results.disturbance(), None);
        for disturbance in [0.01, 0.25, 0.02] {
            let sample = Sample { disturbance: Some(disturbance), ..sample(0, 1.0) };
            results.add(Workload::Large, find("mio"), sample);
        }
        assert_eq!(results.disturbance(), Some((0.02, 0.25)));
    }

    #[test]
    fn rows_without_figures_say_why() {
        let mut results = Results::new(&TCP);
        results.note(Workload::Large, find("libuv"), "skipped: install libuv1-dev".to_owned());
        let text = results.markdown();
        assert!(text.contains("| libuv (C) (skipped: install libuv1-dev) |"), "{text}");
        assert_eq!(text.lines().count(), 3);
        assert!(
            results.noted(Workload::Large, find("libuv"))
                && !results.noted(Workload::Idle, find("libuv"))
        );
    }
}
