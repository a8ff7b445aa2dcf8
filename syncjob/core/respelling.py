"""What the remote holds in, the cells that say it in the user's own words out: the reverse of `mapping`.

Nothing is taken on trust: a cell is given only if the row, read again with it, asks for what the remote holds. Several
cells can say one thing, so what stands in the row decides between them: its pair of yes and no, its marks between
members, its types where a workbook has typed it. A cell that says it already is left alone. Beyond that:

- A column may feed several fields (a stage: status and sales stage). Its new cell falls silent only about what was not
  true any more, and says nothing new of a field whose value at the remote is not known here.
- Words that are one word spelt twice (`Closed Won`, `closedwon`; `2-Develop`, `Develop`) are chosen between by the
  style of the present cell; other words that share a meaning are for a person to choose.
- Nothing held is a blank cell, as CRMs have it. Unless `blank: clear` is set it asks for nothing when it is read here,
  which is told; under `blank: error` none is given. Status and currency stay.
- The key's column is never written: it names the row. An amount is not written without its currency.
- Of a list that appends the row's own people stay, as it spells them, but for those who were taken off; no others come.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from syncjob.core import members, naming, pulled
from syncjob.core.cells import CLEAR, DIGITS_MAX, EXCEL_DAYS, FALSE, PLAIN_NUMBER, TRUE, parse
from syncjob.core.feeds import NEVER_CLEARED, Feed, Feeds
from syncjob.core.fields import BY_PATH, CURRENCY, DEAL_VALUE, LISTS, STATUS, SUBSTATUS, Field, Kind
from syncjob.core.mapping import map_row
from syncjob.core.merge import Rules, merge
from syncjob.core.narrowing import TOGETHER
from syncjob.core.reading import Reading
from syncjob.core.saying import OTHERS, Said
from syncjob.core.values import TIMESTAMP, covers, keyed, meaning, moment, money, number, text
from syncjob.model import UNKNOWN, Day, Desired, Number, Settled, SourceRow, Stand, Truth, Wish
from syncjob.model.own import PULLED_ID

Wishes = Mapping[str, Wish]
NUMBERING = re.compile(r"^\d+\s*[-.):_]?\s*(?=[^\W\d])")  # 2-Develop, 2. Develop
MARKS = ("\n", "; ", ";")
SHOWN_MAX = 60
UNREADABLE: Wishes = {"": Wish("", None)}  # asks for what nobody holds


class Respelt(Struct, frozen=True):
    """The new cells by column, typed where the row's are; `unsaid` is why the rest cannot be said, by column."""

    cells: Mapping[str, str]
    unsaid: tuple[str, ...]


def respelt(feeds: Feeds, row: Settled, paths: Collection[str]) -> Respelt:
    """Say in the row's own columns what the remote holds at these paths, and at those that go together with them."""
    if pulled.is_pulled(row.columns):
        return Respelt({}, (f"{PULLED_ID}: the row was pulled from Partner Center, it is no CRM's; pull it again",))
    read = map_row(feeds, SourceRow(row.n, row.place, row.columns))
    if isinstance(read, Settled):
        return Respelt({}, (f"the row cannot be read as it stands: {read.reason}",))
    before = {wish.path: wish for wish in read.wishes}
    held = {triple.path: None if triple.observed in ("", []) else triple.observed for triple in row.triples}
    key, whole = feeds.key_column(row.columns), frozenset(one.field.path for one in feeds.feeds if one.whole)
    able = [one for one in feeds.feeds if one.column in row.columns and one.column != key]
    asked = {*paths}.union(*(pair for pair in TOGETHER if not {*paths}.isdisjoint(pair)))
    spelling = _Spelling(feeds, row, before, held, able, Rules(whole=whole))
    spelling.asked = [path for path in held if path in asked and not spelling.says(before, path)]
    spelling.alone = {at: spelling.heard(spelling.of(at), row.columns[at]) for at in (one.column for one in able)}
    for tied in dict.fromkeys(next((pair for pair in TOGETHER if path in pair), (path,)) for path in spelling.asked):
        spelling.spell([path for path in spelling.asked if path in tied])
    return Respelt(spelling.cells, tuple(dict.fromkeys(spelling.unsaid)))


