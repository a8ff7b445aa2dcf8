"""Rows in which nothing is odd are mapped at once, as most rows are: `SourceRow` in, `Desired` out, or None.

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
from syncjob.core.fields import CRM_ID, CURRENCY, DEAL_VALUE, STATUS, SUBSTATUS, Kind
from syncjob.core.saying import Said
from syncjob.model import Desired, Place, SourceRow, Wish

KNOWN_MAX = 4_096  # cells of a column
KNOWN_CHARS_MAX = 200  # of a cell: longer ones hardly come twice
NOBODY = SourceRow(0, Place("", 0), {})

Asked = tuple[Wish, ...] | None
Cells = TypeVar("Cells", str, tuple[str, ...])


class _Column(Struct, frozen=True):
    """A column that feeds a field: `bare` is its kind where plain cells are taken as they stand, `known` are others."""

    name: str
    path: str
    bare: Kind | None
    feed: Feed
    known: dict[str, Asked]


class Plain:
    """How the rows of one file are mapped; `columns` are those of its header."""

    def __init__(self, feeds: Feeds, columns: Collection[str]) -> None:
        """Look at what the configuration asks of such a file."""
        self._feeds, self._key = feeds, feeds.key_column(columns)
        self._verify = feeds.verify[0] if feeds.verify else ""
        self._unseen = {*feeds.key_columns, *(feed.column for feed in feeds.feeds)}.difference(columns)
        fed = [feed for feed in feeds.feeds if feed.column in columns or feed.column not in feeds.optional]
        self._fed = [_Column(feed.column, feed.field.path, _bare(feed), feed, {}) for feed in fed]
        self._states = [one for one in self._fed if one.path in (STATUS, SUBSTATUS)]
        self._ends: dict[tuple[str, ...], Asked] = {}
        stated = [feed for feed in fed if feed.field.path == DEAL_VALUE and feed.currency]
        self._currency = Wish(CURRENCY, stated[0].currency, stated[0].column) if stated else None
        alone = len({one.path for one in self._fed}) == len(fed)
        self._none = pulled.is_pulled(columns) or feeds.strict or not alone

    def desired(self, row: SourceRow) -> Desired | None:
        """Map a row; None where that is to be done by the long way."""
        columns = row.columns
        if self._none or row.fault or row.flaws or row.own or row.warnings:
            return None
        if self._unseen and not self._unseen.isdisjoint(columns):  # a file whose rows are not all alike
            return None
        cell = columns.get(self._key, "")
        key, fault = matching.key_of(self._feeds.by, cell)
        if fault or type(cell) is not str:
            return None
        wishes = self._wishes(columns)
        if wishes is None:
            return None
        verify = columns.get(self._verify, "") if self._verify else None
        return Desired(row, key, wishes, verify, (), key if self._feeds.by == "id" else "")

    def _wishes(self, columns: Mapping[str, str]) -> Asked:
        """Give what the cells ask for, in the order of the long way."""
        most = self._feeds.cell_chars_max
        found: dict[str, Wish] = {}
        for one in self._fed:
            cell = columns.get(one.name)
            if type(cell) is not str or len(cell) > most:
                return None
            if one.bare is Kind.MONEY and cell.isdecimal() and cell.isascii() and len(cell) <= DIGITS_MAX:
                found[one.path] = Wish(one.path, cell.lstrip("0") or "0", one.name)
            elif one.bare is Kind.TEXT and cell.isascii() and cell.isprintable() and cell.strip(" #<") == cell != "":
                found[one.path] = Wish(one.path, cell, one.name)
            elif (asked := self._asked(one, cell)) is None:
                return None
            else:
                for wish in asked:
                    found[wish.path] = wish
        return tuple(found.values()) if self._completed(found, columns) else None

    def _completed(self, found: dict[str, Wish], columns: Mapping[str, str]) -> bool:
        """Add what travels along: the other of status and substatus, an amount's currency; tell whether that is all."""
        if self._states:
            if (end := self._end(tuple([columns[one.name] for one in self._states]))) is None:
                return False
            for wish in end:
                found[wish.path] = wish
        if DEAL_VALUE in found and CURRENCY not in found:
            if self._currency is None:
                return False
            found[CURRENCY] = self._currency
        return True

    def _asked(self, column: _Column, cell: str) -> Asked:
        """Give what one cell asks for; None where there is more to be said of it."""
        if cell in column.known:
            return column.known[cell]
        said = Said(NOBODY, self._feeds.cell_chars_max)
        said.read(column.feed, cell)
        return _keep(column.known if len(cell) <= KNOWN_CHARS_MAX else {}, cell, said)

    def _end(self, cells: tuple[str, ...]) -> Asked:
        """Give what follows of status and substatus, which travel together; None where two columns speak of one."""
        if cells in self._ends:
            return self._ends[cells]
        asked = [self._asked(one, cell) or () for one, cell in zip(self._states, cells, strict=True)]
        said = Said(NOBODY, self._feeds.cell_chars_max)
        said.wishes = {wish.path: wish for many in asked for wish in many}
        given = set(said.wishes)
        said.complete_status()
        if len(given) < sum(map(len, asked)):
            said.problems.append("two columns speak of one field")
        said.wishes = {path: wish for path, wish in said.wishes.items() if path not in given}
        return _keep(self._ends, cells, said)


def _keep(known: dict[Cells, Asked], cells: Cells, said: Said) -> Asked:
    """Keep what cells have said, if that is wishes and nothing else, and give it."""
    if len(known) >= KNOWN_MAX:
        known.clear()
    wishes = tuple(said.wishes.values())
    odd = said.problems or said.warnings or said.blank or any(wish.desired is None for wish in wishes)
    known[cells] = None if odd else wishes
    return known[cells]


def _bare(feed: Feed) -> Kind | None:
    """Give the kind of a field whose plain cells mean what they say."""
    if feed.words or feed.field.path in (CRM_ID, CURRENCY):
        return None
    return feed.field.kind if feed.field.kind in (Kind.TEXT, Kind.MONEY) else None
