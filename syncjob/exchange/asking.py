"""One question, asked until it is answered: a referral or a page comes out, or the reason why not."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from msgspec import Struct

from syncjob.core import retry
from syncjob.core.retry import Next
from syncjob.errors import BrokenAssumption, RemoteUnavailable, SignInNeeded, SyncjobError, UsageRefused
from syncjob.exchange.gate import NO_FACTOR, Gate, said
from syncjob.model import Answer, Cause, Heard, Observed, Operation
from syncjob.remote import Item, Pages, Reader, Writer

FORBIDDEN_MAX = 3
SIGN_IN = "the remote does not accept the token: sign in again and renew it"
MFA = (
    "the token shows no multi-factor sign-in (900421): a person must sign in interactively once; passwords do not work"
)
NO_ROLE = "the account may touch no referral: it needs the role Referral Admin or Referral User in Partner Center"


class Miss(Struct, frozen=True):
    """A referral that could not be read, and why."""

    cause: Cause
    reason: str
    request_id: str = ""


@dataclass(slots=True)
class Exchange(Gate):
    """A gate that can ask; it has no way to write."""

    forbidden: set[str] = field(default_factory=set)
    pages: int = 0  # of listings, that were had
    reads: int = 0  # of one referral, that were had

    async def read(self, referral: str) -> Observed | Miss:
        """Read one referral, as long as asking has not ended."""
        return await self._read(referral, must=False)

    async def look(self, referral: str) -> Observed | Miss:
        """Read one referral of which a send may have gone unheard: no budget denies that, and no other row's end."""
        return await self._read(referral, must=True)

    async def listing(self, pages: Pages) -> AsyncIterator[list[Item]]:
        """Give the listing page by page; an error of the tree where a page cannot be had.

        Where `pages.readings` has grown, what was given before counts no more: the listing had moved meanwhile.
        """
        while (query := pages.query) is not None:
            body = (await self.page(query, pages.read)).body
            yield pages.items(body)
            if queries := pages.beside(body):
                async with aclosing(self._beside(queries, pages)) as bodies:
                    async for one in bodies:
                        if (items := pages.items_beside(one)) is None:
                            break
                        yield items
                if not pages.end_beside():
                    self.log.warning("listing.moved", pages=len(queries))

    async def _beside(self, queries: Sequence[str], pages: Pages) -> AsyncGenerator[Any, None]:
        """Give pages that are asked for side by side, in their order; None where the remote takes no such question."""
        asking: deque[asyncio.Task[Answer]] = deque()
        left = iter(queries)
        try:
            while True:
                more = islice(left, pages.ahead - len(asking))
                asking.extend(asyncio.create_task(self.page(one, pages.read)) for one in more)
                if not asking:
                    return
                yield (await asking.popleft()).body
        except UsageRefused:
            yield None
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

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
                words = MFA if answer.code == NO_FACTOR else SIGN_IN
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

    async def _read(self, referral: str, *, must: bool) -> Observed | Miss:
        answer, attempt = Answer(Heard.UNSENT), 0
        while attempt < self.limits.attempts_max:
            if self.over is not None and not must:
                return Miss(self.over.cause, str(self.over.error))
            answer = await self.once("GET", lambda client: client.get(referral, self.world.mark()))
            what = retry.after_get(answer)
            if what is Next.DONE:
                seen = _observed(answer.body, referral)
                if seen is not None:
                    self.reads += 1
                    return seen
                answer = Answer(Heard.LOST, note="the answer is not the referral that was asked for")
            elif what not in (Next.AGAIN, Next.GATE, Next.LOCKED):
                return self.miss(what, answer, referral)
            attempt += what is not Next.GATE or must  # to be throttled costs budget; of that a look has no end
            if attempt < self.limits.attempts_max and not await self.pause(max(1, attempt), answer, must=must):
                break
        return self._unanswered(answer)

    async def page(self, query: str, read: Callable[[bytes], Any]) -> Answer:
        """Give one page of the listing, its content read by `read`; an error of the tree where it cannot be had."""
        answer, attempt = Answer(Heard.UNSENT), 0
        while attempt < self.limits.attempts_max:
            if self.over is not None:
                raise self.over.error
            answer = await self.once("GET", lambda client: client.page(query, self.world.mark(), read))
            what = retry.after_get(answer)
            if what is Next.DONE:
                self.pages += 1
                return answer
            if what not in (Next.AGAIN, Next.GATE, Next.LOCKED):
                raise self._unlisted(what, answer)
            attempt += what is not Next.GATE
            if attempt < self.limits.attempts_max and not await self.pause(max(1, attempt), answer):
                break
        raise self.over.error if self.over else RemoteUnavailable(f"the listing cannot be read: {said(answer)}")

    def _unlisted(self, what: Next, answer: Answer) -> SyncjobError:
        """Say why there is no listing; a question that the remote does not understand is the configuration's."""
        match what:
            case Next.FORBIDDEN:
                return SignInNeeded(f"{NO_ROLE} ({said(answer)})")
            case Next.GONE:
                return UsageRefused(
                    f"remote.url: no referrals are listed there ({said(answer)}); is the address right?"
                )
            case Next.REJECTED:
                return UsageRefused(f"the remote refuses to list ({said(answer)}); is remote.filter right?")
            case _:
                self.miss(what, answer, "listing")
                assert self.over is not None, "what is left ends all asking"
                return self.over.error

    def _unanswered(self, answer: Answer) -> Miss:
        if self.over is not None:
            return Miss(self.over.cause, str(self.over.error))
        return Miss(Cause.REMOTE_UNAVAILABLE, f"the remote gave no answer: {said(answer)}", answer.request_id)

    def _never_welcome(self, referral: str) -> bool:
        """Three referrals forbidden and none ever allowed: it is the account, not the referral."""
        self.forbidden.add(referral)
        return len(self.forbidden) >= FORBIDDEN_MAX and not self.welcome


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


def _observed(body: Any, referral: str) -> Observed | None:
    """Read a referral out of an answer; None when it is not the one that was asked for."""
    if not isinstance(body, Mapping) or str(body.get("id") or "").lower() != referral.lower():
        return None
    etag = body.get("eTag")
    return Observed(str(body["id"]), etag if isinstance(etag, str) and etag else None, body)
