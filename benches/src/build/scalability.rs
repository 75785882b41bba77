//! The programs on other libraries of scalability protocols.

use super::{Builder, Result, Unavailable, works};
use crate::process::Launch;

impl Builder {
    pub(super) fn nanomsg(&mut self) -> Result<Launch> {
        self.need_header("cc", "c", "nanomsg/nn.h", "libnanomsg-dev")?;
        self.scalability("nanomsg_sp.c", "-lnanomsg")
    }

    pub(super) fn nng(&mut self) -> Result<Launch> {
        self.need_header("cc", "c", "nng/nng.h", "libnng-dev")?;
        self.scalability("nng_sp.c", "-lnng")
    }

    pub(super) fn zeromq(&mut self) -> Result<Launch> {
        self.need_header("cc", "c", "zmq.h", "libzmq3-dev")?;
        self.scalability("zeromq_sp.c", "-lzmq")
    }

    pub(super) fn scalability(&self, source: &str, library: &str) -> Result<Launch> {
        let flags = ["-O2", "-Wall", "-Wextra"];
        let source = format!("peers/c/{source}");
        let program = self.compile("cc", &source, &flags, &[library, "-pthread"])?;
        Ok(Launch { program, ..Launch::default() })
    }

    /// The crate brings the C code of NNG.
    pub(super) fn nng_crate(&mut self) -> Result<Launch> {
        const NAME: &str = "bench-peer-nng";
        if !works("cmake", &["--version"]) {
            self.install("cmake")?;
        }
        if !works("cmake", &["--version"]) {
            return Err(Unavailable::Skipped("install cmake".to_owned()));
        }
        self.cargo(&["-p", "cppserver-bench-peers", "--features", "nng", "--bin", NAME])?;
        Ok(Launch { program: self.target.join("release").join(NAME), ..Launch::default() })
    }
}
