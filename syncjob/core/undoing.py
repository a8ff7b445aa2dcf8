"""Take back what a run has sent: a row that it settled in, the wish to have back what was there out, field by field.

A field goes back only while the remote still holds what the run had written; whoever has edited it since knows
better. The row that goes back is held against the remote like any other, so that it is shown, guarded and sent under
its eTag.

What cannot be taken back, with the reason it is told with:

    a referral that was closed      closed is terminal
    a status that moved on          the state machine has no way back
    a consent that was given        it is irreversible once given
    people who were appended        a list is only ever added to; `<remove>` takes one person off
    a field that was not there      the remote knows no `remove`
    a row that the remote altered   what it holds is not what the run had written
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs
from msgspec.structs import replace

from syncjob.core import status
from syncjob.core.diff import diff
from syncjob.core.fields import BY_PATH, CURRENCY, DEAL_VALUE, LISTS, STATUS, SUBSTATUS
from syncjob.core.guard import CONSENT
from syncjob.core.merge import Rules, sides
from syncjob.core.selecting import Selection
from syncjob.core.values import same
from syncjob.model import Cause, Change, Desired, Outcome, Pair, Settled, SourceRow, Wish

CLOSED = "Closed"
WHOLE = frozenset(path for path, field in BY_PATH.items() if field.kind in LISTS)
LISTS_TOLD = "added to the list; undo takes nobody off: write <remove> and the e-mail to take a person off"


def rules_of(rules: Rules, *, undoes: str) -> Rules:
    """Give the rules under which a plan is sent: one that takes a run back is sent as it was planned."""
    return _undoing(rules) if undoes else rules


def _undoing(rules: Rules) -> Rules:
    """Lists go back whole, nothing is nothing, and no policy lets a row win over who has edited it since."""
    return structs.replace(rules.unbent, whole=WHOLE, clear_as="null")


def wrote(row: Settled) -> bool:
    """Tell whether a run has written something by this row, or may have."""
    return row.outcome in (Outcome.APPLIED, Outcome.UNSETTLED) or row.cause is Cause.ACCEPTED_ALTERED


def inverse(row: Settled, selected: Selection, rules: Rules) -> Desired | Settled | None:
    """Turn a row that was sent round; None where nothing of it is selected."""
    after, before = row.after(), row.before()
    paths = [path for path in before if selected.names(path)]
    if not paths:
        return None
    if row.outcome is Outcome.UNSETTLED:
        return _refused(row, "nobody knows yet whether it arrived; run the job once more, then undo that")
    if row.outcome is not Outcome.APPLIED:
        return _refused(row, "the remote has altered what was sent, and holds something else; look at the referral")
    if after.get(STATUS) == CLOSED:
        return _refused(row, "the run closed the referral, and closed is terminal")
    why = {path: _stuck(row, path, before[path], after[path], rules) for path in paths}
    if why.get(STATUS) or why.get(SUBSTATUS):
        why |= {path: why.get(STATUS) or why[SUBSTATUS] for path in (STATUS, SUBSTATUS) if path in why}
    told = [
        f"{', '.join(BY_PATH[path].name for path in many)}: {said}"
        for said in dict.fromkeys(filter(None, why.values()))
        if (many := [path for path in why if why[path] == said])
    ]
    back = [one for one in row.triples if one.path in why and not why[one.path]]
    if not back:
        return _refused(row, "; ".join(told))
    amounts = [one for one in row.triples if one.path == CURRENCY and one.path not in before]
    known = {one.path: after[one.path] for one in back} | {one.path: one.observed for one in amounts}
    wishes = tuple(Wish(one.path, before[one.path], one.column, one.zone) for one in back)
    money = tuple(
        Wish(one.path, one.observed, one.column) for one in amounts if any(wish.path == DEAL_VALUE for wish in wishes)
    )
    source = SourceRow(row.n, row.place, row.columns)
    warnings = tuple(f"not undone: {one}" for one in told)
    return Desired(source, row.key, (*wishes, *money), None, warnings, id=row.id or "", base=known)


def undo(pair: Pair, rules: Rules) -> Change | Settled:
    """Hold a row that goes back against its referral: fields that have moved since stay as they are, and are told."""
    moved = {wish.path: said for wish in pair.desired.wishes if (said := _moved(pair, wish))}
    if moved.keys() & {STATUS, SUBSTATUS}:
        moved |= dict.fromkeys((STATUS, SUBSTATUS), moved.get(STATUS) or moved.get(SUBSTATUS, ""))
    if CURRENCY in moved:
        moved[DEAL_VALUE] = moved[CURRENCY]
    if DEAL_VALUE in moved:
        moved.setdefault(CURRENCY, moved[DEAL_VALUE])
    left = tuple(wish for wish in pair.desired.wishes if wish.path not in moved)
    told = tuple(dict.fromkeys(moved.values()))
    seen = {"id": pair.observed.id, "etag": pair.observed.etag}
    if not left:
        return Settled.of_desired(pair.desired, Cause.MOVED_SINCE, "; ".join(told), **seen)
    warnings = (*pair.desired.warnings, *(f"not undone: {one}" for one in told))
    narrowed = replace(pair, desired=replace(pair.desired, wishes=left, warnings=warnings))
    return diff(narrowed, _undoing(rules))


def _refused(row: Settled, reason: str) -> Settled:
    return Settled(row.n, row.place, row.key, row.columns, Cause.CANNOT_UNDO, reason, id=row.id)


def _stuck(row: Settled, path: str, before: Any, after: Any, rules: Rules) -> str:
    """Say why one field cannot go back; nothing when it can."""
    if path == STATUS and (said := status.refusal(after, str(before or ""))):
        return said
    if path == CONSENT and after is True:
        return "a consent that was given cannot be taken back"
    taken_off = any(one.path == path and one.removed for one in row.triples)
    if path in WHOLE and path not in rules.whole and not taken_off:
        return f"{len(after or []) - len(before or [])} {LISTS_TOLD}"
    by = next(one for one in row.operations if one.reaches(path))
    return "" if by.op == "replace" and by.path == path else "was not there before the run"


def _moved(pair: Pair, wish: Wish) -> str:
    """Say that a field holds neither what the run had written nor what was there before it."""
    written, observed = sides(pair, wish)
    if same(wish.path, written, observed, wish.zone) or same(wish.path, wish.desired, observed, wish.zone):
        return ""
    field = BY_PATH[wish.path]
    if field.private or field.kind in LISTS:
        return f"{field.name}: was edited since the run"
    return f"{field.name}: was edited since the run, which had written {_shown(written)}; it holds {_shown(observed)}"


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "", []) else str(value)


def undone(rows: Iterator[Settled], selected: Selection, rules: Rules) -> Iterator[Desired | Settled]:
    """Turn all rows of a run round that wrote something and are selected."""
    for row in rows:
        if wrote(row) and selected.takes(row) and (turned := inverse(row, selected, rules)) is not None:
            yield turned
