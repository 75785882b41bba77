//! The patterns as state machines.

mod answering;
mod asking;
mod bus;
mod contexts;
mod fan_out;
mod forwarding;
mod pair;
mod pipeline;
mod publish;
mod surveying;
mod topics;

#[cfg(test)]
mod support;

pub(crate) use answering::Answering;
pub(crate) use asking::Asking;
pub(crate) use bus::Bus;
pub(crate) use forwarding::Forwarding;
pub(crate) use pair::Pair;
pub(crate) use pipeline::{Pulling, Pushing};
pub(crate) use publish::{Publishing, Subscribing};
pub(crate) use surveying::Surveying;
