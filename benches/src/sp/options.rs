//! The command line of this comparison.

use super::libraries::{LIBRARIES, Library};
use super::{Load, Transport};
use crate::cli::number;
use crate::driver::SLICE;
use std::time::Duration;

/// What to measure, and for how long.
pub struct Options {
    /// Keys of the libraries; empty for all.
    only: Vec<String>,
    loads: Vec<Load>,
    transports: Vec<Transport>,
    /// How often the programs are started anew.
    pub(super) rounds: usize,
    /// Slices per library, load, transport and round.
    pub(super) slices: usize,
    /// After this time no further measurement is begun; building is not counted.
    pub(super) limit: Duration,
    /// Whether missing packages may be installed.
    pub(super) install: bool,
}

impl Options {
    pub(super) fn libraries(&self) -> Vec<&'static Library> {
        let wanted = |library: &&Library| {
            let group = if library.ours() { "ours" } else { "peers" };
            self.only.is_empty() || self.only.iter().any(|key| key == library.key || key == group)
        };
        LIBRARIES.iter().filter(wanted).collect()
    }

    /// What is measured, in the order of the table.
    pub(super) fn matches(&self) -> Vec<(Load, Transport)> {
        let transports = || self.transports.iter().copied();
        self.loads.iter().flat_map(|&load| transports().map(move |one| (load, one))).collect()
    }
}

/// Reads what follows `sp`.
pub fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options {
        only: Vec::new(),
        loads: Load::ALL.to_vec(),
        transports: Transport::ALL.to_vec(),
        rounds: 3,
        slices: 5,
        limit: Duration::from_secs(540),
        install: true,
    };
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{name} needs a value"));
        match name.as_str() {
            "--rounds" => options.rounds = number(name, value()?, 1.0, 1e3)? as usize,
            "--seconds" => {
                let seconds = number(name, value()?, SLICE.as_secs_f64(), 600.0)?;
                options.slices = (seconds / SLICE.as_secs_f64()).round() as usize;
            }
            "--limit" => {
                options.limit = Duration::from_secs_f64(number(name, value()?, 1.0, 86_400.0)?)
            }
            "--only" => options.only = libraries(value()?)?,
            "--workload" => options.loads = chosen(value()?, "load", Load::ALL, Load::key)?,
            "--over" => {
                options.transports = chosen(value()?, "transport", Transport::ALL, Transport::key)?;
            }
            "--no-install" => options.install = false,
            _ => return Err(format!("`sp` has no option {name}")),
        }
    }
    Ok(options)
}

/// The names of everything, for the help.
pub(crate) fn names() -> String {
    let libraries: Vec<_> = LIBRARIES.iter().map(|library| library.key).collect();
    let (libraries, loads) = (libraries.join(", "), Load::ALL.map(Load::key).join(", "));
    format!("sp: servers {libraries}; loads {loads}")
}

fn libraries(text: &str) -> Result<Vec<String>, String> {
    let known = |key: &str| {
        matches!(key, "ours" | "peers") || LIBRARIES.iter().any(|library| library.key == key)
    };
    match text.split(',').find(|key| !known(key)) {
        Some(key) => Err(format!("there is no server `{key}`")),
        None => Ok(text.split(',').map(str::to_owned).collect()),
    }
}

/// Those that are named, in their own order.
fn chosen<T: Copy, const N: usize>(
    text: &str,
    what: &str,
    all: [T; N],
    key: fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let wanted: Vec<_> = text.split(',').collect();
    match wanted.iter().find(|name| !all.iter().any(|&one| key(one) == **name)) {
        Some(name) => Err(format!("there is no {what} `{name}`")),
        None => Ok(all.into_iter().filter(|&one| wanted.contains(&key(one))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Options, String> {
        parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn everything_by_default() {
        let options = parsed("").expect("no options");
        assert_eq!(options.matches().len(), Load::ALL.len() * Transport::ALL.len());
        assert_eq!(options.libraries().len(), LIBRARIES.len());
        assert!(options.install);
    }

    #[test]
    fn some_of_it() {
        let text =
            "--only libnanomsg,ours --workload push,request --over tcp --rounds 2 --seconds 1";
        let options = parsed(text).expect("options");
        let matches = [(Load::Request, Transport::Tcp), (Load::Push, Transport::Tcp)];
        assert_eq!(options.matches(), matches);
        assert!(options.libraries().iter().all(|one| one.ours() || one.key == "libnanomsg"));
        assert_eq!((options.rounds, options.slices), (2, 10));
    }

    #[test]
    fn wrong_arguments_are_named() {
        for (text, named) in [
            ("--only nobody", "nobody"),
            ("--workload echo", "echo"),
            ("--over udp", "udp"),
            ("--port 1", "--port"),
            ("--rounds", "--rounds"),
            ("--rounds 0", "0"),
        ] {
            let error = parsed(text).err().expect("must be refused");
            assert!(error.contains(named), "{error}");
        }
    }
}
