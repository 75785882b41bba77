"""Echo or multicast through the Python package: echo.py echo|multicast. Prints "port N"; ends when standard input does."""

import sys

from cppserver import Service, TcpServer, TcpSession


class EchoSession(TcpSession):
    def on_received(self, data):
        self.send(data)


class MulticastSession(TcpSession):
    def on_received(self, data):
        server.multicast(data)


session_class = MulticastSession if sys.argv[1] == "multicast" else EchoSession
with Service() as service, TcpServer(service, "127.0.0.1", 0, session_class=session_class) as server:
    print("port", server.port, flush=True)
    sys.stdin.read()
