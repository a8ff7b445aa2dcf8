"""What the remote holds, said in the user's own columns: read again, the new cells ask for what is held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from asked import (
    AMOUNT,
    BERLIN,
    CLOSING,
    CONTACTS,
    CURRENCY,
    NOTES,
    SOLUTIONS,
    STATUS,
    SUBSTATUS,
    TEAM,
    configured,
    held_amounts,
    held_lists,
    held_moments,
    held_texts,
    means,
    people,
    solutions,
    truths,
)
from asked import PAIRS as STATUSES
from babel.localedata import locale_identifiers
from hypothesis import assume, given
from hypothesis import strategies as st

from syncjob.config.loading import load
from syncjob.core.feeds import Feeds, compiled
from syncjob.core.fields import BY_PATH, LISTS, PRIVATE
from syncjob.core.mapping import map_row
from syncjob.core.merge import Rules, merge
from syncjob.core.respelling import Respelt, respelt
from syncjob.model import (
    UNKNOWN,
    Cause,
    Day,
    Desired,
    Number,
    Number1904,
    Place,
    Settled,
    SourceRow,
    Stand,
    Triple,
    Truth,
    Wish,
)
from syncjob.model.own import PULLED_ID

CONFIGS = Path(__file__).parents[2] / "configs"
NAME, STAGE, REASON, FAVORITE, CRM_ID = "/name", "/salesStage", "/statusReason", "/favorite", "/externalReferenceId"
KEY = {"Key": "CRM-1"}
WORDS = {"Open": "New/Received", "Working": "Active", "Closed Won": "Closed/Won", "Closed Lost": "Closed/Lost"}
ANNA, BOB, ZOE = ({"email": f"{name}@x.example"} for name in ("anna", "bob", "zoe"))
FULL = {"firstName": "Zoë", "lastName": "Doe", "phoneNumber": "+41 1", "email": "zoe@x.example", "title": None}


def wishes(feeds: Feeds, columns: Mapping[str, str]) -> dict[str, Wish]:
    """Give by path what a row asks for."""
    found = map_row(feeds, SourceRow(1, Place("deals.csv", 2), columns))
    assert isinstance(found, Desired), found
    return {wish.path: wish for wish in found.wishes}


def settled(feeds: Feeds, columns: Mapping[str, str], held: Mapping[str, Any]) -> Settled:
    """Give a row and what the remote holds; where nothing is given it holds what the row asks."""
    asked = wishes(feeds, columns).values()
    triples = (
        Triple(one.path, held.get(one.path, one.desired), one.desired, UNKNOWN, one.zone, one.removed, one.column)
        for one in asked
    )
    return Settled(1, Place("deals.csv", 2), "CRM-1", columns, Cause.REMOTE_MOVED, "", triples=tuple(triples))


def lawful(feeds: Feeds, row: Settled, found: Respelt, paths: Sequence[str]) -> None:
    """Hold the law: the row with its new cells asks for what is held, or it is told why not; nothing true is lost."""
    rules = Rules(whole=frozenset(one.field.path for one in feeds.feeds if one.whole))
    before, after = wishes(feeds, row.columns), wishes(feeds, {**row.columns, **found.cells})
    held = {triple.path: triple.observed for triple in row.triples}

    def true(wish: Wish) -> bool:
        return wish.path in held and merge(wish, UNKNOWN, held[wish.path], rules) is Stand.AGREED

    for path, value in held.items():
        told = any(f" {BY_PATH[path].name} " in one for one in found.unsaid)
        nobody = BY_PATH[path].kind in LISTS and path not in rules.whole and path not in after and path in before
        never = path in (STATUS, SUBSTATUS, CURRENCY) and value in (None, "")
        assert path not in paths or told or nobody or never or (path in after and true(after[path])), (path, found)
    for path, wish in after.items():
        assert true(wish) or wish == before.get(path), (wish, found)
    assert not [path for path, wish in before.items() if true(wish) and path not in after], found
    for column, cell in found.cells.items():
        assert column != feeds.key_column(row.columns)
        assert (cell, type(cell)) != (row.columns[column], type(row.columns[column]))
    for path in PRIVATE & held.keys():
        assert not [one for one in found.unsaid if held[path] and len(str(held[path])) > 3 and str(held[path]) in one]


def spelt(fields: dict[str, Any], cells: dict[str, str], held: Mapping[str, Any], **sections: Any) -> Respelt:
    """Say in a row's own columns what is held at these paths; the law is held every time."""
    feeds = compiled(configured(fields, **sections))
    row = settled(feeds, KEY | cells, held)
    found = respelt(feeds, row, held.keys())
    lawful(feeds, row, found, [*held])
    return found


def cells(fields: dict[str, Any], row: dict[str, str], held: Mapping[str, Any], **sections: Any) -> dict[str, str]:
    """Give the new cells where all can be said."""
    found = spelt(fields, row, held, **sections)
    assert found.unsaid == ()
    return dict(found.cells)


def typed(found: Mapping[str, str]) -> dict[str, tuple[type, str]]:
    """Give cells with their types, which `==` does not tell apart."""
    return {column: (type(cell), str(cell)) for column, cell in found.items()}


# ── Texts ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("held", "cell"),
    [
        (" R&amp;D\r\nphase 2 ", "R&D\nphase 2"),
        ("A&amp;amp;B", "A&amp;amp;B"),
        ("=1+1", "=1+1"),
        (Decimal("12.50"), "12.50"),
        ("Cafe\u0301", "Café"),
    ],
)
def test_a_text_is_written_plainly(held: Any, cell: str) -> None:
    """Entities as their characters, lines kept; what was escaped twice stays, or it would mean something else."""
    assert cells({"Deal": "name"}, {"Deal": "Pilot"}, {NAME: held}) == {"Deal": cell}


