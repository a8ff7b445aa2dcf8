import io
import re
import stat
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from syncjob.errors import StorageRefused
from syncjob.model import Day, Number, Number1904, Outcome, Truth
from syncjob.reports import workbook
from syncjob.reports.sheetxml import CONTROL
from syncjob.reports.workbook import CELL_UNITS_MAX, NOWHERE, Column, Sheet, fill

pytestmark = pytest.mark.long

# What programs take for something else than text, more often than chance would have it.
ODD = (
    *("=1+1", "{=1+1}", "+49 30 1", "-1", "@SUM(A1)", "'=1", "\t=1", "http://example.com/", "mailto:a@example.com"),
    *("internal:rows!A1", "0012", "1e5", "12,50", "TRUE", "2026-03-31", "#N/A", "nan", "NA", "None", " a ", "  ", "\n"),
    *("a\nb\r\nc\rd", "_x000D_", "_x005F_x000D_", "__x0041_x0042_", "_x0041", "<r>a</r>", "<r><t>a</t></r>"),
    *(
        "Zoë",
        "Zoe\u0308",
        "\U0001f600",
        "\x85\u2028\u2029\u00a0",
        "\ufdd0",
        "]]>",
        "&amp;<b>",
        "a\tb",
        "\x7f",
        "_x0007\x01x0041_\x00\x1f_",
    ),
)
TEXTS = st.sampled_from(ODD) | st.text(min_size=1) | st.text("_xX0041dD<r>/&;\r\n \t=", min_size=1)


def at(moment: str) -> datetime:
    """Give a point in time without a zone, as workbooks know them."""
    return datetime.fromisoformat(moment)


def made(*sheets: Sheet) -> bytes:
    """Give the workbook of some sheets."""
    file = io.BytesIO()
    fill(file, sheets)
    return file.getvalue()


def one(*cells: str, style: str = "") -> bytes:
    """Give a workbook of one row."""
    columns = tuple(Column(f"c{n}") for n, _ in enumerate(cells))
    return made(Sheet("rows", columns, [(cells, style)]))


def by_openpyxl(data: bytes, row: int = 2) -> list[Any]:
    """Read a row's cells."""
    return list(openpyxl.load_workbook(io.BytesIO(data)).worksheets[0][row])


def by_calamine(data: bytes, sheet: int = 0) -> list[list[Any]]:
    """Read a sheet's values as they are, the header included."""
    read = pd.read_excel(
        io.BytesIO(data), sheet_name=sheet, engine="calamine", header=None, dtype=object, na_filter=False
    )
    found: list[list[Any]] = read.to_numpy().tolist()
    return found


def shown(text: str) -> str:
    """Give what a cell shows: the text, and behind a mask one that no cell can hold."""
    held = NOWHERE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    return text if held == text else f"••• {held}"


def escaped(text: str) -> str:
    """Give it as a reader sees it that does not undo Excel's escapes of control characters."""
    return CONTROL.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


@given(texts=st.lists(TEXTS, min_size=1, max_size=5), style=st.sampled_from(["", *Outcome]))
@example(texts=[*ODD], style="")
def test_a_text_is_read_back_as_it_was_written(texts: list[str], style: str) -> None:
    """To the letter and as text, whatever it looks like: by the reader that we use and by one that we do not."""
    data = one(*texts, style=style)
    cells = by_openpyxl(data)
    assert [cell.value for cell in cells] == [escaped(shown(text)) for text in texts]
    assert {cell.data_type for cell in cells} == {"s"}
    assert {cell.number_format for cell in cells} == {"@"}
    assert not any(cell.hyperlink for cell in cells)
    read = by_calamine(data)[1]
    assert read == [shown(text) for text in texts]
    assert {type(value) for value in read} == {str}


@given(text=TEXTS)
@example(text="=1")
def test_a_header_is_text_too(text: str) -> None:
    """A column is called what it was called; as the name of a sheet any text will do."""
    data = made(Sheet(text, (Column(text), Column("")), [(("a", "b"), "")]), Sheet(text, (), ()))
    assert by_calamine(data)[0][0] == shown(text)
    names = openpyxl.load_workbook(io.BytesIO(data)).sheetnames
    assert all(re.fullmatch(r"[^\[\]:*?/\\]{1,31}", name) and name.strip("'") == name for name in names), names


def test_sheets_of_one_name_are_told_apart() -> None:
    """Excel knows no two sheets of one name, whatever their case, none of 32 characters and none called History."""
    sheets = [Sheet(name, (Column("a"),), ()) for name in ("Rows", "rows", "History", "x" * 40, "X" * 40, "a:b/c", "'")]
    names = openpyxl.load_workbook(io.BytesIO(made(*sheets))).sheetnames
    assert names == ["Rows", "rows (2)", "History (2)", "x" * 31, "X" * 27 + " (2)", "a_b_c", "sheet"]


