"""Read one cell as its field's kind: text in, the value as it goes over the wire out; nothing is guessed.

What could be read in two ways is refused with the sentence that says what to write or to configure. The words
of private fields never stand in such a sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from syncjob.core import values
from syncjob.core.fields import CURRENCY, Field, Kind
from syncjob.core.values import TIMESTAMP

CLEAR = "<clear>"
MASK = "•••"
TEAM_MAX = 50
PLAIN_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,4})?")
PLAIN_DATE = re.compile(r"\d{4}-\d\d-\d\d")
CURRENCY_CODE = re.compile(r"[A-Z]{3}")
EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")


class CellError(ValueError):
    """What is wrong with a cell and what to write instead; the column is named by who catches it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How cells of one column are to be read."""

    locale: str | None = None
    date_format: str | None = None
    time_zone: str | None = None


def parse(field: Field, cell: str, reading: Reading) -> Any:
    """Read a cell that is not blank; CellError when it is not of the field's kind."""
    return PARSERS[field.kind](field, cell, reading)


def dirt(cell: str) -> str:
    """Say why no honest text holds this: control characters, half a surrogate, a mask of our own reports."""
    if MASK in cell:
        return f"holds {MASK}, the mask of a report; take the value from the CSV or JSON report"
    for char in cell:
        if unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n\r":
            return f"holds the control character U+{ord(char):04X}; delete it"
    return ""


def suspicion(cell: str) -> str:
    """Say what looks odd in a text that may still be meant: invisible characters, or UTF-8 once read as cp1252."""
    if any(unicodedata.category(char) == "Cf" for char in cell):
        return "holds invisible characters"
    try:
        mended = cell.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return ""
    return "looks as if UTF-8 had been read as Windows-1252 once (JosÃ© for José)" if mended != cell else ""


def _text(field: Field, cell: str, _: Reading) -> str:
    if field.path == CURRENCY and not CURRENCY_CODE.fullmatch(cell):
        raise CellError(f"{cell!r} is no currency; write its ISO 4217 code, for example EUR")
    return unicodedata.normalize("NFC", cell)


def _money(_: Field, cell: str, reading: Reading) -> str:
    if reading.locale:
        amount = _localised(cell, reading.locale)
    elif PLAIN_NUMBER.fullmatch(cell):
        amount = Decimal(cell)
    else:
        plain = re.sub(r"[^\d]", "", cell.partition(".")[0]) or "12000"
        raise CellError(f"{cell!r} is not a plain number; write {plain} or state a locale")
    if amount < 0:
        raise CellError(f"{cell!r} is negative; a deal value is 0 or more")
    return str(values.money(amount, as_string=True))


def _localised(cell: str, locale: str) -> Decimal:
    from babel.numbers import NumberFormatError, parse_decimal

    try:
        amount = parse_decimal(cell, locale=locale, strict=True)
    except NumberFormatError as error:
        raise CellError(f"{cell!r} is no number as {locale} writes it") from error
    if not PLAIN_NUMBER.fullmatch(format(amount, "f")):
        raise CellError(f"{cell!r} has too many digits; at most 15 and 4 decimals")
    return amount


def _date(_: Field, cell: str, reading: Reading) -> str:
    if TIMESTAMP.fullmatch(cell):
        return _timestamp(_, cell, reading)
    day = _day(cell, reading.date_format)
    if reading.time_zone is None:
        raise CellError(f"{cell!r} is a date; state the time_zone in which it begins, or write a timestamp")
    return values.midnight(day, reading.time_zone)


def _day(cell: str, date_format: str | None) -> date:
    try:
        if date_format:
            return datetime.strptime(cell, date_format).date()  # noqa: DTZ007  # a day has no zone of its own
        if PLAIN_DATE.fullmatch(cell):
            return date.fromisoformat(cell)
    except ValueError:
        pass
    wanted = f"as {date_format}" if date_format else "as 2026-03-31, or state a date_format"
    raise CellError(f"{cell!r} is no date; write it {wanted}")


def _timestamp(_: Field, cell: str, reading: Reading) -> str:
    found = TIMESTAMP.fullmatch(cell)
    if found is None or values.moment(cell, None) == cell:
        raise CellError(f"{cell!r} is no timestamp; write it as 2026-03-31T00:00:00Z")
    day, clock, fraction, offset = found.groups()
    if offset:
        return f"{day}T{clock}{'.' + fraction if fraction else ''}{offset}"
    if reading.time_zone is None:
        raise CellError(f"{cell!r} names no time zone; end it with Z or an offset, or state a time_zone")
    at = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(reading.time_zone))
    offset = at.strftime("%z")
    return f"{day}T{clock}{'.' + fraction if fraction else ''}{offset[:3]}:{offset[3:5]}"


def _enum(field: Field, cell: str, _: Reading) -> str:
    for word in field.words:
        if word.casefold() == cell.casefold():
            return word
    raise CellError(f"{cell!r} is not one of {', '.join(field.words)}; write one of them or translate it")


def _boolean(_: Field, cell: str, __: Reading) -> bool:
    if cell.casefold() in TRUE:
        return True
    if cell.casefold() in FALSE:
        return False
    raise CellError(f"{cell!r} is neither yes nor no; write one of them or translate it")


def _people(_: Field, cell: str, __: Reading) -> list[dict[str, str]]:
    """`first, last, phone, email`, or the e-mail alone; several on lines of their own or parted by `;`."""
    people = []
    for at, one in enumerate(_members(cell), start=1):
        parts = [part.strip() for part in one.split(",")]
        names = ("firstName", "lastName", "phoneNumber", "email") if len(parts) > 1 else ("email",)
        if len(parts) != len(names) or not EMAIL.fullmatch(parts[-1]):
            raise CellError(f"member {at} is not `first, last, phone, email` (nor an e-mail alone)")
        people.append({name: part for name, part in zip(names, parts, strict=True) if part})
    return _once(people, "email")


def _solutions(_: Field, cell: str, __: Reading) -> list[dict[str, Any]]:
    """`id`, or `id, currency, price, quantity`; several on lines of their own or parted by `;`."""
    solutions = []
    for one in _members(cell):
        parts = [part.strip() for part in one.split(",")]
        names = ("id", "currency", "price", "quantity")[: len(parts)]
        numbers = [part for part in parts[2:] if part]
        if len(parts) not in (1, 4) or not parts[0] or not all(PLAIN_NUMBER.fullmatch(part) for part in numbers):
            raise CellError(f"{one!r} is not `id` nor `id, currency, price, quantity`")
        solutions.append({name: part for name, part in zip(names, parts, strict=True) if part})
    return _once(solutions, "id")


def _members(cell: str) -> list[str]:
    members = [one.strip() for one in re.split(r"[;\n]", cell) if one.strip()]
    if len(members) > TEAM_MAX:
        raise CellError(f"has {len(members)} members; at most {TEAM_MAX} are allowed")
    return members


def _once(members: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    if len({one[key].casefold() for one in members}) < len(members):
        raise CellError("names a member twice; keep one")
    return members


PARSERS: dict[Kind, Callable[[Field, str, Reading], Any]] = {
    Kind.TEXT: _text,
    Kind.MONEY: _money,
    Kind.DATE: _date,
    Kind.TIMESTAMP: _timestamp,
    Kind.ENUM: _enum,
    Kind.BOOLEAN: _boolean,
    Kind.PEOPLE: _people,
    Kind.SOLUTIONS: _solutions,
}
