"""Whose word counts where nobody knows what row and remote last agreed on: pair in, the same with a base out.

    row       they had agreed on what the remote holds: the row has moved since, and its value is sent
    remote    they had agreed on what the row says: the remote has moved since, and its value is kept

Where a row takes somebody off a list and the remote's word counts, the row says nothing of that list, and nothing is
remembered of it: what is asked for each night anew is no state that could be agreed on.

Only fields that differ and have no base are settled so, with what goes together with them; what is remembered is no
question.
"""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from syncjob.core.fields import BY_PATH
from syncjob.core.merge import Rules, merge, sides
from syncjob.core.narrowing import TOGETHER
from syncjob.model import UNKNOWN, Pair, Stand, Why

Whose = Literal["row", "remote"]


def adopted(pair: Pair, whose: Whose, rules: Rules) -> Pair:
    """Give the pair with a base for every field that has none and differs."""
    unknown = {wish.path for wish in pair.desired.wishes if sides(pair, wish)[0] is UNKNOWN}
    apart = {
        wish.path
        for wish in pair.desired.wishes
        if wish.path in unknown and merge(wish, UNKNOWN, sides(pair, wish)[1], rules) is not Stand.AGREED
    }
    settled = apart.union(*(unknown.intersection(both) for both in TOGETHER if apart.intersection(both)))
    base, wishes, told = dict(pair.base), [], list(pair.desired.warnings)
    for wish in pair.desired.wishes:
        if wish.path in settled and wish.removed and whose == "remote":
            told.append(f"{BY_PATH[wish.path].name}: nobody leaves the list: the remote's word counts")
            continue
        wishes.append(wish)
        if wish.path in settled:
            base[wish.path] = sides(pair, wish)[1] if whose == "row" else wish.desired
    answers = {**pair.desired.answers, **dict.fromkeys(settled, Why.ADOPTED)}
    desired = replace(pair.desired, wishes=tuple(wishes), warnings=tuple(told), answers=answers)
    return replace(pair, base=base, desired=desired)
