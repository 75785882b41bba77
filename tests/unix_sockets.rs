//! Unix domain sockets: the same sessions, and files that come and go.

#![cfg(unix)]

mod common;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use common::*;
use cppserver::{Category, Client, Reason, Server, Service, SocketOption, Status};

/// A folder for one test, which goes with what is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cppserver-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn serve(world: &World, path: &Path, probe: ServerProbe) -> Server {
    let server = Server::unix(&world.service, path).unwrap();
    server.start(probe).unwrap();
    server
}

fn dial(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket())
}

#[test]
fn sessions_are_as_those_of_tcp_without_addresses() {
    for threads in [1, 2] {
        let world = World::with_threads(threads);
        let folder = Folder::new();
        let path = folder.file("echo");
        let server = serve(&world, &path, world.server_probe().echo());
        assert_eq!((server.port(), server.path()), (0, Some(&*path)));
        assert!(is_socket(&path), "there is a file as soon as start returned");
        let client = Client::unix(&world.service, &path).unwrap();
        assert_eq!(client.path(), Some(&*path));
        client.connect(world.probe("client")).unwrap();
        world.log.wait_event("client", Event::Connected);
        assert_eq!((client.peer_address(), client.local_address()), (None, None));
        let much = pattern(3 << 20);
        client.send(&much).unwrap();
        world.log.wait_received("client", much.len());
        assert!(world.log.received("client") == much);
        client.disconnect().unwrap();
        world.log.wait_event("client", Event::Disconnected(Reason::Local));
        world.log.wait_event("session", Event::Disconnected(Reason::PeerClosed));
        let mut peer = dial(&path);
        peer.write_all(b"hello").unwrap();
        let mut answer = [0; 5];
        peer.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"hello");
        server.multicast(b"all").unwrap();
        peer.read_exact(&mut answer[..3]).unwrap();
        assert_eq!(&answer[..3], b"all");
        world.finish();
        assert!(!path.exists(), "the file goes with the service");
    }
}

#[test]
fn a_disconnect_loses_nothing() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let much = pattern(8 << 20);
    let sent = much.clone();
    let probe = world.server_probe().sessions(move |session, event| {
        if matches!(event, Event::Connected) {
            session.send(&sent).unwrap();
            session.disconnect().unwrap();
        }
    });
    serve(&world, &path, probe);
    let mut bytes = Vec::new();
    dial(&path).read_to_end(&mut bytes).unwrap();
    assert!(bytes == much, "{} of {} bytes", bytes.len(), much.len());
    world.finish();
}

#[test]
fn options_that_are_of_tcp_do_not_hinder_and_buffers_count() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let server = Server::unix(&world.service, &path).unwrap();
    let client = Client::unix(&world.service, &path).unwrap();
    for option in [SocketOption::NoDelay, SocketOption::KeepAlive] {
        server.set_option(option, 1).unwrap();
        client.set_option(option, 1).unwrap();
    }
    for option in [SocketOption::SendBuffer, SocketOption::ReceiveBuffer] {
        server.set_option(option, 50_000).unwrap();
    }
    server.set_option(SocketOption::SessionLimitPerAddress, 1).unwrap();
    server.start(world.server_probe().echo()).unwrap();
    // Peers without an address are not counted by it.
    let _other = dial(&path);
    client.connect(world.probe("client")).unwrap();
    world.log.wait_event("client", Event::Connected);
    client.send(b"hello").unwrap();
    world.log.wait_received("client", 5);
    let error = client.bind(Some("127.0.0.1:0".parse().unwrap())).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);
    world.finish();
}

#[test]
fn the_file_of_a_process_that_was_killed_is_taken_over() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("stale");
    // The file of a listener of the standard library stays.
    drop(UnixListener::bind(&path).unwrap());
    assert!(is_socket(&path));
    serve(&world, &path, world.server_probe().echo());
    drop(dial(&path));
    world.log.wait_event("session", Event::Dropped);
    world.finish();
}

#[test]
fn the_file_of_somebody_who_listens_is_in_use() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("live");
    let listener = UnixListener::bind(&path).unwrap();
    let server = Server::unix(&world.service, &path).unwrap();
    let error = server.start(world.server_probe()).unwrap_err();
    assert_eq!((error.category(), error.code()), (Category::System, libc::EADDRINUSE));
    assert!(error.message().contains(path.to_str().unwrap()), "{error}");
    assert!(error.message().contains("choose another path"), "{error}");
    assert!(is_socket(&path), "nothing has happened to it");
    drop(listener);
    server.start(world.server_probe()).unwrap();
    let second = Server::unix(&world.service, &path).unwrap();
    assert_eq!(second.start(world.server_probe()).unwrap_err().code(), libc::EADDRINUSE);
    world.finish();
}

#[test]
fn a_file_that_is_no_socket_stays() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("text");
    fs::write(&path, "important").unwrap();
    let server = Server::unix(&world.service, &path).unwrap();
    let error = server.start(world.server_probe()).unwrap_err();
    assert_eq!(error.code(), libc::EADDRINUSE);
    assert_eq!(fs::read_to_string(&path).unwrap(), "important");
    world.finish();
}

