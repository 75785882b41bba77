//! Timers of a service: when they fire, how they are cancelled, and what a stop does to them.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use common::*;
use cppserver::{Service, Timer};

fn started() -> Service {
    let service = Service::new().unwrap();
    service.start(()).unwrap();
    service
}

fn next<T>(receiver: &Receiver<T>) -> T {
    receiver.recv_timeout(DEADLINE).expect("a timer fires")
}

#[test]
fn a_timer_fires_once_on_the_loop_thread_and_not_early() {
    let service = started();
    let (sender, receiver) = mpsc::channel();
    for milliseconds in [0, 1, 20, 100] {
        let (sender, inner) = (sender.clone(), service.clone());
        let begin = Instant::now();
        service.timer(Duration::from_millis(milliseconds), move || {
            sender.send((milliseconds, begin.elapsed(), inner.is_loop_thread())).unwrap();
        });
    }
    drop(sender);
    for milliseconds in [0, 1, 20, 100] {
        let (fired, elapsed, on_loop) = next(&receiver);
        assert_eq!(fired, milliseconds, "timers fire in the order of their times");
        assert!(elapsed >= Duration::from_millis(milliseconds), "after {elapsed:?}");
        assert!(on_loop);
    }
    // The closures are gone, and with them all senders: none fires again.
    assert!(receiver.recv_timeout(DEADLINE) == Err(mpsc::RecvTimeoutError::Disconnected));
    service.stop().unwrap();
}

#[test]
fn timers_of_the_same_time_fire_in_the_order_they_were_made() {
    let service = started();
    let (sender, receiver) = mpsc::channel();
    let inner = service.clone();
    service.post(move || {
        for number in 0..100 {
            let sender = sender.clone();
            inner.timer(Duration::ZERO, move || sender.send(number).unwrap());
        }
    });
    assert_eq!(receiver.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    service.stop().unwrap();
}

#[test]
fn a_repeating_timer_fires_until_it_is_cancelled() {
    let service = started();
    let (sender, receiver) = mpsc::channel();
    let (delay, interval) = (Duration::from_millis(30), Duration::from_millis(10));
    let begin = Instant::now();
    let timer = service.timer_repeating(delay, interval, move || {
        sender.send(begin.elapsed()).unwrap();
    });
    for number in 0..5 {
        let at = next(&receiver);
        assert!(at >= delay + interval * number, "firing {number} came at {at:?}");
    }
    assert!(timer.cancel());
    assert!(!timer.cancel(), "it was cancelled before");
    // Ends because the closure is dropped.
    while receiver.recv_timeout(DEADLINE).is_ok() {}
    assert_eq!(receiver.recv_timeout(DEADLINE), Err(mpsc::RecvTimeoutError::Disconnected));
    service.stop().unwrap();
}

#[test]
fn times_that_a_busy_loop_missed_are_left_out() {
    let service = started();
    let (sender, receiver) = mpsc::channel();
    let interval = Duration::from_millis(50);
    let begin = Instant::now();
    let mut first = true;
    let timer = service.timer_repeating(interval, interval, move || {
        sender.send(begin.elapsed()).unwrap();
        if std::mem::take(&mut first) {
            // Keeps the loop busy over some of the next times.
            while begin.elapsed() < Duration::from_millis(330) {
                thread::yield_now();
            }
        }
    });
    let fired: Vec<_> = (0..5).map(|_| next(&receiver)).collect();
    // Due at 50, 100, 150 and so on: one is late and counts for all before it, then it goes on
    // with 350 at the earliest.
    assert!(fired[1] >= Duration::from_millis(330), "{fired:?}");
    assert!(fired[4] >= Duration::from_millis(450), "missed times were made up: {fired:?}");
    timer.cancel();
    service.stop().unwrap();
}

/// Whatever the interval is, the loop goes on with its other work in between.
#[test]
fn a_repeating_timer_without_an_interval_leaves_room_for_others() {
    for interval in [Duration::ZERO, Duration::from_nanos(1)] {
        let service = started();
        let count = Arc::new(AtomicUsize::new(0));
        let inner = Arc::clone(&count);
        let timer = service.timer_repeating(Duration::ZERO, interval, move || {
            inner.fetch_add(1, Ordering::Relaxed);
        });
        eventually("it fires again and again", || count.load(Ordering::Relaxed) > 100);
        pump(&service);
        let (sender, receiver) = mpsc::channel();
        service.timer(Duration::ZERO, move || sender.send(()).unwrap());
        next(&receiver);
        assert!(timer.cancel());
        pump(&service);
        let last = count.load(Ordering::Relaxed);
        pump(&service);
        assert_eq!(count.load(Ordering::Relaxed), last, "it fired after the cancel");
        service.stop().unwrap();
    }
}

#[test]
fn times_beyond_what_the_clock_can_tell_never_come() {
    let service = started();
    let never = service.timer(Duration::MAX, || panic!("it fired"));
    let (sender, receiver) = mpsc::channel();
    let once = service.timer_repeating(Duration::ZERO, Duration::MAX, move || {
        sender.send(()).unwrap();
    });
    next(&receiver);
    pump(&service);
    assert_eq!(receiver.try_recv(), Err(mpsc::TryRecvError::Empty), "it waits for its next time");
    assert!(once.cancel() && never.cancel());
    service.stop().unwrap();
}

#[test]
fn a_repeating_timer_may_cancel_itself() {
    let service = started();
    let place = Arc::new(OnceLock::<Timer>::new());
    let (sender, receiver) = mpsc::channel();
    let own = Arc::clone(&place);
    let inner = service.clone();
    service.post(move || {
        let mut rest = 3;
        let timer = inner.timer_repeating(Duration::ZERO, Duration::from_millis(1), move || {
            rest -= 1;
            let cancelled = rest == 0 && own.get().unwrap().cancel();
            sender.send(cancelled).unwrap();
        });
        place.set(timer).unwrap();
    });
    // The channel ends with the closure.
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [false, false, true]);
    service.stop().unwrap();
}

