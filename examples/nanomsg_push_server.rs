//! Receives work: `nanomsg_push_server [address]`. What clients push is printed. `!` restarts the
//! server, an empty line ends it.

use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
use cppserver::{Error, Result};

struct Worker;

impl SocketHandler for Worker {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        println!("Incoming: {}", message.to_text());
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        eprintln!("Server: {error}");
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6666".into());
    let server = Socket::new(Protocol::Pull)?;
    server.set_handler(Worker)?;
    let mut endpoint = server.listen(&address)?;
    println!("Nanomsg push server address: {address}");
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
