"""What happened to one referral: how its rows ended, run after run, in; what was written by whom, out.

Our own writes are known. Somebody else's are seen: whatever a run finds that is not what was left behind was written
elsewhere, between that run and the last one that looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from syncjob.core.values import same
from syncjob.model import Outcome, Settled
from syncjob.model.memory import Event


class Seen(Struct, frozen=True):
    """One row of a run: what it was, and its run's id and moment (ISO 8601, UTC)."""

    run: str
    at: str
    row: Settled


def events(rows: Iterable[Seen]) -> Iterator[Event]:
    """Give what was written to one referral, from its rows in the order of their runs."""
    held: dict[str, tuple[Any, Seen]] = {}
    for seen in rows:
        for one in seen.row.triples:
            known = held.get(one.path)
            if known is not None and not _alike(one.path, known[0], one.observed, one.zone):
                value, before = known
                yield Event(seen.run, seen.at, seen.row, one.path, value, one.observed, "", before.run, before.at)
            held[one.path] = (one.observed, seen)
        if seen.row.outcome is not Outcome.APPLIED:
            continue
        columns = {one.path: one.column for one in seen.row.triples}
        after = seen.row.after()
        for path, before in seen.row.before().items():
            yield Event(seen.run, seen.at, seen.row, path, before, after[path], columns.get(path, ""))
            held[path] = (after[path], seen)


def _alike(path: str, one: Any, other: Any, zone: str | None) -> bool:
    return same(path, one, other, zone) and same(path, other, one, zone)
