"""The other end of a pair: python nanomsg_pair_client.py [ADDRESS].

A line of input goes to the server, as soon as it is there; what comes back is printed. '!' connects
anew and an empty line ends it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError
from cppserver.nano import PairSocket, Peer


class Client(PairSocket):
    def on_connected(self, peer: Peer) -> None:
        print(f"Connected to {peer.address}", flush=True)

    def on_disconnected(self, peer: Peer) -> None:
        print(f"Disconnected from {peer.address}", flush=True)

    def on_received(self, data: bytes) -> None:
        print(f"Incoming: {data.decode('utf-8', 'replace')}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        print(f"Client: {error}", file=sys.stderr)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6667"
    with Client() as client:
        endpoint = client.dial(address)
        print(f"Nanomsg pair server address: {address}")
        print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                endpoint.close()
                endpoint = client.dial(address)
            else:
                client.send(text.encode())


if __name__ == "__main__":
    main()