@pytest.mark.parametrize(
    ("held", "why"),
    [
        ("a\x01b", "is 'a\\x01b'; it holds characters that no cell can show"),
        ("_x000D_", "is '_x000D_'; it holds characters that no cell can show"),
        ("<clear>", "is '<clear>'; nothing that the column takes says so"),
        ("#REF!", "is '#REF!'; nothing that the column takes says so"),
        ("x" * 101, "is another; nothing that the column takes says so"),
        (["x"], "is \"['x']\"; nothing that the column takes says so"),
    ],
)
def test_what_no_cell_can_hold_is_told(held: Any, why: str) -> None:
    """Control characters, escapes of workbooks, words of ours, texts that are too long, and what is no text."""
    found = spelt({"Deal": "name"}, {"Deal": "Pilot"}, {NAME: held}, limits={"cell_chars_max": 100})
    assert found == Respelt({}, (f"Deal: in Partner Center name {why}",))


def test_a_private_value_is_never_quoted() -> None:
    """Neither held nor as one of several words."""
    found = spelt({"Notes": "notes"}, {"Notes": "n"}, {NOTES: "secret\x01"})
    assert found.unsaid == ("Notes: in Partner Center notes is another; it holds characters that no cell can show",)
    fields = {"Notes": {"field": "notes", "translate": {"A": "secret", "B": "secret", "C": "n"}}}
    assert spelt(fields, {"Notes": "C"}, {NOTES: "secret"}).unsaid == (
        "Notes: in Partner Center notes is another; several words say that; choose one",
    )


def test_only_what_was_asked_for_is_written() -> None:
    """A cell that says it already, and fields that nobody asked for, are left alone; so is what no row names."""
    fields = {"Deal": "name", "Reason": "statusReason", "Stage": "salesStage"}
    feeds = compiled(configured(fields))
    row = settled(feeds, KEY | {"Deal": "Pilot ", "Reason": "r", "Stage": ""}, {NAME: "Pilot", REASON: "other"})
    assert respelt(feeds, row, [NAME, STAGE]) == Respelt({}, ())
    assert respelt(feeds, row, [NAME, REASON]) == Respelt({"Reason": "other"}, ())


def test_all_columns_that_say_a_field_say_the_new_value() -> None:
    """Of two optional columns of one field neither is left behind; a blank one stays blank."""
    fields = {one: {"field": "name", "optional": True} for one in ("Name", "NAME", "name")}
    assert cells(fields, {"Name": "Pilot", "NAME": "Pilot", "name": ""}, {NAME: "New"}) == {
        "Name": "New",
        "NAME": "New",
    }


def test_the_key_stays() -> None:
    """A column that names the row is not rewritten, or the news would go to another deal."""
    fields = {"Key": "externalReferenceId", "Deal": "name"}
    found = spelt(fields, {"Deal": "Pilot"}, {CRM_ID: "CRM-2", NAME: "New"})
    assert found == Respelt(
        {"Deal": "New"},
        ("Key: in Partner Center externalReferenceId is 'CRM-2'; the column names the row and stays",),
    )


def test_a_pulled_row_is_pulled_again() -> None:
    """It is in no CRM's words."""
    feeds = compiled(configured({"Deal": "name"}))
    row = Settled(1, Place("p.xlsx", 2), "k", {PULLED_ID: "x", "name": "Pilot"}, Cause.REMOTE_MOVED, "")
    found = respelt(feeds, row, [NAME])
    assert found.cells == {}
    assert found.unsaid == (f"{PULLED_ID}: the row was pulled from Partner Center, it is no CRM's; pull it again",)


def test_a_row_that_cannot_be_read_says_nothing() -> None:
    """Its reason is told as `validate` tells it."""
    feeds = compiled(configured({"Share": "favorite"}))
    row = Settled(
        1, Place("d.csv", 2), "k", KEY | {"Share": "x"}, Cause.REMOTE_MOVED, "", triples=(Triple(FAVORITE, 1, 0),)
    )
    (told,) = respelt(feeds, row, [FAVORITE]).unsaid
    assert told.startswith("the row cannot be read as it stands: Share: ")


# ── What was cleared ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("held", [None, ""])
def test_what_was_cleared_is_a_blank_cell(held: Any) -> None:
    """For the CRM; read here it asks for nothing unless a blank clears, which is told once."""
    assert cells({"Deal": {"field": "name", "blank": "clear"}}, {"Deal": "Pilot"}, {NAME: held}) == {"Deal": ""}
    found = spelt({"Deal": "name"}, {"Deal": "Pilot"}, {NAME: held})
    blank = "the blank cell tells the CRM so, and asks for nothing when it is read here"
    assert found == Respelt({"Deal": ""}, (f"Deal: in Partner Center name is empty; {blank}",))


def test_where_a_blank_is_an_error_no_cell_is_emptied() -> None:
    """The row could not be read any more."""
    found = spelt({"Deal": {"field": "name", "blank": "error"}}, {"Deal": "Pilot"}, {NAME: None})
    assert found == Respelt({}, ("Deal: in Partner Center name is empty; nothing that the column takes says so",))