class _Spelling(Struct):
    """One row on its way: what it says, what the remote holds by path, and the cells that were found so far."""

    feeds: Feeds
    row: Settled
    before: Wishes
    held: Mapping[str, Any]
    able: Sequence[Feed]
    rules: Rules
    asked: Sequence[str] = ()
    alone: dict[str, Wishes] = {}
    cells: dict[str, str] = {}
    unsaid: list[str] = []
    reasons: dict[str, str] = {}

    def spell(self, group: Sequence[str]) -> None:
        """Find the cells for paths that go together, keep them if the row reads well with them; tell what is unsaid."""
        found: dict[str, str] = {}
        if BY_PATH[group[0]].kind in LISTS:
            found = self._members(group[0])
        else:
            for column in dict.fromkeys(at for path in group for at in self._columns(path)):
                cell = None if self.says(self._row(found), *group) else self._cell(column)
                found |= {} if cell is None else {column: cell}
        after = self._row(found)
        hollow = any(one in self.rules.whole and one not in after and self.held[one] is not None for one in group)
        if hollow or self._spoils(self.before, after, group):
            found, after = {}, self._row({})
        stood = self.row.columns
        self.cells |= {at: cell for at, cell in found.items() if (cell, type(cell)) != (stood[at], type(stood[at]))}
        for path in group:
            nobody = found and path not in after and BY_PATH[path].kind in LISTS and path not in self.rules.whole
            if not nobody and not self.says(after, path):
                self._tell(path, found)

    def says(self, wishes: Wishes, *paths: str) -> bool:
        """Tell whether all that is held at these paths is said; the remote does not clear what nobody can clear."""
        left = [path for path in paths if path not in NEVER_CLEARED or self.held[path] is not None]
        return all(path in wishes and self._true(wishes[path]) for path in left)

    def _row(self, found: Mapping[str, str]) -> Wishes:
        """Give what the row asks for with these cells in place."""
        columns = {**self.row.columns, **self.cells, **found}
        desired = map_row(self.feeds, SourceRow(self.row.n, self.row.place, columns))
        shown = not any(pulled.UNSHOWABLE.search(cell) for cell in found.values())
        return {wish.path: wish for wish in desired.wishes} if isinstance(desired, Desired) and shown else UNREADABLE

    def heard(self, feeds: Sequence[Feed], cell: str) -> Wishes:
        """Give what one cell asks for by itself, as these feeds read it."""
        said = Said(SourceRow(self.row.n, self.row.place, {}), self.feeds.cell_chars_max, self.feeds.strict)
        for feed in feeds:
            said.read(feed, cell)
        return UNREADABLE if said.problems else said.wishes

    def of(self, column: str) -> list[Feed]:
        """Give the feeds of a column."""
        return [feed for feed in self.able if feed.column == column]

    def _columns(self, path: str) -> list[str]:
        """Give the columns that say a path, else the first that could; of a list all of them."""
        own = [feed.column for feed in self.able if feed.field.path == path]
        saying = [at for at, wishes in self.alone.items() if path in wishes]
        beside = [feed.column for feed in self.able if {path, feed.field.path} == {STATUS, SUBSTATUS}]
        return own if BY_PATH[path].kind in LISTS else saying or own[:1] or beside

    def _true(self, wish: Wish) -> bool:
        return wish.path in self.held and merge(wish, UNKNOWN, self.held[wish.path], self.rules) is Stand.AGREED

    def _spoils(self, before: Wishes, after: Wishes, asked: Collection[str]) -> bool:
        """Tell whether a new reading says what is not so, or no longer says what is."""
        false = [wish for wish in after.values() if not self._true(wish)]
        lost = [wish for path, wish in before.items() if path not in after and self._true(wish)]
        return bool(lost) or any(wish.path in asked or wish != before.get(wish.path) for wish in false)

    def _cell(self, column: str) -> str | None:
        """Give the one cell that says the most of what is asked of a column, None when there is none, or no one."""
        present, feeds = self.row.columns[column], self.of(column)
        spelt = dict.fromkeys(word.strip() for feed in feeds for word in feed.spelt if word.strip() != OTHERS)
        words = {_as_typed(present, word): self._score(column, word) for word in spelt}
        best = max((*words.values(), 0))
        if not best:
            own = (cell for feed in feeds for cell in self._own(feed, present, spelt) if self._score(column, cell) > 0)
            cleared = any(feed.field.path in self.asked and self.held[feed.field.path] is None for feed in feeds)
            return next(own, "" if cleared else None)
        fitting = [word for word, score in words.items() if score == best]
        bare = {naming.compact(NUMBERING.sub("", word)) or word for word in fitting}
        if len(bare) == 1 or {feed.field.kind for feed in feeds} == {Kind.BOOLEAN}:
            *styles, style = ((bool(NUMBERING.match(one)), one.islower(), len(one) == 1) for one in (*fitting, present))
            fitting = [word for word, own in zip(fitting, styles, strict=True) if own == style] or fitting
        if len(fitting) == 1:
            return fitting[0]
        shown = "several words" if any(feed.field.private for feed in feeds) else " and ".join(map(repr, fitting))
        self.reasons |= dict.fromkeys(self.heard(feeds, fitting[0]), f"{shown} say that; choose one")
        return None

    def _score(self, column: str, cell: str) -> int:
        """Count the asked paths of which a cell says what is held; -1 when it may not stand there."""
        after = self.heard(self.of(column), cell)
        wrong = self._spoils(self.alone[column], after, self.asked)
        return -1 if wrong else sum(path in after for path in self.asked)

    def _own(self, feed: Feed, present: str, spelt: Collection[str]) -> Iterator[str]:
        """Give the ways to write a value without a translation, the best first, none where it has a word."""
        path, value = feed.field.path, self.held.get(feed.field.path)
        witnesses = self.row.columns.values() if present.strip() in ("", CLEAR) else (present,)
        typed = any(type(one) is not str for one in witnesses)
        heard = (self.heard([feed], word) for word in spelt)
        worded = any(wishes and all(map(self._true, wishes.values())) for wishes in heard)
        if worded or value is None or isinstance(value, list | Mapping):
            return
        match feed.field.kind:
            case Kind.MONEY:
                yield from _amounts(feed, value, typed=typed)
            case Kind.DATE:
                yield _date(feed, str(value), present, typed=typed)
            case Kind.BOOLEAN:
                yield _truth(meaning(feed.field, value), present, typed=typed)
            case _:
                if path == STATUS and ("/" in present or not any(one.field.path == SUBSTATUS for one in self.able)):
                    yield f"{value}/{self.held.get(SUBSTATUS)}"
                plain = text(value) or ""
                yield _as_typed(present, plain.upper() if path == CURRENCY else plain)
                yield str(value).strip()  # what was escaped twice

    def _members(self, path: str) -> dict[str, str]:
        """Give the cells of a list: who is held stays in his column; newcomers only where the list is named whole."""
        one, columns, whole = BY_PATH[path], self._columns(path), path in self.rules.whole
        held = dict(keyed(one, self.held[path]))
        stood = {at: [*filter(None, map(str.strip, re.split(r"[;\n]", self.row.columns[at])))] for at in columns}
        coming, stay = dict(held), {at: list[str]() for at in columns}
        if any(feed.words for feed in self.able if feed.column in columns):
            return {}  # words for whole teams: which of them is meant is for a person to say
        for column, piece in ((at, piece) for at in columns for piece in stood[at] if piece != CLEAR):
            key, said = _member(one, piece)
            if (key in held) is not (said is None):  # who is there, and who was to leave and has
                coming.pop(key, None)
                fits = said is None or not whole or covers(said, held[key])
                stay[column].append(piece if fits else _piece(one, held[key], self.row.columns[column]))
        free = columns * len(coming) if len(columns) == 1 else [at for at in columns if not stay[at]]
        if whole and len(free) < len(coming):
            self.reasons[path] = f"{len(coming) - len(free)} of its members find no column that is free"
            return {}
        for column, member in zip(free, coming.values() if whole else (), strict=False):
            stay[column].append(_piece(one, member, self.row.columns[column]))
        marks = {at: next((one for one in MARKS if one in self.row.columns[at]), MARKS[1]) for at in columns}
        return {at: marks[at].join(stay[at]) for at in columns if stay[at] != stood[at]}

    def _tell(self, path: str, found: Mapping[str, str]) -> None:
        """Say why a path is not said, its column first; no private value is shown."""
        one, value, columns = BY_PATH[path], self.held[path], self._columns(path)
        column = (*columns, *(triple.column for triple in self.row.triples if triple.path == path))[0] or one.name
        hidden = one.private or one.kind in LISTS or len(str(value)) > SHOWN_MAX
        state = "is empty" if value is None else "is another" if hidden else f"is {str(value)!r}"
        why = self.reasons.get(path, "nothing that the column takes says so")
        if value is None and found.get(column) == "":
            why = "the blank cell tells the CRM so, and asks for nothing when it is read here"
        elif not columns:
            why = "the column names the row and stays" if column in self.feeds.key_columns else "no column says it"
        elif path == DEAL_VALUE and CURRENCY in self.asked:
            why = "it is not written without its currency"
        elif pulled.UNSHOWABLE.search(str(value)):
            why = "it holds characters that no cell can show"
        self.unsaid.append(f"{column}: in Partner Center {one.name} {state}; {why}")


