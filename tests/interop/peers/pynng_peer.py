"""A peer on pynng.

Its argument is a role, such as `req`; what it reads and answers are lines as src/peer.rs tells.
"""

import sys

import pynng

# Longer than anything here takes, in milliseconds.
LIMIT = 20_000

ROLES = {
    "pair": pynng.Pair0,
    "pub": pynng.Pub0,
    "sub": pynng.Sub0,
    "req": pynng.Req0,
    "rep": pynng.Rep0,
    "push": pynng.Push0,
    "pull": pynng.Pull0,
    "surveyor": pynng.Surveyor0,
    "respondent": pynng.Respondent0,
    "bus": pynng.Bus0,
}


def obey(socket: pynng.Socket, command: str, argument: str) -> str:
    """Does what a line says, and returns the answer."""
    match command:
        case "listen":
            socket.listen(argument)
        case "dial":
            socket.dial(argument, block=False)
        case "subscribe":
            socket.subscribe(bytes.fromhex(argument))
        case "send":
            socket.send(bytes.fromhex(argument))
        case "receive":
            socket.recv_timeout = int(argument)
            # Socket.recv fails for a message without bytes.
            return f"received {socket.recv_msg().bytes.hex()}"
        case _:
            return f"failed no such command: {command}"
    return "done"


def main() -> None:
    """Obeys until there are no more lines."""
    role = sys.argv[1]
    with ROLES[role](send_timeout=LIMIT) as socket:
        if role == "surveyor":
            socket.survey_time = LIMIT
        for line in sys.stdin:
            command, _, argument = line.rstrip("\n").partition(" ")
            try:
                answer = obey(socket, command, argument)
            except pynng.NNGException as error:
                answer = f"failed {error}"
            print(answer, flush=True)


main()
