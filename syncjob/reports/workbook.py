r"""Sheets go in, a workbook comes out: the one room that knows XlsxWriter. Rows stream; memory is flat.

Every text is a text: no cell becomes a formula, a link or a number by its looks. It also stays one when a person edits
its neighbour or presses F2 and Enter in it, because its cell is formatted as text. What was typed stays typed: numbers,
dates and truth values are those of the sheet, so that it sorts and sums them.

What is read back is what was written, character by character. XlsxWriter alone does not give that: `_x0041_` would
have to be written as `_x005F_x0041_`, which Excel undoes and other readers do not; and a text like `<r>…</r>` it takes
for markup of its own. So our sheets write their texts themselves: a text that looks like such an escape is parted in
two runs in its midst, and a carriage return is `&#xD;`, which every reader of XML knows.

XML cannot hold control characters. Excel's escape for them, `_x0007_`, stands in a run of its own; Excel and the reader
that we use undo it, others show it. For half a surrogate pair, U+FFFE and U+FFFF there is none: they are shown as
`\ufffe` behind the mask that makes a cell invalid when it is handed in again, since `\ufffe` in letters is another text
and must not be sent. Hidden cells are for programs and need no mask: in JSON `\ufffe` is that very character.

The same sheets give the same bytes: the day of making is fixed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, BinaryIO

from msgspec import Struct

from syncjob.errors import StorageRefused
from syncjob.model import Day, Number, Number1904, Outcome, Truth
from syncjob.model.own import CATEGORY
from syncjob.reports.outlet import Outlet
from syncjob.reports.sheetxml import BEGUN, ENDED, ESCAPE, SPECIAL, page_class, string_element
from syncjob.reports.values import MASK, visible

ROWS_MAX, COLUMNS_MAX = 1_048_576, 16_384  # of a sheet, the header included
CELL_UNITS_MAX = 32_767  # of a text, in UTF-16 as Excel counts
CHOICES_CHARS_MAX = 255  # of a list that stands in the validation itself
NAME_UNITS_MAX = 31  # of a sheet's name, as above
DIGITS_MAX = 15  # what a double keeps of a number
MADE = datetime(2000, 1, 1)  # noqa: DTZ001  # a file's property has no zone
DAY_NOUGHT, DAY_S = datetime(1899, 12, 30), 86_400  # noqa: DTZ001  # Excel knows no zones
FIRST_DAY = date(1900, 3, 1)  # Excel believes in 29 February 1900: what lies before is off by a day

PLAIN_CHARS_MAX = 10_000  # whatever they are, they fit a cell
CELLS_KNOWN = 10_000  # the same numbers and days come again and again
PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
NOWHERE = re.compile("[\ud800-\udfff\ufffe\uffff]")
NO_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")

# Blue, grey and orange can be told apart without colour vision, and the groups differ in lightness as well. The word
# itself stands in the outcome column: no colour says what is not written.
TINTS = (
    ("#DCEBF7", (Outcome.PLANNED, Outcome.APPLIED)),
    ("#EDEDED", (Outcome.DRIFTED, Outcome.REFUSED)),
    ("#FFE699", (Outcome.HELD, Outcome.CONFLICTED)),
    ("#F4B183", (Outcome.INVALID, Outcome.UNMATCHED, Outcome.REJECTED, Outcome.FAILED)),
    ("#C9C4DE", (Outcome.UNSETTLED, Outcome.DEFERRED)),
)
GRID = "#D0D0D0"  # a tint covers the sheet's own lines
HEADER = "header"  # a style among the tints
TINT_OF = {str(outcome): tint for tint, outcomes in TINTS for outcome in outcomes}

TEXT, GENERAL, COUNT = "@", "General", "0"  # a count in GENERAL turns scientific at twelve digits
DAY, MINUTE, SECOND = "yyyy-mm-dd", "yyyy-mm-dd hh:mm", "yyyy-mm-dd hh:mm:ss"
Formats = Callable[[str, str], Any]  # a number format and a style in, XlsxWriter's format out


class Column(Struct, frozen=True):
    """A column; `choices` are offered in a list that forbids nothing: without commas, 255 characters in all."""

    name: str
    width: int = 16
    hidden: bool = False
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Hold what only a bug can break."""
        assert not any("," in choice for choice in self.choices), "a list is parted by commas"
        assert len(",".join(self.choices)) <= CHOICES_CHARS_MAX, "Excel refuses a file with a longer list"


