"""Gives work away: python nanomsg_push_client.py [ADDRESS...].

Each line of input goes to one of the servers, in turn, as soon as one of them is there. '!'
connects anew and an empty line ends it.
"""

from __future__ import annotations

import sys

from cppserver.nano import PushSocket


def main() -> None:
    addresses = sys.argv[1:] or ["tcp://127.0.0.1:6666"]
    with PushSocket() as client:
        endpoints = [client.dial(address) for address in addresses]
        print(f"Nanomsg push server address: {', '.join(addresses)}")
        print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                for endpoint in endpoints:
                    endpoint.close()
                endpoints = [client.dial(address) for address in addresses]
            else:
                client.send(text.encode())


if __name__ == "__main__":
    main()
