"""What a value means: two spellings of one meaning are the same, and what goes over the wire is written here.

Wire values come in (JSON as the remote sends it, or as a `Wish` holds it), comparisons come out.

    null, "" and absent            the same nothing
    10000, 10000.0, "10000"        the same number (Decimal)
    2022-03-24T18:30:00Z           with a zone the day that it is there, else the instant; 0 to 7 digits of fraction
    NFC, NFD, &amp;, outer spaces  no difference; nor is a space that does not break a line
    a Salesforce id                of 15 or of 18 characters (with a checksum of the case) is one id
    e-mail                         compares without case
    a list                         members by key (e-mail or id), in any order, none doubled; only what is asked counts
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from syncjob.core.fields import BY_PATH, CRM_ID, CURRENCY, Field, Kind
from syncjob.model import dumps

SALESFORCE = re.compile(r"[A-Za-z0-9]{15}([A-Z0-5]{3})")
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
PLAIN = (str, int)  # of these what is written alike means the same, whatever the field
TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?")


def same(path: str, asked: Any, held: Any, zone: str | None = None) -> bool:
    """Tell whether what is held means all that is asked."""
    if type(asked) is type(held) and type(asked) in PLAIN and asked == held:
        return True
    field = BY_PATH[path]
    if field.kind in (Kind.PEOPLE, Kind.SOLUTIONS):
        members = by_key(field, held)
        wanted = by_key(field, asked)
        twice = isinstance(asked, list) and isinstance(held, list) and len(asked) != len(held)
        alike = members.keys() == wanted.keys() and not twice
        return alike and all(covers(one, members[key]) for key, one in wanted.items())
    return bool(meaning(field, asked, zone) == meaning(field, held, zone))


def meaning(field: Field, value: Any, zone: str | None = None) -> Any:
    """Give what can be compared with `==`; None is the nothing that null, "" and absent share."""
    if value is None or value == "":
        return None
    match field.kind:
        case Kind.MONEY:
            return number(value)
        case Kind.DATE | Kind.TIMESTAMP:
            return moment(str(value), zone)
        case Kind.BOOLEAN:
            return str(value).lower() == "true" if str(value).lower() in ("true", "false") else str(value)
        case _ if field.path == CURRENCY:
            return (text(value) or "").upper() or None
        case _ if field.path == CRM_ID:
            return crm_id(text(value) or "") or None
        case _:
            return text(value)


def text(value: Any) -> str | None:
    """Give a text without what is no difference; nothing when nothing is left."""
    if type(value) is str and value.isascii() and value.isprintable() and "&" not in value:
        return value.strip() or None
    plain = html.unescape(str(value)).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return unicodedata.normalize("NFC", plain).strip() or None


def crm_id(key: str) -> str:
    """Give the one form of a CRM id: a Salesforce id of 18 characters whose checksum fits becomes its first 15."""
    found = SALESFORCE.fullmatch(key)
    if found is None:
        return key
    sums = (
        CHECKSUM[sum(1 << at for at, char in enumerate(key[start : start + 5]) if char.isupper())]
        for start in (0, 5, 10)
    )
    return key[:15] if "".join(sums) == found[1] else key


def number(value: Any) -> Decimal | str:
    """Give the number, or the words where the remote holds none."""
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)
    return found if found.is_finite() else str(value)


@lru_cache(maxsize=4096)
def moment(value: str, zone: str | None) -> Any:
    """Give the day in that zone, else the instant with its exact fraction; the words where it is no timestamp."""
    found = TIMESTAMP.fullmatch(value.strip())
    if found is None:
        return value
    day, clock, fraction, offset = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{clock}{offset or 'Z'}").astimezone(UTC)
        return at.astimezone(ZoneInfo(zone)).date() if zone else (at, (fraction or "").rstrip("0"))
    except (ValueError, OverflowError):
        return value


@lru_cache(maxsize=4096)
def midnight(day: date, zone: str) -> str:
    """Give the instant at which a day begins there, as the remote writes instants; OverflowError before year 1."""
    begins = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    return begins.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def keyed(field: Field, members: Any) -> list[tuple[str, Any]]:
    """Give a list's members, each with its e-mail (without case) or id; one without a key stands under its place."""
    found = []
    for at, member in enumerate(members if isinstance(members, list) else []):
        key = text(member.get(field.member_key) or "") if isinstance(member, Mapping) else None
        found.append((key.casefold() if key else f"#{at}", member))
    return found


def by_key(field: Field, members: Any) -> dict[str, Mapping[str, Any]]:
    """Index a list's members by their keys."""
    return {key: member if isinstance(member, Mapping) else {"": member} for key, member in keyed(field, members)}


def carried(field: Field, asked: Any, held: Any) -> list[Any]:
    """Give the members asked for, each with the parts that the remote holds of it and nobody asked to drop."""
    known = by_key(field, held)
    return [sendable(known.get(key, {})) | dict(member) for key, member in by_key(field, asked).items()]


def sendable(value: Any) -> Any:
    """Give the remote's own value as JSON numbers write it: a Decimal would go back as a text."""
    if isinstance(value, Mapping):
        return {part: sendable(one) for part, one in value.items()}
    if isinstance(value, list):
        return [sendable(one) for one in value]
    return float(value) if isinstance(value, Decimal) else value


def covers(asked: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Tell whether a member holds all that is asked of it; what is not asked may be anything."""
    return not differing(asked, held)


def differing(asked: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    """Name the parts of a member that are asked otherwise than they are held; numbers by value."""
    return [part for part, value in asked.items() if _part(part, value) != _part(part, held.get(part))]


def _part(part: str, value: Any) -> Any:
    if value is None or value == "":
        return None
    if part in ("price", "quantity"):
        return number(value)
    found = dumps(value) if isinstance(value, list | Mapping) else text(value)
    return found.casefold() if found and part in ("email", "id") else found


def look(body: Any, path: str) -> Any:
    """Give what stands at a pointer, None where nothing does."""
    for step in _steps(path):
        if type(body) is not dict and not isinstance(body, Mapping):
            return None
        body = body.get(step)
    return body


@cache
def _steps(path: str) -> list[str]:
    return path[1:].split("/")


def stands(body: Any, path: str) -> bool:
    """Tell whether a pointer has a target, be it null."""
    parent, _, last = path.rpartition("/")
    holder = look(body, parent) if parent else body
    return isinstance(holder, Mapping) and last in holder


def money(value: Any, *, as_string: bool) -> Any:
    """Write an amount for the wire: the plain digits, as a string or a number."""
    amount = Decimal(str(value))
    digits = format(amount, "f")
    digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    if as_string:
        return digits
    return float(amount) if "." in digits else int(digits)
