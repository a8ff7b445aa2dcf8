"""Where row and remote are apart, and who has moved: a planned row in, one answer a field out.

    we        the row has moved, the remote has not
    they      the remote has moved, the row has not
    both      both have, to something else
    unknown   they differ, and nobody knows what they last agreed on

Policies do not come in here: it is told what is, not what would be done about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from syncjob.core.merge import Rules, merge
from syncjob.model import UNKNOWN, Settled, Stand, Why
from syncjob.model.memory import Apart, Who

WHO = {Stand.CHANGE: Who.WE, Stand.DRIFT: Who.THEY, Stand.CONFLICT: Who.BOTH}


def apart(row: Settled, rules: Rules, ignored: Collection[str]) -> Iterator[Apart]:
    """Give every field of a row in which it and its referral are apart, but for those that are ignored."""
    for one in row.triples:
        if one.path in ignored or one.why is Why.KEPT:
            continue
        stand = merge(one.wish(), one.base, one.observed, rules.unbent)
        if stand is not Stand.AGREED:
            yield Apart(row, one, Who.UNKNOWN if one.base is UNKNOWN else WHO[stand])