#[test]
fn a_stop_removes_its_own_file_alone() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let server = serve(&world, &path, world.server_probe());
    world.log.wait_event("server", Event::Started);
    // Somebody takes the path meanwhile.
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    server.stop().unwrap();
    world.log.wait_event("server", Event::Stopped);
    assert!(is_socket(&path), "that one is not its own");
    world.finish();
}

#[test]
fn a_server_stops_starts_and_restarts_on_its_path() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let server = serve(&world, &path, world.server_probe().echo());
    world.log.wait_count("server", 1, |event| *event == Event::Started);
    server.restart().unwrap();
    world.log.wait_count("server", 2, |event| *event == Event::Started);
    let mut peer = dial(&path);
    peer.write_all(b"x").unwrap();
    peer.read_exact(&mut [0]).unwrap();
    server.stop().unwrap();
    world.log.wait_count("server", 2, |event| *event == Event::Stopped);
    assert!(!path.exists());
    server.start(world.server_probe()).unwrap();
    world.log.wait_count("server", 3, |event| *event == Event::Started);
    drop(dial(&path));
    world.finish();
    assert!(!path.exists());
}

#[test]
fn a_server_that_never_ran_leaves_no_file() {
    let folder = Folder::new();
    let path = folder.file("s");
    {
        let service = Service::new().unwrap();
        let log = Log::new();
        let server = Server::unix(&service, &path).unwrap();
        server.start(ServerProbe::new(&log)).unwrap();
        assert!(is_socket(&path));
    }
    assert!(!path.exists());
}

#[test]
fn the_permissions_are_chosen() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let server = Server::unix(&world.service, &path).unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    for (stops, wanted) in (1..).zip([0o600, 0o666, 0o606]) {
        server.set_mode(Some(wanted));
        server.start(world.server_probe()).unwrap();
        assert_eq!(mode(), wanted, "from the start on");
        server.stop().unwrap();
        world.log.wait_count("server", stops, |event| *event == Event::Stopped);
    }
    world.finish();
}

#[test]
fn a_client_without_a_server_is_told_why() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let client = Client::unix(&world.service, &path).unwrap();
    client.connect(world.probe("nothing")).unwrap();
    world.log.wait_event("nothing", Event::Dropped);
    let story = world.log.of("nothing");
    let Event::Error(error) = &story[0] else { panic!("{story:?}") };
    assert_eq!((error.category(), error.code()), (Category::System, libc::ENOENT));
    let text = format!("cannot connect to {}: ", path.display());
    assert!(error.message().starts_with(&text), "{error}");
    assert_eq!(story[1..], [Event::Disconnected(Reason::Error), Event::Dropped]);
    drop(UnixListener::bind(&path).unwrap());
    client.connect(world.probe("stale")).unwrap();
    world.log.wait_event("stale", Event::Dropped);
    let error = &world.log.errors("stale")[0];
    assert_eq!(error.code(), libc::ECONNREFUSED);
    assert!(error.message().contains("nobody listens"), "{error}");
    world.finish();
}

#[test]
fn a_folder_that_is_not_there_is_an_error_of_the_start() {
    let world = World::new();
    let folder = Folder::new();
    let server = Server::unix(&world.service, folder.file("no/folder")).unwrap();
    let error = server.start(world.server_probe()).unwrap_err();
    assert_eq!((error.category(), error.code()), (Category::System, libc::ENOENT));
    assert!(!server.is_started());
    world.finish();
}

#[test]
fn paths_that_cannot_be_are_refused() {
    let service = Service::new().unwrap();
    let long = format!("/tmp/{}", "x".repeat(200));
    for path in ["", "a\0b", long.as_str()] {
        let server = Server::unix(&service, path).unwrap_err();
        let client = Client::unix(&service, path).unwrap_err();
        assert_eq!(server.status(), Status::InvalidArgument, "{path:?}");
        assert_eq!(client.status(), Status::InvalidArgument, "{path:?}");
    }
    let error = Server::unix(&service, &long).unwrap_err();
    assert!(error.message().contains("205 bytes"), "{error}");
}

/// Linux answers a connect at once when the backlog is full; elsewhere it is refused.
#[cfg(target_os = "linux")]
#[test]
fn clients_wait_for_room_in_the_backlog() {
    let world = World::new();
    let folder = Folder::new();
    let path = folder.file("s");
    let serving = Service::new().unwrap();
    let server = Server::unix(&serving, &path).unwrap();
    server.set_option(SocketOption::Backlog, 1).unwrap();
    server.start(world.server_probe()).unwrap();
    let clients: Vec<_> = (0..6)
        .map(|_| {
            let client = Client::unix(&world.service, &path).unwrap();
            client.connect(world.probe("client")).unwrap();
            client
        })
        .collect();
    let impatient = Client::unix(&world.service, &path).unwrap();
    impatient.set_option(SocketOption::ConnectTimeout, 50).unwrap();
    impatient.connect(world.probe("impatient")).unwrap();
    world.log.wait_event("impatient", Event::Disconnected(Reason::Timeout));
    let error = &world.log.errors("impatient")[0];
    assert!(error.message().contains("does not accept as fast"), "{error}");
    assert!(clients.iter().any(|client| !client.is_connected()));
    serving.start(()).unwrap();
    world.log.wait_count("client", 6, |event| *event == Event::Connected);
    serving.stop().unwrap();
    world.finish();
}
