"""Rows in which nothing is odd are mapped at once, as most rows are: `SourceRow` in, `Brief` out, or None.

What a cell asks of its field depends on the cell alone. Plain letters and bare digits are taken as they stand, and any
other cell is read once by the long way in `saying` and known from then on. Where a row has more to it (a fault, a
warning, a cell that clears, a file that describes itself) it goes that way whole, by `mapping`. Both ways end alike to
the letter, which a law of the tests holds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

from msgspec import Struct

from syncjob.core import matching, pulled
from syncjob.core.cells import DIGITS_MAX
from syncjob.core.feeds import Feed, Feeds
from syncjob.core.fields import BY_PATH, CRM_ID, CURRENCY, DEAL_VALUE, STATUS, SUBSTATUS, Kind
from syncjob.core.saying import Said
from syncjob.core.values import money
from syncjob.model import Ask, Brief, Place, Shape, SourceRow, Wish, coded
from syncjob.model.cell import plainly

KNOWN_MAX = 4_096  # cells of a column
KNOWN_CHARS_MAX = 200  # of a cell: longer ones hardly come twice
SHAPES_MAX = 256  # of the rows of one file: which of its cells are blank
NOBODY = SourceRow(0, Place("", 0), {})

MONEY, TEXT = Kind.MONEY, Kind.TEXT  # looked up once: an enumeration takes its time

Asked = tuple[tuple[int, bytes], ...] | None
"""Which of the asks, each with its value as it is written; None where there is more to be said."""
Cells = TypeVar("Cells", str, tuple[str, ...])


class _Column(Struct, frozen=True):
    """A column that feeds a field: `bare` is its kind where plain cells are taken as they stand, `known` are others.

    `ask` is what such a plain cell asks for.
    """

    name: str
    path: str
    bare: Kind | None
    ask: int
    feed: Feed
    known: dict[str, Asked]


class Plain:
    """How the rows of one file are mapped; `columns` are those of its header."""

    def __init__(self, feeds: Feeds, columns: Collection[str]) -> None:
        """Look at what the configuration asks of such a file."""
        self._feeds, self._key = feeds, feeds.key_column(columns)
        self._unseen = {*feeds.key_columns, *(feed.column for feed in feeds.feeds)}.difference(columns)
        self._asks: dict[Ask, int] = {}
        self._shapes: dict[tuple[int, ...], tuple[Shape, tuple[bytes, ...]]] = {}
        fed = [feed for feed in feeds.feeds if feed.column in columns or feed.column not in feeds.optional]
        self._fed = [self._column(feed) for feed in fed]
        self._states = [one for one in self._fed if one.path in (STATUS, SUBSTATUS)]
        self._ends: dict[tuple[str, ...], Asked] = {}
        stated = [feed for feed in fed if feed.field.path == DEAL_VALUE and feed.currency]
        self._currency = self._piece(Wish(CURRENCY, stated[0].currency, stated[0].column)) if stated else None
        self._verify = feeds.verify[0] if feeds.verify else ""
        alone = len({one.path for one in self._fed}) == len(fed)
        self._none = pulled.is_pulled(columns) or feeds.strict or not alone

    def brief(self, row: SourceRow) -> Brief | None:
        """Map a row; None where that is to be done by the long way."""
        columns, place = row.columns, row.place
        if self._none or row.fault or row.flaws or row.own or row.warnings or row.letters or place.sheet:
            return None
        if self._unseen and not self._unseen.isdisjoint(columns):  # a file whose rows are not all alike
            return None
        cell = columns.get(self._key, "")
        key, fault = matching.key_of(self._feeds.by, cell)
        if fault or type(cell) is not str:
            return None
        asked, cells = self._asked(columns), plainly(columns)
        if not asked or cells is None:
            return None
        asks = tuple(asked)
        shape, more = self._shapes[asks] if asks in self._shapes else self._shape(place.source, asks)
        if shape is None:
            return None
        values = [*asked.values(), *more]
        if self._verify:
            verify = columns.get(self._verify, "")
            if not verify.strip():
                return None
            values.append(coded(verify))
        return shape.brief(row.n, place.line, key, cells, values)

    def _shape(self, source: str, asks: tuple[int, ...]) -> tuple[Shape | None, tuple[bytes, ...]]:
        """Give the shape of rows that ask so, and the values that are the same in all of them: an amount's currency.

        None where the long way has more to say, or there are too many shapes.
        """
        by_number = list(self._asks)
        wanted, more = [by_number[ask] for ask in asks], tuple[bytes, ...]()
        paths = [ask.path for ask in wanted]
        if DEAL_VALUE in paths and CURRENCY not in paths:
            if self._currency is None:
                return None, ()
            currency, value = self._currency
            wanted, more = [*wanted, by_number[currency]], (value,)
        if len(set(paths)) < len(paths) or len(self._shapes) >= SHAPES_MAX or matching.HALVES.search(source):
            return None, ()
        shape = Shape(len(self._shapes), source, wanted, self._feeds.verify, itself=self._feeds.by == "id")
        self._shapes[asks] = shape, more
        return shape, more

    def _asked(self, columns: Mapping[str, str]) -> dict[int, bytes] | None:
        """Give what the cells ask for, in the order of the long way; None where there is more to be said."""
        most = self._feeds.cell_chars_max
        found: dict[int, bytes] = {}
        for one in self._fed:
            cell = columns.get(one.name)
            if type(cell) is not str or len(cell) > most:
                return None
            if one.bare is MONEY and cell.isdecimal() and cell.isascii() and len(cell) <= DIGITS_MAX:
                found[one.ask] = (cell.lstrip("0") or "0").encode()
            elif one.bare is TEXT and cell.isascii() and cell.isprintable() and cell.strip(" #<") == cell != "":
                found[one.ask] = coded(cell)
            elif (asked := self._of_cell(one, cell)) is None:
                return None
            else:
                found.update(asked)
        if self._states:
            if (end := self._end(tuple([columns[one.name] for one in self._states]))) is None:
                return None
            found.update(end)
        return found

    def _of_cell(self, column: _Column, cell: str) -> Asked:
        """Give what one cell asks for; None where there is more to be said of it."""
        if cell in column.known:
            return column.known[cell]
        said = self._said(column, cell)
        return self._keep(column.known if len(cell) <= KNOWN_CHARS_MAX else {}, cell, said)

    def _said(self, column: _Column, cell: str) -> Said:
        said = Said(NOBODY, self._feeds.cell_chars_max)
        said.read(column.feed, cell)
        return said

    def _end(self, cells: tuple[str, ...]) -> Asked:
        """Give what follows of status and substatus, which travel together; None where two columns speak of one."""
        if cells in self._ends:
            return self._ends[cells]
        asked = [self._said(one, cell).wishes for one, cell in zip(self._states, cells, strict=True)]
        said = Said(NOBODY, self._feeds.cell_chars_max)
        said.wishes = {path: wish for many in asked for path, wish in many.items()}
        given = set(said.wishes)
        said.complete_status()
        if len(given) < sum(map(len, asked)):
            said.problems.append("two columns speak of one field")
        said.wishes = {path: wish for path, wish in said.wishes.items() if path not in given}
        return self._keep(self._ends, cells, said)

    def _keep(self, known: dict[Cells, Asked], cells: Cells, said: Said) -> Asked:
        """Keep what cells have said, if that is wishes and nothing else, and give it."""
        if len(known) >= KNOWN_MAX:
            known.clear()
        odd = said.problems or said.warnings or said.blank
        pieces = [] if odd else [self._piece(wish) for wish in said.wishes.values()]
        asked = tuple(one for one in pieces if one is not None)
        known[cells] = None if odd or len(asked) < len(pieces) else asked
        return known[cells]

    def _piece(self, wish: Wish) -> tuple[int, bytes] | None:
        """Give a wish in brief; None where it clears, where people leave a list, or an amount has digits to spare."""
        amount, value = BY_PATH[wish.path].kind is MONEY, wish.desired
        if value is None or wish.removed or (amount and value != money(value, as_string=True)):
            return None
        ask = self._asks.setdefault(Ask(wish.path, wish.column, wish.zone, amount), len(self._asks))
        return ask, value.encode() if amount else coded(value)

    def _column(self, feed: Feed) -> _Column:
        path = feed.field.path
        ask = self._asks.setdefault(Ask(path, feed.column, None, feed.field.kind is MONEY), len(self._asks))
        return _Column(feed.column, path, _bare(feed), ask, feed, {})


def _bare(feed: Feed) -> Kind | None:
    """Give the kind of a field whose plain cells mean what they say."""
    if feed.words or feed.field.path in (CRM_ID, CURRENCY):
        return None
    return feed.field.kind if feed.field.kind in (Kind.TEXT, Kind.MONEY) else None
