from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest
from desk import Desk, crm, renamed
from verdicts import judged, refused

pytestmark = pytest.mark.long


def add_sheet(file: Path, name: str = "Notes", *, first: bool = False) -> None:
    """Let a person put a sheet of their own into a workbook, and save it."""
    made = openpyxl.load_workbook(file)
    made.create_sheet(name, 0 if first else None).append(["to do"])
    made.save(file)


@pytest.mark.parametrize("first", [False, True])
def test_a_report_with_a_persons_own_sheet_is_still_our_report(desk: Desk, *, first: bool) -> None:
    """Its table is read, wherever they have put theirs."""
    desk.rows(*renamed(1), {"CRM Id": crm(2), "Amount": "12k"})
    assert desk.run("plan", "--report", "a.xlsx").code == 3
    add_sheet(desk.folder / "a.xlsx", first=first)
    assert {row["row"]["sheet"] for row in judged(desk, "a.xlsx")} == {"rows"}
    assert desk.run("retry", "a.xlsx").code == 3


def test_a_pulled_workbook_with_a_persons_own_sheet_is_still_ours(desk: Desk) -> None:
    """Nothing was edited, so nothing is planned."""
    assert desk.run("pull", "-o", "a.xlsx").code == 0
    add_sheet(desk.folder / "a.xlsx")
    assert {row["cause"] for row in judged(desk, "a.xlsx", code=0)} == {"in_step"}


def test_ticked_links_with_a_persons_own_sheet_are_still_ours(desk: Desk) -> None:
    """The sheet to tick is read."""
    desk.rows({"CRM Id": "A-1", "Deal": "Deal 1"})
    assert desk.run("link", "-o", "links.xlsx").code in (0, 3)
    add_sheet(desk.folder / "links.xlsx")
    desk.configure(match={"by": "externalReferenceId", "column": "CRM Id", "links": "links.xlsx"})
    assert "sheets" not in desk.run("plan").err


def test_a_workbook_of_somebody_elses_is_not_guessed_at(desk: Desk) -> None:
    """A sheet called as one of ours is none without our mark."""
    made = openpyxl.Workbook()
    made.active.title = "rows"
    made.save(desk.folder / "a.xlsx")
    add_sheet(desk.folder / "a.xlsx")
    refused(desk, "a.xlsx: has 2 sheets: rows, Notes; set rows.sheet to one of them", "a.xlsx")


def test_a_cell_that_speaks_of_us_leaves_the_configuration_alone(desk: Desk) -> None:
    """The export of the CRM is read as it is configured, whatever somebody has written into it."""
    desk.configure(rows={"file": "nightly.csv", "encoding": "cp1252", "delimiter": ";"}, fields={"Deal": "name"})
    desk.put("rows.csv", f"CRM Id;Deal\r\n{crm(1)};Müller, syncjob outcome\r\n".encode("cp1252"))
    assert judged(desk, "rows.csv", code=0)[0]["after"] == {"/name": "Müller, syncjob outcome"}
