"""Find the referral that a row names: keys made comparable, twins parted, the verifying column compared.

A referral's id is a GUID, in any case. A CRM id is compared to the letter, case included; Salesforce writes one
id in 15 characters or in 18 (with a checksum of the case), which are the same. What Excel has turned into a
number (`1.23E+17`) is no key any more.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from syncjob.core.cells import AS_TEXT, CLEAR, DAMAGED, dirt
from syncjob.core.fields import BY_PATH, CRM_ID
from syncjob.core.values import crm_id, look, meaning, same, text
from syncjob.model import Cause, Desired, Number, Observed, Pair, Settled, dumps

GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
DIGITS_MAX = 15  # what a workbook keeps of a number
KEY_CHARS_MAX = 200
HALVES = re.compile("[\ud800-\udfff]")  # of surrogates: no cell holds them, no database takes them
TOLD_MAX = 5


def key_of(by: str, cell: str, *, numeric: bool = False) -> tuple[str, str]:
    """Give the comparable key of a cell and, where it cannot be one, why.

    A number of a workbook has lost its leading zeros and all digits beyond the fifteenth: it is refused unless keys
    are known to be plain numbers (`numeric`).
    """
    if by == "id" and type(cell) is str and GUID.fullmatch(cell):
        return cell.lower(), ""
    key = text(cell) or ""
    if not key:
        return "", "is blank; every row names its referral"
    if (
        fault := f"{CLEAR} is no key; every row names its referral"
        if key == CLEAR
        else dirt(cell) or dirt(key) or _no_key(key)
    ):
        return "", fault
    if isinstance(cell, Number) and not (numeric and key.isdecimal() and len(key) <= DIGITS_MAX):
        way_out = "" if numeric else ", or set match.numeric: true where every key is a plain number"
        return key, f"{key!r} is a number: Excel changed this id, or JSON lacks its quotes; {AS_TEXT}{way_out}"
    if DAMAGED.fullmatch(key):
        return key, f"{key!r}: Excel changed this id to a number; format the column as text and export again"
    if by != "id":
        return crm_id(key), ""
    if not GUID.fullmatch(key):
        return key, f"{key!r} is no referral id; it looks like 2500ec5a-0000-0000-0000-5bf4967d0000"
    return key.lower(), ""


def _no_key(key: str) -> str:
    if len(key) > KEY_CHARS_MAX:
        return f"is no key: longer than {KEY_CHARS_MAX} characters"
    if key.isascii() and key.isprintable():
        return ""
    return "holds invisible characters; delete them" if any(unicodedata.category(one)[0] == "C" for one in key) else ""


def remote_key(by: str, held: Any) -> str:
    """Give the key of a referral that holds this CRM id; nothing where it holds none, or rows go by id."""
    if by == "id":
        return ""
    found = text(held or "")
    return crm_id(found) if found and not HALVES.search(found) else ""


def part_twins(rows: Sequence[Desired]) -> list[Desired | Settled]:
    """Settle rows with one key: where they agree the first stays and the others are refused, else all are invalid."""
    apart = next((path for one, two in pairwise(rows) if (path := _disagree(one, two))), None)
    if apart is not None:
        places = " and ".join(str(one.row.place) for one in rows[:TOLD_MAX])
        places += f" and {len(rows) - TOLD_MAX} more" if len(rows) > TOLD_MAX else ""
        reason = f"{places} name one referral and disagree on {apart}; keep one of them"
        return [Settled.of_desired(one, Cause.TWINS_DISAGREE, reason) for one in rows]
    # Which of them stays must not depend on their order, where one meaning is spelt in two ways.
    at = min(range(len(rows)), key=lambda at: sorted(dumps([wish.path, wish.desired]) for wish in rows[at].wishes))
    first, others = rows[at], (*rows[:at], *rows[at + 1 :])
    reason = f"asks the same of the same referral as {first.row.place}"
    return [first, *(Settled.of_desired(one, Cause.TWIN_AGREES, reason) for one in others)]


def _disagree(one: Desired, two: Desired) -> str | None:
    """Name what two rows are not of one mind on; silence against a wish is two minds too."""
    if text(one.verify or "") != text(two.verify or ""):
        return "the column of match.verify"
    first, second = ({wish.path: wish for wish in desired.wishes} for desired in (one, two))
    for path in first | second:
        if path not in first or path not in second:
            return BY_PATH[path].name
        wish, other = first[path], second[path]
        if set(wish.removed) != set(other.removed):
            return BY_PATH[path].name
        if not same(path, wish.desired, other.desired, wish.zone) or not same(
            path, other.desired, wish.desired, wish.zone
        ):
            return BY_PATH[path].name
    return None


def pair(desired: Desired, observed: Observed, verify: tuple[str, str] | None) -> Pair | Settled:
    """Join a row and its referral, unless the verifying column or the referral's own CRM id says otherwise."""
    if (other := _other_crm_id(desired, observed)) is not None:
        reason = (
            f"the row is linked to referral {observed.id}, which carries the CRM id {other!r} by now; "
            "take the tick away, or settle whose referral it is"
        )
        return Settled.of_desired(desired, Cause.LINKED_OTHERWISE, reason, id=observed.id, etag=observed.etag)
    linked = bool(desired.id) and desired.id != desired.key  # by a person, who has looked at more than a spelling
    if verify is None or desired.verify is None or linked:
        return Pair(desired, observed, desired.base)
    column, path = verify
    field = BY_PATH[path]
    if meaning(field, desired.verify) == meaning(field, look(observed.body, path)) and desired.verify.strip():
        return Pair(desired, observed, desired.base)
    at = desired.row.at(column)
    there = f"{field.name} of referral {observed.id}"
    said = f"says {desired.verify!r} where {there} says {text(look(observed.body, path) or '')!r}"
    if field.private:
        said = f"does not agree with {there}"
    reason = f"{at}: {said}; are key and row of one deal?"
    return Settled.of_desired(desired, Cause.VERIFY_FAILED, reason, id=observed.id, etag=observed.etag)


def _other_crm_id(desired: Desired, observed: Observed) -> str | None:
    """Give the CRM id of a linked referral where it is not the row's; a row that names a referral itself has none."""
    if not desired.id or desired.id == desired.key:
        return None
    held = text(look(observed.body, CRM_ID) or "")
    return held if held and crm_id(held) != desired.key else None
