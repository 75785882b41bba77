//! Makes surveys: `nanomsg_survey_server [address]`. Each line of input is a question to all clients
//! that are there; their answers are printed until the deadline of a second. `!` restarts the
//! server, an empty line ends it.

use cppserver::nano::{Protocol, Socket, SpOption};
use cppserver::{Result, SpFailure};

fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1:6670".into());
    let server = Socket::new(Protocol::Surveyor)?;
    server.set_option(SpOption::SurveyDeadline, 1000)?;
    let mut endpoint = server.listen(&address)?;
    println!("Nanomsg survey server address: {address}");
    println!("An empty line stops the server, '!' restarts it, other lines are questions.");
    for line in std::io::stdin().lines().map_while(std::result::Result::ok) {
        match line.trim_end() {
            "" => break,
            "!" => {
                endpoint.close()?;
                endpoint = server.listen(&address)?;
                println!("Server restarted");
            }
            text => survey(&server, text)?,
        }
    }
    server.close()
}

fn survey(server: &Socket, question: &str) -> Result<()> {
    server.send(question)?;
    println!("Survey started! Question: {question}");
    loop {
        match server.receive() {
            Ok(answer) => println!("Answer: {}", answer.to_text()),
            Err(error) if error.code() == SpFailure::TimedOut as i32 => break,
            Err(error) => return Err(error),
        }
    }
    println!("Survey finished!");
    Ok(())
}
