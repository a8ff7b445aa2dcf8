"""The nouns of a row until it meets its referral: SourceRow, Desired, Pair with an Observed.

A JSON value is `Any`: None, bool, int, Decimal, str, list or dict, numbers with a fraction always Decimal. Paths
are JSON Pointers (RFC 6901).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from syncjob.model.cell import are_plain, columns_from_json, columns_to_json
from syncjob.model.stand import Stand, Why
from syncjob.model.wire import packed, unpacker

if TYPE_CHECKING:
    Cells = Mapping[str, str]
else:
    Cells = Mapping[str, Any]  # as they are read back: a typed cell is an object at first, see `cell`


class Place(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where a row stood: `deals.csv:17`, or `deals.xlsx Pipeline!17` in a workbook."""

    source: str
    line: int
    sheet: str = ""

    def __str__(self) -> str:
        return f"{self.source} {self.address()}" if self.sheet else f"{self.source}:{self.line}"

    def address(self, letters: str = "") -> str:
        """Give the address of the row, or of its cell in that column, as Excel writes it."""
        quoted = self.sheet if self.sheet.isidentifier() else "'" + self.sheet.replace("'", "''") + "'"
        return f"{quoted}!{letters}{self.line}"

    def to_json(self) -> dict[str, Any]:
        """Give the parts of a row's JSON object that say where it stood."""
        return {"source": self.source, "line": self.line} | ({"sheet": self.sheet} if self.sheet else {})


class SourceRow(Struct, frozen=True, omit_defaults=True):
    """One row as it was read: cells by column, untouched; `fault` says why the line cannot be parted into cells.

    `own` are the cells of columns that our own reports have added, by name without the prefix; `letters` are, by
    column, those of a workbook. `flaws` say, by column, why what stands there is no cell: an object, half a character.
    In `columns` it is then a text that no field takes.
    """

    n: int
    place: Place
    columns: Cells
    fault: str = ""
    warnings: tuple[str, ...] = ()
    own: Mapping[str, str] = {}
    letters: Mapping[str, str] = {}
    flaws: Mapping[str, str] = {}

    def at(self, column: str) -> str:
        """Say where a cell stands: by its column's name, in a workbook by its address as well."""
        return f"{self.place.address(self.letters[column])} {column}" if column in self.letters else column


class Wish(Struct, frozen=True, array_like=True, gc=False):
    """What a row asks of one field: `desired` as it goes over the wire; None clears.

    `zone` is the IANA time zone in which a date is meant; `column` is where the wish was written. `removed` are the
    e-mails of people who are to leave a list; who else is in it stays.
    """

    path: str
    desired: Any
    column: str = ""
    zone: str | None = None
    removed: tuple[str, ...] = ()


class Desired(Struct, frozen=True, omit_defaults=True):
    """A row that could be read: its key and its wishes, one a path.

    `id` is the referral where the row names it itself, or a person has linked it. `base` holds, by path, the last
    agreed values that the row has brought along; `answers`, by path, what a person has said of whose word counts.
    """

    row: SourceRow
    key: str
    wishes: tuple[Wish, ...]
    verify: str | None = None
    warnings: tuple[str, ...] = ()
    id: str = ""
    base: Mapping[str, Any] = {}
    answers: Mapping[str, Why] = {}

    def packed(self) -> bytes:
        """Give it as bytes; `unpacked` gives the same value back, but for the row's own columns."""
        row = self.row
        if row.own or not are_plain(row.columns):
            return packed(replace(self, row=replace(row, own={}, columns=columns_to_json(row.columns))))
        return packed(self)

    @classmethod
    def unpacked(cls, text: bytes) -> Desired:
        """Read what `packed` gave."""
        found = _read(text)
        if are_plain(found.row.columns):
            return found
        return replace(found, row=replace(found.row, columns=columns_from_json(found.row.columns)))


_read = unpacker(Desired)


class Observed(Struct, frozen=True):
    """A referral as the remote showed it; `etag` verbatim, quotes included, or None."""

    id: str
    etag: str | None
    body: Mapping[str, Any]


class Unknown(Enum):
    """The base of a field whose history nobody knows."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN


class Pair(Struct, frozen=True):
    """A row and the referral it names; `base` holds, by path, the last agreed value where one is known.

    `kept` holds, by path, (what was asked once, what the remote made of it): asking again would change nothing.
    `nights` counts, by path, how many runs in a row have sent the base as it stands. After a clash `left` holds, by
    path, what was observed of the fields that the plan saw and left alone, and where they stood.
    """

    desired: Desired
    observed: Observed
    base: Mapping[str, Any] = {}
    kept: Mapping[str, tuple[Any, Any]] = {}
    nights: Mapping[str, int] = {}
    left: Mapping[str, tuple[Any, Stand, Why]] = {}
