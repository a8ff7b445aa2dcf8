"""A dead man's switch is told that a run begins and how it ended (healthchecks.io's form): URL/start, URL/CODE."""

from __future__ import annotations

import httpx

PING_S = 5.0


def ping(address: str, tail: str) -> str:
    """Tell it; give why it could not be told, '' where it was. The address is never part of that."""
    try:
        answer = httpx.get(f"{address.rstrip('/')}/{tail}", timeout=PING_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"no answer ({type(error).__name__})"
    return "" if answer.is_success else f"status {answer.status_code}"
