"""A workbook goes in; out come the columns and rows of one sheet, each cell as Excel shows it.

The order is the fence: the zip file is measured before anything is unzipped, the sheet is looked over before it
is read, and read it is by another process. What the reader does not tell, errors and formulas without a value, is laid
over its cells as a text that no field takes: the row is refused where such a column is mapped, and only there.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from syncjob import settings
from syncjob.errors import InputRefused
from syncjob.model import Number, Number1904, Place, SourceRow
from syncjob.model.own import OWN, is_own
from syncjob.sources.apart import WAY_OUT, Child
from syncjob.sources.headers import ROWS_MAX, Header, Top, header_of
from syncjob.sources.letters import listed
from syncjob.sources.numbering import Found, Numbering
from syncjob.sources.package import Package
from syncjob.sources.sheetscan import Scanned, SheetScan
from syncjob.sources.snapshot import Snapshot
from syncjob.sources.workbook import Sheet, chosen, workbook_of


class ExcelTable:
    """One sheet of a workbook whose header was found."""

    def __init__(self, snapshot: Snapshot, *, rows: settings.Rows, known: Collection[str]) -> None:
        """Look over the workbook, have the sheet read, find its header; InputRefused where one of these fails."""
        self._source = snapshot.source
        package = Package(snapshot.path, snapshot.source)
        workbook = workbook_of(package, snapshot.source)
        self._sheet = chosen(workbook, snapshot.source, rows.sheet)
        self._number = Number1904 if workbook.from_1904 else Number
        with Child(snapshot.source, folder=snapshot.path.parent, seconds=rows.workbook_s) as child:
            self._scanned = _scanned(package, snapshot.source, self._sheet, rows.workbook_s)
            self._spool = child.read(snapshot.path, self._sheet.name)
        self._header = self._find_header(known)
        self.notes = (
            *_notes(self._scanned, self._header, self._end()),
            *(("macros are ignored",) if workbook.macros else ()),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header, trimmed; those of our own reports left out."""
        return tuple(name for name in self._header.columns.values() if not is_own(name))

    def __iter__(self) -> Iterator[SourceRow]:
        """Give the rows below the header, blank ones among them."""
        letters = self._header.letters()
        numbering = Numbering(self._source, sheet=self._sheet.name, letters=letters)
        return numbering.rows(self._found())

    def _find_header(self, known: Collection[str]) -> Header:
        last = dict(enumerate(self._spool.last, start=1))
        for row, flaws in self._scanned.flaws.items():
            for column in flaws:
                last[column] = max(row, last.get(column, 0))
        top = [cells for _, cells in islice(self._rows(), ROWS_MAX)]
        return header_of(Top(Place(self._source, 0, self._sheet.name), top, last, self._scanned.merged), known)

    def _found(self) -> Iterator[Found]:
        columns = [(column - 1, name) for column, name in self._header.columns.items()]
        for line, cells in islice(self._rows(), self._header.line, None):
            there = len(cells)
            yield Found(line, {name: cells[at] if at < there else "" for at, name in columns})

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give the cells of every row from the first to the last that holds something, the flaws laid over them."""
        flaws, line = self._scanned.flaws, 0
        for line, cells in enumerate(self._spool.cells(self._number), start=1):
            yield line, _laid_over(cells, flaws[line]) if line in flaws else cells
        for below in range(line + 1, max(flaws, default=0) + 1):
            yield below, _laid_over([], flaws.get(below, {}))

    def _end(self) -> int:
        return max(self._spool.rows, max(self._scanned.flaws, default=0))


def _scanned(package: Package, source: str, sheet: Sheet, seconds: float) -> Scanned:
    """Look over the sheet within so many seconds, and over every other part for what no workbook needs."""
    scan, began = SheetScan(f"{source}: sheet {sheet.name!r}"), time.monotonic()
    for chunk in package.markup(sheet.part):
        scan.feed(chunk)
        if time.monotonic() - began > seconds:
            raise InputRefused(f"{source}: was not looked over in {seconds:g} s (rows.workbook_s); {WAY_OUT}")
    found = scan.close()
    package.check_markup(but=sheet.part)
    return found


def _laid_over(cells: list[str], flaws: Mapping[int, str]) -> list[str]:
    cells += [""] * (max(flaws, default=0) - len(cells))
    for column, text in flaws.items():
        cells[column - 1] = text
    return cells


def _notes(scanned: Scanned, header: Header, end: int) -> Iterator[str]:
    """Say what a person who looks at the sheet does not see, or sees otherwise than it is read."""
    rows = sum(header.line < row <= end for row in scanned.hidden_rows)
    if rows:
        yield "1 hidden row included" if rows == 1 else f"{rows} hidden rows included"
    theirs = [column for column, name in header.columns.items() if not name.startswith(OWN)]
    columns = _count_within(theirs, scanned.hidden_columns)
    if columns:
        yield "1 hidden column included" if columns == 1 else f"{columns} hidden columns included"
    every = sorted(header.columns)
    merged = [str(one) for one in scanned.merged if one.top > header.line and _any_within(every, one.left, one.right)]
    if merged:
        yield f"merged cells {listed(merged)}: only the first one holds the value"


def _count_within(columns: Sequence[int], ranges: Iterable[tuple[int, int]]) -> int:
    """Count the columns that lie in one of the ranges, which may overlap."""
    firsts: list[int] = []
    lasts: list[int] = []
    for least, most in sorted(ranges):
        firsts.append(least)
        lasts.append(max(most, lasts[-1]) if lasts else most)
    found = ((column, bisect_right(firsts, column)) for column in columns)
    return sum(at > 0 and column <= lasts[at - 1] for column, at in found)


def _any_within(columns: Sequence[int], least: int, most: int) -> bool:
    """Tell whether one of the columns, which are in order, lies in the range."""
    at = bisect_left(columns, least)
    return at < len(columns) and columns[at] <= most
