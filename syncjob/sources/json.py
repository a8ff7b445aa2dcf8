"""JSON text goes in, a line each or a list; out come the rows, every number with the digits that were written.

As a value of Python's `1.10` would lose its zero and `12345678901234567890` its last digits, so numbers are taken as
they are spelt and keep their class (`model.Number`). One object at a time is decoded from a buffer that grows only as
far as that object needs. Which of the shapes it is the first character tells, whatever the file is called:

    {"Deal ID": "7f3a…", "Value": 1.10}        [{"Deal ID": "7f3a…"}, …]        {"rows": [{"Deal ID": "7f3a…"}, …]}
    {"Deal ID": "81bc…", "Value": 2}

Of a repeated key the last would win in silence, and NaN is no JSON: both refuse the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NoReturn, TextIO

from syncjob.errors import InputRefused
from syncjob.model import Number, SourceRow, Truth
from syncjob.model.own import is_own
from syncjob.sources.growing import GrowingTable
from syncjob.sources.numbering import Found, Numbering

CHUNK_CHARS = 1 << 16
OBJECT_CHARS_MAX = 1 << 24
COLUMNS_MAX = 16_384
EXPONENT_MAX = 38  # so that the plain digits of a few letters fit in forty characters
SHOWN_CHARS_MAX = 40
UNSURE_CHARS = 16  # so near the buffer's end an error may be the cut of a word such as \ud83d or Infinity
UNENDED = "Unterminated string"
BLANKS = re.compile(r"[ \t\n\r]*")
HALF = re.compile("[\ud800-\udfff]")
ROWS = '"rows"'
SHAPE = 'write one object a line, {"column": "cell"}, or a list of such objects'


class JsonTable(GrowingTable):
    """A JSON file of rows."""

    def __iter__(self) -> Iterator[SourceRow]:
        """Give the rows; InputRefused at the first line that is not what rows may hold."""
        text = self._text
        with text.open() as stream:
            buffer = _Buffer(stream, text.source)
            within = _opened(buffer)
            # A list that is closed was not cut off, whether or not a line break follows.
            numbering = Numbering(text.source, cut_off=text.cut_off and not within)
            yield from numbering.rows(self._found(buffer, within))

    def _found(self, buffer: _Buffer, within: str) -> Iterator[Found]:
        objects = _listed(buffer, within) if within else _lines(buffer)
        for line, pairs in objects:
            yield self._row(buffer, line, pairs)

    def _row(self, buffer: _Buffer, line: int, pairs: dict[str, Any]) -> Found:
        cells: dict[str, str] = {}
        flaws: dict[str, str] = {}
        for key, value in pairs.items():
            column = key.strip()
            if not column or "\n" in column or HALF.search(column):
                buffer.refuse("a column's name must be a text on one line", line)
            if column in cells:
                buffer.refuse(_twice(column), line)
            cells[column], flaw = _cell(value)
            if flaw:
                flaws[column] = flaw
            if column not in self._columns and not is_own(column):
                self._columns[column] = None
                if len(self._columns) > COLUMNS_MAX:
                    buffer.refuse(f"more than {COLUMNS_MAX:,} columns; is the list of rows nested wrongly?", line)
        return Found(line, cells, flaws=flaws)


class _Buffer:
    """The text from the object that is being read on, and the line on which it stands; what was read is let go."""

    def __init__(self, stream: TextIO, source: str) -> None:
        self._stream = stream
        self._source = source
        self._text = ""
        self._at = 0
        self._line = 1
        self._ended = False

    @property
    def line(self) -> int:
        """The line of the character that comes next."""
        return self._line

    def refuse(self, said: str, line: int | None = None) -> NoReturn:
        """Refuse the file, at a line or at the one that comes next."""
        raise InputRefused(f"{self._source}:{line or self._line}: {said}")

    def next(self) -> str:
        """Pass over blanks and give the character that comes next, which stays; '' at the end."""
        self._pass_over(self._blanks(self._at))
        return self._text[self._at : self._at + 1]

    def take(self) -> None:
        """Pass over the character that comes next, which is no line break."""
        self._at += 1

    def opens(self, *words: str) -> bool:
        """Tell whether these words come next, blanks between them or not; nothing is passed over."""
        ahead = 0
        for word in words:
            ahead = self._blanks(self._at + ahead) - self._at
            while len(self._text) < self._at + ahead + len(word) and self._grow(0):
                pass
            if not self._text.startswith(word, self._at + ahead):
                return False
            ahead += len(word)
        return True

    def object(self) -> dict[str, Any]:
        """Decode the object that comes next and pass over it; its keys as they are written."""
        if self.next() != "{":
            self.refuse(f"a row must be an object of columns and cells; {SHAPE}")
        wanted = CHUNK_CHARS
        while True:
            try:
                found, end = DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                unsure = error.msg.startswith(UNENDED) or error.pos + UNSURE_CHARS >= len(self._text)
                if not unsure or not self._grow(wanted):
                    line = self._line + self._text.count("\n", self._at, error.pos)
                    self.refuse(f"not valid JSON: {error.msg}; mend the line, or is the file cut off?", line)
                if len(self._text) - self._at > OBJECT_CHARS_MAX:
                    self.refuse(f"an object of more than {OBJECT_CHARS_MAX:,} characters: is a quote never closed?")
                wanted *= 2  # so that a long object is decoded few times over
            except RecursionError:
                self.refuse(f"nested too deeply; {SHAPE}")
            except _NoRow as error:
                self.refuse(str(error))
            else:
                assert isinstance(found, dict), "what begins with a brace is an object"
                self._pass_over(end)
                return found

    def _blanks(self, at: int) -> int:
        """Give the place of the first character from there on that is no blank."""
        ahead = at - self._at
        while True:
            found = BLANKS.match(self._text, self._at + ahead)
            assert found is not None, "no blank is a match as well"
            ahead = found.end() - self._at
            if found.end() < len(self._text) or not self._grow(0):
                return self._at + ahead

    def _pass_over(self, end: int) -> None:
        self._line += self._text.count("\n", self._at, end)
        self._at = end

    def _grow(self, chars: int) -> bool:
        """Read on, at least a chunk, and let go of what was passed over; False at the end of the file."""
        more = "" if self._ended else self._stream.read(max(chars, CHUNK_CHARS))
        self._ended = not more
        if more:
            self._text = self._text[self._at :] + more
            self._at = 0
        return bool(more)


def _opened(buffer: _Buffer) -> str:
    """Pass over what stands before the first object; give what stands after the last, '' where rows are lines."""
    if buffer.next() == "[":
        buffer.take()
        return "]"
    if buffer.opens("{", ROWS, ":", "["):
        for _ in ("{", *ROWS, ":", "["):
            buffer.next()
            buffer.take()
        return "]}"
    return ""


def _lines(buffer: _Buffer) -> Iterator[tuple[int, dict[str, Any]]]:
    last = 0
    while buffer.next():
        line = buffer.line
        if line == last:
            buffer.refuse(f"more follows the object on its line; {SHAPE}")
        yield line, buffer.object()
        last = buffer.line


def _listed(buffer: _Buffer, within: str) -> Iterator[tuple[int, dict[str, Any]]]:
    more = buffer.next() != "]"
    while more:
        buffer.next()
        yield buffer.line, buffer.object()
        more = buffer.next() == ","
        if more:
            buffer.take()
    for closing in within:
        if (found := buffer.next()) != closing:
            said = (
                f"{found!r} where ',' or {closing!r} should be" if found else f"the file ends without its {closing!r}"
            )
            buffer.refuse(f"not valid JSON: {said}; mend the line, or is the file cut off?")
        buffer.take()
    if buffer.next():
        buffer.refuse(f"more follows the end of the list; {SHAPE}")


class _NoRow(Exception):
    """What the decoder met in an object that no row may hold."""


class _Endless(str):
    """A number of more digits than any deal has, as it was written."""

    __slots__ = ()


def _cell(value: Any) -> tuple[str, str]:
    """Give a cell's text, a list's items on a line each, and its flaw or ''."""
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, dict | list) for item in items):
        return "", "is nested too deeply; write a text, or a list of texts"
    texts = [_written(item) for item in items]
    if endless := next((text for text in texts if isinstance(text, _Endless)), ""):
        shown = endless if len(endless) <= SHOWN_CHARS_MAX else f"{endless[:SHOWN_CHARS_MAX]}…"
        return "", f"is {shown}, which has more digits than any number here; write it plainly"
    if any(HALF.search(text) for text in texts):
        return "", "holds half a character, \\ud800 to \\udfff without its other half; write the text anew"
    if not isinstance(value, list):
        return texts[0], ""
    if any("\n" in text for text in texts):
        return "", "has a line break inside a list's item, where it would part it in two"
    return "\n".join(texts), ""


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return Truth("true" if value else "false")
    return "" if value is None else value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        met: set[str] = set()
        for key, _ in pairs:
            if key in met:
                raise _NoRow(_twice(key))
            met.add(key)
    return found


def _twice(key: str) -> str:
    return f"the key {key!r} stands twice in one row; keep one of them"


def _number(written: str) -> str:
    """Give a number with a fraction or an exponent as plain digits."""
    if "e" not in written.lower():
        return Number(written)
    exponent = written.lower().rpartition("e")[2].lstrip("+-0")
    if len(exponent) > len(str(EXPONENT_MAX)) or int(exponent or "0") > EXPONENT_MAX:
        return _Endless(written)
    return Number(format(Decimal(written), "f"))


def _constant(written: str) -> NoReturn:
    raise _NoRow(f"{written} is no number of JSON's; write the number, or null")


DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=Number, parse_float=_number, parse_constant=_constant, strict=True
)
