"""A UDP multicast server: python udp_multicast_server.py [GROUP [PORT [INTERFACE]]].

Each line of input goes to everyone who has joined the group, '!' restarts the server and an empty
line stops it. The interface is a name, an index or an IPv4 address, such as 127.0.0.1 to stay on
this machine; by default the system chooses.
"""

from __future__ import annotations

import sys

from cppserver import CppServerError, NotConnectedError, Service, UdpServer


class MulticastServer(UdpServer):
    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    group = sys.argv[1] if len(sys.argv) > 1 else "239.255.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 2223
    interface = sys.argv[3] if len(sys.argv) > 3 else None
    print(f"UDP multicast address: {group}")
    print(f"UDP multicast port: {port}")
    with Service() as service:
        # It only sends, from any port.
        address = "::" if ":" in group else "0.0.0.0"
        server = MulticastServer(
            service, address, 0, destination=(group, port), multicast_interface=interface
        )
        server.start()
        print("Press Enter to stop the server or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                server.restart()
                print("Server restarted", flush=True)
                continue
            try:
                server.send(f"(admin) {text}".encode())
            except NotConnectedError as error:
                print(f"Server: {error}", file=sys.stderr)
        server.stop()


if __name__ == "__main__":
    main()
