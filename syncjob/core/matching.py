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

from syncjob.core.fields import BY_PATH
from syncjob.core.values import look, meaning, same, text
from syncjob.model import Cause, Desired, Observed, Pair, Settled

GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
DAMAGED = re.compile(r"\d([.,]\d+)?E\+\d+", re.IGNORECASE)
SALESFORCE = re.compile(r"[A-Za-z0-9]{15}([A-Z0-5]{3})")
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
KEY_CHARS_MAX = 200
TOLD_MAX = 5


def key_of(by: str, cell: str) -> tuple[str, str]:
    """Give the comparable key of a cell and, where it cannot be one, why."""
    key = text(cell) or ""
    if not key:
        return "", "is blank; every row names its referral"
    if len(key) > KEY_CHARS_MAX or any(unicodedata.category(char)[0] == "C" for char in key):
        return "", f"is no key: longer than {KEY_CHARS_MAX} characters, or with control or invisible characters"
    if DAMAGED.fullmatch(key):
        return key, f"{key!r}: Excel changed this id to a number; format the column as text and export again"
    if by != "id":
        return crm_id(key), ""
    if not GUID.fullmatch(key):
        return key, f"{key!r} is no referral id; it looks like 2500ec5a-0000-0000-0000-5bf4967d0000"
    return key.lower(), ""


def crm_id(key: str) -> str:
    """Give the one form of a CRM id: a Salesforce id of 18 characters whose checksum fits becomes its first 15."""
    found = SALESFORCE.fullmatch(key)
    if found is None:
        return key
    sums = (
        CHECKSUM[sum(1 << at for at, char in enumerate(key[start : start + 5]) if char.isupper())]
        for start in (0, 5, 10)
    )
    return key[:15] if "".join(sums) == found[1] else key


def remote_key(by: str, body: Mapping[str, Any]) -> str:
    """Give the key under which a referral of the remote is found; nothing where it has none."""
    if by == "id":
        return str(body.get("id") or "").lower()
    found = text(body.get("externalReferenceId") or "")
    return crm_id(found) if found else ""


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
        if not same(path, wish.desired, other.desired, wish.zone) or not same(
            path, other.desired, wish.desired, wish.zone
        ):
            return path
    return None


def pair(desired: Desired, observed: Observed, verify: tuple[str, str] | None) -> Pair | Settled:
    """Join a row and its referral, unless the verifying column says that they do not belong together."""
    if verify is None:
        return Pair(desired, observed)
    column, path = verify
    field = BY_PATH[path]
    if meaning(field, desired.verify) == meaning(field, look(observed.body, path)) and (desired.verify or "").strip():
        return Pair(desired, observed)
    reason = f"{column}: does not agree with {field.name} of referral {observed.id}; are key and row of one deal?"
    return Settled.of_desired(desired, Cause.VERIFY_FAILED, reason, id=observed.id, etag=observed.etag)