def test_a_cleared_cell_takes_what_is_held() -> None:
    """`<clear>` and blanks that clear have no style; in a row that was typed the new cell is typed as well."""
    fields = {"Deal": "name", "Amount": "dealValue", "Currency": "currency", "Star": {"field": "favorite"}}
    row = {"Deal": "<clear>", "Amount": "<clear>", "Currency": "EUR", "Star": Truth("true")}
    assert typed(cells(fields, row, {NAME: "New", AMOUNT: "5.5"})) == {"Deal": (str, "New"), "Amount": (Number, "5.5")}
    cleared = {"Deal": {"field": "name", "blank": "clear"}}
    assert cells(cleared, {"Deal": ""}, {NAME: "New"}) == {"Deal": "New"}


def test_what_cannot_be_cleared_stays() -> None:
    """An amount that has lost its currency keeps the row's; a referral without a status says nothing of it."""
    fields = {"Amount": "dealValue", "Currency": "currency", "Status": "status"}
    row = {"Amount": "5", "Currency": "EUR", "Status": "Active"}
    assert cells(fields, row, {AMOUNT: 6, CURRENCY: None, STATUS: "", SUBSTATUS: None}) == {"Amount": "6"}


# ── Amounts ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("held", "reading", "cell"),
    [
        ("1234.5", {}, "1234.5"),
        (Decimal("1.234"), {}, "1.2340"),
        (10000, {"locale": "de_DE"}, "10000"),
        ("1234.5600", {"locale": "de_DE"}, "1234,56"),
        ("1234.5", {"locale": "de_CH"}, "1234.5"),
        ("99999999999.9999", {"locale": "fr_FR"}, "99999999999,9999"),
    ],
)
def test_an_amount_is_written_as_the_column_has_it(held: Any, reading: dict[str, Any], cell: str) -> None:
    """In its locale, never rounded, never such that it could be read in two ways."""
    fields = {"Amount": {"field": "dealValue", "currency": "EUR", **reading}}
    assert cells(fields, {"Amount": "5"}, {AMOUNT: held}) == {"Amount": cell}


@given(
    locale=st.sampled_from(sorted(one for one in locale_identifiers() if one != "root")),
    cents=st.integers(0, 10**15 - 1),
    decimals=st.integers(0, 4),
)
def test_every_locale_reads_its_amounts_back(locale: str, cents: int, decimals: int) -> None:
    """To the last digit, whatever its marks are."""
    amount = Decimal(cents).scaleb(-decimals)
    fields = {"Amount": {"field": "dealValue", "currency": "EUR", "locale": locale}}
    cells(fields, {"Amount": "5"}, {AMOUNT: amount})


@pytest.mark.parametrize("held", ["12345678901234567", "0.12345", "-5", "1E+400", "none", True])
def test_an_amount_that_no_cell_takes_is_told(held: Any) -> None:
    """Too many digits, below nothing, or no number."""
    fields = {"Amount": {"field": "dealValue", "currency": "EUR"}}
    assert spelt(fields, {"Amount": "5"}, {AMOUNT: held}).unsaid == (
        f"Amount: in Partner Center dealValue is {str(held)!r}; nothing that the column takes says so",
    )


def test_an_amount_goes_with_its_currency() -> None:
    """Into the currency's column, whichever of the two was asked for; the column may have been blank."""
    fields = {"Amount": {"field": "dealValue", "currency": "EUR"}, "Currency": "currency"}
    both = {"Amount": "6", "Currency": "USD"}
    feeds = compiled(configured(fields))
    for currency, path in product(("EUR", ""), (AMOUNT, CURRENCY)):
        row = settled(feeds, KEY | {"Amount": "5", "Currency": currency}, {AMOUNT: 6, CURRENCY: "usd"})
        assert respelt(feeds, row, [path]) == Respelt(both, ())


def test_an_amount_in_a_currency_that_no_column_says_is_told() -> None:
    """Neither is written: 6 dollars are no 6 euros."""
    fields = {"Amount": {"field": "dealValue", "currency": "EUR"}}
    assert spelt(fields, {"Amount": "5"}, {AMOUNT: "6", CURRENCY: "USD"}) == Respelt(
        {},
        (
            "Amount: in Partner Center dealValue is '6'; it is not written without its currency",
            "Amount: in Partner Center currency is 'USD'; no column says it",
        ),
    )
    words = fields | {"Currency": {"field": "currency", "translate": {"Euro": "EUR"}}}
    assert spelt(words, {"Amount": "5", "Currency": "Euro"}, {AMOUNT: "6", CURRENCY: "USD"}).cells == {}
    cleared = spelt(fields, {"Amount": "<clear>"}, {AMOUNT: "6"})  # nobody knows in which currency
    assert cleared.cells == {}


# ── Dates ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reading", "present", "held", "cell"),
    [
        ({"time_zone": BERLIN}, "2026-01-01", "2027-03-30T22:00:00Z", "2027-03-31"),
        ({"time_zone": BERLIN, "date_format": "%d.%m.%Y"}, "01.02.2026", "2027-03-30T22:00:00Z", "31.03.2027"),
        ({"time_zone": "Asia/Kolkata"}, "2022-01-01", "2022-03-24T18:30:00Z", "2022-03-25"),
        (
            {"time_zone": BERLIN, "date_format": "%Y-%m-%d %H:%M"},
            "2026-01-01 17:00",
            "2027-03-31T07:30:00Z",
            "2027-03-31 09:30",
        ),
        ({}, "2026-01-01T00:00:00Z", "2027-03-30T22:00:00.1234567Z", "2027-03-30T22:00:00.1234567Z"),
        ({}, "2026-01-01T00:00:00Z", "2027-03-30 22:00:00", "2027-03-30T22:00:00Z"),
        ({"time_zone": BERLIN}, "2026-01-01T00:00:00Z", "2027-03-30T22:00:00Z", "2027-03-30T22:00:00Z"),
        ({"time_zone": BERLIN}, "2026-01-01 00:00:00", "2027-03-30T22:00:00Z", "2027-03-31 00:00:00"),
        ({"time_zone": "UTC", "excel_serial": "1900"}, "46022", "2027-03-31T00:00:00Z", "46477"),
        ({"time_zone": "UTC", "excel_serial": "1904"}, "44560", "2027-03-31T00:00:00Z", "45015"),
        ({"time_zone": "UTC", "excel_serial": "1900"}, "2026-01-01", "2027-03-31T00:00:00Z", "2027-03-31"),
    ],
)
def test_a_date_is_the_day_where_the_row_is_written(
    reading: dict[str, Any], present: str, held: str, cell: str
) -> None:
    """In the column's form and zone; a timestamp stays one, a count of days a count of days."""
    fields = {"Close": {"field": "closingDateTime", **reading}}
    assert cells(fields, {"Close": present}, {CLOSING: held}) == {"Close": cell}


