//! What is said over one connection in each pattern with `nanocat`, a tool that sends one message
//! again and again, or to whoever asks, and prints what it receives.

use std::path::Path;
use std::process::Command;

use cppserver::nano::{Protocol, Socket};

use crate::Outcome;
use crate::link::{Link, await_connection, expect, free_address, listen, socket, words};
use crate::peer::Running;

/// What it sends, when it sends.
const DATA: &str = "news from nanocat";

/// How often, in seconds.
const INTERVAL: &str = "0.02";

/// One role of ours, with nanocat's at the other end.
pub fn exchange(program: &Path, role: Protocol, link: Link) -> Outcome {
    let ours = socket(role)?;
    if role == Protocol::Subscriber {
        ours.subscribe("news").map_err(words)?;
    }
    let nanocat = join(&ours, program, role.peer(), link)?;
    await_connection(&ours)?;
    match role {
        Protocol::Pair | Protocol::Bus => say(&ours, &nanocat).and_then(|()| hear(&ours)),
        Protocol::Push => say(&ours, &nanocat),
        Protocol::Pull | Protocol::Subscriber => hear(&ours),
        Protocol::Request | Protocol::Surveyor => ask(&ours, &nanocat),
        Protocol::Reply | Protocol::Respondent => answer(&ours, &nanocat),
        Protocol::Publisher => publish(&ours, &nanocat),
    }
}

/// Starts to connect a socket with a new nanocat.
pub fn join(ours: &Socket, program: &Path, role: Protocol, link: Link) -> Outcome<Running> {
    let (place, address) = match link.we_listen {
        true => ("--connect", listen(ours, link.transport)?),
        false => ("--bind", free_address(link.transport)?),
    };
    let mut command = Command::new(program);
    command.args([&format!("--{}", role.name()), place, &address]);
    if !matches!(role, Protocol::Push | Protocol::Publisher) {
        command.arg("--ascii");
    }
    match role {
        Protocol::Pull => {}
        Protocol::Subscriber => drop(command.args(["--subscribe", "news"])),
        Protocol::Reply | Protocol::Respondent => drop(command.args(["--data", DATA])),
        _ => drop(command.args(["--data", DATA, "--interval", INTERVAL])),
    }
    let nanocat = Running::start(&mut command)?;
    if !link.we_listen {
        // It says nowhere that it listens; ours dials until it does.
        ours.dial(&address).map_err(words)?;
    }
    Ok(nanocat)
}

fn texts() -> [String; 3] {
    ["first".to_owned(), "a long one ".repeat(500), "last".to_owned()]
}

fn say(ours: &Socket, nanocat: &Running) -> Outcome {
    for text in texts() {
        ours.send(text.as_str()).map_err(words)?;
        nanocat.wait_for(&text)?;
    }
    Ok(())
}

fn hear(ours: &Socket) -> Outcome {
    (0..3).try_for_each(|_| expect(ours, DATA.as_bytes()))
}

fn ask(ours: &Socket, nanocat: &Running) -> Outcome {
    for text in texts() {
        ours.send(text.as_str()).map_err(words)?;
        nanocat.wait_for(&text)?;
        expect(ours, DATA.as_bytes())?;
    }
    Ok(())
}

/// Its next question makes an answer void, so each text is said until it is printed.
fn answer(ours: &Socket, nanocat: &Running) -> Outcome {
    for text in texts() {
        for _ in 0..3 {
            expect(ours, DATA.as_bytes())?;
            ours.send(text.as_str()).map_err(words)?;
        }
        nanocat.wait_for(&text)?;
    }
    Ok(())
}

fn publish(ours: &Socket, nanocat: &Running) -> Outcome {
    for text in texts() {
        ours.send(format!("weather {text}").as_str()).map_err(words)?;
        ours.send(format!("news {text}").as_str()).map_err(words)?;
        let line = nanocat.line()?;
        if line != format!("news {text}") {
            return Err(format!("printed `{line}` instead of the news"));
        }
    }
    Ok(())
}
