//! The chat examples of all languages in one room: every server with every client, plain and, where
//! there are such examples, encrypted. Programs as they
//! were written for the early C++ library take part as one more language.

use std::path::Path;
use std::process::Command;

use crate::chat::{Guest, Program, free_port};
use crate::compiler::Toolchain;
use crate::report::Suite;
use crate::setup;
use crate::workspace::{self, Result, System};

/// What every chat server sends to a newcomer.
const INVITATION: &str = "Welcome to the chat!";

/// The C++ programs in the style of the early library; there is no echo server among them.
const CLASSIC: &str = "classic";

/// How many lines a client says at once; they must arrive in their order.
const LINES: usize = 20;

/// The languages that have the chat encrypted too.
const ENCRYPTED: [&str; 2] = ["cpp", CLASSIC];

/// Below the chat.
#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Tcp,
    Ssl,
}

impl Transport {
    fn program(self, role: &str) -> String {
        match self {
            Transport::Tcp => format!("tcp_chat_{role}"),
            Transport::Ssl => format!("ssl_chat_{role}"),
        }
    }

    /// What a server prints in front of its port.
    fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "TCP",
            Transport::Ssl => "SSL",
        }
    }
}

/// Finds the program of a language by the name of the example.
type Example = Box<dyn Fn(&str) -> Command>;

pub fn examples(suite: &mut Suite) -> Result<()> {
    setup::ensure(&[setup::C, setup::CPP, setup::PS])?;
    let languages = languages(suite)?;
    for (language, example) in &languages {
        if *language != CLASSIC {
            let echo = echo(example("tcp_echo_server"));
            suite.check(&format!("echo server in {language}"), echo);
        }
        chat(suite, Transport::Tcp, language, &languages);
    }
    let encrypted: Vec<_> =
        languages.iter().filter(|(language, _)| ENCRYPTED.contains(language)).collect();
    for (language, _) in &encrypted {
        chat(suite, Transport::Ssl, language, encrypted.iter().copied());
    }
    let (_, c) = &languages[1];
    suite.check("timer in C", timer(c("timer")));
    Ok(())
}

