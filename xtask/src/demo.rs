//! `cargo xtask demo`: a chat in front of your eyes, then the same server for you.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::chat::{Guest, Program, free_port};
use crate::setup;
use crate::workspace::{self, Result, System};

const PORT: u16 = 1111;

/// The pace of the conversation: slow enough to be read.
const PACE: Duration = Duration::from_millis(600);

/// Who says what.
const CONVERSATION: [(usize, &str); 6] = [
    (0, "Good evening. Is anybody here?"),
    (1, "Yes! One thread serves us all, and nobody waits for anybody."),
    (2, "Every message goes to every session, its sender too."),
    (0, "What does the server do in between?"),
    (1, "Nothing at all. It sleeps until a byte arrives."),
    (2, "Then I shall be quiet, so that it can rest."),
];

const NAMES: [&str; 3] = ["Red", "Green", "Blue"];

pub fn demo() -> Result<()> {
    println!("Building the chat server (release)...");
    setup::ensure(&[setup::C])?;
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--release", "--package", workspace::PACKAGE]);
    workspace::run(build.args(["--example", "tcp_chat_server"]))?;
    let program = workspace::target()
        .join("release/examples")
        .join(System::host().program("tcp_chat_server"));

    let port = free_port(PORT)?;
    if port != PORT {
        println!("Port {PORT} is in use, so this chat takes port {port}.");
    }
    let mut server = Program::start(Command::new(program).arg(port.to_string()))?;
    println!("The chat server runs on port {port}.\n");
    converse(&mut server, port)?;
    stay_open(&mut server, port)?;
    server.end()?;
    println!("The chat server has ended.");
    Ok(())
}

/// A few clients talk to each other and to the administrator.
fn converse(server: &mut Program, port: u16) -> Result<()> {
    let started = Instant::now();
    let mut guests = Vec::new();
    for name in NAMES {
        let guest = Guest::connect(name, port)?;
        guest.ear.wait_for("Welcome")?;
        println!("  {name} enters and is greeted: \"{}\"", guest.ear.text());
        guests.push(guest);
        pause();
    }
    println!();
    for (who, words) in CONVERSATION {
        let text = format!("{}: {words}", guests[who].name);
        guests[who].say(&text)?;
        println!("  {text}");
        println!("      -> {}; {}", all_hear(&guests, &text)?, counters(server)?);
        pause();
    }
    server.say("The floor is yours.")?;
    let text = "(admin) The floor is yours.";
    println!("  {text}");
    println!("      -> {}; {}\n", all_hear(&guests, text)?, counters(server)?);

    println!("  {:<8} {:>12} {:>16}", "client", "bytes sent", "bytes received");
    let (mut sent, mut received) = (0, 0);
    for guest in &guests {
        println!("  {:<8} {:>12} {:>16}", guest.name, guest.sent, guest.ear.text().len());
        sent += guest.sent;
        received += guest.ear.text().len();
    }
    let messages = (CONVERSATION.len() + 1) * guests.len() + guests.len();
    let seconds = started.elapsed().as_secs_f64();
    println!("  {:<8} {sent:>12} {received:>16}", "all");
    println!(
        "  {messages} messages were delivered in {seconds:.1} s, most of it pauses for the reader.\n"
    );
    Ok(())
}

/// What the server says of itself: sessions and bytes.
fn counters(server: &mut Program) -> Result<String> {
    const MARK: &str = " sessions, ";
    let lines = |text: &str| text.lines().filter(|line| line.contains(MARK)).count();
    let before = lines(&server.ear.text());
    server.say("stats")?;
    server.ear.wait_until(|text| lines(text) > before && text.ends_with('\n'))?;
    let text = server.ear.text();
    let line = text.lines().rev().find(|line| line.contains(MARK));
    Ok(line.unwrap_or_default().to_string())
}

/// Waits until every client has the text, and tells how long that took.
fn all_hear(guests: &[Guest], text: &str) -> Result<String> {
    let sent = Instant::now();
    for guest in guests {
        guest.ear.wait_for(text).map_err(|why| format!("{}: {why}", guest.name))?;
    }
    Ok(format!("{} clients in {} us", guests.len(), sent.elapsed().as_micros()))
}

/// Leaves the server to the person at the keyboard; without one, there is nothing to wait for.
fn stay_open(server: &mut Program, port: u16) -> Result<()> {
    println!("The server is open for you. In another terminal:\n\n    nc 127.0.0.1 {port}\n");
    if !io::stdin().is_terminal() {
        println!("No terminal to wait for, so the demo ends here.");
        return Ok(());
    }
    println!("Type a line to speak as administrator; an empty line ends the demo.");
    let heard = server.ear.text().len();
    let ear = server.ear.clone();
    // Shows what the server prints from here on; the thread ends with the server.
    thread::spawn(move || {
        let mut shown = heard;
        while ear.wait_for_more(shown) {
            let text = ear.text();
            print!("{}", &text[shown..]);
            // A terminal that is gone is no reason to fail in a helper thread.
            let _ = io::stdout().flush();
            shown = text.len();
        }
    });
    for line in io::stdin().lock().lines() {
        match line {
            Ok(line) if !line.trim().is_empty() => server.say(&line)?,
            _ => break,
        }
    }
    Ok(())
}

fn pause() {
    thread::sleep(PACE);
}
