"""Rows that a guard has held, and that a person has approved since: a past run goes in, a plan of those rows comes out.

They are read, matched and diffed again like any others; the guards that had held them are lifted, all others act. Of
each row only what it had shown when it was held may go: what it needs besides is a new question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from syncjob.core import guard
from syncjob.core.diff import diff, marks
from syncjob.core.merge import Rules
from syncjob.core.selecting import Selection, Unmet
from syncjob.errors import InputRefused, UsageRefused
from syncjob.job.context import Job
from syncjob.job.planning import Asked, plan_asked
from syncjob.job.reading import BASES, NOTHING, SENT, Given, read
from syncjob.ledger import Ledger, finding
from syncjob.model import Cause, Change, Outcome, Pair, Settled, SourceRow
from syncjob.planfile import PlanFile

GUARDED = tuple(guard.HOLDS.values())


class Released(Struct, frozen=True):
    """The held rows of a run that were selected: what each had shown, by number, and the guards that had held them."""

    run: str
    shown: Mapping[int, frozenset[str]]
    guards: frozenset[str]

    def lifted(self, job: Job) -> Job:
        """Give the job with those guards lifted, and whose approval it acts on."""
        return replace(job, allowed={**job.allowed, **dict.fromkeys(self.guards)}, approves=self.run)


def released(ledger: Ledger, run: str, selected: Selection) -> Released:
    """Find the rows of a run that guards have held; InputRefused where none is selected.

    A row that a later run has looked at is none of them: the CRM may have taken it back.
    """
    if selected.paths:
        raise UsageRefused("--select field=…: a row is approved as a whole; select by key, row or outcome")
    if undone := ledger.facts(run).get("undoes"):
        raise InputRefused(
            f"run {run} took back run {undone}; to send what it held, apply its plan again with --allow, or plan it"
            f" anew by syncjob undo {undone}"
        )
    held, unmet = [], Unmet(selected)
    for row in ledger.outcomes(run):
        if row.cause in GUARDED:
            unmet.see(row)
            if selected.takes(row):
                held.append(row)
    if held and unmet.words:
        raise UsageRefused(f"--select: run {run} holds no row {', '.join(unmet.words)}; nothing was sent")
    if not held:
        what = " that is selected" if selected != Selection() else ""
        raise InputRefused(f"run {run}: no guard has held a row{what}; nothing is to be approved")
    rows = [row for row in held if finding.seen_since(ledger.database, run, row) is None]
    if not rows:
        later = finding.seen_since(ledger.database, run, held[0])
        raise InputRefused(
            f"run {run}: what it held was looked at again by run {later}, and may be another thing by now:"
            f" syncjob show {later}"
        )
    names = frozenset(name for row in rows for name in guard.touched(row))
    return Released(run, {row.n: marks(row.operations) for row in rows}, names)


def last_holding(ledger: Ledger, job: Job) -> str | None:
    """Give the last run in which a guard has held a row; None where there is none."""
    runs = ledger.runs(job.settings.job, job.address)
    return next((run for run in runs if any(cause in GUARDED for cause in ledger.totals(run))), None)


async def plan_released(job: Job, ledger: Ledger, rows: Released, out: Path) -> PlanFile:
    """Plan the released rows as they stand now."""
    facts = ledger.facts(rows.run)
    table = _Table(ledger, rows, tuple(facts["columns"]))
    moves = SENT if facts["moves"] in (BASES, SENT) else NOTHING
    given = Given(facts["source"], facts["digest"], table, 0, moves)

    def decide(pair: Pair, rules: Rules) -> Change | Settled:
        found = diff(pair, rules)
        if isinstance(found, Settled) or marks(found.operations) <= rows.shown[found.n]:
            return found
        reason = f"needs more by now than it had shown when run {rows.run} held it; run the job once more and look"
        return Settled.of_change(found, Cause.PLAN_STALE, reason)

    return await plan_asked(job, Asked(lambda _, draft: read(job, given, draft), decide), out)


class _Table(Struct, frozen=True):
    """The released rows as the ledger holds them."""

    ledger: Ledger
    rows: Released
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[SourceRow]:
        for row in self.ledger.outcomes(self.rows.run):
            if row.n in self.rows.shown and row.outcome is Outcome.HELD:
                yield SourceRow(row.n, row.place, row.columns)
