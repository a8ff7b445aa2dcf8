"""What the cells of one row say: cell by cell in, the row's wishes out, with all that is wrong or odd about them."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from syncjob.core import cells, members, status
from syncjob.core.cells import CLEAR
from syncjob.core.feeds import NEVER_CLEARED, Feed, read
from syncjob.core.fields import CURRENCY, DEAL_VALUE, LISTS, STATUS, SUBSTATUS, Kind, did_you_mean
from syncjob.core.reading import CellError
from syncjob.model import SourceRow, Wish


class Said(Struct):
    """What the cells of one row said so far; `strict` makes a fault of what is odd."""

    row: SourceRow
    cell_chars_max: int
    strict: bool = False
    wishes: dict[str, Wish] = {}
    problems: list[str] = []
    warnings: list[str] = []
    _currency: Wish | None = None
    blank: list[Feed] = []

    def read(self, feed: Feed, cell: str) -> None:
        """Add what one cell says; a typed cell is taken as it is, of a text the outer spaces do not count."""
        fault, given = cells.dirt(cell), cell
        cell = cell.strip() if type(cell) is str else cell
        if cell == CLEAR:
            self._clear(feed)
            return
        if not cell:
            if feed.blank == "clear":
                self.blank.append(feed)
            if feed.blank == "error":
                self._wrong(feed, f"is blank; write a value, or {CLEAR} to clear it")
            return
        if len(cell) > self.cell_chars_max:
            self._wrong(feed, f"has {len(cell)} characters; at most {self.cell_chars_max} are allowed")
            return
        if fault := fault or (cells.dirt(cell) if cell is not given else ""):
            self._wrong(feed, fault)
            return
        if odd := cells.suspicion(cell):
            (self.problems if self.strict else self.warnings).append(f"{self.row.at(feed.column)}: {odd}")
        try:
            self._take(feed, cell)
        except ValueError as error:  # a CellError, or words that `status` cannot put together
            self._wrong(feed, str(error))

    def complete(self) -> None:
        """Clear what blank cells clear, and put together what travels together: status, and an amount's currency."""
        for feed in self.blank:
            if feed.field.path not in self.wishes:  # of several columns of one list the others may have spoken
                self._clear(feed)
        self.complete_status()
        self.complete_money()

    def _wrong(self, feed: Feed, said: str) -> None:
        self.problems.append(f"{self.row.at(feed.column)}: {said}")

    def _take(self, feed: Feed, cell: str) -> None:
        removed: tuple[str, ...] = ()
        if feed.field.kind is Kind.PEOPLE:
            cell, removed = members.leaving(cell)
            if removed and feed.whole:
                raise CellError(f"{members.REMOVE} is for lists that append; this one is written whole: name who stays")
        meant = _translated(feed, cell)
        if removed and not meant:
            self._add(feed, feed.field.path, [], removed)
            return
        if meant:
            for path, value in read(feed, meant):
                self._add(feed, path, value, removed)

    def _clear(self, feed: Feed) -> None:
        if feed.field.path in NEVER_CLEARED:
            self._wrong(feed, f"{feed.field.name} cannot be cleared")
            return
        earlier = self.wishes.get(feed.field.path)
        if earlier is not None and earlier.desired is not None:
            self._wrong(feed, f"clears the list to which {earlier.column!r} adds")
            return
        self.wishes[feed.field.path] = Wish(feed.field.path, None, feed.column)

    def _add(self, feed: Feed, path: str, value: Any, removed: tuple[str, ...]) -> None:
        earlier = self.wishes.get(path)
        if earlier is not None and feed.field.kind in LISTS:
            if earlier.desired is None:
                self._wrong(feed, f"{earlier.column!r} clears the list to which this adds")
                return
            value = members.joined(feed.field, earlier.desired, value)
            removed = tuple(dict.fromkeys((*earlier.removed, *removed)))
        elif earlier is not None and earlier.desired != value:
            apart = f"says {value!r} where {earlier.column!r} says {earlier.desired!r}"
            self._wrong(feed, f"says something else than {earlier.column!r}" if feed.field.private else apart)
            return
        if both := [one for one in removed if one in {str(member.get("email")).casefold() for member in value}]:
            self._wrong(feed, f"names {len(both)} both to be in the list and to leave it; keep one")
            return
        zone = feed.reading.time_zone if feed.field.kind is Kind.DATE else None
        self.wishes[path] = Wish(path, value, feed.column, zone, removed)
        if path == DEAL_VALUE and feed.currency:
            self._currency = Wish(CURRENCY, feed.currency, feed.column)

    def complete_status(self) -> None:
        """Status and substatus travel together: where the row says one, the other follows or the row is invalid."""
        given = [self.wishes[path] for path in (STATUS, SUBSTATUS) if path in self.wishes]
        if not given:
            return
        words = {wish.path: wish.desired for wish in given}
        try:
            both = status.complete(words.get(STATUS), words.get(SUBSTATUS))
        except ValueError as error:
            self.problems.append(f"{self.row.at(given[0].column)}: {error}")
            return
        for path, word in zip((STATUS, SUBSTATUS), both, strict=True):
            self.wishes[path] = self.wishes.get(path) or Wish(path, word, given[0].column)

    def complete_money(self) -> None:
        """An amount needs its currency, from a column or from the configuration."""
        amount = self.wishes.get(DEAL_VALUE)
        if amount is None or amount.desired is None or CURRENCY in self.wishes:
            return
        if self._currency is None:
            self.problems.append(
                f"{self.row.at(amount.column)}: has no currency; map a column to currency or state it for "
                f"{amount.column!r}"
            )
            return
        self.wishes[CURRENCY] = self._currency


def _translated(feed: Feed, cell: str) -> str:
    """Give what a word means, '' for one that the translation gives no meaning; `*` speaks for all other words."""
    if not feed.words:
        return cell
    word = feed.words.get(cell.casefold())
    if word is not None:
        return word
    known = {meaning.casefold() for meaning in feed.words.values() if meaning} | {
        word.casefold() for word in feed.field.words
    }
    if cell.casefold() in known:
        return cell
    if OTHERS in feed.words:
        return feed.words[OTHERS]
    if feed.field.private:
        raise CellError("the word is not in translate; add it there")
    raise CellError(f"{cell!r} is not in translate; add it there{did_you_mean(cell, list(feed.spelt))}")


OTHERS = "*"
