"""Echo or multicast of messages through the Python package.

ws.py echo|multicast|deflate [--tls CERTIFICATE KEY]. Prints "port N"; ends when standard input
does.
"""

import sys

from cppserver import (
    Service,
    TlsContext,
    WebSocketServer,
    WebSocketSession,
    WebSocketSslServer,
    WebSocketSslSession,
)

mode, *tls = sys.argv[1:]
deflate = mode == "deflate"


class EchoSession(WebSocketSslSession if tls else WebSocketSession):
    def on_received(self, data):
        self.send(data)


class MulticastSession(WebSocketSslSession if tls else WebSocketSession):
    def on_received(self, data):
        server.multicast(data)


def make_server(service):
    session_class = MulticastSession if mode == "multicast" else EchoSession
    options = {"session_class": session_class, "deflate": deflate}
    if not tls:
        return WebSocketServer(service, "127.0.0.1", 0, **options)
    context = TlsContext()
    context.set_certificate_files(*tls[1:])
    return WebSocketSslServer(service, context, "127.0.0.1", 0, **options)


with Service() as service, make_server(service) as server:
    print("port", server.port, flush=True)
    sys.stdin.read()
