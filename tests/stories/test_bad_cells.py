from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from desk import COLUMNS, Desk, crm, guid, referral, renamed, sheet
from verdicts import bad_cells, judged, refused


@pytest.mark.parametrize(
    ("locale", "cells"),
    [
        ("de_DE", ("1.234,56", "1234,56")),
        ("en_US", ("1,234.56", "1234.56")),
        ("fr_FR", ("1 234,56", "1\u00a0234,56", "1\u202f234,56")),
        ("de_CH", ("1'234.56", "1\u2019234.56")),
    ],
)
def test_a_number_is_read_as_its_locale_writes_it(desk: Desk, locale: str, cells: tuple[str, ...]) -> None:
    """Group marks of every kind, and the same amount."""
    desk.configure(fields={"Amount": {"field": "dealValue", "locale": locale, "currency": "EUR"}})
    desk.put(
        "rows.csv", sheet([{"CRM Id": crm(n), "Amount": one} for n, one in enumerate(cells, 1)], ["CRM Id", "Amount"])
    )
    assert [row["after"] for row in judged(desk, code=0)] == [{"/details/dealValue": "1234.56"}] * len(cells)


def test_without_a_locale_money_is_never_guessed(desk: Desk) -> None:
    """What could be a thousand or one and a bit is told with what to write."""
    plain = "is not a plain number; write it as 12000.50 or state a locale"
    cells = {
        "1,234": "'1,234' can be read in two ways; write 1234 or 1.2340, or state a locale",
        "1.234": "'1.234' can be read in two ways; write 1234 or 1.2340, or state a locale",
        "1.234,56": f"'1.234,56' {plain}",
        "1\u00a0234,56": f"'1\\xa0234,56' {plain}",
        "1.23E+17": f"'1.23E+17' {plain}",
        "-5": "'-5' is negative; a deal value is 0 or more",
        "0.00001": "'0.00001' has too many digits; at most 15, of them 4 decimals",
    }
    assert bad_cells(desk, "Amount", list(cells), Currency="EUR") == list(cells.values())


def test_a_date_is_never_guessed(desk: Desk) -> None:
    """Day and month in either order, a day that no calendar has, and a count of days in a file that shows no dates."""
    cells = ["03/04/2026", "31/02/2026", "2026-02-31", "46082", "1.4.2026"]
    wanted = "is no date; write it as 2026-03-31, or state a date_format"
    assert bad_cells(desk, "Close Date", cells) == [f"{cell!r} {wanted}" for cell in cells]
    desk.configure(defaults={"date_format": "%d/%m/%Y"})
    wanted = "is no date; write it as %d/%m/%Y"
    assert bad_cells(desk, "Close Date", cells[1:]) == [f"{cell!r} {wanted}" for cell in cells[1:]]
    desk.rows({"CRM Id": crm(1), "Close Date": "03/04/2026"})
    assert judged(desk, code=0)[0]["after"] == {"/details/closingDateTime": "2026-04-02T22:00:00Z"}


def test_an_id_that_excel_has_spoilt_is_no_key(desk: Desk) -> None:
    """`1.23E+17` names nobody; a long number that was kept as text still does."""
    desk.box.empty([referral(1, externalReferenceId="12345678901234567890"), referral(2, externalReferenceId="007")])
    desk.rows(*({"CRM Id": key, "Deal": "x"} for key in ("1.23E+17", "1,23e+17", "12345678901234567890", "007")))
    point, comma, *kept = judged(desk)
    way_out = "Excel changed this id to a number; format the column as text and export again"
    assert (point["cause"], point["reason"]) == ("bad_key", f"CRM Id: '1.23E+17': {way_out}")
    assert (comma["cause"], comma["reason"]) == ("bad_key", f"CRM Id: '1,23e+17': {way_out}")
    assert [(row["cause"], row["id"]) for row in kept] == [("to_send", guid(1)), ("to_send", guid(2))]


