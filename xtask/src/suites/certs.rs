//! The committed test keys and certificates are what `certs/README.md` says.

use std::process::Command;

use crate::report::Suite;
use crate::setup;
use crate::workspace::{self, Result};

pub fn certs(suite: &mut Suite) -> Result<()> {
    if cfg!(windows) {
        suite.skip("the certificates: the check is a shell script, and Windows has no `sh`");
        return Ok(());
    }
    setup::ensure(&[setup::OPENSSL])?;
    let mut check = Command::new("sh");
    check.arg(workspace::root().join("certs/generate.sh")).arg("--check");
    suite.program("generate.sh --check", &mut check);
    Ok(())
}
