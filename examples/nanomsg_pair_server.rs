//! One end of a pair: `nanomsg_pair_server [address]`. What the other end sends comes back reversed.
//! A line of input goes to the other end, as soon as there is one; `!` restarts the server, an empty
//! line ends it.

use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
use cppserver::{Error, Result};

struct Reverser;

impl SocketHandler for Reverser {
    fn on_received(&mut self, socket: &Socket, message: Message) {
        println!("Incoming: {}", message.to_text());
        let reversed: String = message.to_text().chars().rev().collect();
        // Refused when the client does not read its answers, or is gone.
        let _ = socket.try_send(reversed);
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        eprintln!("Server: {error}");
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6667".into());
    let server = Socket::new(Protocol::Pair)?;
    server.set_handler(Reverser)?;
    let mut endpoint = server.listen(&address)?;
    println!("Nanomsg pair server address: {address}");
    println!("An empty line stops the server, '!' restarts it, other lines go to the client.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoint.close()?;
                endpoint = server.listen(&address)?;
                println!("Server restarted");
            }
            text => server.send(text)?,
        }
    }
    server.close()
}
