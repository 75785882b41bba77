"""Publishes: python nanomsg_subscribe_server.py [ADDRESS].

A line of input goes to all clients that have subscribed to what it begins with. '!' restarts the
server and an empty line stops it.
"""

from __future__ import annotations

import sys

from cppserver.nano import PublisherSocket


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6669"
    with PublisherSocket() as server:
        endpoint = server.listen(address)
        print(f"Nanomsg publisher server address: {address}")
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
