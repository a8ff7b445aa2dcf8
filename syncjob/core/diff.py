"""Make the smallest patch that a pair needs: `Pair` in, `Change` or `Settled` out.

Only the fields that the row names are walked, compared by meaning; the operations are the fewest that do it, at
the deepest path that stands; a missing parent gets one `add` with what hangs below it; status and substatus
always go together. What is in step at a glance (`glancing`) goes no further. Before a change leaves this room
`judging` holds its patch against what was asked.

`again` is the same step after somebody else was there first: the base is then the observation that the patch
was made from, and only what the plan has shown may still go.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from syncjob.core.fields import BY_PATH, CURRENCY, DEAL_VALUE, LISTS, STATUS, SUBSTATUS, Kind
from syncjob.core.glancing import in_step, shown
from syncjob.core.judging import judge
from syncjob.core.merge import Rules, appends, leaving, merge, missing, policy, sides, to_leave
from syncjob.core.refusing import NOTHING, Stands, refusal
from syncjob.core.values import by_key, carried, differing, keyed, look, money, same, sendable, stands
from syncjob.model import (
    UNKNOWN,
    Cause,
    Change,
    Desired,
    Observed,
    Operation,
    Pair,
    Settled,
    SourceRow,
    Stand,
    Triple,
    Why,
    Wish,
)

FLAPPING_NIGHTS = 3  # so often in a row the same value was sent and something has set it back


def diff(pair: Pair, rules: Rules) -> Change | Settled:
    """Give the change that makes row and referral agree, or why there is none."""
    short = None if pair.kept else in_step(pair.desired, pair.observed, pair.base)
    return short or at_length(pair, rules)


def at_length(pair: Pair, rules: Rules) -> Change | Settled:
    """Give the same, with each of the three values looked at."""
    wishes = pair.desired.wishes
    placed = {wish.path: _placed(pair, wish, rules) for wish in wishes}
    where = _together({path: stand for path, (stand, _) in placed.items()}, rules)
    where = _with_currency(where, wishes)
    ways = {path: why if where[path] is stand else Why.FOLLOWS for path, (stand, why) in placed.items()}
    triples = tuple(_triple(pair, wish, where[wish.path], ways[wish.path]) for wish in wishes)
    moving = [wish for wish in wishes if where[wish.path] is Stand.CHANGE]
    warnings = tuple(dict.fromkeys((*pair.desired.warnings, *_warnings(pair, where, rules))))
    known: dict[str, Any] = {
        "id": pair.observed.id,
        "etag": pair.observed.etag,
        "triples": triples,
        "warnings": warnings,
    }
    why = refusal(pair, where, moving)
    if why is not None and why[0] is Cause.BOTH_MOVED:
        known["triples"] = tuple(_disputed(one, where) for one in triples)
    if why is not None:
        return Settled.of_desired(pair.desired, *why, **known)
    operations = _operations(pair, moving, rules)
    judge(pair, operations, moving, rules)
    row = pair.desired.row
    assert pair.observed.etag, "refused above"
    return Change(
        row.n,
        row.place,
        pair.desired.key,
        row.columns,
        pair.observed.id,
        pair.observed.etag,
        triples,
        operations,
        warnings,
    )


def _disputed(one: Triple, where: dict[str, Stand]) -> Triple:
    """An amount whose currency moved under it is in conflict with it, though each alone is not."""
    apart = one.path in (DEAL_VALUE, CURRENCY) and one.stand is not Stand.AGREED
    return replace(one, stand=Stand.CONFLICT) if apart and Stand.CONFLICT not in where.values() else one


def again(change: Change, observed: Observed, rules: Rules, shown: frozenset[str]) -> Change | Settled:
    """Merge anew after a clash; `shown` are the `marks` of the plan, and nothing else may go."""
    row = SourceRow(change.n, change.place, change.columns)
    wishes = tuple(one.wish() for one in change.triples)
    desired = Desired(row, change.key, wishes, warnings=change.warnings)
    found = diff(_then(change, desired, observed, rules), rules)
    if isinstance(found, Settled):
        return found
    unseen = [one.path for one in found.operations if not marks([one]) <= shown]
    if not unseen:
        return found
    reason = (
        f"the referral changed meanwhile and now needs what the plan did not show ({', '.join(unseen)}); plan again"
    )
    return Settled.of_change(found, Cause.PLAN_STALE, reason)


def _then(change: Change, desired: Desired, observed: Observed, rules: Rules) -> Pair:
    """Pair with what was observed then; what the plan saw and left alone is left alone again."""
    sent = change.before()
    left = [one for one in change.triples if one.path not in sent and not _agreed(one, rules)]
    base = {one.path: _observed_then(one, rules) for one in change.triples}
    known = {
        one.path: one.base for one in left if one.base is not UNKNOWN and not appends(one.path, one.desired, rules)
    }
    alone = {one.path: (one.observed, one.stand or Stand.AGREED, one.why) for one in left}
    return Pair(desired, observed, base | known, left=alone)


def _agreed(triple: Triple, rules: Rules) -> bool:
    return merge(triple.wish(), UNKNOWN, triple.observed, rules) is Stand.AGREED


def _observed_then(triple: Triple, rules: Rules) -> Any:
    """Give the new base; who was taken from a list before it was observed stays known as taken away."""
    if triple.base is UNKNOWN or not appends(triple.path, triple.desired, rules):
        return triple.observed
    seen, before = (members if isinstance(members, list) else [] for members in (triple.observed, triple.base))
    return [*seen, *(member for member in before if member not in seen)]


def marks(operations: Sequence[Operation]) -> frozenset[str]:
    """Give each operation's (path, value) in a form that can be looked up."""
    return frozenset(f"{one.path} {one.value!r}" for one in operations)


