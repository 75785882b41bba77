//! Multicast: every session gets it once, in order with what else is sent, on one loop and several.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use common::*;
use cppserver::{Server, Session};

/// Accepts so many peers; they are connected for the server too when this returns.
fn crowd(world: &World, server: &Server, count: usize) -> Vec<TcpStream> {
    let peers: Vec<_> = (0..count).map(|_| connect(server.port())).collect();
    world.log.wait_count("session", count, |event| *event == Event::Connected);
    peers
}

#[test]
fn a_thousand_sessions_get_every_multicast_once_and_in_order() {
    allow_many_files();
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let server = world.serve(world.server_probe());
        let mut peers = crowd(&world, &server, 1000);
        let mut expected = Vec::new();
        for number in 0..50_u32 {
            // Small ones are joined, large ones are not.
            let message = vec![number as u8; 1 + number as usize % 5 * 700];
            expected.extend_from_slice(&message);
            server.multicast(&message).unwrap();
        }
        for peer in &mut peers {
            assert_eq!(read_some(peer, expected.len()), expected);
        }
        server.disconnect_all().unwrap();
        for peer in &mut peers {
            assert_eq!(read_all(peer), b"", "nothing comes twice");
        }
        assert_eq!(server.bytes_sent(), expected.len() as u64 * 1000);
        world.finish();
    }
}

/// What one thread sends to one and to all keeps its order for the one.
#[test]
fn sends_and_multicasts_of_one_thread_are_in_order() {
    for threads in [1, 3] {
        let world = World::with_threads(threads);
        let (sender, receiver) = std::sync::mpsc::channel::<Session>();
        let server = world.serve(world.server_probe().sessions(move |session, event| {
            if *event == Event::Connected {
                sender.send(session.clone()).unwrap();
            }
        }));
        let mut peers = Vec::new();
        let mut sessions = Vec::new();
        for _ in 0..10 {
            peers.push(connect(server.port()));
            sessions.push(receiver.recv_timeout(DEADLINE).unwrap());
        }
        let mut expected = vec![Vec::new(); 10];
        for number in 0..2000_u16 {
            let to_all = [b"all ".as_slice(), &number.to_be_bytes()].concat();
            let to_one = [b"one ".as_slice(), &number.to_be_bytes()].concat();
            let one = usize::from(number) % 10;
            server.multicast(&to_all).unwrap();
            sessions[one].send(&to_one).unwrap();
            expected.iter_mut().for_each(|bytes| bytes.extend_from_slice(&to_all));
            expected[one].extend_from_slice(&to_one);
        }
        for (peer, expected) in peers.iter_mut().zip(&expected) {
            assert_eq!(read_some(peer, expected.len()), *expected);
        }
        world.finish();
    }
}

/// The same inside callbacks, where nothing leaves before the callback has returned.
#[test]
fn sends_and_multicasts_of_a_callback_are_in_order() {
    let world = World::with_threads(2);
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if matches!(event, Event::Received(_)) {
            let server = session.server().unwrap();
            for number in 0..100 {
                session.send(&[b'o', number]).unwrap();
                server.multicast(&[b'a', number]).unwrap();
                // Large enough to try the socket at once.
                session.send(&[number; 20_000]).unwrap();
            }
        }
    }));
    let mut peers = crowd(&world, &server, 4);
    peers[0].write_all(b"go").unwrap();
    let mut for_one = Vec::new();
    let mut for_others = Vec::new();
    for number in 0..100 {
        for_one.extend_from_slice(&[b'o', number, b'a', number]);
        for_one.extend_from_slice(&[number; 20_000]);
        for_others.extend_from_slice(&[b'a', number]);
    }
    assert!(read_some(&mut peers[0], for_one.len()) == for_one);
    for peer in &mut peers[1..] {
        assert_eq!(read_some(peer, for_others.len()), for_others);
    }
    world.finish();
}

