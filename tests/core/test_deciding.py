"""A report handed in again: what it remembers is the base, what a person has decided there counts."""

from __future__ import annotations

from typing import Any

import pytest
from asked import AMOUNT, GUID, STATUS, SUBSTATUS, configured
from msgspec.structs import replace

from syncjob.core.agreeing import answered
from syncjob.core.diff import diff
from syncjob.core.feeds import compiled
from syncjob.core.mapping import map_row
from syncjob.core.merge import Rules
from syncjob.model import Cause, Change, Desired, Number, Observed, Pair, Place, Settled, SourceRow, Stand, Triple, Why
from syncjob.model.remembering import disputed, remember, remembered

FIELDS: dict[str, Any] = {
    "Deal": "name",
    "Amount": {"field": "dealValue", "currency": "EUR"},
    "Stage": {
        "field": "status",
        "translate": {"Working": "Active/Accepted", "Won": "Closed/Won", "New": "New/Received"},
    },
}
KEEP = Rules()
FEEDS = compiled(configured(FIELDS))
BASE = {"/name": "Pilot", AMOUNT: "1000", "/details/currency": "EUR"}
CELLS = {"Key": "CRM-1", "Deal": "Pilot", "Amount": "1500"}


def body(amount: int = 1200, name: str = "Pilot", status: str = "Active") -> dict[str, Any]:
    """Give the referral as it is now."""
    return {
        "id": GUID,
        "name": name,
        "status": status,
        "substatus": "Accepted" if status == "Active" else "Received",
        "details": {"dealValue": amount, "currency": "EUR"},
    }


def first(cells: dict[str, str], base: dict[str, Any], held: dict[str, Any]) -> Settled:
    """Give the conflict that a report is written of."""
    row = map_row(FEEDS, SourceRow(1, Place("deals.csv", 2), cells))
    assert isinstance(row, Desired)
    found = diff(Pair(row, Observed(GUID, '"e"', held), base), Rules())
    assert isinstance(found, Settled)
    assert found.cause is Cause.BOTH_MOVED
    return found


CONFLICT = first(CELLS, BASE, body())


def again(held: dict[str, Any], cells: dict[str, str] = CELLS, *, rules: Rules = KEEP, **own: str) -> Change | Settled:
    """Hand the report in again, decided."""
    mine = {"outcome": "conflicted", "base": remember(CONFLICT)} | own
    found = map_row(FEEDS, SourceRow(1, Place("report.xlsx", 2, "rows"), cells, own=mine))
    if isinstance(found, Settled):
        return found
    found = Desired.unpacked(found.packed())
    return diff(Pair(found, Observed(GUID, '"f"', held), found.base), rules)


def operations(found: Change | Settled) -> dict[str, Any]:
    """Give what is sent, by path."""
    assert isinstance(found, Change), found
    return {one.path: one.value for one in found.operations}


def test_a_conflict_that_nobody_decided_is_one_again() -> None:
    """The report's base is not forgotten on the way."""
    found = again(body())
    assert isinstance(found, Settled)
    assert found.cause is Cause.BOTH_MOVED
    assert found.reason == "dealValue: was 1000, the remote says 1200, the row says 1500"


def test_mine_sends_the_row_s_value() -> None:
    """The remote still holds what the person saw."""
    assert operations(again(body(), decision=" Mine ")) == {AMOUNT: "1500"}


def test_mine_does_not_count_against_what_nobody_has_seen() -> None:
    """The remote moved once more: that is another conflict."""
    found = again(body(amount=1300), decision="mine")
    assert isinstance(found, Settled)
    assert found.cause is Cause.BOTH_MOVED
    assert found.reason == "dealValue: was 1200, the remote says 1300, the row says 1500"


def test_theirs_keeps_what_the_remote_says() -> None:
    """Of that field, as drift that a person has settled; the others are what they were."""
    found = again(body(), decision="theirs")
    assert isinstance(found, Settled)
    assert found.cause is Cause.REMOTE_MOVED
    assert {one.path: (one.stand, one.why) for one in found.triples if one.path == AMOUNT} == {
        AMOUNT: (Stand.DRIFT, Why.DECIDED)
    }
    assert answered(found) == {AMOUNT: "1500"}
    assert operations(again(body(), CELLS | {"Deal": "Rollout"}, decision="THEIRS")) == {"/name": "Rollout"}


def test_a_value_settles_it_in_its_place() -> None:
    """Read as the column is read."""
    assert operations(again(body(), decision="1350")) == {AMOUNT: "1350"}
    found = again(body(), decision="12k")
    assert isinstance(found, Settled)
    assert found.reason == (
        "syncjob decision: Amount: '12k' is not a plain number; write it as 12000.50 or state a locale; "
        "or write mine or theirs"
    )


