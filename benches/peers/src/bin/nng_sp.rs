//! Scalability protocols through the crate nng, with its blocking calls or with asynchronous ones:
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
    use cppserver_bench::sp::program::{
        Answers, Beginning, Library, answer_on_a_thread, main as run,
    };
    use cppserver_bench::sp::{Job, Next, Pattern, Pushes, Questions, Receiver, fail};
    use nng::options::protocol::pubsub::Subscribe;
    use nng::options::{Options, RecvBufferSize, SendBufferSize};
    use nng::{Aio, AioResult, Message, Protocol, Socket};
    use std::fmt::Display;
    use std::sync::mpsc::{Sender, channel};
    use std::sync::{Arc, Mutex, PoisonError};

    /// Its buffers count messages, and by default hold fewer than two windows.
    const BUFFERED: i32 = 8192;

    struct Nng;

    struct Asking {
        socket: Socket,
        callbacks: bool,
    }

    fn protocols(pattern: Pattern) -> (Protocol, Protocol) {
        match pattern {
            Pattern::Request => (Protocol::Req0, Protocol::Rep0),
            Pattern::Push => (Protocol::Push0, Protocol::Pull0),
            Pattern::Publish => (Protocol::Pub0, Protocol::Sub0),
            Pattern::Survey => (Protocol::Surveyor0, Protocol::Respondent0),
        }
    }

    fn good<T>(result: Result<T, impl Display>) -> T {
        result.unwrap_or_else(|error| fail(error))
    }

    fn send(socket: &Socket, message: impl Into<Message>) {
        good(socket.send(message).map_err(|(_, error)| error));
    }

    fn send_async(socket: &Socket, aio: &Aio, message: impl Into<Message>) {
        good(socket.send_async(aio, message).map_err(|(_, error)| error));
    }

    impl Library for Nng {
        type Beginning = Asking;

        fn listen(job: &Job, callbacks: bool) -> Asking {
            let socket = good(Socket::new(protocols(job.pattern).0));
            if job.pattern == Pattern::Publish {
                good(socket.set_opt::<SendBufferSize>(BUFFERED));
            }
            good(socket.listen(&job.address));
            Asking { socket, callbacks }
        }

        fn answer(answers: &Arc<Answers>, callbacks: bool) {
            for _ in 0..answers.job.sockets {
                let socket = good(Socket::new(protocols(answers.job.pattern).1));
                if answers.job.pattern == Pattern::Publish {
                    good(socket.set_opt::<Subscribe>(Vec::new()));
                    good(socket.set_opt::<RecvBufferSize>(BUFFERED));
                }
                good(socket.dial_async(&answers.job.address));
                if callbacks || answers.job.sockets > 1 {
                    answer_in_callbacks(socket, answers.clone());
                } else {
                    let (answers, mut receiver) = (answers.clone(), Receiver::default());
                    answer_on_a_thread(move || {
                        loop {
                            let message = good(socket.recv());
                            if answers.arrived(&mut receiver, &message) {
                                send(&socket, message);
                            }
                        }
                    });
                }
            }
        }
    }

    fn answer_in_callbacks(socket: Socket, answers: Arc<Answers>) {
        let receiver = Mutex::new(Receiver::default());
        let own = socket.clone();
        let aio = good(Aio::new(move |aio, result| {
            if let AioResult::Recv(message) = &result {
                let Ok(message) = message else { fail("nothing can be received") };
                let mut receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
                if answers.arrived(&mut receiver, message) {
                    let AioResult::Recv(Ok(message)) = result else { return };
                    return send_async(&own, &aio, message);
                }
            }
            good(own.recv_async(&aio));
        }));
        good(socket.recv_async(&aio));
        // Open until the end, and never dropped within the callback, which would wait for itself.
        std::mem::forget((socket, aio));
    }

    impl Beginning for Asking {
        fn send(&mut self, message: &[u8]) {
            send(&self.socket, message);
        }

        fn ask(&mut self, mut questions: Questions) -> Questions {
            if self.callbacks {
                return self.carry_on(Work::Questions(questions)).questions();
            }
            send(&self.socket, questions.question());
            loop {
                match questions.answered(&good(self.socket.recv())) {
                    Next::Wait => {}
                    Next::Ask => send(&self.socket, questions.question()),
                    Next::Done => return questions,
                }
            }
        }

        fn push(&mut self, mut pushes: Pushes) -> Pushes {
            if self.callbacks {
                return self.carry_on(Work::Pushes(pushes)).pushes();
            }
            loop {
                send(&self.socket, pushes.message());
                if !pushes.pushed() {
                    return pushes;
                }
            }
        }
    }

    /// What is carried on in callbacks.
    enum Work {
        Questions(Questions),
        Pushes(Pushes),
    }

    impl Work {
        fn questions(self) -> Questions {
            match self {
                Work::Questions(questions) => questions,
                Work::Pushes(_) => fail("pushes instead of questions"),
            }
        }

        fn pushes(self) -> Pushes {
            match self {
                Work::Pushes(pushes) => pushes,
                Work::Questions(_) => fail("questions instead of pushes"),
            }
        }

        fn message(&self) -> &[u8] {
            match self {
                Work::Questions(questions) => questions.question(),
                Work::Pushes(pushes) => pushes.message(),
            }
        }

        /// A message was sent or received.
        fn next(&mut self, result: &AioResult) -> Next {
            match (self, result) {
                (Work::Questions(questions), AioResult::Recv(Ok(answer))) => {
                    questions.answered(answer)
                }
                (Work::Questions(_), AioResult::Send(Ok(()))) => Next::Wait,
                (Work::Pushes(pushes), AioResult::Send(Ok(()))) => {
                    if pushes.pushed() {
                        Next::Ask
                    } else {
                        Next::Done
                    }
                }
                _ => fail("an asynchronous operation failed"),
            }
        }
    }

    impl Asking {
        fn carry_on(&self, work: Work) -> Work {
            let (done, finished) = channel();
            let state: Mutex<(Option<Work>, Sender<Work>)> = Mutex::new((Some(work), done));
            let state = Arc::new(state);
            let (own, shared) = (self.socket.clone(), state.clone());
            let aio = good(Aio::new(move |aio, result| {
                let (work, done) = &mut *shared.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(current) = work else { return };
                match current.next(&result) {
                    Next::Wait => good(own.recv_async(&aio)),
                    Next::Ask => send_async(&own, &aio, current.message()),
                    Next::Done => work.take().into_iter().for_each(|work| good(done.send(work))),
                }
            }));
            let first = match &state.lock().unwrap_or_else(PoisonError::into_inner).0 {
                Some(work) => Message::from(work.message()),
                None => fail("no work"),
            };
            send_async(&self.socket, &aio, first);
            let work = good(finished.recv());
            // Its callback may still have a handle, and waits for itself for ever when that is the last.
            std::mem::forget(aio);
            work
        }
    }

    pub fn main() {
        run::<Nng>();
    }
}
