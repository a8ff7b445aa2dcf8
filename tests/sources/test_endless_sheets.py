"""Promises against sheets that were made to hold up whoever looks them over: time grows with size, no faster."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from books import HEADER, MAIN, SHEET, opened, packed, parts, refusal, text

from syncjob.errors import InputRefused
from syncjob.settings import Rows
from syncjob.sources import excel, sheetscan, workbook
from syncjob.sources.letters import letters_of
from syncjob.sources.package import Package
from syncjob.sources.sheetscan import SheetScan

pytestmark = pytest.mark.long

BYTES = 1_500_000  # a pattern that goes back over them takes minutes
SECONDS_MAX = 20.0  # of work, not of waiting: minutes for a pattern that goes back
ROW = f'<row r="2">{text("A2", "1")}<c r="B2"><v>5</v></c></row>'
# what is never closed, over and over
ENDLESS = (
    '<c r="C3" t="e">',
    '<c r="C3" t="e"><v>',
    '<c r="C3" t="e"><v ',
    '<c t="e" ',
    '<c r="C3"',
    '<c r="C3" ',
    "<c ",
    "<row ",
    "<row",
    "<c><f>",
    "<c><f ",
    "<c><f/><v>",
    "<c><f/><v> ",
    '<c t="e" t = "e',
    "<col ",
    '<col hidden="1" ',
    "<mergeCell ",
    ' t = "e"',
    " ",
    "<",
)


@pytest.mark.parametrize("before", ["", '<c r="C3"><f/>', '<c t="e">', '<c t="e"><v', "<c "])
@pytest.mark.parametrize("endless", ENDLESS)
def test_a_sheet_is_gone_through_once(endless: str, before: str) -> None:
    """Whatever is left open in it, and however often."""
    hint = '<c r="A1" t="e"><v>#REF!</v></c><f hidden="1"/>'  # so that every pattern is tried
    row = f'<row r="3">{hint}{before}{endless * (BYTES // len(endless))}</row>'
    scan, began = SheetScan("x"), time.process_time()
    try:
        scan.feed(f'<worksheet xmlns="{MAIN}"><sheetData>{row}'.encode())
        scan.feed(f"</sheetData>{endless * 100_000}</worksheet>".encode())
        scan.close()
    except InputRefused:
        pass
    assert time.process_time() - began < SECONDS_MAX


def test_a_sheet_without_its_root_is_looked_for_once() -> None:
    """What was seen is not seen again with every piece that comes."""
    scan, began = SheetScan("x"), time.process_time()
    for _ in range(3_000):
        scan.feed(b"<a" * 8_000)
    assert time.process_time() - began < SECONDS_MAX


@pytest.mark.parametrize("endless", ["<workbookPr ", "<sheet ", "<sheet", "<a:", "a", "a ", 'a="', "<sheet a=' b"])
def test_what_is_said_of_the_sheets_is_gone_through_once(tmp_path: Path, endless: str) -> None:
    """The small parts are bounded, and the time for them too."""
    for part in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
        made = parts(HEADER + ROW)
        made[part] = made[part].replace(">", f"><sheet {endless * (BYTES // len(endless))}>", 1)
        file, began = packed(tmp_path / "a.xlsx", made), time.process_time()
        workbook.workbook_of(Package(file, "a.xlsx"), "a.xlsx")
        assert time.process_time() - began < SECONDS_MAX


def test_a_workbook_names_so_many_sheets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One part may be named over and over."""
    monkeypatch.setattr(workbook, "SHEETS_MAX", 2)
    sheets = '<sheet name="Pipeline" sheetId="1" r:id="rId1"/>' * 3
    assert refusal(packed(tmp_path / "a.xlsx", parts(HEADER + ROW, sheets=sheets))) == (
        "a.xlsx: names more than 2 sheets; open it in Excel and save it anew"
    )


def test_looking_over_ends_at_the_deadline_as_well(tmp_path: Path) -> None:
    """The reader's time is not the only one."""
    file = packed(tmp_path / "slow.xlsx", parts(HEADER + ROW))
    assert refusal(file, rows=Rows(workbook_s=1e-9)) == (
        "slow.xlsx: was not looked over in 1e-09 s (rows.workbook_s); "
        "open the file in Excel and save it anew, or export the rows as CSV"
    )


def wide(columns: int) -> str:
    """Give the XML of a header of so many columns, and of a row."""
    names = ["Deal ID", "Amount", *(f"c{n}" for n in range(columns - 2))]
    return f'<row r="1">{"".join(text(f"{letters_of(n)}1", name) for n, name in enumerate(names, 1))}</row>{ROW}'


def test_columns_are_described_once_each(tmp_path: Path) -> None:
    """No sheet has more of them; hidden ones that overlap are counted once."""
    col = '<col min="{}" max="{}" hidden="1"/>'
    many = "".join(col.format(n, n + 1) for n in range(3, sheetscan.COLUMNS_MAX + 3))
    file = packed(tmp_path / "c.xlsx", parts(wide(2_000), above=f"<cols>{many}</cols>"))
    began = time.process_time()
    assert opened(file).notes == ("1998 hidden columns included",)
    assert time.process_time() - began < SECONDS_MAX
    file = packed(tmp_path / "c.xlsx", parts(wide(3), above=f"<cols>{many}{col.format(1, 1)}</cols>"))
    assert "c.xlsx: sheet 'Pipeline': describes more than 16,384 columns; open the file" in refusal(file)


def test_hidden_columns_are_counted_wherever_they_stand() -> None:
    """In any order, apart, side by side or within one another."""
    ranges = [(7, 7), (2, 9), (3, 4), (12, 12), (20, 30)]
    for column in range(1, 33):
        within = any(least <= column <= most for least, most in ranges)
        assert excel._count_within([column], ranges) == within
    assert excel._count_within([1, 2, 9, 10, 12, 25], ranges) == 4
    assert excel._count_within([1], ()) == 0


def test_merged_ranges_are_held_against_the_columns_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand of them beside thousands of columns, and not one more."""
    merged = "".join(f'<mergeCell ref="XFA{n}:XFD{n}"/>' for n in range(2, sheetscan.MERGED_MAX + 2))
    below = f"<mergeCells>{merged}</mergeCells>"
    file, began = packed(tmp_path / "m.xlsx", parts(wide(2_000), below=below)), time.process_time()
    assert opened(file).notes == ()
    assert time.process_time() - began < SECONDS_MAX
    monkeypatch.setattr(sheetscan, "MERGED_MAX", 99_999)
    assert "more than 99,999 merged ranges" in refusal(file)


def test_many_merged_cells_in_the_header_are_one_refusal(tmp_path: Path) -> None:
    """The first few are named."""
    merged = "".join(f'<mergeCell ref="A1:B{n}"/>' for n in range(2, 15))
    said = refusal(packed(tmp_path / "m.xlsx", parts(HEADER + ROW, below=f"<mergeCells>{merged}</mergeCells>")))
    assert said.count("\n") == 0
    assert said.endswith("A1:B11 and 3 more; unmerge them and name each column")


def test_a_prefix_is_bounded(tmp_path: Path) -> None:
    """One of a program's making is short."""
    made = parts(HEADER + ROW)
    for chars, fine in ((sheetscan.PREFIX_CHARS_MAX - 1, True), (sheetscan.PREFIX_CHARS_MAX + 1, False)):
        p = "p" * chars
        sheet = made[SHEET].replace("</", f"</{p}:").replace("<", f"<{p}:").replace(f"<{p}:/", "</")
        scan = SheetScan("x")
        scan.feed(sheet.encode())
        assert (scan._tags is not None) is fine