#[test]
fn multicasts_of_many_threads_arrive_whole() {
    let world = World::with_threads(3);
    let server = world.serve(world.server_probe());
    let mut peers = crowd(&world, &server, 20);
    const SIZE: usize = 3000;
    let threads: Vec<_> = (0..4_u8)
        .map(|thread| {
            let server = server.clone();
            thread::spawn(move || {
                for number in 0..200_u8 {
                    let mut message = vec![number; SIZE];
                    message[0] = thread;
                    server.multicast(&message).unwrap();
                }
            })
        })
        .collect();
    for peer in &mut peers {
        let mut next = [0; 4];
        for _ in 0..4 * 200 {
            let message = read_some(peer, SIZE);
            let thread = usize::from(message[0]);
            assert_eq!(message[1..], vec![next[thread]; SIZE - 1], "of thread {thread}");
            next[thread] += 1;
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    world.finish();
}

/// A hundred sessions that read nothing share the bytes of one large message.
#[cfg(target_os = "linux")]
#[test]
fn a_large_multicast_is_shared() {
    const TEST: &str = "a_large_multicast_is_shared";
    // The memory of the process is looked at, so there is no other test in it.
    if !is_child(TEST) {
        run_child(TEST);
        return;
    }
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kilobytes: usize = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes << 10
    };
    const LARGE: usize = 12 << 20;
    let world = World::new();
    let server = world.serve(world.server_probe());
    let mut peers = crowd(&world, &server, 100);
    let before = resident();
    server.multicast(&pattern(LARGE)).unwrap();
    world.log.wait_count("session", 100, |event| matches!(event, Event::Sent { .. }));
    let grown = resident().saturating_sub(before);
    assert!(grown < 4 * LARGE, "{grown} bytes for a hundred times {LARGE}");
    assert!(read_some(&mut peers[99], LARGE) == pattern(LARGE));
    peers.into_iter().for_each(reset);
    world.finish();
}

#[test]
fn a_multicast_reaches_who_is_connected_and_nobody_else() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            // This session is among them.
            session.server().unwrap().multicast(b"+").unwrap();
        }
    }));
    let mut peers = Vec::new();
    for count in 1..=5 {
        peers.push(connect(server.port()));
        world.log.wait_count("session", count, |event| *event == Event::Connected);
    }
    eventually("all have been sent", || server.bytes_sent() == 5 + 4 + 3 + 2 + 1);
    drop(peers.remove(0));
    eventually("one has left", || server.current_sessions() == 4);
    server.multicast(b"!").unwrap();
    for (place, peer) in peers.iter_mut().enumerate() {
        assert_eq!(read_some(peer, 5 - place), [&b"++++"[place..], b"!"].concat());
    }
    world.finish();
}

/// Sessions come and go while it rains multicasts; whoever stays misses none.
#[test]
fn a_session_that_stays_misses_nothing_while_others_come_and_go() {
    let world = World::with_threads(2);
    let server = world.serve(world.server_probe());
    let mut stays = crowd(&world, &server, 1).remove(0);
    let done = Arc::new(AtomicUsize::new(0));
    let guests: Vec<_> = (0..2)
        .map(|_| {
            let (port, done) = (server.port(), Arc::clone(&done));
            thread::spawn(move || {
                while done.load(Ordering::Relaxed) == 0 {
                    let mut guest = connect(port);
                    // At least one, whichever it is.
                    guest.read_exact(&mut [0]).expect("a guest hears something");
                }
            })
        })
        .collect();
    for number in 0..5000_u16 {
        server.multicast(&number.to_be_bytes()).unwrap();
    }
    let expected: Vec<_> = (0..5000_u16).flat_map(u16::to_be_bytes).collect();
    assert_eq!(read_some(&mut stays, 10_000), expected);
    done.store(1, Ordering::Relaxed);
    // Those that have just come wait for one more.
    while !guests.iter().all(|guest| guest.is_finished()) {
        server.multicast(b"!").unwrap();
        pump(&world.service);
    }
    guests.into_iter().for_each(|guest| guest.join().unwrap());
    world.finish();
}
