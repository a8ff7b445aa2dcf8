"""Turn a row into what it asks for: `SourceRow` in, `Desired` or an invalid `Settled` out, all errors of a row at once.

`compiled` checks the configuration's columns and fields once; `map_row` then only follows the table it made.
A blank cell has no opinion unless `blank` says otherwise; `<clear>` clears one cell.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncjob.core import cells, matching, status
from syncjob.core.cells import CLEAR, CellError, Reading
from syncjob.core.fields import (
    BY_NAME,
    CURRENCY,
    DEAL_VALUE,
    LISTS,
    STATUS,
    SUBSTATUS,
    Field,
    Kind,
    did_you_mean,
    find,
)
from syncjob.errors import InputRefused, UsageRefused
from syncjob.model import Cause, Desired, Settled, SourceRow, Wish
from syncjob.settings import Settings, Target, Verify

OURS = "syncjob "


@dataclass(frozen=True, slots=True)
class Feed:
    """One column that feeds one field, with all that reading its cells needs."""

    column: str
    field: Field
    reading: Reading
    blank: str
    words: Mapping[str, str]
    spelt: tuple[str, ...]
    currency: str | None


@dataclass(frozen=True, slots=True)
class Feeds:
    """The configuration's columns and fields, checked; `verify` is a column and the path it must agree with."""

    by: str
    key_column: str
    feeds: tuple[Feed, ...]
    verify: tuple[str, str] | None = None
    strict: bool = False
    cell_chars_max: int = 32_767

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the configuration names, once."""
        verify = (self.verify[0],) if self.verify else ()
        return tuple(dict.fromkeys((self.key_column, *(feed.column for feed in self.feeds), *verify)))


@dataclass(slots=True)
class _Said:
    """What the cells of one row said so far."""

    wishes: dict[str, Wish] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    currency: Wish | None = None
    blank: list[Feed] = field(default_factory=list)


def compiled(settings: Settings, *, strict: bool = False) -> Feeds:
    """Check every column and field of the configuration; UsageRefused names all that is wrong at once."""
    problems: list[str] = []
    verify = _verify(settings, problems)
    feeds = []
    for column, targets in settings.fields.items():
        for target in targets:
            known = find(target.field)
            if known is None:
                hint = did_you_mean(target.field, list(BY_NAME))
                problems.append(f"fields.{column}: no field is called {target.field!r}{hint}")
            elif known.locked and verify != (column, known.path):
                problems.append(f"fields.{column}: {known.name} cannot be written: {known.locked}")
            elif not known.locked:
                feeds.append(_feed(settings, column, target, known))
    problems += _twice(feeds)
    locales = dict.fromkeys(feed.reading.locale for feed in feeds if feed.reading.locale)
    problems += [fault for one in locales if one and (fault := cells.unknown_locale(one))]
    if not feeds and not problems:
        problems.append("fields: no column feeds a field that can be written")
    if problems:
        raise UsageRefused(*problems)
    return Feeds(
        by=settings.match.by,
        key_column=settings.match.column,
        feeds=tuple(feeds),
        verify=verify,
        strict=strict,
        cell_chars_max=settings.limits.cell_chars_max,
    )


def check_columns(feeds: Feeds, columns: Collection[str], *, strict: bool) -> tuple[str, ...]:
    """Hold the file's columns against the configured ones; InputRefused names all that miss, else the warnings."""
    missing = [column for column in feeds.columns if column not in columns]
    extra = [column for column in columns if column not in feeds.columns]
    problems = [f"the file has no column {column!r}{did_you_mean(column, extra)}" for column in missing]
    ignored = [f"column {column!r} is mapped to no field" for column in extra]
    if problems or (strict and ignored):
        raise InputRefused(
            *problems, *(ignored if strict else ()), f"the file's columns: {', '.join(columns) or 'none'}"
        )
    return tuple(ignored)


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


def _verify(settings: Settings, problems: list[str]) -> tuple[str, str] | None:
    asked = settings.match.verify
    if asked is None:
        return None
    if isinstance(asked, Verify):
        column, name = asked.column, asked.field
    elif asked in settings.fields:
        column, name = asked, settings.fields[asked][0].field
    else:
        feeding = [one for one, targets in settings.fields.items() if any(to.field == asked for to in targets)]
        column, name = (feeding or [""])[0], asked
    known = find(name)
    if known is None or not column:
        hint = (
            did_you_mean(name, list(BY_NAME))
            if known is None
            else "; map a column to it, or write {column: …, field: …}"
        )
        problems.append(f"match.verify: no column and field for {name!r}{hint}")
        return None
    return column, known.path


def _feed(settings: Settings, column: str, target: Target, known: Field) -> Feed:
    stated, general = target, settings.defaults
    return Feed(
        column=column,
        field=known,
        reading=Reading(
            locale=stated.locale or general.locale,
            date_format=stated.date_format or general.date_format,
            time_zone=stated.time_zone or general.time_zone,
        ),
        blank=stated.blank or general.blank or "ignore",
        words={word.strip().casefold(): meaning.strip() for word, meaning in target.translate.items()},
        spelt=tuple(target.translate),
        currency=stated.currency or general.currency,
    )


def _twice(feeds: list[Feed]) -> list[str]:
    """Two columns may feed one list; of any other field they would be two opinions."""
    by_path: dict[str, list[Feed]] = {}
    for feed in feeds:
        by_path.setdefault(feed.field.path, []).append(feed)
    return [
        f"fields: {' and '.join(repr(feed.column) for feed in many)} both feed {many[0].field.name}; keep one"
        for many in by_path.values()
        if len(many) > 1 and many[0].field.kind not in LISTS
    ]


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
        for path, value in _parse(feed, cell):
            _add(feed, path, value, said)
    except CellError as error:
        said.problems.append(f"{feed.column}: {error}")


def _parse(feed: Feed, cell: str) -> list[tuple[str, Any]]:
    word = _translated(feed, cell)
    if feed.field.path == STATUS and "/" in word:
        first, _, second = word.partition("/")
        return [
            (STATUS, cells.parse(BY_NAME["status"], first.strip(), feed.reading)),
            (SUBSTATUS, cells.parse(BY_NAME["substatus"], second.strip(), feed.reading)),
        ]
    return [(feed.field.path, cells.parse(feed.field, word, feed.reading))]


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
    if feed.field.path in (STATUS, SUBSTATUS, CURRENCY):
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