def test_no_part_of_the_file_speaks_of_formulas_or_links() -> None:
    """Seen in the file itself: not one formula, link or macro."""
    package = zipfile.ZipFile(io.BytesIO(one(*ODD)))
    sheet = package.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert not any("rels" in name and "sheet" in name for name in package.namelist())


@pytest.mark.parametrize(
    ("cell", "value", "shown"),
    [
        (Number("12000"), 12000, "0"),
        (Number("-12000.5"), -12000.5, "General"),
        (Number("0.1"), 0.1, "General"),
        (Number("-0"), 0, "0"),
        (Number("123456789012345"), 123456789012345, "0"),
        (Number("0.000000000123"), 0.000000000123, "General"),
        (Day("2026-03-31"), at("2026-03-31"), "yyyy-mm-dd"),
        (Day("1900-03-01"), at("1900-03-01"), "yyyy-mm-dd"),
        (Day("2026-03-31T14:30:00"), at("2026-03-31T14:30:00"), "yyyy-mm-dd hh:mm"),
        (Day("2026-03-31T00:00:00"), at("2026-03-31T00:00:00"), "yyyy-mm-dd hh:mm"),
        (Day("2026-03-31T14:30:01"), at("2026-03-31T14:30:01"), "yyyy-mm-dd hh:mm:ss"),
        (Day("9999-12-31T23:59:59"), at("9999-12-31T23:59:59"), "yyyy-mm-dd hh:mm:ss"),
        (Truth("true"), True, "General"),
        (Truth("false"), False, "General"),
    ],
)
def test_what_is_typed_stays_typed(cell: str, value: object, shown: str) -> None:
    """A number sorts as a number, a date as a date, whatever tint the row has."""
    for style in ("", "conflicted"):
        data = one(cell, style=style)
        (found,) = by_openpyxl(data)
        assert (found.value, found.number_format) == (value, shown)
        assert type(found.value) in (type(value), int)
        (read,) = by_calamine(data)[1]
        assert read == value
        assert isinstance(read, type(value) if isinstance(value, datetime | bool) else int | float)


@pytest.mark.parametrize(
    "cell",
    [
        Number("1234567890123456"),
        Number("1000000000000000"),
        Number("0.1234567890123456"),
        Number("NaN"),
        Number("twelve"),
        Number1904("44000"),
        Day("1900-02-28"),
        Day("1899-12-31T10:00:00"),
        Day("2026-03-31T14:30:00.5"),
        Day("2026-03-31T14:30:00+01:00"),
        Day("soon"),
    ],
)
def test_what_a_workbook_cannot_hold_exactly_is_text(cell: str) -> None:
    """Sixteen digits, a day before Excel's days, half a second, a day counted from 1904: as text nothing is lost."""
    data = one(cell)
    assert by_calamine(data)[1] == [str(cell)]
    assert by_openpyxl(data)[0].data_type == "s"


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=4) | st.integers().map(Decimal))
def test_a_number_comes_back_to_the_last_digit(number: Decimal) -> None:
    """As a number where it fits a double's fifteen digits, else as the very text."""
    text = format(number, "f")
    (read,) = by_calamine(one(Number(text)))[1]
    assert (read if isinstance(read, str) else Decimal(repr(read))) == (text if isinstance(read, str) else number)
    assert isinstance(read, str) == (len(text.lstrip("-").replace(".", "").strip("0")) > 15 or abs(number) >= 10**15)


@given(moment=st.datetimes(at("1900-03-01"), at("9999-12-31")).map(lambda one: one.replace(microsecond=0)))
def test_a_point_in_time_comes_back_to_the_second(moment: datetime) -> None:
    """A date is a fraction of days in the file; no second is lost or won."""
    data = one(Day(moment.isoformat()))
    assert by_openpyxl(data)[0].value == moment
    assert by_calamine(data)[1] == [moment]


