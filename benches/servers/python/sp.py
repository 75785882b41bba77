"""Scalability protocols through the Python package, with blocking calls or with callbacks.

The README beside the benchmarks tells what it is told and what it does: sp.py callbacks|blocking
PATTERN begin|answer|both ADDRESS SIZE SOCKETS PROCESSES WINDOW READ WRITE.
"""

import functools
import itertools
import os
import select
import sys
import threading
from collections import Counter
from time import monotonic_ns

from cppserver import nano

WORK, HELLO, CHECK, MARK = range(4)
SIZES = 1, 2, 31, 32, 33, 54, 55, 127, 128, 1000, 4096, 65535, 65536, 65537, 200000
WINDOWS = 2
PUSHES_PER_LOOK = 16

mode, pattern, part, address, *numbers = sys.argv[1:]
size, sockets, processes, window, credits_read, credits_write = map(int, numbers)
callbacks = mode == "callbacks"
asks = pattern in ("request", "survey")
beginning_class, answering_class = {
    "request": (nano.RequestSocket, nano.ReplySocket),
    "push": (nano.PushSocket, nano.PullSocket),
    "publish": (nano.PublisherSocket, nano.SubscriberSocket),
    "survey": (nano.SurveyorSocket, nano.RespondentSocket),
}[pattern]


def fail(what):
    print(what, file=sys.stderr, flush=True)
    os._exit(1)


def say(line):
    print(line, flush=True)


@functools.cache
def compose(kind, length):
    message = bytearray((index * 31 + length) & 0xFF for index in range(length))
    message[0] = kind
    return bytes(message)


def with_mark(message, count):
    return bytes([MARK]) + count.to_bytes(8, "little") + message[9:]


# The answering side.

credited = itertools.count(1)


def credit():
    if next(credited) % sockets == 0:
        os.write(credits_write, b"\0")


class Receiver:
    """What an answering socket has had."""

    def __init__(self):
        self.count = 0
        self.greeted = False

    def arrived(self, data):
        """Take a message; return whether it is to be sent back."""
        kind = data[0]
        if kind == HELLO:
            if not self.greeted:
                credit()
            self.greeted = True
            return False
        if asks:
            return True
        if kind == CHECK:
            if data != compose(CHECK, len(data)):
                fail("a message has changed")
            credit()
            return False
        if len(data) != size:
            fail("a message of another size")
        self.count += 1
        if kind == MARK:
            if int.from_bytes(data[1:9], "little") != self.count:
                fail("messages were lost")
            credit()
        return False


class Answering(answering_class):
    """Answers in callbacks."""

    def __init__(self):
        super().__init__()
        self.receiver = Receiver()

    def on_received(self, data):
        if self.receiver.arrived(data):
            self.send(data)


