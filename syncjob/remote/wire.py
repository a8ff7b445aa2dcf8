"""One request on its way: what a wire is asked for, what it gives back, and the two ways in which it can fail.

Which of the two it was decides whether a PATCH may be sent again unseen, so each wire says exactly how it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

ANSWER_BYTES_MAX = 5 * 1024 * 1024


class Reply(Struct, frozen=True):
    """What came back: `headers` are asked for by their names in small letters; `content` is whole, and as it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Unsent(Exception):
    """No byte has left: there was no connection."""


class Lost(Exception):
    """A byte may have left, and no answer can be read: nobody knows what the remote did."""


class Wire(Protocol):
    """A connection for one request at a time. It follows no redirect, keeps no cookie and asks once."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> Reply:
        """Send a request; Unsent or Lost where no answer comes of it. It waits as long as it is let."""

    async def close(self) -> None:
        """Close the connection."""


def check_encoding(headers: Mapping[str, str]) -> None:
    """Refuse an answer in another coding than was asked for."""
    if headers.get("content-encoding", "identity") != "identity":
        raise Lost("it is compressed, which was not asked for")


def check_size(size: int) -> None:
    """Refuse an answer without an end."""
    if size > ANSWER_BYTES_MAX:
        raise Lost(f"it is larger than {ANSWER_BYTES_MAX} bytes")
