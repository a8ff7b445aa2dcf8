"""The XML of a sheet goes in, piece by piece; out comes what the reader of its cells does not tell.

That reader makes a blank of an error and of a formula that nobody has calculated, so that `#REF!` would clear a field.
It knows of no hidden rows and merged cells, and it reserves room for the whole rectangle up to the farthest cell: one
cell at XFD1048576 ends its process. All this is found here by regular expressions over bytes, ten times as fast as
by an XML parser. They take any prefix, order of attributes and kind of quotes, and cells that do not say where they
are. They need not find what malice hides: who can write the sheet can as well write other values into it. But malice
must not hold them up: none of them passes over the next tag, and where one gives up no other way through is tried, so
that a sheet is gone through once, however it is written.
"""

from __future__ import annotations

import html
import re
from array import array
from collections import defaultdict

from msgspec import Struct

from syncjob.errors import InputRefused
from syncjob.sources.letters import column_of, letters_of, listed

CELLS_MAX = 5_000_000
COLUMNS_MAX = 16_384
ROWS_MAX = 1_048_576
FLAWS_MAX = 100_000
MERGED_MAX = 100_000
PREFIX_CHARS_MAX = 256
ROOT_BYTES_MAX = PREFIX_CHARS_MAX + len(b"<:worksheet>")
BLOCK_BYTES_MAX = 64_000_000

NO_VALUE = "#NO SAVED VALUE!"
ERRORS = frozenset(("#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"))  # all that the reader knows
ERROR_CHARS_MAX = 20

ROOT = re.compile(rb"<([\w.\-]{1,%d}:)?worksheet[\s/>]" % PREFIX_CHARS_MAX)
AT = re.compile(rb"""\sr\s*=\s*["']([A-Z]{1,3})(\d{1,7})["']""")
NUMBER = re.compile(rb"""\sr\s*=\s*["'](\d{1,7})["']""")
HIDDEN = re.compile(rb"""\shidden\s*=\s*["'](?:1|true)["']""")
LEAST = re.compile(rb"""\smin\s*=\s*["'](\d{1,5})["']""")
MOST = re.compile(rb"""\smax\s*=\s*["'](\d{1,5})["']""")
REF = re.compile(rb"""\sref\s*=\s*["']([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})["']""")
TEXT = re.compile(rb"""\st\s*=\s*["']str["']""")
QUOTED_E = (b'"e"', b"'e'")


Places = dict[int, tuple[int, int]]
"""The row and column of each cell of a block, by the cell's offset in it."""


class Range(Struct, frozen=True):
    """Merged cells, all counted from 1."""

    top: int
    left: int
    bottom: int
    right: int

    def __str__(self) -> str:
        return f"{letters_of(self.left)}{self.top}:{letters_of(self.right)}{self.bottom}"


class Scanned(Struct, frozen=True):
    """What a sheet holds beside its values, all counted from 1: `flaws` are texts by row and column."""

    flaws: dict[int, dict[int, str]]
    hidden_rows: array[int]
    hidden_columns: tuple[tuple[int, int], ...]
    merged: tuple[Range, ...]


