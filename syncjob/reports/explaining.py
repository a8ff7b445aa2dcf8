"""One row of a run or plan goes in; out comes how it got from its cell to its end, field by field.

cell -> desired; base, observed -> where that puts row and remote -> operation -> what settled the row
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from syncjob.model import UNKNOWN, Outcome, Settled, Stand, Triple, Why
from syncjob.reports.values import MASK, masked, name_of, plain, shortened, visible

CHARS_MAX = 400
STANDS = {
    Stand.AGREED: "both mean the same",
    Stand.CHANGE: "the row has moved: its value is to be sent",
    Stand.DRIFT: "only the remote has moved: its value is kept",
    Stand.CONFLICT: "both have moved and differ: a person must decide",
}
WHYS = {
    Why.POLICY: "by the configuration's merge policy",
    Why.KEPT: "the remote keeps a form of its own of this value",
    Why.ADOPTED: "a person has said whose word counts (--adopt)",
    Why.DECIDED: "a person has decided it in a report",
    Why.FOLLOWS: "it goes together with another field",
}


def render(title: str, row: Settled, private: frozenset[str], attempts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Give the lines; private values are masked. `attempts` are what was about to leave: attempt, at, mark."""
    named = f"{row.place}  {row.key or '-'}" + (f"  referral {row.id}" if row.id else "")
    yield f"{visible(title)}\n{visible(named)}\n"
    yield f"{row.outcome} ({row.cause}): {row.cause.meaning}\n"
    if row.reason:
        yield f"  {shortened(row.reason, CHARS_MAX)}\n"
    for warning in row.warnings:
        yield f"  warning: {shortened(warning, CHARS_MAX)}\n"
    for triple in row.triples:
        yield f"\n{visible(name_of(triple.path))}\n"
        for name, said in _lines(row, triple, private):
            yield f"  {name:<10}{said}\n"
    read = {one.column for one in row.triples}
    unread = [column for column, cell in row.columns.items() if column not in read and cell.strip() != row.key]
    if unread:
        yield f"\nno field, or no opinion: {', '.join(map(visible, unread))}\n"
    yield "\n"
    if row.etag:
        yield f"eTag {visible(row.etag)}\n"
    stayed = "" if row.attempts or row.outcome in (Outcome.PLANNED, Outcome.UNSETTLED) else ", and did not"
    for one in attempts:
        name = f"MS-RequestId {visible(one['mark'])}"
        yield f"attempt {one['attempt']} was about to leave at {one['at']}{stayed}, {name}\n"
    for found in row.request_ids:
        yield f"answered under Request-ID {visible(found)}\n"


def _lines(row: Settled, one: Triple, private: frozenset[str]) -> Iterator[tuple[str, str]]:
    def shown(value: Any) -> str:
        return shortened(masked(one.path, value, private), CHARS_MAX)

    cell = row.columns.get(one.column)
    if cell is not None:
        at = row.place.address() if row.place.sheet else f"line {row.place.line}"
        hidden = one.path in private and cell.strip()
        yield "cell", f"{visible(one.column)} ({visible(at)}): {MASK if hidden else shortened(plain(cell), CHARS_MAX)}"
    zone = f"  (days in {one.zone})" if one.zone else ""
    yield "desired", f"{shown(one.desired)}{zone}"
    yield "base", "nobody knows what was agreed on last" if one.base is UNKNOWN else shown(one.base)
    yield "observed", shown(one.observed)
    if one.stand is not None:
        why = f"; {WHYS[one.why]}" if one.why in WHYS else ""
        said = STANDS[one.stand]
        if one.stand is Stand.CHANGE and one.base is UNKNOWN:
            said = "they differ, and nobody knows who moved: the guard first-run holds it until a person says"
        yield "so", f"{one.stand}: {said}{why}"
    for operation in row.operations:
        if operation.reaches(one.path):
            yield "sent" if row.attempts else "patch", f"{operation.op} {operation.path} {shown(operation.value)}"
