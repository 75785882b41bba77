//! Topics: who has subscribed gets what is published, once, and nobody else does.

mod common;

use std::thread;

use common::*;
use cppserver::{Client, Kind, Server, Status};

/// A server whose sessions obey: `+topic` subscribes, `-topic` ends that, `topic=text` publishes to
/// the others.
fn serve(world: &World) -> Server {
    world.serve_ws(world.server_probe().sessions(|session, event| {
        let Event::Message(_, data) = event else { return };
        let text = String::from_utf8(data.clone()).unwrap();
        if let Some(topic) = text.strip_prefix('+') {
            session.subscribe(topic).unwrap();
        } else if let Some(topic) = text.strip_prefix('-') {
            session.unsubscribe(topic).unwrap();
        } else if let Some((topic, text)) = text.split_once('=') {
            session.publish(topic, Kind::Text, text.as_bytes()).unwrap();
        }
        session.send_text("done").unwrap();
    }))
}

fn client(world: &World, server: &Server, name: &'static str) -> Client {
    let client = world.connect_ws(server.port(), world.probe(name));
    world.log.wait_event(name, Event::Handshaked);
    client
}

/// Has a session do something, and waits until it is done.
fn order(world: &World, client: &Client, name: &str, text: &str) {
    let done =
        |world: &World| world.log.messages(name).iter().filter(|(_, data)| data == b"done").count();
    let before = done(world);
    client.send_text(text).unwrap();
    eventually("it is done", || done(world) > before);
}

/// What came that was published.
fn heard(world: &World, name: &str) -> Vec<String> {
    let messages = world.log.messages(name).into_iter();
    let texts = messages.map(|(_, data)| String::from_utf8(data).unwrap());
    texts.filter(|text| text != "done").collect()
}

#[test]
fn subscribers_hear_what_is_published_once_and_others_do_not() {
    let world = World::with_threads(2);
    let server = serve(&world);
    let [one, two, three] = ["one", "two", "three"].map(|name| client(&world, &server, name));
    order(&world, &one, "one", "+news.sport");
    order(&world, &one, "one", "+news.*");
    order(&world, &one, "one", "+news.*");
    order(&world, &two, "two", "+*");
    assert_eq!(server.publish("news.sport", Kind::Text, b"first").unwrap(), 2);
    assert_eq!(server.publish("news", Kind::Text, b"second").unwrap(), 1);
    assert_eq!(server.publish("news.", Kind::Text, b"third").unwrap(), 2);
    order(&world, &one, "one", "-news.*");
    assert_eq!(server.publish("news.sport", Kind::Binary, b"fourth").unwrap(), 2);
    assert_eq!(server.publish("news.other", Kind::Text, b"fifth").unwrap(), 1);
    // Not to the one that publishes.
    order(&world, &two, "two", "news.sport=sixth");
    order(&world, &three, "three", "news.sport=seventh");
    order(&world, &two, "two", "-*");
    order(&world, &three, "three", "news.sport=eighth");
    for (client, name) in [(&one, "one"), (&two, "two"), (&three, "three")] {
        order(&world, client, name, "+end");
    }
    assert_eq!(server.publish("end", Kind::Text, b"end").unwrap(), 3);
    for name in ["one", "two", "three"] {
        eventually("the end is heard", || heard(&world, name).contains(&"end".to_string()));
    }
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(heard(&world, "one"), words("first third fourth sixth seventh eighth end"));
    assert_eq!(heard(&world, "two"), words("first second third fourth fifth seventh end"));
    assert_eq!(heard(&world, "three"), words("end"));
    world.finish();
}

#[test]
fn subscriptions_end_with_their_session() {
    let world = World::new();
    let server = serve(&world);
    let leaving = client(&world, &server, "leaving");
    order(&world, &leaving, "leaving", "+topic");
    assert_eq!(server.publish("topic", Kind::Text, b"x").unwrap(), 1);
    leaving.disconnect().unwrap();
    world.log.wait_event("leaving", Event::Dropped);
    eventually("it is counted out", || server.current_sessions() == 0);
    assert_eq!(server.publish("topic", Kind::Text, b"x").unwrap(), 0);
    world.finish();
}

#[test]
fn what_is_no_topic_is_refused() {
    let world = World::new();
    let (kept, found) = std::sync::mpsc::channel();
    let server = world.serve_ws(world.server_probe().sessions(move |session, event| {
        if *event == Event::Handshaked {
            kept.send(session.clone()).unwrap();
        }
    }));
    let client = client(&world, &server, "client");
    let session = found.recv().unwrap();
    for topic in ["", "a*b", "**", "*a"] {
        assert_eq!(session.subscribe(topic).unwrap_err().status(), Status::InvalidArgument);
    }
    for topic in ["", "*", "a*"] {
        let error = server.publish(topic, Kind::Text, b"x").unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument);
    }
    assert!(!session.unsubscribe("never").unwrap());
    assert_eq!(client.subscribe("topic").unwrap_err().status(), Status::InvalidState);
    assert_eq!(
        client.publish("topic", Kind::Text, b"").unwrap_err().status(),
        Status::InvalidState
    );
    client.disconnect().unwrap();
    world.log.wait_event("session", Event::Dropped);
    assert_eq!(session.subscribe("topic").unwrap_err().status(), Status::NotConnected);
    server.stop().unwrap();
    eventually("it is stopped", || !server.is_started());
    let error = server.publish("topic", Kind::Text, b"x").unwrap_err();
    assert_eq!(error.status(), Status::InvalidState);
    world.finish();
}

#[test]
fn sessions_of_bytes_have_topics_too() {
    let world = World::new();
    let server = world.serve(world.server_probe().sessions(|session, event| {
        if *event == Event::Connected {
            session.subscribe("all").unwrap();
        }
    }));
    let mut peer = connect(server.port());
    world.log.wait_event("session", Event::Connected);
    // The log tells the event before the session acts on it.
    eventually("it has subscribed", || server.publish("all", Kind::Bytes, b"bytes").unwrap() == 1);
    assert_eq!(read_some(&mut peer, 5), b"bytes");
    assert!(server.publish("all", Kind::Text, b"text").is_err());
    drop(peer);
    world.finish();
}

#[test]
fn topics_stand_a_rush_of_subscribers_that_come_and_go() {
    let world = World::with_threads(2);
    let server = world.serve_ws(world.server_probe().sessions(|session, event| {
        if *event == Event::Handshaked {
            session.subscribe("rush").unwrap();
            session.subscribe("ru*").unwrap();
        }
    }));
    world.log.wait_event("server", Event::Started);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let mut peer = WsPeer::connect(server.port());
                    assert_eq!(peer.read(), (TEXT, b"tick".to_vec()));
                }
            });
        }
        scope.spawn(|| {
            let gone = || world.log.of("session").iter().filter(|e| **e == Event::Dropped).count();
            while gone() < 60 {
                server.publish("rush", Kind::Text, b"tick").unwrap();
                thread::yield_now();
            }
        });
    });
    world.finish();
}