/// Builds the examples of all languages.
fn languages(suite: &mut Suite) -> Result<Vec<(&'static str, Example)>> {
    let root = workspace::root();
    let mut rust = workspace::cargo();
    rust.args(["build", "--quiet", "--package", workspace::PACKAGE, "--examples"]);
    suite.step("build the Rust examples", &mut rust);
    let toolchain = Toolchain::native("examples")?;
    let mut compile = Vec::new();
    for name in ["tcp_echo_server", "tcp_chat_server", "tcp_chat_client"] {
        let c = [root.join(format!("examples-c/{name}.c"))];
        let cpp = [root.join(format!("bindings/cpp/examples/{name}.cpp"))];
        compile.push((format!("compile {name}.c"), toolchain.c(&c, &format!("c-{name}"))));
        compile.push((
            format!("compile {name}.cpp"),
            toolchain.cpp("c++14", &cpp, &format!("cpp-{name}")),
        ));
    }
    for name in ["chat_server", "chat_client"] {
        let classic = [root.join(format!("xtask/consumer/classic_{name}.cpp"))];
        compile.push((
            format!("compile classic_{name}.cpp"),
            toolchain.cpp("c++14", &classic, &format!("{CLASSIC}-tcp_{name}")),
        ));
    }
    for name in ["ssl_chat_server", "ssl_chat_client"] {
        let cpp = [root.join(format!("bindings/cpp/examples/{name}.cpp"))];
        compile.push((
            format!("compile {name}.cpp"),
            toolchain.cpp("c++14", &cpp, &format!("cpp-{name}")),
        ));
        let classic = [root.join(format!("xtask/consumer/classic_{name}.cpp"))];
        compile.push((
            format!("compile classic_{name}.cpp"),
            toolchain.cpp("c++14", &classic, &format!("{CLASSIC}-{name}")),
        ));
    }
    let timer = [root.join("examples-c/timer.c")];
    compile.push(("compile timer.c".to_string(), toolchain.c(&timer, "c-timer")));
    suite.steps(compile);
    let interpreter = setup::virtual_environment()?;

    let compiled = |language: &'static str| -> Example {
        let output = toolchain.output.clone();
        Box::new(move |name| {
            let program = System::host().program(&format!("{language}-{name}"));
            let mut command = Command::new(output.join(program));
            // Where the test certificates are.
            command.current_dir(workspace::root());
            command
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

/// One server with one client of every language and, where it can speak, a raw socket; everyone
/// hears everyone.
fn chat<'a>(
    suite: &mut Suite,
    transport: Transport,
    language: &str,
    languages: impl IntoIterator<Item = &'a (&'static str, Example)>,
) {
    let languages: Vec<_> = languages.into_iter().collect();
    let title = format!("{} chat, {language} server", transport.name());
    match Room::open(transport, language, &languages) {
        Err(why) => suite.fail(&title, &why),
        Ok(mut room) => {
            if room.guest.is_some() {
                suite.check(&format!("{title}, raw socket speaks"), room.guest_speaks());
            }
            for (number, (name, _)) in languages.iter().enumerate() {
                let spoken = room.client_speaks(number);
                suite.check(&format!("{title}, {name} client speaks"), spoken);
            }
            suite.check(&format!("{title}, admin speaks"), room.admin_speaks("all"));
            suite.check(&format!("{title}, clients reconnect"), room.clients_reconnect());
            suite.check(&format!("{title}, the server restarts"), room.server_restarts());
            if room.guest.is_some() {
                suite.check(&format!("{title}, `!` disconnects"), room.guest_leaves());
            }
            for (name, client) in &mut room.clients {
                suite.check(&format!("{title}, {name} client ends"), client.end());
            }
            suite.check(&format!("{title}, the server ends"), room.server.end());
        }
    }
}

struct Room {
    port: u16,
    server: Program,
    /// A raw socket, which only plain chats have.
    guest: Option<Guest>,
    clients: Vec<(String, Program)>,
}

impl Room {
    fn open(
        transport: Transport,
        language: &str,
        languages: &[&(&'static str, Example)],
    ) -> Result<Room> {
        let (_, example) = languages
            .iter()
            .find(|(name, _)| *name == language)
            .ok_or(format!("there is no example in {language}"))?;
        let port = free_port(0)?;
        let server = Program::start(example(&transport.program("server")).arg(port.to_string()))?;
        server.ear.wait_for(&format!("{} server port: {port}", transport.name()))?;
        let guest = match transport {
            Transport::Tcp => Some(enter(port)?),
            Transport::Ssl => None,
        };
        let mut clients = Vec::new();
        for (name, example) in languages {
            let mut command = example(&transport.program("client"));
            let client = Program::start(command.args(["127.0.0.1", &port.to_string()]))?;
            client.ear.wait_for(INVITATION).map_err(|why| format!("{name} client: {why}"))?;
            clients.push((name.to_string(), client));
        }
        Ok(Room { port, server, guest, clients })
    }

    fn everyone_hears(&self, text: &str) -> Result<()> {
        if let Some(guest) = &self.guest {
            guest.ear.wait_for(text).map_err(|why| format!("raw socket: {why}"))?;
        }
        for (name, client) in &self.clients {
            client.ear.wait_for(text).map_err(|why| format!("{name} client: {why}"))?;
        }
        Ok(())
    }

    fn guest(&mut self) -> Result<&mut Guest> {
        self.guest.as_mut().ok_or("there is no raw socket in this chat".to_string())
    }

    fn guest_speaks(&mut self) -> Result<()> {
        self.guest()?.say("message from a raw socket")?;
        self.everyone_hears("message from a raw socket")
    }

    fn client_speaks(&mut self, number: usize) -> Result<()> {
        let (name, client) = &mut self.clients[number];
        let lines: Vec<_> = (1..=LINES).map(|line| format!("<line {line} of {name}>")).collect();
        for line in &lines {
            client.say(line)?;
        }
        self.everyone_hears(&lines[LINES - 1])?;
        if let Some(guest) = &self.guest {
            in_order(&guest.ear.text(), &lines).map_err(|why| format!("raw socket: {why}"))?;
        }
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
            room.guest.as_ref().map_or(Ok(()), |guest| guest.ear.wait_for_end())
        })?;
        if self.guest.is_some() {
            self.guest = Some(enter(self.port)?);
        }
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
        let guest = self.guest()?;
        guest.say("!")?;
        guest.ear.wait_for_end()?;
        match guest.ear.text() {
            text if text.ends_with('!') => Ok(()),
            text => Err(format!("the last words of the server were lost; heard:\n{text}")),
        }
    }
}

/// A raw socket that the server has welcomed.
fn enter(port: u16) -> Result<Guest> {
    let guest = Guest::connect("raw socket", port)?;
    guest.ear.wait_for(INVITATION)?;
    Ok(guest)
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
