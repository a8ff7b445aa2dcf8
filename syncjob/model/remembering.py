"""What a report remembers of a row, in one hidden cell: a settled row in, text out, and that text in, values out.

    {"/details/dealValue": [base]}              what row and remote last agreed on
    {"/details/dealValue": [base, observed]}    the same, and what the remote held when both had moved
    {"": [key]}                                 whose row it is: a sheet may be sorted in part

Handed in again it is the row's base, so that a conflict which nobody has decided is a conflict again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from syncjob.model.change import Settled, Triple
from syncjob.model.desired import UNKNOWN
from syncjob.model.outcome import Cause
from syncjob.model.stand import Stand
from syncjob.model.wire import dumps

CELL_CHARS_MAX = 32_767  # of a workbook's cell


def disputed(row: Settled) -> tuple[Triple, ...]:
    """Give the fields that row and remote have both moved; none unless the row is in conflict over them."""
    if row.cause is not Cause.BOTH_MOVED:
        return ()
    known = [one for one in row.triples if one.base is not UNKNOWN]
    if any(one.stand is not None for one in known):
        return tuple(one for one in known if one.stand is Stand.CONFLICT)
    return tuple(
        one for one in known if dumps(one.base) not in (dumps(one.observed), dumps(one.desired)) and _apart(one)
    )


def remember(row: Settled) -> str:
    """Give the cell; '' where nothing is known, or too much for one cell."""
    both = {one.path for one in disputed(row)}
    known = {
        one.path: [one.base, one.observed] if one.path in both else [one.base]
        for one in row.triples
        if one.base is not UNKNOWN
    }
    cell = dumps({"": [row.key]} | known) if known else ""
    return cell if len(cell) <= CELL_CHARS_MAX else ""


def remembered(cell: str) -> Mapping[str, list[Any]] | None:
    """Read what `remember` gave; None when it is not that."""
    if not cell.strip():
        return {}
    try:
        found = json.loads(cell, parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(found, dict) and all(isinstance(both, list) and len(both) in (1, 2) for both in found.values())
    return found if sound else None


def _apart(one: Triple) -> bool:
    return dumps(one.observed) != dumps(one.desired)
