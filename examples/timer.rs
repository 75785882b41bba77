//! Timers: one that fires once, and one that ends itself after five ticks.

use std::sync::mpsc;
use std::time::Duration;

use cppserver::{Result, Service};

fn main() -> Result<()> {
    let service = Service::new()?;
    service.start(())?;
    service.timer(Duration::from_millis(50), || println!("once"));
    let (sender, receiver) = mpsc::channel();
    let interval = Duration::from_millis(20);
    let metronome = service.timer_repeating(interval, interval, move || {
        let _ = sender.send(());
    });
    for tick in 1..=5 {
        let _ = receiver.recv();
        println!("tick {tick}");
    }
    metronome.cancel();
    service.stop()
}
