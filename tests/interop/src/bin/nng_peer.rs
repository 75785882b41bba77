//! A peer on the `nng` crate. Its argument is a role, such as `req`; what it reads and answers are
//! lines as `src/peer.rs` tells.

use std::io::{self, BufRead, Write};
use std::time::Duration;

use nng::options::protocol::pubsub::Subscribe;
use nng::options::protocol::survey::SurveyTime;
use nng::options::{Options, RecvTimeout, SendTimeout};
use nng::{Protocol, Socket};

/// Longer than anything here takes.
const LIMIT: Duration = Duration::from_secs(20);

fn main() {
    let role = std::env::args().nth(1).unwrap_or_default();
    let socket = socket(&role).unwrap_or_else(|error| {
        eprintln!("nng_peer {role}: {error}");
        std::process::exit(1);
    });
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let (command, argument) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match obey(&socket, command, argument) {
            Ok(None) => "done".to_owned(),
            Ok(Some(message)) => format!("received {}", hexadecimal(&message)),
            Err(why) => format!("failed {why}"),
        };
        println!("{answer}");
        if io::stdout().flush().is_err() {
            break;
        }
    }
}

fn socket(role: &str) -> Result<Socket, nng::Error> {
    let protocol = match role {
        "pair" => Protocol::Pair0,
        "pub" => Protocol::Pub0,
        "sub" => Protocol::Sub0,
        "req" => Protocol::Req0,
        "rep" => Protocol::Rep0,
        "push" => Protocol::Push0,
        "pull" => Protocol::Pull0,
        "surveyor" => Protocol::Surveyor0,
        "respondent" => Protocol::Respondent0,
        "bus" => Protocol::Bus0,
        _ => return Err(nng::Error::InvalidInput),
    };
    let socket = Socket::new(protocol)?;
    socket.set_opt::<SendTimeout>(Some(LIMIT))?;
    if protocol == Protocol::Surveyor0 {
        socket.set_opt::<SurveyTime>(Some(LIMIT))?;
    }
    Ok(socket)
}

fn obey(socket: &Socket, command: &str, argument: &str) -> Result<Option<Vec<u8>>, String> {
    let words = |error: nng::Error| error.to_string();
    match command {
        "listen" => socket.listen(argument).map_err(words)?,
        "dial" => socket.dial_async(argument).map_err(words)?,
        "subscribe" => socket.set_opt::<Subscribe>(bytes(argument)?).map_err(words)?,
        "send" => socket.send(&bytes(argument)?[..]).map_err(|(_, error)| words(error))?,
        "receive" => {
            let limit = argument.parse().map_err(|_| "no time to receive".to_owned())?;
            socket.set_opt::<RecvTimeout>(Some(Duration::from_millis(limit))).map_err(words)?;
            return Ok(Some(socket.recv().map_err(words)?.to_vec()));
        }
        _ => return Err(format!("no such command: {command}")),
    }
    Ok(None)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digit = |letter: u8| (letter as char).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?);
    text.as_bytes().chunks(2).map(pair).collect::<Option<_>>().ok_or("no bytes".to_owned())
}
