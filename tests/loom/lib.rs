//! The mailbox of the loops by itself: `RUSTFLAGS="--cfg loom" cargo test --release -p cppserver-loom`.

#![allow(dead_code)]

#[path = "../../src/reactor/mailbox.rs"]
mod mailbox;
