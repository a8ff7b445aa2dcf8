from __future__ import annotations

import datetime as dt
import io
import random
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from books import book, packed, parts, text
from desk import COLUMNS, Desk, crm, guid, referral, renamed, sheet
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from verdicts import judged, refused

from syncjob.sources import sheetscan

pytestmark = pytest.mark.long

NAMES = list(COLUMNS)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
DAY = dt.datetime(2027, 5, 1)  # noqa: DTZ001  # a workbook's dates have no zone
MERGED = '<mergeCells><mergeCell ref="{}"/></mergeCells>'


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Lay a desk whose rows are a workbook."""
    desk.configure(rows={"file": "rows.xlsx"})
    return desk


def row_of(n: int, *cells: str) -> str:
    """Give the XML of a row of texts."""
    return f'<row r="{n}">{"".join(text(f"{chr(65 + at)}{n}", cell) for at, cell in enumerate(cells))}</row>'


HEAD = row_of(1, *NAMES)
ONE_ROW = HEAD + row_of(2, crm(1), "Renamed")


def put(
    desk: Desk, rows: str = ONE_ROW, *, below: str = "", sheets: str = "", more: Mapping[str, str | bytes] | None = None
) -> Path:
    """Zip a workbook of these rows, and of these parts beside them or in their place."""
    made: dict[str, str | bytes] = {**parts(rows, below=below, sheets=sheets), **(more or {})}
    return packed(desk.folder / "rows.xlsx", made)


def saved(made: openpyxl.Workbook, desk: Desk) -> None:
    """Save a workbook as the desk's rows."""
    made.save(desk.folder / "rows.xlsx")


def scripted(*rows: dict[str, Any], of_1904: bool = False) -> openpyxl.Workbook:
    """Make a workbook as a script would, under the desk's columns."""
    made = openpyxl.Workbook()
    if of_1904:
        made.epoch = CALENDAR_MAC_1904
    for row in ({name: name for name in NAMES}, *rows):
        made.active.append([row.get(name) for name in NAMES])
    return made


# ── Cells ────────────────────────────────────────────────────────────────────────────────────────

NUMBERED = "Excel changed this id, or JSON lacks its quotes; write it as text (a text column in Excel, quotes in JSON)"
NUMERIC = f"is a number: {NUMBERED}, or set match.numeric: true where every key is a plain number"
ERROR = "is an error of Excel; mend the formula, or widen the column, and export again"
# what stands in the row                             | key, cause and reason
CELLS: tuple[tuple[dict[str, Any], tuple[str, str, str]], ...] = (
    ({"CRM Id": crm(1), "Amount": 1234.5, "Currency": "EUR", "Close Date": DAY}, (crm(1), "to_send", "")),
    ({"CRM Id": crm(2), "Amount": "#DIV/0!"}, (crm(2), "bad_cell", f"Pipeline!D5 Amount: #DIV/0! {ERROR}")),
    ({"CRM Id": crm(3), "Deal": "#REF!"}, (crm(3), "bad_cell", f"Pipeline!B6 Deal: #REF! {ERROR}")),
    ({"CRM Id": "#N/A", "Deal": "x"}, ("", "bad_key", f"Pipeline!A7 CRM Id: #N/A {ERROR}")),
    (
        {"CRM Id": crm(4), "Close Date": 46082},
        (
            crm(4),
            "bad_cell",
            "Pipeline!F8 Close Date: '46082' is a bare number; format the cell as a date, or set excel_serial: true",
        ),
    ),
    (
        {"CRM Id": crm(5), "Close Date": "31/02/2026"},
        (
            crm(5),
            "bad_cell",
            "Pipeline!F9 Close Date: '31/02/2026' is no date; write it as 2026-03-31, or state a date_format",
        ),
    ),
    ({"CRM Id": 7, "Deal": "x"}, ("7", "bad_key", f"Pipeline!A10 CRM Id: '7' {NUMERIC}")),
    (
        {"CRM Id": 12345678901234567890, "Deal": "x"},
        ("12345678901234600000", "bad_key", f"Pipeline!A11 CRM Id: '12345678901234600000' {NUMERIC}"),
    ),
    (
        {"CRM Id": "1.23E+17", "Deal": "x"},
        (
            "1.23E+17",
            "bad_key",
            (
                "Pipeline!A12 CRM Id: '1.23E+17': Excel changed this id to a number; "
                "format the column as text and export again"
            ),
        ),
    ),
    (
        {"CRM Id": crm(6), "Amount": DAY, "Close Date": True},
        (
            crm(6),
            "bad_cell",
            (
                "Pipeline!D13 Amount: '2027-05-01' is no number; write the amount anew, in a workbook in a number's "
                "cell; Pipeline!F13 Close Date: 'true' is no date; write it as 2026-03-31, "
                "or state a date_format"
            ),
        ),
    ),
    (
        {"CRM Id": crm(7), "Deal": "bell\x07"},
        (crm(7), "bad_cell", "Pipeline!B14 Deal: holds the control character U+0007; delete it"),
    ),
    (
        {"CRM Id": crm(8), "Notes": "•••"},
        (
            crm(8),
            "bad_cell",
            "Pipeline!H15 Notes: holds •••, the mask of a report; take the value from the CSV or JSON report",
        ),
    ),
)


