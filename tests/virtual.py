"""An event loop whose time jumps: when nothing is ready it is at once as late as the next timer wants.

A day with waits of minutes takes milliseconds, and the same seed takes the same turns. Nothing here may wait for
the real world: a loop with no timer and nothing ready would wait for ever, so it says so.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from syncjob.exchange import World

Result = TypeVar("Result")
DAWN = datetime(2026, 11, 2, 2, 0, tzinfo=UTC)


class _Jumping(selectors.DefaultSelector):
    """A selector that never waits: it lets the time pass instead."""

    def __init__(self, passed_s: float) -> None:
        super().__init__()
        self.passed_s = passed_s

    def select(self, timeout: float | None = None) -> list[Any]:
        """Let the time pass that would have been waited."""
        found = super().select(0)
        if not found:
            assert timeout is not None, "nothing is ready and no timer is set: this loop would wait for ever"
            self.passed_s += max(0.0, timeout)
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that lives in virtual seconds since `DAWN`."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._jumping = _Jumping(start_s)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Virtual seconds."""
        return self._jumping.passed_s


def run_virtual(story: Callable[[VirtualLoop], Coroutine[Any, Any, Result]]) -> Result:
    """Run a story to its end in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(story(loop))
    finally:
        bury(loop)


def bury(loop: VirtualLoop) -> None:
    """End what still runs on a loop, and the loop."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def world_of(loop: VirtualLoop, random: Random) -> World:
    """A world whose clock, sleep and chance belong to the simulation."""
    return World(lambda: DAWN + timedelta(seconds=loop.time()), loop.time, asyncio.sleep, random)
