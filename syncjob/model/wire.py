"""What came back of a request, and JSON as we write it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Heard(StrEnum):
    """What is known of a request when no answer can be read."""

    UNSENT = "unsent"
    LOST = "lost"
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one request; `status` is None unless it was answered.

    `code` is the error code of the body, `retry_after_s` what the header asked, `note` our words on what
    went wrong below HTTP, `date` the server's moment. `message` is the server's own and may hold anything: show it,
    never log it.
    """

    heard: Heard
    status: int | None = None
    body: Any = None
    code: str = ""
    message: str = ""
    note: str = ""
    request_id: str = ""
    retry_after_s: float | None = None
    date: datetime | None = None


def dumps(value: Any) -> str:
    """Write JSON on one line; a Decimal becomes the plain string of its digits, half a surrogate its escape."""
    text = _encoded(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), default=_plain)
    return text


def _plain(value: object) -> str:
    assert isinstance(value, Decimal), f"not a JSON value: {type(value).__name__}"
    return format(value, "f")


_encoded = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain).encode  # made once
