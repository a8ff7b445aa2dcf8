"""What stands in the ledger as JSON, read back; StorageRefused where it is not what was written there.

A page of the file may be whole and its words damaged all the same, or written by a version that knows other words.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from syncjob.errors import StorageRefused
from syncjob.model import Settled

REMEDY = "look at it by `syncjob ledger check`"
_read = json.JSONDecoder(parse_float=Decimal).decode  # made once
DAMAGED = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def read_row(text: str | bytes, run: str) -> Settled:
    """Read a row of a run."""
    try:
        return Settled.from_line(text)
    except DAMAGED as error:
        raise StorageRefused(f"ledger: a row of run {run} cannot be read ({type(error).__name__}); {REMEDY}") from None


def read_facts(text: str | None, run: str) -> dict[str, Any]:
    """Read what is known of a run."""
    try:
        found = json.loads(text or "{}")
    except DAMAGED:
        found = None
    if not isinstance(found, dict):
        raise StorageRefused(f"ledger: what is known of run {run} cannot be read; {REMEDY}")
    return found


def read_value(text: str, referral: str) -> Any:
    """Read a value of a field; numbers with a fraction come exact."""
    try:
        return _read(text)
    except DAMAGED:
        raise StorageRefused(f"ledger: what is remembered of referral {referral} cannot be read; {REMEDY}") from None
