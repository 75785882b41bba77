//! Medians and the table.

use super::libraries::{LIBRARIES, Library};
use super::{Load, Slice, Transport};
use crate::table::{decimal, median};
use std::collections::BTreeMap;
use std::fmt::Write;

type Key = (Load, Transport, &'static str);

/// What a library has shown under a load.
#[derive(Default)]
struct Findings {
    /// With the turn that they belong to: all libraries have one slice per turn.
    slices: Vec<(usize, Slice)>,
    /// Percentiles of each round.
    latencies: Vec<[u64; 3]>,
    /// Why there are no, or no further, figures.
    note: Option<String>,
}

/// All results.
#[derive(Default)]
pub(super) struct Results(BTreeMap<Key, Findings>);

impl Results {
    fn findings(
        &mut self,
        (load, transport): (Load, Transport),
        library: &Library,
    ) -> &mut Findings {
        self.0.entry((load, transport, library.key)).or_default()
    }

    pub(super) fn add_slice(
        &mut self,
        of: (Load, Transport),
        library: &Library,
        turn: usize,
        slice: Slice,
    ) {
        self.findings(of, library).slices.push((turn, slice));
    }

    pub(super) fn add_latency(
        &mut self,
        of: (Load, Transport),
        library: &Library,
        latency: Option<[u64; 3]>,
    ) {
        self.findings(of, library).latencies.extend(latency);
    }

    pub(super) fn note(&mut self, of: (Load, Transport), library: &Library, note: String) {
        self.findings(of, library).note = Some(note);
    }

    /// True when it is not worth another try.
    pub(super) fn noted(&self, (load, transport): (Load, Transport), library: &Library) -> bool {
        let findings = self.0.get(&(load, transport, library.key));
        findings.is_some_and(|findings| findings.note.is_some())
    }

    /// The table in Markdown.
    pub(super) fn markdown(&self) -> String {
        let mut text = "| workload | over | library | messages/s | ratio to libnanomsg | p50 us \
                        | p99 us | p99.9 us | CPU ns per message, sending side | answering side \
                        | both |\n|---|---|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
            .to_owned();
        for load in Load::ALL {
            for transport in Transport::ALL {
                for library in LIBRARIES {
                    if let Some(findings) = self.0.get(&(load, transport, library.key)) {
                        self.row(&mut text, (load, transport), library, findings);
                    }
                }
            }
        }
        text
    }

    fn row(
        &self,
        text: &mut String,
        (load, transport): (Load, Transport),
        library: &Library,
        findings: &Findings,
    ) {
        let note = findings.note.as_ref();
        let note = note.map(|note| format!(" ({})", note.replace(['|', '\n'], " ")));
        let of = |value: &dyn Fn(&Slice) -> Option<f64>| {
            median(findings.slices.iter().filter_map(|(_, slice)| value(slice)).collect())
        };
        let latency = |index: usize| {
            let rounds = findings.latencies.iter().map(|latency| latency[index] as f64 / 1e3);
            decimal(median(rounds.collect()), 1)
        };
        let sides = |slice: &Slice| slice.cpu.and_then(|(own, other)| Some((own, other?)));
        let cells = match findings.slices[..] {
            [] => vec![String::new(); 8],
            _ => vec![
                decimal(of(&|slice| Some(slice.rate)), 0),
                decimal(self.ratio((load, transport), findings), 2),
                latency(0),
                latency(1),
                latency(2),
                decimal(of(&|slice| sides(slice).map(|sides| sides.0)), 0),
                decimal(of(&|slice| sides(slice).map(|sides| sides.1)), 0),
                decimal(of(&|slice| slice.cpu.map(|(own, other)| own + other.unwrap_or(0.0))), 0),
            ],
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {}{} | {} |",
            load.title(),
            transport.key(),
            library.label,
            note.unwrap_or_default(),
            cells.join(" | ")
        );
    }

    /// Median of the ratios of the rates within each turn, so that a machine which gets slower over
    /// time does not distort them.
    fn ratio(&self, (load, transport): (Load, Transport), findings: &Findings) -> Option<f64> {
        let yardstick = self.0.get(&(load, transport, LIBRARIES[0].key))?;
        let ratios = findings.slices.iter().filter_map(|(turn, slice)| {
            let (_, base) = yardstick.slices.iter().find(|(other, _)| other == turn)?;
            Some(slice.rate / base.rate)
        });
        median(ratios.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: (Load, Transport) = (Load::Request, Transport::Tcp);

    #[test]
    fn ratios_are_paired_by_turn_and_sides_told_apart() {
        let mut results = Results::default();
        for (turn, drift) in [1.0, 2.0, 4.0].into_iter().enumerate() {
            let slice = Slice { rate: 1000.0 / drift, cpu: Some((100.0, Some(50.0))), used: 0 };
            results.add_slice(OF, &LIBRARIES[0], turn, slice);
            let slice = Slice { rate: 3000.0 / drift, cpu: Some((10.0, None)), used: 0 };
            results.add_slice(OF, &LIBRARIES[1], turn, slice);
        }
        results.add_latency(OF, &LIBRARIES[1], Some([1_500, 2_000, 3_000]));
        let text = results.markdown();
        let rows: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(
            rows,
            [
                "| request and reply, 32 B | tcp | libnanomsg (C) | 500 | 1.00 | n/a | n/a | n/a | \
                 100 | 50 | 150 |",
                "| request and reply, 32 B | tcp | libnng, asynchronous (C) | 1,500 | 3.00 | 1.5 | \
                 2.0 | 3.0 | n/a | n/a | 10 |"
            ]
        );
    }

    #[test]
    fn rows_without_figures_say_why() {
        let mut results = Results::default();
        results.note(OF, &LIBRARIES[0], "skipped: install libnanomsg-dev".to_owned());
        assert!(results.noted(OF, &LIBRARIES[0]) && !results.noted(OF, &LIBRARIES[1]));
        let text = results.markdown();
        let row = "libnanomsg (C) (skipped: install libnanomsg-dev) |  |";
        assert!(text.contains(row), "{text}");
        assert_eq!(text.lines().count(), 3);
    }
}
