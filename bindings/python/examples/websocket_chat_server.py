"""A WebSocket chat server: python websocket_chat_server.py [PORT].

What one client sends, all clients get; a client that sends '!' is disconnected. A line of input
goes to all clients as the administrator's, '!' restarts the server and an empty line stops it.
"""

from __future__ import annotations

import sys

from cppserver import (
    CppServerError,
    Reason,
    Service,
    StateError,
    WebSocketServer,
    WebSocketSession,
)

INVITATION = "Welcome to the chat! Everyone reads what you send; '!' leaves."


class ChatSession(WebSocketSession):
    server: ChatServer

    def on_connected(self) -> None:
        print(f"Session {self.id} connected", flush=True)

    def on_handshaked(self) -> None:
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


class ChatServer(WebSocketServer[ChatSession]):
    session_class = ChatSession

    def on_error(self, error: CppServerError) -> None:
        print(f"Server: {error}", file=sys.stderr)


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4444
    with Service() as service, ChatServer(service, "0.0.0.0", port) as server:
        print(f"WebSocket server port: {server.port}", flush=True)
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
