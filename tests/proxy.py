"""A TCP proxy on loopback that cuts: after so many bytes of what was asked, or so many of what was answered.

A cut is a reset on both sides, as a router that forgot the connection makes it. It is armed once and befalls the next
bytes that pass, whichever connection they pass on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

LINGER_OFF = struct.pack("ii", 1, 0)
CHUNK = 65_536


class Way(Enum):
    """Which way bytes go."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(slots=True)
class Proxy:
    """Passes bytes on; `passed` counts them by way since the last `arm`, `down` refuses new connections."""

    upstream: tuple[str, int]
    url: str = ""
    way: Way | None = None
    after: int = 0
    silent: bool = False
    down: bool = False
    cuts: int = 0
    passed: dict[Way, int] = field(default_factory=lambda: dict.fromkeys(Way, 0))
    connections: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = field(default_factory=set)

    def arm(self, way: Way, after: int, *, silent: bool = False) -> None:
        """Cut once `after` bytes have gone that way; `silent` swallows what follows instead of cutting."""
        self.way, self.after, self.silent = way, after, silent
        self.passed = dict.fromkeys(Way, 0)

    def disarm(self) -> None:
        """Let everything pass."""
        self.way = None

    def cut_all(self) -> None:
        """Reset every connection that stands."""
        for pair in list(self.connections):
            for writer in pair:
                _reset(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to its end."""
        if self.down:
            _reset(writer)
            return
        try:
            above, beyond = await asyncio.open_connection(*self.upstream)
        except OSError:
            _reset(writer)
            return
        pair = (writer, beyond)
        self.connections.add(pair)
        ways = [
            asyncio.ensure_future(self._carry(Way.REQUEST, reader, beyond, pair)),
            asyncio.ensure_future(self._carry(Way.REPLY, above, writer, pair)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.connections.discard(pair)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            beyond.close()

    async def _carry(
        self,
        way: Way,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                left = len(data)
                if self.way is way and self.passed[way] + left > self.after:
                    left = max(0, self.after - self.passed[way])
                self.passed[way] += left
                writer.write(data[:left])
                await writer.drain()
                if left < len(data):
                    self.disarm()
                    self.cuts += 1
                    if self.silent:
                        await _swallow(reader)
                    for each in pair:
                        _reset(each)
                    return


@asynccontextmanager
async def between(upstream: str) -> AsyncIterator[Proxy]:
    """Stand between a client and the server at this URL."""
    parts = urlsplit(upstream)
    proxy = Proxy((parts.hostname or "", parts.port or 80))
    tasks: set[asyncio.Task[None]] = set()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    proxy.url = f"{parts.scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _swallow(reader: asyncio.StreamReader) -> None:
    while await reader.read(CHUNK):
        pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """What was written leaves first, then the reset: a cut after so many bytes lets these bytes arrive."""
    connection = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_OFF)
    writer.transport.abort()
