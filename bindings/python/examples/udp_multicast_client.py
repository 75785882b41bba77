"""A UDP multicast client: python udp_multicast_client.py [ADDRESS [GROUP [PORT [INTERFACE]]]].

It prints what is sent to the group; '!' opens a new socket, an empty line ends. The interface is a
name, an index or an IPv4 address, such as 127.0.0.1 to hear this machine alone; by default the
system chooses.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError, Reason, Service, UdpServer


class MulticastClient(UdpServer):
    """Who receives multicasts is a server on the port of the group."""

    def __init__(
        self, service: Service, address: str, group: str, port: int, interface: str | None
    ) -> None:
        # Others on this machine may listen on the port too.
        super().__init__(service, address, port, reuse_address=True)
        self.group = group
        self.interface = interface

    def on_started(self) -> None:
        # A restart ends all memberships, so each start joins.
        self.join(self.group, interface=self.interface)

    def on_joined(self, group: str, source: str | None) -> None:
        print(f"Client joined {group}", flush=True)

    def on_received(self, address: tuple[str, int], data: bytes, truncated: bool) -> None:
        print(f"Incoming: {data.decode('utf-8', 'replace')}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        print(f"Client: {error}", file=sys.stderr)

    def on_stopped(self, reason: Reason) -> None:
        print(f"Client closed: {reason.text}", flush=True)


def main() -> None:
    address = sys.argv[1] if len(sys.argv) > 1 else "0.0.0.0"
    group = sys.argv[2] if len(sys.argv) > 2 else "239.255.0.1"
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 2223
    interface = sys.argv[4] if len(sys.argv) > 4 else None
    print(f"UDP listen address: {address}")
    print(f"UDP multicast address: {group}")
    print(f"UDP multicast port: {port}")
    print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
    with Service() as service, MulticastClient(service, address, group, port, interface) as client:
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                client.restart()


if __name__ == "__main__":
    main()
