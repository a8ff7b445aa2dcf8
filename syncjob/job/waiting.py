"""Which rows of a job wait for a person as it stands: the ledger's runs go in, rows with the run of each come out.

The last run over the job's own input says it, but for the rows that it was not about (`--select`): those wait on where
the run before left them, and so on back to a run that was about all. What a later run has settled waits no more. Of a
run that broke off, rows without an end wait as its report shows them.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from syncjob.core.report import waits
from syncjob.job.reading import BASES
from syncjob.job.showing import broken_off
from syncjob.ledger import Ledger, finding
from syncjob.model import Cause, Settled

RUNS_BACK_MAX = 10
WAITING = [str(cause) for cause in Cause if waits(cause)]
OPEN = [*WAITING, str(Cause.TO_SEND)]


class Waits(Struct, frozen=True):
    """The first rows that wait, each with its run; how many there are; the runs in which they stand."""

    rows: tuple[tuple[str, Settled], ...]
    count: int
    runs: tuple[str, ...]


def waiting(ledger: Ledger, job: str, remote: str, holder: str | None, rows_max: int) -> Waits:
    """Find them; `holder` says who is at work, whose rows have no end yet."""
    rows: list[tuple[str, Settled]] = []
    count, newer, standing = 0, list[str](), list[str]()
    for run in reaching(ledger, own_runs(ledger, job, remote)):
        alive = run in (holder or "") or ledger.facts(run)["ended_at"] is not None
        found, many = finding.needing(ledger.database, run, WAITING if alive else OPEN, rows_max - len(rows), newer)
        begun = frozenset(ledger.attempts(run))
        rows += [(run, broken_off(row, begun)) for row in found]
        count += many
        newer.append(run)
        if many:
            standing.append(run)
    return Waits(tuple(rows), count, tuple(standing))


def own_runs(ledger: Ledger, job: str, remote: str) -> list[str]:
    """Give the runs over the job's own input, the last first; where there is none, the last run of all."""
    return ledger.runs(job, remote, BASES) or ledger.runs(job, remote)[:1]


def reaching(ledger: Ledger, runs: list[str]) -> Iterator[str]:
    """Give as many of the runs as it takes to hear of every row: back to one that was about all of them."""
    for run in runs[:RUNS_BACK_MAX]:
        yield run
        if Cause.NOT_SELECTED not in ledger.totals(run):
            return
