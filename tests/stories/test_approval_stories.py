"""Approval in Excel: the plan's workbook is ticked row by row, and only what was ticked is sent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from desk import Desk, crm, guid, renamed

pytestmark = pytest.mark.long

ROWS = {"CRM Id": "CRM-00004", "Stage": "Won"}


def tick(path: Path, change: Callable[[dict[str, Any], int], Any], by: str = "Jana Nováková") -> None:
    """Let a person work through the rows of a workbook and save it."""
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    names = [str(cell.value) for cell in sheet[1]]
    for n, line in enumerate(sheet.iter_rows(min_row=2), start=1):
        cells = dict(zip(names, line, strict=True))
        change(cells, n)
    book.properties.lastModifiedBy = by
    book.save(path)


def planned(desk: Desk) -> Path:
    """Plan three renamings and a close, with a workbook to tick."""
    desk.rows(*renamed(1, 2, 3), ROWS)
    said = desk.run("plan", "-o", "t.syncplan", "--report", "t.xlsx")
    assert said.code == 0, said.err
    return desk.folder / "t.xlsx"


def ticking(*numbers: int) -> Callable[[dict[str, Any], int], None]:
    """Tick those rows."""

    def change(cells: dict[str, Any], n: int) -> None:
        if n in numbers:
            cells["syncjob send?"].value = "Yes"

    return change


def test_only_ticked_rows_are_sent(desk: Desk) -> None:
    """The others are held, and the record says who approved."""
    path = planned(desk)
    tick(path, ticking(1, 3))
    said = desk.run("apply", "t.syncplan", "--approved", path, "--yes", "--json")
    assert said.code == 3, said.err
    assert said.outcomes == {crm(1): "applied", crm(2): "held", crm(3): "applied", crm(4): "held"}
    assert said.causes[crm(2)] == said.causes[crm(4)] == "not_approved"
    assert {record.path.rpartition("/")[2] for record in desk.box.patches} == {guid(1), guid(3)}
    run = said.report["run"]
    assert (run["approved_in"], run["approved_by"]) == ("t.xlsx", "Jana Nováková")
    assert run["approved_digest"].startswith("sha256:")
    assert "Nováková" not in said.err


def test_a_tick_lifts_no_guard(desk: Desk) -> None:
    """A close stays held until somebody allows it; a close that nobody ticked needs no allowance."""
    path = planned(desk)
    tick(path, ticking(4))
    said = desk.run("apply", "t.syncplan", "--approved", path, "--yes", "--json")
    assert said.causes[crm(4)] == "closes"
    assert not desk.box.patches
    path = planned(desk)
    tick(path, ticking(4))
    said = desk.run("apply", "t.syncplan", "--approved", path, "--yes", "--json", "--allow", "closes=1")
    assert said.outcomes[crm(4)] == "applied"


def test_the_question_counts_what_was_ticked(desk: Desk) -> None:
    """Who is asked at the terminal sees the number that will leave."""
    path = planned(desk)
    tick(path, ticking(1, 3))
    said = desk.at_terminal("apply", "t.syncplan", "--approved", path, answers="y\n")
    assert "Send 2 changes to" in said.err
    assert "stay held" not in said.err
    assert said.code == 3


def test_sorted_filtered_and_deleted_rows_are_no_ticks(desk: Desk) -> None:
    """Rows are found by their number, wherever they stand."""
    path = planned(desk)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    lines = [[cell.value for cell in line] for line in sheet.iter_rows()]
    at = lines[0].index("syncjob send?")
    lines[3][at] = "x"
    sheet.delete_rows(2, 9)
    for line in (lines[3], lines[1]):
        sheet.append(line)
    book.save(path)
    said = desk.run("apply", "t.syncplan", "--approved", path, "--yes", "--json")
    assert said.outcomes == {crm(1): "held", crm(2): "held", crm(3): "applied", crm(4): "held"}


def test_an_edited_cell_is_refused(desk: Desk) -> None:
    """What is sent is the plan: who wants another value plans again. The address is told, the value is not."""
    path = planned(desk)

    def work(cells: dict[str, Any], n: int) -> None:
        cells["syncjob send?"].value = "yes"
        if n == 2:
            cells["Deal"].value = "Another name"

    tick(path, work)
    said = desk.run("apply", "t.syncplan", "--approved", path, "--yes")
    assert said.code == 4
    words = "t.xlsx rows!B3 Deal: differs from the plan, and what is sent is the plan; plan the edited file anew"
    assert words in said.err
    assert "Another name" not in said.err
    assert not desk.box.patches


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("syncjob send?", "perhaps", "syncjob send? says 'perhaps'; write yes, or leave it blank"),
        ("syncjob n", "zwei", "syncjob n was changed to 'zwei'; make the report of the plan again"),
        ("syncjob n", "2", "stands twice, here and at t.xlsx rows!2; keep one of them"),
        ("syncjob n", "77", "4 rows of the report are not in plan"),
        ("syncjob plan", "other", "was made from plan other, this is plan"),
        ("syncjob plan", None, "is no row of a plan's report, this is plan"),
    ],
)
def test_what_nobody_can_understand_is_refused(desk: Desk, column: str, value: str | None, said: str) -> None:
    """Nothing is sent on half an approval."""
    path = planned(desk)

    def work(cells: dict[str, Any], n: int) -> None:
        cells[column].value = value if value != "77" else f"7{n}"

    tick(path, work)
    found = desk.run("apply", "t.syncplan", "--approved", path, "--yes")
    assert (found.code, said in found.err) == (4, True), found.err
    assert not desk.box.patches


def test_the_workbook_of_another_plan_is_refused(desk: Desk) -> None:
    """Though it looks the same."""
    path = planned(desk)
    kept = path.read_bytes()
    planned(desk)
    path.write_bytes(kept)
    found = desk.run("apply", "t.syncplan", "--approved", path, "--yes")
    assert (found.code, "tick the report of this very plan" in found.err) == (4, True)


def test_an_approval_goes_with_a_kept_plan(desk: Desk) -> None:
    """A file that is planned in the same go was seen by nobody."""
    path = planned(desk)
    found = desk.run("apply", "rows.csv", "--approved", path, "--yes")
    assert (found.code, "--approved goes with a kept plan" in found.err) == (2, True)
