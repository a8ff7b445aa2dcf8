from __future__ import annotations

import pytest
from desk import Desk, crm
from verdicts import bad_cells, judged, refused


def test_a_report_for_the_eye_is_no_input(desk: Desk) -> None:
    """In text private words are masked, and JSON holds more than rows: both are refused, as is a mask in any cell."""
    desk.rows({"CRM Id": crm(1), "Notes": "a private word"})
    assert desk.run("plan", "--report", "a.txt", "--report", "a.json").code == 0
    masked = (desk.folder / "a.txt").read_text()
    assert ("•••" in masked, "private word" in masked) == (True, False)
    desk.box.records.clear()
    refused(
        desk,
        "a.txt:1: the header does not tell its delimiter (comma: 1 cell, none configured; semicolon: 1 cell, none "
        "configured; tab: 1 cell, none configured); state rows.delimiter, or correct the column names",
        "a.txt",
    )
    said = desk.run("plan", "a.json")
    assert (said.code, desk.box.records) == (4, [])
    assert "the file's columns: run, totals, requests, guards, rows" in said.err
    way_out = "holds •••, the mask of a report; take the value from the CSV or JSON report"
    assert bad_cells(desk, "Deal", ["•••", "Anna•••", " ••• "]) == [way_out] * 3


@pytest.mark.parametrize("key", ["•••", "<clear>"])
def test_a_mask_is_no_key(desk: Desk, key: str) -> None:
    """It is told as what it is, before anything is asked."""
    desk.rows({"CRM Id": key, "Deal": "x"})
    assert [row["cause"] for row in judged(desk)] == ["bad_key"]


def test_many_faults_are_counted_and_fifty_are_shown(desk: Desk) -> None:
    """The screen stays readable, and says a reason once; every report has all of them."""
    desk.rows(*({"CRM Id": crm(n), "Amount": "12k"} for n in range(1, 61)))
    reports = ("all.txt", "all.csv", "all.json")
    said = desk.run("plan", *(word for name in reports for word in ("--report", name)))
    fault, as_above = "Amount: '12k' is not a plain number", "(for the same reason)"
    assert (said.code, said.out.count(fault), said.out.count(as_above), desk.box.records) == (3, 1, 49, [])
    assert "\n  … and 10 more; all are in the report\n\ninvalid: 60 of 60 rows are invalid (100%)" in said.out
    assert "\n60 rows: 60 invalid\n" in said.out
    text, *others = ((desk.folder / name).read_text() for name in reports)
    assert (text.count(fault), text.count(as_above)) == (1, 59)
    assert [one.count(fault) for one in others] == [60, 60]
    said = desk.run("validate")
    assert (said.code, said.out.count(fault), desk.box.records) == (3, 50, [])
    assert said.out.endswith("… and 10 more\n60 rows: 0 can be planned, 60 cannot\n")
