//! The C ABI: what `include/cppserver.h` declares, and what the C++ and Python bindings stand on.
//!
//! The doc comments of the exported items are written for readers of C, because cbindgen copies
//! them into the header. They are the safety contract too: a function here is `unsafe` for the
//! reason that its pointers must be what its text says they are, and for no other.
//!
//! How the parts fit:
//!
//! * a handle such as `cppserver_session*` is the raw pointer of the `Arc` inside the Rust handle,
//!   so handing one out costs a reference count and no allocation (`handle`);
//! * a handler struct and its `user_data` become an object that implements the Rust handler trait
//!   and calls `destroy` when it is dropped (`callbacks`);
//! * each function body runs inside the guard, which turns errors and panics into a status and
//!   keeps their text for the thread (`guard`, `last_error`).
//!
//! The order of the modules below is the order of the functions in the header.

#![allow(non_camel_case_types)]
#![allow(clippy::missing_safety_doc)]

mod types;

mod handler;

mod last_error;

mod service;

mod timer;

mod tls_context;

mod server;

mod session;

mod client;

mod address;

mod udp;

mod http;

mod websocket;

mod sp;

mod argument;
mod callbacks;
mod guard;
mod handle;
mod table;

pub use address::*;
pub use client::*;
pub use handler::*;
pub use http::*;
pub use last_error::*;
pub use server::*;
pub use service::*;
pub use session::*;
pub use sp::*;
pub use timer::*;
pub use tls_context::*;
pub use types::*;
pub use udp::*;
pub use websocket::*;
