//! What the tests have in common: handlers that tell what happens, and peers without a library.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use crate::error::Error;
pub(super) use crate::net::sp::Backlog;
pub(super) use crate::net::{
    Body, Client, Offer, Server, Service, Session, SocketOption, SpAddress, SpConfig,
};
use crate::net::{Kind, Reason, ServerHandler, SessionHandler, TlsContext};

pub(super) const REQ: u16 = 48;
pub(super) const REP: u16 = 49;

pub(super) const OF_SERVER: SpConfig =
    SpConfig { protocol: REP, peer: REQ, max_size: Some(1 << 20) };
pub(super) const OF_CLIENT: SpConfig =
    SpConfig { protocol: REQ, peer: REP, max_size: Some(1 << 20) };

/// What a handler tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News {
    Connected,
    Open,
    Message(Vec<u8>),
    Empty,
    Error(Error),
    /// With the number of messages that did not leave.
    Ended(Reason, u64),
}

/// Tells everything that a session does.
pub(super) struct Told {
    news: Sender<(Session, News)>,
    /// Pauses after each message.
    pub(super) pauses: bool,
    /// The messages of one read, told with its end.
    batch: Vec<Vec<u8>>,
}

impl Told {
    fn tell(&self, session: &Session, news: News) {
        // A test that has seen enough listens no more.
        let _ = self.news.send((session.clone(), news));
    }
}

impl SessionHandler for Told {
    fn on_connected(&mut self, session: &Session) {
        self.tell(session, News::Connected);
    }

    fn on_handshaked(&mut self, session: &Session) {
        self.tell(session, News::Open);
    }

    fn on_received(&mut self, session: &Session, kind: Kind, data: &[u8]) -> usize {
        assert_eq!(kind, Kind::Binary);
        self.batch.push(data.to_vec());
        if self.pauses {
            session.pause_reading().unwrap();
        }
        data.len()
    }

    fn on_batch(&mut self, session: &Session) {
        for message in std::mem::take(&mut self.batch) {
            self.tell(session, News::Message(message));
        }
    }

    fn on_empty(&mut self, session: &Session) {
        self.tell(session, News::Empty);
    }

    fn on_error(&mut self, session: &Session, error: &Error) {
        self.tell(session, News::Error(error.clone()));
    }

    fn on_disconnected(&mut self, session: &Session, reason: Reason) {
        assert_eq!(self.batch, [[0u8; 0]; 0], "a batch is told before the end");
        self.tell(session, News::Ended(reason, session.backlog().messages));
    }
}

/// Hands out handlers that tell it.
pub(super) struct Ear {
    news: Sender<(Session, News)>,
    heard: Receiver<(Session, News)>,
}

impl Ear {
    pub(super) fn new() -> Ear {
        let (news, heard) = mpsc::channel();
        Ear { news, heard }
    }

    pub(super) fn handler(&self) -> Told {
        Told { news: self.news.clone(), pauses: false, batch: Vec::new() }
    }

    /// Anything at all, but the emptying of queues.
    pub(super) fn next(&self) -> (Session, News) {
        loop {
            match self.heard.recv_timeout(Duration::from_secs(60)).expect("something happens") {
                (_, News::Empty | News::Connected) => {}
                other => return other,
            }
        }
    }

    /// The session, once it is open.
    pub(super) fn open(&self) -> Session {
        match self.next() {
            (session, News::Open) => session,
            (_, other) => panic!("no session opens: {other:?}"),
        }
    }

    pub(super) fn message(&self) -> Vec<u8> {
        match self.next() {
            (_, News::Message(message)) => message,
            (_, other) => panic!("no message comes: {other:?}"),
        }
    }

    pub(super) fn error(&self) -> Error {
        match self.next() {
            (_, News::Error(error)) => error,
            (_, other) => panic!("no error comes: {other:?}"),
        }
    }

    /// Why a session ended, and how many messages did not leave.
    pub(super) fn end(&self) -> (Reason, u64) {
        match self.next() {
            (_, News::Ended(reason, left)) => (reason, left),
            (_, other) => panic!("no end comes: {other:?}"),
        }
    }

    /// Waits until nothing waits to be sent.
    pub(super) fn empty(&self) {
        loop {
            let (_, news) = self.heard.recv_timeout(Duration::from_secs(60)).expect("it empties");
            match news {
                News::Empty => return,
                News::Connected => {}
                other => panic!("it does not empty: {other:?}"),
            }
        }
    }
}

/// A server handler whose sessions tell an ear, and pause if that is wanted.
pub(super) struct Door {
    news: Sender<(Session, News)>,
    pauses: bool,
}

impl Door {
    pub(super) fn of(ear: &Ear, pauses: bool) -> Door {
        Door { news: ear.news.clone(), pauses }
    }
}

