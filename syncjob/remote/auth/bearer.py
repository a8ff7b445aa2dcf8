"""The access token on its way out: it is put on requests to the configured origin and to nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from syncjob.errors import BrokenAssumption
from syncjob.remote.auth.credential import Credential

PORTS = {"https": 443, "http": 80}


class Bearer:
    """Puts the bearer token on requests to one origin; to any other it refuses to let the request leave."""

    def __init__(self, credential: Credential, url: str) -> None:
        """Take the run's credential; `used` is the token that went along last."""
        self._credential = credential
        self._origin, self._ours = _origin(url), url
        self.used: str | None = None

    async def signed(self, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Give the headers of a request for our origin with the token among them."""
        if not (url == self._ours or url.startswith((f"{self._ours}/", f"{self._ours}?"))) and (
            _origin(url) != self._origin
        ):
            raise BrokenAssumption(f"a request was about to leave for {_origin(url)[1]}, which is not the remote")
        self.used = await self._credential.bearer()
        return headers if self.used is None else {**headers, "Authorization": f"Bearer {self.used}"}

    async def fresh(self) -> None:
        """Renew what is due, outside the time that an answer may take."""
        await self._credential.bearer()

    def accepted(self) -> None:
        """Hear that the remote has taken the token that went along last."""
        self._credential.accepted(self.used)

    async def renewed(self, refused: str | None) -> bool:
        """Tell whether there is another token than the one that was refused."""
        return refused is not None and await self._credential.renewed(refused)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Give scheme, host and port, as RFC 6454 compares them."""
    parts = urlsplit(url)
    try:
        return parts.scheme, parts.hostname, parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return parts.scheme, None, None
