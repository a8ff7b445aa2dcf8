"""Settle at a glance what is in step, as most rows are every night: a row and its referral in, `Settled` out, or None.

It ends to the letter as the long way in `diff` does, which a law of the tests holds. What has more to it than two
values (a list, a form that the remote keeps of its own, any difference) goes that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from syncjob.core.fields import BY_PATH, LISTS, Kind
from syncjob.core.values import money, number, same
from syncjob.model import UNKNOWN, Cause, Desired, Observed, Settled, Stand, Triple

DIGITS_MAX = 40
STEPS = {path: path[1:].split("/") for path, field in BY_PATH.items() if field.kind not in LISTS}
AMOUNTS = frozenset(path for path, field in BY_PATH.items() if field.kind is Kind.MONEY)


def in_step(desired: Desired, observed: Observed, base: Mapping[str, Any]) -> Settled | None:
    """Settle a row whose fields all mean what was asked; None where that needs a longer look.

    Of the referral no more is looked at than the fields that the row names.
    """
    if type(observed.body) is not dict:
        return None
    triples: list[Triple] = []
    for wish in desired.wishes:
        path, asked = wish.path, wish.desired
        if path not in STEPS:
            return None
        seen: Any = observed.body
        for step in STEPS[path]:
            seen = seen.get(step) if type(seen) is dict else None
        if type(seen) is int and path in AMOUNTS:
            seen = str(seen)
        if type(seen) is not str or seen != asked:
            if not same(path, asked, seen, wish.zone):
                return None
            seen = shown(path, seen)
        known = base.get(path, UNKNOWN)
        if type(known) is not str and known is not UNKNOWN:
            known = shown(path, known)
        triples.append(Triple(path, seen, asked, known, wish.zone, (), wish.column, Stand.AGREED))
    warnings = tuple(dict.fromkeys(desired.warnings)) if desired.warnings else ()
    row, etag = desired.row, observed.etag
    settled = (row.n, row.place, desired.key, row.columns, Cause.IN_STEP, "", observed.id, etag, warnings)
    return Settled(*settled, tuple(triples))


def names_no_list(desired: Desired) -> bool:
    """Tell whether a row names no list: if it is in step, `in_step` settles it."""
    return all(wish.path in STEPS for wish in desired.wishes)


def shown(path: str, observed: Any) -> Any:
    """An amount is kept as the string of its digits: files must not round it."""
    if path not in AMOUNTS or isinstance(observed, str):
        return observed
    if type(observed) is int:
        return str(observed)
    amount = number(observed)
    if not isinstance(amount, Decimal):
        return observed
    return money(observed, as_string=True) if abs(amount.adjusted()) < DIGITS_MAX else str(observed)
