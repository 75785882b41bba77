"""A UDP echo server: python udp_echo_server.py [PORT]. '!' restarts it, an empty line stops it."""

from __future__ import annotations

import sys

from cppserver import CppServerError, LimitError, NotConnectedError, Service, UdpServer


class EchoServer(UdpServer):
    def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
        try:
            self.send_to(address, data)
        except (LimitError, NotConnectedError):
            pass  # Too much waits, or the server restarts: like the network, it drops some.

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 2222
    with Service() as service, EchoServer(service, "0.0.0.0", port) as server:
        print(f"UDP server port: {server.port}", flush=True)
        print("Press Enter to stop the server or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                server.restart()
                print("Server restarted", flush=True)


if __name__ == "__main__":
    main()
