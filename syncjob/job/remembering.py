"""What the ledger knows of a referral goes in beside the pair: the last agreed values, and the remote's own forms.

A run that died may have written what nobody has put on record yet. What of its open intents is seen at the remote is
ours: it counts as agreed on, else our own write would look like somebody else's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from typing import Any

from msgspec.structs import replace

from syncjob.core import pulled
from syncjob.core.adopting import adopted
from syncjob.core.agreeing import agreed, answered, moved_from, parted
from syncjob.core.fields import BY_PATH
from syncjob.core.landing import landed
from syncjob.core.merge import Rules, merge
from syncjob.core.tally import Earlier, Tally
from syncjob.core.values import look
from syncjob.job.context import Job
from syncjob.job.reading import ANSWERS, BASES, SENT
from syncjob.ledger import Agreed, Base, Kept, Ledger
from syncjob.model import Cause, Change, Outcome, Pair, Settled, Stand
from syncjob.planfile import Header, Still

AHEAD_MAX = 2_000  # referrals


class Memory:
    """What is known of referrals; without a ledger nothing is."""

    def __init__(self, job: Job, ledger: Ledger | None, *, undoing: bool) -> None:
        """Read from this ledger; where a run is taken back, what it had written is the base, whatever is agreed on."""
        self._undoing = undoing
        self._job, self.ledger = job, ledger
        self._forms = ledger is not None and ledger.has_forms(job.address)
        self._ahead: dict[str, Kept] = {}
        self._open: dict[str, list[Change]] = {}
        for intent in ledger.open_intents(job.settings.job, job.address) if ledger else ():
            if intent.moves not in (BASES, SENT):
                continue
            with suppress(ValueError, KeyError, TypeError, AssertionError):  # damaged: `mend` tells it, before a send
                change = intent.planned.change()
                if not all(one.path in BY_PATH for one in change.triples):
                    continue
                self._open.setdefault(change.id.lower(), []).append(change)

    def expect(self, referrals: Sequence[str]) -> None:
        """Read ahead what is known of referrals that are about to be asked for: one question in place of many."""
        missing = [one for one in map(str.lower, referrals) if one not in self._ahead]
        if self.ledger is None or not missing:
            return
        for oldest in list(islice(self._ahead, max(0, len(self._ahead) + len(missing) - AHEAD_MAX))):
            del self._ahead[oldest]
        self._ahead |= self.ledger.kept_of(self._job.settings.job, self._job.address, missing)

    @property
    def is_simple(self) -> bool:
        """Whether what is agreed on is all that there is to any referral; else see `known`."""
        return not (self._forms or self._open or self._job.adopt)

    def alone(self, referral: str) -> str | None:
        """Give what is agreed on of a referral as the ledger has written it; '' where nothing is, None for more."""
        if self.ledger is None:
            return ""
        found = self._ahead.get(referral.lower())
        return None if found is None else found.alone

    def simply(self, referral: str) -> Mapping[str, Any] | None:
        """Give what is agreed on of a referral, by path, where that is all there is to it; else None: see `known`."""
        if not self.is_simple:
            return None
        if self.ledger is None:
            return {}
        found = self._ahead.get(referral.lower())
        return None if found is None else found.remembered.values

    def known(self, pair: Pair) -> Pair:
        """Give the pair with what is remembered; a base that the row has brought along itself counts before ours."""
        job, ledger, referral = self._job, self.ledger, pair.observed.id.lower()
        if ledger is not None:
            if referral not in self._ahead:
                self.expect([referral])
            found = self._ahead[referral].remembered
            ours = {**found.values, **self._landed(pair)} if self._open else found.values
            younger = _younger(pair, ours, job.rules.unbent) if pair.base and not self._undoing else {}
            base = {**ours, **pair.base, **younger} if pair.base else ours
            kept = ledger.normal_forms(job.address, pair.observed.id) if self._forms else {}
            pair = replace(pair, base=base, kept=kept, nights=found.nights)
        return adopted(pair, job.adopt, job.rules) if job.adopt else pair

    def _landed(self, pair: Pair) -> dict[str, object]:
        values: dict[str, object] = {}
        for change in self._open.get(pair.observed.id.lower(), ()):
            if landed(change, pair.observed.body, self._job.rules):
                values |= agreed(Settled.of_change(change, Cause.READ_BACK, ""), self._job.rules)
        return values


def _younger(pair: Pair, ours: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Give the bases of ours that count before those of a report that is handed in again.

    A report is older than the ledger may be by now. Where the two differ the row may move only if both say so; a
    field that a person has decided is no question, and a pulled file is merged with what was pulled.
    """
    if pulled.is_pulled(pair.desired.row.columns):
        return {}
    found = {}
    for wish in pair.desired.wishes:
        path = wish.path
        if path in pair.base and path in ours and path not in pair.desired.answers:
            stand = merge(wish, ours[path], look(pair.observed.body, path), rules)
            if stand is not Stand.CHANGE:
                found[path] = ours[path]
    return found