def test_a_salesforce_id_is_matched_in_both_lengths_and_to_the_letter(desk: Desk) -> None:
    """Fifteen characters or eighteen are one key; another case is another opportunity."""
    desk.box.empty(
        [referral(1, externalReferenceId="006Hs00001ABCdeIAB"), referral(2, externalReferenceId="006Hs00001abcDE")]
    )
    desk.rows(*({"CRM Id": f"006{rest}", "Deal": "x"} for rest in ("Hs00001abcDE", "hs00001ABCDE")))
    (same, other) = judged(desk)
    assert (same["cause"], same["id"]) == ("to_send", guid(2))
    assert (other["cause"], other["reason"]) == (
        "not_found",
        "no referral has the externalReferenceId '006hs00001ABCDE'",
    )


def test_all_that_is_wrong_with_a_row_is_told_with_what_would_be_right(desk: Desk) -> None:
    """A word, a code, a sign and a length: one round of mending is enough."""
    desk.configure(fields={"Stage": "status", "Amount": "dealValue", "Currency": "currency", "Share": COLUMNS["Share"]})
    desk.rows({"CRM Id": crm(1), "Stage": "Open", "Amount": "-1", "Currency": "Euro", "Share": "maybe"})
    (row,) = judged(desk)
    assert row["cause"] == "bad_cell"
    assert row["reason"] == (
        "Stage: 'Open' is not one of New, Active, Closed; write one of them or translate it; "
        "Amount: '-1' is negative; a deal value is 0 or more; "
        "Currency: 'Euro' is no currency; write its ISO 4217 code, for example EUR; "
        "Share: 'maybe' is neither yes nor no; write one of them or translate it"
    )


def test_a_text_that_is_too_long_is_told_by_its_limit(desk: Desk) -> None:
    """What fits is sent, one character more is not."""
    desk.configure(limits={"cell_chars_max": 10})
    desk.rows({"CRM Id": crm(1), "Deal": "x" * 10}, {"CRM Id": crm(2), "Deal": "x" * 11})
    short, long = judged(desk)
    assert short["after"] == {"/name": "x" * 10}
    assert (long["outcome"], long["reason"]) == (
        "invalid",
        "Deal: has 11 characters; at most 10 are allowed",
    )


def test_a_status_that_may_not_move_is_told_with_its_moves(desk: Desk) -> None:
    """From Active there is no way back; nothing is tried."""
    desk.rows({"CRM Id": crm(1), "Stage": "Prospect"})
    said = desk.run("plan", "--json")
    (row,) = said.report["rows"]
    assert (row["cause"], row["patch"]) == ("status_move", [])
    assert row["reason"] == "status may not move from Active to New; from Active it may become Active or Closed"
    assert desk.box.methods.keys() <= {"GET"}


def test_a_status_that_may_not_move_is_refused_by_rule(desk: Desk) -> None:
    """The row is told and needs no person: the night ends well, tonight and every night."""
    desk.rows({"CRM Id": crm(1), "Stage": "Prospect"})
    assert judged(desk, code=0)[0]["outcome"] == "refused"


def test_control_characters_are_refused_and_invisible_ones_shown(desk: Desk) -> None:
    """What no person can see is named by its code, and on a terminal it does nothing."""
    cells = ["a\0b", "bell\x07", "\x1b[2J", "c1\x85x", "none\uffff"]
    codes = ["0000", "0007", "001B", "0085", "FFFF"]
    assert bad_cells(desk, "Deal", cells) == [f"holds the control character U+{code}; delete it" for code in codes]
    desk.rows({"CRM Id": crm(1), "Deal": "\u202egnp.exe"}, {"CRM Id": crm(2), "Deal": "zero\u200bwidth"})
    said = desk.run("plan")
    assert said.code == 0
    assert "~ name: Deal 1 -> \\u202egnp.exe\n    warning: Deal: holds invisible characters" in said.out
    assert "~ name: Deal 2 -> zero\\u200bwidth\n    warning: Deal: holds invisible characters" in said.out
    for key in ("CRM\0-1", f"{crm(1)}\u200b", "\u202eCRM"):
        desk.rows({"CRM Id": key, "Deal": "x"})
        (row,) = judged(desk)
        assert row["cause"] == "bad_key"
        assert re.search("control character|invisible characters", row["reason"])


