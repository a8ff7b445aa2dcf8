"""The access token on its way out: it is put on requests to the configured origin and to nowhere else."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx

from syncjob.errors import BrokenAssumption
from syncjob.remote.auth.credential import Credential


class Bearer(httpx.Auth):
    """Puts the bearer token on requests to one origin; to any other it refuses to let the request leave."""

    def __init__(self, credential: Credential, url: httpx.URL) -> None:
        """Take the run's credential; `used` is the token that went along last."""
        self._credential = credential
        self._origin = (url.scheme, url.host, url.port)
        self.used: str | None = None

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Sign a request for our origin (the contract of `httpx.Auth`)."""
        if (request.url.scheme, request.url.host, request.url.port) != self._origin:
            raise BrokenAssumption(f"a request was about to leave for {request.url.host}, which is not the remote")
        self.used = await self._credential.bearer()
        if self.used is not None:
            request.headers["Authorization"] = f"Bearer {self.used}"
        yield request

    async def fresh(self) -> None:
        """Renew what is due, outside the time that an answer may take."""
        await self._credential.bearer()

    def accepted(self) -> None:
        """Hear that the remote has taken the token that went along last."""
        self._credential.accepted(self.used)

    async def renewed(self, refused: str | None) -> bool:
        """Tell whether there is another token than the one that was refused."""
        return refused is not None and await self._credential.renewed(refused)
