"""Promises of reading workbooks: a cell is what Excel shows of it, or it is known not to be."""

from __future__ import annotations

import datetime as dt
import stat
import string
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from books import HEADER, KNOWN, book, opened, packed, parts, refusal, table_book, text
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from syncjob.core import cells
from syncjob.core.matching import key_of
from syncjob.model import Day, Number, Number1904, Truth
from syncjob.settings import Rows
from syncjob.sources.sheetscan import NO_VALUE, SheetScan
from syncjob.sources.workbook_child import Written, plain

pytestmark = pytest.mark.long

DAY = dt.datetime(2026, 3, 31)  # noqa: DTZ001  # a workbook's dates have no zone
AFTERNOON = dt.datetime(2026, 3, 31, 14, 30)  # noqa: DTZ001  # as above
MERGED = '<mergeCells count="1"><mergeCell ref="{}"/></mergeCells>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder for the tests that need many workbooks."""
    return tmp_path_factory.mktemp("excel")


def column(file: Path, name: str = "Amount") -> list[str]:
    """Give the cells of one column."""
    return [row.columns[name] for row in opened(file)]


def test_rows_come_with_number_place_and_letters(tmp_path: Path) -> None:
    """A row knows its sheet and line, and of each column its letters; texts are as they were written."""
    file = table_book(tmp_path / "deals.xlsx", ["Deal ID", " Amount "], ["007", " a "], ["008", ""])
    read_ = opened(file)
    assert (read_.columns, read_.notes) == (("Deal ID", "Amount"), ())
    first, second = read_
    assert (first.n, str(first.place), first.fault) == (1, "deals.xlsx Pipeline!2", "")
    assert (first.columns, first.at("Amount")) == ({"Deal ID": "007", "Amount": " a "}, "Pipeline!B2 Amount")
    assert (second.n, second.columns) == (2, {"Deal ID": "008", "Amount": ""})
    assert list(read_) == list(read_), "each pass reads anew"


def test_cells_keep_the_type_that_the_workbook_gave_them(tmp_path: Path) -> None:
    """Numbers in plain digits as Excel shows them, days, truth values; times and durations as text."""

    def write(made: Any, sheet: Any) -> None:
        formats = [made.add_format({"num_format": one}) for one in ("yyyy-mm-dd", "hh:mm:ss", "[h]:mm:ss", "0.00")]
        day, clock, hours, money = formats
        sheet.write_row(0, 0, KNOWN)
        sheet.write_column(1, 1, [12000, 0.1 + 0.2, 1e21, 123456789012345678, 1e-7, -2.5, True, False])
        for at, (value, how) in enumerate(
            [(46112, day), (46112.604166666664, day), (0.5, clock), (1.5, hours), (12000, money)], start=9
        ):
            sheet.write_number(at, 1, value, how)
        sheet.write_string(14, 1, "=1+1")
        sheet.write_string(15, 1, "NaN")
        sheet.write_rich_string(16, 1, "a", made.add_format({"bold": True}), "b")

    found = column(book(tmp_path / "kinds.xlsx", write))
    assert [(type(cell).__name__, str(cell)) for cell in found] == [
        ("Number", "12000"),
        ("Number", "0.3"),
        ("Number", "1000000000000000000000"),
        ("Number", "123456789012346000"),
        ("Number", "0.0000001"),
        ("Number", "-2.5"),
        ("Truth", "true"),
        ("Truth", "false"),
        ("Day", "2026-03-31"),
        ("Day", "2026-03-31T14:30:00"),
        ("str", "12:00:00"),
        ("str", "36:00:00"),
        ("Number", "12000"),
        ("str", "=1+1"),
        ("str", "NaN"),
        ("str", "ab"),
    ]


def test_a_workbook_may_count_its_days_from_1904(tmp_path: Path) -> None:
    """Typed dates are right, and a bare number says from when it would count."""
    made = openpyxl.Workbook()
    made.epoch = CALENDAR_MAC_1904
    for row in (KNOWN, ["1", DAY], ["2", AFTERNOON], ["3", 44650]):
        made.active.append(row)
    made.save(tmp_path / "mac.xlsx")
    assert column(tmp_path / "mac.xlsx") == ["2026-03-31", "2026-03-31T14:30:00", "44650"]
    assert list(map(type, column(tmp_path / "mac.xlsx"))) == [Day, Day, Number1904]