def _placed(pair: Pair, wish: Wish, rules: Rules) -> tuple[Stand, Why]:
    """Merge, and say what settled it besides the three values.

    What the remote has turned into a form of its own before is agreed, else it would be sent every night. What a
    person has said of this very field is above every policy.
    """
    base, observed = sides(pair, wish)
    bent = merge(wish, base, observed, rules)
    if bent is Stand.AGREED:
        return bent, Why.MERGED
    if wish.path in pair.left and not wish.removed and same(wish.path, pair.left[wish.path][0], observed, wish.zone):
        return pair.left[wish.path][1:]
    if _kept(pair, wish):
        return Stand.AGREED, Why.KEPT
    merged = merge(wish, base, observed, rules.unbent)
    if wish.path in pair.desired.answers:
        return merged, pair.desired.answers[wish.path]
    return bent, Why.MERGED if bent is merged else Why.POLICY


def _kept(pair: Pair, wish: Wish) -> bool:
    if wish.path not in pair.kept or wish.removed:
        return False
    asked, held = pair.kept[wish.path]
    _, observed = sides(pair, wish)
    return same(wish.path, wish.desired, asked, wish.zone) and same(wish.path, held, observed, wish.zone)


def _together(where: dict[str, Stand], rules: Rules) -> dict[str, Stand]:
    """Status and substatus are one thing: the one that has more to say speaks for both."""
    if STATUS in where and SUBSTATUS in where:
        both = max(where[STATUS], where[SUBSTATUS], key=list(Stand).index)
        if Stand.CHANGE in (where[STATUS], where[SUBSTATUS]) and both is Stand.DRIFT:
            both = policy(Stand.CONFLICT, rules)
        where[STATUS] = where[SUBSTATUS] = both
    return where


def _with_currency(where: dict[str, Stand], wishes: Sequence[Wish]) -> dict[str, Stand]:
    """An amount takes its currency along where the remote has lost it; where it holds another, nothing goes."""
    amounts = [wish for wish in wishes if wish.path == DEAL_VALUE and wish.desired is not None]
    if amounts and where[DEAL_VALUE] is Stand.CHANGE and where.get(CURRENCY) is Stand.DRIFT:
        where[CURRENCY] = Stand.CHANGE
    return where


def _triple(pair: Pair, wish: Wish, stand: Stand, why: Why) -> Triple:
    base, observed = sides(pair, wish)
    known = base if base is UNKNOWN else shown(wish.path, base)
    seen = shown(wish.path, observed)
    return Triple(wish.path, seen, wish.desired, known, wish.zone, wish.removed, wish.column, stand, why)


