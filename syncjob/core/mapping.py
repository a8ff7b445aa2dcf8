"""Turn a row into what it asks for: `SourceRow` in, `Desired` or an invalid `Settled` out, all errors of a row at once.

A blank cell has no opinion unless `blank` says otherwise; `<clear>` clears one cell. What columns there are and how
they are read has been settled in `feeds`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncjob.core import cells, matching, status
from syncjob.core.cells import CLEAR, CellError
from syncjob.core.feeds import NEVER_CLEARED, Feed, Feeds, read
from syncjob.core.fields import CURRENCY, DEAL_VALUE, LISTS, STATUS, SUBSTATUS, Kind, did_you_mean
from syncjob.model import Cause, Desired, Settled, SourceRow, Wish


@dataclass(slots=True)
class _Said:
    """What the cells of one row said so far."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    currency: Wish | None = None
    blank: list[Feed] = field(default_factory=list)


def map_row(feeds: Feeds, row: SourceRow) -> Desired | Settled:
    """Read every mapped cell of a row; what cannot be read settles it as invalid with all its errors."""
    if row.fault:
        return Settled.of_row(row, Cause.RAGGED_LINE, row.fault)
    key, fault = matching.key_of(feeds.by, row.columns.get(feeds.key_column, ""))
    if fault:
        return Settled.of_row(row, Cause.BAD_KEY, f"{feeds.key_column}: {fault}", key=key)
    said = _Said()
    for feed in feeds.feeds:
        _read(feed, row.columns.get(feed.column, "").strip(), said, feeds)
    for feed in said.blank:
        if feed.field.path not in said.wishes:  # of several columns of one list the others may have spoken
            _clear(feed, said)
    _complete_status(said)
    _complete_money(said)
    if not said.problems and not said.wishes and feeds.strict:
        said.problems.append("every mapped cell is blank")
    if said.problems:
        return Settled.of_row(row, Cause.BAD_CELL, "; ".join(said.problems), key=key)
    verify = row.columns.get(feeds.verify[0], "") if feeds.verify else None
    return Desired(row, key, tuple(said.wishes.values()), verify, (*row.warnings, *said.warnings))


def _read(feed: Feed, cell: str, said: _Said, feeds: Feeds) -> None:
    """Add what one cell says."""
    if cell == CLEAR:
        _clear(feed, said)
        return
    if not cell:
        if feed.blank == "clear":
            said.blank.append(feed)
        if feed.blank == "error":
            said.problems.append(f"{feed.column}: is blank; write a value, or {CLEAR} to clear it")
        return
    if len(cell) > feeds.cell_chars_max:
        said.problems.append(f"{feed.column}: has {len(cell)} characters; at most {feeds.cell_chars_max} are allowed")
        return
    if fault := cells.dirt(cell):
        said.problems.append(f"{feed.column}: {fault}")
        return
    if odd := cells.suspicion(cell):
        (said.problems if feeds.strict else said.warnings).append(f"{feed.column}: {odd}")
    try:
        for path, value in read(feed, _translated(feed, cell)):
            _add(feed, path, value, said)
    except ValueError as error:  # a CellError, or words that `status` cannot put together
        said.problems.append(f"{feed.column}: {error}")


def _translated(feed: Feed, cell: str) -> str:
    if not feed.words:
        return cell
    word = feed.words.get(cell.casefold())
    known = {meaning.casefold() for meaning in feed.words.values()} | {word.casefold() for word in feed.field.words}
    if word is None and cell.casefold() not in known:
        if feed.field.private:
            raise CellError("the word is not in translate; add it there")
        raise CellError(f"{cell!r} is not in translate; add it there{did_you_mean(cell, list(feed.spelt))}")
    return word if word is not None else cell


def _clear(feed: Feed, said: _Said) -> None:
    if feed.field.path in NEVER_CLEARED:
        said.problems.append(f"{feed.column}: {feed.field.name} cannot be cleared")
        return
    earlier = said.wishes.get(feed.field.path)
    if earlier is not None and earlier.desired is not None:
        said.problems.append(f"{feed.column}: clears the list to which {earlier.column!r} adds")
        return
    said.wishes[feed.field.path] = Wish(feed.field.path, None, feed.column)


def _add(feed: Feed, path: str, value: Any, said: _Said) -> None:
    earlier = said.wishes.get(path)
    if earlier is not None and feed.field.kind in LISTS:
        if earlier.desired is None:
            said.problems.append(f"{feed.column}: {earlier.column!r} clears the list to which this adds")
            return
        value = cells.joined(feed.field, earlier.desired, value)
    elif earlier is not None and earlier.desired != value:
        said.problems.append(f"{feed.column}: says {value!r} where {earlier.column!r} says {earlier.desired!r}")
        return
    zone = feed.reading.time_zone if feed.field.kind is Kind.DATE else None
    said.wishes[path] = Wish(path, value, feed.column, zone)
    if path == DEAL_VALUE and feed.currency:
        said.currency = Wish(CURRENCY, feed.currency, feed.column)


def _complete_status(said: _Said) -> None:
    """Status and substatus travel together: where the row says one, the other follows or the row is invalid."""
    given = [said.wishes[path] for path in (STATUS, SUBSTATUS) if path in said.wishes]
    if not given:
        return
    words = {wish.path: wish.desired for wish in given}
    try:
        both = status.complete(words.get(STATUS), words.get(SUBSTATUS))
    except ValueError as error:
        said.problems.append(f"{given[0].column}: {error}")
        return
    for path, word in zip((STATUS, SUBSTATUS), both, strict=True):
        said.wishes[path] = said.wishes.get(path) or Wish(path, word, given[0].column)


def _complete_money(said: _Said) -> None:
    """An amount needs its currency, from a column or from the configuration."""
    amount = said.wishes.get(DEAL_VALUE)
    if amount is None or amount.desired is None or CURRENCY in said.wishes:
        return
    if said.currency is None:
        said.problems.append(
            f"{amount.column}: has no currency; map a column to currency or state it for {amount.column!r}"
        )
        return
    said.wishes[CURRENCY] = said.currency
