"""Where rows and referrals are apart goes in; lines or JSON come out: who moved, the three values, since when.

Private values are masked in the lines and stand in the JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from syncjob.model import UNKNOWN, Triple, dumps
from syncjob.model.memory import Apart, Since
from syncjob.reports.values import masked, name_of, shortened, visible

CHARS_MAX = 120
ROWS_MAX = 200
WORDS = {
    "we": "the row has moved; plan would send it",
    "they": "the remote has moved; its value is kept",
    "both": "both have moved; a person must decide",
    "unknown": "nobody knows who moved",
}


def render(
    title: str,
    apart: Iterable[Apart],
    since: Callable[[Apart], Since],
    totals: Mapping[str, Any],
    private: frozenset[str],
) -> Iterator[str]:
    """Give the lines: row by row the fields that are apart, then the totals."""
    yield f"=== DRIFT {visible(title)}: nothing was sent ===\n"
    shown = 0
    for _, many in groupby(apart, key=lambda one: one.row.n):
        shown += 1
        if shown > ROWS_MAX:
            continue
        fields = list(many)
        row = fields[0].row
        yield f"\n{visible(str(row.place))}  {visible(row.key or '-')}\n"
        for one in fields:
            yield f"  {one.who:<8}{_values(one.triple, private)}\n"
            if said := _since(since(one)):
                yield f"          {said}\n"
    if shown > ROWS_MAX:
        yield f"\n… and {shown - ROWS_MAX} rows more; --json gives all\n"
    counts = totals["fields"]
    yield "\n"
    for who, words in WORDS.items():
        if counts[who]:
            yield f"{who}: {counts[who]} {'field' if counts[who] == 1 else 'fields'}, {words}\n"
    yield f"{totals['rows']} rows, {totals['apart']} of them apart from their referrals\n"


def as_json(
    facts: Mapping[str, Any], apart: Iterable[Apart], since: Callable[[Apart], Since], totals: Mapping[str, Any]
) -> Iterator[str]:
    """Give one JSON object, a field a line."""
    yield f'{{"drift":{dumps(dict(facts))},\n"totals":{dumps(dict(totals))},\n"fields":['
    separator = "\n"
    for one in apart:
        when = since(one)
        value = {
            "row": one.row.place.to_json(),
            "n": one.row.n,
            "key": one.row.key,
            "id": one.row.id,
            "who": one.who,
            **one.triple.to_json(),
            "agreed": {"run": when.agreed_run, "at": when.agreed_at},
            "first_seen": {"run": when.seen_run, "at": when.seen_at},
        }
        yield f"{separator}{dumps(value)}"
        separator = ",\n"
    yield "\n]}\n"


def _values(one: Triple, private: frozenset[str]) -> str:
    def shown(value: Any) -> str:
        return shortened(masked(one.path, value, private), CHARS_MAX)

    agreed = "unknown" if one.base is UNKNOWN else shown(one.base)
    return f"{visible(name_of(one.path))}: agreed {agreed}, row {shown(one.desired)}, remote {shown(one.observed)}"


def _since(when: Since) -> str:
    agreed = f"agreed until run {when.agreed_run} ({when.agreed_at})" if when.agreed_run else ""
    seen = f"first seen by run {when.seen_run} ({when.seen_at})" if when.seen_run else ""
    return ", ".join(part for part in (agreed, seen) if part)
