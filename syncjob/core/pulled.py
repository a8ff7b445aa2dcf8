"""A file of `syncjob pull` describes itself: a referral's fields in, cells out; a row of such cells in, Desired out.

Columns are called as the fields are; the id, the eTag and every value that was pulled stand beside them. A cell that
says what was pulled is untouched and asks for that very value, however odd: merged with that base it is in step or
drift, never a change. A cell that was edited is read like any other, and its base tells whether somebody else was
there too.

What a cell cannot hold (control characters, a text longer than a workbook's cell) is not shown; a blank cell has no
opinion.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from syncjob.core.cells import AS_TEXT, CLEAR, DAMAGED, DECIMALS_MAX, DIGITS_MAX
from syncjob.core.feeds import Feed, Feeds
from syncjob.core.fields import BY_NAME, BY_PATH, DEAL_VALUE, LISTS, STATUS, SUBSTATUS, Field, Kind, did_you_mean, find
from syncjob.core.matching import GUID
from syncjob.core.members import PERSON, REMOVE, SOLUTION
from syncjob.core.reading import Reading
from syncjob.core.saying import Said
from syncjob.core.status import SUBSTATUSES
from syncjob.core.values import TIMESTAMP, by_key, midnight, moment, number, text
from syncjob.errors import InputRefused
from syncjob.model import Cause, Day, Desired, Number, Settled, SourceRow, Truth, Wish
from syncjob.model.own import OWN, PULLED, PULLED_ID, PULLED_VALUES, PULLED_ZONE
from syncjob.settings.kinds import known_zone

CELL_CHARS_MAX = 32_767  # of a workbook's cell
ID = "id"
# Control characters, halves of surrogates, and what XML or a workbook's escapes (_x000D_) would turn into another text.
UNSHOWN = ""  # in the hidden values: the paths of those that were too long for a cell
# What a spreadsheet takes for a number or a date: 123456789012345678, 3-1, 1/2/26, MAR1, 12E5. And what it makes of it.
TAKEN = re.compile(
    r"\d{12,}|\d{1,4}[-./]\d{1,2}([-./]\d{1,4})?|[^\W\d]{3,9}[-. ]?\d{1,4}|\d{1,2}[-. ]?[^\W\d]{3,9}|\d+E\d+",
    re.IGNORECASE,
)
MONTHS = (
    "jan ene gen feb fév mar mär mrz apr avr abr may mai mag jun giu "
    "jul jui lug aug ago aoû sep set oct okt ott nov dec déc dez dic"
)
MONTH = f"({'|'.join(MONTHS.split())})"
MADE_A_DATE = re.compile(
    rf"\d{{1,4}}[-./ ]+(\d{{1,2}}|{MONTH}\w*\.?)([-./ ]+\d{{1,4}})?|{MONTH}\w*\.?[- ]\d{{1,4}}", re.IGNORECASE
)
UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")


def cell_of(field: Field, value: Any, zone: str | None) -> str:
    """Give the cell that shows a field's value; '' for nothing, and for what no cell can hold."""
    if value is None or value in ("", []):
        return ""
    match field.kind:
        case Kind.MONEY if isinstance(amount := number(value), Decimal) and _exact(amount):
            return Number(format(amount, "f"))
        case Kind.DATE if zone and TIMESTAMP.fullmatch(str(value)) and _begins_a_day(str(value), zone):
            return Day(moment(str(value), zone).isoformat())
        case Kind.BOOLEAN if isinstance(value, bool):
            return Truth(str(value).lower())
        case Kind.PEOPLE | Kind.SOLUTIONS if isinstance(value, list):
            shown = "\n".join(_member(field, member) for member in value)
        case _:
            shown = value if isinstance(value, str) else str(value)
    shown = shown.replace("\r\n", "\n")
    return "" if UNSHOWABLE.search(shown) or len(shown) > CELL_CHARS_MAX else shown


def is_pulled(columns: Container[str]) -> bool:
    """Tell whether a row or file describes itself."""
    return PULLED_ID in columns


def check_columns(columns: Collection[str]) -> tuple[str, ...]:
    """Hold the columns of a pulled file against the fields; InputRefused names all that miss, else the warnings."""
    problems = [
        f"the file was pulled, but its column {name!r} is gone; pull it again"
        for name in (PULLED_ID, PULLED_VALUES, ID)
        if name not in columns
    ]
    if problems:
        raise InputRefused(*problems)
    extra = [column for column in columns if not column.startswith(OWN) and find(column) is None]
    return tuple(f"column {column!r} is no field{did_you_mean(column, list(BY_NAME))}" for column in extra)