def test_a_control_character_at_the_edge_of_a_cell_is_one_too(desk: Desk) -> None:
    """It is no space that a person typed: a form feed, a separator of records, a line break of mainframes."""
    cells = ["\x0cpage", "record\x1e", "unit\x1f", "next line\x85"]
    codes = ["000C", "001E", "001F", "0085"]
    assert bad_cells(desk, "Deal", cells) == [f"holds the control character U+{code}; delete it" for code in codes]


def test_a_column_named_with_what_nobody_sees_is_told_by_its_codes(desk: Desk) -> None:
    """Two names that look alike on the screen are told apart by the message, and it clears no screen."""
    desk.configure(fields={"Deal": "name"})
    for odd, shown in (
        ("CRM\u200b Id", "CRM\\u200b Id"),
        ("CRM\u00a0Id", "CRM\\xa0Id"),
        ("\x1b[2JCRM Id", "\\x1b[2JCRM Id"),
    ):
        desk.put("rows.csv", f"{odd},Deal\n{crm(1)},x\n")
        refused(desk, f"the file has no column 'CRM Id'; did you mean '{shown}'?\nthe file's columns: {shown}, Deal")


def test_a_cell_of_a_megabyte_is_one_rows_fault(desk: Desk) -> None:
    """The others go on, and the cell stands in files only, for who mends it."""
    desk.rows({"CRM Id": crm(1), "Deal": "x" * 1_000_000}, *renamed(2))
    said = desk.run("plan", "--json")
    long, sound = said.report["rows"]
    assert (said.code, long["outcome"], sound["cause"]) == (3, "invalid", "to_send")
    assert long["reason"] == "Deal: has 1000000 characters; at most 32767 are allowed"
    assert len(desk.run("plan").out) < 10_000


def test_a_cell_that_is_too_long_makes_no_line_ragged(desk: Desk) -> None:
    """A cause is what scripts and `tolerate` go by: the line has all its cells."""
    desk.rows({"CRM Id": crm(1), "Deal": "x" * 40_000})
    assert judged(desk)[0]["cause"] == "bad_cell"


def test_a_cell_that_nobody_maps_may_be_as_long_as_it_likes(desk: Desk) -> None:
    """A text of the CRM that no field takes is not judged; in a workbook, too, the row can be decided."""
    desk.put(
        "rows.csv", sheet([{"CRM Id": crm(1), "Deal": "New", "History": "x" * 40_000}], ["CRM Id", "Deal", "History"])
    )
    desk.configure(fields={"Deal": "name"})
    assert judged(desk, code=0)[0]["after"] == {"/name": "New"}
    assert desk.run("plan", "--report", "plan.xlsx").code == 0
    assert desk.run("plan", "plan.xlsx").code == 0


def test_a_key_that_is_too_long_is_no_key(desk: Desk) -> None:
    """It has a limit of its own."""
    desk.rows({"CRM Id": "x" * 40_000, "Deal": "New"})
    (row,) = judged(desk)
    assert (row["cause"], row["key"]) == ("bad_key", "")
    assert "longer than 200 characters" in row["reason"]


@pytest.mark.parametrize(("held", "asked"), [("NFC", "NFD"), ("NFD", "NFC"), ("NFKC", "NFD")])
def test_composed_or_not_is_no_change(desk: Desk, held: Any, asked: Any) -> None:
    """One program writes é as one character, another as two; key and value agree all the same."""
    name, key = "Größe é Ångström 각", "CRM-é"
    desk.box.empty(
        [referral(1, name=unicodedata.normalize(held, name), externalReferenceId=unicodedata.normalize(held, key))]
    )
    desk.rows({"CRM Id": unicodedata.normalize(asked, key), "Deal": unicodedata.normalize(asked, name)})
    (row,) = judged(desk, code=0)
    assert (row["cause"], row["patch"]) == ("in_step", [])
