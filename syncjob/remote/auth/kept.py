"""A sign-in as it is kept between runs: text in a store, a `Kept` here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from syncjob.errors import SignInNeeded


@dataclass(frozen=True, slots=True)
class Kept:
    """A sign-in: MSAL's cache of it now and before, and when (seconds since 1970) it was used and begun last."""

    current: str = field(repr=False)
    previous: str = field(repr=False, default="")
    used_at: float = 0.0
    begun_at: float = 0.0

    def text(self) -> str:
        """Write it down."""
        return json.dumps({name: getattr(self, name) for name in ("current", "previous", "used_at", "begun_at")})


def read(text: str, place: str) -> Kept:
    """Read what was written down; SignInNeeded where it is something else."""
    try:
        found: Any = json.loads(text)
        current, previous = found["current"], found.get("previous", "")
        if isinstance(current, str) and isinstance(previous, str):
            return Kept(current, previous, float(found.get("used_at", 0)), float(found.get("begun_at", 0)))
    except (ValueError, TypeError, KeyError, AttributeError):
        pass  # as below
    raise SignInNeeded(f"{place}: holds no sign-in of syncjob's; sign in again: syncjob login")
