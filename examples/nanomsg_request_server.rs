//! Answers requests: `nanomsg_request_server [address]`. The answer is the request reversed. `!`
//! restarts the server, an empty line ends it.

use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
use cppserver::{Error, Result};

struct Reverser;

impl SocketHandler for Reverser {
    fn on_received(&mut self, socket: &Socket, message: Message) {
        println!("Incoming: {}", message.to_text());
        let reversed: String = message.to_text().chars().rev().collect();
        if let Err(error) = socket.send(reversed) {
            eprintln!("Not answered: {error}");
        }
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        eprintln!("Server: {error}");
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6668".into());
    let server = Socket::new(Protocol::Reply)?;
    server.set_handler(Reverser)?;
    let mut endpoint = server.listen(&address)?;
    println!("Nanomsg request server address: {address}");
    println!("An empty line stops the server, '!' restarts it.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoint.close()?;
                endpoint = server.listen(&address)?;
                println!("Server restarted");
            }
            _ => {}
        }
    }
    server.close()
}
