"""What is remembered of one referral, as its row in `bases`: merged with what is seen now, and read back.

    agreed     {path: value} of all that was seen together, at the row's moment and by its run, and was not sent
    besides    {path: [value, moment, run, nights]} of all else; '' where there is nothing else, as of most there is not

A base has the moment at which it was seen. An older sight never replaces a younger one: a plan that was made on Monday
and sent on Tuesday must not undo what Monday night has learnt. A sight from the future is one of a clock that was
wrong: anything newer replaces it.

Values are compared and kept as the JSON that they are written as; paths stand in their order, so that a night on which
nothing has moved is seen by its text alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

import msgspec
from msgspec import Raw, Struct

from syncjob.errors import StorageRefused
from syncjob.ledger.decoding import DAMAGED, REMEDY, read_value
from syncjob.model import coded, dumps

FOREVER = 1e18  # no sight is from the future of that
Row = tuple[float, str, str, str]
"""Moment, run, agreed, besides."""
Sight = tuple[bytes, float, str, int]
"""A value as JSON, its moment, its run, and how many nights in a row it was sent."""


class Base(Struct, frozen=True, gc=False):
    """The agreed values of one referral, by path, as they were seen at a moment; `sent` are those that we wrote.

    `first` are values that count only where none is known yet. `now` is when it is written down, where that is later.
    """

    referral: str
    values: Mapping[str, Any]
    at: float
    sent: frozenset[str] = frozenset()
    first: Mapping[str, Any] = {}
    now: float | None = None

    @property
    def today(self) -> float:
        """The moment after which a sight is from the future; of a base that does not say it none is."""
        return FOREVER if self.now is None else self.now

    @property
    def plainly(self) -> str:
        """It as it is written, where it is of values that were seen and of nothing else; else ''."""
        return together(self.values) if self.values and not self.sent and not self.first else ""


class Agreed(Struct, frozen=True, gc=False):
    """A base of values that were seen and of nothing else, as they are written (`together`), and not read."""

    referral: str
    plainly: str
    at: float
    today: float
    sent: frozenset[str] = frozenset()
    first: Mapping[str, Any] = {}

    @property
    def values(self) -> Mapping[str, Any]:
        """The values by path, each as it is written."""
        return _values(self.plainly)


Sighting = Base | Agreed


class Remembered(Struct, frozen=True):
    """What is remembered of one referral: its bases, how many nights in a row each was sent, and since when it holds.

    `since` is, by path, (moment, run).
    """

    values: dict[str, Any]
    nights: dict[str, int]
    since: dict[str, tuple[float, str]]


class Kept:
    """What is kept of one referral, read when somebody asks for more than whether it is what was asked for again."""

    def __init__(self, referral: str, row: Row | None) -> None:
        """Take its row, where it has one."""
        self._referral, self._row = referral, row

    @property
    def alone(self) -> str | None:
        """What is agreed on, as `together` writes it; '' where nothing is known, None where there is more to it.

        Where it is damaged there is more to it, too.
        """
        if self._row is None:
            return ""
        at, _, agreed, besides = self._row
        sound = type(agreed) is str and agreed and besides == "" and type(at) is float
        return agreed if sound else None

    @cached_property
    def remembered(self) -> Remembered:
        """What the row says; StorageRefused where it is damaged."""
        return Remembered({}, {}, {}) if self._row is None else remembered(self._referral, *self._row)


def merged(row: Row | None, seen: Sequence[Sighting], run: str) -> Row | None:
    """Merge what a run has seen of a referral, in its order, into what is remembered; None where that is nothing.

    A younger sight stays. What counts only where nothing is known comes last.
    """
    if row is None and len(seen) == 1 and (plainly := seen[0].plainly):
        return seen[0].at, run, plainly, ""
    known = {} if row is None else _parted(seen[0].referral, row)
    for one in seen:
        for path, value in one.values.items():
            text, before, sent = coded(value), known.get(path), path in one.sent
            if before is None or one.at >= before[1] or before[1] > one.today:
                nights = before[3] if before is not None and before[0] == text else 0
                known[path] = text, one.at, run, nights + 1 if sent else 0
    for one in seen:
        for path, value in one.first.items():
            known.setdefault(path, (coded(value), one.at, run, 0))
    return joined(known) if known else None


def remembered(referral: str, at: float, run: str, agreed: str, besides: str) -> Remembered:
    """Read a row; StorageRefused where it is damaged."""
    try:
        values = {**read_value(agreed, referral)}
        found = Remembered(values, dict.fromkeys(values, 0), dict.fromkeys(values, (float(at), run)))
        if besides:
            for path, (value, moment, whose, nights) in read_value(besides, referral).items():
                found.values[path], found.nights[path] = value, int(nights)
                found.since[path] = float(moment), str(whose)
    except DAMAGED:
        raise _damaged(referral) from None
    return found


def of_2(referral: Any, path: Any, value: Any, at: Any, run: Any, nights: Any) -> tuple[str, Sight]:
    """Take a path's row of schema 2; StorageRefused where it is not what was written there."""
    kinds = isinstance(path, str) and isinstance(value, str) and isinstance(run, str) and isinstance(nights, int)
    if not kinds or not isinstance(at, int | float):
        raise _damaged(referral)
    read_value(value, referral)
    return path, (value.encode(), float(at), run, nights)


def joined(known: Mapping[str, Sight]) -> Row:
    """Make one row of values, at least one, that each have a moment and run of their own.

    What was last seen, and not sent, stands together.
    """
    unsent = [(at, run) for _, at, run, nights in known.values() if not nights]
    last = max(unsent) if unsent else max((at, run) for _, at, run, _ in known.values())
    alike = {path: Raw(one[0]) for path, one in known.items() if one[1:] == (*last, 0)}
    besides = {path: (Raw(text), *more) for path, (text, *more) in sorted(known.items()) if path not in alike}
    return *last, together(alike), dumps(besides) if besides else ""


def together(values: Mapping[str, Any]) -> str:
    """Write what was seen together."""
    return dumps(dict(sorted(values.items())))


def _parted(referral: str, row: Row) -> dict[str, Sight]:
    """Give by path what a row says, its values as they are written."""
    at, run, agreed, besides = row
    try:
        known: dict[str, Sight] = {path: (bytes(text), float(at), run, 0) for path, text in _values(agreed).items()}
        for path, found in _values(besides or "{}").items():
            text, moment, whose, nights = _sight(bytes(found))
            known[path] = bytes(text), moment, whose, nights
    except DAMAGED:
        raise _damaged(referral) from None
    return known


def _values(text: str) -> dict[str, Raw]:
    try:
        return _read_values(text)
    except msgspec.DecodeError:  # half a surrogate pair is JSON to us
        return {path: Raw(coded(value)) for path, value in json.loads(text, parse_float=Decimal).items()}


def _sight(text: bytes) -> tuple[Raw, float, str, int]:
    try:
        return _read_sight(text)
    except msgspec.DecodeError:
        value, at, run, nights = json.loads(text, parse_float=Decimal)
        return Raw(coded(value)), float(at), run, nights


_read_values = msgspec.json.Decoder(dict[str, Raw]).decode
_read_sight = msgspec.json.Decoder(tuple[Raw, float, str, int]).decode


def _damaged(referral: str) -> StorageRefused:
    return StorageRefused(f"ledger: what is remembered of referral {referral} cannot be read; {REMEDY}")