def write_cells(made: Any, page: Any) -> None:
    """Write a title, the header in row 3, and the rows of `CELLS`, two of them and a column hidden."""
    day = made.add_format({"num_format": "yyyy-mm-dd"})
    page.write_string(0, 0, "Pipeline of March")
    page.write_row(2, 0, NAMES)
    for line, (row, _) in enumerate(CELLS, 3):
        for name, value in row.items():
            place = line, NAMES.index(name)
            if isinstance(value, dt.datetime):
                page.write_datetime(*place, value, day)
            elif str(value).startswith("#"):
                page.write_formula(*place, "=Gone!A1", value=value)
            elif isinstance(value, str):
                page.write_string(*place, value)
            else:
                page.write(*place, value)
    page.autofilter(2, 0, len(CELLS) + 2, len(NAMES) - 1)
    for line in (4, 5):
        page.set_row(line, None, None, {"hidden": True})
    page.set_column("C:C", None, None, {"hidden": True})


def test_every_cell_is_read_or_told_by_its_address(desk: Desk) -> None:
    """Errors, bare numbers, damaged ids, days that are none: one workbook, below a title, filtered."""
    book(desk.folder / "rows.xlsx", write_cells)
    said = desk.run("plan", "--json")
    assert (said.code, desk.box.methods.keys() <= {"GET"}) == (3, True)
    assert said.err == "note: 2 hidden rows included\nnote: 1 hidden column included\n"
    rows = said.report["rows"]
    assert [(row["key"], row["cause"], row["reason"]) for row in rows] == [told for _, told in CELLS]
    assert rows[0]["row"]["line"] == 4
    assert rows[0]["after"] == {"/details/dealValue": "1234.5", "/details/closingDateTime": "2027-04-30T22:00:00Z"}


def test_a_formula_without_a_saved_value_is_no_blank(desk: Desk) -> None:
    """A script wrote it and nobody has calculated it: neither field nor key takes it."""
    saved(scripted({"CRM Id": crm(1), "Deal": "=1+1"}, {"CRM Id": "=A2", "Deal": "x"}, *renamed(2)), desk)
    way_out = "formula has no saved value: open the file in Excel and save it"
    assert [(row["cause"], row["reason"]) for row in judged(desk)] == [
        ("bad_cell", f"Sheet!B2 Deal: {way_out}"),
        ("bad_key", f"Sheet!A3 CRM Id: {way_out}"),
        ("to_send", ""),
    ]


def test_a_count_of_days_is_taken_where_that_is_stated(desk: Desk) -> None:
    """From 1904 in a workbook that says so; what no calendar has is told."""
    desk.configure(rows={"file": "rows.xlsx"}, defaults={"excel_serial": True})
    days = (DAY, 45046, 45046.5, -3, 9e9, "31/02/2026")
    saved(scripted(*({"CRM Id": crm(n), "Close Date": day} for n, day in enumerate(days, 1)), of_1904=True), desk)
    typed, counted, noon, *bad = judged(desk)
    assert typed["after"] == counted["after"] == {"/details/closingDateTime": "2027-04-30T22:00:00Z"}
    assert noon["after"] == {"/details/closingDateTime": "2027-05-01T12:00:00+02:00"}
    assert [row["reason"] for row in bad] == [
        "Sheet!F5 Close Date: '-3' is no count of days that Excel makes; write the date as 2026-03-31",
        "Sheet!F6 Close Date: '9000000000' is no count of days that Excel makes; write the date as 2026-03-31",
        "Sheet!F7 Close Date: '31/02/2026' is no date; write it as 2026-03-31, or state a date_format",
    ]


