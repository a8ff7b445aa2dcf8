"""The rows that need a person, once more: a report or a past run goes in, the rows to plan anew come out.

Nothing is replayed: the rows are read, matched and diffed again like any others. What a report's `decision` says, and
what the rows were merged with then, comes along (`core.deciding`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from syncjob.core.report import waits
from syncjob.errors import InputRefused
from syncjob.job.context import Job
from syncjob.job.reading import ANSWERS, BASES, NOTHING, Given, from_file
from syncjob.job.showing import ended
from syncjob.ledger import Ledger
from syncjob.model import NEEDS_PERSON, Cause, Settled, SourceRow
from syncjob.model.own import CAUSE, DECISION, MADE_BY, OUTCOME, OWN, REMEMBERED
from syncjob.model.remembering import remember
from syncjob.sources import Table

UNREAD = (Cause.RAGGED_LINE,)


class _Needing(Struct):
    """The rows of a report that need a person, but for those that a person has left unticked: that was the answer."""

    report: Table
    source: str
    unticked: int = 0
    idle: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        return self.report.columns

    @property
    def notes(self) -> tuple[str, ...]:
        told = (
            (self.unticked, "left out that nobody had ticked; plan the file itself to propose them again"),
            (self.idle, "with a decision though nobody is needed there; it settles nothing"),
        )
        return (
            *self.report.notes,
            *(f"{count} {'row' if count == 1 else 'rows'} {words}" for count, words in told if count),
        )

    def __iter__(self) -> Iterator[SourceRow]:
        for row in self.report:
            if not row.fault and OUTCOME not in row.own:
                raise InputRefused(
                    f"{self.source}: has no column {OWN + OUTCOME!r}, so it is no report of a plan or run; "
                    "to plan a file of rows: syncjob plan"
                )
            if row.own.get(CAUSE) == Cause.NOT_APPROVED:
                self.unticked += 1
            elif row.fault or (row.own[OUTCOME] in NEEDS_PERSON and row.own.get(CAUSE) != Cause.NOT_SELECTED):
                yield row
            elif row.own.get(DECISION, "").strip():
                self.idle += 1


class _OfRun(Struct, frozen=True):
    """The rows of a past run that need a person, as the ledger holds them."""

    ledger: Ledger
    run: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[SourceRow]:
        for settled in ended(self.ledger, self.run):
            if waits(settled.cause) and settled.cause is not Cause.NOT_APPROVED:
                yield _row(settled)


def from_report(job: Job, file: Path, folder: Path, ledger: Ledger | None) -> Given:
    """Open a report that was kept as a workbook or CSV, with whatever was decided in it.

    A decision in the report of a run over the job's own input is remembered; the values of its rows are not: the next
    export says what the CRM holds.
    """
    given = from_file(job, file, folder)
    needing = _Needing(given.table, given.source)
    made_by = next((row.own[MADE_BY] for row in given.table if row.own.get(MADE_BY)), "")
    of_job = ledger.runs(job.settings.job, job.address) if ledger else []
    run = next((one for one in of_job if ledger and one in (made_by, ledger.run_of(made_by))), "")
    return Given(given.source, given.digest, needing, 0, moves_of(ledger, run) if ledger and run else NOTHING)


def from_run(ledger: Ledger, run: str) -> Given:
    """Take the rows of a past run; InputRefused for one that took another back: its rows say what was, not what is."""
    facts = ledger.facts(run)
    if undone := facts.get("undoes"):
        raise InputRefused(
            f"run {run} took back run {undone}; to finish that, apply its plan again, or plan it anew by "
            f"syncjob undo {undone}"
        )
    table = _OfRun(ledger, run, tuple(facts["columns"]))
    return Given(facts["source"], facts["digest"], table, 0, moves_of(ledger, run))


def moves_of(ledger: Ledger, run: str) -> str:
    """Tell whether a run was over the job's own input, or settled answers about it."""
    return ANSWERS if ledger.facts(run)["moves"] in (BASES, ANSWERS) else NOTHING


def _row(settled: Settled) -> SourceRow:
    fault = settled.reason if settled.cause in UNREAD else ""
    own = {OUTCOME: str(settled.outcome), REMEMBERED: remember(settled)}
    return SourceRow(settled.n, settled.place, settled.columns, fault, own=own)
