"""A node of a bus: python nanomsg_bus.py ADDRESS [NODE...].

It listens on its address and links itself to the other nodes. A line of input goes to all nodes
that are linked to this one, whoever has linked whom. '!' restarts the node and an empty line ends
it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError
from cppserver.nano import BusSocket


class Node(BusSocket):
    def on_received(self, data: bytes) -> None:
        print(f"Incoming: {data.decode('utf-8', 'replace')}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        print(f"Node: {error}", file=sys.stderr)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit("Usage: python nanomsg_bus.py ADDRESS [NODE...]")
    address, *others = sys.argv[1:]
    with Node() as node:
        endpoint = node.listen(address)
        print(f"Nanomsg bus node address: {address}")
        for other in others:
            node.dial(other)
            print(f"Nanomsg bus node linked: {other}")
        print("Press Enter to stop the bus node or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                # The links stay.
                endpoint.close()
                endpoint = node.listen(address)
                print("Node restarted", flush=True)
            else:
                node.send(text.encode())


if __name__ == "__main__":
    main()
