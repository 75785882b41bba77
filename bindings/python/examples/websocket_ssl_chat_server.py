"""An encrypted chat server: python websocket_ssl_chat_server.py [PORT [CERTIFICATE [KEY]]].

What one client sends, all clients get; a client that sends '!' is disconnected. A line of input
goes to all clients as the administrator's, '!' restarts the server and an empty line stops it.
Without arguments the server shows the test certificate that lies in the folder certs.
"""

from __future__ import annotations

import sys

from cppserver import (
    CppServerError,
    Reason,
    Service,
    StateError,
    TlsContext,
    WebSocketSslServer,
    WebSocketSslSession,
)

INVITATION = "Welcome to the chat! Everyone reads what you send; '!' leaves."


class ChatSession(WebSocketSslSession):
    server: ChatServer

    def on_connected(self) -> None:
        print(f"Session {self.id} connected", flush=True)

    def on_handshaked(self) -> None:
        tls = self.tls
        print(f"Session {self.id} speaks {tls.version}, {tls.cipher_suite}", flush=True)
        self.send(INVITATION)

    def on_received(self, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        print(f"Incoming: {text}", flush=True)
        self.server.multicast(text)
        if text == "!":
            # What was sent before still reaches the client.
            self.disconnect()

    def on_error(self, error: CppServerError) -> None:
        print(f"Session {self.id}: {error}", file=sys.stderr)

    def on_disconnected(self, reason: Reason) -> None:
        print(f"Session {self.id} disconnected: {reason.text}", flush=True)


class ChatServer(WebSocketSslServer[ChatSession]):
    session_class = ChatSession

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5555
    certificate = sys.argv[2] if len(sys.argv) > 2 else "certs/server.pem"
    key = sys.argv[3] if len(sys.argv) > 3 else "certs/server.key"
    context = TlsContext()
    context.set_certificate_files(certificate, key)
    with Service() as service, ChatServer(service, context, "0.0.0.0", port) as server:
        print(f"WebSocket SSL server port: {server.port}", flush=True)
        print("Press Enter to stop the server or '!' to restart it...", flush=True)
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                server.restart()
                print("Server restarted", flush=True)
            else:
                try:
                    server.multicast(f"(admin) {text}")
                except StateError as error:
                    print(f"Server: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