@pytest.mark.parametrize(
    ("reading", "held"),
    [
        ({"time_zone": BERLIN}, "2027-03-31"),
        ({"time_zone": BERLIN}, "soon"),
        ({}, "2027-13-31T00:00:00Z"),
    ],
)
def test_a_date_that_the_form_cannot_say_is_told(reading: dict[str, Any], held: str) -> None:
    """A day without its hour, a word, and a month that does not exist."""
    fields = {"Close": {"field": "closingDateTime", **reading}}
    assert spelt(fields, {"Close": "2026-01-01T00:00:00Z"}, {CLOSING: held}).cells == {}


def test_a_date_by_two_digits_of_its_year_is_not_moved() -> None:
    """The form would write 2127 as 27."""
    fields = {"Close": {"field": "closingDateTime", "time_zone": "UTC", "date_format": "%d.%m.%y"}}
    assert spelt(fields, {"Close": "01.01.26"}, {CLOSING: "2127-03-31T00:00:00Z"}).cells == {}


# ── Typed cells ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "present", "held", "cell"),
    [
        ({"field": "dealValue", "currency": "EUR", "locale": "de_DE"}, Number("5"), {AMOUNT: "6.5"}, Number("6.5")),
        (
            {"field": "closingDateTime", "time_zone": BERLIN},
            Day("2026-01-01"),
            {CLOSING: "2027-03-30T22:00:00Z"},
            Day("2027-03-31"),
        ),
        (
            {"field": "closingDateTime", "time_zone": "UTC", "excel_serial": True},
            Number1904("46022"),
            {CLOSING: "2027-03-31T00:00:00Z"},
            Day("2027-03-31"),
        ),
        ({"field": "favorite"}, Truth("true"), {FAVORITE: False}, Truth("false")),
        ({"field": "favorite"}, Number("1"), {FAVORITE: "False"}, Number("0")),
        ({"field": "salesStage"}, Number("60"), {STAGE: "75"}, Number("75")),
        ({"field": "salesStage"}, Number("60"), {STAGE: "075"}, "075"),
        ({"field": "salesStage"}, Number("60"), {STAGE: "late"}, "late"),
        (
            {"field": "statusReason", "translate": {"1": "budget", "2": "spam"}},
            Number("1"),
            {REASON: "spam"},
            Number("2"),
        ),
        (
            {"field": "favorite", "translate": {"True": "yes", "False": "no"}},
            Truth("true"),
            {FAVORITE: False},
            Truth("false"),
        ),
        ({"field": "favorite", "translate": {"true": "yes", "never": "no"}}, Truth("true"), {FAVORITE: False}, "never"),
    ],
)
def test_a_cell_keeps_the_type_of_its_workbook(
    field: dict[str, Any], present: str, held: dict[str, Any], cell: str
) -> None:
    """A number stays a number, a day a day, a truth value one, where the workbook would show what is meant."""
    assert typed(cells({"Cell": field}, {"Cell": present}, held)) == typed({"Cell": cell})


# ── Booleans ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("present", "cell"),
    [("yes", "no"), ("Yes", "No"), ("YES", "NO"), ("true", "false"), ("TRUE", "FALSE"), ("1", "0"), ("<clear>", "no")],
)
def test_a_boolean_takes_the_other_word_of_its_pair(present: str, cell: str) -> None:
    """In the case that the row uses."""
    assert cells({"Star": "favorite"}, {"Star": present}, {FAVORITE: False}) == {"Star": cell}
    assert cells({"Star": "favorite"}, {"Star": cell}, {FAVORITE: "True"} if present != "<clear>" else {}) in (
        {"Star": present},
        {},
    )


def test_a_boolean_speaks_the_users_language() -> None:
    """Of several words for no the one in the style of the row's yes."""
    fields = {
        "Star": {"field": "favorite", "translate": {"Ja": "yes", "J": "yes", "Nein": "no", "N": "no", "nein": "no"}}
    }
    for present, cell in {"Ja": "Nein", "J": "N", "ja": "nein"}.items():
        assert cells(fields, {"Star": present}, {FAVORITE: False}) == {"Star": cell}
    found = spelt(fields, {"Star": "j"}, {FAVORITE: False})
    assert found.unsaid == (
        "Star: in Partner Center favorite is 'False'; 'Nein' and 'N' and 'nein' say that; choose one",
    )


def test_what_is_neither_yes_nor_no_is_told() -> None:
    """And a word that only asks for nothing says nothing."""
    assert spelt({"Star": "favorite"}, {"Star": "yes"}, {FAVORITE: "maybe"}).cells == {}
    fields = {"Star": {"field": "favorite", "translate": {"Yes": "yes", "No": ""}}}
    assert spelt(fields, {"Star": "Yes"}, {FAVORITE: False}).cells == {}


