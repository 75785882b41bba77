//! The examples of the scalability protocols: every server with the clients of every language, and
//! a bus of nodes of every language.
//!
//! A language takes part with the first of its examples that there is. Who publishes, surveys or
//! restarts may not have its peers yet, so what is said is said again until it was heard.

use crate::chat::{Ear, Program, free_port};
use crate::report::Suite;
use crate::workspace::{self, Result};

use super::{Example, source, until_heard};

type Language = (&'static str, Example);

/// What a pattern has to do.
type Check = fn(&Pattern) -> Result<()>;

pub fn nanomsg(suite: &mut Suite, languages: &[Language]) {
    let patterns: [(&str, Check); 5] = [
        ("pair", pair),
        ("request", request),
        ("push", push),
        ("subscribe", subscribe),
        ("survey", survey),
    ];
    for (name, check) in patterns {
        let speakers = speakers(languages, &format!("nanomsg_{name}_server"));
        for (language, server) in &speakers {
            let pattern = Pattern { name, server, clients: &speakers };
            suite.check(&format!("nanomsg {name} server in {language}"), check(&pattern));
        }
    }
    let nodes = speakers(languages, "nanomsg_bus");
    for (number, (language, _)) in nodes.iter().enumerate() {
        suite.check(&format!("nanomsg bus around {language}"), bus(number, &nodes));
    }
}

fn speakers<'a>(languages: &'a [Language], name: &str) -> Vec<&'a Language> {
    languages.iter().filter(|(language, _)| source(language, name).is_file()).collect()
}

/// One server, and the clients that there are for it.
struct Pattern<'a> {
    name: &'a str,
    server: &'a Example,
    clients: &'a [&'a Language],
}

impl Pattern<'_> {
    /// A server at an address of its own.
    fn server(&self) -> Result<(Program, String)> {
        let address = free_address()?;
        let server = start(self.server, &format!("nanomsg_{}_server", self.name), &[&address])?;
        Ok((server, address))
    }

    fn client(&self, example: &Example, arguments: &[&str]) -> Result<Program> {
        start(example, &format!("nanomsg_{}_client", self.name), arguments)
    }
}

