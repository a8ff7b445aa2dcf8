"""One question, asked until it is answered: the gate, the width, the budget and the waits stand here and nowhere else.

Below `apply` and beside nothing: reading before a plan and looking again during an apply are the same act, so both
floors above share this one. Transports never try again; this is the one layer that does. A reading exchange is
made of `Reader`s and has no way to write; `Sender` adds the one call that can.

When asking has become useless (nobody signed in, the remote gone, the budget spent, a rule of HTTP broken), `over`
says so, and whoever comes next is answered with it instead of a request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any, Protocol

from syncjob.core import retry
from syncjob.core.pace import Budget, Pace, backoff_s
from syncjob.core.retry import Next
from syncjob.errors import BrokenAssumption, RemoteUnavailable, SignInNeeded, SyncjobError
from syncjob.model import Answer, Cause, Heard, Observed, Operation
from syncjob.remote import Pages, Reader, Writer
from syncjob.settings import Limits

FORBIDDEN_MAX = 3
TOO_MANY = 429
BUSY = (TOO_MANY, 503)
SERVER_ERRORS = 500
REDIRECTS = 300
SIGN_IN = "the remote does not accept the token: sign in again and renew it"
MFA = (
    "the token shows no multi-factor sign-in (900421): a person must sign in interactively once; passwords do not work"
)
NO_ROLE = "the account may touch no referral: it needs the role Referral Admin or Referral User in Partner Center"


class Log(Protocol):
    """Where events go: names and outcomes, never values of private fields, never tokens."""

    def info(self, event: str, **facts: Any) -> Any:
        """Note an event, named noun.past_participle."""

    def warning(self, event: str, **facts: Any) -> Any:
        """Note an event that somebody may want to look into."""


@dataclass(frozen=True, slots=True)
class World:
    """Time, chance and sleep, handed in: one seed replays a bad day."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Random

    def mark(self) -> str:
        """Give a fresh GUID for a header."""
        digits = f"{self.random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@dataclass(frozen=True, slots=True)
class Miss:
    """A referral that could not be read, and why."""

    cause: Cause
    reason: str
    request_id: str = ""


@dataclass(slots=True)
class Over:
    """Why asking has ended: the cause that rows settle with and the error that ends the run."""

    cause: Cause
    error: SyncjobError


