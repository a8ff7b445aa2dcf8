"""Where row and remote stand on one field: base, observed and desired in, one of four words out.

    desired = observed                     agreed
    base unknown                           change     (nobody knows who moved)
    base = observed, desired moved         change
    base = desired, observed moved         drift
    all three differ                       conflict

Of a list under `append` only the members that the row names count: one who is missing and was never seen
there is a change; one who was there and is gone was taken away by somebody, which is drift.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from syncjob.core.fields import BY_PATH, LISTS, Field, find
from syncjob.core.values import by_key, look, same
from syncjob.model import UNKNOWN, Pair, Stand, Wish
from syncjob.settings import Settings


class Rules(Struct, frozen=True):
    """What the configuration decides for merge and diff; `whole` are the lists that a row names whole."""

    drift: Literal["keep", "overwrite"] = "keep"
    conflict: Literal["hold", "mine", "theirs"] = "hold"
    whole: frozenset[str] = frozenset()
    money_as: Literal["string", "number"] = "string"
    clear_as: Literal["null", "empty"] = "null"

    @property
    def unbent(self) -> Rules:
        """The same, but that no policy decides what only a person or the three values should."""
        return _unbent(self)

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Read them from the configuration, whose field names have been checked."""
        whole = (find(one.field) for many in settings.fields.values() for one in many if one.list == "whole")
        return cls(
            drift=settings.merge.drift,
            conflict=settings.merge.conflict,
            whole=frozenset(field.path for field in whole if field),
            money_as=settings.remote.money_as,
            clear_as=settings.remote.clear_as,
        )


@lru_cache(maxsize=8)  # it is asked for each row
def _unbent(rules: Rules) -> Rules:
    return replace(rules, drift="keep", conflict="hold")


def merge(wish: Wish, base: Any, observed: Any, rules: Rules) -> Stand:
    """Say where one wish stands; policies are applied: what a rule decides is no drift or conflict any more."""
    if appends(wish.path, wish.desired, rules):
        return _members(wish, base, observed, rules)
    if same(wish.path, wish.desired, observed, wish.zone):
        return Stand.AGREED
    if base is UNKNOWN or same(wish.path, base, observed, wish.zone):
        return Stand.CHANGE
    if same(wish.path, wish.desired, base, wish.zone):
        return policy(Stand.DRIFT, rules)
    return policy(Stand.CONFLICT, rules)


def sides(pair: Pair, wish: Wish) -> tuple[Any, Any]:
    """Give the base and the observed value of one wish.

    Where row and remote agreed on a value of which the remote keeps a form of its own, the row's spelling is the base.
    """
    base, observed = pair.base.get(wish.path, UNKNOWN), look(pair.observed.body, wish.path)
    if base is not UNKNOWN and wish.path in pair.kept:
        asked, held = pair.kept[wish.path]
        if same(wish.path, held, base, wish.zone) and same(wish.path, wish.desired, asked, wish.zone):
            return wish.desired, observed
    return base, observed


def appends(path: str, desired: Any, rules: Rules) -> bool:
    """Tell whether a wish adds members to a list and leaves the others alone."""
    return BY_PATH[path].kind in LISTS and path not in rules.whole and desired is not None


GONE = "<removed>"
"""Marks a member of a base: row and remote agreed that who has this key is not in the list."""


def gone(field: Field, key: str) -> dict[str, Any]:
    """Give the member of a base by which it is remembered that somebody has left."""
    return {field.member_key: key, GONE: True}


def _parted(field: Field, base: Any) -> tuple[dict[str, Any], set[str]]:
    """Give the members of a base, and the keys of those who had left."""
    known = {} if base is UNKNOWN else by_key(field, base)
    left = {key for key, member in known.items() if GONE in member}
    return {key: member for key, member in known.items() if key not in left}, left


def missing(wish: Wish, base: Any, observed: Any, rules: Rules) -> list[Any]:
    """Give the members that the row names, the remote lacks, and nobody took away since the base."""
    field = BY_PATH[wish.path]
    held = by_key(field, observed)
    known = {} if rules.drift == "overwrite" else _parted(field, base)[0]
    return [member for key, member in by_key(field, wish.desired).items() if key not in held and key not in known]


def leaving(wish: Wish, observed: Any) -> list[str]:
    """Give the keys of those who are to leave a list and are in it."""
    held = by_key(BY_PATH[wish.path], observed)
    return [key for key in wish.removed if key in held]


def to_leave(wish: Wish, base: Any, observed: Any, rules: Rules) -> list[str]:
    """Give the keys of those who are to leave a list, are in it, and whom nobody put back since they had left."""
    back = set() if rules.drift == "overwrite" else _parted(BY_PATH[wish.path], base)[1]
    return [key for key in leaving(wish, observed) if key not in back]


def _members(wish: Wish, base: Any, observed: Any, rules: Rules) -> Stand:
    field = BY_PATH[wish.path]
    if missing(wish, base, observed, rules) or to_leave(wish, base, observed, rules):
        return Stand.CHANGE
    if leaving(wish, observed):
        return Stand.DRIFT
    return Stand.AGREED if by_key(field, wish.desired).keys() <= by_key(field, observed).keys() else Stand.DRIFT


def policy(stand: Stand, rules: Rules) -> Stand:
    """Let the configuration decide what it decides."""
    match stand, rules.drift, rules.conflict:
        case (Stand.DRIFT, "overwrite", _) | (Stand.CONFLICT, _, "mine"):
            return Stand.CHANGE
        case Stand.CONFLICT, _, "theirs":
            return Stand.DRIFT
        case _:
            return stand
