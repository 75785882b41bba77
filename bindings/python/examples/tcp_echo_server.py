"""A TCP echo server: python tcp_echo_server.py [PORT]. Enter stops it."""

from __future__ import annotations

import sys

from cppserver import CppServerError, Service, TcpServer, TcpSession


class EchoSession(TcpSession):
    def on_received(self, data: bytes) -> None:
        self.send(data)

    def on_error(self, error: CppServerError) -> None:
        print(f"Session {self.id}: {error}", file=sys.stderr)


class EchoServer(TcpServer[EchoSession]):
    session_class = EchoSession

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 2222
    with Service() as service, EchoServer(service, "0.0.0.0", port) as server:
        print(f"TCP server port: {server.port}", flush=True)
        print("Press Enter to stop the server...", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main()
