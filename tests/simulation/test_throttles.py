"""How much of a throttle's quota a run uses, and how often it is refused: the real gate, in virtual time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from copy import deepcopy
from random import Random
from typing import Protocol

import pytest
from kit import Events
from msgspec import Struct, field
from virtual import DAWN, VirtualLoop, run_virtual

from syncjob.exchange import World
from syncjob.exchange.gate import Gate
from syncjob.model import Answer, Heard
from syncjob.settings import Limits

WORKERS = 16
PAGES, PLANNING_S = 3, 1.5  # the listing first, and then a while without a request
LATE_S = 0.002  # timers are late by as much


class Throttle(Protocol):
    """What lets requests pass, or says in how many seconds to ask again; `per_s` is what it bears for long."""

    @property
    def per_s(self) -> float:
        """Requests a second."""

    def refuses(self, now: float) -> float | None:
        """Give the seconds to wait; None lets it pass."""


class Window(Struct):
    """So many in so many seconds from the first on; tells to wait a whole window, or until this one is over."""

    quota: int
    seconds: float
    rest: bool = False
    began: float = -1e9
    seen: int = 0

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.quota / self.seconds

    def refuses(self, now: float) -> float | None:
        """Give the seconds to wait; None lets it pass."""
        if now - self.began >= self.seconds:
            self.began, self.seen = now, 0
        self.seen += 1
        if self.seen <= self.quota:
            return None
        return float(int(self.began + self.seconds - now) + 1) if self.rest else self.seconds


class Sliding(Struct):
    """So many in the last so many seconds."""

    quota: int
    seconds: float
    seen: deque[float] = field(default_factory=deque)

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.quota / self.seconds

    def refuses(self, now: float) -> float | None:
        """Give the seconds to wait; None lets it pass."""
        while self.seen and self.seen[0] <= now - self.seconds:
            self.seen.popleft()
        if len(self.seen) >= self.quota:
            return float(int(self.seen[0] + self.seconds - now) + 1)
        self.seen.append(now)
        return None


class Bucket(Struct):
    """So many a second, and as many at once as were saved up."""

    per_s: float
    most: float
    left: float = 0
    at: float = 0

    def refuses(self, now: float) -> float | None:
        """Give the second to wait; None lets it pass."""
        self.left, self.at = min(self.most, self.left + (now - self.at) * self.per_s), now
        if self.left < 1:
            return 1.0
        self.left -= 1
        return None


class Client:
    """One connection to a remote that throttles, and takes so long to answer."""

    token = None

    def __init__(self, throttle: Throttle, latency_s: float, seen: Seen) -> None:
        """Note in `seen` what passes."""
        self._throttle, self._latency_s, self._seen = throttle, latency_s, seen

    async def ask(self) -> Answer:
        """Ask once; half the latency on the way there, half on the way back."""
        time = asyncio.get_running_loop().time
        self._seen.sent.append(time())
        await asyncio.sleep(self._latency_s / 2)
        wait_s = self._throttle.refuses(time())
        await asyncio.sleep(self._latency_s / 2)
        if wait_s is None:
            self._seen.taken.append(time())
            return Answer(Heard.ANSWERED, 200)
        self._seen.shut.append((time(), time() + wait_s))
        return Answer(Heard.ANSWERED, 429, retry_after_s=wait_s)

    def accepted(self) -> None:
        """There is no token."""


class Seen(Struct):
    """When requests left, when they were taken, and from when to when nobody was to ask."""

    sent: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    shut: list[tuple[float, float]] = field(default_factory=list)


def patching(throttle: Throttle, rows: int, latency_s: float) -> Seen:
    """Read a few pages, plan, and send so many rows until each was taken; give what was seen of the patches."""

    async def story(loop: VirtualLoop) -> Seen:
        random, seen = Random(rows), Seen()
        world = World(lambda: DAWN, loop.time, _late(random), random)
        clients = [Client(throttle, latency_s, seen) for _ in range(WORKERS)]
        gate = Gate(clients, Limits(retries_min=rows), world, Events())  # type: ignore[arg-type]  # as much as it needs
        for _ in range(PAGES):
            await gate.once("GET", lambda client: client.ask())  # type: ignore[attr-defined]
        await asyncio.sleep(PLANNING_S)
        seen.sent, seen.taken = [], []
        left = iter(range(rows))

        async def work() -> None:
            for _ in left:
                while (await gate.once("PATCH", lambda client: client.ask())).status != 200:  # type: ignore[attr-defined]
                    pass

        await asyncio.gather(*(work() for _ in clients))
        return seen

    return run_virtual(story)


def _late(random: Random) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds + LATE_S * random.random())

    return sleep


KINDS: dict[str, tuple[Throttle, int, float, float]] = {
    "fifty a second": (Window(50, 1), 3_000, 0.94, 0.01),
    "fifty a second, for half a minute": (Window(50, 1), 1_500, 0.91, 0.02),
    "ten a second": (Window(10, 1), 800, 0.94, 0.02),
    "two hundred a second": (Window(200, 1), 5_000, 0.87, 0.007),
    "six hundred a minute, the rest of it to wait": (Window(600, 60, rest=True), 4_000, 0.97, 0.01),
    "three thousand a minute, a whole one to wait": (Window(3_000, 60), 7_000, 0.65, 0.004),
    "fifty in the last second": (Sliding(50, 1), 3_000, 0.92, 0.01),
    "five hundred in the last ten": (Sliding(500, 10), 4_000, 0.87, 0.01),
    "a bucket of one second": (Bucket(50, 50), 2_000, 0.97, 0.01),
    "a bucket that was full for long": (Bucket(10, 500), 2_000, 0.97, 0.02),
    "a bucket that holds next to nothing": (Bucket(50, 5), 2_000, 0.45, 0.005),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("latency_s", [0.002, 0.05])
def test_a_quota_is_used_and_hardly_overdrawn(kind: str, latency_s: float) -> None:
    """Whichever way it counts: most of it is used, and after a refusal was heard nothing leaves before its time."""
    throttle, rows, used_min, refused_max = KINDS[kind]
    seen = patching(deepcopy(throttle), rows, latency_s)
    assert len(seen.taken) == rows
    assert rows / (seen.taken[-1] - seen.sent[0]) / throttle.per_s >= used_min
    assert 1 - rows / len(seen.sent) <= refused_max
    for heard, opens in seen.shut:
        assert not [at for at in seen.sent if heard < at < opens]
