//! What the integration tests share: a log of everything that is called back, handlers that write
//! it, peers made of plain sockets, and waits with a deadline.

// Every test file is a program of its own and uses its part of this.
#![allow(dead_code, unused_imports)]

mod child;
mod files;
mod log;
mod nano;
mod peer;
mod probe;
mod tls;
mod udp;
mod wait;
mod web_socket;
mod world;

pub use child::{is_child, run_child, run_child_in_namespace};
pub use files::*;
pub use log::{Entry, Event, Lane, Log};
pub use nano::{
    STREAMS, TRANSPORTS, assert_failure, connect_over, linked, listen_over, nano, raw_nano, text,
    unused_name, unused_path, wait_connections,
};
pub use peer::{
    Unused, accept, connect, free_port, has_ipv6, listener, pattern, read_all, read_some,
    read_until_gone, reset, unused_port, with_socket,
};
pub use probe::{Probe, ServerProbe, ServiceProbe};
pub use tls::{
    TlsPeer, certificate, client_context, read_certificate, server_context, tls_accept,
    tls_client_config, tls_connect, tls_connect_with, tls_connect_with_small_buffer,
};
pub use udp::{
    Heard, Told, UdpProbe, plain_udp, udp_client, udp_probe, udp_server, with_receive_buffer,
};
pub use wait::{DEADLINE, eventually, pump, within_deadline};
pub use web_socket::{BINARY, CLOSE, PING, PONG, REQUEST, TEXT, WsPeer, read_head};
pub use world::World;