# ── Words ───────────────────────────────────────────────────────────────────────────────────────


def test_status_and_substatus_are_one_word() -> None:
    """The translation backwards, whichever of the two was asked for."""
    feeds = compiled(configured({"Stage": {"field": "status", "translate": WORDS}}))
    row = settled(feeds, KEY | {"Stage": "Working"}, {STATUS: "Closed", SUBSTATUS: "Won"})
    for paths in ([STATUS], [SUBSTATUS], [STATUS, SUBSTATUS]):
        assert respelt(feeds, row, paths) == Respelt({"Stage": "Closed Won"}, ())
    back = settled(feeds, KEY | {"Stage": "Closed Won"}, {STATUS: "Active", SUBSTATUS: "Accepted"})
    assert respelt(feeds, back, [STATUS]) == Respelt({"Stage": "Working"}, ())


@pytest.mark.parametrize(
    ("row", "held", "cell"),
    [
        ({"Status": "Active"}, ("Closed", "Won"), {"Status": "Closed/Won"}),
        ({"Status": "Active"}, ("New", "Received"), {"Status": "New/Received"}),
        ({"Status": "Active", "Sub": ""}, ("Closed", "Won"), {"Status": "Closed", "Sub": "Won"}),
        ({"Status": "Active", "Sub": "Accepted"}, ("Closed", "Won"), {"Status": "Closed", "Sub": "Won"}),
        ({"Status": "Closed", "Sub": "Won"}, ("Closed", "Lost"), {"Sub": "Lost"}),
        ({"Status": "Closed/Won", "Sub": ""}, ("Closed", "Lost"), {"Status": "Closed/Lost"}),
        ({"Status": "", "Sub": "Won"}, ("Active", "Accepted"), {"Sub": "Accepted"}),
        ({"Sub": "Won"}, ("Active", "Accepted"), {"Sub": "Accepted"}),
        ({"Sub": "Won", "Status": "closed"}, ("Active", "Accepted"), {"Status": "Active", "Sub": "Accepted"}),
    ],
)
def test_status_and_substatus_stay_in_their_columns(
    row: dict[str, str], held: tuple[str, str], cell: dict[str, str]
) -> None:
    """In one column or in two, as the file has them; no column is touched that need not be."""
    fields = {"Status": {"field": "status", "optional": True}, "Sub": {"field": "substatus", "optional": True}}
    assert cells(fields, row, dict(zip((STATUS, SUBSTATUS), held, strict=True))) == cell


def test_a_status_that_the_columns_cannot_say_is_told() -> None:
    """A word of the remote that nobody knows, a part of one, and one without a word in the CRM."""
    told = "nothing that the column takes says so"
    fields = {"Stage": {"field": "status", "translate": WORDS}}
    for status, substatus in (("Paused", "Waiting"), ("Closed", None), ("Closed", "Expired"), ("Active", "Won")):
        found = spelt(fields, {"Stage": "Open"}, {STATUS: status, SUBSTATUS: substatus})
        assert found.cells == {}
        assert f"Stage: in Partner Center status is {status!r}; {told}" in found.unsaid
    two = {"Status": "status", "Sub": {"field": "substatus", "translate": {"Signed": "Won", "-": "Accepted"}}}
    both = {STATUS: "Closed", SUBSTATUS: "Won"}
    assert cells(two, {"Status": "Active", "Sub": "-"}, both) == {"Status": "Closed", "Sub": "Signed"}
    assert spelt(two, {"Status": "Active", "Sub": "-"}, {STATUS: "New", SUBSTATUS: "Error"}).cells == {}


def test_a_word_that_others_mean_as_well_is_for_a_person() -> None:
    """Who says the same already stays; else all candidates are named."""
    fields = {"Stage": {"field": "salesStage", "translate": {"Prospecting": "10", "Qualification": "10", "Won": "100"}}}
    assert cells(fields, {"Stage": "qualification"}, {STAGE: "10"}) == {}
    assert spelt(fields, {"Stage": "Won"}, {STAGE: "10"}) == Respelt(
        {},
        ("Stage: in Partner Center salesStage is '10'; 'Prospecting' and 'Qualification' say that; choose one",),
    )


@pytest.mark.parametrize(
    ("present", "held", "cell"),
    [
        ("Closed Won", "20", "To Buy"),
        ("closedwon", "20", "tobuy"),
        ("2-Develop", "30", "3-Propose"),
        ("Develop", "30", "Propose"),
    ],
)
def test_of_two_spellings_of_a_word_the_rows_style_is_taken(present: str, held: str, cell: str) -> None:
    """Labels or internal names, numbered or not: a file has one of them throughout."""
    words = {"Closed Won": "100", "closedwon": "100", "To Buy": "20", "tobuy": "20"}
    phases = {"2-Develop": "25", "Develop": "25", "3-Propose": "30", "Propose": "30"}
    fields = {"Stage": {"field": "salesStage", "translate": words | phases}}
    assert cells(fields, {"Stage": present}, {STAGE: held}) == {"Stage": cell}


def test_words_that_differ_by_number_alone_are_no_spellings() -> None:
    """`1 Meeting` and `2 Meeting` are two stages."""
    words = {"1 Meeting": "10", "2 Meeting": "10", "3 Offer": "50"}
    assert (
        spelt({"Stage": {"field": "salesStage", "translate": words}}, {"Stage": "3 Offer"}, {STAGE: "10"}).cells == {}
    )
    marks = {"+": "10", "++": "10", "-": "50"}
    assert spelt({"Stage": {"field": "salesStage", "translate": marks}}, {"Stage": "-"}, {STAGE: "10"}).cells == {}


