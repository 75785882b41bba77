//! The libraries of the comparison, and what they cannot do.

use super::{Load, Transport};
use crate::peers::Recipe;

/// One library, used in one way.
#[derive(Debug)]
pub(super) struct Library {
    /// Name on the command line.
    pub(super) key: &'static str,
    /// Name in the table.
    pub(super) label: &'static str,
    /// How to get the program.
    pub(super) recipe: Recipe,
    /// The program's first argument.
    pub(super) mode: &'static str,
    cannot: &'static [Load],
    cannot_inproc: &'static [Load],
}

impl Library {
    pub(super) fn takes_part(&self, load: Load, transport: Transport) -> bool {
        let cannot = match transport {
            Transport::Inproc if self.cannot_inproc.contains(&load) => true,
            _ => self.cannot.contains(&load),
        };
        !cannot
    }

    /// True for this one.
    pub(super) fn ours(&self) -> bool {
        matches!(self.recipe, Recipe::Crate(_) | Recipe::C(_) | Recipe::Cpp(_) | Recipe::Python(_))
    }
}

/// Who publishes never blocks, and many subscribers are served by callbacks.
const PUBLISHES: &[Load] = &[Load::Publish, Load::PublishMany];

const fn library(
    key: &'static str,
    label: &'static str,
    recipe: Recipe,
    mode: &'static str,
) -> Library {
    Library { key, label, recipe, mode, cannot: &[], cannot_inproc: &[] }
}

const fn callbacks(key: &'static str, label: &'static str, recipe: Recipe) -> Library {
    library(key, label, recipe, "callbacks")
}

const fn blocking(key: &'static str, label: &'static str, recipe: Recipe) -> Library {
    Library { cannot: PUBLISHES, ..library(key, label, recipe, "blocking") }
}

/// All but requests and replies.
const OTHERS_THAN_REQUESTS: &[Load] =
    &[Load::Push, Load::PushLarge, Load::Publish, Load::PublishMany, Load::Survey];

/// In the order of the table. The first is the yardstick of the others.
pub(super) static LIBRARIES: &[Library] = &[
    // It has no callbacks: many sockets are waited for by their descriptors. No process can have
    // more than 512 of them.
    Library {
        cannot_inproc: &[Load::PublishMany],
        ..library("libnanomsg", "libnanomsg (C)", Recipe::Nanomsg, "blocking")
    },
    callbacks("libnng-aio", "libnng, asynchronous (C)", Recipe::Nng),
    blocking("libnng", "libnng, blocking (C)", Recipe::Nng),
    callbacks("nng-aio", "nng, asynchronous (Rust)", Recipe::NngCrate),
    blocking("nng", "nng, blocking (Rust)", Recipe::NngCrate),
    Library {
        cannot: &[Load::Survey],
        ..library("zeromq", "ZeroMQ (C)", Recipe::Zeromq, "blocking")
    },
    // What the system itself allows.
    Library {
        cannot: OTHERS_THAN_REQUESTS,
        cannot_inproc: &[Load::Request, Load::RequestApart],
        ..library("raw-epoll", "raw epoll (C)", Recipe::RawSp, "blocking")
    },
    callbacks("rust", "**cppserver** Rust, callbacks", Recipe::Crate("bench-server-rust-sp")),
    blocking(
        "rust-blocking",
        "**cppserver** Rust, blocking",
        Recipe::Crate("bench-server-rust-sp"),
    ),
    callbacks("c", "**cppserver** C, callbacks", Recipe::C("sp.c")),
    blocking("c-blocking", "**cppserver** C, blocking", Recipe::C("sp.c")),
    callbacks("cpp", "**cppserver** C++, callbacks", Recipe::Cpp("sp.cpp")),
    blocking("cpp-blocking", "**cppserver** C++, blocking", Recipe::Cpp("sp.cpp")),
    callbacks("python", "**cppserver** Python, callbacks", Recipe::Python("sp.py")),
    blocking("python-blocking", "**cppserver** Python, blocking", Recipe::Python("sp.py")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_the_yardstick_has_almost_all_loads() {
        for (index, library) in LIBRARIES.iter().enumerate() {
            assert!(!LIBRARIES[..index].iter().any(|other| other.key == library.key));
        }
        for load in Load::ALL {
            assert!(LIBRARIES[0].takes_part(load, Transport::Tcp));
            assert!(
                LIBRARIES.iter().any(|one| one.ours() && one.takes_part(load, Transport::Inproc))
            );
        }
    }
}
