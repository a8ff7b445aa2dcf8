"""What the guards count: the rows of a plan go by one at a time, counts come out. Nothing is kept of a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal

from msgspec import Struct, field

from syncjob.core.fields import CURRENCY, DEAL_VALUE
from syncjob.core.values import number
from syncjob.model import Cause, Outcome, Settled

NOTHING: tuple[object, ...] = (None, "", [])


class Earlier(Struct, frozen=True):
    """The last run over the same input: its rows, and when its file was written; 0 and None where nobody knows."""

    rows: int = 0
    written: datetime | None = None


class Tally(Struct):
    """Counts of one plan.

    `totals` counts rows by how they end, `changed` by path, and `columns` names the column that fed it; `moved` sums by
    currency how far deal values move. `written` is when the file was, `read` when it was read. `rows_undone` are those
    of the run that is undone: its changes are a share of those.
    """

    rows_undone: int = 0
    earlier: Earlier = field(default_factory=Earlier)
    written: datetime | None = None
    read: datetime | None = None
    totals: Counter[Cause] = field(default_factory=Counter)
    clears: int = 0
    held: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    columns: dict[str, str] = {}
    moved: dict[str, Decimal] = {}

    def add(self, row: Settled, touched: Callable[[Settled], Iterable[str]]) -> None:
        """Count one row; `touched` names the guards that hold rows and that its operations touch."""
        self.count(row.cause)
        if row.cause is not Cause.TO_SEND:
            return
        for name in set(touched(row)):
            self.held[name] += 1
        moves = row.moves()
        for path in moves:
            self.changed[path] += 1
        self.clears += sum(after in NOTHING and before not in NOTHING for before, after in moves.values())
        for one in row.triples:
            if one.path in moves and one.column:
                self.columns.setdefault(one.path, one.column)
        if DEAL_VALUE in moves:
            before, after = moves[DEAL_VALUE]
            self._move(row, number(before), number(after))

    def count(self, cause: Cause, rows: int = 1) -> None:
        """Count rows of which only the end matters: nothing of them would be sent."""
        self.totals[cause] += rows

    @property
    def rows(self) -> int:
        """All rows."""
        return self.totals.total()

    @property
    def changes(self) -> int:
        """The rows that would be sent."""
        return self.totals[Cause.TO_SEND]

    @property
    def left_out(self) -> int:
        """The rows that the run is not about."""
        return self.totals[Cause.NOT_SELECTED]

    @property
    def unmatched(self) -> int:
        """The rows that have no referral."""
        return self._of(Outcome.UNMATCHED)

    @property
    def invalid(self) -> int:
        """The rows that cannot be read."""
        return self._of(Outcome.INVALID)

    def _of(self, outcome: Outcome) -> int:
        return sum(count for cause, count in self.totals.items() if cause.outcome is outcome)

    @property
    def rows_of(self) -> int:
        """The rows that changes are a share of: those that the run is about."""
        return self.rows_undone or self.rows - self.left_out

    def _move(self, row: Settled, before: object, after: object) -> None:
        currencies = (one.desired or one.observed for one in row.triples if one.path == CURRENCY)
        currency = str(next(filter(None, currencies), "") or "?")
        amounts = [one if isinstance(one, Decimal) else Decimal(0) for one in (before, after)]
        self.moved[currency] = self.moved.get(currency, Decimal(0)) + abs(amounts[1] - amounts[0])
