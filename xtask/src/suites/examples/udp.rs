//! The examples of datagrams: every echo server with every client, and every multicast server with
//! a member of its group in every language.
//!
//! A language takes part with the first of its examples that there is. Datagrams may get lost, and
//! a program may not listen yet, so what is said is said again until it was heard.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Instant;

use crate::chat::{LIMIT, Program};
use crate::report::Suite;
use crate::workspace::{self, Result};

use super::{CLASSIC, Example, PATIENCE, source, until_heard};

/// The group of the multicasts, and another one that nobody sends to.
const GROUP: &str = "239.255.0.1";
const OTHER_GROUP: &str = "239.255.0.2";

/// The interface of the multicasts, which leave nothing on the network.
const INTERFACE: &str = "127.0.0.1";

pub fn udp(suite: &mut Suite, languages: &[(&'static str, Example)]) {
    let speakers = |server: &str| -> Vec<&(&'static str, Example)> {
        languages.iter().filter(|(language, _)| source(language, server).is_file()).collect()
    };
    let echoes = speakers("udp_echo_server");
    for (language, example) in &echoes {
        suite.check(&format!("udp echo server in {language}"), echo(example, &echoes));
    }
    let mut multicasts = speakers("udp_multicast_server");
    // Those programs know no interface to choose, and the system may choose none at all.
    multicasts.retain(|(language, _)| *language != CLASSIC);
    for (language, example) in &multicasts {
        suite
            .check(&format!("udp multicast server in {language}"), multicast(example, &multicasts));
    }
}

/// An echo server answers a plain socket and the clients, on new sockets and after its restart too.
fn echo(server: &Example, languages: &[&(&'static str, Example)]) -> Result<()> {
    let port = free_port()?;
    let mut server = start(server, "udp_echo_server", &[&port.to_string()])?;
    answers_a_socket(port)?;
    let mut clients = Vec::new();
    for (language, example) in languages {
        let arguments = ["127.0.0.1", &port.to_string()];
        clients.push((*language, start(example, "udp_echo_client", &arguments)?));
    }
    for (language, client) in &mut clients {
        hears_itself(language, client, "at first")?;
        client.say("!")?;
        hears_itself(language, client, "from a new socket")?;
    }
    server.say("!")?;
    for (language, client) in &mut clients {
        hears_itself(language, client, "after the restart")?;
        client.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    server.end()
}

fn answers_a_socket(port: u16) -> Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
    let end = Instant::now() + LIMIT;
    let mut buffer = [0; 64];
    while Instant::now() < end {
        // Nobody may listen yet: that is an error of the next call on some systems.
        let sent = socket.send_to(b"what comes in", (Ipv4Addr::LOCALHOST, port));
        if let (Ok(_), Ok((size, _))) = (sent, socket.recv_from(&mut buffer)) {
            return match &buffer[..size] {
                b"what comes in" => Ok(()),
                other => Err(format!("something else goes out: {other:?}")),
            };
        }
    }
    Err(format!("nobody answers on port {port}"))
}

fn hears_itself(language: &str, client: &mut Program, news: &str) -> Result<()> {
    let ear = client.ear.clone();
    let news = format!("{language} {news}");
    until_heard(&news, &[(language, &ear)], str::to_owned, |text| client.say(text))
}

/// Every member hears what the server sends to its group, and a member of another group does not.
fn multicast(server: &Example, languages: &[&(&'static str, Example)]) -> Result<()> {
    let port = free_port()?.to_string();
    let client = |example, group| {
        start(example, "udp_multicast_client", &["0.0.0.0", group, &port, INTERFACE])
    };
    let mut stranger = client(&languages[0].1, OTHER_GROUP)?;
    let mut members = Vec::new();
    for (language, example) in languages {
        members.push((*language, client(example, GROUP)?));
    }
    let mut server = start(server, "udp_multicast_server", &[GROUP, &port, INTERFACE])?;
    everyone_hears(&mut server, &members, "hello to all")?;
    for (_, member) in &mut members {
        member.say("!")?;
    }
    everyone_hears(&mut server, &members, "hello to the new sockets")?;
    server.say("!")?;
    everyone_hears(&mut server, &members, "hello after the restart")?;
    for (language, member) in &mut members {
        member.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    server.end()?;
    stranger.end()?;
    match stranger.ear.text() {
        text if text.contains("hello") => Err(format!("a member of another group heard:\n{text}")),
        _ => Ok(()),
    }
}

fn everyone_hears(
    server: &mut Program,
    members: &[(&'static str, Program)],
    news: &str,
) -> Result<()> {
    let ears: Vec<_> = members.iter().map(|(language, member)| (*language, &member.ear)).collect();
    until_heard(news, &ears, str::to_owned, |text| server.say(text))
}

fn start(example: &Example, name: &str, arguments: &[&str]) -> Result<Program> {
    Program::start(example(name).current_dir(workspace::root()).args(arguments))
}

/// A port that nobody receives datagrams on.
fn free_port() -> Result<u16> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0));
    let address = socket.and_then(|socket| socket.local_addr());
    address.map(|address| address.port()).map_err(|error| format!("no free port: {error}"))
}
