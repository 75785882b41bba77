"""A UDP echo client: python udp_echo_client.py [HOST [PORT]].

Each line of input is one datagram to the server, '!' opens a new socket, an empty line ends.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError, NotConnectedError, Reason, Service, UdpClient


class EchoClient(UdpClient):
    def on_connected(self) -> None:
        host, port = self.local_address
        print(f"Client opened on {host}, port {port}", flush=True)

    def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
        print(f"Incoming: {data.decode('utf-8', 'replace')}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        # For example that nobody listens there; the client may go on.
        print(f"Client: {error}", file=sys.stderr)

    def on_disconnected(self, reason: Reason) -> None:
        print(f"Client closed: {reason.text}", flush=True)


def main() -> None:
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 2222
    print(f"UDP server address: {host}")
    print(f"UDP server port: {port}")
    print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
    with Service() as service:
        client = EchoClient(service, host, port)
        client.connect()
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                client.reconnect()
                continue
            try:
                client.send(text.encode())
            except NotConnectedError as error:
                print(f"Client: {error}", file=sys.stderr)
        client.disconnect()


if __name__ == "__main__":
    main()
