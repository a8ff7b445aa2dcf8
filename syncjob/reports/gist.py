"""A report goes in; what everybody must see of it comes out: one pass, a bounded number of rows, sums and counts.

What the page, the Markdown and the terminal say first is said here once: the verdict, what cannot be undone, what is
held and by whom, who has to decide what, and how far deal values move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from syncjob.model import NEEDS_PERSON, Cause, Outcome, Report, Settled
from syncjob.reports.values import for_good

SHOWN_MAX = 50
CAUSES_SHOWN_MAX = 3
MONTHS_MAX = 18
CURRENCIES_MAX = 3
MONEY, CURRENCY, CLOSING = "/details/dealValue", "/details/currency", "/details/closingDateTime"
UNNAMED = "currency not named"
MONTH_CHARS = 7  # of 2027-03-31T00:00:00Z


@dataclass(slots=True)
class Some:
    """The first few rows of a kind, and how many there are."""

    count: int = 0
    rows: list[Settled] = field(default_factory=list)

    def add(self, row: Settled, most: int = SHOWN_MAX) -> None:
        """Count a row, and keep it where there is room."""
        self.count += 1
        if len(self.rows) < most:
            self.rows.append(row)

    @property
    def more(self) -> int:
        """How many are not kept."""
        return self.count - len(self.rows)


@dataclass(frozen=True, slots=True)
class Upshot:
    """What it comes to: `level` is calm, good, attention or stopped; one headline, and what else must be known."""

    level: str
    headline: str
    also: tuple[str, ...]


@dataclass(slots=True)
class Gist:
    """What everybody must see of a report.

    `values` sums by currency and outcome how far deal values move, `months` by currency and month of closing.
    """

    report: Report
    for_good: Some = field(default_factory=Some)
    held: Some = field(default_factory=Some)
    conflicted: Some = field(default_factory=Some)
    waiting: dict[Cause, Some] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    values: dict[str, dict[Outcome, Decimal]] = field(default_factory=dict)
    months: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    needing: int = 0

    @classmethod
    def of(cls, report: Report) -> Gist:
        """Read a report once."""
        gist = cls(report)
        for row in report.rows():
            gist._add(row)
        return gist

    def _add(self, row: Settled) -> None:
        if row.outcome is Outcome.UNCHANGED or row.cause is Cause.NOT_SELECTED:
            return
        if for_good(row):
            self.for_good.add(row)
        if row.outcome in NEEDS_PERSON:
            self.needing += 1
            self._wait(row)
        if row.operations:
            before, after = row.before(), row.after()
            self.changed.update(before.keys())
            if MONEY in before:
                self._move(row, before[MONEY], after[MONEY])

    def _wait(self, row: Settled) -> None:
        match row.outcome:
            case Outcome.HELD:
                self.held.add(row)
            case Outcome.CONFLICTED:
                self.conflicted.add(row)
            case _:
                self.waiting.setdefault(row.cause, Some()).add(row, CAUSES_SHOWN_MAX)

    def _move(self, row: Settled, before: Any, after: Any) -> None:
        by = abs(_amount(after) - _amount(before))
        currency, month = _held(row, CURRENCY) or UNNAMED, _held(row, CLOSING)[:MONTH_CHARS] or "no date"
        values, months = self.values.setdefault(currency, {}), self.months.setdefault(currency, {})
        values[row.outcome] = values.get(row.outcome, Decimal(0)) + by
        months[month] = months.get(month, Decimal(0)) + by

    @property
    def verdict(self) -> Upshot:
        """Say what it comes to."""
        return _planned(self) if self.report.kind != "run" else _sent(self)


def _planned(gist: Gist) -> Upshot:
    report = gist.report
    count = report.totals.get(Outcome.PLANNED, 0)
    refusing = [one.guard for one in report.verdicts if not one.holds]
    holding = [f"{one.guard} ({one.count})" for one in report.verdicts if one.holds]
    also = ["Nothing was sent."]
    if refusing:
        also.append(f"As it stands the whole run would be refused: {', '.join(refusing)}.")
    if holding:
        also.append(f"Rows would be held until somebody lets them go: {', '.join(holding)}.")
    also += _needing(gist, left_by=holding or refusing)
    also += _for_good(gist, "would close or accept a referral for good")
    if not count:
        return Upshot("attention" if gist.needing else "calm", "Nothing is to be sent.", tuple(also))
    level = "stopped" if refusing else "attention" if holding or gist.needing else "good"
    return Upshot(level, f"{rows(count)} would change.", tuple(also))


def _sent(gist: Gist) -> Upshot:
    report = gist.report
    applied = report.totals.get(Outcome.APPLIED, 0)
    also = [] if report.requests.get("PATCH") else ["Nothing was sent."]
    also += _needing(gist, left_by=())
    also += _for_good(gist, "concern closing or accepting a referral for good", only=Outcome.APPLIED)
    if report.run.get("ended_at", "") is None:
        also.insert(0, "This run has not ended, or broke off.")
    headline = f"{rows(applied)} changed and verified." if applied else "No row changed."
    if not gist.needing:
        return Upshot("good" if applied else "calm", headline, tuple(also) or ("All rows are in step.",))
    return Upshot("attention", headline, tuple(also))


def _needing(gist: Gist, left_by: Any) -> Iterator[str]:
    if gist.needing:
        yield f"{rows(gist.needing)} need{'s' if gist.needing == 1 else ''} a person, or the next run."
    elif not left_by:
        yield "No row needs a person."


def _for_good(gist: Gist, words: str, only: Outcome | None = None) -> Iterator[str]:
    if only is None and gist.for_good.count:
        yield f"{rows(gist.for_good.count)} {words}."
    elif only is not None:
        done = [row for row in gist.for_good.rows if row.outcome is only]
        if done:
            more = " at least" if gist.for_good.more else ""
            yield f"Closed or accepted for good:{more} {rows(len(done))}."


def rows(count: int) -> str:
    """Give a number of rows in words."""
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def _held(row: Settled, path: str) -> str:
    """Give what the row asks for at a path, or what the referral holds there; '' where the row does not name it."""
    found = next((one for one in row.triples if one.path == path), None)
    return "" if found is None else str(found.desired or found.observed or "")
