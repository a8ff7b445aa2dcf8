"""One gate for all workers of a run: when a request may leave, and whether one more try is affordable.

The pace narrows when the remote refuses and widens when it answers; while Retry-After runs nobody passes. The budget
of retries is one for the whole run, so that an outage is not amplified. `over` says that asking has become useless.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from syncjob.core import retry
from syncjob.core.pace import Budget, Pace, Rate, backoff_s
from syncjob.core.retry import Next
from syncjob.errors import RemoteUnavailable, SignInNeeded, SyncjobError
from syncjob.exchange.world import Log, World
from syncjob.model import Answer, Cause, Heard
from syncjob.remote import Reader
from syncjob.settings import Limits

TOO_MANY = 429
UNAUTHORIZED = 401
NO_FACTOR = "900421"  # another token of the same sign-in would show no second factor either
BUSY = (TOO_MANY, 503)
SERVER_ERRORS = 500
REFUSED_MAX_S = 600.0  # so long one is told to wait, again and again, without one good answer in between
REDIRECTS = 300


class Over(Struct):
    """Why asking has ended: the cause that rows settle with and the error that ends the run."""

    cause: Cause
    error: SyncjobError


@dataclass(slots=True)
class Gate:
    """What all workers of a run pass through.

    `requests` counts what left, by method; `until` is a monotonic moment after which nothing new begins. `learned` is
    the rate that an earlier run has learnt, in requests a second.
    """

    clients: Sequence[Reader]
    limits: Limits
    world: World
    log: Log
    rows: int = 0
    until: float | None = None
    learned: float | None = None
    requests: Counter[str] = field(default_factory=Counter)
    over: Over | None = None
    pace: Pace = field(init=False)
    budget: Budget = field(init=False)
    welcome: bool = False
    refused_since: float | None = None
    _idle: list[Reader] = field(default_factory=list)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    _turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Start with every connection idle, the gate open and the budget full."""
        self._idle = list(self.clients)
        self.pace = Pace(most=len(self.clients), rate=Rate.learned(self.learned))
        self.budget = Budget(most=self.limits.retries_min + self.limits.retries_share * self.rows)

    async def once(self, method: str, call: Callable[[Reader], Awaitable[Answer]]) -> Answer:
        """Make one request when gate and width let it; where the token is refused, once more with another one.

        A request without a good token has done nothing. Once asking has ended nothing is written any more, and nothing
        at all while the remote wants to be left alone for longer than anybody waits: such a request stays *unsent*.
        """
        answer, again = await self._sent(method, call)
        return (await self._sent(method, call))[0] if again else answer

    async def _sent(self, method: str, call: Callable[[Reader], Awaitable[Answer]]) -> tuple[Answer, bool]:
        """Give what was heard, and whether it is worth another try under another token; the pace learns from it."""
        client = await self._place()
        if self.until is not None and self.world.monotonic() >= self.until:
            self.end(Cause.TIME_UP, RemoteUnavailable("the run's time is up (limits.duration_max, --max-duration)"))
        if client is None or (self.over is not None and method != "GET"):
            self._leave(client)
            return Answer(Heard.UNSENT, note="asking has ended"), False
        sent_at = self.world.monotonic()
        try:
            self.requests[method] += 1
            answer = await call(client)
            if answer.heard is Heard.ANSWERED and answer.status != UNAUTHORIZED:
                client.accepted()
            again = answer.status == UNAUTHORIZED and answer.code != NO_FACTOR and await client.renewed(client.token)
        except SignInNeeded as error:
            self.end(Cause.SIGN_IN, error)
            return Answer(Heard.UNSENT, note=str(error)), False
        except RemoteUnavailable as error:
            return Answer(Heard.UNSENT, note=str(error)), False
        finally:
            self._leave(client)
        self._learn(answer, sent_at)
        return answer, again

    async def pause(self, attempt: int, answer: Answer, *, must: bool = False) -> bool:
        """Wait before the next try; False when the budget has none left. The gate's wait is the gate's.

        A `must` goes on with an empty budget, but nothing new begins then: looking through an outage is a load too.
        """
        if not self.budget.spend():
            self.end(Cause.BUDGET_SPENT, RemoteUnavailable(f"the budget for retries is spent; last: {said(answer)}"))
            if not must:
                return False
        if retry.after(answer) is not Next.GATE:
            limits, chance = self.limits, self.world.random.random()
            await self.world.sleep(backoff_s(attempt, limits.wait_initial_s, limits.wait_max_s, chance))
        return True

    def end(self, cause: Cause, error: SyncjobError) -> None:
        """End all asking, unless it has ended already: the first reason counts."""
        if self.over is None:
            self.over = Over(cause, error)
            self.log.warning("exchange.ended", cause=cause)

    async def _place(self) -> Reader | None:
        """Wait for an open gate and a free place within the width; None where the gate stays shut for too long."""
        while True:
            wait_s = self.pace.wait_s(self.world.monotonic())
            if wait_s > self.limits.retry_after_max_s:
                return None
            if wait_s > 0:
                await self.world.sleep(wait_s)
            elif len(self.clients) - len(self._idle) < self.pace.allowed:
                client, ready = self._idle.pop(), False
                try:
                    ready = await self._turn()
                finally:
                    if not ready:
                        self._leave(client)
                if ready:
                    return client
            else:
                self._freed.clear()
                await self._freed.wait()

    async def _turn(self) -> bool:
        """Wait for a slot of the rate; False where the gate was shut meanwhile.

        A worker takes its slot only when the one before it has left: slots that were given ahead would all leave at
        once after a moment in which the machine was busy.
        """
        shut_until = self.pace.shut_until
        if self.pace.rate.per_s is None:  # the width alone limits: the slot is now
            self.pace.rate.slot_s(self.world.monotonic())
            return True
        async with self._turns:
            if self.pace.shut_until == shut_until:
                wait_s = self.pace.rate.slot_s(self.world.monotonic())
                if wait_s > 0:
                    await self.world.sleep(wait_s)
        return self.pace.shut_until == shut_until

    def _leave(self, client: Reader | None) -> None:
        if client is not None:
            self._idle.append(client)
            self._freed.set()

    def _learn(self, answer: Answer, sent_at: float) -> None:
        status = answer.status or 0
        if status in BUSY:
            self._narrow(answer, sent_at)
        elif answer.heard is Heard.ANSWERED and status < SERVER_ERRORS:
            self.refused_since = None
            self.pace.answered(self.world.monotonic())
            self.budget.earn()
            self.welcome = self.welcome or status < REDIRECTS

    def _narrow(self, answer: Answer, sent_at: float) -> None:
        """Shut the gate for as long as the remote asks; a 429 that names no time is answered with a backoff."""
        wait_s = answer.retry_after_s
        if wait_s is None:
            chance = 0.5 + self.world.random.random() / 2
            attempt = max(1, self.pace.refusals + self.pace.is_news(sent_at))
            backoff = backoff_s(attempt, self.limits.wait_initial_s, self.limits.wait_max_s, chance)
            wait_s = backoff if answer.status == TOO_MANY else 0.0
        if wait_s > self.limits.retry_after_max_s:
            words = f"the remote asks to wait {wait_s:.0f} s, longer than limits.retry_after_max_s"
            self.end(Cause.REMOTE_UNAVAILABLE, RemoteUnavailable(words))
        since = self.refused_since = self.world.monotonic() if self.refused_since is None else self.refused_since
        if self.world.monotonic() + wait_s - since > REFUSED_MAX_S:
            words = f"the remote has refused every request for {REFUSED_MAX_S / 60:.0f} minutes; run again later"
            self.end(Cause.REMOTE_UNAVAILABLE, RemoteUnavailable(words))
        self.pace.refused(self.world.monotonic(), wait_s, sent_at, too_many=answer.status == TOO_MANY)
        rate = None if self.pace.rate.per_s is None else round(self.pace.rate.per_s, 1)
        self.log.info("gate.shut", status=answer.status, wait_s=round(wait_s, 3), width=self.pace.allowed, per_s=rate)


def said(answer: Answer) -> str:
    """Put an answer into words for a person: status, code and the server's own sentence."""
    if answer.heard is not Heard.ANSWERED:
        return answer.note or "no answer"
    parts = [f"status {answer.status}", answer.code, answer.message, answer.note]
    return ", ".join(part for part in parts if part)
