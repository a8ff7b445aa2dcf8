"""Who has moved since row and remote last agreed: a file is held against the remote, and nothing else. GET only.

It is a plan that is told from the other side: what a plan would do is not asked, but what is, and since when.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from syncjob.core.drifting import apart
from syncjob.core.merge import merge
from syncjob.core.respelling import respelt
from syncjob.job.context import Job
from syncjob.job.planning import plan
from syncjob.ledger import Ledger, finding
from syncjob.ledger.recall import iso
from syncjob.model import Outcome, Settled, Stand
from syncjob.model.memory import Apart, Since, Who
from syncjob.planfile import PlanFile

UNCOMPARED = (Outcome.INVALID, Outcome.UNMATCHED, Outcome.DEFERRED, Outcome.REJECTED, Outcome.FAILED)


class Drift(Struct, frozen=True):
    """A file held against the remote: its plan, and how to look at it."""

    job: Job
    plan: PlanFile
    ignored: frozenset[str]
    seen: dict[str, Any] = {}

    def apart(self) -> Iterator[Apart]:
        """Give every field in which a row and its referral are apart, in input order."""
        for row in self.plan.rows():
            yield from apart(row, self.job.rules, self.ignored)

    def uncompared(self) -> Iterator[Settled]:
        """Give the rows that could not be held against a referral."""
        return (row for row in self.plan.rows() if not row.triples and row.outcome in UNCOMPARED)

    def since(self, ledger: Ledger, one: Apart) -> Since:
        """Say between which runs a field moved apart."""
        job, referral, path = self.job, (one.row.id or "").lower(), one.triple.path
        name = job.settings.job
        agreed = ledger.remembered(name, job.address, referral).since.get(path)
        until = Since() if agreed is None else Since(agreed[1], iso(agreed[0]))
        first: tuple[str, str] | None = None
        for run, at, row in reversed(self._rows(ledger, referral)):
            if run == until.agreed_run or not self._apart_then(row, path):
                break
            first = (run, at)
        return Since(until.agreed_run, until.agreed_at, *(first or ("", "")))

    def _rows(self, ledger: Ledger, referral: str) -> list[tuple[str, str, Settled]]:
        """Give the rows of a referral in the order of runs; its fields come one after the other, so one is kept."""
        if self.seen.get("") != referral:
            self.seen.clear()
            self.seen[""] = referral
            self.seen["rows"] = finding.rows_of(ledger.database, self.job.settings.job, self.job.address, referral)
        found: list[tuple[str, str, Settled]] = self.seen["rows"]
        return found

    def _apart_then(self, row: Settled, path: str) -> bool:
        for one in row.triples:
            if one.path == path:
                return merge(one.wish(), one.base, one.observed, self.job.rules.unbent) in (Stand.DRIFT, Stand.CONFLICT)
        return False


class News(Struct, frozen=True):
    """What Partner Center has changed, in the user's own words: columns, rows, and what could not be said."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    unsaid: tuple[str, ...]


async def drift(job: Job, file: Path, ignored: Collection[str], folder: Path) -> Drift:
    """Hold a file against the remote."""
    return Drift(job, await plan(job, file, folder / "plan"), frozenset(ignored))


def news(found: Drift) -> News:
    """Give the cells by which the CRM would catch up: of fields in which the remote alone has moved.

    Where both have moved a person must decide first. A column in which nothing is new is left out, the key's stays.
    """
    feeds, columns = found.job.feeds, found.plan.header.columns
    key = feeds.key_column(columns)
    said: list[tuple[Settled, dict[str, str]]] = []
    unsaid: list[str] = []
    for row, paths in _theirs(found):
        told = respelt(feeds, row, paths)
        unsaid += (f"{row.place}: {why}" for why in told.unsaid)
        if told.cells:
            said.append((row, dict(told.cells)))
    fresh = [column for column in columns if column != key and any(column in cells for _, cells in said)]
    names = (key, *fresh)
    rows = tuple(
        tuple(row.columns.get(key, "") if name == key else cells.get(name, "") for name in names) for row, cells in said
    )
    return News(names, rows, tuple(unsaid))


def _theirs(found: Drift) -> Iterator[tuple[Settled, list[str]]]:
    last: Settled | None = None
    paths: list[str] = []
    for one in found.apart():
        if one.who is not Who.THEY:
            continue
        if last is not None and one.row.n != last.n:
            yield last, paths
            paths = []
        last = one.row
        paths.append(one.triple.path)
    if last is not None:
        yield last, paths


def totals(found: Drift) -> dict[str, Any]:
    """Count fields by who has moved, and rows."""
    counts: dict[str, int] = dict.fromkeys(map(str, Who), 0)
    rows: set[int] = set()
    for one in found.apart():
        counts[one.who] += 1
        rows.add(one.row.n)
    return {"rows": sum(found.plan.footer.totals.values()), "apart": len(rows), "fields": counts}
