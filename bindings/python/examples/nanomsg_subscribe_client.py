"""Subscribes: python nanomsg_subscribe_client.py [ADDRESS [TOPIC...]].

Prints what is published and begins with one of the topics, everything without one. '!' connects
anew and an empty line ends it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError
from cppserver.nano import SubscriberSocket


class Client(SubscriberSocket):
    def on_received(self, data: bytes) -> None:
        print(f"Incoming: {data.decode('utf-8', 'replace')}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        print(f"Client: {error}", file=sys.stderr)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6669"
    with Client() as client:
        for topic in sys.argv[2:] or [""]:
            client.subscribe(topic)
        endpoint = client.dial(address)
        print(f"Nanomsg publisher server address: {address}")
        print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                endpoint.close()
                endpoint = client.dial(address)


if __name__ == "__main__":
    main()