def test_without_a_word_the_remotes_own_is_taken_if_the_column_takes_it() -> None:
    """Of an enum it does; `*` is no word of the CRM."""
    fields = {"Sub": {"field": "substatus", "translate": {"Signed": "Won", "*": "Lost"}}}
    assert cells(fields, {"Sub": "Signed"}, {STATUS: "Closed", SUBSTATUS: "Declined"}) == {"Sub": "Declined"}
    assert cells(fields, {"Sub": "Signed"}, {STATUS: "Closed", SUBSTATUS: "Lost"}) == {"Sub": "Lost"}
    assert cells(fields, {"Sub": "whatever"}, {STATUS: "Closed", SUBSTATUS: "Lost"}) == {}


# ── One column, several fields ──────────────────────────────────────────────────────────────────

TWO = {
    "Stage": [
        {"field": "salesStage", "translate": {"Offer": "60", "Talks": "40", "Closed Won": "100", "*": ""}},
        {"field": "status", "translate": {"Closed Won": "Closed/Won", "Closed Lost": "Closed/Lost", "*": ""}},
    ]
}
WON, LOST, ACTIVE = (
    dict(zip((STATUS, SUBSTATUS), one, strict=True)) for one in (STATUSES[3], STATUSES[4], STATUSES[2])
)


@pytest.mark.parametrize(
    ("present", "held", "cell"),
    [
        ("Offer", {STAGE: "40"}, "Talks"),
        ("Closed Lost", {STAGE: "x"} | LOST, None),
        ("Closed Won", {STAGE: "60"} | ACTIVE, "Offer"),  #   the deal was opened again
        ("Closed Won", {STAGE: "60"} | LOST, "Closed Lost"),
        ("Closed Won", {STAGE: "60"}, None),  #               it is still won: no word says both
        ("Offer", {STAGE: "100"}, None),  #                   nobody said that it is won
        ("Closed Lost", WON, None),  #                        nor which sales stage it has
        ("Closed Won", {STAGE: ""}, None),  #                 a blank cell would take the status along
        ("Closed Won", {STAGE: ""} | LOST, "Closed Lost"),
        ("Offer", {STAGE: ""}, ""),
    ],
)
def test_a_stage_never_says_more_than_is_known(present: str, held: dict[str, Any], cell: str | None) -> None:
    """Nothing true is lost, nothing unknown is said; what a better word leaves out is told."""
    found = spelt(TWO, {"Stage": present}, held)
    assert found.cells == ({} if cell is None else {"Stage": cell})


def test_a_column_of_words_and_of_a_text() -> None:
    """The stage itself as a text: its word must fit both."""
    fields = {"Stage": [{"field": "status", "translate": WORDS}, {"field": "salesStage"}]}
    row = {"Stage": "Working"}
    assert cells(fields, row, {STATUS: "Closed", SUBSTATUS: "Won", STAGE: "Closed Won"}) == {"Stage": "Closed Won"}
    assert spelt(fields, row, {STATUS: "Closed", SUBSTATUS: "Won", STAGE: "Working"}).cells == {}


# ── Lists ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("present", "held", "cell"),
    [
        ("anna@x.example; bob@x.example", [BOB, ZOE], "bob@x.example"),
        (
            "Anna,A,1,Anna@x.example\nbob@x.example\nZoe,,,zoe@x.example",
            [ANNA, ZOE],
            "Anna,A,1,Anna@x.example\nZoe,,,zoe@x.example",
        ),
        ("anna@x.example;bob@x.example;zoe@x.example", [ANNA, BOB], "anna@x.example;bob@x.example"),
        ("bob@x.example", [ANNA], ""),
        ("bob@x.example", None, ""),
        ("anna@x.example\n<remove> bob@x.example", [ANNA, BOB], "anna@x.example"),
        ("anna@x.example\n<remove> bob@x.example\nzoe@x.example", [ANNA], "anna@x.example\n<remove> bob@x.example"),
        ("<clear>", [ANNA], ""),
    ],
)
def test_who_was_taken_off_is_left_out(present: str, held: Any, cell: str) -> None:
    """The others stay as the row spells and parts them; nobody is added; blank where nobody is left."""
    assert cells({"Team": "team"}, {"Team": present}, {TEAM: held}) == {"Team": cell}


def test_members_stay_in_their_columns() -> None:
    """Blank where one is gone; a cell in which nobody is gone is not touched, nor one who is named twice."""
    row = {
        "Team 1": "anna@x.example",
        "Team 2": "bob@x.example",
        "Team 3": "zoe@x.example ;anna@x.example",
        "Team 4": "",
    }
    assert cells({"Team {n}": "team"}, row, {TEAM: [ANNA, ZOE]}) == {"Team 2": ""}


def test_a_blank_cell_that_would_clear_the_list_is_not_written() -> None:
    """Nobody of the row's is left, others are: a blank cell would ask to take them off."""
    fields = {"Team": {"field": "team", "blank": "clear"}}
    assert spelt(fields, {"Team": "bob@x.example"}, {TEAM: [ANNA]}) == Respelt(
        {}, ("Team: in Partner Center team is another; nothing that the column takes says so",)
    )
    assert cells(fields, {"Team": "bob@x.example"}, {TEAM: []}) == {"Team": ""}


