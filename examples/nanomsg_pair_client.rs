//! The other end of a pair: `nanomsg_pair_client [address]`. A line of input goes to the server, as
//! soon as it is there; what comes back is printed. `!` connects anew, an empty line ends it.

use cppserver::nano::{Message, Peer, Protocol, Socket, SocketHandler};
use cppserver::{Error, Result};

struct Printer;

impl SocketHandler for Printer {
    fn on_connected(&mut self, _socket: &Socket, peer: &Peer) {
        println!("Connected to {}", peer.address);
    }

    fn on_disconnected(&mut self, _socket: &Socket, peer: &Peer) {
        println!("Disconnected from {}", peer.address);
    }

    fn on_received(&mut self, _socket: &Socket, message: Message) {
        println!("Incoming: {}", message.to_text());
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        eprintln!("Client: {error}");
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6667".into());
    let client = Socket::new(Protocol::Pair)?;
    client.set_handler(Printer)?;
    let mut endpoint = client.dial(&address)?;
    println!("Nanomsg pair server address: {address}");
    println!("An empty line stops the client, '!' connects it anew, other lines go to the server.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoint.close()?;
                endpoint = client.dial(&address)?;
            }
            text => client.send(text)?,
        }
    }
    client.close()
}
