//! The processes of the suite: `xtask/autobahn/wstest.py` in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::verdict::{self, Verdict};
use crate::workspace::{self, Result};

/// How many messages a case about compression has at most, in the suite itself.
pub const MESSAGES: usize = 1000;

/// What the tested program is called in reports.
pub const AGENT: &str = "cppserver";

pub struct Wstest {
    interpreter: PathBuf,
    messages: usize,
}

impl Wstest {
    pub fn new(interpreter: PathBuf, messages: usize) -> Wstest {
        Wstest { interpreter, messages }
    }

    /// The cases that the patterns mean, in their order; every pattern has to mean one.
    pub fn cases(&self, patterns: &[String]) -> Result<Vec<String>> {
        let known = |patterns: &[String]| -> Result<Vec<String>> {
            let text = workspace::output_of(self.command("cases").args(patterns))?;
            Ok(text.lines().map(str::to_string).collect())
        };
        for pattern in patterns {
            if known(std::slice::from_ref(pattern))?.is_empty() {
                return Err(format!("The Autobahn suite has no case `{pattern}`."));
            }
        }
        known(patterns)
    }

    /// Tests the server at an address, then ends.
    pub fn server(&self, url: &str, folder: &Path, cases: &[String]) -> Command {
        self.fuzz("server", url, folder, cases)
    }

    /// Serves the cases to clients at an address until it is ended.
    pub fn client(&self, url: &str, folder: &Path, cases: &[String]) -> Command {
        let certificates = workspace::root().join("certs");
        let mut command = self.fuzz("client", url, folder, cases);
        if url.starts_with("wss:") {
            command.env("WSTEST_CERTIFICATE", certificates.join("server.pem"));
            command.env("WSTEST_KEY", certificates.join("server.key"));
        }
        command
    }

    fn fuzz(&self, what: &str, url: &str, folder: &Path, cases: &[String]) -> Command {
        let mut command = self.command(what);
        command.arg(url).arg(folder).arg(self.messages.to_string()).args(cases);
        command
    }

    /// What is in the report that a run has left in its folder.
    pub fn verdicts(&self, folder: &Path) -> Result<Vec<Verdict>> {
        if !folder.join("index.json").is_file() {
            return Err("The suite was not asked for its report, or ended before it.".to_string());
        }
        verdict::read(&workspace::output_of(self.command("results").arg(folder))?)
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg(workspace::root().join("xtask/autobahn/wstest.py")).arg(what);
        // Its packages warn of each other's age.
        command.env("PYTHONWARNINGS", "ignore").env("PYTHONUNBUFFERED", "1");
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}
