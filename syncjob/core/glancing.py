"""Settle at a glance what is in step, as most rows are every night: `Pair` in, `Settled` out, or None.

It ends to the letter as the long way in `diff` does, which a law of the tests holds. What has more to it than two
values (a list, a form that the remote keeps of its own, any difference) goes that way.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from syncjob.core.fields import BY_PATH, LISTS, Kind
from syncjob.core.values import look, money, number, same
from syncjob.model import UNKNOWN, Cause, Pair, Settled, Stand, Triple

DIGITS_MAX = 40
SPELT = (str, int)  # whose words are their meaning


def in_step(pair: Pair) -> Settled | None:
    """Settle a row whose fields all mean what was asked; None where that needs a longer look."""
    if pair.kept:
        return None
    desired, observed = pair.desired, pair.observed
    triples = []
    for wish in desired.wishes:
        seen = look(observed.body, wish.path)
        if BY_PATH[wish.path].kind in LISTS or not (
            (type(seen) in SPELT and str(seen) == wish.desired) or same(wish.path, wish.desired, seen, wish.zone)
        ):
            return None
        base = pair.base.get(wish.path, UNKNOWN)
        known = base if base is UNKNOWN else shown(wish.path, base)
        triples.append(
            Triple(wish.path, shown(wish.path, seen), wish.desired, known, wish.zone, (), wish.column, Stand.AGREED)
        )
    warnings = tuple(dict.fromkeys(desired.warnings)) if desired.warnings else ()
    row, etag = desired.row, observed.etag
    settled = (row.n, row.place, desired.key, row.columns, Cause.IN_STEP, "", observed.id, etag, warnings)
    return Settled(*settled, tuple(triples))


def shown(path: str, observed: Any) -> Any:
    """An amount is kept as the string of its digits: files must not round it."""
    if BY_PATH[path].kind is not Kind.MONEY or isinstance(observed, str):
        return observed
    if type(observed) is int:
        return str(observed)
    amount = number(observed)
    if not isinstance(amount, Decimal):
        return observed
    return money(observed, as_string=True) if abs(amount.adjusted()) < DIGITS_MAX else str(observed)