class SheetScan:
    """Take the pieces of one sheet; nothing larger than a few rows is kept."""

    def __init__(self, place: str) -> None:
        """Take the file and the sheet as messages name them."""
        self._place = place
        self._buffer = bytearray()
        self._tags: _Tags | None = None
        self._rows = self._columns = self._row = self._flawed = 0
        self._flaws: dict[int, dict[int, str]] = defaultdict(dict)
        self._hidden_rows = array("L")
        self._hidden_columns: list[tuple[int, int]] = []
        self._merged: list[Range] = []
        self._unknown: list[str] = []

    def feed(self, chunk: bytes) -> None:
        """Look at the rows that this piece completes; InputRefused for one that lies too far out."""
        seen = len(self._buffer)
        self._buffer += chunk
        if self._tags is None:
            self._tags = _tags(self._buffer, max(0, seen - ROOT_BYTES_MAX))
            seen = 0
        if self._tags is not None:
            end = self._buffer.rfind(self._tags.row_end, max(0, seen - len(self._tags.row_end)))
            if end >= 0:
                block = bytes(self._buffer[: end + len(self._tags.row_end)])
                del self._buffer[: len(block)]
                self._look(self._tags, block)
        if len(self._buffer) > BLOCK_BYTES_MAX:
            raise InputRefused(f"{self._place}: one row is larger than {BLOCK_BYTES_MAX // 10**6} MB; is it meant?")

    def close(self) -> Scanned:
        """Look at what stands below the last row, and give all that was found."""
        if self._tags is None:
            raise InputRefused(f"{self._place}: the sheet is damaged; open the file in Excel and save it anew")
        block = bytes(self._buffer)
        self._look(self._tags, block)
        for found in self._tags.merged.finditer(block):
            if ref := REF.search(found[1]):
                left, top, right, bottom = ref.groups()
                self._merged.append(Range(int(top), column_of(left), int(bottom), column_of(right)))
            if len(self._merged) > MERGED_MAX:
                raise InputRefused(f"{self._place}: more than {MERGED_MAX:,} merged ranges; unmerge the cells")
        if self._unknown:
            raise InputRefused(
                f"{self._place}: {listed(self._unknown)}: an error that cannot be read; "
                "mend the formula, or clear the cell, and save the file in Excel"
            )
        return Scanned(
            dict(self._flaws),
            self._hidden_rows,
            tuple(self._hidden_columns),
            tuple(self._merged),
        )

    def _look(self, tags: _Tags, block: bytes) -> None:
        """Look at whole rows, or at what stands below the last one."""
        if not self._row and b"hidden" in block:
            self._hide_columns(tags, block)  # these stand above the first row
        places: Places | None = None
        used = tags.plain.findall(block)
        others = len(tags.cell.findall(block)) - len(used)
        if others and len(tags.plain_blank.findall(block)) < others:
            places = self._places(tags, block)
        elif used:
            self._reach(max(map(int, {row for _, row in used})), max(map(column_of, {at for at, _ in used})))
        self._count_rows(tags, block)
        self._find_flaws(tags, block, places)

    def _count_rows(self, tags: _Tags, block: bytes) -> None:
        for found in tags.row.finditer(block):
            number = NUMBER.search(found[1])
            self._row = int(number[1]) if number else self._row + 1
            if b"hidden" in found[1] and HIDDEN.search(found[1]):
                self._hidden_rows.append(self._row)

    def _find_flaws(self, tags: _Tags, block: bytes, places: Places | None) -> None:
        if any(quoted in block for quoted in QUOTED_E):
            for found in tags.error.finditer(block):
                self._flaw(found, places, tags.error_text(found[2]))
        if tags.formula in block:
            for found in tags.unsaved.finditer(block):
                if not (TEXT.search(found[1]) and found[2]):  # a text that is empty was saved as such
                    self._flaw(found, places, NO_VALUE)

    def _places(self, tags: _Tags, block: bytes) -> Places:
        """Give the row and column of each cell, counted where the cell does not say."""
        places: Places = {}
        row, column = self._row, 0
        for found in tags.any.finditer(block):
            name, said = found.groups()
            if name == b"row":
                number = NUMBER.search(said)
                row, column = int(number[1]) if number else row + 1, 0
                continue
            at = AT.search(said)
            column = column_of(at[1]) if at else column + 1
            places[found.start()] = (int(at[2]) if at else row, column)
            if not said.endswith(b"/"):
                self._reach(*places[found.start()])
        return places

    def _reach(self, row: int, column: int) -> None:
        self._rows, self._columns = max(self._rows, row), max(self._columns, column)
        if self._rows * self._columns > CELLS_MAX or self._columns > COLUMNS_MAX or self._rows > ROWS_MAX:
            raise InputRefused(
                f"{self._place}: the cells reach to {letters_of(self._columns)}{self._rows}, a rectangle of "
                f"{self._rows * self._columns:,} cells (limit {CELLS_MAX:,}); one cell at such a place is enough: "
                "delete what is out there, rows and columns, and save the file"
            )

    def _hide_columns(self, tags: _Tags, block: bytes) -> None:
        for n, found in enumerate(tags.column.finditer(block), 1):
            if n > COLUMNS_MAX:
                raise InputRefused(
                    f"{self._place}: describes more than {COLUMNS_MAX:,} columns; "
                    "open the file in Excel and save it anew"
                )
            least, most = LEAST.search(found[1]), MOST.search(found[1])
            if least and most and HIDDEN.search(found[1]):
                self._hidden_columns.append((int(least[1]), int(most[1])))

    def _flaw(self, found: re.Match[bytes], places: Places | None, text: str) -> None:
        at = AT.search(found[1])
        if places is not None:
            row, column = places[found.start()]
        else:
            assert at is not None, "a block without counted places says where each cell is"
            row, column = int(at[2]), column_of(at[1])
        self._flaws[row][column] = text
        if text not in ERRORS and text != NO_VALUE:
            self._unknown.append(f"{letters_of(column)}{row} {text[:ERROR_CHARS_MAX]}")
        self._reach(row, column)
        self._flawed += 1
        if self._flawed > FLAWS_MAX:
            raise InputRefused(
                f"{self._place}: more than {FLAWS_MAX:,} cells are errors or formulas without a saved value; "
                "open the file in Excel and save it"
            )


