"""A WebSocket chat client: python websocket_chat_client.py [HOST [PORT]].

A line of input goes to everyone in the chat, '!' leaves and comes back, an empty line ends.
"""

from __future__ import annotations

import sys

from cppserver import (
    CppServerError,
    NotConnectedError,
    Reason,
    Service,
    WebSocketClient,
)


class ChatClient(WebSocketClient):
    leaving = False

    def on_handshaked(self) -> None:
        print(f"Client {self.id} connected", flush=True)

    def on_received(self, data: str | bytes) -> None:
        text = data if isinstance(data, str) else data.decode("utf-8", "replace")
        print(f"Incoming: {text}", flush=True)

    def on_error(self, error: CppServerError) -> None:
        print(f"Client: {error}", file=sys.stderr)

    def on_disconnected(self, reason: Reason) -> None:
        print(f"Client {self.id} disconnected: {reason.text}", flush=True)
        if not self.leaving and reason is not Reason.SERVICE_STOPPED:
            self.reconnect(delay=1.0)


def main() -> None:
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 4444
    uri = f"ws://{host}:{port}"
    print(f"WebSocket server: {uri}")
    print("Press Enter to stop the client or '!' to reconnect it...", flush=True)
    with Service() as service:
        client = ChatClient(service, uri)
        client.connect()
        for line in sys.stdin:
            text = line.rstrip("\n")
            if not text:
                break
            if text == "!":
                client.disconnect()
                continue
            try:
                client.send(text)
            except NotConnectedError as error:
                print(f"Client: {error}", file=sys.stderr)
        client.leaving = True
        client.disconnect()


if __name__ == "__main__":
    main()
