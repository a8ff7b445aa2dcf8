"""The wire straight to the remote: aiohttp, whose parser is C; a request costs a third of what it costs with httpx.

How it knows that nothing was sent: aiohttp connects before it writes, and whatever goes wrong until then is a
`ClientConnectorError` (a name, a port, TLS) or a `ConnectionTimeoutError`. Everything else happens on a connection
that stood: then a byte may have left. What aiohttp would do beyond that is taken from it, by two names that it does
not publish and that tests on real sockets hold: it would ask a second time by itself where a kept connection was
closed (never a PATCH; but each request passes the gate and is counted), and it would take for an answer what came on
a kept connection before anything was asked. (`httpx-aiohttp`, which would put httpx's
interface upon it, tells a connection that was closed after the request was read as one that never stood.)

Measured side by side over loopback with 16 in flight: httpx 0.28 about 670 requests a second, httpx2 700, httpcore
alone 880, aiohttp 2,300; `make bench` measures it anew.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from syncjob.remote.wire import Lost, Reply, Unsent, check_encoding, check_size


@contextmanager
def _without_certificates() -> Iterator[None]:
    """Spare aiohttp the reading of all the machine's certificates on import: a fifth of what starting a command costs.

    It would read them twice, for contexts that nobody uses here: an https address brings its own (`trust`). Whatever
    went by one of aiohttp's all the same would trust nobody, and fail.
    """
    kind: Any = ssl.SSLContext
    load = kind.load_default_certs
    kind.load_default_certs = kind.set_default_verify_paths = lambda *_: None
    try:
        yield
    finally:
        kind.load_default_certs = load
        del kind.set_default_verify_paths  # it is inherited


with _without_certificates():
    import aiohttp
from yarl import URL  # noqa: E402  # aiohttp, which brings it, is imported first

KEPT_S = 5.0
HEADER_BYTES_MAX = 64 * 1024


class Direct:
    """A session of its own, with one connection; whoever asks bounds the time that an answer may take."""

    def __init__(self, *, tls: ssl.SSLContext | None, connect_s: float) -> None:
        """`tls` is None for plain http."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1, ssl=tls if tls is not None else True, keepalive_timeout=KEPT_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            max_field_size=HEADER_BYTES_MAX,
        )
        self._session._retry_connection = False  # noqa: SLF001  # see above

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send a request."""
        self._drop_spoilt()
        try:
            async with self._session.request(
                method, URL(url, encoded=True), headers=headers, data=body, allow_redirects=False
            ) as response:
                check_encoding(response.headers)  # they are found by their names in any letters
                return Reply(response.status, response.headers, await _bounded(response.content))
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Unsent(_said(error)) from error
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as error:
            raise Lost(_said(error)) from error

    def _drop_spoilt(self) -> None:
        """Close a kept connection on which something came that nobody has asked for: it would answer the next request.

        A server's good-bye is such a thing too.
        """
        for kept in self._session.connector._conns.values():  # type: ignore[union-attr]  # noqa: SLF001  # see above
            for protocol, _ in kept:
                if protocol.should_close or _has_word(protocol.transport):
                    protocol.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()


def _has_word(transport: Any) -> bool:
    """Tell whether something waits to be read on a connection, be it its end."""
    socket = None if transport is None else transport.get_extra_info("socket")
    if socket is None or socket.fileno() < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([socket], [], [], 0)[0])
    asked = select.poll()
    asked.register(socket.fileno(), select.POLLIN)
    return bool(asked.poll(0))


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    if content.is_eof():  # most are there as a whole by now
        whole = content.read_nowait()
        check_size(len(whole))
        return whole
    chunks: list[bytes] = []
    size = 0
    async for chunk in content.iter_any():
        size += len(chunk)
        check_size(size)
        chunks.append(chunk)
    return b"".join(chunks)


def _said(error: Exception) -> str:
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    return str(cause) or type(error).__name__