@pytest.mark.parametrize(
    ("present", "held", "cell"),
    [
        ("anna@x.example; bob@x.example", [BOB, FULL], "bob@x.example; Zoë,Doe,+41 1,zoe@x.example"),
        ("anna@x.example\nbob@x.example", [ZOE, ANNA], "anna@x.example\nzoe@x.example"),
        ("Zoë,D,,zoe@x.example;anna@x.example", [FULL, ANNA], "Zoë,Doe,+41 1,zoe@x.example;anna@x.example"),
        ("Zoë, D, , zoe@x.example", [FULL], "Zoë, Doe, +41 1, zoe@x.example"),
        ("zoe@x.example", [FULL | {"lastName": "R&amp;D"}, ANNA], "zoe@x.example; anna@x.example"),
        ("<clear>", [ANNA, BOB], "anna@x.example; bob@x.example"),
    ],
)
def test_a_list_taken_whole_names_everybody(present: str, held: Any, cell: str) -> None:
    """Who fits stays as the row has him, who differs and who is new is written as the cell writes people."""
    fields = {"Team": {"field": "team", "list": "whole"}}
    assert cells(fields, {"Team": present}, {TEAM: held}) == {"Team": cell}


def test_newcomers_take_free_columns() -> None:
    """One each; where there are too few the list is not said by half."""
    fields = {"Team {n}": {"field": "team", "list": "whole"}}
    row = {"Team 1": "anna@x.example", "Team 2": "bob@x.example", "Team 3": ""}
    assert cells(fields, row, {TEAM: [BOB, ZOE]}) == {"Team 1": "zoe@x.example"}
    assert cells(fields, row, {TEAM: [ANNA, BOB, ZOE]}) == {"Team 3": "zoe@x.example"}
    more = [ANNA, BOB, ZOE, {"email": "max@x.example"}]
    assert spelt(fields, row, {TEAM: more}) == Respelt(
        {}, ("Team 1: in Partner Center team is another; 1 of its members find no column that is free",)
    )


def test_a_list_taken_whole_and_cleared() -> None:
    """All its columns blank, told once."""
    fields = {"Team {n}": {"field": "team", "list": "whole"}}
    found = spelt(fields, {"Team 1": "anna@x.example", "Team 2": "bob@x.example"}, {TEAM: []})
    assert found.cells == {"Team 1": "", "Team 2": ""}
    assert len(found.unsaid) == 1


@pytest.mark.parametrize(
    "held",
    [
        [FULL | {"lastName": "Doe, Jr."}],
        [{"firstName": "Zoë"}],
        [ANNA, ANNA],
        ["anna@x.example"],
        [{}],
        [FULL | {"lastName": "a\x01"}],
    ],
)
def test_a_member_that_no_cell_can_name_is_told(held: Any) -> None:
    """A comma in a name, nobody's address, one person twice, and what is no person."""
    found = spelt({"Team": {"field": "team", "list": "whole"}}, {"Team": "bob@x.example"}, {TEAM: held})
    assert found == Respelt({}, ("Team: in Partner Center team is another; nothing that the column takes says so",))


def test_solutions_are_written_with_their_parts() -> None:
    """By id alone where nothing else is known; numbers in plain digits."""
    fields = {"Solutions": {"field": "solutions", "list": "whole"}}
    held = [{"id": "SOL-1"}, {"id": "SOL-2", "currency": "EUR", "price": Decimal("1E+3"), "quantity": None}]
    assert cells(fields, {"Solutions": "SOL-1,,,"}, {SOLUTIONS: held}) == {"Solutions": "SOL-1,,,; SOL-2,EUR,1000,"}
    assert cells({"Solutions": "solutions"}, {"Solutions": "SOL-1;SOL-3"}, {SOLUTIONS: held}) == {"Solutions": "SOL-1"}


def test_a_word_for_a_team_is_for_a_person() -> None:
    """Which of the words is meant cannot be read off the people."""
    fields = {"Team": {"field": "team", "translate": {"North": "anna@x.example", "South": "bob@x.example"}}}
    assert cells(fields, {"Team": "North"}, {TEAM: [ANNA, BOB]}) == {}
    assert spelt(fields, {"Team": "North"}, {TEAM: [BOB]}).cells == {}


def test_one_column_of_two_lists() -> None:
    """Where both say the same it is written once; where they would not, neither is said."""
    fields = {"People": ["team", "customerProfile.team"]}
    row = {"People": "anna@x.example; bob@x.example"}
    assert cells(fields, row, {TEAM: [ANNA], CONTACTS: [ANNA]}) == {"People": "anna@x.example"}
    assert spelt(fields, row, {TEAM: [ANNA], CONTACTS: [BOB]}).cells == {}


