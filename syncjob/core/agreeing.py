"""What row and referral share once a row has settled: `Settled` in, values by path out. They are the next run's base.

    sent, and seen at the remote         the row's value
    not sent, and the same before        the row's value; where the remote keeps a form of its own, that form
    only the remote has moved            nothing: what they last agreed on stays as it is remembered
    both have moved                      what they moved from, where nothing is remembered yet (`moved_from`): so it is
                                         a conflict until a person decides
    the remote's word counts (a person)  the row's value: from here on the remote's is news
    anything else                        nothing

Of a list under `append` it is the members that the row names: whoever else is in it was never the row's business, and
who was taken off since stays known as taken off. Whom the row has asked to leave is known as gone.
"""

from __future__ import annotations

from typing import Any

from syncjob.core.fields import BY_PATH
from syncjob.core.merge import Rules, appends, gone
from syncjob.model import UNKNOWN, Cause, Outcome, Settled, Stand, Triple, Why

SETTLED_BY_PERSON = (Why.ADOPTED, Why.DECIDED)


def agreed(row: Settled, rules: Rules) -> dict[str, Any]:
    """Give, by path, what row and referral agree on."""
    ours, others = parted(row, rules)
    return ours | others


def parted(row: Settled, rules: Rules) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the same apart: what was sent and is there, and what was not sent."""
    landed = row.outcome is Outcome.APPLIED or row.cause is Cause.SAME_EDIT
    ours: dict[str, Any] = {}
    others: dict[str, Any] = {}
    sent = row.before()
    for one in row.triples:
        if one.path in sent:
            if landed:
                ours[one.path] = _value(one, rules)
        elif _shared(one, rules):
            others[one.path] = _value(one, rules)
    return ours, others


def _value(one: Triple, rules: Rules) -> Any:
    if one.why is Why.KEPT:
        return one.observed
    if not appends(one.path, one.desired, rules) or not one.removed:
        return one.desired
    return [*one.desired, *(gone(BY_PATH[one.path], key) for key in one.removed)]


def moved_from(row: Settled) -> dict[str, Any]:
    """Give, by path, what row and remote have both moved from; it counts where nothing is remembered yet."""
    return {one.path: one.base for one in row.triples if _apart(row, one)}


def answered(row: Settled) -> dict[str, Any]:
    """Give, by path, what a person has settled in the remote's favour: the one thing that a side run may remember."""
    return {one.path: one.desired for one in row.triples if _answered(one)}


def _shared(one: Triple, rules: Rules) -> bool:
    if one.stand is Stand.AGREED:
        return True
    if one.stand is Stand.DRIFT and one.base is not UNKNOWN and appends(one.path, one.desired, rules):
        return True
    return _answered(one)


def _apart(row: Settled, one: Triple) -> bool:
    return row.cause is Cause.BOTH_MOVED and one.stand is Stand.CONFLICT and one.base is not UNKNOWN


def _answered(one: Triple) -> bool:
    return one.stand is Stand.DRIFT and one.why in SETTLED_BY_PERSON
