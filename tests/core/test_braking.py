"""The guards that refuse a whole plan: what they count, when they act, and that their words hold the numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from asked import AMOUNT, CURRENCY, NOTES, TEAM

from syncjob.core.guard import touched, verdicts
from syncjob.core.tally import Earlier, Tally
from syncjob.model import Cause, Operation, Place, Settled, Triple
from syncjob.settings.guards import Guards

READ = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)


def row(cause: Cause = Cause.TO_SEND, **moves: tuple[Any, Any]) -> Settled:
    """Give a planned row that moves fields from one value to another; a path's last part names it."""
    paths = {"name": "/name", "notes": NOTES, "amount": AMOUNT, "currency": CURRENCY, "team": TEAM}
    triples = tuple(Triple(paths[one], old, new, "base", column=one.title()) for one, (old, new) in moves.items())
    operations = tuple(Operation("replace", one.path, one.desired) for one in triples if one.observed != one.desired)
    return Settled(1, Place("rows.csv", 2), "K", {}, cause, "", "id", '"e"', triples=triples, operations=operations)


def counted(*rows: Settled, unchanged: int = 0, **known: Any) -> Tally:
    """Count these rows, and so many that change nothing."""
    tally = Tally(**known)
    for one in (*rows, *[row(Cause.IN_STEP)] * unchanged):
        tally.add(one, touched)
    return tally


def acting(tally: Tally, allowed: dict[str, int | None] | None = None, **guards: Any) -> dict[str, str]:
    """Give what would act, by guard, of the guards that refuse; `changes` is left out unless it is asked for."""
    known: dict[str, Any] = {"changes": None, "column": None, "clears": None, "unmatched": None, "rows": None}
    found = verdicts(tally, Guards.model_validate(known | guards), allowed or {})
    return {one.guard: one.message for one in found if not one.holds}


@pytest.mark.parametrize(
    ("changed", "unchanged", "limit", "allowed", "acts"),
    [
        (26, 74, 0.25, {}, True),
        (25, 75, 0.25, {}, False),
        (40, 9, 0.25, {}, False),  # shares count from 50 rows
        (3, 1, 2, {}, True),
        (100, 0, None, {}, False),
        (100, 0, 0.25, {"column": None}, False),
        (100, 0, 0.25, {"column": 100}, False),
        (100, 0, 0.25, {"column": 99}, True),
    ],
)
def test_a_column_that_changes_everywhere_is_named(
    changed: int, unchanged: int, limit: float | None, allowed: dict[str, int | None], *, acts: bool
) -> None:
    """By its name in the file and its field's, with how many rows."""
    tally = counted(*[row(name=("a", "b"))] * changed, unchanged=unchanged)
    found = acting(tally, allowed, column=limit)
    assert set(found) == ({"column"} if acts else set())
    assert all(f"column 'Name' (name) in {changed} would change" in words for words in found.values())


def test_of_several_columns_all_are_named_the_worst_first() -> None:
    """A file whose columns were shifted shows more than one; a run that is undone changes what it had changed."""
    rows = [row(name=("a", "b"), notes=("a", "b"))] * 40 + [row(name=("a", "b"))] * 20
    words = acting(counted(*rows), column=0.25)["column"]
    assert words.startswith("of 60 rows column 'Name' (name) in 60, column 'Notes' (notes) in 40 would change, 15")
    assert acting(counted(*rows, rows_undone=60), column=0.25) == {}


def test_changes_say_which_fields() -> None:
    """So that one glance tells what has happened to the export."""
    words = acting(counted(*[row(name=("a", "b"))] * 2, row(notes=("a", "b"))), changes=2)["changes"]
    assert "3 of 3 rows would change (100%; name 2, notes 1), 2 allowed" in words


@pytest.mark.parametrize(("limit", "acts"), [(1, True), (2, False), (None, False), (0.5, False)])
def test_fields_that_would_be_emptied_are_counted(limit: float | None, *, acts: bool) -> None:
    """Only what was there before and is nothing afterwards, whichever nothing it is."""
    tally = counted(
        row(notes=("text", None)),
        row(notes=("text", ""), name=("a", "b")),
        row(notes=(None, "")),
        row(Cause.IN_STEP, notes=("text", None)),
    )
    assert tally.clears == 2
    found = acting(tally, clears=limit)
    assert set(found) == ({"clears"} if acts else set())
    assert all("2 fields would be emptied, 1 allowed" in words for words in found.values())


def test_deal_values_are_summed_by_currency() -> None:
    """How far they move, up or down; the words name currency and sum."""
    rows = (
        row(amount=("1000", "1500"), currency=("EUR", "EUR")),
        row(amount=("1000", "400"), currency=("EUR", "EUR")),
        row(amount=(None, "700.5"), currency=("USD", "USD")),
        row(amount=("9", "5000")),
    )
    tally = counted(*rows)
    assert tally.moved == {"EUR": Decimal(1100), "USD": Decimal("700.5"), "?": Decimal(4991)}
    assert acting(tally, value={"EUR": 1100, "USD": 701}) == {}
    assert "deal values in EUR would move by 1,100 in all, 1,000 allowed" in acting(tally, value={"EUR": 1000})["value"]
    assert acting(tally, {"value": None}, value={"EUR": 1}) == {}
    assert acting(tally, {"value": 2000}, value={"EUR": 1})["value"].startswith("deal values in ? would move by 4,991")


@pytest.mark.parametrize(("unmatched", "limit", "acts"), [(13, 0.2, True), (12, 0.2, False), (60, None, False)])
def test_rows_without_a_referral_may_be_another_tenants(unmatched: int, limit: float | None, *, acts: bool) -> None:
    """Beyond a share the run is refused before anything is sent."""
    tally = counted(*[row(Cause.NOT_FOUND)] * unmatched, unchanged=60 - unmatched)
    found = acting(tally, unmatched=limit)
    assert set(found) == ({"unmatched"} if acts else set())
    assert all("13 of 60 rows name no referral (22%), 12 allowed" in words for words in found.values())


@pytest.mark.parametrize(
    ("hours", "before", "age", "allowed", "words"),
    [
        (1, None, None, {}, ""),
        (40, None, "26h", {}, "40 hours before it was read"),
        (26, None, "26h", {}, ""),
        (40, 20, None, {}, "the one that the last run has read at 2026-11-25T06:00"),
        (20, 40, None, {}, ""),
        (40, 20, None, {"age": None}, ""),
        (40, 20, "26h", {"age": 48}, ""),
        (40, 20, None, {"age": 24}, "40 hours before it was read"),
    ],
)
def test_an_old_export_is_not_sent(
    hours: int, before: int | None, age: str | None, allowed: dict[str, int | None], words: str
) -> None:
    """Older than allowed, or older than the file that the last run has read: last night's, put back by mistake."""
    earlier = Earlier(1, None if before is None else READ - timedelta(hours=before))
    tally = counted(read=READ, written=READ - timedelta(hours=hours), earlier=earlier)
    found = verdicts(tally, Guards.model_validate({"age": age}), allowed)
    assert bool(found) == bool(words)
    assert all(words in one.message for one in found)


def test_of_a_file_that_nobody_knows_the_age_of_nothing_is_said() -> None:
    """Standard input has none."""
    assert acting(counted(read=READ, earlier=Earlier(1, READ)), age="1h") == {}
