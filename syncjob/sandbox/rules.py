"""The written rules of a write: a path and a value in, the value as the API keeps it or a refusal out.

Writable are the paths that the certified connector offers and those its users edit in the portal. Deal registration is
left out: it concerns closed referrals only, and here a closed referral takes no patch at all.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from syncjob.sandbox.refusals import invalid

TEAM_SIZE_MAX = 50

MOVES: dict[str, tuple[str, ...]] = {
    "New": ("New", "Active", "Closed"),
    "Active": ("Active", "Closed"),
    "Closed": (),
}
SUBSTATUSES: dict[str, tuple[str, ...]] = {
    "New": ("Pending", "Received"),
    "Active": ("Accepted",),
    "Closed": ("Won", "Lost", "Declined", "Expired"),
}

_CURRENCY = re.compile(r"[A-Z]{3}")
_TIMESTAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,7})?(?:Z|[+-]\d\d:\d\d)")


def kept(path: str, value: Any) -> Any:
    """The value as the referral keeps it once it was written at `path`; raises RefusedError 400."""
    rule = WRITABLE.get(path)
    if rule is not None:
        return rule(path, value)
    if path in PARENTS and isinstance(value, dict):
        return {name: kept(f"{path}/{name}", below) for name, below in value.items()}
    raise invalid(f"The path {path} cannot be changed.", target=path)


def judge_status(before: Mapping[str, Any], after: Mapping[str, Any], paths: Collection[str]) -> None:
    """Status and substatus go together, agree with each other and follow the table; raises RefusedError 400."""
    named = ("/status" in paths) + ("/substatus" in paths)
    if not named:
        return
    status, substatus = after.get("status"), after.get("substatus")
    if named == 1:
        raise invalid("status and substatus must be changed in one patch.", target="status")
    if substatus not in SUBSTATUSES.get(str(status), ()):
        raise invalid(f"Substatus {substatus} does not belong to status {status}.", target="substatus")
    if status not in MOVES.get(str(before.get("status")), ()):
        raise invalid(f"Status {before.get('status')} may not become {status}.", target="status")


def _text(path: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise invalid(f"{path} must be a string.", target=path)


def _demanded_text(path: str, value: Any) -> str:
    if isinstance(value, str) and value:
        return value
    raise invalid(f"{path} must be a string that is not empty.", target=path)


def _flag(path: str, value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise invalid(f"{path} must be true or false.", target=path)


def _number(path: str, value: Any) -> float | None:
    """A number, or the string of one as the documents send it; GET gives a number either way."""
    if value is None:
        return None
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if number.is_finite() and math.isfinite(float(number)):
            return int(number) if number == number.to_integral_value() else float(number)
    raise invalid(f"{path} must be a number.", target=path)


def _currency(path: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and (not value or _CURRENCY.fullmatch(value))):
        return value
    raise invalid(f"{path} must be a currency code of ISO 4217.", target=path)


def _timestamp(path: str, value: Any) -> str | None:
    if value is None or value == "":
        return _text(path, value)
    match = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    with contextlib.suppress(ValueError):
        if match and datetime.fromisoformat(match[1] + "Z"):
            return match[0]
    raise invalid(f"{path} must be a timestamp such as 2026-03-31T00:00:00Z.", target=path)


def _member(path: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise invalid(f"{path} must hold objects.", target=path)


def _members(path: str, value: Any) -> list[Any] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise invalid(f"{path} must be a list.", target=path)
    return [_member(path, member) for member in value]


WRITABLE: dict[str, Callable[[str, Any], Any]] = {
    "/name": _text,
    "/externalReferenceId": _text,
    "/status": _demanded_text,
    "/substatus": _demanded_text,
    "/statusReason": _text,
    "/salesStage": _text,
    "/campaignId": _text,
    "/referralProgram": _text,
    "/qualification": _text,
    "/favorite": _flag,
    "/consent/consentToShareReferralWithMicrosoftSellers": _flag,
    "/customerProfile/team": _members,
    "/customerProfile/team/-": _member,
    "/details/closingDateTime": _timestamp,
    "/details/currency": _currency,
    "/details/customerAction": _text,
    "/details/customerRequestedContact": _text,
    "/details/dealValue": _number,
    "/details/notes": _text,
    "/details/requirements/solutions": _members,
    "/details/requirements/solutions/-": _member,
    "/inviteContext/notes": _text,
    "/team": _members,
    "/team/-": _member,
}
PARENTS = frozenset({"/consent", "/customerProfile", "/details", "/details/requirements", "/inviteContext"})
