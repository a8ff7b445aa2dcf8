"""Make the smallest patch that a pair needs: `Pair` in, `Change` or `Settled` out.

Only the fields that the row names are walked, compared by meaning; the operations are the fewest that do it, at
the deepest path that stands; a missing parent gets one `add` with what hangs below it; status and substatus
always go together. Before a change leaves this room `judge` holds its patch against RFC 6902 as `jsonpatch`
does it: afterwards every field asked for means what was asked, and every other path is what it was.

`again` is the same step after somebody else was there first: the base is then the observation that the patch
was made from, and only what the plan has shown may still go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jsonpatch

from syncjob.core import status
from syncjob.core.fields import BY_PATH, CURRENCY, DEAL_VALUE, LISTS, STATUS, SUBSTATUS, Kind
from syncjob.core.merge import Rules, Stand, merge, missing
from syncjob.core.values import by_key, differing, look, meaning, money, same, stands
from syncjob.model import UNKNOWN, Cause, Change, Desired, Observed, Operation, Pair, Settled, SourceRow, Triple, Wish

Stands = Mapping[str, Stand]
Refusal = tuple[Cause, str]


def diff(pair: Pair, rules: Rules) -> Change | Settled:
    """Give the change that makes row and referral agree, or why there is none."""
    wishes = pair.desired.wishes
    where = _together({wish.path: _stand(pair, wish, rules) for wish in wishes})
    triples = tuple(_triple(pair, wish) for wish in wishes)
    moving = [wish for wish in wishes if where[wish.path] is Stand.CHANGE]
    warnings = tuple(dict.fromkeys((*pair.desired.warnings, *_warnings(pair, where, rules))))
    known: dict[str, Any] = {
        "id": pair.observed.id,
        "etag": pair.observed.etag,
        "triples": triples,
        "warnings": warnings,
    }
    refusal = _refusal(pair, where, moving)
    if refusal is not None:
        return Settled.of_desired(pair.desired, *refusal, **known)
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


def again(change: Change, observed: Observed, rules: Rules, shown: frozenset[str]) -> Change | Settled:
    """Merge anew after a clash; `shown` are the `marks` of the plan, and nothing else may go."""
    row = SourceRow(change.n, change.place, change.columns)
    wishes = tuple(Wish(one.path, one.desired, zone=one.zone) for one in change.triples)
    base = {one.path: one.observed for one in change.triples}
    desired = Desired(row, change.key, wishes, warnings=change.warnings)
    found = diff(Pair(desired, observed, base), rules)
    if isinstance(found, Settled):
        return found
    unseen = [one.path for one in found.operations if not marks([one]) <= shown]
    if not unseen:
        return found
    reason = (
        f"the referral changed meanwhile and now needs what the plan did not show ({', '.join(unseen)}); plan again"
    )
    return Settled.of_change(found, Cause.PLAN_STALE, reason)


def marks(operations: Sequence[Operation]) -> frozenset[str]:
    """Give each operation's (path, value) in a form that can be looked up."""
    return frozenset(f"{one.path} {one.value!r}" for one in operations)


def _stand(pair: Pair, wish: Wish, rules: Rules) -> Stand:
    """Merge; but what the remote has turned into its own form before is agreed, else it would be sent every night."""
    stand = merge(wish, *_sides(pair, wish), rules)
    if stand is Stand.CHANGE and _kept(pair, wish):
        return Stand.AGREED
    return stand


def _kept(pair: Pair, wish: Wish) -> bool:
    if wish.path not in pair.kept:
        return False
    asked, held = pair.kept[wish.path]
    _, observed = _sides(pair, wish)
    return same(wish.path, wish.desired, asked, wish.zone) and same(wish.path, held, observed, wish.zone)


def _sides(pair: Pair, wish: Wish) -> tuple[Any, Any]:
    return pair.base.get(wish.path, UNKNOWN), look(pair.observed.body, wish.path)


def _together(where: dict[str, Stand]) -> dict[str, Stand]:
    """Status and substatus are one thing: the one that has more to say speaks for both."""
    if STATUS in where and SUBSTATUS in where:
        both = max(where[STATUS], where[SUBSTATUS], key=list(Stand).index)
        if Stand.CHANGE in (where[STATUS], where[SUBSTATUS]) and both is Stand.DRIFT:
            both = Stand.CONFLICT
        where[STATUS] = where[SUBSTATUS] = both
    return where


def _triple(pair: Pair, wish: Wish) -> Triple:
    base, observed = _sides(pair, wish)
    return Triple(wish.path, _shown(wish.path, observed), wish.desired, base, wish.zone)


def _shown(path: str, observed: Any) -> Any:
    """An amount is kept as the string of its digits: files must not round it."""
    if BY_PATH[path].kind is Kind.MONEY and observed is not None and not isinstance(observed, str):
        return money(observed, as_string=True)
    return observed


