"""Answers surveys: python nanomsg_survey_client.py [ADDRESS].

The answer is the question reversed. '!' connects anew and an empty line ends it.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError
from cppserver.nano import RespondentSocket


class Client(RespondentSocket):
    def on_received(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace")
        print(f"Incoming: {text}", flush=True)
        self.send(text[::-1].encode())

    def on_error(self, error: CppServerError) -> None:
        print(f"Client: {error}", file=sys.stderr)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:6670"
    with Client() as client:
        endpoint = client.dial(address)
        print(f"Nanomsg survey server address: {address}")
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
