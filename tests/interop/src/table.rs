//! What was seen, in one table for each peer.

use std::fmt::{self, Display, Formatter};

use crate::plan::Case;

/// Cases with how they ended, in the order of the plan.
pub struct Table<'a>(pub Vec<(&'a Case, bool)>);

impl Table<'_> {
    pub fn is_good(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|(_, passed)| *passed)
    }

    /// Different values, in the order in which they come first.
    fn values<T: PartialEq>(&self, value: impl Fn(&Case) -> T) -> Vec<T> {
        let mut values = Vec::new();
        for (case, _) in &self.0 {
            let value = value(case);
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

impl Display for Table<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        for kind in self.values(|case| case.program.kind) {
            let of_peer = |(case, _): &&(&Case, bool)| case.program.kind == kind;
            let part = Table(self.0.iter().filter(of_peer).copied().collect());
            let columns = part.values(|case| case.link().name());
            let rule = "|---".repeat(columns.len() + 1);
            writeln!(formatter, "\n| {} | {} |\n{rule}|", kind.name(), columns.join(" | "))?;
            for row in part.values(Case::row) {
                write!(formatter, "| {row} |")?;
                for column in &columns {
                    let cell = part
                        .0
                        .iter()
                        .find(|(case, _)| case.row() == row && case.link().name() == *column);
                    let shown = match cell {
                        Some((_, true)) => "ok",
                        Some((_, false)) => "FAILED",
                        None => "",
                    };
                    write!(formatter, " {shown} |")?;
                }
                writeln!(formatter)?;
            }
        }
        let passed = self.0.iter().filter(|(_, passed)| *passed).count();
        writeln!(formatter, "\n{passed} passed, {} failed", self.0.len() - passed)
    }
}
