"""Plain rows end as the long way ends them, to the letter, and most rows are plain."""

from __future__ import annotations

from typing import Any

import pytest
from asked import BERLIN, configured
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from syncjob.core.feeds import compiled
from syncjob.core.mapping import map_row
from syncjob.core.plain import KNOWN_CHARS_MAX, KNOWN_MAX, SHAPES_MAX, Plain
from syncjob.model import Desired, Number, Place, SourceRow

STAGES = {"Closed Won": "Closed/Won", "Working": "Active", "Open": "New/Received", "Odd": "New", "": "Active"}
CONFIGURATIONS: tuple[dict[str, Any], ...] = (
    {"Deal": "name", "Amount": {"field": "dealValue", "currency": "EUR"}},
    {"Deal": "name", "Amount": "dealValue", "Currency": "currency"},
    {"Amount": {"field": "dealValue", "currency": "EUR"}, "Currency": {"field": "currency", "optional": True}},
    {"Stage": {"field": "status", "translate": STAGES}, "Deal": {"field": "name", "blank": "clear"}},
    {"Stage": "status", "Deal": "substatus", "Notes": {"field": "notes", "optional": True}},
    {"Deal": "substatus", "Stage": "status", "Close": {"field": "closingDateTime", "time_zone": BERLIN}},
    {"Amount": {"field": "dealValue", "locale": "de_DE", "currency": "EUR"}, "Team": "team", "Deal": "salesStage"},
    {"Team": "team", "Notes": "team", "Deal": {"field": "name", "blank": "error"}},
    {"Deal": "externalReferenceId", "Stage": {"field": "name", "translate": {"Open": "o", "*": "other"}}},
)
COLUMNS = ("Key", "Deal", "Amount", "Currency", "Stage", "Close", "Team", "Notes")
WORDS = """
Deal 1| x|x |<clear>|#REF!|a#|É|10|007|1.5|1.000|12,5|99999999999999999999|EUR|Euro|Active|Closed/Won|Closed Won|Won|New
Open|Odd|Accepted|2026-03-31|a@x.test|<remove> a@x.test|JosÃ©|a\tb|\u0661|Active |active| |
"""
CELLS = st.sampled_from([*WORDS.strip("\n").replace("\n", "|").split("|"), "x" * 60]) | st.text(max_size=4)
KEYS = st.sampled_from(("CRM-1", " CRM-1 ", "", "1.23E+17", "CRM\x00", "001A000001abcdefGHI"))


def mapped(plain: Plain, row: SourceRow) -> Desired | None:
    """The row as a whole, where it could be mapped in brief."""
    brief = plain.brief(row)
    assert brief is None or (brief.n, brief.line, brief.key) == (row.n, row.place.line, brief.desired().key)
    return brief.desired() if brief is not None else None


@given(
    fields=st.sampled_from(CONFIGURATIONS),
    header=st.sets(st.sampled_from(COLUMNS[1:])).map(lambda some: ("Key", *sorted(some))),
    rows=st.lists(st.tuples(KEYS, st.lists(CELLS, min_size=7, max_size=7)), min_size=1, max_size=6),
    whole=st.booleans(),
    strict=st.booleans(),
)
def test_a_plain_row_ends_as_the_long_way_ends_it(
    fields: dict[str, Any], header: tuple[str, ...], rows: list[tuple[str, list[str]]], *, whole: bool, strict: bool
) -> None:
    """Wishes, their order, key, verifying cell: whatever the header has, whatever the cells hold."""
    verify = {} if whole else {"verify": {"column": "Notes", "field": "organizationName"}}
    match = {"by": "externalReferenceId", "column": "Key", **verify}
    feeds = compiled(configured(fields, match=match, limits={"cell_chars_max": 40}), strict=strict)
    columns = COLUMNS if whole else header
    plain = Plain(feeds, columns)
    for n, (key, cells) in enumerate(rows, 1):
        known = dict(zip(COLUMNS, (key, *cells), strict=True))
        row = SourceRow(n, Place("deals.csv", n + 1), {one: known[one] for one in columns})
        found = mapped(plain, row)
        assert found is None or found == map_row(feeds, row)


PLAIN = {
    "Key": "CRM-1", "Deal": "Deal 1", "Amount": "0100", "Currency": "EUR", "Stage": "Working",
    "Close": "2026-03-31", "Team": "", "Notes": "",
}  # fmt: skip


@pytest.mark.parametrize("fields", [CONFIGURATIONS[at] for at in (0, 1, 2, 3)], ids=str)
def test_a_usual_row_is_plain(fields: dict[str, Any]) -> None:
    """The short way is taken where it can be."""
    feeds = compiled(configured(fields))
    row = SourceRow(1, Place("deals.csv", 2), PLAIN)
    found = mapped(Plain(feeds, COLUMNS), row)
    assert isinstance(found, Desired)
    assert found == map_row(feeds, row)


