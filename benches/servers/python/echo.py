"""Echo or multicast through the Python package: echo.py echo|multicast [--tls CERTIFICATE KEY].

Prints "port N"; ends when standard input does.
"""

import sys

from cppserver import Service, SslServer, SslSession, TcpServer, TcpSession, TlsContext

mode, *tls = sys.argv[1:]


class EchoSession(SslSession if tls else TcpSession):
    def on_received(self, data):
        self.send(data)


class MulticastSession(SslSession if tls else TcpSession):
    def on_received(self, data):
        server.multicast(data)


def make_server(service):
    session_class = MulticastSession if mode == "multicast" else EchoSession
    if not tls:
        return TcpServer(service, "127.0.0.1", 0, session_class=session_class)
    context = TlsContext()
    context.set_certificate_files(*tls[1:])
    return SslServer(service, context, "127.0.0.1", 0, session_class=session_class)


with Service() as service, make_server(service) as server:
    print("port", server.port, flush=True)
    sys.stdin.read()
