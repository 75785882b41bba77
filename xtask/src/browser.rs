//! `cargo xtask browser`: the WebSocket chat servers of all languages, in a browser without a window.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::report::{self, Suite};
use crate::setup;
use crate::suites::examples;
use crate::workspace::{self, Result};

#[derive(Clone, Copy, PartialEq, Debug)]
enum Protocol {
    Ws,
    Wss,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Protocol::Ws => "ws",
            Protocol::Wss => "wss",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Protocol::Ws => "websocket_chat_server",
            Protocol::Wss => "websocket_ssl_chat_server",
        }
    }
}

/// What to run, from the command line.
#[derive(Debug, PartialEq)]
struct Plan {
    protocols: Vec<Protocol>,
    /// Where the screenshot is wanted as well.
    picture: Option<PathBuf>,
    /// A server in the place of the examples, as words of a command.
    server: Vec<String>,
}

impl Plan {
    fn from_arguments(arguments: &[String]) -> Result<Plan> {
        let mut plan = Plan { protocols: Vec::new(), picture: None, server: Vec::new() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "ws" => plan.protocols.push(Protocol::Ws),
                "wss" => plan.protocols.push(Protocol::Wss),
                "--picture" => {
                    let file = arguments.next().ok_or("`--picture` needs a file.")?;
                    plan.picture = Some(file.into());
                }
                "--" => {
                    plan.server = arguments.cloned().collect();
                    break;
                }
                _ => return Err(format!("`browser` does not know `{argument}`.")),
            }
        }
        if plan.protocols.is_empty() {
            plan.protocols = vec![Protocol::Ws, Protocol::Wss];
        }
        if !plan.server.is_empty() && plan.protocols.len() > 1 {
            return Err("Say `ws` or `wss` in front of the program: it speaks one of them.".into());
        }
        Ok(plan)
    }
}

pub fn run(arguments: &[String]) -> Result<bool> {
    let plan = Plan::from_arguments(arguments)?;
    report::run(vec![("browser".to_string(), Box::new(|suite| browser(suite, &plan)))])
}

fn browser(suite: &mut Suite, plan: &Plan) -> Result<()> {
    setup::ensure(&[setup::CHROMIUM, setup::NODE, setup::NPM, setup::PS])?;
    let browser = Browser::prepare()?;
    let mut servers = Vec::new();
    if let Some((program, arguments)) = plan.server.split_first() {
        let mut command = Command::new(program);
        command.args(arguments);
        servers.push(("other", plan.protocols[0], command));
    } else {
        let languages = examples::languages(suite)?;
        for &protocol in &plan.protocols {
            let own = languages.iter().filter(|(language, _)| *language != examples::CLASSIC);
            for (language, example) in own {
                servers.push((*language, protocol, example(protocol.example())));
            }
        }
    }
    for (number, (language, protocol, server)) in servers.iter().enumerate() {
        let name = format!("{language}-{}", protocol.name());
        let screenshot = browser.pictures.join(format!("chat-{name}.png"));
        suite.program(&name, &mut browser.chat(*protocol, server, &screenshot));
        if number == 0 && screenshot.is_file() {
            workspace::copy(&screenshot, &browser.pictures.join("chat.png"))?;
            if let Some(picture) = &plan.picture {
                workspace::copy(&screenshot, picture)?;
            }
        }
    }
    Ok(())
}

/// What it takes to run a test in a browser.
struct Browser {
    program: PathBuf,
    modules: PathBuf,
    pictures: PathBuf,
}

impl Browser {
    fn prepare() -> Result<Browser> {
        let program = setup::chromium().ok_or("Missing: Chromium.")?;
        let list = workspace::root().join("tests/browser/package.json");
        let modules = setup::node_modules("browser", &list)?;
        let pictures = workspace::target().join("browser");
        // A picture of an earlier run is no result of this one.
        for old in workspace::files(&pictures, "png") {
            std::fs::remove_file(&old).map_err(|error| format!("{}: {error}", old.display()))?;
        }
        Ok(Browser { program, modules, pictures })
    }

    /// Two tabs in the chat of one server.
    fn chat(&self, protocol: Protocol, server: &Command, screenshot: &Path) -> Command {
        let mut command = Command::new("node");
        command.arg("tests/browser/chat.js").current_dir(workspace::root());
        command.arg(&self.program).arg(screenshot).arg(protocol.name());
        command.arg(server.get_program()).args(server.get_args());
        for (name, value) in server.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.env("NODE_PATH", &self.modules);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(words: &str) -> Result<Plan> {
        let words: Vec<String> = words.split_whitespace().map(str::to_string).collect();
        Plan::from_arguments(&words)
    }

    #[test]
    fn without_arguments_both_protocols_are_run() {
        let plan = plan("").expect("a plan");
        assert_eq!(plan.protocols, [Protocol::Ws, Protocol::Wss]);
        assert!(plan.server.is_empty() && plan.picture.is_none());
    }

    #[test]
    fn a_program_speaks_one_protocol() {
        let chosen = plan("wss --picture a.png -- server ws").expect("a plan");
        assert_eq!(chosen.protocols, [Protocol::Wss]);
        assert_eq!(chosen.picture, Some("a.png".into()));
        assert_eq!(chosen.server, ["server", "ws"]);
        for wrong in ["-- server", "--picture", "http"] {
            plan(wrong).expect_err(wrong);
        }
    }
}
