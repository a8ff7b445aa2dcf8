"""What of a change is there: a change and a referral as it is now in, what was sent and what is held out.

One room for all who ask: the look after a lost answer, the verifying of an answer, and the mending of a dead run.
Of a list under append only those whom we added count; who else came or went meanwhile is not ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncjob.core.fields import BY_PATH, STATUS, SUBSTATUS, Kind
from syncjob.core.merge import Rules, appends, leaving, missing
from syncjob.core.values import by_key, look, same, stands
from syncjob.model import Change, Triple


def landed(change: Change, body: Mapping[str, Any], rules: Rules) -> bool:
    """Tell whether all that the operations were for is there."""
    return not altered(change, body, rules)


def altered(change: Change, body: Mapping[str, Any], rules: Rules) -> dict[str, tuple[Any, Any]]:
    """Give, by path, what was asked and what is held, where the two differ."""
    return {one.path: (one.desired, look(body, one.path)) for one in change.written() if not _agreed(one, body, rules)}


def own_forms(change: Change, held: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Give those altered values that the remote has made of ours: not what was there before, and no word of a table."""
    return {path: pair for path, pair in held.items() if _formed(path) and not _stayed(change, path, pair[1])}


def stayed_forms(change: Change, held: Mapping[str, tuple[Any, Any]]) -> dict[str, tuple[Any, Any]]:
    """Give those that stayed as they were: the remote ignores ours, or has made the same of it once more."""
    return {path: pair for path, pair in held.items() if _formed(path) and _stayed(change, path, pair[1])}


def uninvited(change: Change, body: Mapping[str, Any]) -> list[str]:
    """Name what moved under our eTag without us; a change of status may rightly move other fields."""
    sent = {triple.path for triple in change.written()}
    if STATUS in sent:
        return []
    return [
        BY_PATH[triple.path].name
        for triple in change.triples
        if triple.path not in sent
        and not same(triple.path, triple.observed, look(body, triple.path), triple.zone)
        and stands(body, triple.path)
    ]


def _formed(path: str) -> bool:
    return path not in (STATUS, SUBSTATUS) and BY_PATH[path].kind is not Kind.BOOLEAN


def _stayed(change: Change, path: str, held: Any) -> bool:
    before = next(one for one in change.triples if one.path == path)
    return same(path, before.observed, held, before.zone)


def _agreed(triple: Triple, body: Mapping[str, Any], rules: Rules) -> bool:
    held = look(body, triple.path)
    if appends(triple.path, triple.desired, rules):
        field = BY_PATH[triple.path]
        added = missing(triple.wish(), triple.base, triple.observed, rules)
        return by_key(field, added).keys() <= by_key(field, held).keys() and not leaving(triple.wish(), held)
    return same(triple.path, triple.desired, held, triple.zone)
