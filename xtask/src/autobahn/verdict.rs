//! What the suite says of a case, and whether that is good enough.

use crate::workspace::Result;

/// The kinds that every summary counts, the good ones too.
const KINDS: [&str; 5] = ["OK", "NON-STRICT", "INFORMATIONAL", "FAILED", "UNIMPLEMENTED"];

/// Neither good nor bad: what the standard leaves open, such as 7.1.6 and the close codes above 5000.
const GOOD: [&str; 2] = ["OK", "INFORMATIONAL"];

pub struct Verdict {
    pub case: String,
    behaviour: String,
    /// The same about the end of the connection.
    closing: String,
    /// What the suite found, as a sentence or two.
    found: String,
}

impl Verdict {
    /// Where the case stands among the others: 9.8.2 in front of 10.1.1.
    pub fn place(&self) -> Vec<u32> {
        self.case.split('.').map(|part| part.parse().unwrap_or_default()).collect()
    }

    pub fn judge(&self) -> Result<()> {
        let good = |kind: &String| GOOD.contains(&kind.as_str());
        if good(&self.behaviour) && good(&self.closing) {
            return Ok(());
        }
        Err(format!("{}, closing {}: {}", self.behaviour, self.closing, self.found))
    }
}

/// Reads lines of case, behaviour, behaviour when closing, milliseconds, and what was found.
pub fn read(text: &str) -> Result<Vec<Verdict>> {
    let verdict = |line: &str| {
        let mut fields = line.split('\t').map(str::to_string);
        let (case, behaviour, closing) = (fields.next()?, fields.next()?, fields.next()?);
        let (_milliseconds, found) = (fields.next()?, fields.next()?);
        Some(Verdict { case, behaviour, closing, found })
    };
    text.lines()
        .map(|line| verdict(line).ok_or(format!("The report of the suite has a line `{line}`.")))
        .collect()
}

/// How many cases are of which kind, with the numbers of those that are not simply `OK`.
pub fn summary(verdicts: &[&Verdict]) -> String {
    let mut kinds = KINDS.to_vec();
    for verdict in verdicts {
        if !kinds.contains(&verdict.behaviour.as_str()) {
            kinds.push(&verdict.behaviour);
        }
    }
    let of = |kind: &str| -> Vec<&str> {
        let those = verdicts.iter().filter(|verdict| verdict.behaviour == kind);
        those.map(|verdict| verdict.case.as_str()).collect()
    };
    let counts: Vec<String> =
        kinds.iter().map(|kind| format!("{} {kind}", of(kind).len())).collect();
    let mut summary = format!("{} cases: {}", verdicts.len(), counts.join(", "));
    for kind in kinds.iter().filter(|kind| **kind != "OK" && !of(kind).is_empty()) {
        summary += &format!("\n    {kind}: {}", of(kind).join(" "));
    }
    for verdict in verdicts.iter().filter(|verdict| verdict.closing != "OK") {
        summary += &format!("\n    closing {}: {}", verdict.closing, verdict.case);
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "1.1.1\tOK\tOK\t2\tGood.\n\
                          7.1.6\tINFORMATIONAL\tINFORMATIONAL\t3\tOpen.\n\
                          6.4.1\tNON-STRICT\tOK\t4\tLate.\n\
                          7.3.1\tOK\tUNCLEAN\t5\tDropped.\n\
                          12.1.1\tUNIMPLEMENTED\tOK\t6\t\n";

    #[test]
    fn only_good_behaviour_passes() {
        let verdicts = read(REPORT).expect("five lines");
        let good: Vec<bool> = verdicts.iter().map(|verdict| verdict.judge().is_ok()).collect();
        assert_eq!(good, [true, true, false, false, false]);
        assert_eq!(verdicts[2].judge(), Err("NON-STRICT, closing OK: Late.".to_string()));
        assert!(read("1.1.1\tOK\n").is_err());
        assert!(verdicts[3].place() < verdicts[4].place());
    }

    #[test]
    fn the_summary_names_what_is_not_simply_ok() {
        let verdicts = read(REPORT).expect("five lines");
        let summary = summary(&verdicts.iter().collect::<Vec<_>>());
        let lines: Vec<&str> = summary.lines().map(str::trim).collect();
        assert_eq!(
            lines,
            [
                "5 cases: 2 OK, 1 NON-STRICT, 1 INFORMATIONAL, 0 FAILED, 1 UNIMPLEMENTED",
                "NON-STRICT: 6.4.1",
                "INFORMATIONAL: 7.1.6",
                "UNIMPLEMENTED: 12.1.1",
                "closing INFORMATIONAL: 7.1.6",
                "closing UNCLEAN: 7.3.1",
            ]
        );
    }
}