def test_what_is_too_long_says_so() -> None:
    """A cell is never cut in silence; what stands in its place is no value when it is handed in again."""
    longest, wide = "x" * CELL_UNITS_MAX, "\U0001f600" * (CELL_UNITS_MAX // 2)
    assert by_calamine(one(longest, wide))[1] == [longest, wide]
    said = "••• 40,000 characters do not fit a cell; they stand in the CSV report"
    assert by_calamine(one("x" * 40_000))[1] == [said]
    assert by_calamine(one(wide + "\U0001f600"))[1][0].startswith("••• 16,384 characters")


def test_what_no_cell_can_hold_is_no_value_any_more() -> None:
    """In letters it would be another text, and might be sent: a mask says so, except in the JSON of a hidden cell."""
    columns = (Column("a"), Column("b", hidden=True))
    data = made(Sheet("rows", columns, [(("half \ud800", '{"/name":["\ufffe"]}'), "")]))
    assert by_calamine(data)[1] == [r"••• half \ud800", r'{"/name":["\ufffe"]}']


def test_blank_cells_are_not_written() -> None:
    """A blank is no empty text; in a tinted row it has a tint and no value."""
    assert b'r="A2"' not in zipfile.ZipFile(io.BytesIO(one("", "a"))).read("xl/worksheets/sheet1.xml")
    tinted, written = by_openpyxl(one("", "a", style="invalid"))
    assert tinted.value is None
    assert tinted.fill.bgColor == written.fill.bgColor
    assert tinted.fill.fgColor.rgb == "FFF4B183"


def test_a_style_that_is_no_outcome_in_need_has_no_tint() -> None:
    """Unchanged rows are most rows; only what is worth a look is tinted, each outcome but that one."""
    for style in ("", "unchanged", "header", "nonsense"):
        assert by_openpyxl(one("a", style=style))[0].fill.fill_type is None
    for outcome in set(Outcome) - {Outcome.UNCHANGED}:
        assert by_openpyxl(one("a", style=outcome))[0].fill.fill_type == "solid"


def test_a_sheet_can_be_worked_with() -> None:
    """Header bold and in sight, a filter over all, widths as asked, hidden columns there but hidden, lists offered."""
    columns = (Column("a", 30), Column("b", choices=("mine", "theirs")), Column("c", hidden=True))
    sheet = Sheet("rows", columns, [(("1", "2", "3"), ""), (("4", "5", "6"), "planned")])
    rows, second = openpyxl.load_workbook(io.BytesIO(made(sheet, Sheet("more", (Column("x"),), ())))).worksheets
    assert rows["A1"].font.bold
    assert not rows["A2"].font.bold
    assert rows.freeze_panes == "A2"
    assert rows.auto_filter.ref == "A1:C3"
    assert rows.column_dimensions["A"].width == pytest.approx(30, abs=1)
    assert rows.column_dimensions["C"].hidden
    assert not rows.column_dimensions["A"].hidden
    (validation,) = rows.data_validations.dataValidation
    assert (validation.formula1, str(validation.sqref)) == ('"mine,theirs"', "B2:B3")
    assert not validation.showErrorMessage, "it offers; it forbids nothing"
    assert rows.sheet_view.tabSelected
    assert not second.sheet_view.tabSelected
    assert second.max_row == 1


def test_choices_that_excel_would_choke_on_are_a_bug() -> None:
    """A list in a validation is parted by commas and ends at 255 characters."""
    with pytest.raises(AssertionError, match="commas"):
        Column("a", choices=("a,b",))
    with pytest.raises(AssertionError, match="longer"):
        Column("a", choices=("a" * 256,))


def test_equal_sheets_give_equal_bytes() -> None:
    """No clock and no chance is in the file; who made it is not either."""
    data = one(*ODD, Number("1"))
    assert data == one(*ODD, Number("1"))
    core = zipfile.ZipFile(io.BytesIO(data)).read("docProps/core.xml")
    assert b"2000-01-01T00:00:00Z" in core
    assert b"<cp:lastModifiedBy></cp:lastModifiedBy>" in core


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")
def test_what_is_half_made_is_hidden_from_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows wait in a folder that only the owner can open, and are gone when the workbook is there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def rows() -> Iterator[tuple[Sequence[str], str]]:
        (folder,) = tmp_path.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert list(folder.iterdir())
        yield ("a",), ""

    made(Sheet("rows", (Column("a"),), rows()))
    assert not list(tmp_path.iterdir())


def test_rows_that_break_off_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error among the rows comes out as it is; no file stays open, none stays on disk."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def rows() -> Iterator[tuple[Sequence[str], str]]:
        yield ("a",), ""
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        made(Sheet("first", (Column("a"),), ()), Sheet("rows", (Column("a"),), rows()))
    assert not list(tmp_path.iterdir())


def test_what_a_sheet_cannot_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows and columns beyond Excel's are not dropped in silence."""
    monkeypatch.setattr(workbook, "ROWS_MAX", 3)
    monkeypatch.setattr(workbook, "COLUMNS_MAX", 2)
    rows: list[tuple[Sequence[str], str]] = [(("a",), "")] * 2
    assert len(by_calamine(made(Sheet("rows", (Column("a"),), rows)))) == 3
    with pytest.raises(StorageRefused, match=r"sheet rows: a workbook holds 2 rows; write \.csv"):
        made(Sheet("rows", (Column("a"),), rows * 2))
    with pytest.raises(StorageRefused, match=r"sheet rows: a workbook holds 2 columns; write \.csv"):
        made(Sheet("rows", (Column("a"),) * 3, ()))


def test_a_disk_that_is_full_in_the_end_is_an_error_of_the_disk() -> None:
    """XlsxWriter has a name of its own for it; who asked for the file knows OSError only."""

    class Full(io.BytesIO):
        """A file that takes nothing."""

        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        fill(Full(), [Sheet("rows", (Column("a"),), [(("a",), "")])])
    assert caught.value.strerror == "No space left on device"
