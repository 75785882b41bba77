//! Scalability protocols through the crate, with blocking calls or with callbacks:
//! `cppserver_bench::sp::program` tells what it does.

#[cfg(target_os = "linux")]
fn main() {
    linux::main();
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the benchmarks run on Linux only");
}

#[cfg(target_os = "linux")]
mod linux {
    use cppserver::nano::{Message, Protocol, Socket, SocketHandler};
    use cppserver::{Result, SpFailure};
    use cppserver_bench::sp::program::{
        Answers, Beginning, Library, answer_on_a_thread, main as run,
    };
    use cppserver_bench::sp::{Job, Next, Pattern, Pushes, Questions, Receiver, fail};
    use std::sync::mpsc::{Sender, channel};
    use std::sync::{Arc, Mutex, PoisonError};

    struct Cppserver;

    struct Asking {
        socket: Socket,
        callbacks: bool,
    }

    fn protocols(pattern: Pattern) -> (Protocol, Protocol) {
        match pattern {
            Pattern::Request => (Protocol::Request, Protocol::Reply),
            Pattern::Push => (Protocol::Push, Protocol::Pull),
            Pattern::Publish => (Protocol::Publisher, Protocol::Subscriber),
            Pattern::Survey => (Protocol::Surveyor, Protocol::Respondent),
        }
    }

    fn good<T>(result: Result<T>) -> T {
        result.unwrap_or_else(|error| fail(error))
    }

    impl Library for Cppserver {
        type Beginning = Asking;

        fn listen(job: &Job, callbacks: bool) -> Asking {
            let socket = good(Socket::new(protocols(job.pattern).0));
            good(socket.listen(&job.address));
            Asking { socket, callbacks }
        }

        fn answer(answers: &Arc<Answers>, callbacks: bool) {
            for _ in 0..answers.job.sockets {
                let socket = good(Socket::new(protocols(answers.job.pattern).1));
                if answers.job.pattern == Pattern::Publish {
                    good(socket.subscribe(""));
                }
                good(socket.dial(&answers.job.address));
                let mut answering =
                    Answering { answers: answers.clone(), receiver: Receiver::default() };
                if callbacks || answers.job.sockets > 1 {
                    good(socket.set_handler(answering));
                    // Open until the end.
                    std::mem::forget(socket);
                } else {
                    answer_on_a_thread(move || {
                        loop {
                            let message = good(socket.receive());
                            answering.on_received(&socket, message);
                        }
                    });
                }
            }
        }
    }

    struct Answering {
        answers: Arc<Answers>,
        receiver: Receiver,
    }

    impl SocketHandler for Answering {
        fn on_received(&mut self, socket: &Socket, message: Message) {
            if self.answers.arrived(&mut self.receiver, &message) {
                good(socket.send(message));
            }
        }
    }

    impl Beginning for Asking {
        fn send(&mut self, message: &[u8]) {
            good(self.socket.send(message));
        }

        fn ask(&mut self, mut questions: Questions) -> Questions {
            if self.callbacks {
                let (done, finished) = channel();
                let question = questions.question().to_vec();
                good(self.socket.set_handler(Asker { questions: Some(questions), done }));
                good(self.socket.send(question));
                return finished.recv().unwrap_or_else(|error| fail(error));
            }
            good(self.socket.send(questions.question()));
            loop {
                match questions.answered(&good(self.socket.receive())) {
                    Next::Wait => {}
                    Next::Ask => good(self.socket.send(questions.question())),
                    Next::Done => return questions,
                }
            }
        }

        fn push(&mut self, mut pushes: Pushes) -> Pushes {
            if self.callbacks {
                let (done, finished) = channel();
                let pusher = Arc::new(Mutex::new(Pusher { pushes: Some(pushes), done }));
                good(self.socket.set_handler(Pushing(pusher.clone())));
                Pushing(pusher).push(&self.socket);
                return finished.recv().unwrap_or_else(|error| fail(error));
            }
            loop {
                good(self.socket.send(pushes.message()));
                if !pushes.pushed() {
                    return pushes;
                }
            }
        }
    }

    /// Asks in callbacks.
    struct Asker {
        questions: Option<Questions>,
        done: Sender<Questions>,
    }

    impl SocketHandler for Asker {
        fn on_received(&mut self, socket: &Socket, message: Message) {
            let Some(questions) = &mut self.questions else { return };
            match questions.answered(&message) {
                Next::Wait => {}
                Next::Ask => good(socket.send(questions.question())),
                Next::Done => self.questions.take().into_iter().for_each(|questions| {
                    self.done.send(questions).unwrap_or_else(|error| fail(error));
                }),
            }
        }
    }

    /// Begins to push, and goes on in callbacks whenever there is room again.
    struct Pushing(Arc<Mutex<Pusher>>);

    struct Pusher {
        pushes: Option<Pushes>,
        done: Sender<Pushes>,
    }

    impl Pushing {
        fn push(&self, socket: &Socket) {
            let mut pusher = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(pushes) = &mut pusher.pushes else { return };
            loop {
                match socket.try_send(pushes.message()) {
                    Ok(()) if pushes.pushed() => {}
                    Ok(()) => break,
                    Err(error) if error.code() == SpFailure::WouldBlock as i32 => return,
                    Err(error) => fail(error),
                }
            }
            if let Some(pushes) = pusher.pushes.take() {
                pusher.done.send(pushes).unwrap_or_else(|error| fail(error));
            }
        }
    }

    impl SocketHandler for Pushing {
        fn on_writable(&mut self, socket: &Socket) {
            self.push(socket);
        }
    }

    pub fn main() {
        run::<Cppserver>();
    }
}
