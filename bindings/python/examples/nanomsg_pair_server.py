"""One end of a pair: python nanomsg_pair_server.py [ADDRESS].

What the other end sends comes back reversed. A line of input goes to the other end, as soon as
there is one; '!' restarts the server and an empty line stops it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError, SpError
from cppserver.nano import PairSocket


class Server(PairSocket):
    def on_received(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        print(f"Incoming: {text}", flush=True)
        try:
            self.send(text[::-1].encode())
        except SpError as error:
            # The client does not read its answers, or is gone.
            print(f"Server: {error}", file=sys.stderr)

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6667"
    with Server() as server:
        endpoint = server.listen(address)
        print(f"Nanomsg pair server address: {address}")
        print("Press Enter to stop the server or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                endpoint.close()
                endpoint = server.listen(address)
                print("Server restarted", flush=True)
            else:
                server.send(text.encode())


if __name__ == "__main__":
    main()