def map_pulled(feeds: Feeds, row: SourceRow) -> Desired | Settled:
    """Read a row of a pulled file; a row that was sorted or cut in part is invalid."""
    hidden, shown = (row.columns.get(name, "").strip() for name in (PULLED_ID, ID))
    if not GUID.fullmatch(hidden):
        return Settled.of_row(row, Cause.BAD_KEY, f"{PULLED_ID}: {hidden!r} is no referral id; pull the file again")
    if hidden.lower() != shown.lower():
        reason = (
            f"{row.at(ID)}: says {shown!r} where the row was pulled for {hidden!r}; were columns sorted or cut "
            "in part? Pull again, and sort whole rows"
        )
        return Settled.of_row(row, Cause.BAD_KEY, reason, key=hidden)
    base = _values(row.columns.get(PULLED_VALUES, ""))
    if base is None:
        reason = f"{PULLED_VALUES}: the hidden cell was changed or cut; pull the file again"
        return Settled.of_row(row, Cause.BAD_KEY, reason, key=hidden)
    zone = zone_of(row)
    if zone and (wrong := _no_zone(zone)):
        reason = f"{PULLED_ZONE}: the hidden cell was changed: {wrong}; pull the file again"
        return Settled.of_row(row, Cause.BAD_KEY, reason, key=hidden)
    said = Said(row, feeds.cell_chars_max, feeds.strict)
    touched = {path for feed in _feeds(feeds, row.columns, zone) if (path := _read(feed, row, base, said))}
    if touched & {STATUS, SUBSTATUS}:
        if touched.isdisjoint({SUBSTATUS}) and len(SUBSTATUSES.get(_asked(said, STATUS), ())) == 1:
            said.wishes.pop(SUBSTATUS, None)  # a substatus that was left alone follows where it has no choice
        said.complete_status()
    if DEAL_VALUE in touched:
        said.complete_money()
    if said.problems:
        return Settled.of_row(row, Cause.BAD_CELL, "; ".join(said.problems), key=hidden.lower())
    warnings = (*row.warnings, *said.warnings)
    known = {path: value for path, value in base.items() if path != UNSHOWN}
    return Desired(row, hidden.lower(), tuple(said.wishes.values()), None, warnings, id=hidden.lower(), base=known)


def edits(feeds: Feeds, row: SourceRow) -> Iterator[tuple[str, str, str]]:
    """Give the cells that were edited: column, cell, and what was pulled as its cell showed it; none of an odd row."""
    if not is_pulled(row.columns):
        return
    whole = row.columns[PULLED_ID].strip().lower() == row.columns.get(ID, "").strip().lower()
    base = _values(row.columns.get(PULLED_VALUES, "")) if whole else None
    zone = zone_of(row)
    if base is None or (zone and _no_zone(zone)):
        return
    for feed in _feeds(feeds, row.columns, zone):
        cell, shown = row.columns[feed.column], cell_of(feed.field, base.get(feed.field.path), zone)
        if not _alike(feed.field, cell, shown):
            yield feed.column, cell, shown


def feed_of(feeds: Feeds, field: Field, column: str, zone: str | None) -> Feed:
    """Give how a column of a pulled file is read: plain numbers, dates as ISO 8601 writes them, no translation."""
    whole = any(feed.whole for feed in feeds.feeds if feed.field is field)
    return Feed(column, field, Reading(time_zone=zone), "ignore", {}, (), None, whole)


def zone_of(row: SourceRow) -> str | None:
    """Give the time zone in which the dates of a pulled row begin."""
    return row.columns.get(PULLED_ZONE, "").strip() or None


def _feeds(feeds: Feeds, columns: Iterable[str], zone: str | None) -> Iterator[Feed]:
    for column in columns:
        field = None if column.startswith(PULLED) or column == ID else find(column)
        if field is not None:
            yield feed_of(feeds, field, column, zone)