def pin(number):
    """Give the calling thread a core of its own."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) > 1:
        os.sched_setaffinity(0, {cores[number]})


def serve(socket):
    pin(0)
    receiver = Receiver()
    while True:
        data = socket.receive()
        if receiver.arrived(data):
            socket.send(data)


def answer():
    """Open the answering sockets; return them, so that they stay."""
    by_callbacks = callbacks or sockets > 1
    opened = [Answering() if by_callbacks else answering_class() for _ in range(sockets)]
    for socket in opened:
        if pattern == "publish":
            socket.subscribe(b"")
        socket.dial(address)
    if not by_callbacks:
        threading.Thread(target=serve, args=opened, daemon=True).start()
    return opened


# The beginning side.


class Questions:
    """The same question again and again."""

    def __init__(self, question, until):
        self.question = question
        self.until = until
        self.answers = 0
        self.done = 0
        self.latencies = []
        self.asked = monotonic_ns()

    def answered(self, data):
        """Take an answer; return True to ask again, False at the end, else None."""
        if data != self.question:
            fail("a wrong answer")
        self.answers += 1
        if self.answers < sockets * processes:
            return None
        now = monotonic_ns()
        self.latencies.append(now - self.asked)
        self.asked = now
        self.done += self.answers
        self.answers = 0
        return now < self.until


class Asking(beginning_class):
    """Asks in callbacks."""

    def ask(self, questions):
        self.questions = questions
        self.finished = threading.Event()
        self.send(questions.question)
        self.finished.wait()

    def on_received(self, data):
        again = self.questions.answered(data)
        if again:
            self.send(self.questions.question)
        elif again is not None:
            self.finished.set()

    def on_error(self, error):
        fail(error)


class Pushing(beginning_class):
    """Pushes in callbacks, whenever there is room."""

    def __init__(self):
        super().__init__()
        self.lock = threading.Lock()
        self.message = None

    def push(self, messages):
        with self.lock:
            self.messages = messages
            self.message = next(messages)
            self.finished = threading.Event()
        self.on_writable()
        self.finished.wait()

    def on_writable(self):
        with self.lock:
            while self.message is not None:
                if not self.try_send(self.message):
                    return
                self.message = next(self.messages, None)
                if self.message is None:
                    self.finished.set()

    def on_error(self, error):
        fail(error)


def take_credits(most):
    """Take up to so many credits; return how many came."""
    return len(os.read(credits_read, most)) or fail("no more credits")


class Commander:
    """Obeys the driver."""

    def __init__(self):
        kind = beginning_class
        if callbacks and pattern != "publish":
            kind = Asking if asks else Pushing
        self.socket = kind()
        self.socket.listen(address)
        self.sent = 0

    def obey(self):
        for line in sys.stdin:
            command, *argument = line.split()
            if command == "check":
                self.check()
            else:
                self.run(int(argument[0]))

    def check(self):
        if pattern in ("publish", "survey"):
            self.greet()
        for length in SIZES:
            message = compose(CHECK, length)
            if asks:
                self.ask(Questions(message, 0))
            else:
                self.socket.send(message)
                self.await_credits()
        say("checked")

    def greet(self):
        """Wait for those who are not known to be there yet."""
        missing = processes
        while missing:
            self.socket.send(compose(HELLO, 1))
            if select.select([credits_read], [], [], 0.01)[0]:
                missing -= take_credits(missing)

    def await_credits(self):
        missing = processes
        while missing:
            missing -= take_credits(missing)

    def run(self, duration):
        message = compose(WORK, size)
        begin = monotonic_ns()
        until = begin + duration
        latencies = []
        if asks:
            questions = Questions(message, until)
            self.ask(questions)
            count, latencies = questions.done, questions.latencies
        else:
            before = self.sent
            (self.push if pattern == "push" else self.publish)(message, until)
            count = (self.sent - before) * sockets * processes
        elapsed = monotonic_ns() - begin
        pairs = Counter(latency // 100 * 100 for latency in latencies).items()
        say(" ".join(map(str, (count, elapsed, *itertools.chain.from_iterable(pairs)))))

    def ask(self, questions):
        if callbacks:
            self.socket.ask(questions)
            return
        socket = self.socket
        again = True
        while again is not False:
            if again:
                socket.send(questions.question)
            again = questions.answered(socket.receive())

    def pushes(self, message, until):
        """Yield what is to be pushed; the last one has a mark."""
        while monotonic_ns() < until:
            for _ in range(PUSHES_PER_LOOK):
                yield message
            self.sent += PUSHES_PER_LOOK
        self.sent += 1
        yield with_mark(message, self.sent)

    def push(self, message, until):
        messages = self.pushes(message, until)
        if callbacks:
            self.socket.push(messages)
        else:
            send = self.socket.send
            for one in messages:
                send(one)
        self.await_credits()

    def publish(self, message, until):
        waiting = 0
        send = self.socket.send
        while monotonic_ns() < until:
            for _ in range(window - 1):
                send(message)
            self.sent += window
            send(with_mark(message, self.sent))
            waiting += 1
            if waiting == WINDOWS:
                self.await_credits()
                waiting -= 1
        for _ in range(waiting):
            self.await_credits()


commander = Commander() if part != "answer" else None
answering = answer() if part != "begin" else None
if part == "both":
    pin(1)
say("ready")
if commander is None:
    sys.stdin.read()
else:
    commander.obey()
# Nothing is left to be delivered.
os._exit(0)