@contextmanager
def remembering(job: Job, *, undoing: bool = False) -> Iterator[Memory]:
    """Open what the job remembers, where it has a ledger yet."""
    path = job.settings.ledger.file
    if path is None or not path.exists():
        yield Memory(job, None, undoing=undoing)
        return
    with Ledger(path) as ledger:
        if ledger.copy is not None:
            job.log.warning("ledger.migrated", copy=str(ledger.copy))
        yield Memory(job, ledger, undoing=undoing)


def bases_of(row: Settled, moves: str, rules: Rules, seen_at: float | None, now: float) -> tuple[Base, ...]:
    """Give what a row makes known once it has settled; nothing where that is none of this run's business.

    What was sent was seen `now`, what was not `seen_at`; None where nobody has seen it again: then it is left out.
    """
    if row.id is None or moves not in (BASES, ANSWERS, SENT):
        return ()
    if moves == ANSWERS:
        values = answered(row)
        return (Base(row.id, values, now, now=now),) if values else ()
    if not row.operations and moves == BASES:  # as most rows are: all that they show was seen with the others
        others, first = agreed(row, rules), moved_from(row) if row.cause is Cause.BOTH_MOVED else {}
        seen = seen_at is not None and (others or first)
        return (Base(row.id, others, seen_at, first=first, now=now),) if seen and seen_at is not None else ()
    ours, others = parted(row, rules)
    written = frozenset(ours) if row.outcome is Outcome.APPLIED else frozenset[str]()
    found = [Base(row.id, ours, now, written, now=now)] if ours else []
    if moves == SENT:
        return tuple(found)
    first = moved_from(row)
    if seen_at is not None and (others or first):
        found.append(Base(row.id, others, seen_at, first=first, now=now))
    return tuple(found)


def bases_of_still(row: Still, moves: str, seen_at: float | None, now: float) -> tuple[Agreed, ...]:
    """Give the same of a row that is in step in every field, without reading its values."""
    if moves != BASES or seen_at is None or not row.fields:
        return ()
    return (Agreed(row.id, row.agreed(), seen_at, now),)


def moment_of(plan: Header) -> float:
    """Give the moment at which the remote was read for a plan."""
    return datetime.fromisoformat(plan.observed_at or plan.made_at).timestamp()


def tally_of(job: Job, plan: Header, ledger: Ledger | None) -> Tally:
    """Give a tally that knows what came before, of the job's own input; any other file may be short, or old."""
    undone = sum(ledger.totals(plan.undoes).values()) if ledger and plan.undoes else 0
    if plan.moves != BASES:
        return Tally(undone)
    made, earlier = datetime.fromisoformat(plan.made_at), Earlier()
    # Of a plan that was kept it counts what came before it, not what has run meanwhile.
    run = ledger.run_before(job.settings.job, job.address, plan.source, moment_of(plan)) if ledger else None
    if ledger and run:
        earlier = Earlier(sum(ledger.totals(run).values()), _moment(ledger.facts(run).get("written_at")))
    return Tally(undone, earlier, _moment(plan.written_at), made)


def _moment(words: str | None) -> datetime | None:
    return datetime.fromisoformat(words) if words else None