def _read(feed: Feed, row: SourceRow, base: Mapping[str, Any], said: Said) -> str:
    """Add what one cell says; give its path where the cell was edited."""
    path, cell = feed.field.path, row.columns[feed.column]
    pulled = base.get(path)
    shown = cell_of(feed.field, pulled, feed.reading.time_zone)
    if _alike(feed.field, cell, shown):
        if shown and not feed.field.locked:
            zone = feed.reading.time_zone if feed.field.kind is Kind.DATE else None
            said.wishes[path] = Wish(path, pulled, feed.column, zone)
        return ""
    at = row.at(feed.column)
    if feed.field.locked:
        said.problems.append(f"{at}: cannot be written: {feed.field.locked}; put back what was pulled")
    elif not cell.strip():
        said.warnings.append(f"{at}: was emptied, and a blank cell has no opinion; write {CLEAR} to clear it")
    elif not shown and (path in base.get(UNSHOWN, ()) or pulled not in (None, "", [])):
        said.problems.append(f"{at}: the remote holds a value here that no cell can show; edit it in Partner Center")
    elif feed.field.kind is Kind.TEXT and _spoilt(shown, cell.strip()):
        said.problems.append(f"{at}: a spreadsheet has made {_told(feed.field, cell)} of what was pulled; {AS_TEXT}")
    else:
        said.read(feed, cell)
        if feed.field.kind in LISTS and not feed.whole:
            _leaves_out(feed, pulled, said, at)
        return path
    return ""


def _leaves_out(feed: Feed, pulled: Any, said: Said, at: str) -> None:
    """Warn of people who were taken out of the cell: being absent removes nobody."""
    wish = said.wishes.get(feed.field.path)
    if wish is None or wish.desired is None:
        return
    named = {*by_key(feed.field, wish.desired), *wish.removed}
    if left := [key for key in by_key(feed.field, pulled) if key not in named]:
        drop = f". Write {REMOVE} and the e-mail on a line to drop a person" if feed.field.kind is Kind.PEOPLE else ""
        said.warnings.append(f"{at}: {len(left)} of the pulled members are not named any more; they stay{drop}")


def _alike(field: Field, cell: str, shown: str) -> bool:
    """Tell whether a cell still says what was pulled, through whatever program it went."""
    if field.kind is Kind.MONEY and isinstance(held := number(shown or "-"), Decimal):
        return number(cell) == held
    if field.kind is Kind.BOOLEAN:
        return cell.strip().casefold() == shown.casefold()
    return text(cell) == text(shown)


def _member(field: Field, member: Any) -> str:
    """Write one member of a list as its cell names it."""
    if not isinstance(member, Mapping):
        return str(member)
    names = PERSON if field.kind is Kind.PEOPLE else SOLUTION
    parts = [plain(member.get(name)) for name in names]
    key = plain(member.get(field.member_key))
    return ",".join(parts) if any(part for part in parts if part != key) else key


def plain(value: Any) -> str:
    """Give one part of a member as it stands in a cell."""
    return "" if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)


def _exact(amount: Decimal) -> bool:
    """Tell whether a workbook, which counts in doubles, gives back the very amount."""
    _, digits, exponent = amount.as_tuple()
    return isinstance(exponent, int) and exponent >= -DECIMALS_MAX and len(digits) + max(exponent, 0) <= DIGITS_MAX


def _begins_a_day(timestamp: str, zone: str) -> bool:
    """Tell whether a timestamp is a day's beginning there, so that the day says it all."""
    day = moment(timestamp, zone)
    try:
        return isinstance(day, date) and moment(midnight(day, zone), None) == moment(timestamp, None)
    except OverflowError:
        return False


def _values(cell: str) -> dict[str, Any] | None:
    try:
        found = json.loads(cell, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    known = isinstance(found, dict) and found.keys() <= {UNSHOWN, *BY_PATH} and isinstance(found.get(UNSHOWN, []), list)
    return found if known else None


def _no_zone(zone: str) -> str:
    try:
        known_zone(zone)
    except ValueError as error:
        return str(error)
    return ""


def _asked(said: Said, path: str) -> Any:
    wish = said.wishes.get(path)
    return wish.desired if wish else None


def _spoilt(shown: str, cell: str) -> bool:
    """Tell whether a cell is what spreadsheets make of such a text when they open it from a CSV file."""
    if shown.startswith("0") and shown.lstrip("0") == cell:
        return True
    return bool(TAKEN.fullmatch(shown) and (DAMAGED.fullmatch(cell) or MADE_A_DATE.fullmatch(cell)))


def _told(field: Field, cell: str) -> str:
    return "something else" if field.private else repr(str(cell))
