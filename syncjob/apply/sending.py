"""One change, sent until it settles: `Change` in, `Settled` out; the only room that writes to the remote.

    intend -> send -> what was heard?
        2xx          verify: does the remote hold what was asked?      applied, or failed (accepted, altered)
        unsent       again: nothing left the house
        429, 423     again: the gate waits
        lost, 5xx    look: it may have happened
        412          look: somebody was there first
        else         no: rejected, or the run is over
    look -> read the referral again
        nothing left to patch    applied if a send of ours went unheard, else unchanged (the same edit, not ours)
        eTag unmoved             the same bytes again under the same eTag: if the first send still lands, one of the
                                 two wins and the other is refused; after a clean 412 this is the remote refusing
                                 its own eTag, believed the second time
        eTag moved               merge, diff and the plan's marks once more: a new change, or what speaks against it

Look before you say failed: no row ends as failed or deferred while a send of it may still land unseen; such a row
is *unsettled* and its intent stays open for the next run. At most `attempts_max` sends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from syncjob.apply.run import Run, intent
from syncjob.core import retry
from syncjob.core.diff import again, marks
from syncjob.core.fields import BY_PATH
from syncjob.core.landing import altered, landed, own_forms, stayed_forms, uninvited
from syncjob.core.report import SAME_BUGS_MAX
from syncjob.core.retry import LOCKED_MAX, Next
from syncjob.core.values import stands
from syncjob.errors import BrokenAssumption, StorageRefused, SyncjobError, frames
from syncjob.exchange import Miss, said
from syncjob.model import Answer, Cause, Change, Heard, Operation, Settled

ETAG_REFUSED_MAX = 2
NO_CONTENT = 204
SEEN_AGAIN = 0  # what simply stays begins no form of the remote's own; it bears out one that is known
SURE = 2  # an answer to our own patch counts for two nights of seeing the same


class Sending(Struct):
    """One change on its way; `unheard` while a send of it may have landed, or may still land, unseen.

    `shown` are the operations of the plan, beyond which nothing may go whatever is merged anew.
    `recorded` is the change as the run has it on record, `mark` that of an intent which is on record already.
    `intents` counts what was about to leave, `sends` what left, `attempts` what counts against `attempts_max`: a
    throttled send does not. `reached` says that some send may have come as far as the remote.
    """

    change: Change
    run: Run
    shown: Sequence[Operation]
    recorded: Change | None = None
    mark: str = ""
    intents: int = 0
    sends: int = 0
    reached: bool = False
    attempts: int = 0
    locked: int = 0
    etag_refused: int = 0
    unheard: bool = False
    request_ids: list[str] = []

    async def until_settled(self) -> Settled:
        """Send, listen, look and send again, until the change is settled."""
        while self.attempts < self.run.sender.limits.attempts_max:
            if self.run.sender.over is not None:
                return self._given_up(self.run.sender.over.cause, str(self.run.sender.over.error))
            answer = await self._send()
            settled = await self._hear(retry.after(answer), answer)
            if settled is not None:
                return settled
        if self.unheard:
            reason = f"sent {self.sends} times, no answer could be read; the next run looks"
            return self.settled(Cause.ANSWER_UNKNOWN, reason)
        if not self.reached:
            return self.settled(Cause.REMOTE_UNAVAILABLE, "the remote could not be reached; run again")
        return self.settled(Cause.ATTEMPTS_SPENT, f"tried {self.sends} times; the last look shows no change of ours")

    def cut(self) -> Settled:
        """Settle in the middle of things, when the run is stopped."""
        return self._given_up(Cause.STOPPED, "the run was stopped")

    def ended(self, reason: str) -> Settled:
        """Settle when an assumption broke and the run is over."""
        return self._given_up(Cause.BROKEN, reason)

    def broken(self, reason: str) -> Settled:
        """Settle after an error of ours."""
        return self._given_up(Cause.BUG, reason)

    def settled(self, cause: Cause, reason: str, *warnings: str) -> Settled:
        """Settle the change as it stands."""
        return Settled.of_change(
            self.change,
            cause,
            reason,
            warnings=(*self.change.warnings, *warnings),
            attempts=self.sends,
            request_ids=tuple(self.request_ids),
        )

    async def _send(self) -> Answer:
        """Record the intent, if that is not done, then let the patch leave."""
        change, before = self.change, self.unheard
        self.attempts += 1
        mark, self.mark = self.mark, ""
        if not mark:
            planned = None if change is self.recorded else self.settled(Cause.TO_SEND, "")
            meant = intent(self.run, change.n, self.intents, planned)
            self.intents, mark = meant.attempt, meant.mark
            await self.run.intend(meant)

        def leaving() -> None:
            self.run.ask()
            self.unheard = True
            self.sends += 1

        answer = await self.run.sender.patch(change.id, change.etag, change.operations, mark, leaving=leaving)
        self.unheard = before or retry.after(answer) in (Next.LOOK, Next.DONE)
        self.reached = self.reached or answer.heard is not Heard.UNSENT
        self._note(answer.request_id)
        return answer

    async def _hear(self, what: Next, answer: Answer) -> Settled | None:
        """Act on an answer; None means: send again."""
        match what:
            case Next.DONE if answer.status == NO_CONTENT:
                return await self._verify_by_reading()
            case Next.DONE if _is_referral(answer.body, self.change.id):
                return await self._verify(answer.body)
            case Next.DONE | Next.LOOK | Next.STALE:
                return await self._look(what, answer)
            case Next.GATE:
                self.attempts -= 1
                return await self._wait(answer)
            case Next.LOCKED if self.locked >= LOCKED_MAX:
                return self._given_up(Cause.LOCKED, f"the remote has locked the referral: {said(answer)}")
            case Next.AGAIN | Next.LOCKED:
                self.locked += what is Next.LOCKED
                return await self._wait(answer)
            case _:
                return self._no(self.run.sender.miss(what, answer, self.change.id))

    async def _wait(self, answer: Answer) -> Settled | None:
        """Wait before the next send, where one is left."""
        if self.attempts >= self.run.sender.limits.attempts_max:
            return None
        if await self.run.sender.pause(max(1, self.attempts), answer):
            return None
        return self._given_up(Cause.BUDGET_SPENT, "the budget for retries is spent; run again")

    async def _look(self, what: Next, answer: Answer) -> Settled | None:
        """Read again and decide anew; the look is never denied by the budget."""
        seen = await self.run.sender.look(self.change.id)
        if isinstance(seen, Miss):
            self._note(seen.request_id)
            return self._no(seen)
        if landed(self.change, seen.body, self.run.rules):
            cause = Cause.READ_BACK if self.unheard else Cause.SAME_EDIT
            return self.settled(cause, "" if self.unheard else "somebody made the same edit meanwhile")
        if seen.etag == self.change.etag:
            return await self._unmoved(what, answer)
        found = again(self.change, seen, self.run.rules, marks(self.shown))
        if isinstance(found, Settled):
            return self._overtaken(found, altered(self.change, seen.body, self.run.rules))
        self.change, self.unheard, self.etag_refused = found, False, 0
        return None

    async def _unmoved(self, what: Next, answer: Answer) -> Settled | None:
        """Nothing of it is there yet and the eTag is the same: the same bytes go again."""
        self.etag_refused += what is Next.STALE
        if self.etag_refused >= ETAG_REFUSED_MAX:
            reason = f"the remote refuses the eTag that it gives itself, twice in a row ({said(answer)})"
            self.run.etags_refused.append(self.change.id)
            if len(self.run.etags_refused) >= SAME_BUGS_MAX:
                self.run.sender.end(Cause.BROKEN, BrokenAssumption(reason))
            return self._given_up(Cause.ETAG_REFUSED, reason)
        return await self._wait(answer)

    def _overtaken(self, found: Settled, other: Collection[str]) -> Settled:
        """Somebody was there first: settle as merge and diff now see it, and say what of ours is there all the same."""
        hint = " (an answer to an earlier send was lost)" if self.unheard else ""
        there = [BY_PATH[path].name for path in self.change.before() if path not in other]
        arrived = (f"{', '.join(there)}: an earlier send of this row has arrived",) if self.unheard and there else ()
        return Settled.of_change(
            self.change,
            found.cause,
            found.reason + hint,
            warnings=(*found.warnings, *arrived),
            triples=found.triples,
            operations=self.change.operations,
            attempts=self.sends,
            request_ids=tuple(self.request_ids),
        )

    async def _verify(self, body: Mapping[str, Any]) -> Settled:
        """Hold the remote's own word against what was asked; where it is silent on a field, read."""
        held = altered(self.change, body, self.run.rules)
        if not held:
            return self._alarmed(body)
        if all(stands(body, path) for path in held):
            return self._accepted_altered(held, SURE)
        return await self._verify_by_reading()

    async def _verify_by_reading(self) -> Settled:
        """Accepted in silence: only what is seen counts; what differs may be somebody else's, who came in between."""
        seen = await self.run.sender.look(self.change.id)
        if isinstance(seen, Miss):
            return self.settled(Cause.ANSWER_UNKNOWN, f"accepted, but it could not be verified: {seen.reason}")
        held = altered(self.change, seen.body, self.run.rules)
        return self._accepted_altered(held, 1) if held else self.settled(Cause.CONFIRMED, "")

    def _accepted_altered(self, held: Mapping[str, tuple[Any, Any]], weight: int) -> Settled:
        """The remote holds something else; what it has made of ours is learnt, so that it is not sent every night."""
        self.run.learn(self.change.id, own_forms(self.change, held), weight)
        self.run.learn(self.change.id, stayed_forms(self.change, held), SEEN_AGAIN)
        names = ", ".join(BY_PATH[path].name for path in held)
        reason = f"accepted, but the remote holds something else in {names}; look at the referral"
        return self.settled(Cause.ACCEPTED_ALTERED, reason)

    def _alarmed(self, body: Mapping[str, Any]) -> Settled:
        """Applied; but what moved beside it under our eTag shows a remote that does not honour If-Match."""
        moved = ", ".join(uninvited(self.change, body))
        if not moved:
            return self.settled(Cause.CONFIRMED, "")
        words = f"the answer shows a change of {moved} that nobody asked for: does the remote honour If-Match?"
        self.run.sender.end(Cause.BROKEN, BrokenAssumption(f"referral {self.change.id}: {words}"))
        return self.settled(Cause.CONFIRMED, "", words)

    def _no(self, miss: Miss) -> Settled:
        """The remote said no, or said nothing at all."""
        if miss.cause in (Cause.REMOTE_UNAVAILABLE, Cause.BUDGET_SPENT, Cause.SIGN_IN, Cause.BROKEN):
            return self._given_up(miss.cause, miss.reason)
        if self.unheard and miss.cause is not Cause.NOT_FOUND:
            return self.settled(Cause.ANSWER_UNKNOWN, f"a send went unheard; {miss.reason}")
        return self.settled(miss.cause, miss.reason)

    def _given_up(self, cause: Cause, reason: str) -> Settled:
        """Stop trying: deferred, or unsettled while a send may have landed."""
        if self.unheard:
            return self.settled(Cause.ANSWER_UNKNOWN, f"sent, the answer is unknown, the next run looks; {reason}")
        return self.settled(cause, reason)

    def _note(self, request_id: str) -> None:
        if request_id:
            self.request_ids.append(request_id)


def _is_referral(body: Any, referral: str) -> bool:
    return isinstance(body, Mapping) and str(body.get("id") or "").lower() == referral.lower()


async def settle(change: Change, run: Run, mark: str = "") -> Settled:
    """Send one change until it settles; cancelled or broken in the middle it settles as what is known of it.

    `mark` is that of its first intent where that is on record already.
    """
    intents = run.before.get(change.n, 0) + bool(mark)
    sending = Sending(change, run, change.operations, change, mark, intents)
    try:
        return await sending.until_settled()
    except asyncio.CancelledError:
        return sending.cut()
    except StorageRefused:
        raise
    except SyncjobError as error:
        run.sender.end(Cause.BROKEN, error)
        return sending.ended(str(error))
    except Exception as error:  # noqa: BLE001  # a bug in one row must not take the others down; it is told and counted
        trace = run.sender.world.mark()
        run.sender.log.warning("row.broken", n=change.n, trace=trace, error=type(error).__name__, frames=frames(error))
        run.broke(trace)
        return sending.broken(f"an error in syncjob itself ({type(error).__name__}, trace {trace} in the log)")
