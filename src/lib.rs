//! Callback-driven networking.
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
mod net;
mod proto;
mod reactor;

pub use error::{Category, Error, Result, Status};
pub use net::*;
