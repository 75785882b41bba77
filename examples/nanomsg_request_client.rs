//! Asks a server: `nanomsg_request_client [address]`. Each line of input is a request, whose answer
//! is waited for and printed. `!` connects anew, an empty line ends it.

use cppserver::Result;
use cppserver::nano::{Protocol, Socket};

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6668".into());
    let client = Socket::new(Protocol::Request)?;
    let mut endpoint = client.dial(&address)?;
    println!("Nanomsg reply server address: {address}");
    println!("An empty line stops the client, '!' connects it anew, other lines are requests.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoint.close()?;
                endpoint = client.dial(&address)?;
            }
            text => {
                client.send(text)?;
                println!("Response: {}", client.receive()?.to_text());
            }
        }
    }
    client.close()
}
