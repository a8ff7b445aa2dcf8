"""The first rows of a sheet go in; out comes the one that names the columns, or why none of them does.

Above a table stand titles, dates and filters. The header is the row that shows the most of the configured columns;
where none are configured yet, it is the first row that looks like one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from syncjob.errors import InputRefused
from syncjob.model import Place
from syncjob.model.own import OWN
from syncjob.sources.letters import letters_of, listed, meant
from syncjob.sources.sheetscan import Range

ROWS_MAX = 20
TEXTS_MIN = 2

Row = Sequence[str]
"""The cells of one row from the first column; typed as `model.cell` types them."""


class Header(Struct, frozen=True):
    """The header's row, and its columns by number from 1, in order."""

    line: int
    columns: Mapping[int, str]

    def letters(self) -> dict[str, str]:
        """Give the letters of each column by its name."""
        return {name: letters_of(column) for column, name in self.columns.items()}


class Top(Struct, frozen=True):
    """The first rows of a sheet, and all that bears on its header: `last` are the last rows used, by column."""

    place: Place
    rows: Sequence[Row]
    last: Mapping[int, int]
    merged: Sequence[Range]


def header_of(top: Top, known: Collection[str]) -> Header:
    """Find the header and check it; InputRefused with everything that is wrong with it at once."""
    line = _line(top, known)
    row = top.rows[line - 1]
    merged = listed(str(one) for one in top.merged if one.top <= line <= one.bottom)
    problems = []
    if merged:
        problems.append(f"{_at(top, line)}: the header has merged cells, {merged}; unmerge them and name each column")
    named = {column: cell.strip() for column, cell in enumerate(row, start=1) if cell.strip()}
    if not problems:
        problems += [
            f"{_at(top, line, column)}: the column has no name, but cells down to {letters_of(column)}{last}; "
            "name it or delete them"
            for column, last in sorted(top.last.items())
            if column not in named and last > line
        ]
    for name, times in Counter(named.values()).items():
        if times > 1:
            at = listed(f"{letters_of(column)}{line}" for column, other in named.items() if other == name)
            problems.append(f"{_at(top, line)}: column {name!r} stands {times} times (at {at}); keep one of them")
    if problems:
        raise InputRefused(*problems)
    return Header(line, named)


def _at(top: Top, line: int, column: int = 0) -> str:
    place = Place(top.place.source, line, top.place.sheet)
    return f"{place.source} {place.address(letters_of(column))}"


def _line(top: Top, known: Collection[str]) -> int:
    if not known:
        for line, row in enumerate(top.rows, start=1):
            if _looks_like_one(row, top) or any(cell.strip().startswith(OWN) for cell in row):
                return line
        raise _none(top, "a row of distinct names; write the names of the columns into the row above the first one")
    names = [{cell.strip() for cell in row} for row in top.rows]
    shown = [sum(name in known or name.startswith(OWN) for name in one) for one in names]
    if any(shown):
        return shown.index(max(shown)) + 1
    there = {cell.strip() for row in top.rows for cell in row if type(cell) is str and cell.strip()}
    wanted = listed(repr(name) + meant(name, there) for name in known)
    raise _none(top, f"any of the columns {wanted}; correct their names in the file or in the configuration")


def _looks_like_one(row: Row, top: Top) -> bool:
    used = [cell for cell in row if cell.strip()]
    wide = min(TEXTS_MIN, sum(1 for last in top.last.values() if last))
    distinct = len({cell.strip() for cell in used}) == len(used)
    return bool(used) and len(used) >= wide and distinct and all(type(cell) is str for cell in used)


def _none(top: Top, wanted: str) -> InputRefused:
    return InputRefused(
        f"{top.place.source}: sheet {top.place.sheet!r} shows no header: its first {ROWS_MAX} rows have not {wanted}"
    )
