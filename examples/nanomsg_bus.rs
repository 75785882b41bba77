//! A node of a bus: `nanomsg_bus address [node1] [node2]...`. It listens on its address and links
//! itself to the others. A line of input goes to all nodes that are linked to this one, whoever has
//! linked whom. `!` restarts the node, an empty line ends it.

use std::process::ExitCode;

use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
use cppserver::{Error, Result};

struct Printer;

impl SocketHandler for Printer {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        println!("Incoming: {}", message.to_text());
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        eprintln!("Node: {error}");
    }
}

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let Some(address) = arguments.next() else {
        println!("Usage: nanomsg_bus address [node1] [node2]...");
        return Ok(ExitCode::FAILURE);
    };
    let node = Socket::new(Protocol::Bus)?;
    node.set_handler(Printer)?;
    let mut endpoint = node.listen(&address)?;
    println!("Nanomsg bus node address: {address}");
    for other in arguments {
        node.dial(&other)?;
        println!("Nanomsg bus node linked: {other}");
    }
    println!("An empty line stops the node, '!' restarts it, other lines go to all other nodes.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            // The links stay.
            "!" => {
                endpoint.close()?;
                endpoint = node.listen(&address)?;
                println!("Node restarted");
            }
            text => node.send(text)?,
        }
    }
    node.close()?;
    Ok(ExitCode::SUCCESS)
}
