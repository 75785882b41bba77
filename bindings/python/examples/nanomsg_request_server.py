"""Answers requests: python nanomsg_request_server.py [ADDRESS].

The answer is the request reversed. '!' restarts the server and an empty line stops it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError
from cppserver.nano import ReplySocket


class Server(ReplySocket):
    def on_received(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        print(f"Incoming: {text}", flush=True)
        self.send(text[::-1].encode())

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6668"
    with Server() as server:
        endpoint = server.listen(address)
        print(f"Nanomsg reply server address: {address}")
        print("Press Enter to stop the server or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                endpoint.close()
                endpoint = server.listen(address)
                print("Server restarted", flush=True)


if __name__ == "__main__":
    main()
