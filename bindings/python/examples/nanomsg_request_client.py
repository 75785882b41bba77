"""Asks a server: python nanomsg_request_client.py [ADDRESS].

Each line of input is a request, whose answer is waited for and printed. '!' connects anew and an
empty line ends it.
"""

from __future__ import annotations

import sys

from cppserver.nano import RequestSocket


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6668"
    with RequestSocket() as client:
        endpoint = client.dial(address)
        print(f"Nanomsg reply server address: {address}")
        print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                endpoint.close()
                endpoint = client.dial(address)
            else:
                answer = client.request(text.encode())
                print(f"Response: {answer.decode('utf-8', 'replace')}", flush=True)


if __name__ == "__main__":
    main()