def test_a_count_of_days_kept_as_text_is_never_another_day(desk: Desk) -> None:
    """In a workbook of 1904 a column formatted as text means the same days as its neighbour, or is refused."""
    desk.configure(rows={"file": "rows.xlsx"}, defaults={"excel_serial": True})
    saved(scripted({"CRM Id": crm(1), "Close Date": "45046"}, of_1904=True), desk)
    (row,) = desk.run("plan", "--json").report["rows"]
    assert row["cause"] == "bad_cell" or row["after"] == {"/details/closingDateTime": "2027-04-30T22:00:00Z"}


def test_a_cell_that_is_too_long_is_told_by_its_address(desk: Desk) -> None:
    """As every other cell of a workbook."""
    put(desk, HEAD + row_of(2, crm(1), "x" * 40_000))
    assert judged(desk)[0]["reason"].startswith("Pipeline!B2 Deal")


# ── Header and sheets ────────────────────────────────────────────────────────────────────────────

UP_TO = ", ".join(map(repr, NAMES))
NO_HEADER = (
    f"rows.xlsx: sheet 'Pipeline' shows no header: its first 20 rows have not any of the columns {UP_TO}; "
    "correct their names in the file or in the configuration"
)


@pytest.mark.parametrize(
    ("rows", "below", "message"),
    [
        (HEAD, "", "rows.xlsx: 0 data rows: is last night's export broken? --allow rows takes it"),
        ("", "", NO_HEADER),
        ("".join(row_of(n, "title") for n in range(1, 21)) + row_of(21, *NAMES) + row_of(22, crm(1)), "", NO_HEADER),
        (
            ONE_ROW,
            MERGED.format("B1:C1"),
            "rows.xlsx Pipeline!1: the header has merged cells, B1:C1; unmerge them and name each column",
        ),
        (
            row_of(1, *NAMES, "Deal", "") + row_of(2, *NAMES, "x", "y"),
            "",
            (
                "rows.xlsx Pipeline!L1: the column has no name, but cells down to L2; name it or delete them\n"
                "rows.xlsx Pipeline!1: column 'Deal' stands 2 times (at B1, K1); keep one of them"
            ),
        ),
    ],
    ids=["header only", "nothing", "too far down", "merged", "repeated"],
)
def test_a_header_that_is_none_is_refused(desk: Desk, rows: str, below: str, message: str) -> None:
    """Everything that is wrong with it at once, by its address."""
    put(desk, rows, below=below)
    refused(desk, message)


def test_of_several_sheets_one_must_be_named(desk: Desk) -> None:
    """Their names are listed; a name that is not there is held against those that are."""
    made = scripted(*renamed(1))
    made.active.title = "Pipeline"
    made.create_sheet("Closed").append(NAMES)
    saved(made, desk)
    refused(desk, "rows.xlsx: has 2 sheets: Pipeline, Closed; set rows.sheet to one of them")
    desk.configure(rows={"file": "rows.xlsx", "sheet": "pipelin"})
    near = "(did you mean 'Pipeline'?); there are Pipeline, Closed (rows.sheet)"
    refused(desk, f"rows.xlsx: no sheet is called 'pipelin' {near}")
    desk.configure(rows={"file": "rows.xlsx", "sheet": "Pipeline"})
    assert [row["cause"] for row in judged(desk, code=0)] == ["to_send"]


def test_a_row_of_a_workbook_is_placed_on_its_sheet(desk: Desk) -> None:
    """Line 2 of which sheet? Scripts ask as well."""
    put(desk)
    assert judged(desk, code=0)[0]["row"] == {"source": "rows.xlsx", "line": 2, "sheet": "Pipeline"}


