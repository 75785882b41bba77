//! Subscribes: `nanomsg_subscribe_client [address] [topic...]`. Prints what is published and begins
//! with one of the topics, everything without one. `!` connects anew, an empty line ends it.

use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
use cppserver::{Error, Result};

struct Printer;

impl SocketHandler for Printer {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        println!("Incoming: {}", message.to_text());
    }

    fn on_error(&mut self, _socket: &Socket, error: &Error) {
        eprintln!("Client: {error}");
    }
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "tcp://127.0.0.1:6669".into());
    let mut topics: Vec<_> = arguments.collect();
    if topics.is_empty() {
        topics.push(String::new());
    }
    let client = Socket::new(Protocol::Subscriber)?;
    topics.iter().try_for_each(|topic| client.subscribe(topic))?;
    client.set_handler(Printer)?;
    let mut endpoint = client.dial(&address)?;
    println!("Nanomsg publisher server address: {address}");
    println!("An empty line stops the client, '!' connects it anew.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoint.close()?;
                endpoint = client.dial(&address)?;
            }
            _ => {}
        }
    }
    client.close()
}