def test_errors_of_excel_are_texts_that_no_field_takes(tmp_path: Path) -> None:
    """The reader makes blanks of them, which would clear a field; here they refuse every column that is mapped."""

    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, KNOWN)
        sheet.write_formula(1, 1, "=1/0", value="#DIV/0!")
        sheet.write_formula(2, 1, "=Gone!A1", value="#REF!")
        sheet.write_formula(3, 1, "=1+1", value=2)
        sheet.write_formula(4, 0, "=NA()", value="#N/A")

    rows = list(opened(book(tmp_path / "errors.xlsx", write)))
    assert [row.columns["Amount"] for row in rows] == ["#DIV/0!", "#REF!", "2", ""]
    assert not any(row.fault for row in rows), "the row may still be sound: nobody may map that column"
    assert cells.dirt(rows[0].columns["Amount"]).startswith("#DIV/0! is an error of Excel; mend the formula")
    assert key_of("externalReferenceId", rows[3].columns["Deal ID"])[1].startswith("#N/A is an error of Excel")


def test_errors_that_the_reader_does_not_know_are_told_by_address(tmp_path: Path) -> None:
    """One of them would end the reading of the whole file without saying where it stands."""
    rows = HEADER + '<row r="2"><c r="A2" t="e"><v>#NEW!</v></c><c r="B2" t="e"><v>#REF!</v></c></row>'
    assert refusal(packed(tmp_path / "new.xlsx", parts(rows))) == (
        "new.xlsx: sheet 'Pipeline': A2 #NEW!: an error that cannot be read; "
        "mend the formula, or clear the cell, and save the file in Excel"
    )


def test_a_formula_without_a_saved_value_is_no_blank(tmp_path: Path) -> None:
    """A file made by a script holds formulas that nobody has calculated; Excel does it when it saves."""
    made = openpyxl.Workbook()
    for row in (KNOWN, ["1", "=1+1"], ["=A2", 5], ["3", "x"]):
        made.active.append(row)
    made.save(tmp_path / "script.xlsx")
    first, second, third = opened(tmp_path / "script.xlsx")
    assert first.columns == {"Deal ID": "1", "Amount": NO_VALUE}
    assert second.columns == {"Deal ID": NO_VALUE, "Amount": "5"}
    assert third.columns["Amount"] == "x"
    way_out = "formula has no saved value: open the file in Excel and save it"
    assert cells.dirt(NO_VALUE) == key_of("externalReferenceId", NO_VALUE)[1] == way_out


def test_an_empty_text_that_was_saved_is_a_value(tmp_path: Path) -> None:
    """A formula that gives no text was calculated: its cell is blank."""
    rows = HEADER + f'<row r="2">{text("A2", "1")}<c r="B2" t="str"><f>""</f><v></v></c></row>'
    (row,) = opened(packed(tmp_path / "empty.xlsx", parts(rows)))
    assert row.columns["Amount"] == ""


def test_flaws_beyond_the_last_value_are_seen(tmp_path: Path) -> None:
    """Rows and columns of nothing but uncalculated formulas are outside what the reader gives."""
    rows = HEADER + f'<row r="2">{text("A2", "1")}<c r="B2"><f>1</f></c></row><row r="4"><c r="B4"><f>1</f></c></row>'
    assert column(packed(tmp_path / "tail.xlsx", parts(rows))) == [NO_VALUE, "", NO_VALUE]


def test_blank_rows_are_given_and_counted_by_the_reader_of_rows(tmp_path: Path) -> None:
    """They keep the lines of the rows below right."""
    rows = [
        (row.place.line, any(row.columns.values()))
        for row in opened(table_book(tmp_path / "gap.xlsx", ["Deal ID", "Amount"], ["1", 2], [], ["3", 4]))
    ]
    assert rows == [(2, True), (3, False), (4, True)]


def test_the_header_is_found_below_titles(tmp_path: Path) -> None:
    """The row that shows the most of the configured columns, wherever it stands in the first twenty."""
    title: list[object] = ["Pipeline of March, by Amount"]
    file = table_book(tmp_path / "t.xlsx", title, ["Amount"], [], ["Deal ID", "Amount", "City"], ["1", 2, "Ulm"])
    (row,) = opened(file)
    assert (row.place.line, row.columns) == (5, {"Deal ID": "1", "Amount": "2", "City": "Ulm"})
    far: list[list[object]] = [[f"title {n}"] for n in range(20)]
    said = refusal(table_book(tmp_path / "f.xlsx", *far, ["Deal ID", "Amount"], ["1", 2]))
    assert "f.xlsx: sheet 'Pipeline' shows no header: its first 20 rows have not any of the columns 'Deal ID'" in said