impl ServerHandler for Door {
    type Session = Told;

    fn on_session(&self, _session: &Session) -> Option<Told> {
        Some(Told { news: self.news.clone(), pauses: self.pauses, batch: Vec::new() })
    }
}

pub(super) fn started() -> Service {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    service
}

pub(super) const TCP: SpAddress<'static> = SpAddress::Tcp { host: "127.0.0.1", port: 0 };

/// A started server, and what its sessions tell.
pub(super) fn serve(service: &Service, address: SpAddress<'_>) -> (Server, Ear) {
    let server = Server::sp(service, address, &OF_SERVER).unwrap();
    let ear = Ear::new();
    server.start(Door::of(&ear, false)).unwrap();
    (server, ear)
}

pub(super) fn connect(service: &Service, address: SpAddress<'_>) -> (Client, Ear) {
    let client = Client::sp(service, address, &OF_CLIENT).unwrap();
    let ear = Ear::new();
    client.connect(ear.handler()).unwrap();
    (client, ear)
}

pub(super) fn tcp(port: u16) -> SpAddress<'static> {
    SpAddress::Tcp { host: "127.0.0.1", port }
}

/// A peer that sends and receives bytes as they are. It reads nothing until it is asked for
/// something, and closes the connection when it is dropped.
pub(super) struct RawPeer {
    client: Client,
    received: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
}

struct Raw {
    words: Vec<u8>,
    received: Sender<Vec<u8>>,
}

impl SessionHandler for Raw {
    fn on_connected(&mut self, session: &Session) {
        session.pause_reading().unwrap();
        session.send(&self.words).unwrap();
        self.received.send(Vec::new()).unwrap();
    }

    fn on_received(&mut self, _session: &Session, _kind: Kind, data: &[u8]) -> usize {
        let _ = self.received.send(data.to_vec());
        data.len()
    }
}

/// A peer that says `words` first.
pub(super) fn raw_peer(service: &Service, port: u16, words: &[u8]) -> RawPeer {
    raw(Client::tcp(service, "127.0.0.1", port).unwrap(), words)
}

pub(super) fn raw(client: Client, words: &[u8]) -> RawPeer {
    let (sender, received) = mpsc::channel();
    client.connect(Raw { words: words.to_vec(), received: sender }).unwrap();
    received.recv_timeout(Duration::from_secs(60)).expect("there is a connection");
    RawPeer { client, received, bytes: Vec::new() }
}

impl RawPeer {
    /// Sends more.
    pub(super) fn write(&self, words: &[u8]) {
        self.client.send(words).unwrap();
    }

    /// Whether more bytes come, before the end.
    fn more(&mut self) -> bool {
        let _ = self.client.resume_reading();
        let more = self.received.recv_timeout(Duration::from_secs(60));
        assert_ne!(more, Err(mpsc::RecvTimeoutError::Timeout), "something comes");
        self.bytes.extend(more.iter().flatten());
        more.is_ok()
    }

    pub(super) fn read(&mut self, count: usize) -> Vec<u8> {
        while self.bytes.len() < count {
            assert!(self.more(), "the end comes after {:?}", self.bytes);
        }
        let rest = self.bytes.split_off(count);
        std::mem::replace(&mut self.bytes, rest)
    }

    /// What comes until the end.
    pub(super) fn read_to_the_end(&mut self) -> Vec<u8> {
        while self.more() {}
        std::mem::take(&mut self.bytes)
    }

    /// The head of an answer of HTTP, in small letters.
    pub(super) fn read_head(&mut self) -> String {
        let end = loop {
            match self.bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.more(), "the end comes after {:?}", self.bytes),
            }
        };
        String::from_utf8(self.read(end + 4)).unwrap().to_ascii_lowercase()
    }
}

impl Drop for RawPeer {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
    }
}

/// A port that nobody has.
pub(super) fn free_port() -> u16 {
    let never_started = Service::new().unwrap();
    let server = Server::tcp(&never_started, "127.0.0.1", 0).unwrap();
    server.start(Door::of(&Ear::new(), false)).unwrap();
    server.port()
}

/// Contexts of a server and of its clients.
pub(super) fn contexts() -> (TlsContext, TlsContext) {
    let certificate = |name| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("certs").join(name);
    let (of_server, of_client) = (TlsContext::new(), TlsContext::new());
    of_server
        .set_certificate_files(certificate("server.pem"), certificate("server.key"), None)
        .unwrap();
    of_client.add_authority_file(certificate("ca.pem")).unwrap();
    (of_server, of_client)
}

/// A folder for files of sockets, which goes with what is in it.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("cppserver-sp-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.0));
    }
}
