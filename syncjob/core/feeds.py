"""The configuration's columns and the fields that they feed, checked once: `Settings` in, `Feeds` out.

All that is wrong with them is told at once: a field that does not exist or is not ours to write, two columns with
two opinions, a word that translates into nothing, an option that its field has no use for.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterator, Mapping, Sequence

from msgspec import Struct

from syncjob.core import cells, status
from syncjob.core.fields import (
    BY_NAME,
    CURRENCY,
    LISTS,
    STATUS,
    SUBSTATUS,
    Field,
    Kind,
    did_you_mean,
    find,
)
from syncjob.core.members import MEMBERS_MAX
from syncjob.core.reading import CellError, Reading
from syncjob.errors import InputRefused, UsageRefused
from syncjob.settings import Settings, Target, Verify

NEVER_CLEARED = (STATUS, SUBSTATUS, CURRENCY)
NUMBERED = "{n}"


class Feed(Struct, frozen=True):
    """One column that feeds one field, with all that reading its cells needs."""

    column: str
    field: Field
    reading: Reading
    blank: str
    words: Mapping[str, str]
    spelt: tuple[str, ...]
    currency: str | None
    whole: bool = False


class Feeds(Struct, frozen=True):
    """The configuration's columns and fields, checked; `verify` is a column and the path it must agree with.

    The key stands in the one of `key_columns` that the file has. `optional` columns may be missing from it,
    `ignored` ones feed nothing, for the reason given, and `like` are, by column, paths for `link` alone. `overwrites`
    says that what only the remote has moved is sent over all the same.
    """

    by: str
    key_columns: tuple[str, ...]
    feeds: tuple[Feed, ...]
    verify: tuple[str, str] | None = None
    strict: bool = False
    cell_chars_max: int = 32_767
    numeric: bool = False
    optional: frozenset[str] = frozenset()
    ignored: Mapping[str, str] = {}
    like: Mapping[str, str] = {}
    overwrites: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the configuration names, once."""
        verify = (self.verify[0],) if self.verify else ()
        feeding = (feed.column for feed in self.feeds)
        return tuple(dict.fromkeys((*self.key_columns, *feeding, *verify, *self.like, *self.ignored)))

    def key_column(self, columns: Container[str]) -> str:
        """Give the key's column in a file or row that has these columns."""
        for one in self.key_columns:
            if one in columns:
                return one
        return (*self.key_columns, "")[0]


def compiled(settings: Settings, *, strict: bool = False) -> Feeds:
    """Check every column and field of the configuration; UsageRefused names all that is wrong at once."""
    problems: list[str] = []
    verify = _verify(settings, problems)
    feeds: list[Feed] = []
    optional: set[str] = set()
    for name, targets in settings.fields.items():
        for column in _spread(name):
            if column != _spread(name)[0] or all(target.optional for target in targets):
                optional.add(column)
            feeds += _feeding(settings, column, targets, verify, problems)
    problems += _twice([feed for feed in feeds if feed.column not in optional])
    locales = dict.fromkeys(feed.reading.locale for feed in feeds if feed.reading.locale)
    problems += [fault for one in locales if one and (fault := cells.unknown_locale(one))]
    match = settings.match
    used = {*settings.fields, *(settings.match.column if settings.match else ())}
    problems += [f"ignore.{one}: the column is used as well; keep one" for one in settings.ignore if one in used]
    like = {column: _like(column, name, problems) for column, name in match.like.items()} if match else {}
    if match is None and feeds:
        problems.append("match: is missing: which column holds the key? match: {by: externalReferenceId, column: …}")
    if match is not None and match.by == "id" and match.links:
        problems.append("match.links: rows matched by id name their referrals themselves; take it out")
    if match is not None and not feeds and not problems:
        problems.append("fields: no column feeds a field that can be written")
    if problems:
        raise UsageRefused(*dict.fromkeys(problems))
    return Feeds(
        by=match.by if match else "id",
        key_columns=match.column if match else (),
        feeds=tuple(feeds),
        verify=verify,
        strict=strict,
        cell_chars_max=settings.limits.cell_chars_max,
        numeric=bool(match and match.numeric),
        optional=frozenset(optional),
        ignored=settings.ignore,
        like=like,
        overwrites=settings.merge.drift == "overwrite",
    )