def test_a_header_that_is_not_there_is_refused_with_what_is_near(tmp_path: Path) -> None:
    """What was looked for is named, and what may have been meant."""
    said = refusal(table_book(tmp_path / "n.xlsx", ["Deal-ID", "Amuont"], ["1", 2]))
    assert "'Deal ID' (did you mean 'Deal-ID'?), 'Amount' (did you mean 'Amuont'?)" in said
    assert "correct their names" in said


def test_without_configured_columns_the_first_row_of_names_is_the_header(tmp_path: Path) -> None:
    """Two texts at least, all of them distinct; numbers and repeated words make no header."""
    file = table_book(tmp_path / "i.xlsx", ["Export"], ["a", "a"], ["x", 5], ["Deal ID", "Amount"], ["1", 2])
    assert opened(file, known=()).columns == ("Deal ID", "Amount")
    one = table_book(tmp_path / "one.xlsx", ["Deal ID"], ["1"])
    assert opened(one, known=()).columns == ("Deal ID",)
    assert "a row of distinct names" in refusal(table_book(tmp_path / "no.xlsx", [1, 2], [3, 4]), known=())


def test_a_file_of_ours_is_known_by_our_columns(tmp_path: Path) -> None:
    """A report comes back as the table that it reports on, its own cells kept apart."""
    file = table_book(tmp_path / "r.xlsx", ["Report"], ["syncjob decision", "Deal ID"], ["mine", "1"])
    (row,) = opened(file, known=("Nothing",))
    assert (row.columns, row.own) == ({"Deal ID": "1"}, {"decision": "mine"})


def test_an_unsound_header_is_told_at_once(tmp_path: Path) -> None:
    """Repeated names, and cells under no name; a column blank from top to bottom is passed over."""
    file = table_book(tmp_path / "b.xlsx", ["Deal ID", "", "Amount", "", "Amount"], ["1", "", 2, "note", 3])
    assert refusal(file).splitlines() == [
        "b.xlsx Pipeline!D1: the column has no name, but cells down to D2; name it or delete them",
        "b.xlsx Pipeline!1: column 'Amount' stands 2 times (at C1, E1); keep one of them",
    ]
    assert opened(table_book(tmp_path / "g.xlsx", ["Deal ID", "", "Amount"], ["1", "", 2])).columns == KNOWN


def test_merged_cells_in_the_header_are_refused(tmp_path: Path) -> None:
    """A name over two columns is the name of neither."""
    rows = f'<row r="1">{text("A1", "Deal ID")}{text("B1", "Amount")}</row><row r="2">{text("C2", "x")}</row>'
    said = refusal(packed(tmp_path / "m.xlsx", parts(rows, below=MERGED.format("B1:C1"))))
    assert said == "m.xlsx Pipeline!1: the header has merged cells, B1:C1; unmerge them and name each column"


def test_merged_cells_that_do_not_say_where_are_none(tmp_path: Path) -> None:
    """What a program has left of them holds no name and no value."""
    rows = f'<row r="1">{text("A1", "Deal ID")}{text("B1", "Amount")}</row><row r="2">{text("A2", "1")}</row>'
    made = parts(rows, below='<mergeCells count="1"><mergeCell uid="1"/></mergeCells>')
    assert [row.columns["Deal ID"] for row in opened(packed(tmp_path / "m.xlsx", made))] == ["1"]


def test_what_a_person_does_not_see_is_noted(tmp_path: Path) -> None:
    """Hidden rows and columns are read like any other, merged cells hold one value; all this is said."""

    def write(_: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, [*KNOWN, "City", "State"])
        for row in range(1, 21):
            sheet.write_row(row, 0, [str(row), row, "Ulm", "x"])
        for row in range(3, 17):
            sheet.set_row(row, None, None, {"hidden": True})
        sheet.set_row(40, None, None, {"hidden": True})
        sheet.set_column("C:D", None, None, {"hidden": True})
        sheet.set_column("H:XFD", None, None, {"hidden": True})
        sheet.merge_range("A18:A20", "18")

    read_ = opened(book(tmp_path / "hidden.xlsx", write))
    assert len(list(read_)) == 20
    assert read_.notes == (
        "14 hidden rows included",
        "2 hidden columns included",
        "merged cells A18:A20: only the first one holds the value",
    )


