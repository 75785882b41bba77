//! What is said over one connection in each pattern, with peers that obey commands.

use std::time::Duration;

use cppserver::nano::{Protocol, Socket};

use crate::Outcome;
use crate::link::{Link, connect, expect, expect_after, socket, words};
use crate::peer::{Peer, Program};

/// How long a message of a peer is waited for before it is sent again: a peer may not know yet that
/// somebody is connected with it, and then it sends to nobody.
const PATIENCE: Duration = Duration::from_millis(100);

const TOPIC: &[u8] = b"news ";

/// One role of ours, with the peer's at the other end.
pub fn exchange(program: &Program, role: Protocol, link: Link) -> Outcome {
    let mut peer = program.start(role.peer())?;
    let ours = socket(role)?;
    match role {
        Protocol::Subscriber => ours.subscribe(TOPIC).map_err(words)?,
        Protocol::Publisher => peer.subscribe(TOPIC)?,
        _ => {}
    }
    connect(&ours, &mut peer, link)?;
    match role {
        Protocol::Pair => pair(&ours, &mut peer),
        Protocol::Push => push(&ours, &mut peer),
        Protocol::Pull => pull(&ours, &mut peer),
        Protocol::Request | Protocol::Surveyor => ask(&ours, &mut peer),
        Protocol::Reply => answer(&ours, &mut peer),
        Protocol::Respondent => answer_surveys(&ours, &mut peer),
        Protocol::Publisher => publish(&ours, &mut peer),
        Protocol::Subscriber => subscribe(&ours, &mut peer),
        Protocol::Bus => bus(&ours, &mut peer),
    }
}

/// Short and long ones, with every byte, and nothing at all.
fn messages() -> Vec<Vec<u8>> {
    let every_byte = || 0..=u8::MAX;
    let long = every_byte().cycle().take(70_001).collect();
    vec![b"first".to_vec(), Vec::new(), every_byte().collect(), long, b"last".to_vec()]
}

fn pair(ours: &Socket, peer: &mut Peer) -> Outcome {
    push(ours, peer)?;
    pull(ours, peer)
}

fn push(ours: &Socket, peer: &mut Peer) -> Outcome {
    for message in messages() {
        ours.send(&message).map_err(words)?;
    }
    messages().iter().try_for_each(|message| peer.expect(message))
}

fn pull(ours: &Socket, peer: &mut Peer) -> Outcome {
    messages().iter().try_for_each(|message| peer.send(message))?;
    messages().iter().try_for_each(|message| expect(ours, message))
}

fn ask(ours: &Socket, peer: &mut Peer) -> Outcome {
    for message in messages() {
        ours.send(&message).map_err(words)?;
        peer.expect(&message)?;
        let answer = answer_to(&message);
        peer.send(&answer)?;
        expect(ours, &answer)?;
    }
    Ok(())
}

fn answer_to(message: &[u8]) -> Vec<u8> {
    message.iter().rev().copied().collect()
}

fn answer(ours: &Socket, peer: &mut Peer) -> Outcome {
    for message in messages() {
        peer.send(&message)?;
        expect(ours, &message)?;
        let answer = answer_to(&message);
        ours.send(&answer).map_err(words)?;
        peer.expect(&answer)?;
    }
    Ok(())
}

fn answer_surveys(ours: &Socket, peer: &mut Peer) -> Outcome {
    let first = b"is somebody there?";
    until_it_arrives(|| {
        peer.send(first)?;
        let Ok(survey) = ours.receive_timeout(PATIENCE) else { return Ok(false) };
        ours.send(&*survey).map_err(words)?;
        // An answer to an earlier survey is dropped by the peer.
        Ok(peer.expect_within(first, PATIENCE).is_ok())
    })?;
    for message in messages() {
        peer.send(&message)?;
        expect_after(ours, &message, first)?;
        let answer = answer_to(&message);
        ours.send(&answer).map_err(words)?;
        peer.expect(&answer)?;
    }
    Ok(())
}

fn publish(ours: &Socket, peer: &mut Peer) -> Outcome {
    for message in messages() {
        ours.send(about("weather ", &message)).map_err(words)?;
        let news = about("news ", &message);
        ours.send(&news).map_err(words)?;
        // More at once than has room would be dropped.
        peer.expect(&news)?;
    }
    Ok(())
}

fn about(topic: &str, message: &[u8]) -> Vec<u8> {
    [topic.as_bytes(), message].concat()
}

fn subscribe(ours: &Socket, peer: &mut Peer) -> Outcome {
    let first = about("news ", b"of nobody yet");
    send_until_it_arrives(ours, peer, &first)?;
    for message in messages() {
        peer.send(&about("weather ", &message))?;
        peer.send(&about("news ", &message))?;
        expect_after(ours, &about("news ", &message), &first)?;
    }
    Ok(())
}

fn bus(ours: &Socket, peer: &mut Peer) -> Outcome {
    push(ours, peer)?;
    let first = b"is somebody there?";
    send_until_it_arrives(ours, peer, first)?;
    for message in messages() {
        peer.send(&message)?;
        expect_after(ours, &message, first)?;
    }
    Ok(())
}

fn send_until_it_arrives(ours: &Socket, peer: &mut Peer, message: &[u8]) -> Outcome {
    until_it_arrives(|| {
        peer.send(message)?;
        let found = ours.receive_timeout(PATIENCE);
        Ok(found.is_ok_and(|found| *found == *message))
    })
}

fn until_it_arrives(mut attempt: impl FnMut() -> Outcome<bool>) -> Outcome {
    const ATTEMPTS: u32 = 200;
    for _ in 0..ATTEMPTS {
        if attempt()? {
            return Ok(());
        }
    }
    Err(format!("nothing arrived in {ATTEMPTS} attempts"))
}
