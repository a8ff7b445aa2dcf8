"""The sandbox on a socket: a Sandbox in, a base URL out, for as long as somebody listens; loopback unless told.

Cutting a connection means a reset without one byte of an answer: the protocol hands the application its transport's
abort, with a linger of zero, so that the caller sees ECONNRESET.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from syncjob.sandbox.app import CUT, create_app
from syncjob.sandbox.service import Sandbox

_READY_S_MAX = 10.0
_STOP_S_MAX = 10.0
_LINGER_OFF = struct.pack("ii", 1, 0)


async def serve(sandbox: Sandbox, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serves until cancelled or told to exit by a signal; `on_ready` gets the base URL; port 0 takes a free one."""
    with _listening(host, port) as listener:
        server = _Server(sandbox, listener, on_ready)
        serving = asyncio.ensure_future(server.serve([listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.should_exit = True
            await serving
            raise


@contextlib.contextmanager
def running(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """A sandbox in a thread of its own, without signal handlers; yields the base URL, stops cleanly."""
    ready = threading.Event()
    with _listening(host, port) as listener:
        server = _Server(sandbox, listener, lambda _: ready.set())
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])), name="sandbox", daemon=True)
        thread.start()
        try:
            if not ready.wait(_READY_S_MAX):
                raise TimeoutError(f"the sandbox did not start within {_READY_S_MAX:.0f} s")
            yield base_url(listener)
        finally:
            server.should_exit = True
            thread.join(_STOP_S_MAX)


def base_url(listener: socket.socket) -> str:
    """The URL of a listening socket, without a slash at its end."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if listener.family == socket.AF_INET6 else f"http://{host}:{port}"


class _Protocol(H11Protocol):
    """HTTP/1.1 whose connections the application may cut."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )  # head and body are two writes: no 40 ms between
        served = self.app

        def cut() -> None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            transport.abort()

        async def cuttable(scope: Any, receive: Any, send: Any) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), CUT: cut}
            await served(scope, receive, send)

        self.app = cuttable


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready."""

    def __init__(self, sandbox: Sandbox, listener: socket.socket, on_ready: Callable[[str], None]) -> None:
        app = create_app(sandbox)
        super().__init__(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._listener = listener
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready(base_url(self._listener))


@contextlib.contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        yield listener
