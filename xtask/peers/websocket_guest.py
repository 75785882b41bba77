"""A guest of a WebSocket chat who does not use this library: websocket_guest.py URI [AUTHORITY].

Every line of input is sent as a message, every message that comes is a line of output. It ends with
the connection, in good order if the server closed it so.
"""

from __future__ import annotations

import os
import ssl
import sys
import threading

from websockets.sync.client import ClientConnection, connect


def send_lines(connection: ClientConnection) -> None:
    for line in sys.stdin:
        connection.send(line.rstrip("\n"))


def main() -> None:
    context = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
    with connect(sys.argv[1], ssl=context) as connection:
        threading.Thread(target=send_lines, args=[connection], daemon=True).start()
        for message in connection:
            print(message, flush=True)
    # Without waiting for the thread, which reads for ever.
    os._exit(0)


if __name__ == "__main__":
    main()