def test_hidden_sheets_are_none_to_choose_from(desk: Desk) -> None:
    """The one in sight is read; where none is in sight one must be named."""
    made = scripted(*renamed(1))
    made.create_sheet("Old").sheet_state = "veryHidden"
    saved(made, desk)
    assert judged(desk, code=0)[0]["after"] == {"/name": "Renamed 1"}
    desk.box.records.clear()
    put(desk, sheets='<sheet name="Pipeline" sheetId="1" state="hidden" r:id="rId1"/>')
    refused(desk, "rows.xlsx: no sheet is visible; show one, or set rows.sheet to one of Pipeline")


def test_macros_and_merged_cells_are_noted(desk: Desk) -> None:
    """Who looks at the sheet sees something else than is read: that is said, and the row is planned."""
    put(desk, below=MERGED.format("B2:B3"), more={"xl/vbaProject.bin": b"\0"}).rename(desk.folder / "rows.xlsm")
    said = desk.run("plan", "rows.xlsm")
    assert said.code == 0
    merged = "merged cells B2:B3: only the first one holds the value"
    assert said.err == f"note: {merged}\nnote: macros are ignored\n"


# ── What is no workbook, or one that was made to do harm ─────────────────────────────────────────


def archive(*names: str) -> bytes:
    """Zip parts of these names."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


ANYWAY = "whatever its name says"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "is encrypted; save it without a password"),
        ("a.xls", OLE, f"is an old Excel workbook (.xls), {ANYWAY}; save it in Excel as a workbook (.xlsx)"),
        ("a.csv", OLE, f"is an old Excel workbook (.xls), {ANYWAY}; save it in Excel as a workbook (.xlsx)"),
        (
            "a.xlsb",
            archive("[Content_Types].xml", "xl/workbook.bin"),
            f"is an Excel workbook in binary (.xlsb), {ANYWAY}; save it in Excel as a workbook (.xlsx)",
        ),
        (
            "a.ods",
            archive("mimetype", "content.xml"),
            f"is an OpenDocument spreadsheet, {ANYWAY}; save it as an Excel workbook (.xlsx)",
        ),
        (
            "a.xlsx",
            sheet(renamed(1)).encode(),
            f"is no workbook, {ANYWAY}; name it after what it is, or set rows.format",
        ),
        ("a.xlsx", archive("deals.csv"), f"is a zip archive, {ANYWAY}; unpack it and name the file in it"),
        (
            "a.xlsx",
            b"<html><table>",
            f"is a web page, {ANYWAY}; was a sign-in page saved in place of the export? Export it again",
        ),
        ("a.csv", b"\x1f\x8b\x08...", f"is a gzip archive, {ANYWAY}; unpack it and name the file in it"),
        ("a.csv", b"%PDF-1.7", f"is a PDF document, {ANYWAY}; export the rows as CSV"),
        ("a.yaml", b"<?xml version='1.0'?>", f"is an XML document, {ANYWAY}; export the rows as CSV"),
    ],
    ids=lambda one: one if isinstance(one, str) and len(one) < 8 else "",
)
def test_a_file_is_called_by_what_it_is(desk: Desk, name: str, content: bytes, message: str) -> None:
    """Its first bytes tell, not its name; the remedy comes with it."""
    desk.put(name, content)
    refused(desk, f"{name} {message}", name)


def test_a_workbook_under_another_name_is_refused_and_read_when_it_is_stated(desk: Desk) -> None:
    """`rows.csv` that Excel has saved as a workbook."""
    put(desk).rename(desk.folder / "rows.csv")
    way_out = "name it .xlsx or set rows.format: xlsx"
    refused(desk, f"rows.csv is an Excel workbook, {ANYWAY}; {way_out}", "rows.csv")
    desk.configure(rows={"file": "rows.csv", "format": "xlsx"})
    assert judged(desk, code=0)[0]["cause"] == "to_send"


def test_a_bomb_is_measured_before_it_goes_off(desk: Desk) -> None:
    """Two hundred kilobytes that unzip to two hundred megabytes."""
    file = put(desk)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as made, made.open("xl/media/a.xml", "w") as part:
        for _ in range(209):
            part.write(bytes(1_000_000))
    assert file.stat().st_size < 1_000_000
    way_out = "delete sheets that are not needed, or export the rows as CSV"
    refused(desk, f"rows.xlsx: unzips to 209 MB (limit 200); {way_out}")


def test_a_cell_at_the_end_of_the_sheet_ends_no_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told by its place; were it not found, the reader would die of it, and that is the file's fault as well."""
    file = put(desk, ONE_ROW + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    assert file.stat().st_size < 5_000
    refused(
        desk,
        "rows.xlsx: sheet 'Pipeline': the cells reach to XFD1048576, a rectangle of 17,179,869,184 cells (limit "
        "5,000,000); one cell at such a place is enough: delete what is out there, rows and columns, and save the file",
    )
    monkeypatch.setattr(sheetscan, "CELLS_MAX", 1 << 40)
    said = desk.run("plan")
    assert (said.code, said.out, desk.box.records) == (4, "", [])
    assert said.err.endswith("; open the file in Excel and save it anew, or export the rows as CSV\n")


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "xl/sharedStrings.xml"])
def test_a_document_type_is_refused_in_every_part(desk: Desk, part: str) -> None:
    """Its entities could grow to any size; no workbook has one."""
    bomb = '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    held = parts(ONE_ROW).get(part, "<sst/>")
    put(desk, more={part: bomb + held})
    said = desk.run("plan")
    assert (said.code, said.out, desk.box.records) == (4, "", [])
    assert (
        said.err.lower() == f"syncjob: rows.xlsx: {part.lower()}: dtd not allowed; open it in excel and save it anew\n"
    )


