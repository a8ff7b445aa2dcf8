"""The calls that there are: a `Reader` can get one referral or a page, a `Writer` can patch besides.

Plan, drift and pull are given readers: their connections refuse to send anything but GET.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from syncjob.model import Answer, Operation
from syncjob.remote.auth import Credential
from syncjob.remote.transport import Connection
from syncjob.remote.trust import trust
from syncjob.settings import Limits, Remote

Client = TypeVar("Client", bound="Reader")
_json = json.JSONEncoder(ensure_ascii=False).encode  # made once


class Reader:
    """One connection that can only read."""

    methods: tuple[str, ...] = ("GET",)

    def __init__(self, connection: Connection, correlation_id: str) -> None:
        """Take a connection for these methods; `correlation_id` marks every request of the run."""
        self._connection = connection
        self._headers = {"MS-CorrelationId": correlation_id}

    async def get(self, referral: str, request_id: str) -> Answer:
        """Ask for one referral; the id is one path segment, whatever it holds."""
        return await self._connection.send("GET", f"/{quote(referral, safe='')}", headers=self._marked(request_id))

    async def page(self, query: str, request_id: str, read: Callable[[bytes], Any]) -> Answer:
        """Ask for one page of the listing; `read` reads what comes, as far as it is needed."""
        return await self._connection.send("GET", query=query, headers=self._marked(request_id), decode=read)

    @property
    def token(self) -> str | None:
        """The token that went along with the last request."""
        return self._connection.bearer.used

    def accepted(self) -> None:
        """Hear that the remote has taken the token of the last request."""
        self._connection.bearer.accepted()

    async def renewed(self, refused: str | None) -> bool:
        """Tell whether there is another token than the one that was refused."""
        return await self._connection.bearer.renewed(refused)

    async def close(self) -> None:
        """Close the connection."""
        await self._connection.close()

    def _marked(self, request_id: str) -> dict[str, str]:
        return {**self._headers, "MS-RequestId": request_id, "client-request-id": request_id}


class Writer(Reader):
    """One connection that can also patch, never without If-Match."""

    methods = ("GET", "PATCH")

    async def patch(self, referral: str, etag: str, operations: Sequence[Operation], request_id: str) -> Answer:
        """Send a patch under the eTag as it was read, quotes included, and ask for the referral that results."""
        assert etag, "no write without an eTag"
        headers = {**self._marked(request_id), "If-Match": etag, "Prefer": "return=representation"}
        body = _json([one.to_json() for one in operations]).encode()
        path = f"/{quote(referral, safe='')}"
        return await self._connection.send("PATCH", path, headers=headers, body=body)


@dataclass(frozen=True, slots=True)
class Access:
    """What it takes to reach the remote; `wire` replaces the network in simulations."""

    remote: Remote
    limits: Limits
    credential: Credential = field(repr=False)
    correlation_id: str
    now: Callable[[], datetime]
    wire: Any = None


@asynccontextmanager
async def opened(kind: type[Client], access: Access) -> AsyncIterator[list[Client]]:
    """Open as many connections of one kind as may be in flight, and close them at the end.

    The token is fetched before: SignInNeeded when a person must sign in.
    """
    access.credential.ready()
    tls = trust(access.remote) if access.remote.url.startswith("https://") else None
    clients = [
        kind(
            Connection(
                access.remote,
                access.limits,
                methods=kind.methods,
                credential=access.credential,
                tls=tls,
                now=access.now,
                network=access.wire,
            ),
            access.correlation_id,
        )
        for _ in range(access.limits.concurrency)
    ]
    try:
        yield clients
    finally:
        for client in clients:
            await client.close()
