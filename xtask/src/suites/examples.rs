//! The chat examples of all languages in one room: every server with every client. Programs as they
//! were written for the early C++ library take part as one more language.

mod nanomsg;
mod udp;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::chat::{Ear, Guest, LIMIT, Program, free_port};
use crate::compiler::Toolchain;
use crate::report::Suite;
use crate::setup;
use crate::workspace::{self, Result, System, files, stem};

/// What every chat server sends to a newcomer.
const INVITATION: &str = "Welcome to the chat!";

/// The C++ programs in the style of the early library; there is no echo server among them.
pub const CLASSIC: &str = "classic";

/// How many lines a client says at once; they must arrive in their order.
const LINES: usize = 20;

/// How long to wait before something is said again.
const PATIENCE: Duration = Duration::from_millis(500);

/// Finds the program of a language by the name of the example.
pub type Example = Box<dyn Fn(&str) -> Command>;

/// A protocol of the chat, as the names of the examples have it.
#[derive(Clone, Copy, PartialEq)]
enum Protocol {
    Tcp,
    Ssl,
    WebSocket,
    WebSocketSsl,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Ssl => "ssl",
            Protocol::WebSocket => "websocket",
            Protocol::WebSocketSsl => "websocket_ssl",
        }
    }

    fn example(self, role: &str) -> String {
        format!("{}_chat_{role}", self.name())
    }
}

pub fn examples(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C, setup::CPP, setup::PS, setup::OPENSSL])?;
    let languages = languages(suite)?;
    for (language, example) in &languages {
        if *language != CLASSIC {
            let echo = echo(example("tcp_echo_server"));
            suite.check(&format!("echo server in {language}"), echo);
        }
    }
    for protocol in [Protocol::Tcp, Protocol::Ssl, Protocol::WebSocket, Protocol::WebSocketSsl] {
        let [server, client] = ["server", "client"].map(|role| protocol.example(role));
        let speaks = |(language, _): &&(&str, Example)| {
            source(language, &server).is_file() && source(language, &client).is_file()
        };
        let speakers: Vec<_> = languages.iter().filter(speaks).collect();
        for (language, example) in &speakers {
            chat(suite, protocol, language, example(&server), &speakers);
        }
    }
    udp::udp(suite, &languages);
    nanomsg::nanomsg(suite, &languages);
    let (_, c) = &languages[1];
    suite.check("timer in C", timer(c("timer")));
    Ok(())
}

