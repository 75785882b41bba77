//! What is measured, as the driver tells it to the programs.

use std::fmt;
use std::str::FromStr;

/// Which protocols speak with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Request and reply.
    Request,
    /// Push and pull.
    Push,
    /// Publisher and subscribers.
    Publish,
    /// Surveyor and respondents.
    Survey,
}

impl Pattern {
    const ALL: [Pattern; 4] = [Pattern::Request, Pattern::Push, Pattern::Publish, Pattern::Survey];

    fn name(self) -> &'static str {
        match self {
            Pattern::Request => "request",
            Pattern::Push => "push",
            Pattern::Publish => "publish",
            Pattern::Survey => "survey",
        }
    }

    /// Whether what arrives is sent back.
    pub fn asks(self) -> bool {
        matches!(self, Pattern::Request | Pattern::Survey)
    }

    /// Whether messages go to all, who has to be there before.
    pub fn sends_to_all(self) -> bool {
        matches!(self, Pattern::Publish | Pattern::Survey)
    }
}

/// Over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Within a process.
    Inproc,
    /// Unix domain sockets.
    Ipc,
    /// TCP over the loopback interface.
    Tcp,
}

impl Transport {
    /// In the order of the table.
    pub const ALL: [Transport; 3] = [Transport::Tcp, Transport::Ipc, Transport::Inproc];

    /// Name on the command line and in the table.
    pub fn key(self) -> &'static str {
        match self {
            Transport::Inproc => "inproc",
            Transport::Ipc => "ipc",
            Transport::Tcp => "tcp",
        }
    }
}

/// One line of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Load {
    /// One client asks again and again, 32 bytes; both sides on one core.
    Request,
    /// Each side on its own.
    RequestApart,
    /// One socket sends 32 bytes again and again to another one.
    Push,
    /// 64 KiB.
    PushLarge,
    /// One publisher, ten subscribers, 32 bytes.
    Publish,
    /// 1,000 subscribers.
    PublishMany,
    /// One surveyor, 100 respondents, 32 bytes.
    Survey,
}

impl Load {
    /// In the order of the table.
    pub const ALL: [Load; 7] = [
        Load::Request,
        Load::RequestApart,
        Load::Push,
        Load::PushLarge,
        Load::Publish,
        Load::PublishMany,
        Load::Survey,
    ];

    /// Name on the command line.
    pub fn key(self) -> &'static str {
        match self {
            Load::Request => "request",
            Load::RequestApart => "request-apart",
            Load::Push => "push",
            Load::PushLarge => "push-large",
            Load::Publish => "publish",
            Load::PublishMany => "publish-many",
            Load::Survey => "survey",
        }
    }

    /// Name in the table.
    pub fn title(self) -> &'static str {
        match self {
            Load::Request => "request and reply, 32 B",
            Load::RequestApart => "request and reply on two cores, 32 B",
            Load::Push => "push to pull, 32 B",
            Load::PushLarge => "push to pull, 64 KiB",
            Load::Publish => "publish to 10, 32 B",
            Load::PublishMany => "publish to 1,000, 32 B",
            Load::Survey => "survey of 100, 32 B",
        }
    }

    /// How many cores there are for it. Who asks and who answers never have something to do at the
    /// same time.
    pub fn cores(self) -> usize {
        if self == Load::Request { 1 } else { 2 }
    }

    /// What the programs are told.
    pub fn job(self, address: String) -> Job {
        let one = Job {
            pattern: Pattern::Request,
            address,
            size: 32,
            sockets: 1,
            processes: 1,
            window: 1,
        };
        match self {
            Load::Request | Load::RequestApart => one,
            Load::Push => Job { pattern: Pattern::Push, ..one },
            Load::PushLarge => Job { pattern: Pattern::Push, size: 64 * 1024, ..one },
            Load::Publish => Job { pattern: Pattern::Publish, sockets: 10, window: 128, ..one },
            Load::PublishMany => {
                Job { pattern: Pattern::Publish, sockets: 500, processes: 2, window: 8, ..one }
            }
            Load::Survey => Job { pattern: Pattern::Survey, sockets: 100, ..one },
        }
    }
}

/// The work of one side, or of both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// What speaks.
    pub pattern: Pattern,
    /// Where the beginning side listens and the others dial.
    pub address: String,
    /// Bytes of a message.
    pub size: usize,
    /// Answering sockets per process.
    pub sockets: usize,
    /// Processes with answering sockets.
    pub processes: usize,
    /// Messages until a publisher asks whether all have arrived.
    pub window: usize,
}

impl Job {
    /// Answering sockets altogether.
    pub fn receivers(&self) -> usize {
        self.sockets * self.processes
    }

    /// The same with all answering sockets in one process.
    pub fn within_a_process(self) -> Job {
        Job { sockets: self.receivers(), processes: 1, ..self }
    }

    /// The arguments of a program that plays this part.
    pub fn arguments(&self, part: &str) -> Vec<String> {
        let Job { pattern, address, size, sockets, processes, window } = self;
        let mut arguments = vec![pattern.to_string(), part.to_owned(), address.clone()];
        arguments.extend([size, sockets, processes, window].map(|number| number.to_string()));
        arguments
    }

    /// Reads such arguments: the part, and the job.
    pub fn parse(arguments: &[String]) -> Option<(String, Job)> {
        let [pattern, part, address, numbers @ ..] = arguments else { return None };
        let numbers: Vec<usize> =
            numbers.iter().map(|number| number.parse().ok()).collect::<Option<_>>()?;
        let [size, sockets, processes, window] = numbers[..] else { return None };
        let (pattern, address) = (pattern.parse().ok()?, address.clone());
        Some((part.clone(), Job { pattern, address, size, sockets, processes, window }))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Pattern {
    type Err = ();

    fn from_str(text: &str) -> Result<Pattern, ()> {
        Pattern::ALL.into_iter().find(|pattern| pattern.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_understand_what_they_are_told() {
        for load in Load::ALL {
            let job = load.job("tcp://127.0.0.1:1".to_owned());
            assert_eq!(Job::parse(&job.arguments("begin")), Some(("begin".to_owned(), job)));
        }
        assert_eq!(Job::parse(&[]), None);
        assert_eq!(Job::parse(&["a", "b", "c", "1", "2", "3", "4"].map(str::to_owned)), None);
    }

    #[test]
    fn one_process_has_all_sockets() {
        let job = Load::PublishMany.job("inproc://one".to_owned());
        let together = job.clone().within_a_process();
        assert_eq!((job.receivers(), together.receivers()), (1000, 1000));
        assert_eq!((together.sockets, together.processes), (1000, 1));
    }
}
