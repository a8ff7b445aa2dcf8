"""The nouns of a whole: what a guard says of a plan, and a plan or run that is ready to be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from syncjob.model.change import Settled


class Verdict(Struct, frozen=True):
    """What one guard says of a plan: how many rows it concerns, its limit, and its words with the numbers."""

    guard: str
    count: int
    limit: int
    holds: bool
    message: str

    def in_numbers(self) -> str:
        """Give its name and numbers, which may be told to everybody; its words may quote a column."""
        return f"guard {self.guard} ({self.count:,}, limit {self.limit:,})"


class Report(Struct, frozen=True):
    """A plan or a run, ready to be shown: facts of the run, totals, and its rows in input order.

    `rows` starts a fresh pass at each call, so that a report of any size streams; `loud` gives the same but for those
    that are unchanged without a warning, where leaving them out spares reading them; `written` gives those as the lines
    that `Settled.to_line` wrote, for who needs no more of them. `private` holds the paths whose values are masked
    wherever a passer-by may look.
    """

    kind: str
    run: Mapping[str, Any]
    totals: Mapping[str, int]
    requests: Mapping[str, int]
    columns: tuple[str, ...]
    private: frozenset[str]
    rows: Callable[[], Iterator[Settled]]
    verdicts: tuple[Verdict, ...] = ()
    loud: Callable[[], Iterator[Settled]] | None = None
    written: Callable[[], Iterator[Settled | bytes]] | None = None

    def told(self) -> Iterator[Settled]:
        """Give the rows of which there is anything to tell; those that are as they should be may be left out."""
        return (self.loud or self.rows)()