def check_columns(feeds: Feeds, columns: Collection[str], *, strict: bool) -> tuple[str, ...]:
    """Hold the file's columns against the configured ones; InputRefused names all that miss, else the warnings."""
    extra = [column for column in columns if column not in feeds.columns]
    needed = [column for column in feeds.columns if column not in {*feeds.optional, *feeds.ignored, *feeds.like}]
    missing = [column for column in needed if column not in columns and column not in feeds.key_columns]
    problems = [f"the file has no column {column!r}{did_you_mean(column, extra)}" for column in missing]
    keys = [column for column in feeds.key_columns if column in columns]
    names = " or ".join(map(repr, feeds.key_columns))
    if not keys:
        problems.insert(0, f"the file has no column {names}{did_you_mean(feeds.key_columns[0], extra)}")
    if len(keys) > 1:
        problems.append(f"the file has {' and '.join(map(repr, keys))}: which is the key? State match.column")
    ignored = [f"column {column!r} is mapped to no field" for column in extra]
    if problems or (strict and ignored):
        raise InputRefused(
            *problems, *(ignored if strict else ()), f"the file's columns: {', '.join(columns) or 'none'}"
        )
    told = [f"column {column!r} is ignored: {why}" for column, why in feeds.ignored.items() if column in columns]
    return (*ignored, *told)


def _feeding(
    settings: Settings, column: str, targets: Sequence[Target], verify: tuple[str, str] | None, problems: list[str]
) -> Iterator[Feed]:
    """Give the feeds of one column, noting what is wrong with them."""
    for target in targets:
        known = find(target.field)
        if known is None:
            hint = did_you_mean(target.field, list(BY_NAME))
            problems.append(f"fields.{column}: no field is called {target.field!r}{hint}")
        elif known.locked and verify != (column, known.path):
            problems.append(f"fields.{column}: {known.name} cannot be written: {known.locked}")
        elif not known.locked:
            feed = _feed(settings, column, target, known)
            problems += (f"fields.{column}: {fault}" for fault in _useless(target, feed))
            yield feed


def _spread(name: str) -> tuple[str, ...]:
    """Give the columns that a name stands for: `Team member {n}` is Team member 1, 2, 3 and so on."""
    return tuple(name.replace(NUMBERED, str(n)) for n in range(1, MEMBERS_MAX + 1)) if NUMBERED in name else (name,)


def _like(column: str, name: str, problems: list[str]) -> str:
    known = find(name)
    if known is None:
        problems.append(f"match.like.{column}: no field is called {name!r}{did_you_mean(name, list(BY_NAME))}")
    return known.path if known else ""


def _verify(settings: Settings, problems: list[str]) -> tuple[str, str] | None:
    asked = settings.match.verify if settings.match else None
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
            excel_serial=str(stated.excel_serial or general.excel_serial or "").lower(),
            numeric=bool(settings.match and settings.match.numeric),
        ),
        blank=stated.blank or _blank(general.blank, known),
        words={word.strip().casefold(): meaning.strip() for word, meaning in target.translate.items()},
        spelt=tuple(target.translate),
        currency=stated.currency or general.currency,
        whole=target.list == "whole",
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


def _blank(general: str | None, known: Field) -> str:
    """A general `clear` is not meant for what cannot be cleared."""
    return "ignore" if general is None or (general == "clear" and known.path in NEVER_CLEARED) else general


def _useless(target: Target, feed: Feed) -> Iterator[str]:
    """Say what can never work, or never matter, for this field."""
    name, kind = feed.field.name, feed.field.kind
    if target.list and kind not in LISTS:
        yield f"list: {name} is no list"
    if target.currency and kind is not Kind.MONEY:
        yield f"currency: {name} is no amount"
    if target.blank == "clear" and feed.field.path in NEVER_CLEARED:
        yield f"blank: {name} cannot be cleared"
    if kind is Kind.ENUM:
        for word, meaning in target.translate.items():
            try:
                if meaning.strip():
                    read(feed, meaning.strip())
            except (CellError, ValueError) as error:
                yield f"translate.{word}: {error}"


def read(feed: Feed, word: str) -> list[tuple[str, object]]:
    """Read one word as the field, or as status and substatus at once (`Closed/Won`); CellError when it is neither."""
    if feed.field.path != STATUS or "/" not in word:
        return [(feed.field.path, cells.parse(feed.field, word, feed.reading))]
    first, _, second = word.partition("/")
    words = [
        cells.parse(BY_NAME[name], part.strip(), feed.reading)
        for name, part in (("status", first), ("substatus", second))
    ]
    return list(zip((STATUS, SUBSTATUS), status.complete(*words), strict=True))