class _Tags(Struct, frozen=True):
    """The tags of a sheet under its prefix."""

    row_end: bytes
    formula: bytes
    plain: re.Pattern[bytes]
    plain_blank: re.Pattern[bytes]
    cell: re.Pattern[bytes]
    any: re.Pattern[bytes]
    row: re.Pattern[bytes]
    column: re.Pattern[bytes]
    merged: re.Pattern[bytes]
    error: re.Pattern[bytes]
    unsaved: re.Pattern[bytes]
    value: re.Pattern[bytes]

    def error_text(self, inside: bytes) -> str:
        """Give the error that a cell shows."""
        found = self.value.search(inside)
        return html.unescape(found[1].decode("utf-8", "replace")).strip() if found else ""


def _tags(head: bytearray, at: int) -> _Tags | None:
    """Make the tags once the root has been seen, from there on; None before."""
    found = ROOT.search(head, at)
    if found is None:
        return None
    prefix = bytes(found[1] or b"")
    p = re.escape(prefix)
    within = rb"(?:[\s/][^<>]*+)?"  # a tag's attributes, as far as the next tag; whether or not it closes itself
    value = rb"<%bv%b(?:(?<=/)>|(?<!/)>\s*+</%bv\s*+>)" % (p, within, p)
    formula = rb"<%bf%b(?:(?<=/)>|(?<!/)>[^<]*+</%bf\s*+>)" % (p, within, p)
    inside = rb"[^<]*+(?:<(?!/?%bc[\s/>])[^<]*+)*+" % p
    is_error = rb"""(?=[^<>]*?\st\s*+=\s*+["']e["'])"""
    return _Tags(
        row_end=b"</%brow>" % prefix,
        formula=b"<%bf" % prefix,
        plain=re.compile(rb'<%bc r="([A-Z]{1,3})([0-9]{1,7})"[^<>]*+(?<!/)>' % p),
        plain_blank=re.compile(rb'<%bc r="[A-Z]{1,3}[0-9]{1,7}"[^<>]*+(?<=/)>' % p),
        cell=re.compile(rb"<%bc[\s/>]" % p),
        any=re.compile(rb"<%b(row|c)(?=[\s/>])([^<>]*+)>" % p),
        row=re.compile(rb"<%brow(?=[\s/>])([^<>]*+)>" % p),
        column=re.compile(rb"<%bcol(\s[^<>]*+)>" % p),
        merged=re.compile(rb"<%bmergeCell(\s[^<>]*+)>" % p),
        error=re.compile(rb"<%bc%b(\s[^<>]*+)(?<!/)>(%b)</%bc\s*+>" % (p, is_error, inside, p)),
        unsaved=re.compile(rb"<%bc((?:\s[^<>]*+)?)(?<!/)>\s*+%b\s*+(%b)?\s*+</%bc\s*+>" % (p, formula, value, p)),
        value=re.compile(rb"<%bv%b(?<!/)>([^<]*+)<" % (p, within)),
    )