#[test]
fn a_timer_that_has_fired_can_not_be_cancelled() {
    let service = started();
    let place = Arc::new(Mutex::new(None::<Timer>));
    let (sender, receiver) = mpsc::channel();
    let own = Arc::clone(&place);
    let mut guard = place.lock().unwrap();
    *guard = Some(service.timer(Duration::ZERO, move || {
        sender.send(own.lock().unwrap().as_ref().unwrap().cancel()).unwrap();
    }));
    drop(guard);
    assert!(!next(&receiver), "cancelled in its own callback");
    assert!(!place.lock().unwrap().take().unwrap().cancel(), "cancelled afterwards");
    service.stop().unwrap();
}

#[test]
fn a_cancel_on_the_loop_thread_holds_at_once() {
    let service = started();
    let (sender, receiver) = mpsc::channel();
    let inner = service.clone();
    service.post(move || {
        // Both are due; the first forbids the second.
        let place = Arc::new(OnceLock::<Timer>::new());
        let second = Arc::clone(&place);
        let for_first = sender.clone();
        inner.timer(Duration::ZERO, move || {
            for_first.send(second.get().unwrap().cancel()).unwrap();
        });
        let timer = inner.timer(Duration::ZERO, move || {
            // Never sent.
            sender.send(false).unwrap();
        });
        place.set(timer).unwrap();
    });
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [true]);
    service.stop().unwrap();
}

#[test]
fn timers_are_made_and_cancelled_on_many_threads() {
    let service = started();
    let fired = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (service, fired) = (service.clone(), Arc::clone(&fired));
            thread::spawn(move || {
                let mut cancelled = 0;
                for number in 0..500 {
                    let fired = Arc::clone(&fired);
                    let timer = service.timer(Duration::from_micros(number % 7 * 100), move || {
                        fired.fetch_add(1, Ordering::Relaxed);
                    });
                    if number % 2 == 0 && timer.cancel() {
                        cancelled += 1;
                    }
                }
                cancelled
            })
        })
        .collect();
    let cancelled: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    // Each timer either fires or is cancelled, and the cancel knows which.
    let expected = 4 * 500 - cancelled;
    eventually("all others fire", || fired.load(Ordering::Relaxed) == expected);
    pump(&service);
    assert_eq!(fired.load(Ordering::Relaxed), expected);
    service.stop().unwrap();
}

#[test]
fn dropping_the_handle_does_not_cancel() {
    let service = started();
    let (sender, receiver) = mpsc::channel();
    drop(service.timer(Duration::from_millis(5), move || sender.send(()).unwrap()));
    next(&receiver);
    service.stop().unwrap();
}

#[test]
fn a_timer_made_before_the_start_counts_from_its_making() {
    let service = Service::new().unwrap();
    let (sender, receiver) = mpsc::channel();
    let begin = Instant::now();
    let delay = Duration::from_millis(30);
    service.timer(delay, move || sender.send(begin.elapsed()).unwrap());
    service.start(()).unwrap();
    assert!(next(&receiver) >= delay);
    service.stop().unwrap();
}

#[test]
fn a_stop_drops_timers_and_a_later_start_does_not_bring_them_back() {
    let service = started();
    let (sender, receiver) = mpsc::channel::<()>();
    let hour = Duration::from_secs(3600);
    let for_once = sender.clone();
    let timers = [
        service.timer(hour, move || for_once.send(()).unwrap()),
        service.timer_repeating(hour, hour, move || sender.send(()).unwrap()),
    ];
    service.stop().unwrap();
    assert_eq!(receiver.recv_timeout(DEADLINE), Err(mpsc::RecvTimeoutError::Disconnected));
    assert!(timers.iter().all(|timer| !timer.cancel()), "there is nothing to cancel");
    service.start(()).unwrap();
    pump(&service);
    service.stop().unwrap();
}