/// Both ends hear each other, on new connections too. A pair has one client at a time.
fn pair(pattern: &Pattern) -> Result<()> {
    let (mut server, address) = pattern.server()?;
    for (language, example) in pattern.clients {
        let mut client = pattern.client(example, &[&address])?;
        is_answered(language, &mut client, "at first")?;
        let news = format!("the server to {language}");
        until_heard(&news, &[(language, &client.ear)], str::to_owned, |text| server.say(text))?;
        client.say("!")?;
        is_answered(language, &mut client, "on a new connection")?;
        server.say("!")?;
        is_answered(language, &mut client, "after the restart")?;
        client.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    server.end()
}

/// Each client has its requests answered, on new connections too.
fn request(pattern: &Pattern) -> Result<()> {
    let (mut server, address) = pattern.server()?;
    let mut clients = Vec::new();
    for (language, example) in pattern.clients {
        clients.push((*language, pattern.client(example, &[&address])?));
    }
    for (language, client) in &mut clients {
        is_answered(language, client, "at first")?;
        client.say("!")?;
        is_answered(language, client, "on a new connection")?;
    }
    server.say("!")?;
    for (language, client) in &mut clients {
        is_answered(language, client, "after the restart")?;
        client.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    server.end()
}

/// What each client pushes comes in, and two servers share it.
fn push(pattern: &Pattern) -> Result<()> {
    let (mut server, address) = pattern.server()?;
    let (mut other, other_address) = pattern.server()?;
    for (language, example) in pattern.clients {
        let mut client = pattern.client(example, &[&address, &other_address])?;
        let ears = [("one server", &server.ear), ("the other server", &other.ear)];
        for (name, ear) in ears {
            let news = format!("{language} to {name}");
            until_heard(&news, &[(name, ear)], str::to_owned, |text| client.say(text))?;
        }
        client.say("!")?;
        server.say("!")?;
        let news = format!("{language} on new connections");
        let ears = [("the server", &server.ear)];
        until_heard(&news, &ears, str::to_owned, |text| client.say(text))?;
        client.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    other.end()?;
    server.end()
}

/// Every client hears what it has subscribed to, and nothing else.
fn subscribe(pattern: &Pattern) -> Result<()> {
    let (mut server, address) = pattern.server()?;
    let mut clients = Vec::new();
    for (language, example) in pattern.clients {
        // Everything that is said begins with that.
        clients.push((*language, pattern.client(example, &[&address, "another topic", "<"])?));
    }
    let mut stranger = pattern.client(&pattern.clients[0].1, &[&address, "another topic"])?;
    everyone_hears(&mut server, &clients, "news", str::to_owned)?;
    for (_, client) in &mut clients {
        client.say("!")?;
    }
    everyone_hears(&mut server, &clients, "news on new connections", str::to_owned)?;
    server.say("!")?;
    everyone_hears(&mut server, &clients, "news after the restart", str::to_owned)?;
    let ears = [("stranger", &stranger.ear)];
    let another = |text: &str| format!("another topic {text}");
    until_heard("for the stranger", &ears, another, |text| server.say(&another(text)))?;
    for (language, client) in &mut clients {
        client.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    stranger.end()?;
    server.end()?;
    match stranger.ear.text() {
        text if text.contains("<news") => Err(format!("another topic has what is news:\n{text}")),
        _ => Ok(()),
    }
}

/// Every client answers the surveys.
fn survey(pattern: &Pattern) -> Result<()> {
    let (mut server, address) = pattern.server()?;
    let mut clients = Vec::new();
    for (language, example) in pattern.clients {
        clients.push((*language, pattern.client(example, &[&address])?));
    }
    for news in ["a question", "a question after the restart"] {
        let ears: Vec<(&str, &Ear)> =
            clients.iter().map(|(language, client)| (*language, &client.ear)).collect();
        let mut last = String::new();
        until_heard(news, &ears, str::to_owned, |text| {
            last = text.to_owned();
            ask(&mut server, text)
        })?;
        // That one was heard by all clients, and each has answered.
        let answers = server.ear.text().matches(&reversed(&last)).count();
        if answers != clients.len() {
            return Err(format!("{answers} answers came; it printed:\n{}", server.ear.text()));
        }
        server.say("!")?;
    }
    for (language, client) in &mut clients {
        client.end().map_err(|why| format!("{language} client: {why}"))?;
    }
    server.end()
}

/// One node to which all others link themselves: what it says all of them hear, and the other way
/// round.
fn bus(center: usize, languages: &[&Language]) -> Result<()> {
    let address = free_address()?;
    let mut node = start(&languages[center].1, "nanomsg_bus", &[&address])?;
    let mut others = Vec::new();
    for (language, example) in languages {
        let own = free_address()?;
        others.push((*language, start(example, "nanomsg_bus", &[&own, &address])?));
    }
    for news in ["hello to all", "hello to all after the restart"] {
        everyone_hears(&mut node, &others, news, str::to_owned)?;
        for (language, other) in &mut others {
            let news = format!("{news} from {language}");
            let ears = [("the node", &node.ear)];
            until_heard(&news, &ears, str::to_owned, |text| other.say(text))?;
        }
        node.say("!")?;
    }
    for (language, other) in &mut others {
        other.end().map_err(|why| format!("{language} node: {why}"))?;
    }
    node.end()
}

/// Asks a question, and waits for the end of its survey.
fn ask(server: &mut Program, question: &str) -> Result<()> {
    server.say(question)?;
    server.ear.wait_until(|heard| {
        heard.split_once(question).is_some_and(|(_, rest)| rest.contains("Survey finished!"))
    })
}

/// What a client says comes back reversed.
fn is_answered(language: &str, client: &mut Program, news: &str) -> Result<()> {
    let ear = client.ear.clone();
    let news = format!("{language} {news}");
    until_heard(&news, &[(language, &ear)], reversed, |text| client.say(text))
}

fn everyone_hears(
    speaker: &mut Program,
    listeners: &[(&'static str, Program)],
    news: &str,
    as_heard: impl Fn(&str) -> String,
) -> Result<()> {
    let ears: Vec<(&str, &Ear)> =
        listeners.iter().map(|(language, listener)| (*language, &listener.ear)).collect();
    until_heard(news, &ears, as_heard, |text| speaker.say(text))
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

fn start(example: &Example, name: &str, arguments: &[&str]) -> Result<Program> {
    Program::start(example(name).current_dir(workspace::root()).args(arguments))
}

fn free_address() -> Result<String> {
    Ok(format!("tcp://127.0.0.1:{}", free_port(0)?))
}
