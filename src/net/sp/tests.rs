//! Endpoints through sockets. What is left to the patterns is left out.

mod flow;
mod hostile;
mod transports;
mod world;
