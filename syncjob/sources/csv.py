"""CSV text goes in; out come its columns and, line by line, its rows.

The reader is strict: a lenient one swallows the rest of the file into one cell where a quote was never closed,
and one that pads or shifts ragged lines writes a phone number into a deal value. The delimiter is seen in the header or
must be stated: counting characters in the rows (as sniffers do) fails on files of one column and on texts
full of commas. A first line `sep=;`, which Excel writes and reads, states it and is no header.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import chain
from operator import itemgetter
from typing import TextIO

from syncjob.errors import InputRefused
from syncjob.model import SourceRow
from syncjob.model.own import is_own
from syncjob.sources.decoding import Text
from syncjob.sources.numbering import Found, Numbering

# A limit of the whole process, hence set once and high: a cell of a megabyte is then one row's fault
# (limits.cell_chars_max), while an unclosed quote still cannot swallow a file of any size.
CELL_CHARS_BROKEN = 1 << 24
csv.field_size_limit(CELL_CHARS_BROKEN)

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
ESCAPED = re.compile(r"'+[=+\-@\t\r\x00]")
STATED = re.compile(r'("?)sep=([^"\r\n])\1(\r\n|\r|\n|$)', re.IGNORECASE)

SAID = {
    "unexpected end": "a quote is opened and never closed",
    "expected after": 'text follows a closing quote; a quote inside a quoted cell is written twice: ""',
    "field limit": f"a cell has more than {CELL_CHARS_BROKEN:,} characters: is a quote opened and never closed?",
}


class CsvTable:
    """A CSV file whose header could be read."""

    notes: tuple[str, ...] = ()

    def __init__(self, text: Text, *, delimiter: str, known: Collection[str]) -> None:
        """Read the header; raises InputRefused when it cannot be told which columns it names."""
        self._text = text
        self._delimiter = _agreed(text, _stated(text), delimiter) or _delimiter(text, known)
        self._header = _names(_header(text, self._delimiter), text.source)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in the header, trimmed; those of our own reports left out."""
        return tuple(name for name in self._header if not is_own(name))

    def __iter__(self) -> Iterator[SourceRow]:
        """Give the rows; InputRefused where quotes do not match."""
        text = self._text
        none_own = not any(map(is_own, self._header))
        return Numbering(text.source, cut_off=text.cut_off, none_own=none_own).rows(self._found())

    def _found(self) -> Iterator[Found]:
        header = self._header
        with self._text.open() as stream:
            lines = _lines(stream, self._delimiter, self._text.source)
            next(lines, None)
            for line, cells in lines:
                if len(cells) != len(header):
                    yield Found(line, {}, f"has {_count(cells)}, the header has {len(header)}")
                    continue
                quoted = "'" in "".join(cells)
                plain = [cell[1:] if ESCAPED.match(cell) else cell for cell in cells] if quoted else cells
                yield Found(line, dict(zip(header, plain, strict=True)))


def _stated(text: Text) -> str:
    """Give the delimiter that the first line states, '' where it is any other line."""
    with text.open() as stream:
        found = STATED.fullmatch(stream.readline())
    return found[2] if found else ""


def _agreed(text: Text, stated: str, asked: str) -> str:
    """Give the delimiter that the file or the configuration states, '' where neither does."""
    configured = "" if asked == "auto" else asked.replace("tab", "\t")
    if stated and stated not in DELIMITERS:
        raise InputRefused(
            f"{text.source}:1: 'sep={stated}' states a delimiter that is neither comma, semicolon nor tab; "
            "export the file with one of these"
        )
    if stated and configured and stated != configured:
        raise InputRefused(
            f"{text.source}:1: 'sep={stated}' states another delimiter than rows.delimiter; correct one of them"
        )
    return stated or configured


def _lines(stream: TextIO, delimiter: str, source: str) -> Iterator[tuple[int, list[str]]]:
    """Give the cells of each line that is not blank, with the number of the line on which they begin."""
    first = stream.readline()
    passed = 1 if STATED.fullmatch(first) else 0
    reader = csv.reader(stream if passed else chain((first,), stream), delimiter=delimiter, strict=True)
    line = 1 + passed
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1 + passed
    except csv.Error as error:
        raise InputRefused(f"{source}:{line}: {_said(str(error))}") from None


def _said(error: str) -> str:
    return next((words for part, words in SAID.items() if part in error), f"this is not CSV: {error}")


def _header(text: Text, delimiter: str) -> list[str]:
    """Give the cells of the first line that is not blank, trimmed and without the escape of our reports."""
    with text.open() as stream:
        for _, cells in _lines(stream, delimiter, text.source):
            trimmed = (cell.strip() for cell in cells)
            return [cell[1:] if ESCAPED.match(cell) else cell for cell in trimmed]
    return []


def _delimiter(text: Text, known: Collection[str]) -> str:
    """Give the one delimiter under which the header shows configured columns, else the one that splits it at all."""
    seen: dict[str, list[str]] = {}
    broken: list[InputRefused] = []
    for delimiter in DELIMITERS:
        try:
            seen[delimiter] = _header(text, delimiter)
        except InputRefused as refused:
            broken.append(refused)
    if not seen:
        raise broken[0]
    show = [delimiter for delimiter, names in seen.items() if not set(known).isdisjoint(names)]
    split = [delimiter for delimiter, names in seen.items() if len(names) > 1]
    if not any(seen.values()) or (show and not split):
        # No header, or one column: a comma in its cells then makes a ragged line, which is told, not guessed away.
        return ","
    if len(show) == 1:
        return show[0]
    if not show and len(split) == 1:
        return split[0]
    tried = "; ".join(f"{DELIMITERS[one]}: {_count(names)}, {_shown(known, names)}" for one, names in seen.items())
    raise InputRefused(
        f"{text.source}:1: the header does not tell its delimiter ({tried}); state rows.delimiter, "
        "or correct the column names"
    )


def _shown(known: Collection[str], names: list[str]) -> str:
    shown = [name for name in names if name in known]
    return "with " + ", ".join(map(repr, shown[:3])) if shown else "none configured"


def _count(cells: list[str]) -> str:
    return "1 cell" if len(cells) == 1 else f"{len(cells)} cells"


def _names(header: list[str], source: str) -> tuple[str, ...]:
    """Refuse a header in which a cell would not know its column, everything wrong with it at once."""
    problems = [
        f"{source}:1: column {at} has no name; name it or delete it" for at, name in enumerate(header, 1) if not name
    ]
    for name, times in sorted(Counter(header).items(), key=itemgetter(0)):
        if name and times > 1:
            at = ", ".join(str(place) for place, other in enumerate(header, 1) if other == name)
            problems.append(f"{source}:1: column {name!r} stands {times} times (at {at}); keep one of them")
    if problems:
        raise InputRefused(*problems)
    return tuple(header)