def test_the_one_visible_sheet_is_read(tmp_path: Path) -> None:
    """Hidden sheets and summaries of our own are not chosen, but one may be named."""
    with openpyxl_book(tmp_path / "s.xlsx") as made:
        for name, state in (("Old", "hidden"), ("Older", "veryHidden"), ("syncjob summary", "visible")):
            sheet = made.create_sheet(name)
            sheet.sheet_state = state
            sheet.append(KNOWN)
            sheet.append([name, 1])
    assert [row.columns["Deal ID"] for row in opened(tmp_path / "s.xlsx")] == ["1"]
    for name in ("Old", "Older", "syncjob summary"):
        (row,) = opened(tmp_path / "s.xlsx", rows=Rows(sheet=name))
        assert (row.columns["Deal ID"], row.place.sheet) == (name, name)


def test_several_visible_sheets_must_be_told_apart(tmp_path: Path) -> None:
    """Their names are listed; a name that is not there is held against those that are."""
    with openpyxl_book(tmp_path / "s.xlsx") as made:
        made.create_sheet("R&D <2026>").append(KNOWN)
    assert refusal(tmp_path / "s.xlsx") == ("s.xlsx: has 2 sheets: Pipeline, R&D <2026>; set rows.sheet to one of them")
    said = refusal(tmp_path / "s.xlsx", rows=Rows(sheet="pipelin"))
    assert said == (
        "s.xlsx: no sheet is called 'pipelin' (did you mean 'Pipeline'?); there are Pipeline, R&D <2026> (rows.sheet)"
    )
    assert opened(tmp_path / "s.xlsx", rows=Rows(sheet="R&D <2026>")).columns == KNOWN


class openpyxl_book:  # noqa: N801  # read as a function in `with`
    """Make a workbook of a sheet Pipeline with one row, and save it at the end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._made = openpyxl.Workbook()

    def __enter__(self) -> Any:
        self._made.active.title = "Pipeline"
        self._made.active.append(KNOWN)
        self._made.active.append(["1", 2])
        return self._made

    def __exit__(self, *_: object) -> None:
        self._made.save(self._file)


def test_what_is_no_finite_number_is_an_error_of_excel(tmp_path: Path) -> None:
    """No JSON writes it and no field takes it; its row alone is told."""
    rows = "".join(
        f'<row r="{n}">{text(f"A{n}", str(n))}<c r="B{n}"><v>{value}</v></c></row>'
        for n, value in enumerate(("NaN", "inf", "-inf", "1e999", "5"), 2)
    )
    assert column(packed(tmp_path / "nan.xlsx", parts(HEADER + rows))) == ["#NUM!"] * 4 + ["5"]
    assert cells.dirt("#NUM!")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_the_cells_on_the_disk_are_private(tmp_path: Path) -> None:
    """What the reader writes stands beside the copy, for its owner alone."""
    opened(table_book(tmp_path / "p.xlsx", ["Deal ID", "Amount"], ["1", 2]))
    (spool,) = tmp_path.glob("cells-*")
    assert stat.S_IMODE(spool.stat().st_mode) == 0o600


# ── The scan ────────────────────────────────────────────────────────────────────────────────────

ODD = """<?xml version='1.0' encoding='UTF-8'?>
<x:worksheet xmlns:x='urn:x'><x:cols><x:col max='4' hidden = "1" min="3"/></x:cols><x:sheetData>
<x:row r='1'><x:c t='s' r='A1'><x:v>0</x:v></x:c><x:c/><x:c s="1"
t = 'e'><x:f>1/0</x:f><x:v>#DIV/0!</x:v></x:c></x:row><x:row hidden='true'><x:c><x:f t="shared" si="0"/></x:c>
<x:c r="D2"><x:f>A1&gt;2</x:f><x:v xml:space="preserve"></x:v></x:c><x:c t="str"><x:f/><x:v/></x:c></x:row>
<x:row/><x:row><x:c t='n' r="B4"><x:v>1</x:v></x:c><x:c r="ZZ4" s="5"/></x:row>
</x:sheetData><x:mergeCells><x:mergeCell ref='A5:B6'/></x:mergeCells></x:worksheet>"""


def scanned(xml: str, size: int) -> Any:
    """Scan a sheet in pieces of this size."""
    scan = SheetScan("x")
    content = xml.encode()
    for at in range(0, len(content), size):
        scan.feed(content[at : at + size])
    return scan.close()


def test_the_scan_reads_what_is_written_oddly() -> None:
    """Prefixes, single quotes, spaces, any order of attributes, cells and rows that do not say where they are."""
    found = scanned(ODD, len(ODD))
    assert found.flaws == {1: {3: "#DIV/0!"}, 2: {1: NO_VALUE, 4: NO_VALUE}}
    assert (list(found.hidden_rows), found.hidden_columns) == ([2], ((3, 4),))
    assert list(map(str, found.merged)) == ["A5:B6"]


@pytest.mark.parametrize("xml", [ODD, parts(HEADER * 3, below=MERGED.format("A1:B1"))["xl/worksheets/sheet1.xml"]])
def test_the_scan_does_not_depend_on_where_pieces_end(xml: str) -> None:
    """Cut at every size there is, the result is the same."""
    whole = scanned(xml, len(xml))
    for size in range(1, len(xml)):
        assert scanned(xml, size) == whole


def test_cells_that_do_not_say_where_they_are_are_found(tmp_path: Path) -> None:
    """Reader and scan count alike."""
    bare = '<row><c t="inlineStr"><is><t>Deal ID</t></is></c><c t="inlineStr"><is><t>Amount</t></is></c></row>'
    file = packed(tmp_path / "bare.xlsx", parts(bare + '<row><c><v>1</v></c><c t="e"><v>#REF!</v></c></row>'))
    (row,) = opened(file)
    assert row.columns == {"Deal ID": "1", "Amount": "#REF!"}


# ── Two readers ─────────────────────────────────────────────────────────────────────────────────


def by_openpyxl(file: Path) -> list[list[str]]:
    """Read the rows below the header with the other reader, written as ours writes them."""
    sheet = openpyxl.load_workbook(file, data_only=True).active
    return [
        ["" if cell is None else shown(cell) for cell in row] for row in sheet.iter_rows(min_row=2, values_only=True)
    ]


def shown(cell: Any) -> str:
    """Show a value of Python's as our child process does."""
    if isinstance(cell, dt.datetime | dt.date):
        return cell.isoformat().removesuffix("T00:00:00")
    if isinstance(cell, bool):
        return str(cell).lower()
    return plain(cell) if isinstance(cell, int | float) else str(cell)


NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=6)
VALUES = st.one_of(
    NAMES.filter(lambda word: not word.startswith("_x")),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.decimals(-(10**6), 10**6, places=4).map(float),
    st.booleans(),
    st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2999, 1, 1)).map(lambda at: at.replace(microsecond=0)),  # noqa: DTZ001  # as above
    st.none(),
)


@settings(max_examples=6, deadline=None)
@given(rows=st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=6))
def test_both_readers_see_the_same(folder: Path, rows: list[tuple[Any, Any, Any]]) -> None:
    """Whatever XlsxWriter writes, calamine through our process and openpyxl agree on."""

    def write(made: Any, sheet: Any) -> None:
        day = made.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        sheet.write_row(0, 0, [*KNOWN, "End"])
        for at, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                if isinstance(value, str):
                    sheet.write_string(at, column, value)
                elif isinstance(value, dt.datetime):
                    sheet.write_datetime(at, column, value, day)
                elif value is not None:
                    sheet.write(at, column, value)
            sheet.write_string(at, 2, "end")

    file = book(folder / "both.xlsx", write)
    assert [list(map(str, row.columns.values())) for row in opened(file)] == by_openpyxl(file)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_written_in_plain_digits(number: float) -> None:
    """No exponent, fifteen digits, and the same number."""
    written = plain(int(number) if number.is_integer() else number)
    assert not set(written) - set(string.digits + "-.")
    assert Decimal(written) == Decimal(format(number, ".15g"))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (dt.datetime(2026, 3, 31, 23, 59, 59, 999_500), '["2026-04-01"]'),  # noqa: DTZ001  # as above
        (dt.datetime(2026, 3, 31, 14, 30, 0, 400), '["2026-03-31T14:30:00"]'),  # noqa: DTZ001  # as above
        (dt.date(2026, 3, 31), '["2026-03-31"]'),
        (dt.timedelta(hours=-30), '"-30:00:00"'),
        (True, "true"),
        (Decimal("1.5"), '"1.5"'),
    ],
)
def test_values_are_written_as_excel_shows_them(value: object, written: str) -> None:
    """Noise below a millisecond is none of the time; what no reader gives today is text."""
    assert Written()[type(value)](value) == written


def test_types_survive_the_way_through_the_child(tmp_path: Path) -> None:
    """Number, truth value and text are told apart by their class alone."""
    file = table_book(tmp_path / "t.xlsx", ["Deal ID", "Amount", "A", "B"], ["1", 1, True, "true"])
    (row,) = opened(file)
    assert [type(cell) for cell in row.columns.values()] == [str, Number, Truth, str]
