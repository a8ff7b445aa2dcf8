"""The access token: where it comes from, and that it goes nowhere but to the configured origin."""

from __future__ import annotations

import base64
import json
from collections.abc import Generator, Mapping
from typing import Any

import httpx

from syncjob.errors import BrokenAssumption, SignInNeeded
from syncjob.settings import Remote

JWT_PARTS = 3
USERS = ("upn", "preferred_username", "unique_name", "oid", "sub")


class Token(httpx.Auth):
    """Puts the bearer token on requests to one origin; to any other it refuses to let the request leave."""

    def __init__(self, token: str | None, url: httpx.URL) -> None:
        """Take the token, None for a sandbox that asks for none."""
        self._token = token
        self._origin = (url.scheme, url.host, url.port)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request for our origin (the contract of `httpx.Auth`)."""
        if (request.url.scheme, request.url.host, request.url.port) != self._origin:
            raise BrokenAssumption(f"a request was about to leave for {request.url.host}, which is not the remote")
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def claims_of(token: str | None) -> Mapping[str, Any]:
    """Read what a token says of itself (RFC 7519), unverified: it is shown, and never decides anything."""
    parts = (token or "").split(".")
    if len(parts) != JWT_PARTS:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def user_of(token: str | None) -> str:
    """Give the user whom a token was given to, by the first claim that says it."""
    claims = claims_of(token)
    return next((str(claims[name]) for name in USERS if claims.get(name)), "")


def token_of(remote: Remote, environ: Mapping[str, str]) -> str | None:
    """Give the access token, None where the configuration names none; SignInNeeded when it is missing or no token."""
    if remote.auth is None:
        return None
    name = remote.auth.token_env
    token = environ.get(name, "").strip()
    if not token:
        raise SignInNeeded(
            f"the environment variable {name} (remote.auth.token_env) holds no token; sign in and set it"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise SignInNeeded(f"the environment variable {name} holds something that is no token; set the bare token")
    return token
