//! Layer 2: the operating system. Moves bytes and wakes threads; knows no protocol.

pub(crate) mod authorities;
pub(crate) mod buffer;
pub(crate) mod datagrams;
pub(crate) mod event_loop;
pub(crate) mod interfaces;
pub(crate) mod listening;
pub(crate) mod mailbox;
pub(crate) mod resolver;
pub(crate) mod slots;
pub(crate) mod sockets;
pub(crate) mod sys;
pub(crate) mod timers;
