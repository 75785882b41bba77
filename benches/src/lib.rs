//! Load generator and comparison driver for cppserver.
//!
//! The binary `cppserver-bench` builds echo servers written on several libraries, runs them one
//! after the other under the same loads on the loopback interface, and prints one table of medians.
//! `benches/README.md` says how to run it and what each column means.
//!
//! It measures with epoll, `/proc` and perf events, so it exists on Linux only; elsewhere the crate
//! is empty.
#![cfg(target_os = "linux")]

pub mod build;
pub mod cli;
pub mod driver;
pub mod histogram;
pub mod link;
pub mod load;
pub mod mailbox;
pub mod measure;
pub mod mmsg;
pub mod peers;
pub mod process;
pub mod procfs;
pub mod sp;
pub mod sys;
pub mod syscalls;
pub mod table;
