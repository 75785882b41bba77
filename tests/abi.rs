//! The C ABI, called as a C program calls it: raw pointers, numbers in place of enums, callbacks as
//! function pointers. The peers of the servers under test are plain sockets of the standard library.

#![allow(unsafe_code)]

#[path = "abi/destroy.rs"]
mod destroy;
#[path = "abi/enums.rs"]
mod enums;
#[path = "abi/handles.rs"]
mod handles;
#[path = "abi/header.rs"]
mod header;
#[path = "abi/null.rs"]
mod null;
#[path = "abi/order.rs"]
mod order;
#[path = "abi/panics.rs"]
mod panics;
#[path = "abi/sessions.rs"]
mod sessions;
#[path = "abi/sizes.rs"]
mod sizes;
#[path = "abi/support.rs"]
mod support;
#[path = "abi/symbols.rs"]
mod symbols;
#[path = "abi/web_sockets.rs"]
mod web_sockets;
