"""Time, chance, sleep and the log, as they are handed in from above."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from random import Random
from typing import Any, Protocol

from msgspec import Struct


class Log(Protocol):
    """Where events go: names and outcomes, never values of private fields, never tokens."""

    def info(self, event: str, **facts: Any) -> Any:
        """Note an event, named noun.past_participle."""

    def warning(self, event: str, **facts: Any) -> Any:
        """Note an event that somebody may want to look into."""


class World(Struct, frozen=True):
    """Time, chance and sleep, handed in: one seed replays a bad day."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Random

    def mark(self) -> str:
        """Give a fresh GUID for a header."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
