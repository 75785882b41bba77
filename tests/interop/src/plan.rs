//! All the cases with one peer.

use cppserver::nano::Protocol;

use crate::link::Link;
use crate::peer::{Kind, Program};
use crate::{Outcome, exchange, nanocat, strangers, stream};

/// Every role of ours; the peer has its counterpart.
pub const ROLES: [Protocol; 10] = [
    Protocol::Pair,
    Protocol::Request,
    Protocol::Reply,
    Protocol::Push,
    Protocol::Pull,
    Protocol::Publisher,
    Protocol::Subscriber,
    Protocol::Surveyor,
    Protocol::Respondent,
    Protocol::Bus,
];

/// One thing to find out.
pub struct Case {
    pub program: Program,
    pub what: What,
}

#[derive(Clone, Copy)]
pub enum What {
    Exchange(Protocol, Link),
    Receive(Link),
    Send(Link),
    Refuse((Protocol, Protocol), Link),
    BeRefused((Protocol, Protocol)),
}

pub fn cases(program: &Program) -> Vec<Case> {
    let links: Vec<Link> = transports(program.kind).iter().copied().flat_map(Link::over).collect();
    let mut all = Vec::new();
    // The longest ones come first.
    if program.kind == Kind::Libnanomsg {
        all.extend(links.iter().flat_map(|link| [What::Receive(*link), What::Send(*link)]));
    }
    for role in ROLES {
        all.extend(links.iter().map(|link| What::Exchange(role, *link)));
    }
    // Over WebSocket libnanomsg neither ends its refusal nor the connection, until ours gives up.
    let endless = |link: &&Link| {
        program.kind == Kind::Libnanomsg && link.transport == "ws" && !link.we_listen
    };
    for pair in strangers::PAIRS {
        let answered = links.iter().filter(|link| !endless(link));
        all.extend(answered.map(|link| What::Refuse(pair, *link)));
        if program.kind != Kind::Nanocat {
            all.push(What::BeRefused(pair));
        }
    }
    all.into_iter().map(|what| Case { program: program.clone(), what }).collect()
}

/// What the peer is asked to speak.
pub fn transports(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Nanocat => &["tcp", "ipc"],
        Kind::Libnanomsg | Kind::Nng | Kind::Pynng => &["tcp", "ipc", "ws"],
    }
}

impl Case {
    pub fn run(&self) -> Outcome {
        let program = &self.program;
        match self.what {
            What::Exchange(role, link) if program.kind == Kind::Nanocat => {
                nanocat::exchange(&program.path, role, link)
            }
            What::Exchange(role, link) => exchange::exchange(program, role, link),
            What::Receive(link) => stream::receive(program, link),
            What::Send(link) => stream::send(program, link),
            What::Refuse(pair, link) => strangers::refuse(program, pair, link),
            What::BeRefused(pair) => strangers::be_refused(program, pair),
        }
    }

    pub fn name(&self) -> String {
        let peer = self.program.kind.name();
        format!("{peer}: {} ({})", self.row(), self.link().name())
    }

    /// What it is about, without the peer and the way to it.
    pub fn row(&self) -> String {
        let named = |ours: Protocol, theirs: Protocol| format!("{}-{}", ours.name(), theirs.name());
        match self.what {
            What::Exchange(role, _) => named(role, role.peer()),
            What::Receive(_) => "100 MB to us".to_owned(),
            What::Send(_) => "100 MB from us".to_owned(),
            What::Refuse((ours, theirs), _) => format!("{} closed by us", named(ours, theirs)),
            What::BeRefused((ours, theirs)) => format!("{} closed by it", named(ours, theirs)),
        }
    }

    pub fn link(&self) -> Link {
        match self.what {
            What::Exchange(_, link)
            | What::Receive(link)
            | What::Send(link)
            | What::Refuse(_, link) => link,
            What::BeRefused(_) => Link { transport: "tcp", we_listen: false },
        }
    }
}