def _refusal(pair: Pair, where: Stands, moving: list[Wish]) -> Refusal | None:
    """Give the cause and reason for which nothing is sent; None when something is to be sent."""
    for check in (_other_currency, _conflict, _nothing, _rule, _etag):
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
    held = look(pair.observed.body, STATUS)
    if held == "Closed":
        names = ", ".join(BY_PATH[wish.path].name for wish in moving)
        return Cause.CLOSED_REFERRAL, f"the referral is closed, which is terminal; it would change {names}"
    asked = next((wish.desired for wish in moving if wish.path == STATUS), None)
    reason = status.refusal(held, asked) if asked is not None else ""
    return (Cause.STATUS_MOVE, reason) if reason else None


def _etag(pair: Pair, _: Stands, __: list[Wish]) -> Refusal | None:
    """A weak, unquoted or absent eTag protects nothing."""
    etag = pair.observed.etag
    if etag is None:
        return Cause.NO_ETAG, "the remote gave no eTag; nothing is sent without one"
    if not (etag.startswith('"') and etag.endswith('"') and len(etag) > len('""')):
        return Cause.NO_ETAG, f"the remote gave an eTag that cannot be relied on, {etag}; nothing is sent"
    return None


def _other_currency(pair: Pair, where: Stands, _: list[Wish]) -> Refusal | None:
    """An amount in one currency never replaces an amount in another."""
    if CURRENCY not in where:
        return None
    wish = next(one for one in pair.desired.wishes if one.path == CURRENCY)
    base, held = _sides(pair, wish)
    if where[CURRENCY] is Stand.AGREED or meaning(BY_PATH[CURRENCY], held) is None:
        return None
    if not any(one.path == DEAL_VALUE for one in pair.desired.wishes) and meaning(
        BY_PATH[DEAL_VALUE], look(pair.observed.body, DEAL_VALUE)
    ) in (None, 0):
        return None
    if base is not UNKNOWN and same(CURRENCY, wish.desired, base):
        return (
            Cause.BOTH_MOVED,
            f"currency: was {base} when the patch was made, is {held} now; the row says {wish.desired}",
        )
    return (
        Cause.OTHER_CURRENCY,
        f"{wish.column}: the remote holds {held}, the row says {wish.desired}; settle which is right",
    )


def _three_values(pair: Pair, path: str) -> str:
    field = BY_PATH[path]
    if field.private or field.kind in LISTS:
        return f"{field.name}: row and remote moved apart"
    wish = next(one for one in pair.desired.wishes if one.path == path)
    base, observed = _sides(pair, wish)
    return f"{field.name}: was {base}, the remote says {observed}, the row says {wish.desired}"


def _warnings(pair: Pair, where: Stands, rules: Rules) -> Iterator[str]:
    """Say what is seen and left alone: drift beside a change, people whose details differ."""
    changing = Stand.CHANGE in where.values()
    for wish in pair.desired.wishes:
        field = BY_PATH[wish.path]
        if where[wish.path] is Stand.AGREED and _kept(pair, wish):
            yield f"{field.name}: the remote keeps a form of its own of this value; it is not sent again"
        if changing and where[wish.path] is Stand.DRIFT:
            yield f"{field.name}: changed at the remote since row and remote agreed; kept"
        if field.kind in LISTS and wish.path not in rules.whole:
            held = by_key(field, look(pair.observed.body, wish.path))
            for at, (key, member) in enumerate(by_key(field, wish.desired).items(), start=1):
                if parts := differing(member, held.get(key, member)):
                    yield f"{field.name}: {', '.join(parts)} of member {at} differs at the remote; append alters nobody"


def _operations(pair: Pair, moving: list[Wish], rules: Rules) -> tuple[Operation, ...]:
    body = pair.observed.body
    operations: list[Operation] = []
    below: dict[str, dict[str, Any]] = {}
    for wish in moving:
        base, observed = _sides(pair, wish)
        if BY_PATH[wish.path].kind in LISTS and wish.path not in rules.whole and wish.desired is not None:
            lacking = missing(wish, base, observed, rules)
            if observed:
                operations += [Operation("add", f"{wish.path}/-", member) for member in lacking]
                continue
            value: Any = lacking
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
        if look(body, prefix) is None:
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


def judge(pair: Pair, operations: Sequence[Operation], moving: Sequence[Wish], rules: Rules) -> None:
    """Hold what only a bug can break: the patch does what was asked and nothing else (RFC 6902, by `jsonpatch`).

    A list may stay short of the wish by those whom somebody took away since the base: that is drift.
    """
    patch: list[Any] = [one.to_json() for one in operations]
    after = jsonpatch.apply_patch(pair.observed.body, patch)
    for wish in moving:
        done = merge(wish, pair.base.get(wish.path, UNKNOWN), look(after, wish.path), rules)
        fine = (Stand.AGREED, Stand.DRIFT) if BY_PATH[wish.path].kind in LISTS else (Stand.AGREED,)
        assert done in fine, f"{wish.path}: the patch does not do what was asked"
    allowed = [one.path.removesuffix("/-") for one in operations]
    for path in _apart("", pair.observed.body, after):
        assert any(path == one or path.startswith(one + "/") for one in allowed), f"{path}: moved, and nobody named it"


def _apart(path: str, one: Any, two: Any) -> Iterator[str]:
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for key in one.keys() | two.keys():
            yield from _apart(f"{path}/{key}", one.get(key), two.get(key))
    elif one != two or type(one) is not type(two):
        yield path
