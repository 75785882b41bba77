"""Echo or multicast on picows and uvloop: picows_echo.py echo|multicast [--tls CERTIFICATE KEY].

Prints "port N"; ends when standard input does.
"""

import asyncio
import os
import ssl
import sys

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

BACKLOG = 4096
MESSAGES = (WSMsgType.TEXT, WSMsgType.BINARY)
sessions: "set[WSTransport]" = set()


class Echo(WSListener):
    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type in MESSAGES:
            transport.send(frame.msg_type, frame.get_payload_as_bytes())
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


class Multicast(WSListener):
    def on_ws_connected(self, transport: WSTransport) -> None:
        sessions.add(transport)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        sessions.discard(transport)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type in MESSAGES:
            message = frame.get_payload_as_bytes()
            for session in sessions:
                session.send(frame.msg_type, message)
        elif frame.msg_type == WSMsgType.CLOSE:
            transport.disconnect()


async def main() -> None:
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def on_input() -> None:
        if not os.read(0, 4096) and not ended.done():
            ended.set_result(None)

    loop.add_reader(0, on_input)
    mode, *options = sys.argv[1:]
    tls = None
    if options[:1] == ["--tls"]:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options[1], options[2])
    listener = Multicast if mode == "multicast" else Echo
    server = await ws_create_server(lambda request: listener(), "127.0.0.1", 0, backlog=BACKLOG, ssl=tls)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await ended
    # Thousands of open transports need no orderly end here.
    os._exit(0)


uvloop.install()
asyncio.run(main())
