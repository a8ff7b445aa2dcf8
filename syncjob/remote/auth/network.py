"""What MSAL asks through: our own TLS and proxy, nothing of the environment, and one host alone.

MSAL speaks https only. An Entra ID that stands on this machine, the sandbox's, is asked by plain http.
"""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from syncjob.errors import BrokenAssumption, RemoteUnavailable

ANSWER_S = 30.0
OUT_OF_ORDER = (407, 408, 429)
SERVER_ERRORS = 500


class Network:
    """The HTTP client that MSAL is given (its `http_client`): `get`, `post` and `close`."""

    def __init__(self, authority: str, tls: ssl.SSLContext, *, proxy: str | None = None) -> None:
        """Ask this authority and no other host."""
        self._url = httpx.URL(authority)
        self._client = httpx.Client(
            verify=tls,
            timeout=ANSWER_S,
            trust_env=proxy == "env",
            proxy=None if proxy == "env" else proxy,
            follow_redirects=False,
        )

    def get(self, url: str, *, params: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        """Ask."""
        return _sound(self._client.get(self._own(url), params=params, headers=headers))

    def post(self, url: str, *, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        """Ask with a form; an assertion comes as bytes, which httpx would send as Python writes them."""
        form = {name: one.decode("ascii") if isinstance(one, bytes) else one for name, one in (data or {}).items()}
        return _sound(self._client.post(self._own(url), params=params, data=form, headers=headers))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _own(self, url: str) -> httpx.URL:
        asked = httpx.URL(url)
        if asked.host != self._url.host:
            raise BrokenAssumption(f"a sign-in was about to leave for {asked.host}, which is not remote.auth.authority")
        return asked.copy_with(scheme=self._url.scheme, port=self._url.port)


def _sound(response: httpx.Response) -> httpx.Response:
    """Give an answer that Entra ID can have meant; what a gateway wrote, or Entra ID out of order, is no refusal."""
    kind = response.headers.get("content-type", "")
    if response.status_code in OUT_OF_ORDER or response.status_code >= SERVER_ERRORS or "json" not in kind:
        host = response.request.url.host
        raise RemoteUnavailable(
            f"the sign-in at {host} is out of order (status {response.status_code}); it is safe to run again"
        )
    return response
