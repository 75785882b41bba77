//! Answers surveys: `nanomsg_survey_client [address]`. The answer is the question reversed. `!`
//! connects anew, an empty line ends it.

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
        eprintln!("Client: {error}");
    }
}

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6670".into());
    let client = Socket::new(Protocol::Respondent)?;
    client.set_handler(Reverser)?;
    let mut endpoint = client.dial(&address)?;
    println!("Nanomsg survey server address: {address}");
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