NOWHERE = ("escaped-part.xml", "absolute-part.xml")


def test_parts_that_lead_elsewhere_are_not_unpacked(desk: Desk) -> None:
    """Whatever they are called: nothing is written outside the run's own folder, and the row is planned."""
    put(desk, more={f"../../{NOWHERE[0]}": "<x/>", f"/tmp/{NOWHERE[1]}": "<x/>"})
    assert judged(desk, code=0)[0]["cause"] == "to_send"
    assert sorted(path.name for path in desk.folder.iterdir()) == ["rows.xlsx", "syncjob.yaml"]
    near = (desk.folder.parent, desk.folder.parent.parent, Path(tempfile.gettempdir()), Path("/tmp"))
    assert not [folder for folder in near for name in NOWHERE if (folder / name).exists()]


CUTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda content: content[:100],
    lambda content: content[:-10],
    lambda content: content.replace(b"PK\x01\x02", b"PK\x07\x07", 1),
)


@pytest.mark.parametrize("cut", CUTS)
def test_a_damaged_workbook_is_refused(desk: Desk, cut: Callable[[bytes], bytes]) -> None:
    """Cut off, or with a directory that leads nowhere."""
    file = put(desk)
    file.write_bytes(cut(file.read_bytes()))
    said = desk.run("plan")
    assert (said.code, said.out, desk.box.records) == (4, "", [])
    assert said.err.startswith("syncjob: rows.xlsx: the zip file ")
    assert "xport it again" in said.err


# ── Order ────────────────────────────────────────────────────────────────────────────────────────


def test_order_and_format_decide_nothing(desk: Desk) -> None:
    """Rows of a workbook, sorted anyhow, give the plan of the same rows in CSV."""
    desk.box.empty(referral(n) for n in range(1, 8))
    rows: list[dict[str, Any]] = [*renamed(*range(1, 6)), {"CRM Id": crm(6), "Stage": "Won"}]
    rows += [{"CRM Id": crm(7), "Deal": "One"}, {"CRM Id": crm(7), "Deal": "Two"}, {"CRM Id": crm(404), "Deal": "x"}]

    def plan(*args: str) -> list[str]:
        told = ("key", "id", "outcome", "cause", "before", "after", "patch", "warnings")
        return sorted(str([row[part] for part in told]) for row in judged(desk, *args))

    desk.rows(*rows)
    straight = plan("rows.csv")
    for seed in (1, 2):
        random.Random(seed).shuffle(rows)
        saved(scripted(*rows), desk)
        assert plan() == straight
    assert guid(6) in "".join(straight)