def _warnings(pair: Pair, where: Stands, rules: Rules) -> Iterator[str]:
    """Say what is seen and left alone: drift beside a change, people whose details differ."""
    changing = Stand.CHANGE in where.values()
    for wish in pair.desired.wishes:
        field = BY_PATH[wish.path]
        if nights := _flaps(pair, wish, where[wish.path]):
            yield f"{field.name}: sent {nights} nights in a row, and something sets it back: is another job at work?"
        if where[wish.path] is Stand.AGREED and _kept(pair, wish):
            yield f"{field.name}: the remote keeps a form of its own of this value; it is not sent again"
        if changing and where[wish.path] is Stand.DRIFT:
            yield f"{field.name}: changed at the remote since row and remote agreed; kept"
        absent = len(wish.removed) - len(leaving(wish, look(pair.observed.body, wish.path))) if wish.removed else 0
        if absent:
            yield f"{field.name}: {absent} of those who are to leave are not in the list; is the e-mail right?"
        if field.kind in LISTS and wish.path not in rules.whole:
            held = by_key(field, look(pair.observed.body, wish.path))
            for at, (key, member) in enumerate(by_key(field, wish.desired).items(), start=1):
                if parts := differing(member, held.get(key, member)):
                    yield f"{field.name}: {', '.join(parts)} of member {at} differs at the remote; append alters nobody"


def _flaps(pair: Pair, wish: Wish, stand: Stand) -> int:
    """Count the nights in which one value was sent, this one included, once they are too many."""
    nights = pair.nights.get(wish.path, 0) + 1
    if nights < FLAPPING_NIGHTS or stand is not Stand.CHANGE:
        return 0
    return nights if same(wish.path, wish.desired, pair.base.get(wish.path), wish.zone) else 0


def _operations(pair: Pair, moving: list[Wish], rules: Rules) -> tuple[Operation, ...]:
    body = pair.observed.body
    operations: list[Operation] = []
    below: dict[str, dict[str, Any]] = {}
    for wish in moving:
        base, observed = sides(pair, wish)
        if appends(wish.path, wish.desired, rules):
            lacking = missing(wish, base, observed, rules)
            if gone := to_leave(wish, base, observed, rules):
                stay = [one for key, one in keyed(BY_PATH[wish.path], observed) if key not in gone]
                operations.append(Operation("replace", wish.path, [*sendable(stay), *lacking]))
                continue
            if observed:
                operations += [Operation("add", f"{wish.path}/-", member) for member in lacking]
                continue
            value: Any = lacking
        elif BY_PATH[wish.path].kind in LISTS and wish.desired is not None:
            value = carried(BY_PATH[wish.path], wish.desired, observed)
        else:
            value = wire(wish, rules)
        anchor = _anchor(body, wish.path)
        if anchor == wish.path:
            operations.append(Operation("replace" if stands(body, anchor) else "add", anchor, value))
        else:
            _hang(below.setdefault(anchor, {}), wish.path[len(anchor) + 1 :].split("/"), value)
    operations += [
        Operation("replace" if stands(body, anchor) else "add", anchor, value) for anchor, value in below.items()
    ]
    return tuple(operations)


def _anchor(body: Any, path: str) -> str:
    """Give the shortest prefix of a path whose parent is an object and below which nothing stands yet."""
    steps = path[1:].split("/")
    for depth in range(1, len(steps)):
        prefix = "/" + "/".join(steps[:depth])
        if look(body, prefix) in NOTHING:
            return prefix
    return path


def _hang(holder: dict[str, Any], steps: list[str], value: Any) -> None:
    for step in steps[:-1]:
        holder = holder.setdefault(step, {})
    holder[steps[-1]] = value


def wire(wish: Wish, rules: Rules) -> Any:
    """Write a wish for the wire: amounts and clears as the configuration says."""
    kind = BY_PATH[wish.path].kind
    if wish.desired is None:
        return [] if kind in LISTS else "" if kind is Kind.TEXT and rules.clear_as == "empty" else None
    return money(wish.desired, as_string=rules.money_as == "string") if kind is Kind.MONEY else wish.desired
