"""Cells that a workbook or JSON has typed: what is known of them is not asked again, what is lost is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from asked import BERLIN, configured
from hypothesis import given
from hypothesis import strategies as st

from syncjob.core.cells import NO_SAVED_VALUE, parse
from syncjob.core.feeds import compiled
from syncjob.core.fields import BY_NAME
from syncjob.core.mapping import map_row
from syncjob.core.matching import key_of
from syncjob.core.reading import CellError, Reading
from syncjob.model import (
    Day,
    Desired,
    Number,
    Number1904,
    Place,
    Settled,
    SourceRow,
    Truth,
    columns_from_json,
    columns_to_json,
    dumps,
)

MONEY, DATE, NAME, CRM, STAGE = (
    BY_NAME[name] for name in ("dealValue", "closingDateTime", "name", "externalReferenceId", "salesStage")
)
GERMAN = Reading(locale="de_DE", date_format="%d.%m.%Y", time_zone=BERLIN)
SERIAL = Reading(time_zone=BERLIN, excel_serial="true")


@given(st.decimals(min_value=0, max_value=10**9, places=2))
def test_a_number_needs_no_locale(amount: Decimal) -> None:
    """What is a number already is not read as a text in some locale: 1.234 is one and a bit."""
    assert Decimal(parse(MONEY, Number(format(amount, "f")), GERMAN)) == amount
    assert Decimal(parse(MONEY, Number(format(amount, "f")), Reading())) == amount


@pytest.mark.parametrize("cell", [Day("2027-03-31"), Truth("true")])
def test_a_date_is_no_amount(cell: str) -> None:
    """Excel has made a date of 3.31; nobody knows what was written."""
    with pytest.raises(CellError, match="is no number; write the amount anew"):
        parse(MONEY, cell, Reading())


def test_a_date_needs_no_format() -> None:
    """A date of a workbook is a date, whatever the format of the others."""
    assert parse(DATE, Day("2027-03-31"), GERMAN) == parse(DATE, "31.03.2027", GERMAN) == "2027-03-30T22:00:00Z"
    assert parse(DATE, Day("2027-03-31T14:30:00"), GERMAN) == "2027-03-31T14:30:00+02:00"


def test_a_bare_number_is_no_date() -> None:
    """Unless somebody says so."""
    with pytest.raises(
        CellError, match=r"'46082' is a bare number; format the cell as a date, or set excel_serial: true"
    ):
        parse(DATE, Number("46082"), GERMAN)


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        (Number("46082"), "2026-03-01"),
        (Number("61"), "1900-03-01"),
        (Number1904("44620"), "2026-03-01"),
        (Number1904("0"), "1904-01-01"),
    ],
)
def test_a_count_of_days_is_read_as_its_workbook_counts(cell: str, day: str) -> None:
    """From 1900 as Excel does, from 1904 as it did on a Macintosh."""
    assert parse(DATE, cell, Reading(time_zone="UTC", excel_serial="true")) == f"{day}T00:00:00Z"


def test_the_fraction_of_a_count_is_the_time_of_day() -> None:
    """Half a day is noon."""
    assert parse(DATE, Number("46082.5"), SERIAL) == "2026-03-01T12:00:00+01:00"


@pytest.mark.parametrize("cell", [Number("60"), Number("-3"), Number("99999999999")])
def test_a_count_that_excel_never_makes_is_refused(cell: str) -> None:
    """Day 60 is a 29 February 1900 that never was."""
    with pytest.raises(CellError, match="no count of days that Excel makes"):
        parse(DATE, cell, SERIAL)


@pytest.mark.parametrize("cell", [Number("12345"), Number("1234567890123456"), Number("1.5")])
def test_a_number_is_no_key(cell: str) -> None:
    """Its leading zeros and its sixteenth digit are gone."""
    _, fault = key_of("externalReferenceId", cell)
    assert "is a number: Excel changed this id, or JSON lacks its quotes" in fault
    assert "match.numeric: true" in fault


def test_keys_may_be_plain_numbers() -> None:
    """Where the configuration knows that they are, up to the digits that a workbook keeps."""
    assert key_of("externalReferenceId", Number("12345"), numeric=True) == ("12345", "")
    for cell in (Number("1234567890123456"), Number("1.5")):
        _, fault = key_of("externalReferenceId", cell, numeric=True)
        assert fault.endswith("write it as text (a text column in Excel, quotes in JSON)")


def test_a_reference_that_lost_digits_is_refused() -> None:
    """As a value it would be written; as a text it is as good as any."""
    assert parse(CRM, Number("12345"), Reading(numeric=True)) == "12345"
    for cell in (Number("1234567890123456"), Number("1.5")):
        with pytest.raises(CellError, match="is a number, which a sheet may show otherwise"):
            parse(CRM, cell, Reading(numeric=True))


@pytest.mark.parametrize(
    "cell", [Number("0.25"), Number("-3"), Number("1234567890123456"), Day("2027-02-01"), Truth("true")]
)
def test_what_excel_shows_otherwise_is_no_text(cell: str) -> None:
    """25 % is 0.25 in the file and 1-2 has become a day: what a person reads there, nobody else does."""
    with pytest.raises(CellError, match=r"write it as text \(a text column in Excel, quotes in JSON\)"):
        parse(NAME, cell, Reading())
    assert parse(STAGE, Number("25"), Reading()) == "25"


def test_cells_keep_their_kind_in_json() -> None:
    """Plan and ledger give them back as they came."""
    cells = {
        "A": Number("1.10"),
        "B": Day("2027-01-01"),
        "C": Truth("true"),
        "D": Number1904("3"),
        "E": "text",
        "F": "",
    }
    back = columns_from_json(json.loads(dumps(columns_to_json(cells))))
    assert back == cells
    assert [type(cell) for cell in back.values()] == [type(cell) for cell in cells.values()]


def test_a_fault_in_a_workbook_names_its_cell() -> None:
    """By the address that Excel shows, with all faults of the row at once."""
    fields: dict[str, Any] = {"Amount": {"field": "dealValue", "currency": "EUR"}, "Close": "closingDateTime"}
    letters = {"Key": "A", "Amount": "F", "Close": "G"}
    cells = {"Key": "CRM-1", "Amount": "12k", "Close": "soon"}
    row = SourceRow(4, Place("deals.xlsx", 17, "Q3 Pipeline"), cells, letters=letters)
    found = map_row(compiled(configured(fields)), row)
    assert isinstance(found, Settled)
    assert str(found.place) == "deals.xlsx 'Q3 Pipeline'!17"
    assert found.reason == (
        "'Q3 Pipeline'!F17 Amount: '12k' is not a plain number; write it as 12000.50 or state a locale; "
        "'Q3 Pipeline'!G17 Close: 'soon' is no date; write it as 2026-03-31, or state a date_format"
    )


def test_a_row_keeps_its_letters_while_it_waits() -> None:
    """What only the remote shows to be wrong is told by address too."""
    row = SourceRow(1, Place("d.xlsx", 2, "Rows"), {"Key": "CRM-1", "Deal": "x"}, letters={"Deal": "B"})
    found = map_row(compiled(configured({"Deal": "name"})), row)
    assert isinstance(found, Desired)
    back = Desired.unpacked(found.packed())
    assert back.row.at("Deal") == "Rows!B2 Deal"
    assert back.row.place == row.place


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"field": "notes", "translate": {"call": "Call them"}}, "X: the word is not in translate; add it there"),
        ({"field": "name", "translate": {"Pilot": "Proof"}}, "X: 'Pilots' is not in translate; add it there; did you"),
    ],
)
def test_a_word_without_a_translation_is_repeated_only_where_it_is_not_private(
    target: dict[str, Any], said: str
) -> None:
    """A report is read by many: what stands in notes and about people is not shown there."""
    found = map_row(compiled(configured({"X": target})), SourceRow(1, Place("d.csv", 2), {"Key": "C", "X": "Pilots"}))
    assert isinstance(found, Settled)
    assert found.reason.startswith(said)
    assert ("Pilots" in found.reason) is (target["field"] == "name")


def test_a_formula_that_was_never_calculated_is_no_value() -> None:
    """A program has written it without a result: a row that held it for blank would clear or keep by accident."""
    columns = {"Key": "CRM-1", "Deal": NO_SAVED_VALUE}
    found = map_row(compiled(configured({"Deal": "name"})), SourceRow(1, Place("d.xlsx", 2, "Rows"), columns))
    assert isinstance(found, Settled)
    assert found.reason.endswith("formula has no saved value: open the file in Excel and save it")


def test_a_count_kept_as_text_needs_its_year() -> None:
    """Nobody can see from which year it counts: four years lie between the two."""
    with pytest.raises(CellError, match=r'say from which year it counts, excel_serial: "1900"'):
        parse(DATE, "46082", SERIAL)
    assert parse(DATE, "46082", Reading(time_zone="UTC", excel_serial="1900")) == "2026-03-01T00:00:00Z"
    assert parse(DATE, "44620", Reading(time_zone="UTC", excel_serial="1904")) == "2026-03-01T00:00:00Z"


def test_a_crm_id_that_a_sheet_has_spoilt_is_refused() -> None:
    """As a text too: so it comes out of a CSV file that Excel has saved."""
    with pytest.raises(CellError, match="a spreadsheet changed this id to a number"):
        parse(CRM, "1.23457E+17", Reading())


@pytest.mark.parametrize(("cell", "said"), [(Number("46082"), "1904"), (Number1904("46082"), "1900")])
def test_a_workbook_counts_from_its_own_year(cell: str, said: str) -> None:
    """Whatever the configuration says of texts."""
    with pytest.raises(CellError, match="counts from another year than excel_serial says; set excel_serial: true"):
        parse(DATE, cell, Reading(time_zone="UTC", excel_serial=said))


def test_a_solution_is_not_removed_by_a_word_for_people() -> None:
    """It would be written as a solution of that name."""
    with pytest.raises(CellError, match="<remove> is for people"):
        parse(BY_NAME["solutions"], "<remove> SOL-1", Reading())