def test_a_value_cannot_settle_two_fields() -> None:
    """Nobody knows which it is meant for."""
    two = first(CELLS | {"Deal": "Mine"}, BASE, body(name="Theirs"))
    assert [one.path for one in disputed(two)] == ["/name", AMOUNT]
    found = again(body(name="Theirs"), CELLS | {"Deal": "Mine"}, base=remember(two), decision="1350")
    assert isinstance(found, Settled)
    assert found.reason == ("syncjob decision: 2 fields are in conflict (name, dealValue); write mine or theirs")
    both = operations(again(body(name="Theirs"), CELLS | {"Deal": "Mine"}, base=remember(two), decision="mine"))
    assert both == {"/name": "Mine", AMOUNT: "1500"}


def test_status_and_substatus_are_decided_as_one() -> None:
    """In the CRM's word for both."""
    cells = CELLS | {"Stage": "Won", "Amount": ""}
    base = {STATUS: "New", SUBSTATUS: "Received"}
    found = first(cells, base, body(status="Active"))
    held = body(status="Active")
    assert operations(again(held, cells, base=remember(found), decision="mine")) == {STATUS: "Closed", SUBSTATUS: "Won"}
    kept = again(held, cells, base=remember(found), decision="Working")
    assert isinstance(kept, Settled)
    assert kept.cause is Cause.IN_STEP
    theirs = again(held, cells, base=remember(found), decision="theirs")
    assert isinstance(theirs, Settled)
    assert theirs.cause is Cause.REMOTE_MOVED
    assert answered(theirs) == {STATUS: "Closed", SUBSTATUS: "Won"}


@pytest.mark.parametrize(
    "rules", [Rules(drift="overwrite"), Rules(conflict="mine"), Rules("overwrite", "mine")], ids=str
)
def test_a_decision_is_above_every_policy(rules: Rules) -> None:
    """Theirs is kept where drift is overwritten; mine against a remote that moved once more is a new conflict."""
    theirs = again(body(), rules=rules, decision="theirs")
    assert isinstance(theirs, Settled)
    assert theirs.cause is Cause.REMOTE_MOVED
    mine = again(body(amount=1300), rules=rules, decision="mine")
    assert isinstance(mine, Settled)
    assert mine.cause is Cause.BOTH_MOVED


def test_a_decision_stands_until_the_row_says_something_else() -> None:
    """What is remembered of theirs makes the remote's value news; another word of the CRM is a conflict."""
    found = again(body(), decision="theirs")
    assert isinstance(found, Settled)
    base = BASE | answered(found)
    for amount, cause in (("1500", Cause.REMOTE_MOVED), ("1600", Cause.BOTH_MOVED), ("1200", Cause.IN_STEP)):
        row = map_row(FEEDS, SourceRow(1, Place("deals.csv", 2), CELLS | {"Amount": amount}))
        assert isinstance(row, Desired)
        night = diff(Pair(row, Observed(GUID, '"g"', body()), base), Rules())
        assert isinstance(night, Settled)
        assert night.cause is cause


@pytest.mark.parametrize(
    "cell", ["", "{", "[]", '{"/name": 1}', '{"/nowhere": [1]}', '{"/name": [1, 2, 3]}', "[" * 99_999]
)
def test_a_conflict_without_its_memory_is_invalid(cell: str) -> None:
    """Without the base the row's value would win unseen."""
    found = again(body(), base=cell)
    assert isinstance(found, Settled)
    assert found.cause is Cause.BAD_CELL
    assert found.reason.startswith("syncjob base: was changed or taken out")


def test_a_decision_where_nothing_was_in_conflict_is_told() -> None:
    """It settles nothing."""
    found = again(body(), base="", outcome="rejected", decision="mine")
    assert isinstance(found, Change)
    assert found.warnings == ("syncjob decision: settles nothing here: no field of this row was in conflict",)


def test_what_is_remembered_fits_a_cell() -> None:
    """Or is left out whole; what cannot be read is told from what was never there."""
    long = replace(CONFLICT, triples=(Triple("/name", 1, 2, "x" * 40_000),))
    assert remember(long) == ""
    assert remembered("") == {}
    assert remembered("x") is None


def test_a_decision_stays_with_its_row() -> None:
    """A sheet in which only our columns, or only theirs, were sorted: nobody knows whose decision this is."""
    for cell in (remember(CONFLICT), '{"/details/dealValue":["1000","1200"]}'):
        found = again(body(), CELLS | {"Key": "CRM-2"}, base=cell, decision="mine")
        assert isinstance(found, Settled)
        assert found.cause is Cause.BAD_CELL
        assert found.reason == "syncjob base: belongs to another row; were columns sorted in part? Sort whole rows"


def test_a_typed_decision_is_the_number_that_it_is() -> None:
    """1.234 in a sheet is one and a bit, whatever a text would mean in the column's locale."""
    known = compiled(configured(FIELDS | {"Amount": {"field": "dealValue", "currency": "EUR", "locale": "de_DE"}}))
    own = {"outcome": "conflicted", "base": remember(CONFLICT), "decision": Number("1.234")}
    found = map_row(known, SourceRow(1, Place("report.xlsx", 2, "rows"), CELLS, own=own))
    assert isinstance(found, Desired)
    assert {one.path: one.desired for one in found.wishes}[AMOUNT] == "1.234"
