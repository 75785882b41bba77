"""Receives work: python nanomsg_push_server.py [ADDRESS].

What clients push is printed. '!' restarts the server and an empty line stops it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError
from cppserver.nano import PullSocket


class Server(PullSocket):
    def on_received(self, data: bytes) -> None:
        print(f"Incoming: {data.decode('utf-8', 'replace')}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6666"
    with Server() as server:
        endpoint = server.listen(address)
        print(f"Nanomsg push server address: {address}")
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
