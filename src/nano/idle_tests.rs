//! Sockets that have nothing to do, do nothing.

use std::sync::mpsc;
use std::time::Duration;

use super::{Message, Protocol, Socket, SocketHandler};
use crate::net::Service;

const DEADLINE: Duration = Duration::from_secs(20);

/// How often the loop comes round in the time of one timer, which takes it two turns: one to hear
/// of the timer and one for its end.
fn turns_of_a_timer(service: &Service) -> u64 {
    let before = service.turns();
    let (sender, receiver) = mpsc::channel();
    let call = move || sender.send(()).expect("the test waits for it");
    service.timer(Duration::from_millis(300), call);
    receiver.recv_timeout(DEADLINE).expect("the timer fires");
    service.turns() - before
}

fn await_connections(sockets: &[Socket]) {
    let end = std::time::Instant::now() + DEADLINE;
    while sockets.iter().any(|socket| socket.statistics().current_connections == 0) {
        assert!(std::time::Instant::now() < end, "all of them are connected in time");
        std::thread::yield_now();
    }
}

struct Told(mpsc::Sender<Message>);

impl SocketHandler for Told {
    fn on_received(&mut self, _socket: &Socket, message: Message) {
        let _ = self.0.send(message);
    }
}

/// 250 sockets that are connected over TCP, 250 within the process, half of them with callbacks, and
/// 500 that have nobody to talk to.
#[test]
#[cfg_attr(miri, ignore = "needs sockets")]
fn a_thousand_idle_sockets_turn_no_loop() {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    let make = |protocol| Socket::with_service(&service, protocol).unwrap();
    let (sender, told) = mpsc::channel();
    let mut sockets = Vec::new();
    let (by_tcp, by_name) = (make(Protocol::Publisher), make(Protocol::Publisher));
    let port = by_tcp.listen("tcp://127.0.0.1:0").unwrap().port().unwrap();
    by_name.listen("inproc://a thousand idle sockets").unwrap();
    for number in 0..250 {
        let subscriber = make(Protocol::Subscriber);
        subscriber.subscribe("").unwrap();
        subscriber.dial(&format!("tcp://127.0.0.1:{port}")).unwrap();
        let local = make(Protocol::Subscriber);
        local.subscribe("").unwrap();
        local.dial("inproc://a thousand idle sockets").unwrap();
        if number % 2 == 0 {
            subscriber.set_handler(Told(sender.clone())).unwrap();
            local.set_handler(Told(sender.clone())).unwrap();
        }
        sockets.extend([subscriber, local]);
    }
    await_connections(&sockets);
    // As many that have nobody to talk to, and some that wait for an answer.
    for number in 0..500 {
        let request = make(Protocol::Request);
        if number % 5 == 0 {
            request.dial("inproc://where nobody listens").unwrap();
            request.send("hello?").unwrap();
        }
        sockets.push(request);
    }
    turns_of_a_timer(&service);
    let turns = turns_of_a_timer(&service);
    assert!(turns <= 4, "the loop came round {turns} times for nothing");
    by_tcp.send("by TCP").unwrap();
    by_name.send("by name").unwrap();
    let mut received: Vec<_> = (0..250).map(|_| told.recv_timeout(DEADLINE).unwrap()).collect();
    received.retain(|message| message.as_str() == Some("by TCP"));
    assert_eq!(received.len(), 125, "and all of them are awake");
    drop(sockets);
    service.stop().unwrap();
}

/// On Linux a socket of the Unix domain becomes writable anew each time its peer reads something.
#[test]
#[cfg(target_os = "linux")]
#[cfg_attr(miri, ignore = "needs sockets")]
fn what_a_peer_reads_turns_no_loop() {
    const MESSAGES: u64 = 500;
    let path = std::env::temp_dir().join(format!("cppserver-idle-{}", std::process::id()));
    let address = format!("ipc://{}", path.display());
    let services = [Service::new().unwrap(), Service::new().unwrap()];
    services.iter().for_each(|service| service.start(()).unwrap());
    let pull = Socket::with_service(&services[0], Protocol::Pull).unwrap();
    let push = Socket::with_service(&services[1], Protocol::Push).unwrap();
    let (sender, told) = mpsc::channel();
    pull.set_handler(Told(sender)).unwrap();
    pull.listen(&address).unwrap();
    push.dial(&address).unwrap();
    await_connections(std::slice::from_ref(&push));
    let before = services[1].turns();
    for _ in 0..MESSAGES {
        push.send("work").unwrap();
        told.recv_timeout(DEADLINE).unwrap();
    }
    let turns = services[1].turns() - before;
    assert!(turns < MESSAGES + MESSAGES / 10, "{turns} turns for {MESSAGES} messages");
    push.close().unwrap();
    pull.close().unwrap();
    services.iter().for_each(|service| service.stop().unwrap());
}
