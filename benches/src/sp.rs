//! The scalability protocols: programs that speak with themselves through one library, begun and
//! measured by the driver. `benches/README.md` tells what they are told and what they answer.

mod contestant;
mod driver;
mod exchange;
mod job;
mod libraries;
mod options;
mod process;
pub mod program;
mod table;

pub use contestant::{Contestant, Slice};
pub use driver::run;
pub use exchange::{Next, Pushes, Questions, Receiver, fail};
pub use job::{Job, Load, Pattern, Transport};
pub(crate) use options::names;
pub use options::{Options, parse};
