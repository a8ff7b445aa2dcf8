"""Find the referral that a row names: keys made comparable, twins parted, the verifying column compared.

A referral's id is a GUID, in any case. A CRM id is compared to the letter, case included; Salesforce writes one
id in 15 characters or in 18 (with a checksum of the case), which are the same. What Excel has turned into a
number (`1.23E+17`) is no key any more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from syncjob.core.cells import excel_error
from syncjob.core.fields import BY_PATH
from syncjob.core.values import crm_id, look, meaning, same, text
from syncjob.model import Cause, Desired, Number, Observed, Pair, Settled

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
DAMAGED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
DIGITS_MAX = 15  # what a workbook keeps of a number
KEY_CHARS_MAX = 200
HALVES = re.compile("[\ud800-\udfff]")  # of surrogates: no cell holds them, no database takes them
TOLD_MAX = 5


def key_of(by: str, cell: str, *, numeric: bool = False) -> tuple[str, str]:
    """Give the comparable key of a cell and, where it cannot be one, why.

    A number of a workbook has lost its leading zeros and all digits beyond the fifteenth: it is refused unless keys
    are known to be plain numbers (`numeric`).
    """
    key = text(cell) or ""
    if not key:
        return "", "is blank; every row names its referral"
    if error := excel_error(key):
        return "", error
    if len(key) > KEY_CHARS_MAX or any(unicodedata.category(char)[0] == "C" for char in key):
        return "", f"is no key: longer than {KEY_CHARS_MAX} characters, or with control or invisible characters"
    if isinstance(cell, Number) and not (numeric and key.isdecimal() and len(key) <= DIGITS_MAX):
        way_out = "format the column as text and write the id anew"
        way_out += "" if numeric else ", or set match.numeric: true where every key is a plain number"
        return key, f"{key!r}: Excel changed this id to a number; {way_out}"
    if DAMAGED.fullmatch(key):
        return key, f"{key!r}: Excel changed this id to a number; format the column as text and export again"
    if by != "id":
        return crm_id(key), ""
    if not GUID.fullmatch(key):
        return key, f"{key!r} is no referral id; it looks like 2500ec5a-0000-0000-0000-5bf4967d0000"
    return key.lower(), ""


def remote_key(by: str, body: Mapping[str, Any]) -> str:
    """Give the CRM id under which a referral of the remote is found; nothing where it has none, or rows go by id."""
    if by == "id":
        return ""
    found = text(body.get("externalReferenceId") or "")
    return crm_id(found) if found and not HALVES.search(found) else ""


def part_twins(rows: Sequence[Desired]) -> list[Desired | Settled]:
    """Settle rows with one key: where they agree the first stays and the others are refused, else all are invalid."""
    apart = next((path for one, two in pairwise(rows) if (path := _disagree(one, two))), None)
    if apart is not None:
        places = " and ".join(str(one.row.place) for one in rows[:TOLD_MAX])
        places += f" and {len(rows) - TOLD_MAX} more" if len(rows) > TOLD_MAX else ""
        reason = f"{places} name one referral and disagree on {BY_PATH[apart].name}; keep one of them"
        return [Settled.of_desired(one, Cause.TWINS_DISAGREE, reason) for one in rows]
    first, *others = rows
    reason = f"asks the same of the same referral as {first.row.place}"
    return [first, *(Settled.of_desired(one, Cause.TWIN_AGREES, reason) for one in others)]


def _disagree(one: Desired, two: Desired) -> str | None:
    """Name the first path on which two rows are not of one mind; silence against a wish is two minds too."""
    first, second = ({wish.path: wish for wish in desired.wishes} for desired in (one, two))
    for path in first | second:
        if path not in first or path not in second:
            return path
        wish, other = first[path], second[path]
        if set(wish.removed) != set(other.removed):
            return path
        if not same(path, wish.desired, other.desired, wish.zone) or not same(
            path, other.desired, wish.desired, wish.zone
        ):
            return path
    return None


def pair(desired: Desired, observed: Observed, verify: tuple[str, str] | None) -> Pair | Settled:
    """Join a row and its referral, unless the verifying column says that they do not belong together."""
    if verify is None or desired.verify is None:
        return Pair(desired, observed, desired.base)
    column, path = verify
    field = BY_PATH[path]
    if meaning(field, desired.verify) == meaning(field, look(observed.body, path)) and desired.verify.strip():
        return Pair(desired, observed, desired.base)
    at = desired.row.at(column)
    reason = f"{at}: does not agree with {field.name} of referral {observed.id}; are key and row of one deal?"
    return Settled.of_desired(desired, Cause.VERIFY_FAILED, reason, id=observed.id, etag=observed.etag)
