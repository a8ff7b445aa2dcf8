"""A server whose answers are bytes: what stands on the wire is the test's to say, to the byte.

It reads whole HTTP/1.1 requests, keeps each, and lets a function answer: chunks of bytes (a number among them is a wait
in seconds), after which the connection stays open unless the function says `CLOSE`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from syncjob.sandbox.messages import Request
from syncjob.sandbox.service import Sandbox

CLOSE = b"\0close"
Part = bytes | float
Answering = Callable[[Request], Sequence[Part]]


@dataclass(slots=True)
class Raw:
    """What a raw server heard, and where it stands."""

    url: str = ""
    heard: list[Request] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def listening(answer: Answering, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Raw]:
    """Listen on a free port of 127.0.0.1, on the running loop."""
    raw = Raw()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        raw.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await _one(raw, reader, writer, answer):
                pass
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    raw.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield raw
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _one(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answering) -> bool:
    request = await heard(reader)
    raw.heard.append(request)
    for part in answer(request):
        if isinstance(part, bytes):
            if part == CLOSE:
                return False
            writer.write(part)
            await writer.drain()
        else:
            await asyncio.sleep(part)
    return True


async def heard(reader: asyncio.StreamReader) -> Request:
    """Read one whole request."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.partition(": ") for line in lines)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer; `_` in the name of a header is `-`, content length and JSON are taken for granted."""
    named = {"content_length": str(len(body)), "content_type": "application/json"} | headers
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"HTTP/1.1 {status} Said\r\n{head}\r\n".encode() + body


def of_sandbox(sandbox: Sandbox) -> Callable[[Request], bytes]:
    """Answer as the sandbox does."""

    def answer(request: Request) -> bytes:
        reply = sandbox.meet(request).reply
        assert reply is not None
        headers = {name.lower().replace("-", "_"): value for name, value in reply.headers}
        return http(reply.status, reply.body, **headers)

    return answer