def _as_typed(present: str, word: str) -> str:
    """Give a word the type of the present cell where a workbook would show it alike."""
    if isinstance(present, Number) and word.isdecimal() and str(int(word)) == word:
        return Number(word)
    return Truth(word.lower()) if isinstance(present, Truth) and word.lower() in ("true", "false") else word


def _amounts(feed: Feed, value: Any, *, typed: bool) -> tuple[str, ...]:
    from babel.numbers import format_decimal

    amount, locale = number(value), feed.reading.locale
    if not isinstance(amount, Decimal) or abs(amount.adjusted()) > DIGITS_MAX:
        return ()
    plain = str(money(amount, as_string=True))
    if locale and not typed:
        return (format_decimal(Decimal(plain), locale=locale, decimal_quantization=False, group_separator=False),)
    return (Number(plain),) if typed else (plain, f"{plain}0")  # 1.234 alone could be read in two ways


def _date(feed: Feed, value: str, present: str, *, typed: bool) -> str:
    zone, form, serial = feed.reading.time_zone, feed.reading.date_format, feed.reading.excel_serial
    found, stood, day = TIMESTAMP.fullmatch(value.strip()), TIMESTAMP.fullmatch(present.strip()), moment(value, zone)
    if found and (zone is None or (stood and stood[4])):
        return value.strip().replace(" ", "T") + ("" if found[4] else "Z")
    if zone is None or not isinstance(day, date):
        return ""
    local = moment(value, None)[0].astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if typed or stood:
        return Day(day.isoformat()) if typed else str(local.isoformat(present.strip()[10]))
    if serial in EXCEL_DAYS and PLAIN_NUMBER.fullmatch(present.strip()):
        return str((day - EXCEL_DAYS[serial][0]).days)
    return str(local.strftime(form)) if form else day.isoformat()


def _truth(value: Any, present: str, *, typed: bool) -> str:
    """Give the word of the pair that the present cell uses, cased as it is."""
    stood = present.strip()
    pair = next((pair for pair in zip(TRUE, FALSE, strict=True) if stood.casefold() in pair), (TRUE[1], FALSE[1]))
    word = pair[0] if value is True else pair[1]
    if typed:
        return Number(word) if isinstance(present, Number) else Truth(str(value).lower())
    return word.upper() if stood.isupper() else word.capitalize() if stood[:1].isupper() else word


def _member(one: Field, piece: str) -> tuple[str, Any]:
    """Give a member's key and what a cell says of it; nothing of a person who is to leave."""
    stays, leaving = members.leaving(piece) if one.kind is Kind.PEOPLE else (piece, ())
    return (leaving[0], None) if leaving else keyed(one, parse(one, stays, Reading()))[0]


def _piece(one: Field, member: Any, cell: str) -> str:
    piece = text(pulled.cell_of(one, [member], None)) or ""
    return re.sub(", ?", ", ", piece) if ", " in cell else piece
