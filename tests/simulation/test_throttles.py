"""How much of a throttle's quota a run uses, and how often it is refused: the real gate, in virtual time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from copy import deepcopy
from itertools import pairwise
from random import Random
from typing import Protocol

import pytest
from kit import Events
from msgspec import Struct, field
from msgspec.structs import replace
from virtual import DAWN, VirtualLoop, run_virtual

from syncjob.exchange import World
from syncjob.exchange.gate import TOO_MANY, Gate
from syncjob.model import Answer, Heard
from syncjob.settings import Limits

WORKERS = 16
PAGES, PLANNING_S = 3, 1.5  # the listing first, and then a while without a request
TAKEN = Answer(Heard.ANSWERED, 200)


def refusal(wait_s: float | None) -> Answer:
    """Give a 429 that asks to wait so long, or says nothing of it."""
    return Answer(Heard.ANSWERED, TOO_MANY, retry_after_s=wait_s)


class Throttle(Protocol):
    """What takes requests or refuses them; `per_s` is what it bears for long."""

    @property
    def per_s(self) -> float:
        """Requests a second."""

    def answer(self, now: float) -> Answer:
        """Give the answer to a request that arrives now."""


class Window(Struct):
    """So many in so many seconds from the first on; asks to wait a whole window, its rest, or says nothing of it."""

    quota: int
    seconds: float
    says: str = "whole"
    began: float = -1e9
    seen: int = 0

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.quota / self.seconds

    def answer(self, now: float) -> Answer:
        """Give the answer to a request that arrives now."""
        if now - self.began >= self.seconds:
            self.began, self.seen = now, 0
        self.seen += 1
        if self.seen <= self.quota:
            return TAKEN
        rest = float(int(self.began + self.seconds - now) + 1)
        return refusal({"whole": self.seconds, "rest": rest}.get(self.says))


class Sliding(Struct):
    """So many in the last so many seconds."""

    quota: int
    seconds: float
    seen: deque[float] = field(default_factory=deque)

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return self.quota / self.seconds

    def answer(self, now: float) -> Answer:
        """Give the answer to a request that arrives now."""
        while self.seen and self.seen[0] <= now - self.seconds:
            self.seen.popleft()
        if len(self.seen) >= self.quota:
            return refusal(float(int(self.seen[0] + self.seconds - now) + 1))
        self.seen.append(now)
        return TAKEN


class Bucket(Struct):
    """So many a second, and as many at once as were saved up."""

    per_s: float
    most: float
    left: float = 0
    at: float = 0

    def answer(self, now: float) -> Answer:
        """Give the answer to a request that arrives now."""
        self.left, self.at = min(self.most, self.left + (now - self.at) * self.per_s), now
        if self.left < 1:
            return refusal(1.0)
        self.left -= 1
        return TAKEN


class Night(Struct):
    """A run against a throttle: what it uses of it at least, and how much of what it sends is refused at most.

    An answer takes `latency_s`, a page `page_s` more; a timer is late by up to `late_s`. `learned` is the rate of the
    night before, in requests a second.
    """

    throttle: Throttle
    rows: int
    used: float
    refused: float
    latency_s: float = 0.002
    page_s: float = 0.0
    late_s: float = 0.002
    learned: float | None = None


class Seen(Struct):
    """When requests left, when they were taken, and from when to when nobody was to ask."""

    sent: list[float] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    shut: list[tuple[float, float]] = field(default_factory=list)


class Client:
    """One connection to a remote that throttles, and takes so long to answer."""

    token = None

    def __init__(self, throttle: Throttle, latency_s: float, seen: Seen) -> None:
        """Note in `seen` what passes."""
        self._throttle, self._latency_s, self._seen = throttle, latency_s, seen

    async def ask(self, more_s: float = 0.0) -> Answer:
        """Ask once; half the latency on the way there, half on the way back."""
        time, seen = asyncio.get_running_loop().time, self._seen
        seen.sent.append(time())
        await asyncio.sleep(self._latency_s / 2)
        answer = self._throttle.answer(time())
        await asyncio.sleep(self._latency_s / 2 + more_s)
        if answer is TAKEN:
            seen.taken.append(time())
        elif answer.retry_after_s is not None:
            seen.shut.append((time(), time() + answer.retry_after_s))
        return answer

    def accepted(self) -> None:
        """There is no token."""


def patching(night: Night) -> Seen:
    """Read a few pages, plan, and send every row until it was taken; give what was seen of the patches."""

    async def story(loop: VirtualLoop) -> Seen:
        seen, throttle = Seen(), deepcopy(night.throttle)
        clients = [Client(throttle, night.latency_s, seen) for _ in range(WORKERS)]
        gate = gate_of(clients, loop, night.late_s, night.learned, rows=night.rows)
        for _ in range(PAGES):
            await gate.once("GET", lambda client: client.ask(night.page_s))  # type: ignore[attr-defined]
        await asyncio.sleep(PLANNING_S)
        seen.sent, seen.taken = [], []
        left = iter(range(night.rows))

        async def work() -> None:
            for _ in left:
                while (await patch(gate)).status == TOO_MANY:
                    pass

        await asyncio.gather(*(work() for _ in clients))
        return seen

    return run_virtual(story)


def gate_of(
    clients: list[Client], loop: VirtualLoop, late_s: float = 0.0, learned: float | None = None, rows: int = 0
) -> Gate:
    """Give a gate in virtual time whose timers are late by up to so many seconds."""
    random = Random(1)
    world = World(lambda: DAWN, loop.time, _late(random, late_s), random)
    limits = Limits(retries_min=rows)
    return Gate(clients, limits, world, Events(), learned=learned)  # type: ignore[arg-type]  # readers as far as needed


def _late(random: Random, late_s: float) -> Callable[[float], Awaitable[None]]:
    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds + late_s * random.random())

    return sleep


async def patch(gate: Gate) -> Answer:
    """Send something once."""
    return await gate.once("PATCH", lambda client: client.ask())  # type: ignore[attr-defined]


NIGHTS = {
    "fifty a second": Night(Window(50, 1), 3_000, 0.94, 0.01),
    "fifty a second, for half a minute": Night(Window(50, 1), 1_500, 0.91, 0.02),
    "fifty a second, and no word of a wait": Night(Window(50, 1, ""), 2_000, 0.85, 0.02),
    "fifty a second, as was learnt": Night(Window(50, 1), 2_000, 0.94, 0.01, learned=49),
    "fifty a second, a tenth of it learnt": Night(Window(50, 1), 3_000, 0.53, 0.01, learned=5),
    "fifty a second, timers that are late": Night(Window(50, 1), 2_000, 0.82, 0.01, late_s=0.05),
    "ten a second": Night(Window(10, 1), 800, 0.93, 0.02),
    "two a second, after slow pages": Night(Window(2, 1), 200, 0.7, 0.08, page_s=3),
    "two hundred a second": Night(Window(200, 1), 5_000, 0.85, 0.007),
    "six hundred a minute, the rest of it to wait": Night(Window(600, 60, "rest"), 4_000, 0.97, 0.01),
    "three thousand a minute, a whole one to wait": Night(Window(3_000, 60), 7_000, 0.65, 0.004),
    "fifty in the last second": Night(Sliding(50, 1), 3_000, 0.92, 0.01),
    "five hundred in the last ten": Night(Sliding(500, 10), 4_000, 0.87, 0.01),
    "a bucket of one second": Night(Bucket(50, 50), 2_000, 0.97, 0.01),
    "a bucket that was full for long": Night(Bucket(10, 500), 2_000, 0.97, 0.02),
    "a bucket that holds next to nothing": Night(Bucket(50, 5), 2_000, 0.45, 0.005),
}


@pytest.mark.parametrize("name", NIGHTS)
@pytest.mark.parametrize("latency_s", [0.002, pytest.param(0.05, marks=pytest.mark.long)])
def test_a_quota_is_used_and_hardly_overdrawn(name: str, latency_s: float) -> None:
    """Whichever way it counts: most of it is used, and after a refusal was heard nothing leaves before its time."""
    night = replace(NIGHTS[name], latency_s=latency_s)
    seen = patching(night)
    assert len(seen.taken) == night.rows
    assert night.rows / (seen.taken[-1] - seen.sent[0]) / night.throttle.per_s >= night.used
    assert 1 - night.rows / len(seen.sent) <= night.refused
    for heard, opens in seen.shut:
        assert not [at for at in seen.sent if heard < at < opens]


def test_a_moment_of_a_busy_machine_is_no_burst() -> None:
    """Half a second late once: of the 25 requests that were due meanwhile two leave at once, the rest as before."""

    async def story(loop: VirtualLoop) -> list[float]:
        seen = Seen()
        gate = gate_of([Client(Bucket(1e6, 1e6), 0.001, seen) for _ in range(WORKERS)], loop, learned=50 / 0.95)
        slept, calm = 0, gate.world.sleep

        async def sleep(seconds: float) -> None:
            nonlocal slept
            slept += 1
            await calm(seconds + 0.5 * (slept == 20))

        gate.world = replace(gate.world, sleep=sleep)
        await asyncio.gather(*(patch(gate) for _ in range(100)))
        return seen.sent

    sent = run_virtual(story)
    gaps = [after - before for before, after in pairwise(sent)]
    assert max(gaps) > 0.5
    assert sum(gap < 0.01 for gap in gaps) <= 2


def test_where_only_the_width_limits_nobody_waits_a_turn() -> None:
    """Sixteen leave in one moment, and the next as soon as one of them is back."""

    async def story(loop: VirtualLoop) -> list[float]:
        seen = Seen()
        gate = gate_of([Client(Bucket(1e6, 1e6), 1.0, seen) for _ in range(WORKERS)], loop)
        gate.pace.rate.per_s = None
        await asyncio.gather(*(patch(gate) for _ in range(3 * WORKERS)))
        return seen.sent

    assert run_virtual(story) == [0.0] * WORKERS + [1.0] * WORKERS + [2.0] * WORKERS


def test_a_round_that_is_refused_without_a_word_is_one_backoff() -> None:
    """Sixteen refusals of what flew together, none with a Retry-After: a second of waiting, not the longest wait."""

    async def story(loop: VirtualLoop) -> tuple[int, float]:
        gate = gate_of([Client(Window(0, 1, ""), 0.5, Seen()) for _ in range(WORKERS)], loop)
        await asyncio.gather(*(patch(gate) for _ in range(WORKERS)))
        return gate.pace.refusals, gate.pace.shut_until - loop.time()

    refusals, wait_s = run_virtual(story)
    assert refusals == 1
    assert 0 < wait_s <= Limits().wait_initial_s


def test_who_is_cancelled_while_queueing_for_a_turn_holds_up_nobody() -> None:
    """Ten wait their turn at one a second; those in the middle are called off, and the others go on in time."""

    async def story(loop: VirtualLoop) -> tuple[int, float]:
        seen = Seen()
        gate = gate_of([Client(Bucket(1e6, 1e6), 0.001, seen) for _ in range(WORKERS)], loop, learned=1)
        tasks = [asyncio.create_task(patch(gate)) for _ in range(10)]
        await asyncio.sleep(1.5)
        for task in tasks[2:8]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert len(gate._idle) == WORKERS
        return sum(isinstance(one, Answer) for one in done), loop.time()

    went, ended_at = run_virtual(story)
    assert went == 4
    assert ended_at < 6