/// Says something again and again until all have heard the same attempt, as it comes to them.
pub fn until_heard(
    news: &str,
    listeners: &[(&str, &Ear)],
    as_heard: impl Fn(&str) -> String,
    mut say: impl FnMut(&str) -> Result<()>,
) -> Result<()> {
    let end = Instant::now() + LIMIT;
    for attempt in 1.. {
        let text = format!("<{news}, attempt {attempt}>");
        say(&text)?;
        let text = as_heard(&text);
        match listeners.iter().find(|(_, ear)| !ear.hears(&text, PATIENCE)) {
            None => break,
            Some((language, ear)) if Instant::now() > end || ear.has_ended() => {
                let heard = ear.text();
                return Err(format!("{language} does not hear `{news}`; it heard:\n{heard}"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Where the source of an example is.
pub fn source(language: &str, name: &str) -> PathBuf {
    workspace::root().join(match language {
        "rust" => format!("examples/{name}.rs"),
        "c" => format!("examples-c/{name}.c"),
        "cpp" => format!("bindings/cpp/examples/{name}.cpp"),
        CLASSIC => format!("xtask/consumer/classic_{name}.cpp"),
        _ => format!("bindings/python/examples/{name}.py"),
    })
}

/// Builds the examples of all languages.
pub fn languages(suite: &mut Suite) -> Result<Vec<(&'static str, Example)>> {
    let root = workspace::root();
    let mut rust = workspace::cargo();
    rust.args(["build", "--quiet", "--package", workspace::PACKAGE, "--examples"]);
    suite.step("build the Rust examples", &mut rust);
    let toolchain = Toolchain::native("examples")?;
    let mut compile = Vec::new();
    for file in files(&root.join("examples-c"), "c") {
        let name = stem(&file);
        let command = toolchain.c(&[file], &format!("c-{name}"));
        compile.push((format!("compile {name}.c"), command));
    }
    for file in files(&root.join("bindings/cpp/examples"), "cpp") {
        let name = stem(&file);
        let command = toolchain.cpp("c++14", &[file], &format!("cpp-{name}"));
        compile.push((format!("compile {name}.cpp"), command));
    }
    for file in files(&root.join("xtask/consumer"), "cpp") {
        let stem = stem(&file);
        let Some(name) = stem.strip_prefix("classic_") else { continue };
        let command = toolchain.cpp("c++14", &[file], &format!("{CLASSIC}-{name}"));
        compile.push((format!("compile {stem}.cpp"), command));
    }
    suite.steps(compile);
    let interpreter = setup::virtual_environment()?;

    let compiled = |language: &'static str| -> Example {
        let output = toolchain.output.clone();
        Box::new(move |name| {
            Command::new(output.join(System::host().program(&format!("{language}-{name}"))))
        })
    };
    Ok(vec![
        ("rust", Box::new(rust_example)),
        ("c", compiled("c")),
        ("cpp", compiled("cpp")),
        (CLASSIC, compiled(CLASSIC)),
        ("python", Box::new(move |name| python_example(&interpreter, name))),
    ])
}

fn rust_example(name: &str) -> Command {
    Command::new(workspace::target().join("debug/examples").join(System::host().program(name)))
}

fn python_example(interpreter: &Path, name: &str) -> Command {
    let package = workspace::root().join("bindings/python");
    let library = workspace::target().join("debug").join(System::host().dynamic_library());
    let mut command = Command::new(interpreter);
    command.arg(package.join(format!("examples/{name}.py")));
    command.env("PYTHONPATH", &package).env("CPPSERVER_LIBRARY", library);
    command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn echo(mut server: Command) -> Result<()> {
    let port = free_port(0)?;
    let mut server = Program::start(server.arg(port.to_string()))?;
    let mut guest = Guest::connect("guest", port)?;
    guest.say("what comes in ")?;
    guest.ear.wait_for("what comes in ")?;
    guest.say("goes out again")?;
    guest.ear.wait_for("what comes in goes out again")?;
    server.end()
}

fn timer(mut example: Command) -> Result<()> {
    let mut example = Program::start(&mut example)?;
    example.ear.wait_for("The metronome ends after 5 ticks")?;
    example.ear.wait_for("A timer that fires once")?;
    example.end()
}

/// One server with a guest and one client of every language; everyone hears everyone.
fn chat(
    suite: &mut Suite,
    protocol: Protocol,
    language: &str,
    server: Command,
    languages: &[&(&str, Example)],
) {
    let serves_a_page = protocol == Protocol::WebSocket && names_the_page(language);
    let language = &format!("{} {language}", protocol.name());
    match Room::open(protocol, server, languages) {
        Err(why) => suite.fail(&format!("{language} chat server"), &why),
        Ok(mut room) => {
            suite.check(&format!("{language} server, guest speaks"), room.guest_speaks());
            for (number, (name, _)) in languages.iter().enumerate() {
                suite.check(
                    &format!("{language} server, {name} client speaks"),
                    room.client_speaks(number),
                );
            }
            suite.check(&format!("{language} server, admin speaks"), room.admin_speaks("all"));
            if serves_a_page {
                suite.check(&format!("{language} server, a page for browsers"), page(room.port));
            }
            suite.check(&format!("{language} server, clients reconnect"), room.clients_reconnect());
            suite.check(&format!("{language} server restarts"), room.server_restarts());
            suite.check(&format!("{language} server, `!` disconnects"), room.guest_leaves());
            for (name, client) in &mut room.clients {
                suite.check(&format!("{language} server, {name} client ends"), client.end());
            }
            suite.check(&format!("{language} server ends"), room.server.end());
        }
    }
}

/// The page that the servers of WebSocket have for browsers.
const PAGE: &str = "examples/websocket_chat.html";

fn names_the_page(language: &str) -> bool {
    let server = source(language, &Protocol::WebSocket.example("server"));
    workspace::read(&server).is_ok_and(|text| text.contains(PAGE))
}

/// A browser gets the page, or a sentence where there is none.
fn page(port: u16) -> Result<()> {
    for (target, file) in [("/", workspace::read(&workspace::root().join(PAGE)).ok()), ("/x", None)]
    {
        let mut browser = Guest::connect("browser", port)?;
        browser.say(&format!("GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))?;
        browser.ear.wait_for_end()?;
        let answer = browser.ear.text();
        let expected = if file.is_some() { "HTTP/1.1 200 " } else { "HTTP/1.1 404 " };
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let is_whole = file.map_or(!body.is_empty(), |file| file == body);
        if !answer.starts_with(expected) || !is_whole {
            return Err(format!("GET {target} is answered:\n{answer}"));
        }
    }
    Ok(())
}

/// Somebody in the chat who does not use this library.
enum Stranger {
    Socket(Guest),
    OpenSsl(Program),
    WebSocket(Program),
}

impl Stranger {
    /// Comes in and is welcomed.
    fn enter(protocol: Protocol, port: u16) -> Result<Stranger> {
        let stranger = match protocol {
            Protocol::Tcp => Stranger::Socket(Guest::connect("raw socket", port)?),
            Protocol::Ssl => Stranger::OpenSsl(open_ssl(port)?),
            _ => Stranger::WebSocket(web_socket(protocol, port)?),
        };
        stranger.ear().wait_for(INVITATION)?;
        Ok(stranger)
    }

    fn say(&mut self, text: &str) -> Result<()> {
        match self {
            Stranger::Socket(guest) => guest.say(text),
            Stranger::OpenSsl(program) => program.write(text),
            Stranger::WebSocket(program) => program.say(text),
        }
    }

    fn ear(&self) -> &Ear {
        match self {
            Stranger::Socket(guest) => &guest.ear,
            Stranger::OpenSsl(program) | Stranger::WebSocket(program) => &program.ear,
        }
    }
}

fn open_ssl(port: u16) -> Result<Program> {
    let mut command = Command::new("openssl");
    command.current_dir(workspace::root());
    command.args(["s_client", "-quiet", "-verify_return_error", "-CAfile", "certs/ca.pem"]);
    Program::start(command.args(["-connect", &format!("127.0.0.1:{port}")]))
}

/// A client of the Python package websockets.
fn web_socket(protocol: Protocol, port: u16) -> Result<Program> {
    let mut command = Command::new(setup::virtual_environment()?);
    command.current_dir(workspace::root()).arg("xtask/peers/websocket_guest.py");
    match protocol {
        Protocol::WebSocketSsl => {
            command.args([&format!("wss://127.0.0.1:{port}/"), "certs/ca.pem"])
        }
        _ => command.arg(format!("ws://127.0.0.1:{port}/")),
    };
    Program::start(&mut command)
}

struct Room {
    protocol: Protocol,
    port: u16,
    server: Program,
    guest: Stranger,
    clients: Vec<(String, Program)>,
}

impl Room {
    fn open(
        protocol: Protocol,
        mut server: Command,
        languages: &[&(&str, Example)],
    ) -> Result<Room> {
        let port = free_port(0)?;
        let server = server.current_dir(workspace::root()).arg(port.to_string());
        let server = Program::start(server)?;
        server.ear.wait_for(&format!("server port: {port}"))?;
        let guest = Stranger::enter(protocol, port)?;
        let mut clients = Vec::new();
        for (name, example) in languages {
            let mut command = example(&protocol.example("client"));
            command.current_dir(workspace::root());
            let client = Program::start(command.args(["127.0.0.1", &port.to_string()]))?;
            client.ear.wait_for(INVITATION).map_err(|why| format!("{name} client: {why}"))?;
            clients.push((name.to_string(), client));
        }
        Ok(Room { protocol, port, server, guest, clients })
    }

    fn everyone_hears(&self, text: &str) -> Result<()> {
        self.guest.ear().wait_for(text).map_err(|why| format!("guest: {why}"))?;
        for (name, client) in &self.clients {
            client.ear.wait_for(text).map_err(|why| format!("{name} client: {why}"))?;
        }
        Ok(())
    }

    fn guest_speaks(&mut self) -> Result<()> {
        self.guest.say("message from a guest")?;
        self.everyone_hears("message from a guest")
    }

    fn client_speaks(&mut self, number: usize) -> Result<()> {
        let (name, client) = &mut self.clients[number];
        let lines: Vec<_> = (1..=LINES).map(|line| format!("<line {line} of {name}>")).collect();
        for line in &lines {
            client.say(line)?;
        }
        self.everyone_hears(&lines[LINES - 1])?;
        in_order(&self.guest.ear().text(), &lines).map_err(|why| format!("guest: {why}"))?;
        for (name, client) in &self.clients {
            in_order(&client.ear.text(), &lines).map_err(|why| format!("{name} client: {why}"))?;
        }
        Ok(())
    }

    fn admin_speaks(&mut self, words: &str) -> Result<()> {
        self.server.say(&format!("listen, {words}"))?;
        self.everyone_hears(&format!("(admin) listen, {words}"))
    }

    /// `!` ends the connection of a client, which comes back by itself and goes on.
    fn clients_reconnect(&mut self) -> Result<()> {
        self.clients_come_again(|room| {
            room.clients.iter_mut().try_for_each(|(_, client)| client.say("!"))
        })?;
        self.admin_speaks("who came back")
    }

    /// `!` restarts the server: everyone is disconnected, and all clients come back.
    fn server_restarts(&mut self) -> Result<()> {
        self.clients_come_again(|room| {
            room.server.say("!")?;
            room.guest.ear().wait_for_end()
        })?;
        self.guest = Stranger::enter(self.protocol, self.port)?;
        self.admin_speaks("after the restart")
    }

    /// Waits until every client was welcomed once more.
    fn clients_come_again(&mut self, leave: impl FnOnce(&mut Room) -> Result<()>) -> Result<()> {
        let welcomed = |text: &str| text.matches(INVITATION).count();
        let before: Vec<_> =
            self.clients.iter().map(|(_, client)| welcomed(&client.ear.text())).collect();
        leave(self)?;
        for ((name, client), before) in self.clients.iter().zip(before) {
            let again = client.ear.wait_until(|text| welcomed(text) > before);
            again.map_err(|why| format!("{name} client does not come back: {why}"))?;
        }
        Ok(())
    }

    /// The server closes the connection of who says `!`, after it sent what it had.
    fn guest_leaves(&mut self) -> Result<()> {
        self.guest.say("!")?;
        self.guest.ear().wait_for_end()?;
        match self.guest.ear().text() {
            text if text.trim_end().ends_with('!') => Ok(()),
            text => Err(format!("the last words of the server were lost; heard:\n{text}")),
        }
    }
}

/// Whether all lines are in a text, one behind the other.
fn in_order(text: &str, lines: &[String]) -> Result<()> {
    let mut from = 0;
    for line in lines {
        let found = text[from..].find(line.as_str());
        let found = found.ok_or_else(|| format!("`{line}` is not in its place in:\n{text}"))?;
        from += found + line.len();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_their_order_only() {
        let lines = ["<1>", "<2>", "<3>"].map(str::to_string);
        assert!(in_order("<1>\n<2><3> end", &lines).is_ok());
        assert!(in_order("<1><3><2>", &lines).is_err());
        assert!(in_order("<1><2>", &lines).is_err());
    }
}