def test_what_is_odd_about_a_row_is_left_to_the_long_way() -> None:
    """A fault, a flaw, a warning, cells of a report, a typed cell, a column that only this row has."""
    feeds = compiled(configured(CONFIGURATIONS[2]))
    plain = Plain(feeds, ("Key", "Amount"))
    row = SourceRow(1, Place("deals.csv", 2), {"Key": "CRM-1", "Amount": "5"})
    assert mapped(plain, row) == map_row(feeds, row)
    for odd in (
        replace(row, fault="has 3 cells"),
        replace(row, flaws={"Amount": "is an object"}),
        replace(row, warnings=("cut off",)),
        replace(row, own={"decision": "mine"}),
        replace(row, columns={"Key": "CRM-1", "Amount": Number("5")}),
        replace(row, columns={"Key": Number("1"), "Amount": "5"}),
        replace(row, columns={"Key": "CRM-1", "Amount": "5", "Currency": "USD"}),
        replace(row, columns={"Key": "CRM-1"}),
        replace(row, columns={"Amount": "5"}),
    ):
        assert plain.brief(odd) is None
    by_number = compiled(
        configured(CONFIGURATIONS[2], match={"by": "externalReferenceId", "column": "Key", "numeric": True})
    )
    assert Plain(by_number, ("Key", "Amount")).brief(replace(row, columns={"Key": Number("1"), "Amount": "5"})) is None


def test_what_is_known_of_cells_has_a_bound() -> None:
    """More cells than are kept are read anew, and read alike."""
    feeds = compiled(configured({"Amount": {"field": "dealValue", "currency": "EUR"}}))
    plain = Plain(feeds, ("Key", "Amount"))
    rows = [SourceRow(n, Place("r", n), {"Key": f"k{n}", "Amount": f"{n}.50"}) for n in range(1, KNOWN_MAX + 3)]
    found = [mapped(plain, row) for row in rows]
    assert found[-1] == map_row(feeds, rows[-1])
    assert len(plain._fed[0].known) == 2


def test_long_cells_are_not_kept() -> None:
    """They hardly come twice, and a column of them would fill the memory."""
    feeds = compiled(configured({"Notes": "notes"}))
    plain = Plain(feeds, ("Key", "Notes"))
    row = SourceRow(1, Place("r", 2), {"Key": "k", "Notes": "a\n" * KNOWN_CHARS_MAX})
    assert mapped(plain, row) == map_row(feeds, row)
    assert plain._fed[0].known == {}


@pytest.mark.parametrize(("stage", "deal"), [("New", "Won"), ("Closed/Won", "Won"), ("Closed/Won", "Lost")])
def test_two_columns_that_speak_of_one_state_go_the_long_way(stage: str, deal: str) -> None:
    """Whether they agree or contradict each other: that is said there."""
    feeds = compiled(configured({"Stage": "status", "Deal": "substatus"}))
    row = SourceRow(1, Place("r", 2), {"Key": "k", "Stage": stage, "Deal": deal})
    assert Plain(feeds, ("Key", "Stage", "Deal")).brief(row) is None


def test_a_state_is_completed_once_and_known() -> None:
    """An amount without a currency, a substatus that follows: as the long way has it."""
    feeds = compiled(
        configured({"Stage": "status", "Deal": "substatus", "Amount": "dealValue", "Currency": "currency"})
    )
    plain = Plain(feeds, ("Key", "Stage", "Deal", "Amount", "Currency"))
    row = SourceRow(1, Place("r", 2), {"Key": "k", "Stage": "Active", "Deal": "", "Amount": "5", "Currency": "EUR"})
    assert mapped(plain, row) == map_row(feeds, row)
    assert mapped(plain, row) == map_row(feeds, row)
    assert plain.brief(replace(row, columns={**row.columns, "Currency": ""})) is None


def test_there_are_only_so_many_shapes() -> None:
    """Which cells are blank makes a shape; beyond their limit rows go the long way, and those that are known do not."""
    names = [f"c{n}" for n in range(9)]
    fields = ("name", "salesStage", "campaignId", "notes", "statusReason", "qualification", "referralProgram")
    texts = dict(zip(names, (*fields, "customerAction", "customerRequestedContact"), strict=True))
    feeds = compiled(configured(texts))
    plain = Plain(feeds, ("Key", *names))
    rows = [
        SourceRow(n, Place("r", n), {"Key": "k", **{name: "x" if n >> at & 1 else "" for at, name in enumerate(names)}})
        for n in range(1, 2 * SHAPES_MAX)
    ]
    found = [mapped(plain, row) for row in rows]
    assert [one is None for one in found] == [n > SHAPES_MAX for n in range(1, 2 * SHAPES_MAX)]
    assert found[:SHAPES_MAX] == [map_row(feeds, row) for row in rows[:SHAPES_MAX]]
    assert mapped(plain, rows[0]) == found[0]
