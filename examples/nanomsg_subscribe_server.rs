//! Publishes: `nanomsg_subscribe_server [address]`. Each line of input goes to all clients that are
//! there and have subscribed to what it begins with. `!` restarts the server, an empty line ends it.

use cppserver::Result;
use cppserver::nano::{Protocol, Socket};

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6669".into());
    let server = Socket::new(Protocol::Publisher)?;
    let mut endpoint = server.listen(&address)?;
    println!("Nanomsg publisher server address: {address}");
    println!("An empty line stops the server, '!' restarts it, other lines are published.");
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
