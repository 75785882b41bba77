//! Gives work away: `nanomsg_push_client [address...]`. Each line of input goes to one of the
//! servers, in turn, as soon as one of them is there. `!` connects anew, an empty line ends it.

use cppserver::Result;
use cppserver::nano::{Endpoint, Protocol, Socket};

fn main() -> Result<()> {
    let mut addresses: Vec<_> = std::env::args().skip(1).collect();
    if addresses.is_empty() {
        addresses.push("tcp://127.0.0.1:6666".into());
    }
    let client = Socket::new(Protocol::Push)?;
    let dial = || -> Result<Vec<Endpoint>> {
        addresses.iter().map(|address| client.dial(address)).collect()
    };
    let mut endpoints = dial()?;
    println!("Nanomsg push server address: {}", addresses.join(", "));
    println!("An empty line stops the client, '!' connects it anew, other lines are work.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoints.iter().try_for_each(Endpoint::close)?;
                endpoints = dial()?;
            }
            text => client.send(text)?,
        }
    }
    client.close()
}
