"""The wire through a proxy, and the one of simulations that ends in this process: httpx, a client with one connection.

How it knows that nothing was sent: only a failed connect, or a wait for a connection, is told as such by httpx. Each
connection is a client of its own with a pool of one: a client shared by many workers collapses, since its pool scans
every connection at each request.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Mapping
from typing import Any

sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # its own command line, with rich and pygments: 0.1 s
import httpx  # noqa: E402  # after what spares it its command line

from syncjob.remote.wire import Lost, Reply, Unsent, check_encoding, check_size  # noqa: E402  # as above

LEFT = "left"  # where what was taken off an answer is kept


def within(app: Any) -> httpx.AsyncBaseTransport:
    """Give a network that ends in this process: an ASGI application answers, and nothing leaves."""
    return httpx.ASGITransport(app=app)


class Roundabout:
    """A client of its own, with one connection."""

    def __init__(
        self, *, tls: ssl.SSLContext | None, connect_s: float, answer_s: float, proxy: str | None, network: Any = None
    ) -> None:
        """`proxy` is its address, or `env`; `network` stands in for the real one."""
        self._client = httpx.AsyncClient(
            verify=tls if tls is not None else False,  # plain http has nothing to verify; https brings tls
            timeout=httpx.Timeout(answer_s, connect=connect_s),
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            follow_redirects=False,
            trust_env=proxy == "env" and network is None,
            proxy=None if proxy == "env" or network is not None else proxy,
            transport=network,
            event_hooks={"response": [_unfollowed]},
        )

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send a request."""
        try:
            async with self._client.stream(method, url, headers=dict(headers), content=body) as response:
                check_encoding(response.headers)
                content = await _bounded(response)
                return Reply(response.status_code, {**response.headers, **response.extensions.get(LEFT, {})}, content)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unsent(str(error) or type(error).__name__) from error
        except (httpx.TransportError, ssl.SSLError) as error:
            raise Lost(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


async def _bounded(response: httpx.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        check_size(size)
        chunks.append(chunk)
    return b"".join(chunks)


async def _unfollowed(response: httpx.Response) -> None:
    """Take the Location away: httpx would make the next request of it, if only to keep, and stumble over an odd one."""
    if response.has_redirect_location:
        response.extensions[LEFT] = {"location": response.headers.pop("location")}
