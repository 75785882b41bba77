"""Echo or multicast on websockets: websockets_echo.py echo|multicast|deflate [--tls CERTIFICATE KEY].

Prints "port N"; ends when standard input does.
"""

import asyncio
import os
import ssl
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory

BACKLOG = 4096
sessions: "set[ServerConnection]" = set()


async def echo(session: ServerConnection) -> None:
    try:
        async for message in session:
            await session.send(message)
    except ConnectionClosed:
        pass


async def multicast(session: ServerConnection) -> None:
    sessions.add(session)
    try:
        async for message in session:
            broadcast(sessions, message)
    except ConnectionClosed:
        pass
    finally:
        sessions.discard(session)


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
    extensions = None
    if mode == "deflate":
        extensions = [ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)]
    server = await serve(
        multicast if mode == "multicast" else echo,
        "127.0.0.1",
        0,
        backlog=BACKLOG,
        compression=None,
        extensions=extensions,
        ping_interval=None,  # A client that waits for its turn answers no pings.
        ssl=tls,
    )
    print("port", next(iter(server.sockets)).getsockname()[1], flush=True)
    await ended
    # Thousands of open connections need no orderly end here.
    os._exit(0)


asyncio.run(main())
