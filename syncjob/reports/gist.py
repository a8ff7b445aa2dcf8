"""A report goes in; what everybody must see of it comes out: one pass, a bounded number of rows, sums and counts.

What the page and the Markdown say first is said here once: the upshot, what cannot be undone, what is held and by whom,
who has to decide what, and how far deal values move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from syncjob.model import NEEDS_PERSON, Cause, Outcome, Report, Settled
from syncjob.reports.values import for_good

SHOWN_MAX = 20
CAUSES_SHOWN_MAX = 3
MONTHS_MAX = 18
CURRENCIES_MAX = 3
NAME, MONEY, CURRENCY, CLOSING = "/name", "/details/dealValue", "/details/currency", "/details/closingDateTime"
UNNAMED = "currency not named"
MONTH_CHARS = 7  # of 2027-03-31T00:00:00Z
SENT = (Outcome.PLANNED, Outcome.APPLIED)
# How a run may end before its rows are through, by its exit code.
CUT_SHORT = {
    1: "This run ended early: a broken assumption.",
    5: "This run ended early: a person must sign in.",
    7: "This run ended early: the remote, the retries or the time gave out.",
    8: "This run ended early: the disk or the ledger refused.",
    130: "This run was stopped.",
    143: "This run was stopped.",
}


class First(Struct):
    """The first few rows of a kind, and how many there are."""

    count: int = 0
    rows: list[Settled] = []

    def add(self, row: Settled, most: int = SHOWN_MAX) -> None:
        """Count a row, and keep it where there is room."""
        self.count += 1
        if len(self.rows) < most:
            self.rows.append(row)

    @property
    def more(self) -> int:
        """How many are not kept."""
        return self.count - len(self.rows)


class Upshot(Struct, frozen=True):
    """What it comes to: `level` is calm, good, attention or stopped; one headline, and what else must be known."""

    level: str
    headline: str
    also: tuple[str, ...]


class Gist(Struct):
    """What everybody must see of a report.

    `for_good` are rows that close or accept a referral and are not held. `values` sums by currency and outcome how far
    deal values move, `months`, of what is to be sent or was, by currency and month of closing.
    """

    report: Report
    for_good: First = field(default_factory=First)
    held: First = field(default_factory=First)
    conflicted: First = field(default_factory=First)
    waiting: dict[Cause, First] = {}
    done_for_good: int = 0
    needing: int = 0
    values: dict[str, dict[Outcome, Decimal]] = {}
    months: dict[str, dict[str, Decimal]] = {}
    moving: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, report: Report) -> Gist:
        """Read a report once."""
        gist = cls(report)
        for row in report.told():
            gist._add(row)
        return gist

    def _add(self, row: Settled) -> None:
        if row.outcome is Outcome.UNCHANGED or row.cause is Cause.NOT_SELECTED:
            return
        if row.outcome is not Outcome.HELD and for_good(row):
            self.for_good.add(row)
            self.done_for_good += row.outcome is Outcome.APPLIED
        match row.outcome:
            case Outcome.HELD:
                self.held.add(row)
            case Outcome.CONFLICTED:
                self.conflicted.add(row)
            case Outcome.PLANNED | Outcome.APPLIED:
                pass
            case _:
                self.waiting.setdefault(row.cause, First()).add(row, CAUSES_SHOWN_MAX)
        self.needing += row.outcome in NEEDS_PERSON
        if row.operations and MONEY in (before := row.before()):
            self._move(row, before[MONEY], row.after()[MONEY])

    def _move(self, row: Settled, before: Any, after: Any) -> None:
        by = abs(_amount(after) - _amount(before))
        currency = _asked(row, CURRENCY) or UNNAMED
        self.moving[currency] += 1
        values = self.values.setdefault(currency, {})
        values[row.outcome] = values.get(row.outcome, Decimal(0)) + by
        if row.outcome in SENT:
            months, month = self.months.setdefault(currency, {}), _asked(row, CLOSING)[:MONTH_CHARS] or "no date"
            months[month] = months.get(month, Decimal(0)) + by

    @property
    def upshot(self) -> Upshot:
        """Say what it comes to."""
        match self.report.kind:
            case "run":
                return _sent(self)
            case "rehearsal":
                return _rehearsed(self)
            case _:
                return _refused(self) if self.report.run.get("refused_by") else _planned(self)


def _planned(gist: Gist) -> Upshot:
    report = gist.report
    count, undoes = report.totals.get(Outcome.PLANNED, 0), report.run.get("undoes")
    refusing = [
        f"{one.guard} ({grouped(one.count)}, limit {grouped(one.limit)})" for one in report.verdicts if not one.holds
    ]
    holding = [f"{one.guard} ({grouped(one.count)})" for one in report.verdicts if one.holds]
    also = ["Nothing was sent."]
    if refusing:
        also.append(f"As it stands the whole run would be refused by {_listed(refusing)}.")
    if holding:
        also.append(f"Rows would be held until somebody lets them go, by {_listed(holding)}.")
    also += _needing(gist)
    if gist.for_good.count:
        also.append(f"{rows(gist.for_good.count)} would close or accept a referral for good.")
    what = f"To take back run {undoes}: " if undoes else ""
    if not count:
        level = "attention" if gist.needing or (undoes and report.totals.get(Outcome.REFUSED)) else "calm"
        empty = not sum(report.totals.get(one, 0) for one in Outcome)
        return Upshot(level, "The file held no rows." if empty else f"{what}Nothing is to be sent.", tuple(also))
    level = "stopped" if refusing else "attention" if holding or gist.needing else "good"
    return Upshot(level, f"{what}{rows(count)} would change.", tuple(also))


def _refused(gist: Gist) -> Upshot:
    report = gist.report
    words = [one.message for one in report.verdicts if not one.holds]
    count = report.totals.get(Outcome.PLANNED, 0)
    also = [*words, f"{rows(count)} would have changed.", *_needing(gist)]
    return Upshot("stopped", f"This run was refused by {report.run['refused_by']}. Nothing was sent.", tuple(also))


def _rehearsed(gist: Gist) -> Upshot:
    applied = gist.report.totals.get(Outcome.APPLIED, 0)
    also = ("Nothing was sent to Partner Center; its patches went to a sandbox.", *_needing(gist))
    return Upshot("attention" if gist.needing else "calm", f"Rehearsal: {rows(applied)} would have been changed.", also)


def _sent(gist: Gist) -> Upshot:
    report = gist.report
    applied, code = report.totals.get(Outcome.APPLIED, 0), report.run.get("exit_code")
    changed = f"{rows(applied)} changed and verified." if applied else "No row changed."
    also = [] if report.requests.get("PATCH") else ["Nothing was sent."]
    also += _needing(gist)
    if gist.done_for_good:
        also.append(f"Closed or accepted for good: {rows(gist.done_for_good)}.")
    if "ended_at" in report.run and report.run["ended_at"] is None:
        return Upshot("stopped", "This run has not ended, or broke off.", (changed, *also))
    if code in CUT_SHORT:
        return Upshot("stopped", CUT_SHORT[code], (changed, *also))
    if gist.needing and code == 0:
        also.append("The configuration tolerates that (exit code 0).")
    if gist.needing and code != 0:
        return Upshot("attention", changed, tuple(also))
    return Upshot("good" if applied else "calm", changed, tuple(also))


def _needing(gist: Gist) -> Iterator[str]:
    report = gist.report
    if gist.needing:
        yield f"{rows(gist.needing)} need{'s' if gist.needing == 1 else ''} a person, or the next run."
    elif not report.verdicts:
        yield "No row needs a person."
    if count := report.totals.get(Outcome.REFUSED, 0):
        yield f"{rows(count)} {'is' if count == 1 else 'are'} refused by a rule."


def _listed(words: list[str]) -> str:
    return ", ".join(words)


def rows(count: int) -> str:
    """Give a number of rows in words."""
    return f"{grouped(count)} row" if count == 1 else f"{grouped(count)} rows"


def grouped(number: int | Decimal) -> str:
    """Give a number in groups of three, parted by a thin space: no country takes that for a fraction (ISO 80000-1)."""
    return f"{number:,.0f}".replace(",", "\u202f")


def called(row: Settled) -> str:
    """Give the deal's name, where the row names it."""
    return _asked(row, NAME)


def _amount(value: Any) -> Decimal:
    try:
        found = Decimal(str(value))
    except ArithmeticError:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


def _asked(row: Settled, path: str) -> str:
    """Give what the row asks for at a path, or what the referral holds there; '' where the row does not name it."""
    found = next((one for one in row.triples if one.path == path), None)
    return "" if found is None else str(found.desired or found.observed or "")
