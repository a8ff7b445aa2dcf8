"""A sign-in as it is kept between runs: text in a store, a `Kept` here."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from syncjob.errors import UsageRefused


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
    """Read what was written down; UsageRefused where it is something else."""
    try:
        found: Any = json.loads(text)
        kept = Kept(**found)
        assert isinstance(kept.current, str), "a text"
        assert isinstance(kept.previous, str), "a text"
        return Kept(kept.current, kept.previous, float(kept.used_at), float(kept.begun_at))
    except (ValueError, TypeError, AssertionError):
        raise UsageRefused(f"{place}: holds no sign-in of syncjob's; sign in again: syncjob login") from None
