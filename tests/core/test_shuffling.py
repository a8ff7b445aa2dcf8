"""A pulled file that was sorted in part is refused as a whole: its edits would go to the wrong deals."""

from __future__ import annotations

from typing import Any

from asked import configured

from syncjob.core import pulled
from syncjob.core.feeds import compiled
from syncjob.core.fields import BY_NAME
from syncjob.core.shuffling import Shuffling
from syncjob.model import Place, SourceRow, dumps
from syncjob.model.own import PULLED_ID, PULLED_VALUES, PULLED_ZONE

FEEDS = compiled(configured({"Deal": "name"}))
FIELDS = tuple(BY_NAME[name] for name in ("name", "dealValue", "salesStage"))


def line(n: int, name: str, amount: str, stage: str = "10", shown: int = 0) -> SourceRow:
    """Give the row of a referral that was pulled as `Deal n`, n, 10; `shown` is the visible id where it is another."""
    referral = f"2500ec5a-0000-4000-8000-{n:012d}"
    values: dict[str, Any] = {"/name": f"Deal {n}", "/details/dealValue": n, "/salesStage": "10"}
    cells = dict(zip((one.name for one in FIELDS), (name, amount, stage), strict=True))
    hidden = {PULLED_ID: referral, PULLED_ZONE: "", PULLED_VALUES: dumps(values)}
    visible = {"id": referral[:-1] + str(shown) if shown else referral}
    return SourceRow(n, Place("p.csv", n + 1), visible | cells | hidden)


def problems(*rows: SourceRow) -> list[str]:
    """Give the columns that are told, by name."""
    shuffling = Shuffling(FEEDS)
    for row in rows:
        assert pulled.is_pulled(row.columns)
        shuffling.add(row)
    return [said.split("'")[1] for said in shuffling.problems()]


def test_columns_sorted_without_their_rows_are_told() -> None:
    """Two columns of two rows, or one of three."""
    assert problems(line(1, "Deal 2", "2"), line(2, "Deal 1", "1")) == ["name", "dealValue"]
    assert problems(line(1, "Deal 2", "1"), line(2, "Deal 3", "2"), line(3, "Deal 1", "3")) == ["name"]


def test_edits_are_edits() -> None:
    """New values, untouched rows, and two amounts that changed places by chance."""
    assert problems(line(1, "Deal 1", "1"), line(2, "Deal 2", "2")) == []
    assert problems(line(1, "Pilot", "7"), line(2, "Rollout", "8"), line(3, "Deal 3", "9")) == []
    assert problems(line(1, "Deal 1", "2"), line(2, "Deal 2", "1")) == []
    assert problems(line(1, "Deal 1", "1", "20"), line(2, "Deal 2", "2", "20"), line(3, "Deal 3", "3", "20")) == []


def test_a_row_that_is_invalid_by_itself_says_nothing() -> None:
    """Its visible id is not the hidden one: that row is told, and the others may go."""
    assert problems(line(1, "Deal 2", "2", shown=2), line(2, "Deal 1", "1", shown=1)) == []


def test_a_row_of_another_file_says_nothing() -> None:
    """It describes nothing, so nothing can be sorted without it."""
    shuffling = Shuffling(FEEDS)
    shuffling.add(SourceRow(1, Place("deals.csv", 2), {"Key": "k"}))
    assert shuffling.problems() == []
