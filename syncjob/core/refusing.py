"""Say why nothing of a pair is sent: where its fields stand and what would move in, a cause and its words out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from syncjob.core import status
from syncjob.core.fields import BY_PATH, CURRENCY, DEAL_VALUE, LISTS, STATUS
from syncjob.core.merge import sides
from syncjob.core.values import look, meaning, same
from syncjob.model import UNKNOWN, Cause, Pair, Stand, Wish

Stands = Mapping[str, Stand]
Refusal = tuple[Cause, str]

NOTHING = (None, "")
STRONG = re.compile(r'"[!#-~]+"')  # RFC 9110, 8.8.3: one opaque tag in its quotes


def refusal(pair: Pair, where: Stands, moving: list[Wish]) -> Refusal | None:
    """Give the cause and reason for which nothing is sent; None when something is to be sent."""
    for check in (_other_currency, _conflict, _nothing, _rule, _shape, _etag):
        if (found := check(pair, where, moving)) is not None:
            return found
    return None


def _conflict(pair: Pair, where: Stands, _: list[Wish]) -> Refusal | None:
    apart = [path for path, stand in where.items() if stand is Stand.CONFLICT]
    return (Cause.BOTH_MOVED, "; ".join(_three_values(pair, path) for path in apart)) if apart else None


def _nothing(_: Pair, where: Stands, moving: list[Wish]) -> Refusal | None:
    if moving:
        return None
    drifted = [BY_PATH[path].name for path, stand in where.items() if stand is Stand.DRIFT]
    if drifted:
        return Cause.REMOTE_MOVED, f"{', '.join(drifted)} changed at the remote since row and remote agreed; kept"
    return Cause.IN_STEP, ""


def _rule(pair: Pair, _: Stands, moving: list[Wish]) -> Refusal | None:
    held = meaning(BY_PATH[STATUS], look(pair.observed.body, STATUS))
    if held == "Closed":
        names = ", ".join(BY_PATH[wish.path].name for wish in moving)
        return Cause.CLOSED_REFERRAL, f"the referral is closed, which is terminal; it would change {names}"
    asked = next((wish.desired for wish in moving if wish.path == STATUS), None)
    reason = status.refusal(held, asked) if asked is not None else ""
    return (Cause.STATUS_MOVE, reason) if reason else None


def _shape(pair: Pair, _: Stands, moving: list[Wish]) -> Refusal | None:
    """Where the API has an object or a list and the remote holds neither, nobody knows what would be lost."""
    odd = [at for wish in moving if (at := _odd(pair.observed.body, wish.path))]
    if not odd:
        return None
    names = ", ".join(dict.fromkeys(odd))
    return Cause.ODD_SHAPE, f"{names}: the remote holds what the API does not know there; nothing is written over it"


def _odd(body: Any, path: str) -> str:
    steps = path[1:].split("/")
    for prefix in ("/" + "/".join(steps[:depth]) for depth in range(1, len(steps))):
        if look(body, prefix) not in NOTHING and not isinstance(look(body, prefix), Mapping):
            return prefix
    held = look(body, path)
    return path if BY_PATH[path].kind in LISTS and held not in NOTHING and not isinstance(held, list) else ""


def _etag(pair: Pair, _: Stands, __: list[Wish]) -> Refusal | None:
    """A weak, unquoted or absent eTag protects nothing."""
    etag = pair.observed.etag
    if etag is None:
        return Cause.NO_ETAG, "the remote gave no eTag; nothing is sent without one"
    if not STRONG.fullmatch(etag):
        return Cause.NO_ETAG, f"the remote gave an eTag that cannot be relied on, {etag!r}; nothing is sent"
    return None


def _other_currency(pair: Pair, where: Stands, _: list[Wish]) -> Refusal | None:
    """An amount in one currency never replaces an amount in another."""
    if where.get(CURRENCY, Stand.AGREED) is Stand.AGREED:
        return None
    wish = next(one for one in pair.desired.wishes if one.path == CURRENCY)
    base, held = sides(pair, wish)
    if meaning(BY_PATH[CURRENCY], held) is None:
        return None
    if where[CURRENCY] is Stand.DRIFT and where.get(DEAL_VALUE) is not Stand.CHANGE:
        return None
    if not any(one.path == DEAL_VALUE for one in pair.desired.wishes) and meaning(
        BY_PATH[DEAL_VALUE], look(pair.observed.body, DEAL_VALUE)
    ) in (None, 0):
        return None
    if base is not UNKNOWN and same(CURRENCY, wish.desired, base):
        return (
            Cause.BOTH_MOVED,
            f"currency: was {base} when row and remote agreed, is {held} now; the row says {wish.desired}",
        )
    return (
        Cause.OTHER_CURRENCY,
        f"{wish.column or 'currency'}: the remote holds {held}, the row says {wish.desired}; settle which is right",
    )


def _three_values(pair: Pair, path: str) -> str:
    field = BY_PATH[path]
    if field.private or field.kind in LISTS:
        return f"{field.name}: row and remote moved apart"
    wish = next(one for one in pair.desired.wishes if one.path == path)
    base, observed = sides(pair, wish)
    return f"{field.name}: was {base}, the remote says {observed}, the row says {wish.desired}"
