"""Values and paths of a row go in; the words that every report uses for them come out, each on one line."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from syncjob.model import UNKNOWN, Outcome, Report, Settled, Stand, Triple, dumps
from syncjob.model import own as names
from syncjob.model.remembering import disputed, remember

MASK = "•••"
BLANK = "(blank)"
METHODS = ("GET", "PATCH")
THREE_VALUES = (Outcome.CONFLICTED, Outcome.DRIFTED)  # of these rows base, remote and row are shown
STATUS, NEW, ACTIVE, CLOSED = "/status", "New", "Active", "Closed"
CLOSES = "CLOSES the referral: cannot be undone"
ACCEPTS = "ACCEPTS the lead: cannot be undone"

# Printable to Python, invisible to a reader: fillers, joiners and variation selectors of several scripts.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
LED_IN = 20  # characters that stay before a difference


class Move(Struct, frozen=True):
    """What a row's operations do to one field: members that come or go, or one value for another."""

    path: str
    before: Any
    after: Any
    appended: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()


def moves(row: Settled) -> Iterator[Move]:
    """Give what the operations of a row do, field by field in the order in which the row names them."""
    if not row.operations:
        return
    before, after = row.before(), row.after()
    for path, value in before.items():
        appended = tuple(one.value for one in row.operations if one.path == f"{path}/-")
        if not value and isinstance(after[path], list):  # to begin a list is to add to it
            appended = tuple(after[path])
        removed: tuple[Any, ...] = ()
        if any(one.path == path and one.removed for one in row.triples) and isinstance(value, list):
            removed = tuple(member for member in value if member not in after[path])
            appended = tuple(member for member in after[path] if member not in value)
        yield Move(path, value, after[path], appended, removed)


def for_good(row: Settled) -> str:
    """Say what of a row cannot be undone: that it closes its referral, or accepts it; nothing where it does neither."""
    for one in row.operations:
        if one.path == STATUS and one.value == CLOSED:
            return CLOSES
        if one.path == STATUS and one.value == ACTIVE:
            was = next((triple.observed for triple in row.triples if triple.path == STATUS), None)
            return ACCEPTS if was == NEW else ""
    return ""


def moved(triples: Collection[Triple]) -> list[Triple]:
    """Give the fields that row and remote disagree on: those where both have moved, if there are such."""
    if any(one.stand is not None for one in triples):
        apart = [one for one in triples if one.stand in (Stand.CONFLICT, Stand.DRIFT)]
        return [one for one in apart if one.stand is Stand.CONFLICT] or apart
    differing = [one for one in triples if plain(one.observed) != plain(one.desired)]
    both = [
        one
        for one in differing
        if one.base is not UNKNOWN and plain(one.base) not in (plain(one.observed), plain(one.desired))
    ]
    return both or differing


def ours(row: Settled) -> dict[str, str]:
    """Give our own cells of a row, by name without the prefix.

    What is read back stands there to the letter; what they quote for a reader is shown on one line.
    """
    return {
        names.ROW: visible(str(row.place)),
        names.OUTCOME: str(row.outcome),
        "cause": str(row.cause),
        "reason": visible(row.reason),
        "changes": "; ".join(filter(None, (for_good(row), *(visible(_words(move)) for move in moves(row))))),
        "warnings": "; ".join(map(visible, row.warnings)),
        "id": visible(row.id or ""),
        "attempts": str(row.attempts),
        "request ids": " ".join(map(visible, row.request_ids)),
        names.CONFLICT: ", ".join(name_of(one.path) for one in disputed(row)),
        names.DECISION: "",
        names.REMEMBERED: remember(row),
    }


def _words(move: Move) -> str:
    name = name_of(move.path)
    if move.appended or move.removed:
        words = (*(f"+ {member(one)}" for one in move.appended), *(f"- {member(one)}" for one in move.removed))
        return f"{name}: {', '.join(words)}"
    return f"{name}: {plain(move.before)} -> {plain(move.after)}"


def apart(before: Any, after: Any, chars_max: int) -> tuple[Any, Any]:
    """Give two long texts from shortly before they differ, so that a cut does not hide what changes."""
    if not (isinstance(before, str) and isinstance(after, str)) or max(len(before), len(after)) <= chars_max:
        return before, after
    pairs = enumerate(zip(before, after, strict=False))
    alike = next((at for at, (one, two) in pairs if one != two), min(len(before), len(after)))
    start = alike - LED_IN
    return (f"…{before[start:]}", f"…{after[start:]}") if start > 0 else (before, after)


def member(value: Any) -> str:
    """Give a member of a list as people know it: a person by name and address, a solution by its id."""
    if not isinstance(value, dict):
        return plain(value)
    name = " ".join(str(value[part]) for part in ("firstName", "lastName") if value.get(part))
    mail = value.get("email")
    return f"{name} <{mail}>" if name and mail else str(mail or value.get("id") or plain(value))


def name_of(path: str) -> str:
    """Give a field's name: `/details/dealValue` is `dealValue`, `/customerProfile/team` is `customerProfile.team`."""
    return path.removeprefix("/details/").removeprefix("/").replace("/", ".")


def plain(value: Any) -> str:
    """Give a JSON value as people write it; null and the empty text both mean nothing."""
    match value:
        case None | "" | []:
            return BLANK
        case str():
            return value
        case Decimal():
            return format(value, "f")
        case _:
            return dumps(value)


def masked(path: str, value: Any, private: frozenset[str]) -> str:
    """Give the value unless its path is private, lies below a private one or holds one; a blank may be seen."""
    if value in (None, "", []) or not any(_overlap(path, one) for one in private):
        return plain(value)
    return MASK


def _overlap(path: str, other: str) -> bool:
    return f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/")


def visible(text: str) -> str:
    r"""Give text on one line that shows all it holds: what moves a cursor, hides or turns text becomes `\x1b`."""
    if text.isprintable() and (text.isascii() or INVISIBLE.isdisjoint(text)):
        return text
    return "".join(one if one.isprintable() and one not in INVISIBLE else _escape(one) for one in text)


def _escape(one: str) -> str:
    return one.encode("unicode_escape").decode("ascii")


def shortened(text: str, chars_max: int) -> str:
    """Give `visible(text)`, cut at `chars_max` characters; nothing beyond them is looked at."""
    shown = visible(text[: chars_max + 1])
    return shown if len(shown) <= chars_max else f"{shown[: chars_max - 1]}…"


def outcomes(report: Report) -> dict[str, int]:
    """Give the count of rows by outcome, changes first, without those that no row had."""
    order = sorted(Outcome, key=lambda one: one not in (Outcome.APPLIED, Outcome.PLANNED))
    return {str(one): report.totals[one] for one in order if report.totals.get(one)}


def requests(report: Report) -> dict[str, int]:
    """Give the count of requests by method; that none was sent is worth saying too."""
    return dict.fromkeys(METHODS, 0) | dict(report.requests)