@dataclass(slots=True)
class Exchange:
    """The way to the remote for all workers of a run; it can only read."""

    clients: Sequence[Reader]
    limits: Limits
    world: World
    log: Log
    rows: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    over: Over | None = None
    pace: Pace = field(init=False)
    budget: Budget = field(init=False)
    _idle: list[Reader] = field(default_factory=list)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)
    _forbidden: set[str] = field(default_factory=set)
    _welcome: bool = False

    def __post_init__(self) -> None:
        """Start with every connection idle, the gate open and the budget full."""
        self._idle = list(self.clients)
        self.pace = Pace(most=len(self.clients))
        self.budget = Budget(most=self.limits.retries_min + self.limits.retries_share * self.rows)

    async def read(self, referral: str, *, must: bool = False) -> Observed | Miss:
        """Read one referral; `must` is the look after a lost answer, which no budget denies."""
        answer = Answer(Heard.UNSENT)
        for attempt in range(1, self.limits.attempts_max + 1):
            if self.over is not None and not must:
                return Miss(self.over.cause, str(self.over.error))
            answer = await self.once("GET", lambda client: client.get(referral, self.world.mark()))
            what = retry.after_get(answer)
            if what is Next.DONE:
                seen = _observed(answer.body, referral)
                if seen is not None:
                    return seen
                answer = Answer(Heard.LOST, note="the answer is not the referral that was asked for")
            elif what not in (Next.AGAIN, Next.GATE, Next.LOCKED):
                return self.miss(what, answer, referral)
            if attempt < self.limits.attempts_max and not await self.pause(attempt, answer, must=must):
                break
        return self._unanswered(answer)

    async def listing(self, pages: Pages) -> AsyncIterator[list[Mapping[str, Any]]]:
        """Give the listing page by page; an error of the tree where a page cannot be had."""
        while (query := pages.query) is not None:
            yield pages.items((await self._page(query)).body)

    async def once(self, method: str, call: Callable[[Reader], Awaitable[Answer]]) -> Answer:
        """Make one request when gate and width let it; the pace learns from its answer."""
        client = await self._place()
        sent_at = self.world.monotonic()
        try:
            self.requests[method] += 1
            answer = await call(client)
        finally:
            self._idle.append(client)
            self._freed.set()
        self._learn(answer, sent_at)
        return answer

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

    def miss(self, what: Next, answer: Answer, referral: str) -> Miss:
        """Say why a request for one referral came to nothing for good; some reasons end all asking."""
        match what:
            case Next.GONE:
                reason = f"the remote has no referral {referral} (status {answer.status})"
                return Miss(Cause.NOT_FOUND, reason, answer.request_id)
            case Next.FORBIDDEN:
                if self._never_welcome(referral):
                    self.end(Cause.SIGN_IN, SignInNeeded(NO_ROLE))
                    return Miss(Cause.SIGN_IN, f"{NO_ROLE} ({said(answer)})", answer.request_id)
                reason = f"the account may not touch this referral: {said(answer)}"
                return Miss(Cause.FORBIDDEN, reason, answer.request_id)
            case Next.SIGN_IN:
                words = MFA if answer.code == "900421" else SIGN_IN
                self.end(Cause.SIGN_IN, SignInNeeded(f"{words} ({said(answer)})"))
                return Miss(Cause.SIGN_IN, words, answer.request_id)
            case Next.BROKEN:
                words = answer.note or f"an answer that cannot be: {said(answer)}"
                self.end(Cause.BROKEN, BrokenAssumption(words))
                return Miss(Cause.BROKEN, words, answer.request_id)
            case Next.STOP:
                self.end(Cause.REMOTE_UNAVAILABLE, RemoteUnavailable(f"the remote takes no more: {said(answer)}"))
                return Miss(Cause.REMOTE_UNAVAILABLE, said(answer), answer.request_id)
            case _:
                return Miss(Cause.REMOTE_REFUSED, f"the remote said no: {said(answer)}", answer.request_id)

    async def _page(self, query: str) -> Answer:
        answer = Answer(Heard.UNSENT)
        for attempt in range(1, self.limits.attempts_max + 1):
            answer = await self.once("GET", lambda client: client.page(query, self.world.mark()))
            what = retry.after_get(answer)
            if what is Next.DONE:
                return answer
            if what not in (Next.AGAIN, Next.GATE, Next.LOCKED):
                miss = self.miss(what, answer, "listing")
                raise self.over.error if self.over else RemoteUnavailable(f"the listing cannot be read: {miss.reason}")
            if attempt < self.limits.attempts_max and not await self.pause(attempt, answer):
                break
        raise RemoteUnavailable(f"the listing cannot be read: {said(answer)}")

    async def _place(self) -> Reader:
        """Wait for an open gate and a free place within the width."""
        while True:
            wait_s = self.pace.wait_s(self.world.monotonic())
            if wait_s > 0:
                await self.world.sleep(wait_s)
            elif len(self.clients) - len(self._idle) < self.pace.allowed:
                return self._idle.pop()
            else:
                self._freed.clear()
                await self._freed.wait()

    def _learn(self, answer: Answer, sent_at: float) -> None:
        status = answer.status or 0
        if status in BUSY:
            self._narrow(answer, sent_at)
        elif answer.heard is Heard.ANSWERED and status < SERVER_ERRORS:
            self.pace.answered()
            self.budget.earn()
            self._welcome = self._welcome or status < REDIRECTS

    def _narrow(self, answer: Answer, sent_at: float) -> None:
        """Shut the gate for as long as the remote asks; a 429 that names no time is answered with a backoff."""
        wait_s = answer.retry_after_s
        if wait_s is None:
            chance = 0.5 + self.world.random.random() / 2
            backoff = backoff_s(self.pace.refusals + 1, self.limits.wait_initial_s, self.limits.wait_max_s, chance)
            wait_s = backoff if answer.status == TOO_MANY else 0.0
        if wait_s > self.limits.retry_after_max_s:
            words = f"the remote asks to wait {wait_s:.0f} s, longer than limits.retry_after_max_s"
            self.end(Cause.REMOTE_UNAVAILABLE, RemoteUnavailable(words))
            return
        self.pace.refused(self.world.monotonic(), wait_s, sent_at)
        self.log.info("gate.shut", status=answer.status, wait_s=round(wait_s, 3), width=self.pace.allowed)

    def _unanswered(self, answer: Answer) -> Miss:
        if self.over is not None:
            return Miss(self.over.cause, str(self.over.error))
        return Miss(Cause.REMOTE_UNAVAILABLE, f"the remote gave no answer: {said(answer)}", answer.request_id)

    def _never_welcome(self, referral: str) -> bool:
        """Three referrals forbidden and none ever allowed: it is the account, not the referral."""
        self._forbidden.add(referral)
        return len(self._forbidden) >= FORBIDDEN_MAX and not self._welcome

    def end(self, cause: Cause, error: SyncjobError) -> None:
        """End all asking, unless it has ended already: the first reason counts."""
        if self.over is None:
            self.over = Over(cause, error)
            self.log.warning("exchange.ended", cause=cause)


class Sender(Exchange):
    """An exchange that can also patch; only `apply` is given one."""

    clients: Sequence[Writer]

    async def patch(
        self, referral: str, etag: str, operations: Sequence[Operation], mark: str, *, leaving: Callable[[], None]
    ) -> Answer:
        """Send a patch once, under its eTag; `leaving` is told when gate and width have let it go."""

        async def send(client: Reader) -> Answer:
            assert isinstance(client, Writer), "a sender is made of writers"
            leaving()
            return await client.patch(referral, etag, operations, mark)

        return await self.once("PATCH", send)


def said(answer: Answer) -> str:
    """Put an answer into words for a person: status, code and the server's own sentence."""
    if answer.heard is not Heard.ANSWERED:
        return answer.note or "no answer"
    parts = [f"status {answer.status}", answer.code, answer.message, answer.note]
    return ", ".join(part for part in parts if part)


def _observed(body: Any, referral: str) -> Observed | None:
    """Read a referral out of an answer; None when it is not the one that was asked for."""
    if not isinstance(body, Mapping) or str(body.get("id") or "").lower() != referral.lower():
        return None
    etag = body.get("eTag")
    return Observed(str(body["id"]), etag if isinstance(etag, str) and etag else None, body)