class Sheet(Struct, frozen=True):
    """A table under its header. A row is its cells in the order of the columns, and the outcome that tints it or ''."""

    name: str
    columns: tuple[Column, ...]
    rows: Iterable[tuple[Sequence[str], str]]


def fill(file: BinaryIO, sheets: Sequence[Sheet]) -> None:
    """Write a workbook; the first sheet is the one that opens.

    Raises OSError when the disk refuses, StorageRefused when a sheet is larger than Excel allows.
    """
    import xlsxwriter
    from xlsxwriter.exceptions import FileCreateError

    with tempfile.TemporaryDirectory(prefix="syncjob-") as folder, ExitStack() as undone:
        options = {
            "constant_memory": True,
            "tmpdir": folder,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        target = Outlet(file)
        undone.callback(target.let_go)
        book = xlsxwriter.Workbook(target, options)
        book.use_zip64()
        book.set_properties({"created": MADE, "category": CATEGORY})
        formats, names = _formats(book), _names(sheets)
        for sheet, name in zip(sheets, names, strict=True):
            page = book.add_worksheet(name, page_class())
            undone.callback(page.abandon)
            _write(page, sheet, formats)
        try:
            book.close()
        except FileCreateError as error:  # XlsxWriter's name for an OSError
            (cause,) = error.args
            raise cause from None


def _write(page: Any, sheet: Sheet, formats: Formats) -> None:
    """Write the header and the rows, then what concerns all of them."""
    if len(sheet.columns) > COLUMNS_MAX:
        raise StorageRefused(f"sheet {sheet.name}: a workbook holds {COLUMNS_MAX:,} columns; write .csv in its place")
    page.freeze_panes(1, 0)
    for at, column in enumerate(sheet.columns):
        page.set_column(at, at, column.width, None, {"hidden": column.hidden})
        if column.name:
            page.write_string(0, at, _held(column.name, column), formats(TEXT, HEADER))
    last = _write_rows(page, sheet, formats)
    if sheet.columns:
        page.autofilter(0, 0, last, len(sheet.columns) - 1)
    for at, column in enumerate(sheet.columns):
        if column.choices and last:
            offered = {"validate": "list", "source": list(column.choices), "show_error": False}
            page.data_validation(1, at, last, at, offered)


def _write_rows(page: Any, sheet: Sheet, formats: Formats) -> int:
    """Write the rows below the header; give the number of the last.

    Cells are written as the XML that they become: by XlsxWriter's own calls a million of them take three times as long.
    """
    from xlsxwriter.utility import xl_col_to_name

    letters, last = [f'<c r="{xl_col_to_name(at)}' for at in range(len(sheet.columns))], 0
    looks = cache(lambda shown, tint: f'" s="{page.look(formats(shown, tint))}"')
    page.begin_lines(len(sheet.columns))
    for last, (cells, style) in enumerate(sheet.rows, 1):
        if last >= ROWS_MAX:
            raise StorageRefused(f"sheet {sheet.name}: a workbook holds {ROWS_MAX - 1:,} rows; write .csv in its place")
        tint = style if style in TINT_OF else ""
        text, row, made = looks(TEXT, tint), last + 1, []
        for at, cell in enumerate(cells):
            kind = type(cell)
            if kind is str:
                if cell and len(cell) <= PLAIN_CHARS_MAX and ESCAPE not in cell and not SPECIAL.search(cell):
                    made.append(f"{letters[at]}{row}{text}{BEGUN}{cell}{ENDED}")
                elif cell:
                    made.append(string_element(f"{letters[at]}{row}{text}", _held(cell, sheet.columns[at])))
                elif tint:
                    made.append(f"{letters[at]}{row}{looks(GENERAL, tint)}/>")
            elif (found := _typed(kind, cell)) is not None:
                made.append(f"{letters[at]}{row}{looks(found[0], tint)}{found[1]}</v></c>")
            elif cell:
                made.append(string_element(f"{letters[at]}{row}{text}", str(cell)))
        page.write_line(last, "".join(made))
    return last


@lru_cache(maxsize=CELLS_KNOWN)
def _typed(kind: type[str], cell: str) -> tuple[str, str] | None:
    """Give a cell's number format and the rest of it by its class; None where its type cannot hold it: it is a text.

    A number of a workbook that counts from 1904 is a text here: as a date it would silently be another day.
    """
    if issubclass(kind, Number) and not issubclass(kind, Number1904):
        number = _number(cell)
        return None if number is None else (GENERAL if "." in cell else COUNT, f"><v>{number:.16G}")
    if issubclass(kind, Day) and (found := _moment(cell)) is not None:
        moment, shown = found
        return shown, f"><v>{_serial(moment):.16G}"
    if issubclass(kind, Truth):
        return GENERAL, f' t="b"><v>{int(cell == "true")}'
    return None


def _number(cell: str) -> float | None:
    """Give the double that reads back as the very number, in plain digits."""
    if not PLAIN_NUMBER.fullmatch(cell):
        return None
    number, significant = Decimal(cell), cell.lstrip("-").replace(".", "").strip("0")
    if len(significant) > DIGITS_MAX or abs(number) >= 10**DIGITS_MAX:
        return None
    double = float(number)
    return double + 0.0 if Decimal(repr(double)) == number else None  # + 0.0 makes nought of -0


def _moment(cell: str) -> tuple[date, str] | None:
    """Give a day or a point in time with the format that shows it all; None when Excel cannot hold it."""
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return None
    if moment.date() < FIRST_DAY or moment.tzinfo is not None or moment.microsecond:
        return None
    if "T" not in cell:
        return moment.date(), DAY
    return moment, SECOND if moment.second else MINUTE


def _serial(moment: date) -> float:
    """Give the days since Excel's day nought: from `FIRST_DAY` on that is plain counting."""
    at = moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001
    passed = at - DAY_NOUGHT
    return passed.days + passed.seconds / DAY_S


def _held(text: str, column: Column) -> str:
    """Give a text as a cell can hold it, and behind a mask what it cannot."""
    held = text
    if NOWHERE.search(text):
        held = NOWHERE.sub(lambda found: visible(found[0]), text)
        held = held if column.hidden else f"{MASK} {held}"
    if len(held) * 2 > CELL_UNITS_MAX and len(held.encode("utf-16-le")) // 2 > CELL_UNITS_MAX:
        return f"{MASK} {len(text):,} characters do not fit a cell; they stand in the CSV report"
    return held


def _formats(book: Any) -> Formats:
    """Give what makes a format of a number format and a style, each once."""

    @cache
    def format_of(shown: str, style: str) -> Any:
        looks: dict[str, Any] = {"num_format": shown}
        if style == HEADER:
            looks |= {"bold": True, "bottom": 1}
        elif style:
            looks |= {"bg_color": TINT_OF[style], "border": 1, "border_color": GRID}
        return book.add_format(looks)

    return format_of


def _names(sheets: Sequence[Sheet]) -> list[str]:
    """Give names that Excel takes: of 31 characters at most, without its signs, none twice."""
    taken: list[str] = []
    for sheet in sheets:
        name = stem = _cut(NO_NAME.sub("_", sheet.name).strip("'"), NAME_UNITS_MAX) or "sheet"
        n = 1
        while name.casefold() in {*(one.casefold() for one in taken), "history"}:
            n += 1
            name = _cut(stem, NAME_UNITS_MAX - len(f" ({n})")) + f" ({n})"
        taken.append(name)
    return taken


def _cut(name: str, units_max: int) -> str:
    return name.encode("utf-16-le")[: 2 * units_max].decode("utf-16-le", "ignore").rstrip("'")