# ── Presets ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("preset", ["salesforce", "hubspot", "dynamics", "partner-center"])
def test_every_word_of_a_preset_can_be_said_again(preset: str) -> None:
    """From any word to what any other means; only words of one meaning that are no spellings of each other are left."""
    feeds = compiled(load(CONFIGS / f"preset-{preset}.yaml"))
    key = {feeds.key_columns[0]: "0ed90475-9531-485d-9d9d-c9f81818e811"}
    for column in dict.fromkeys(feed.column for feed in feeds.feeds if feed.words):
        words = dict.fromkeys(
            word for feed in feeds.feeds if feed.column == column for word in feed.spelt if word != "*"
        )
        meant = {word: wishes(feeds, key | {column: word}) for word in words}
        for present, word in product([*words][:: 1 + len(words) // 12], words):
            held: dict[str, Any] = {STAGE: "33", STATUS: "Active", SUBSTATUS: "Accepted"}
            held |= {path: wish.desired for path, wish in meant[word].items()}
            row = settled(feeds, key | {column: present}, held)
            found = respelt(feeds, row, [*held])
            lawful(feeds, row, found, [*held])
            alike = [one for one in words if {**meant[one]} == meant[word]]
            if found.unsaid and meant[present].keys() == meant[word].keys():
                assert len(alike) > 1, (present, word, found)
                assert not alike[0].casefold().startswith(("closed", "appointment", "qualified", "contract"))


# ── The law ─────────────────────────────────────────────────────────────────────────────────────

text_cells = st.sampled_from(["Pilot", "A&amp;B", "x", "<clear>", "", "Ünï"])
team_cells = people().map(lambda many: "; ".join(one["email"] for one in many)) | st.sampled_from(["", "<clear>"])
solution_cells = solutions().map(lambda many: "\n".join(one["id"] for one in many)) | st.just("")
zones = st.sampled_from([BERLIN, "Asia/Kolkata", "UTC", "America/New_York"])
forms = st.sampled_from([(None, "2026-01-01"), ("%d.%m.%Y", "01.02.2026"), ("%m/%d/%y", "01/02/26")])


@st.composite
def columns(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, str]]:
    """Give a mapping of columns and the cells of a row."""
    blank = st.sampled_from([{}, {}, {"blank": "clear"}, {"blank": "error"}])
    listed = st.sampled_from([{}, {"list": "whole"}])
    form, day = draw(forms)
    zone = draw(zones)
    fields: dict[str, Any] = {
        "Deal": {"field": "name", **draw(blank)},
        "Notes": {"field": "notes", **draw(blank)},
        "Amount": {"field": "dealValue", "currency": "EUR", **draw(st.sampled_from([{}, {"locale": "de_DE"}]))},
        "Close": {"field": "closingDateTime", "time_zone": zone} | ({"date_format": form} if form else {}),
        "Star": {"field": "favorite", **draw(blank)},
        "Solutions": {"field": "solutions", **draw(listed), **draw(blank)},
    }
    fields |= draw(st.sampled_from([{"Currency": "currency"}, {}]))
    fields |= draw(
        st.sampled_from(
            [TWO, {"Stage": {"field": "status", "translate": WORDS}}, {"Stage": "status", "Sub": "substatus"}]
        )
    )
    team = {"field": "team", **draw(listed)}
    fields |= draw(st.sampled_from([{"Team": team}, {"Team {n}": team}]))
    stage = st.sampled_from(["Closed Won", "Closed Lost"]) if fields["Stage"] != "status" else st.just("Active")
    cells = {
        "Deal": draw(text_cells),
        "Notes": draw(text_cells),
        "Amount": draw(st.sampled_from(["5", "<clear>", Number("12.5"), "0"])),
        "Currency": draw(st.sampled_from(["EUR", "EUR", ""])),
        "Close": draw(st.sampled_from([day, day, Day("2026-03-31"), "2026-01-01T00:00:00Z", "<clear>"])),
        "Star": draw(st.sampled_from(["Yes", "false", "1", Truth("false"), ""])),
        "Solutions": draw(solution_cells),
        "Stage": draw(stage),
        "Sub": "",
        "Team": draw(team_cells),
        "Team 1": draw(team_cells),
        "Team 2": draw(team_cells),
    }
    return fields, cells


@st.composite
def held_values(draw: st.DrawFn) -> dict[str, Any]:
    """Give what the remote holds; a path that is left out holds what the row asks."""
    status, substatus = draw(st.sampled_from([*STATUSES, ("Paused", "Waiting"), ("", None)]))
    values = {
        NAME: draw(held_texts),
        NOTES: draw(held_texts),
        AMOUNT: draw(held_amounts()),
        CURRENCY: draw(st.sampled_from(["EUR", "EUR", "USD", None])),
        CLOSING: draw(held_moments()),
        FAVORITE: draw(truths),
        SOLUTIONS: draw(held_lists(solutions())),
        TEAM: draw(held_lists(people())),
        STATUS: status,
        SUBSTATUS: substatus,
        STAGE: draw(st.sampled_from(["60", "100", "", "x"])),
    }
    left = draw(st.sets(st.sampled_from([NAME, AMOUNT, CURRENCY, CLOSING, FAVORITE, TEAM, STAGE])))
    return {path: value for path, value in values.items() if path not in left}


@given(row=columns(), held=held_values(), data=st.data())
def test_read_again_the_new_cells_ask_for_what_is_held(
    row: tuple[dict[str, Any], dict[str, str]], held: dict[str, Any], data: st.DataObject
) -> None:
    """For every kind, feed and value: said, or told; nothing else moves; a second time there is nothing to write."""
    fields, stood = row
    feeds = compiled(configured(fields))
    found = map_row(feeds, SourceRow(1, Place("deals.csv", 2), KEY | stood))
    assume(isinstance(found, Desired))
    settled_row = settled(feeds, KEY | stood, held)
    paths = data.draw(st.lists(st.sampled_from(sorted(held)), unique=True))
    found_cells = respelt(feeds, settled_row, paths)
    lawful(feeds, settled_row, found_cells, paths)
    whole = {one.field.path for one in feeds.feeds if one.whole}
    for path, wish in wishes(feeds, {**KEY, **stood, **found_cells.cells}).items():
        if path in paths and not any(f" {BY_PATH[path].name} " in one for one in found_cells.unsaid):
            never = path in (STATUS, SUBSTATUS, CURRENCY) and held[path] in (None, "")
            assert never or means(path, wish.desired, held[path], zone=wish.zone, whole=path in whole)
    again = settled(
        feeds, {**KEY, **stood, **found_cells.cells}, {one.path: one.observed for one in settled_row.triples}
    )
    assert respelt(feeds, again, paths).cells == {}
